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
from tamis.engine.release import STRIPE_BYTES, Piece, ReleaseFile, ReleaseTask, file_entry, plan_files, stripes_of
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


sizes = st.lists(st.integers(1, 120_000_000), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(sizes, st.integers(1, 30))
def test_stripes_are_all_of_the_files_once_and_know_the_corpus_alone(shards: list[int], of: int) -> None:
    contexts = [context("a", number, size) for number, size in enumerate(shards)]
    pieces = [Piece(one, np.arange(number), number) for number, one in enumerate(contexts)]
    files = [ReleaseFile("fr", "a", n, of, tuple(pieces[n::of])) for n in range(min(of, len(pieces)))]
    stripes = stripes_of(files, contexts)
    position = {one.key: number for number, one in enumerate(contexts)}
    read = [sorted(position[p.context.key] for file in stripe for p in file.pieces) for stripe in stripes]
    assert [shard for stripe in read for shard in stripe] == list(range(len(shards)))
    left = sum(shards)
    for stripe in read:
        room = min(max(left // 8, STRIPE_BYTES[0]), STRIPE_BYTES[1])
        size = sum(shards[shard] for shard in stripe)
        assert size - shards[stripe[-1]] < room, "the last shard of a stripe is the one that fills it"
        assert size >= room or stripe == read[-1]
        left -= size
    for file in files:
        assert [p for stripe in stripes for f in stripe if f.name == file.name for p in f.pieces] == list(file.pieces)
    # Other files leave the stripes as they are.
    alone = [
        {position[p.context.key] for file in stripe for p in file.pieces} for stripe in stripes_of(files[:1], contexts)
    ]
    assert all(any(some <= set(stripe) for stripe in read) for some in alone)


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


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_files_are_the_same_whichever_task_ends_first(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        contexts = [context("a", number) for number in range(4)]
        tasks = [
            ReleaseTask(
                number,
                tuple(
                    ReleaseFile(language, "a", 0, 1, (Piece(contexts[number], np.arange(2), 2),))
                    for language in ("fr", "de")
                    if language == "fr" or number % 2
                ),
                {},
                (),
                None,
                True,
                root / ".parts",
            )
            for number in range(4)
        ]
        with Assembly(root, tasks) as assembly:
            for number in order:
                written = {}
                for path in tasks[number].paths:
                    writer = PartWriter(tasks[number].folder / path)
                    writer.add(pa.table({"text": pa.array([path, str(number)], pa.large_string())}))
                    written[path] = writer.close()
                assembly.take(Done(tasks[number], written, 0.0))
        assert pl.read_parquet(root / "data/fr/a-00000-of-00001.parquet")["text"].to_list()[1::2] == list("0123")
        assert pl.read_parquet(root / "data/de/a-00000-of-00001.parquet")["text"].to_list()[1::2] == list("13")
        assert [entry["path"] for entry in assembly.entries] == [
            "data/fr/a-00000-of-00001.parquet",
            "data/de/a-00000-of-00001.parquet",
        ]
        for entry in assembly.entries:
            assert entry == file_entry(root, root / entry["path"])
        assert not list((root / ".parts").iterdir())


def test_an_assembly_that_is_left_half_made_leaves_nothing(tmp_path: Path) -> None:
    contexts = [context("a", number) for number in range(2)]
    tasks = [
        ReleaseTask(n, (ReleaseFile("fr", "a", 0, 1, (Piece(contexts[n], np.arange(1), 1),)),), {}, (), None, True,
                    tmp_path / "parts")
        for n in range(2)
    ]  # fmt: skip
    with pytest.raises(KeyError), Assembly(tmp_path, tasks) as assembly:
        writer = PartWriter(tasks[0].folder / "data/fr/a.parquet")
        writer.add(pa.table({"text": pa.array(["x"], pa.large_string())}))
        assembly.take(Done(tasks[0], {tasks[0].paths[0]: writer.close()}, 0.0))
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
