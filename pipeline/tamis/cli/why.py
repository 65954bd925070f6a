"""`tamis why`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.cli.options import json_option, load, set_option, variant_option, work_option

_LONG = 24


@click.command("why")
@click.argument("document", metavar="ID")
@click.argument("recipe", default="sample", metavar="[RECIPE]")
@set_option
@variant_option
@work_option
@json_option
def command(
    document: str, recipe: str, settings: tuple[str, ...], variant: str, work: Path, as_json: bool
) -> None:  # fmt: skip
    """Tell the whole story of document ID in RECIPE: signals, rules, duplicates, copies.

    Ids stand in the ledger and in the release's `id` column. No text is shown.
    """
    from tamis.cli.output import busy, print_json
    from tamis.corpus.store import Store
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session
    from tamis.engine.why import why

    loaded, base = load(recipe, settings, variant=variant)
    store = Store(work)
    with busy("looking it up"), store.lock():
        story = why(Session(loaded, base, store, 1, Silent()), document)
    if as_json:
        print_json(story)
    else:
        _show(story)


def _show(story: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, number, table

    facts = [
        story["language"] or "language unknown",
        story["category"] or "no category",
        story["license"] or "licence unknown",
        story["date"],
        f"{number(story['chars'])} characters",
    ]
    console.print(f"[bold]{escape(story['id'])}[/bold]")
    console.print(escape(", ".join(fact for fact in facts if fact)))
    if story["url"]:
        console.print(escape(story["url"]))
    console.print()
    rows = [row for stage in story["stages"] for row in _rows(stage)]
    table("", ("stage", "signal", "value", "rule", ""), rows, right=(2,))
    console.print()
    for line in _verdict(story):
        console.print(escape(line))


def _rows(stage: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The table's rows of one stage; its name stands in the first."""
    from rich.text import Text

    if stage["state"] != "measured":
        why = stage["state"]
        if why == "outside when":
            why = "only for " + ", ".join(f"{column} {rule}" for column, rule in stage["when"].items())
        return [(stage["stage"], Text(why, style="dim"), "", "", "")]
    rules = {rule["signal"]: rule for rule in stage["rules"]}
    rows: list[tuple[Any, ...]] = []
    for signal, value in stage["signals"].items():
        rule = rules.get(signal)
        name = "" if rows else stage["stage"]
        if rule is None:
            rows.append((name, signal, _value(value), "", ""))
            continue
        allowed = rule["allowed"] + (f" as {rule['where']}" if rule["where"] else "")
        verdict = "passes" if rule["passed"] else Text("fails", style="red")
        rows.append((name, signal, _value(value), allowed, verdict))
    return rows


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    # A long id stands in full below the table.
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _cell(mix: dict[str, Any]) -> str:
    """Part and bucket of quality, where the mix cuts by them."""
    words = [f"a {mix['part']} document"] if mix.get("part") else []
    if mix.get("quality") is not None:
        words.append(f"quality to quantile {mix['quality']:g}")
    elif "quality" in mix:
        words.append("quality not known")
    return f"; {', '.join(words)}" if words else ""


def _verdict(story: dict[str, Any]) -> list[str]:
    from tamis.cli.output import number

    lines = []
    other = story["duplicate"]
    if other is not None:
        similarity = "" if other["similarity"] is None else f", similarity {other['similarity']:.2f}"
        lines.append(
            f"{other['stage']}: {other['id']} stays in its place{similarity} "
            f"(source priority {other['priority']}, {number(other['chars'])} characters); that one is {_fate(other)}."
        )
    count = story["mix"]["epochs"]
    epochs = f"{count:g} {'epoch' if count == 1 else 'epochs'} ({story['mix']['from']}{_cell(story['mix'])})"
    if story["released"]:
        lines.append(f"Released: {_fate(story).removeprefix('released, ')} at {epochs}.")
    elif story["released"] is None:
        lines.append(
            f"Not decided: {story['unknown_for_want_of']} has not measured it, or a document that it may "
            "duplicate. `tamis run` does."
        )
    elif story["dropped_by"] == "mix.epochs":
        lines.append(f"Passes every rule, but at {epochs} the mix draws no copy of it.")
    else:
        also = [rule for rule in story["failed"] if rule != story["dropped_by"]]
        lines.append(f"Dropped by {story['dropped_by']}{'; fails ' + ', '.join(also) + ' as well' if also else ''}.")
    return lines


def _fate(facts: dict[str, Any]) -> str:
    if facts["released"] is None:
        return "not decided yet"
    if not facts["released"]:
        return f"dropped by {facts['dropped_by']}"
    return f"released, {facts['copies']} {'copy' if facts['copies'] == 1 else 'copies'}"
