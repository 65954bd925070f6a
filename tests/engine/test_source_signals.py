"""Rules on measurements that the sources bring along."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pytest

from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.errors import RecipeError
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = """
name: brought
version: "1"
defaults: {license: MIT, language: en}
sources:
  - {name: scored, path: scored.jsonl, signals: {perplexity: {field: quality.ppl}}}
  - {name: bare, path: bare.jsonl}
stages:
  - source: {keep: {perplexity: [100, 300]}}
  - gopher_quality: {keep: {}, when: {source.perplexity: {min: 200, nulls: drop}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scored = [{"text": f"scored document {i}", "quality": {"ppl": i * 10.0}} for i in range(50)]
    bare = [{"text": f"bare document {i}"} for i in range(20)]
    for name, rows in (("scored", scored), ("bare", bare)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return tmp_path


def made(folder: Path, recipe: str = RECIPE, workers: int = 1) -> RunSummary:
    options = RunOptions(folder / "work", folder / f"out{workers}", workers)
    return run(load_recipe_text(recipe, "r.yaml", STAGES), folder, options, Silent(), lambda *_: [])


def ledger(summary: RunSummary) -> pl.DataFrame:
    return pl.read_parquet(summary.release / "ledger" / "*.parquet", missing_columns="insert")


@pytest.mark.parametrize("workers", [1, 2])
def test_they_decide_like_any_signal(folder: Path, workers: int) -> None:
    rows = ledger(made(folder, workers=workers))
    scored = rows.filter(source="scored")
    assert scored.filter("passed")["source.perplexity"].to_list() == [i * 10.0 for i in range(10, 31)]
    assert set(scored.filter(~pl.col("passed"))["dropped_by"]) == {"source.perplexity"}
    # Nothing is known against a document whose source brings no such signal.
    assert rows.filter(source="bare")["passed"].all()
    # `when` on a source's signal: where it is null, `nulls: drop` leaves the stage out.
    assert scored["gopher_quality.measured"].sum() == 11
    assert rows.filter(source="bare")["gopher_quality.measured"].sum() == 0


def test_a_changed_threshold_ingests_nothing_again(folder: Path) -> None:
    made(folder)
    summary = made(folder, RECIPE.replace("[100, 300]", "[100, 200]"))
    assert summary.measured == 0
    assert ledger(summary).filter("passed").height == 11 + 20


def test_without_any_signal_the_stage_is_refused(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:9: stage source has nothing to judge: no source maps `signals`"):
        load_recipe_text(RECIPE.replace(", signals: {perplexity: {field: quality.ppl}}", ""), "r.yaml", STAGES)
