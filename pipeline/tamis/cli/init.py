"""`tamis init`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, sample_recipe, writing_to
from tamis.errors import OptionError

MODELINE = "# yaml-language-server: $schema="
"""What tells an editor where a recipe's schema is."""
TEMPLATE = (
    f"{MODELINE}recipe.schema.json\n"
    + """\
# A recipe says what a dataset is made of; `tamis stages` lists what can be measured.
name: {name}
version: "0.1.0"
title: ""

defaults:
  license: CC-BY-4.0            # SPDX; tamis refuses one it doesn't know

sources:
  - name: documents
    path: data/*.jsonl          # .jsonl[.gz|.zst], .parquet, .txt, .md, .html; local or s3://, hf://, https://
    columns: {{text: text}}       # document column: field of the file; id, url, title, date, language, ...
    language: detect            # or a code such as fr
    category: web
    provider: ""                # who published it; every empty fact is named in the data card
    url: ""

stages:
  - language: {{keep: {{score: [0.65, null]}}}}
  - gopher_quality              # without `keep`, the literature's thresholds apply
  - gopher_repetition
  - exact_duplicates
  - near_duplicates
  - pii
  - tokenize: {{tokenizer: {{train: {{vocabulary_size: 8192}}}}}}   # or the path of a tokenizer.json

mix:
  epochs: {{}}                    # language--category: epochs, e.g. fr--book: 2

card:
  summary: ""
  intended_uses: ""
  limitations: ""
  contact: ""
"""
)


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=Path("recipe.yaml"))
@click.option("--sample", is_flag=True, help="Write the sample recipe instead: it runs as it is.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@json_option
def command(path: Path, sample: bool, force: bool, as_json: bool) -> None:
    """Write a recipe to start from to PATH (default: recipe.yaml), and recipe.schema.json beside it for the
    editor."""
    from tamis.cli.output import print_json
    from tamis.corpus.commit import write_bytes, write_json
    from tamis.recipe.schema import recipe_schema
    from tamis.stages import STAGES

    if path.exists() and not force:
        raise OptionError(f"{path} exists: choose another name, or --force to overwrite it")
    schema = path.with_name("recipe.schema.json")
    with writing_to(path):
        write_json(schema, recipe_schema(STAGES))
        write_bytes(path, _sample() if sample else TEMPLATE.format(name=_name(path)).encode())
    if as_json:
        print_json({"recipe": str(path), "schema": str(schema)})
    else:
        click.echo(f"wrote {path} and {schema}\nnext: {'' if sample else 'edit it, then '}tamis plan {path}")


def _name(path: Path) -> str:
    """The dataset's name, from the file's."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in path.stem.lower())
    return name.strip("-._")[:96] or "dataset"


def _sample() -> bytes:
    """The sample recipe, with the schema that is written beside it."""
    first, rest = sample_recipe().read_bytes().split(b"\n", 1)
    assert first.startswith(MODELINE.encode())
    return TEMPLATE.encode().split(b"\n", 1)[0] + b"\n" + rest
