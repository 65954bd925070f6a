"""`tamis why`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, load, set_option, work_option


@click.command("why")
@click.argument("document", metavar="ID")
@click.argument("recipe", default="sample", metavar="[RECIPE]")
@set_option
@work_option
@json_option
def command(document: str, recipe: str, settings: tuple[str, ...], work: Path, as_json: bool) -> None:
    """Tell the whole story of document ID in RECIPE: signals, rules, duplicates, copies.

    Ids stand in the ledger and in the release's `id` column. No text is shown.
    """
    from tamis.cli.output import console, number, print_json, table
    from tamis.corpus.store import Store
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session
    from tamis.engine.why import why

    loaded, base = load(recipe, settings)
    store = Store(work)
    with store.lock():
        story = why(Session(loaded, base, store, 1, Silent()), document)
    if as_json:
        print_json(story)
        return
    console.print(
        f"[bold]{story['id']}[/bold]: {story['language'] or 'unknown language'}, {story['category'] or 'no category'}, "
        f"{story['license'] or 'licence unknown'}, {number(story['chars'])} characters"
    )
    rows = []
    for stage in story["stages"]:
        if not stage["measured"]:
            rows.append(
                (stage["stage"], "", "", "", "not measured" if stage["reached"] else "dropped before")
            )
        rules = {rule["signal"]: rule for rule in stage["rules"]}
        for signal, value in stage["signals"].items():
            rule = rules.get(signal)
            verdict = "" if rule is None else "passes" if rule["passed"] else "[red]fails[/red]"
            rows.append((stage["stage"], signal, value, rule["allowed"] if rule else "", verdict))
    table("", ("stage", "signal", "value", "allowed", ""), rows, right=(2,))
    if story["dropped_by"] == "mix.epochs":
        console.print(f"\npassed every rule; at {story['epochs']:g} epochs the mix draws no copy of it")
    elif story["dropped_by"]:
        console.print(
            f"\ndropped by [bold]{story['dropped_by']}[/bold]; all failed rules: {', '.join(story['failed'])}"
        )
    else:
        console.print(
            f"\nreleased, {story['copies']} {'copy' if story['copies'] == 1 else 'copies'} at {story['epochs']:g} epochs"
        )
