"""Parquet files put together from parts, beside what one writer makes of the same row groups."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.parquet_parts import Joined, read_part

OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["text", "language"],
    "write_statistics": ["language", "copies", "ids"],
    "write_page_index": True,
    "data_page_size": 2_000,
}


def table(rows: int, start: int) -> pa.Table:
    numbers = range(start, start + rows)
    return pa.table(
        {
            "text": pa.array([f"{n} le tamis " * (n % 70) for n in numbers], pa.large_string()),
            "language": pa.array([("fr", None, "de")[n % 3] for n in numbers], pa.string()),
            "copies": pa.array(numbers, pa.int32()),
            "score": pa.array([n / 7 for n in numbers], pa.float32()),
            "known": pa.array([n % 2 == 0 for n in numbers]),
            "ids": pa.array([list(range(n % 5)) for n in numbers], pa.list_(pa.uint16())),
        }
    )


def write(path: Path, tables: list[pa.Table], **options: Any) -> Path:
    with pq.ParquetWriter(path, tables[0].schema, **{**OPTIONS, **options}) as writer:
        for rows in tables:
            writer.write_table(rows, row_group_size=rows.num_rows)
    return path


def join(path: Path, parts: list[Path]) -> dict[str, Any]:
    joined = Joined(path)
    for part in parts:
        joined.add(read_part(part))
    return joined.close()


parts_of_groups = st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=17), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(parts_of_groups, st.booleans())
def test_parts_make_the_bytes_of_one_writer(parts: list[list[int]], page_index: bool) -> None:
    tables, start = [], 0
    for sizes in parts:
        tables.append([table(rows, start + sum(sizes[:number])) for number, rows in enumerate(sizes)])
        start += sum(sizes)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        whole = write(folder / "whole", [one for part in tables for one in part], write_page_index=page_index)
        written = [
            write(folder / f"part-{number}", part, write_page_index=page_index) for number, part in enumerate(tables)
        ]
        said = join(folder / "joined", written)
        content = (folder / "joined").read_bytes()
        assert content == whole.read_bytes()
        assert said == {"bytes": len(content), "rows": start, "sha256": hashlib.sha256(content).hexdigest()}
        assert pq.read_table(folder / "joined").equals(pa.concat_tables(one for part in tables for one in part))


def test_other_readers_find_rows_by_their_pages(tmp_path: Path) -> None:
    parts = [write(tmp_path / str(n), [table(5_000, 5_000 * n)], use_content_defined_chunking=True) for n in range(3)]
    join(tmp_path / "joined", parts)
    frame = pl.scan_parquet(tmp_path / "joined").filter(pl.col("copies").is_between(7_001, 11_003)).collect()
    assert frame["copies"].to_list() == list(range(7_001, 11_004))
    assert frame["text"][0] == "7001 le tamis " * (7_001 % 70)


def test_parts_of_other_columns_are_refused(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", [table(3, 0)]), write(tmp_path / "other", [table(3, 0).drop_columns("score")])
    joined = Joined(tmp_path / "joined")
    joined.add(read_part(one))
    with pytest.raises(ValueError, match="columns"):
        joined.add(read_part(other))
    joined.discard()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]
