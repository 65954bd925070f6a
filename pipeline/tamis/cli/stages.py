"""`tamis stages`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from tamis.cli.options import json_option


@click.command("stages")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the stages in their recommended order, or document stage NAME."""
    from tamis.cli.output import print_json, table
    from tamis.errors import OptionError, RecipeError
    from tamis.recipe.stage_docs import stage_facts
    from tamis.stages import STAGES

    if name is None:
        if as_json:
            print_json({"stages": [stage_facts(stage) for stage in STAGES]})
            return
        table("", ("stage", "adds", "what it measures"), [(s.name, len(s.adds), s.title) for s in STAGES], right=(1,))
        click.echo("\ntamis stages NAME documents one")
        return
    try:
        facts = stage_facts(STAGES.get(name))
    except RecipeError as error:
        raise OptionError(str(error)) from None
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _show(facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, table

    console.print(f"[bold]{escape(facts['name'])}[/bold] v{facts['version']}: {escape(facts['title'])}\n")
    for paragraph in facts["about"].split("\n\n"):
        # An indented example stays as it is; prose is wrapped by the terminal's width.
        lines = paragraph if paragraph[:1].isspace() else " ".join(paragraph.split())
        console.print(f"{escape(lines)}\n")
    if reads(facts):
        console.print(f"Reads {escape(reads(facts))}.\n")
    if facts["signals"]:
        table(
            "Signals (columns it adds)",
            ("signal", "type", "unit", "kept by default", "meaning"),
            [(s["name"], s["type"], s["unit"], "; ".join(default_rules(s)), s["meaning"]) for s in facts["signals"]],
        )
    sources = [f"{', '.join(signals)}: {citation}" for citation, signals in citations(facts).items()]
    if sources:
        console.print("\nWhere the defaults come from")
        console.print(escape("\n".join(sources)))
    if facts["options"]:
        console.print()
        table(
            "Options",
            ("option", "type", "default", "meaning"),
            [(o["name"], o["type"], spelled(o["default"]), o["meaning"]) for o in facts["options"]],
        )
    console.print("\nEvery stage also takes keep, keep_by, when and exhaustive: see docs/recipes.md", markup=False)


def reads(facts: dict[str, Any]) -> str:
    """What a stage looks at."""
    columns = ", ".join(facts["reads"])
    return ", ".join(filter(None, [columns, "the sketches of the whole corpus" if facts["resolver"] else ""]))


def default_rules(signal: dict[str, Any]) -> list[str]:
    """The default rule of a signal, then those for single values of a column."""
    return rule_lines(signal["default"], signal["default_by"])


def rule_lines(rule: str | None, by: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A rule and what takes its place by column and value, equal ones together: `language de, nl: [3, 12]`."""
    lines = [rule] if rule else []
    for column, by_value in by.items():
        values: dict[str, list[str]] = {}
        for value, instead in by_value.items():
            values.setdefault(instead, []).append(value)
        lines += [f"{column} {', '.join(same)}: {instead}" for instead, same in values.items()]
    return lines


def citations(facts: dict[str, Any]) -> dict[str, list[str]]:
    """Where default rules come from, each with the signals it is said of."""
    found: dict[str, list[str]] = {}
    for signal in facts["signals"]:
        if signal["citation"]:
            found.setdefault(signal["citation"], []).append(signal["name"])
    return found


def spelled(default: Any) -> str:
    """A default as a recipe writes it."""
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    if isinstance(default, list):
        return f"[{', '.join(map(spelled, default))}]"
    if isinstance(default, str) and not default.isprintable():
        return json.dumps(default, ensure_ascii=False)
    return str(default)
