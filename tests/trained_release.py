"""A small release with token files, for tests of what reads it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl

from tamis.cards.data_card import write_card
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

TEXT = "the old mill turns slowly while rain falls on fields of rye and a boy counts geese by the gate"
RECIPE = """\
name: tiny
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: letters, path: letters.jsonl, language: en, category: letters}
  - {name: tales, path: tales.jsonl, columns: {category: kind}, language: en}
stages:
  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}
mix: {epochs: {en--letters: 2, en--long: 0.5}}
release: {formats: [megatron, npy, ds]}
"""


def make_release(root: Path) -> Path:
    """Two sources, three cells, 240 documents."""
    rng = random.Random(5)
    for name, count in (("letters", 120), ("tales", 120)):
        rows = [
            {
                "id": str(number),
                "text": " ".join(rng.choices(TEXT.split(), k=rng.randint(3, 60))),
                "kind": rng.choice(["long", "short"]),
            }
            for number in range(count)
        ]
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = load_recipe_text(RECIPE, root / "tiny.yaml", STAGES)
    return run(recipe, root, RunOptions(root / "work", root / "out", 1), Silent(), write_card).release


def ids_by_document(release: Path) -> dict[tuple[str, str], list[int]]:
    """Token ids of the token shards, by source and id."""
    shards = pl.read_parquet(release / "tokens/*/*.parquet")
    return {(row["source"], row["id"]): row["input_ids"] for row in shards.iter_rows(named=True)}
