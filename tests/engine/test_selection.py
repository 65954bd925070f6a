"""`limit` and `sample_rate`: the same documents whatever the workers and the other files; every row is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_corpus import Place

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: web, path: "*.jsonl", columns: {text: text, id: id}, FIELDS}
stages:
  - language: {keep: {}}
"""


def place(root: Path, fields: str, files: int = 4, rows: int = 100) -> Place:
    place = Place(root, recipe=RECIPE.replace("FIELDS", fields))
    place.corpus.mkdir(parents=True)
    for file in range(files):
        lines = (json.dumps({"text": f"Text {file} {row}.", "id": f"{file}-{row}"}) for row in range(rows))
        (place.corpus / f"{file}.jsonl").write_text("\n".join(lines) + "\n")
    return place


def ids(summary: Any) -> list[str]:
    ledger: pl.DataFrame = pl.read_parquet(summary.release / "ledger" / "*.parquet")
    return [id_.removeprefix("web:") for id_ in ledger["id"]]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_limit_takes_the_first_documents(tmp_path: Path, workers: int) -> None:
    outcome = place(tmp_path, "limit: 130").run(workers=workers)
    assert ids(outcome.summary) == [f"0-{row}" for row in range(100)] + [f"1-{row}" for row in range(30)]
    facts = outcome.summary.manifest.sources[0]
    assert (facts.read, facts.documents, facts.filtered) == (200, 130, 70)  # the other files weren't opened


def test_a_sample_is_by_id(tmp_path: Path) -> None:
    tenth = place(tmp_path / "a", "sample_rate: 0.1").run()
    half = place(tmp_path / "b", "sample_rate: 0.5").run()
    fewer = place(tmp_path / "c", "sample_rate: 0.5", files=2).run()
    other = place(tmp_path / "d", "sample_rate: 0.5, sample_seed: 1").run()
    assert 20 < len(ids(tenth.summary)) < 65
    assert 160 < len(ids(half.summary)) < 240
    assert set(ids(tenth.summary)) < set(ids(half.summary))
    assert set(ids(fewer.summary)) == {id_ for id_ in ids(half.summary) if id_[0] in "01"}
    assert 60 < len(set(ids(half.summary)) & set(ids(other.summary))) < 140
    facts = half.summary.manifest.sources[0]
    assert facts.read == 400 == facts.documents + facts.filtered


def test_a_limit_of_a_sample(tmp_path: Path) -> None:
    half = place(tmp_path / "a", "sample_rate: 0.5").run()
    some = place(tmp_path / "b", "sample_rate: 0.5, limit: 75").run()
    assert ids(some.summary) == ids(half.summary)[:75]


def test_signals_of_lists_are_for_keep_rules(tmp_path: Path) -> None:
    recipe = RECIPE.replace(
        "FIELDS", "signals: {words: {field: quality_signals.rps_doc_word_count, aggregate: first}}"
    ).replace("stages:\n", "stages:\n  - source: {keep: {words: [50, null]}}\n")
    corpus = Place(tmp_path, recipe=recipe)
    corpus.corpus.mkdir(parents=True)
    rows = [
        {"text": f"Text {n}.", "id": str(n), "quality_signals": json.dumps({"rps_doc_word_count": [[0, 7, n * 10]]})}
        for n in range(10)
    ]
    (corpus.corpus / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ledger = pl.read_parquet(corpus.run().summary.release / "ledger" / "*.parquet")
    assert ledger.filter("passed")["source.words"].to_list() == [50.0, 60.0, 70.0, 80.0, 90.0]
    assert set(ledger.filter(~pl.col("passed"))["dropped_by"]) == {"source.words"}
