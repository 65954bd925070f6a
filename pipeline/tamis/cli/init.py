"""`tamis init`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.errors import OptionError

TEMPLATE = """\
# yaml-language-server: $schema=recipe.schema.json
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


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=Path("recipe.yaml"))
@click.option("--sample", is_flag=True, help="Write the sample recipe instead: it runs as it is.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(path: Path, sample: bool, force: bool) -> None:
    """Write a recipe to start from to PATH, and recipe.schema.json beside it for the editor."""
    from tamis.cli.options import sample_recipe
    from tamis.corpus.commit import write_bytes, write_json
    from tamis.recipe.schema import recipe_schema
    from tamis.stages import STAGES

    if path.exists() and not force:
        raise OptionError(f"{path} exists: choose another name, or --force to overwrite it")
    name = (
        "".join(c if c.isalnum() or c in "._-" else "-" for c in path.stem.lower()).strip("-._") or "dataset"
    )
    write_bytes(path, sample_recipe().read_bytes() if sample else TEMPLATE.format(name=name).encode())
    write_json(path.with_name("recipe.schema.json"), recipe_schema(STAGES))
    click.echo(
        f"wrote {path} and {path.with_name('recipe.schema.json')}\nnext: edit it, then tamis plan {path}"
    )
