"""How released rows are cut into files, beside a twin that goes row by row, and how files share a reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpus import Place

from tamis.corpus.documents import Shard
from tamis.engine.measure import ShardContext
from tamis.engine.release import TOGETHER_BYTES, Piece, ReleaseFile, plan_files, share
from tamis.engine.shard_writer import ROW_GROUP_BYTES, ShardWriter
from tamis.recipe.model import Source

Row = tuple[str | None, int, int]
"""Language, bytes, copies."""


def context(source: str, number: int) -> ShardContext:
    shard = Shard(source, f"{number}", Path(f"{number}.parquet"), 0, 0, 0)
    return ShardContext(Source(name=source, path=("x",), license="CC0-1.0", format="text"), shard, {}, Path())


def slow_plan(shards: list[tuple[str, list[Row]]], limit: int) -> dict[tuple[str, str], list[list[tuple[int, int]]]]:
    """Rows of every file, as shard and row, by language and source."""
    plan: dict[tuple[str, str], list[list[tuple[int, int]]]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for shard, (source, rows) in enumerate(shards):
        for number, (language, size, copies) in enumerate(rows):
            key = (language or "und", source)
            if copies == 0:
                continue
            files = plan.setdefault(key, [[]])
            if files[-1] and sizes[key] + size > limit:
                files.append([])
                sizes[key] = 0
            files[-1].append((shard, number))
            sizes[key] = sizes.get(key, 0) + size
    return plan


rows = st.tuples(st.sampled_from([None, "fr", "de"]), st.integers(1, 9), st.integers(0, 2))
corpora = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.lists(rows, max_size=12)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(corpora, st.integers(1, 20))
def test_rows_are_cut_as_one_by_one(shards: list[tuple[str, list[Row]]], limit: int) -> None:
    contexts = [context(source, number) for number, (source, _) in enumerate(shards)]
    schema = {"language": pl.String, "bytes": pl.Int64, "copies": pl.Int32}
    ledgers = [pl.DataFrame(table, schema=schema, orient="row") for _, table in shards]
    found: dict[tuple[str, str], list[list[tuple[int, int]]]] = {}
    for file in plan_files(contexts, ledgers, limit):
        mine = [(int(p.context.shard.name), int(row)) for p in file.pieces for row in p.rows]
        assert file.rows == len(mine)
        assert file.bytes == sum(shards[shard][1][row][1] for shard, row in mine)
        assert file.number == len(found.setdefault((file.language, file.source), []))
        assert len({p.context.shard.name for p in file.pieces}) == len(file.pieces), "a shard is read once"
        found[file.language, file.source].append(mine)
    assert found == slow_plan(shards, limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 300)), max_size=30), st.integers(1, 4))
def test_files_written_together_are_all_of_them_once_and_fit_in_memory(
    files: list[tuple[int, int]], workers: int
) -> None:
    contexts = [context("a", number) for number in range(4)]
    planned = [
        ReleaseFile("fr", "a", n, len(files), (Piece(contexts[first], np.zeros(1, np.int64)),), size * 1_000_000)
        for n, (first, size) in enumerate(files)
    ]
    groups = share(planned, contexts, workers)
    assert sorted(file.number for group in groups for file in group) == list(range(len(files)))
    for group in groups:
        assert group
        assert sum(min(file.bytes, ROW_GROUP_BYTES) for file in group) <= TOGETHER_BYTES
    if sum(file.bytes for file in planned) <= TOGETHER_BYTES:
        assert len(groups) == min(workers, len(files))


def test_a_file_is_the_same_however_its_rows_came(tmp_path: Path) -> None:
    texts = [f"{number} " * 40_000 for number in range(300)]
    table = pa.table({"text": pa.array(texts, pa.large_string()), "copies": pa.array(range(300), pa.int32())})
    with ShardWriter(tmp_path / "whole.parquet", parts=False) as whole:
        for start in range(0, 300, 30):
            whole.add(pa.concat_tables([table.slice(start, 7), table.slice(start + 7, 23)]))
    with ShardWriter(tmp_path / "parts.parquet", parts=True) as parts:
        for start in range(0, 300, 30):
            parts.add(table.slice(start, 30))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "parts.parquet").read_bytes()
    file = pq.ParquetFile(tmp_path / "parts.parquet")
    assert file.read().equals(table)
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert len(groups) == 2 and sum(map(len, texts[: groups[0]])) >= ROW_GROUP_BYTES


def test_nothing_is_written_for_no_rows_or_after_an_error(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "none.parquet", parts=True):
        pass
    with pytest.raises(KeyError), ShardWriter(tmp_path / "half.parquet", parts=True) as writer:
        writer.add(pa.table({"text": pa.array(["x" * ROW_GROUP_BYTES], pa.large_string())}))
        raise KeyError
    assert list(tmp_path.iterdir()) == []


TWICE = """
name: small
version: "1"
sources:
  - {name: one, path: "rows.jsonl", language: en, license: CC0-1.0}
  - {name: two, path: "rows.jsonl", language: en, license: CC0-1.0}
stages:
  - gopher_repetition: {keep: {}}
release: {tokens: false}
"""


def test_two_sources_of_the_same_files_keep_their_own_ids(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "rows.jsonl").write_text('{"text": "One cat."}\n{"text": "Two dogs."}\n')
    release = Place(tmp_path, recipe=TWICE, corpus=corpus).run().release
    for name in ("one", "two"):
        ids = pl.read_parquet(release / f"data/en/{name}-00000-of-00001.parquet")["id"]
        assert len(ids) == 2 and ids.str.starts_with(f"{name}:").all()
