"""`tamis what-if`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from tamis.cli.options import (
    json_option,
    load_both,
    print_json,
    recipe_argument,
    set_option,
    variant_option,
    work_option,
)

_OF_TOKENS = ("tokens", "gained", "lost", "in the mix")
"""Columns of a recipe that counts tokens."""


@click.command("what-if")
@recipe_argument
@set_option
@variant_option
@work_option
@json_option
def command(recipe: str, settings: tuple[str, ...], variant: str, work: Path, as_json: bool) -> None:
    """Show what RECIPE would keep and drop with changed settings (--set, --variant). Nothing is run or written.

    Answers from the signals of the last run, in seconds: documents and tokens gained and lost, in all and by
    language, category and source. A document whose fate hangs on something that was never measured is
    counted as unknown; for all others the answer is the one a run would give.

    \b
    tamis what-if my.yaml --set gopher_quality.keep.words=30,
    tamis what-if my.yaml --set near_duplicates.min_similarity=0.8 --set mix.epochs.fr--book=3
    """
    from tamis.corpus.store import Store
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session
    from tamis.engine.what_if import what_if

    if not settings and not variant:
        raise click.UsageError("say what to change: --set gopher_quality.keep.words=30,")
    store = Store(work)
    before, after, base = load_both(recipe, settings, variant)
    sessions = [Session(one, base, store, 1, Silent()) for one in (before, after)]
    with _busy(), store.lock():
        facts = {"changes": [*([f"variant {variant}"] if variant else []), *settings], **what_if(*sessions)}
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _busy() -> AbstractContextManager[None]:
    """Shows on a terminal that something goes on; elsewhere, the library that draws isn't even loaded."""
    if not sys.stderr.isatty():
        return nullcontext()
    from tamis.cli.output import busy

    return busy("deciding anew")


def _show(facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, number, table

    console.print(f"[bold]{escape(', '.join(facts['changes']))}[/bold]\n")
    table("", ("", "now", "then", "gained", "lost", "unknown"), _totals(facts), right=range(1, 6))
    columns = ("documents", "gained", "lost", "unknown", *(_OF_TOKENS if _counted(facts) else ()))
    for key, title in (("by_language", "language"), ("by_category", "category"), ("by_source", "source")):
        changed = [row for row in facts[key] if _changes(row)]
        if changed:
            console.print()
            rows = [_group(row, title)[: len(columns) + 1] for row in changed]
            table("", (title, *columns), rows, right=range(1, len(columns) + 1))
            same = len(facts[key]) - len(changed)
            if same:
                console.print(f"{number(same)} more without a change", style="dim")
    notes = list(_notes(facts))
    if notes:
        console.print()
    for note in notes:
        console.print(escape(note))


def _totals(facts: dict[str, Any]) -> list[tuple[str, ...]]:
    from tamis.cli.output import number

    def row(title: str, name: str, *changes: str) -> tuple[str, ...]:
        return (title, number(facts[f"{name}_before"]), number(facts[f"{name}_after"]), *changes)

    documents = row("documents", "documents", *_signed(facts, "documents"), _some(facts["documents_unknown"]))
    if not _counted(facts):
        return [documents]
    return [
        documents,
        row("tokens", "tokens", *_signed(facts, "tokens"), ""),
        row("in the mix, repeats counted", "mixed_tokens", "", "", ""),
    ]


def _counted(facts: dict[str, Any]) -> bool:
    """Whether the recipe counts tokens."""
    return bool(facts["tokens_before"] or facts["tokens_after"] or facts["after_without_tokens"])


def _group(row: dict[str, Any], title: str) -> tuple[str, ...]:
    from tamis.cli.output import number

    return (
        row[title],
        number(row["documents_after"]),
        *_signed(row, "documents"),
        _some(row["documents_unknown"]),
        number(row["tokens_after"]),
        *_signed(row, "tokens"),
        _difference(row, "mixed_tokens"),
    )


def _difference(row: dict[str, Any], what: str) -> str:
    from tamis.cli.output import number

    change = row[f"{what}_after"] - row[f"{what}_before"]
    return f"{'+' if change > 0 else ''}{number(change)}" if change else ""


def _signed(row: dict[str, Any], what: str) -> tuple[str, str]:
    gained, lost = _some(row[f"{what}_gained"]), _some(row[f"{what}_lost"])
    return f"+{gained}" if gained else "", f"-{lost}" if lost else ""


def _some(count: int) -> str:
    """A count, or nothing for none: what changes stands out."""
    from tamis.cli.output import number

    return number(count) if count else ""


def _changes(row: dict[str, Any]) -> bool:
    changes = ("documents_gained", "documents_lost", "documents_unknown", "after_without_tokens")
    same = all(row[f"{name}_before"] == row[f"{name}_after"] for name in ("documents", "tokens", "mixed_tokens"))
    return not same or any(row[name] for name in changes)


def _notes(facts: dict[str, Any]) -> list[str]:
    from tamis.cli.output import number

    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {number(count)}" for name, count in counts.items())

    notes = []
    if not _changes(facts):
        notes.append("The release would not change.")
    if facts["lost_to"]:
        notes.append(f"Lost to: {listed(facts['lost_to'])}.")
    if facts["gained_from"]:
        notes.append(f"Gained from: {listed(facts['gained_from'])}.")
    if facts["after_without_tokens"]:
        notes.append(
            f"Without a token count yet, and in no count of tokens: {number(facts['after_without_tokens'])} of the "
            f"{number(facts['documents_after'])} documents."
        )
    if facts["documents_unknown"]:
        notes.append(
            f"Unknown, as not measured: {listed(facts['unknown_for_want_of'])}. Of them, "
            f"{number(facts['released_unknown'])} ({number(facts['released_unknown_tokens'])} tokens) are in the "
            "release now; they are in no other column."
        )
    if facts["mix_unsettled"]:
        notes.append(
            "The mix is planned from the tokens known so far: a run, which counts the others too, may draw a little "
            "otherwise."
        )
    if facts["documents_unknown"] or facts["after_without_tokens"]:
        notes.append("`tamis run` with the change measures what is missing, and no more.")
    return notes
