"""`tamis presets`."""

from __future__ import annotations

from typing import Any

import click

from tamis.cli.options import json_option


@click.command("presets")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the presets, or print preset NAME as YAML: to read, or to paste into a recipe and change.

    A recipe takes one by `- preset: NAME` among its stages; docs/presets.md tells where each threshold comes from.
    """
    from tamis.cli.output import print_json, table
    from tamis.errors import OptionError, RecipeError
    from tamis.recipe.presets import preset_names, read_preset

    if name is None:
        presets = [read_preset(one) for one in preset_names()]
        if as_json:
            print_json({"presets": [_facts(preset) for preset in presets]})
            return
        table("", ("preset", "stages", "what it is"), [(p.name, ", ".join(p.stage_names), p.title) for p in presets])
        click.echo("\ntamis presets NAME prints one as YAML, every threshold spelled out")
        return
    try:
        preset = read_preset(name)
    except RecipeError as error:
        raise OptionError(str(error)) from None
    if as_json:
        print_json(_facts(preset))
    else:
        click.echo(as_recipe(preset), nl=False)


def _facts(preset: Any) -> dict[str, Any]:
    from tamis.recipe.presets import spelled_out
    from tamis.stages import STAGES

    return {
        "name": preset.name,
        "title": preset.title,
        "about": preset.about,
        "source": dict(preset.source),
        "stages": spelled_out(preset, STAGES),
    }


def as_recipe(preset: Any) -> str:
    """The preset as a part of a recipe, what it is in a comment above."""
    from tamis.recipe.presets import spelled_out
    from tamis.recipe.yaml_text import as_yaml
    from tamis.stages import STAGES

    lines = [f"{preset.title}.", "", *preset.about.strip().split("\n")]
    head = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    fields = f"# Fields of a source, as `preset: {preset.name}` there fills them in:\n" if preset.source else ""
    fields += "".join(f"# {line}\n" for line in as_yaml(preset.source).splitlines()) if preset.source else ""
    return f"{head}#\n{fields}{as_yaml({'stages': spelled_out(preset, STAGES)})}"
