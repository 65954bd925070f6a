"""`tamis schema`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import writing_to


@click.command("schema")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file instead of to stdout."
)
def command(out: Path | None) -> None:
    """Print the JSON Schema of recipes.

    With a first line `# yaml-language-server: $schema=PATH` in a recipe, an editor completes and checks it.
    """
    from tamis.cli.output import print_json
    from tamis.corpus.commit import write_json
    from tamis.recipe.schema import recipe_schema
    from tamis.stages import STAGES

    schema = recipe_schema(STAGES)
    if out is None:
        print_json(schema)
    else:
        with writing_to(out):
            write_json(out, schema)
        click.echo(f"wrote {out}")
