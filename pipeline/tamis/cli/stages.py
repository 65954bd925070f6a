"""`tamis stages`."""

from __future__ import annotations

from typing import Any

import click

from tamis.cli.options import json_option
from tamis.corpus.stage import Stage


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
            print_json([stage_facts(stage) for stage in STAGES])
            return
        table(
            "",
            ("stage", "adds", "what it measures"),
            [(s.name, len(s.adds), s.title) for s in STAGES],
            right=(1,),
        )
        click.echo("\ntamis stages NAME documents one")
        return
    try:
        stage = STAGES.get(name)
    except RecipeError as error:
        raise OptionError(str(error)) from None
    facts = stage_facts(stage)
    if as_json:
        print_json(facts)
    else:
        _show(stage, facts)


def _show(stage: Stage, facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, table

    console.print(f"[bold]{stage.name}[/bold] v{stage.version}: {stage.title}\n")
    console.print(stage.about.strip(), markup=False)
    console.print(f"\nreads: {', '.join(stage.reads) or 'no column (the sketches of others)'}\n")
    table(
        "Signals (columns it adds)",
        ("signal", "type", "unit", "kept by default", "meaning"),
        [(s["name"], s["type"], s["unit"], s["default"], s["meaning"]) for s in facts["signals"]],
    )
    console.print()
    table(
        "Options",
        ("option", "type", "default", "meaning"),
        [(o["name"], o["type"], o["default"], o["meaning"]) for o in facts["options"]],
    )
    console.print("\nEvery stage also takes: keep, keep_by, when, exhaustive (docs/recipes.md)", markup=False)
