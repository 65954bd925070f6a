"""`tamis diff`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import json_option, writing_to
from tamis.errors import OptionError

if TYPE_CHECKING:
    from rich.text import Text

    from tamis.corpus.changes import PartRow, ReleaseChanges, SettingChange
    from tamis.engine.document_changes import Side

DIFFERENT = 3
_ROWS = 25
_LETTERS = 60
_KINDS = ("source", "language", "category", "license")
_HEADLINES = {
    "documents": "documents", "tokens": "tokens", "mixed_tokens": "tokens with repeats", "chars": "characters",
    "ingested": "documents read",
}  # fmt: skip


@click.command("diff")
@click.argument("before", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("after", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--ids", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write every document to which something happened to FILE (.parquet, .csv or .jsonl): id, change, before, "
    "after, source, language, category, license, tokens.",
)  # fmt: skip
@click.option("--exit-code", is_flag=True, help="Exit 3 when the two differ, 0 when they don't.")
@json_option
@click.pass_context
def command(ctx: click.Context, before: Path, after: Path, ids: Path | None, exit_code: bool, as_json: bool) -> None:
    """Tell what changed between two releases, the folders BEFORE and AFTER.

    Settings and amounts come from the manifests, documents from the ledgers, joined by id on disk: memory stays
    bounded. Texts are read only where a source's files or the edits differ. Exits 0 whether or not the two differ,
    unless --exit-code is given.

    \b
    tamis diff releases/my-1.0.0 releases/my-1.1.0
    tamis diff releases/my-1.0.0 releases/my-1.1.0 --ids moved.csv
    """
    from tamis.cli.output import busy, print_json
    from tamis.corpus.manifest import read_manifest
    from tamis.engine.document_changes import Side
    from tamis.engine.id_file import IdFile
    from tamis.engine.release_changes import changes_between

    sides = (Side(read_manifest(before), before), Side(read_manifest(after), after))
    if ids is not None and ids.suffix not in IdFile.SUFFIXES:
        raise OptionError(f"--ids {ids}: the name ends in one of {', '.join(IdFile.SUFFIXES)}; got {ids.suffix!r}")
    with busy(f"comparing {before.name} and {after.name}"):
        if ids is None:
            found = changes_between(*sides)
        else:
            with writing_to(ids), IdFile(ids) as file:
                found = changes_between(*sides, each=file.add)
    if as_json:
        print_json(_json(sides, found))
    else:
        _show(sides, found, ids)
    ctx.exit(DIFFERENT if exit_code and not found.same else 0)


def _json(sides: Sequence[Side], found: ReleaseChanges) -> dict[str, Any]:
    summary = found.summary
    told = [
        {
            "release": str(side.folder),
            "name": side.manifest.name,
            "version": side.manifest.version,
            "identity": side.manifest.identity,
            "totals": totals,
        }
        for side, totals in zip(sides, (summary.totals_before, summary.totals), strict=True)
    ]
    documents = summary.documents
    return {
        "before": told[0],
        "after": told[1],
        "same": found.same,
        "documents": {"added": documents.added, "removed": documents.removed, **documents.model_dump()},
        "moves": [row.model_dump() for row in found.moves],
        "parts": [row.model_dump() for row in found.parts],
        "settings": [one.model_dump() for one in summary.settings],
    }


def _show(sides: Sequence[Side], found: ReleaseChanges, ids: Path | None) -> None:
    from tamis.cli.output import console, escape, number

    names = [f"{side.manifest.name}-{side.manifest.version}" for side in sides]
    console.print(f"[bold]{escape(names[0])}[/bold] → [bold]{escape(names[1])}[/bold]")
    if found.same:
        console.print("no difference: settings, software, documents, texts and copies are the same")
        return
    documents = found.summary.documents
    for sign, style, count, what in (
        ("+", "green", documents.added, f"{number(documents.new)} new, {number(documents.now_kept)} dropped before"),
        ("−", "red", documents.removed, f"{number(documents.now_dropped)} dropped now, {number(documents.gone)} gone"),
        ("~", "yellow", documents.changed_text, "with another text"),
        ("~", "yellow", documents.changed_copies, "drawn another number of times"),
        ("~", "yellow", documents.changed_labels, "of another source, language, category or licence"),
    ):
        if count or sign != "~":
            console.print(f"  [{style}]{sign}{number(count)}[/{style}] documents: {what}")
    console.print()
    _amounts(found, [side.manifest.version for side in sides])
    _settings(found.summary.settings)
    _moves(found)
    for kind in _KINDS:
        _parts(kind, [row for row in found.parts if row.kind == kind])
    if ids is not None:
        console.print(f"wrote the documents to {escape(str(ids))}")


def _amounts(found: ReleaseChanges, versions: Sequence[str]) -> None:
    from tamis.cli.output import number, table

    before, after = found.summary.totals_before, found.summary.totals
    rows = [
        (title, number(before[key]), number(after[key]), _delta(before[key], after[key]))
        for key, title in _HEADLINES.items()
        if before[key] or after[key]
    ]
    table("", ("", *versions, "difference"), rows, right=(1, 2, 3))


def _settings(settings: Sequence[SettingChange]) -> None:
    from tamis.cli.output import console, number, table

    console.print()
    if not settings:
        console.print("no source file, rule, option, model or version differs")
        return
    rows = [(one.area, one.name, _value(one.before), _value(one.after)) for one in settings[:_ROWS]]
    table("set or recorded otherwise", ("what", "name", "before", "now"), rows)
    if len(settings) > _ROWS:
        console.print(f"... and {number(len(settings) - _ROWS)} more: --json lists all")


def _moves(found: ReleaseChanges) -> None:
    from tamis.cli.output import console, number, table
    from tamis.corpus.changes import RELEASED

    console.print()
    if not found.moves:
        console.print("every document has the fate that it had")
        return
    styles = {(True, False): "red", (False, True): "green"}
    rows = []
    for row in found.moves[:_ROWS]:
        style = styles.get((row.before == RELEASED, row.after == RELEASED), "dim")
        rows.append((_styled(row.before, style), _styled(row.after, style), number(row.documents), number(row.tokens)))
    table("what became of documents", ("before", "now", "documents", "tokens"), rows, right=(2, 3))
    if len(found.moves) > _ROWS:
        console.print(f"... and {number(len(found.moves) - _ROWS)} more: --json lists all")


def _parts(kind: str, parts: Sequence[PartRow]) -> None:
    from tamis.cli.output import console, number, table

    if not parts:
        return
    console.print()
    ordered = sorted(parts, key=lambda row: (-row.added - row.removed, row.name))
    rows = [
        (
            row.name,
            number(row.documents_before),
            number(row.documents_after),
            _styled(f"+{number(row.added)}", "green" if row.added else "dim"),
            _styled(f"−{number(row.removed)}", "red" if row.removed else "dim"),
            _delta(row.tokens_before, row.tokens_after),
        )
        for row in ordered[:_ROWS]
    ]
    header = ({"license": "licence"}.get(kind, kind), "documents before", "now", "came", "left", "tokens")
    table("", header, rows, right=(1, 2, 3, 4, 5))
    if len(parts) > _ROWS:
        console.print(f"... and {number(len(parts) - _ROWS)} more: --json lists all")


def _delta(before: int, after: int) -> str:
    from tamis.cards.changes import delta

    return delta(before, after)


def _styled(value: str, style: str) -> Text:
    from rich.text import Text

    return Text(value, style=style)


def _value(value: str) -> str:
    return (value if len(value) <= _LETTERS else f"{value[: _LETTERS - 3]}...") or "-"
