"""`tamis plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.cli.options import json_option, load, recipe_argument, set_option, variant_option, work_option
from tamis.cli.stages import rule_lines


@click.command("plan")
@recipe_argument
@set_option
@variant_option
@work_option
@click.option("--rules", is_flag=True, help="List every keep rule and `when` that would be in force.")
@json_option
def command(recipe: str, settings: tuple[str, ...], variant: str, work: Path, rules: bool, as_json: bool) -> None:
    """Show what a run of RECIPE would read, measure and write. Reads no text.

    Checks the whole recipe on the way: every column, rule, licence, language and model it names.
    """
    from tamis.cli.output import busy, print_json
    from tamis.corpus.store import Store
    from tamis.engine.plan import plan
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session

    loaded, base = load(recipe, settings, variant=variant)
    with busy("looking for inputs"):
        facts = plan(Session(loaded, base, Store(work), 1, Silent()))
    if as_json:
        print_json(facts)
        return
    _show(facts)
    if rules:
        _show_rules(facts["stages"])
    else:
        click.echo("\n--rules lists the rules one by one")


def _show(facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, number, size, table

    measuring = facts["readings_of_text"] - 1
    console.print(
        f"[bold]{escape(facts['name'])} {escape(facts['version'])}[/bold]: the text is read {measuring} "
        f"{'time' if measuring == 1 else 'times'} to measure it, and once to write the release\n"
    )
    table(
        "Sources",
        ("source", "files", "size", "ingested", "documents", "language, category, licence"),
        [
            (
                s["source"], number(s["files"]), size(s["bytes"]), f"{s['groups'] - s['to_ingest']} of {s['groups']}",
                number(s["documents"]) if s["documents"] else "",
                ", ".join((s["language"], s["category"] or "no category", s["license"])),
            )
            for s in facts["sources"]
        ],
        right=(1, 2, 3, 4),
    )  # fmt: skip
    console.print()
    table(
        "Stages",
        ("stage", "version", "reading", "measured", "rules", "when"),
        [
            (
                _called(s), s["version"], s["reading"] or "resolver", _measured(s, facts), len(_rules(s)) or "",
                ", ".join(f"{column} {rule}" for column, rule in s["when"].items()),
            )
            for s in facts["stages"]
        ],
        right=(1, 2, 3, 4),
    )  # fmt: skip
    for stage in facts["fitted"]:
        click.echo(f"\n{stage}: its model is trained in the run, on a sample of the ingested text")


def _called(stage: dict[str, Any]) -> str:
    """What the recipe calls a stage, and which it is."""
    return stage["stage"] if stage["stage"] == stage["of"] else f"{stage['stage']} ({stage['of']})"


def _measured(stage: dict[str, Any], facts: dict[str, Any]) -> str:
    """Shards that have a signal file of the stage."""
    files = stage["signal_files"]
    if not files:
        return ""
    # Before all is ingested, nobody knows how many shards there will be.
    return f"{files['cached']} of {files['of'] if facts['ingested'] else '?'}"


def _rules(stage: dict[str, Any]) -> dict[str, list[str]]:
    """Every rule of a stage by signal, with what it is for single values of a column."""
    by_signal: dict[str, dict[str, dict[str, str]]] = {signal: {} for signal in stage["keep"]}
    for column, by_value in stage["keep_by"].items():
        for value, rules in by_value.items():
            for signal, rule in rules.items():
                by_signal.setdefault(signal, {}).setdefault(column, {})[value] = rule
    return {signal: rule_lines(stage["keep"].get(signal), by) for signal, by in by_signal.items()}


def _show_rules(stages: list[dict[str, Any]]) -> None:
    from tamis.cli.output import console, table

    rows = []
    for stage in stages:
        lines = [(f"when {column}", rule) for column, rule in stage["when"].items()]
        lines += [(signal, "; ".join(rules)) for signal, rules in _rules(stage).items()]
        # The name of a stage stands once.
        rows += [("" if number else stage["stage"], *line) for number, line in enumerate(lines)]
    console.print()
    table("Rules", ("stage", "column", "allowed"), rows)
