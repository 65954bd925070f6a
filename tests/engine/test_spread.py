"""Counting how a release is spread: golden numbers, and the same whatever the shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.engine.domains import Domains, listed
from tamis.engine.ledger import ledger_of
from tamis.engine.mixing import mixed, passed_counts
from tamis.engine.spread import Spread
from tamis.engine.verdicts import Verdicts
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = load_recipe_text(
    """
name: toy
version: 1.0.0
sources:
  - {name: a, path: a.jsonl, license: MIT, columns: {text: text, id: id, language: language, url: url, date: date}}
stages:
  - gopher_quality:
      keep: {words: [50, 1000]}
      keep_by: {language: {de: {words: [20, null]}}}
  - exact_duplicates
""",
    "toy.yaml",
    STAGES,
)
COLUMNS = ("id", "language", "words", "duplicate_of", "cluster_size", "url", "date")
ROWS = [
    ("a", "fr", 60, None, 3, "https://www.example.org/1", "2020-01-01"),
    ("b", "fr", 60, "a", 3, "https://example.org/2", "2020-01-01"),
    ("c", "fr", 10, None, None, "https://example.org/3", None),
    ("d", "de", 25, "a", 3, "http://10.0.0.1/", "2021"),
    ("e", "de", 25, None, 1, "https://b.example.co.uk/", "2021"),
    ("f", None, None, None, 1, None, "long ago"),
]


def counted(shards: list[list[tuple[Any, ...]]], folder: Path) -> dict[str, Any]:
    """Facts of some shards."""
    spread, verdicts = Spread(RECIPE), []
    for rows in shards:
        schema = dict.fromkeys(COLUMNS, pl.String) | {"words": pl.Int64, "cluster_size": pl.Int64}
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        chars = frame["words"].fill_null(0) * 5
        documents = frame.select("id", "language", "url", "date").with_columns(
            source=pl.lit("a"), category=pl.lit(None, pl.String), license=pl.lit("MIT"), chars=chars, bytes=chars,
            **{"language?": pl.lit(False), "category?": pl.lit(False)},
        )  # fmt: skip
        one = Verdicts.start(documents)
        for use in RECIPE.stages:
            asked = one.asked(use)
            table: dict[str, Any] = {"measured": asked}
            for column in use.stage.adds:
                if column.name in frame.columns:
                    table[column.name] = frame[column.name].to_arrow().cast(column.type)
                elif column.name == "is_duplicate":
                    table[column.name] = frame["duplicate_of"].is_not_null().to_arrow()
                else:
                    table[column.name] = pa.nulls(frame.height, column.type)
            one.judge(use, pa.table(table))
        verdicts.append(one)
    cuts, counts = passed_counts(RECIPE.mix, verdicts)
    epochs = mixed(RECIPE, counts, folder, cuts)
    paths = []
    for number, one in enumerate(verdicts):
        ledger = ledger_of(RECIPE, one, RECIPE.stages, epochs)
        paths.append(folder / f"{number}.parquet")
        ledger.write_parquet(paths[-1])
        spread.add(one, ledger)
    return spread.facts(paths) | {"listing": spread.domains.listing()}


def test_golden_numbers(tmp_path: Path) -> None:
    facts = counted([ROWS], tmp_path)
    rows = {(row.stage, row.signal): row for row in facts["histograms"]}
    words = rows["gopher_quality", "words"]
    assert words.edges == (10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64) and words.scale == "whole"
    assert words.failed == (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert words.released == (0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    assert words.other == (0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    assert words.nulls == {"released": 1, "failed": 0, "other": 0}
    flag = rows["exact_duplicates", "is_duplicate"]
    assert (flag.labels, flag.released, flag.failed, flag.other) == (("false", "true"), (3, 0), (0, 2), (0, 0))
    assert ("exact_duplicates", "duplicate_of") not in rows
    groups = {(row.column, row.value): row for row in facts["groups"]}
    assert groups["language", "fr"].measured == {"exact_duplicates": 2, "gopher_quality": 3}
    assert groups["language", "fr"].failed == {"exact_duplicates.is_duplicate": 1, "gopher_quality.words": 1}
    assert groups["language", "und"].documents == 1 and groups["category", "none"].documents == 6
    assert facts["dates"] == {"none": {"2020": 1, "2021": 1, "unread": 1}}
    (sizes,) = facts["clusters"]
    assert (sizes.smallest, sizes.largest, sizes.clusters, sizes.documents) == (3, 3, 1, 3)
    (large,) = facts["large_clusters"]
    assert (large.kept, large.documents, large.released, large.sources) == ("a", 3, True, {"a": 3})
    domains = facts["domains"]
    assert [(row.domain, row.documents, row.bytes) for row in domains.top] == [
        ("example.org", 1, 300), ("example.co.uk", 1, 125)]  # fmt: skip
    assert domains.without == {"no_domain": 0, "no_url": 1} and (domains.distinct, domains.listed) == (2, 2)
    assert facts["listing"] == b"rank,domain,documents,bytes,tokens\n1,example.org,1,300,0\n2,example.co.uk,1,125,0\n"


ROW = st.tuples(
    st.sampled_from(["fr", "de", None]), st.none() | st.integers(0, 3000), st.booleans(),
    st.sampled_from([None, "https://a.example.org/", "https://b.example.com/", "http://localhost/"]),
    st.sampled_from([None, "2020-01-01", "2021", "?"]),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=12), st.data())
def test_the_same_whatever_the_shards(tmp_path_factory: Any, rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    made = [(f"{n}", lang, words, "0" if twin and n else None, 2 if n == 0 else 1, url, date)
            for n, (lang, words, twin, url, date) in enumerate(rows)]  # fmt: skip
    folder = tmp_path_factory.mktemp("shards")
    whole = counted([made], folder)
    cut = data.draw(st.integers(0, len(made)))
    parts = [part for part in (made[cut:], made[:cut]) if part]
    assert counted(parts, folder) == whole
    words = next(row for row in whole["histograms"] if row.signal == "words")
    sums = sum(map(sum, (words.released, words.failed, words.other))) + sum(words.nulls.values())
    assert sums == len(made)
    released = sum(n for years in whole["dates"].values() for n in years.values())
    for row in whole["histograms"]:
        assert sum(row.released) + row.nulls["released"] == released


def test_one_domain_in_ten_is_listed_but_no_fewer_than_a_thousand() -> None:
    assert [listed(n) for n in (0, 7, 1000, 9_999, 10_001, 123_456)] == [0, 7, 1000, 1000, 1001, 12_346]
    frame = pl.DataFrame({
        "language": ["fr"] * 3000, "url": [f"https://site{n:04d}.org/" for n in range(3000)],
        "bytes": np.arange(3000) % 7,
    })  # fmt: skip
    domains = Domains.of(frame, "tokenize.tokens")
    lines = domains.listing().decode().splitlines()
    assert len(lines) == 1001 and lines[1] == "1,site0006.org,1,6,0"
    facts = domains.facts()
    assert facts is not None and facts.distinct == 3000 and len(facts.by_language) == 10
