"""Bad chunks in a whole run: what the release holds, and what the ledger says."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import polars as pl
import pytest

from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

PROSE = "La rivière prend sa source dans les collines et descend doucement vers la mer, été comme hiver.\n"
NOISE = "l1 ;~ ^ .,' i ~\\ r) 1 :: ij ,. 0 | _ ' f .- x; «* 3 ) ii\n"
RECIPE = """
name: scans
version: "1"
defaults: {license: MIT, language: fr}
sources:
  - {name: press, path: press.jsonl}
stages:
STAGES
"""
PAGE = Path(__file__).parents[2] / "docs" / "ocr.md"
FRAGMENTS = re.findall(r"```yaml\n(- .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def recipe_of(stages: str) -> str:
    return RECIPE.replace("STAGES", "".join(f"  {line}\n" for line in stages.splitlines()))


def made(folder: Path, stages: str) -> RunSummary:
    texts = [PROSE * 30, PROSE * 20 + NOISE * 40 + PROSE * 20, NOISE * 60]
    (folder / "press.jsonl").write_bytes(b"\n".join(orjson.dumps({"text": text}) for text in texts))
    options = RunOptions(folder / "work", folder / "out", 1)
    return run(load_recipe_text(recipe_of(stages), "r.yaml", STAGES), folder, options, Silent(), lambda *_: [])


def test_a_release_holds_the_text_without_its_bad_chunks(tmp_path: Path) -> None:
    stages = """- chunks:
    cut: smart
    replace: {letter_ratio: [0.7, null]}
    keep: {bad_char_ratio: [null, 0.9]}
- lines: {keep: {digit_ratio: [null, 0.01]}}
- gopher_quality: {keep: {}}
"""
    release = made(tmp_path, stages).release
    texts = pl.read_parquet(release / "data" / "**" / "*.parquet")["text"].to_list()
    assert texts == [(PROSE * 30).strip("\n"), (PROSE * 20).strip() + "\n\n[...]\n\n" + (PROSE * 20).strip("\n")]
    rows = pl.read_parquet(release / "ledger" / "*.parquet", missing_columns="insert").sort("chunks.bad_chunks")
    assert rows["chunks.bad_chunks"].to_list() == [0, 1, 1]
    assert rows["dropped_by"].to_list() == [None, None, "chunks.bad_char_ratio"]
    # Stages behind it saw the text without them.
    assert rows["lines.max_line_words"].to_list() == [17, 17, None]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_every_recipe_of_the_page_is_sound(fragment: str) -> None:
    assert "chunks" in [use.stage.name for use in load_recipe_text(recipe_of(fragment), "r.yaml", STAGES).stages]


def test_the_page_has_recipes() -> None:
    assert len(FRAGMENTS) == 6
