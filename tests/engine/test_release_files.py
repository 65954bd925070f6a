"""How released rows are cut into files, beside a twin that goes row by row, and how they are put together from the
parts that tasks write."""

from __future__ import annotations

import tempfile
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
from tamis.engine.assembly import Assembly
from tamis.engine.measure import ShardContext
from tamis.engine.release import STRIPE_BYTES, FileCutter, Piece, ReleaseFile, ReleaseTask, file_entry, stripes_of
from tamis.engine.shard_writer import ROW_GROUP_BYTES, PartWriter
from tamis.engine.tasks import Done
from tamis.recipe.model import Source

Row = tuple[str | None, int, int]
"""Language, bytes, copies."""


def context(source: str, number: int, size: int = 0) -> ShardContext:
    shard = Shard(source, f"{number}", Path(f"{number}.parquet"), 0, size, 0)
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
@given(corpora, st.integers(1, 20), st.integers(1, 4))
def test_rows_are_cut_as_one_by_one(shards: list[tuple[str, list[Row]]], limit: int, together: int) -> None:
    contexts = [context(source, number) for number, (source, _) in enumerate(shards)]
    schema = {"language": pl.String, "bytes": pl.Int64, "copies": pl.Int32}
    ledgers = [pl.DataFrame(table, schema=schema, orient="row") for _, table in shards]
    given = list(zip(contexts, ledgers, strict=True))
    found: dict[tuple[str, str], list[list[tuple[int, int]]]] = {}
    cutter = FileCutter(limit)
    for at in range(0, len(given), together):
        for file in cutter.cut(given[at : at + together]):
            mine = [(int(p.context.shard.name), int(row)) for p in file.pieces for row in p.rows]
            assert file.rows == len(mine)
            assert file.bytes == sum(shards[shard][1][row][1] for shard, row in mine)
            files = found.setdefault((file.language, file.source), [])
            assert file.number in (len(files) - 1, len(files))
            assert len({p.context.shard.name for p in file.pieces}) == len(file.pieces), "a shard is read once"
            if file.number == len(files):
                files.append([])
            files[file.number] += mine
    assert found == slow_plan(shards, limit)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 120_000_000), max_size=40))
def test_stripes_are_the_whole_corpus_in_order_and_get_smaller(shards: list[int]) -> None:
    stripes = stripes_of([context("a", number, size) for number, size in enumerate(shards)])
    read = [[int(one.shard.name) for one in stripe] for stripe in stripes]
    assert [shard for stripe in read for shard in stripe] == list(range(len(shards)))
    left = sum(shards)
    for number, stripe in enumerate(read):
        room = min(max(left // 8, STRIPE_BYTES[0]), STRIPE_BYTES[1], STRIPE_BYTES[0] << number)
        size = sum(shards[shard] for shard in stripe)
        assert size - shards[stripe[-1]] < room, "the last shard of a stripe is the one that fills it"
        assert size >= room or stripe == read[-1]
        left -= size


def test_row_groups_end_when_they_are_full_or_where_asked(tmp_path: Path) -> None:
    texts = [f"{number} " * 40_000 for number in range(300)]
    table = pa.table({"text": pa.array(texts, pa.large_string()), "copies": pa.array(range(300), pa.int32())})
    writer = PartWriter(tmp_path / "data" / "a.parquet")
    for start in range(0, 300, 30):
        writer.add(table.slice(start, 30))
        if start == 60:
            assert writer.held == sum(map(len, texts[:90]))
            writer.flush()
            assert writer.held == 0
    part = writer.close()
    file = pq.ParquetFile(part.path)
    assert file.read().equals(table)
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [group.rows for group in part.groups]
    assert groups[0] == 90 and sum(map(len, texts[90 : 90 + groups[1]])) >= ROW_GROUP_BYTES and sum(groups) == 300


def release_task(number: int, files: list[tuple[str, int]], root: Path) -> ReleaseTask:
    """A task with a row for each of some files, by language and number."""
    of = context("a", number)
    made = tuple(ReleaseFile(language, "a", n, (Piece(of, np.arange(1), 1),)) for language, n in files)
    return ReleaseTask(number, made, {of.key: Path()}, 1, (), None, True, (), root / ".parts")


def done(task: ReleaseTask) -> Done:
    """As if the task had run: a row with its number in every file."""
    written = {}
    for key in (file.key("data") for file in task.files):
        writer = PartWriter(task.folder / key.path())
        writer.add(pa.table({"text": pa.array([str(task.number)], pa.large_string())}))
        written[key] = writer.close()
    return Done(task, written, 0.0)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_files_are_the_same_whichever_task_ends_first(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = [[("fr", 0)], [], [("de", 0), ("fr", 0), ("fr", 1)], [("fr", 1), ("fr", 2)]]
        tasks = [release_task(number, mine, root) for number, mine in enumerate(files)]
        with Assembly(root) as assembly:
            for number in order:
                assembly.take(done(tasks[number]))
            entries = assembly.finish()
        texts = {entry["path"]: pl.read_parquet(root / entry["path"])["text"].to_list() for entry in entries}
        assert texts == {
            "data/de/a-00000-of-00001.parquet": ["2"],
            "data/fr/a-00000-of-00003.parquet": ["0", "2"],
            "data/fr/a-00001-of-00003.parquet": ["2", "3"],
            "data/fr/a-00002-of-00003.parquet": ["3"],
        }
        assert all(entry == file_entry(root, root / entry["path"]) for entry in entries)
        assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == set(texts)


def test_an_assembly_that_is_left_half_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Assembly(tmp_path) as assembly:
        assembly.take(done(release_task(0, [("fr", 0)], tmp_path)))
        raise KeyError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


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
