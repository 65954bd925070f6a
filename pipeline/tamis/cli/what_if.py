"""`tamis what-if`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.cli.options import json_option, load, recipe_argument, set_option, work_option


@click.command("what-if")
@recipe_argument
@set_option
@work_option
@json_option
def command(recipe: str, settings: tuple[str, ...], work: Path, as_json: bool) -> None:
    """Show what RECIPE would keep and drop with changed settings (--set). Nothing is run or written.

    Answers from the signals of the last run, in seconds. Documents whose verdict is not known, because a
    stage that would judge them never measured them, are counted as such.

    \b
    tamis what-if my.yaml --set gopher_quality.keep.words=30,
    tamis what-if my.yaml --set near_duplicates.min_similarity=0.8 --set mix.epochs.fr--book=3
    """
    from tamis.cli.output import print_json
    from tamis.corpus.store import Store
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session
    from tamis.engine.what_if import what_if

    if not settings:
        raise click.UsageError("say what to change: --set gopher_quality.keep.words=30,")
    store = Store(work)
    before, base = load(recipe, ())
    after, _ = load(recipe, settings)
    sessions = [Session(one, base, store, 1, Silent()) for one in (before, after)]
    with store.lock():
        facts = {"changes": list(settings), **what_if(*sessions)}
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _show(facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, number, table

    console.print(f"[bold]{', '.join(facts['changes'])}[/bold]\n")
    columns = ("documents", "gained", "lost", "unknown", "tokens", "gained", "lost", "with repeats")

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        return (
            _change(row, "documents"), f"+{number(row['documents_gained'])}", f"-{number(row['documents_lost'])}",
            number(row["documents_unknown"]), _change(row, "tokens"), f"+{number(row['tokens_gained'])}",
            f"-{number(row['tokens_lost'])}", _change(row, "mixed_tokens"),
        )  # fmt: skip

    table("", columns, [cells(facts)], right=range(8))
    for key, title in (("by_language", "language"), ("by_category", "category"), ("by_source", "source")):
        console.print()
        table("", (title, *columns), [(row[title], *cells(row)) for row in facts[key]], right=range(1, 9))
    for key, title in (("lost_to", "lost to"), ("gained_from", "gained from")):
        if facts[key]:
            listed = ", ".join(f"{reason} ({number(count)})" for reason, count in facts[key].items())
            console.print(f"\n{title}: {listed}")
    if facts["documents_unknown"]:
        console.print(
            f"\n{number(facts['documents_unknown'])} documents are unknown ({number(facts['unknown_now_released'])} of them "
            "in the release now): a stage that would judge them has not measured them, or a duplicate of theirs. "
            "`tamis run` with the change measures just those"
        )


def _change(row: dict[str, Any], what: str) -> str:
    from tamis.cli.output import number

    before, after = row[f"{what}_before"], row[f"{what}_after"]
    return number(after) if before == after else f"{number(before)} -> {number(after)}"
