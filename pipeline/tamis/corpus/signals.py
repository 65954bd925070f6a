"""Signal files: what one stage measured on one shard, row-aligned with it.

Columns: `measured` (bool; false where an earlier rule had dropped the row, so "not measured" and
"measured, and null" stay apart), then the stage's signals, then its payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import committing, intact
from tamis.corpus.stage import Column

Mask = npt.NDArray[np.bool_]
MEASURED = "measured"
REMEDY = "Delete this signal file and run again: it is measured anew"


def empty_signals(rows: int, columns: Sequence[Column]) -> pa.Table:
    """A table of `rows` rows on which nothing is measured yet."""
    arrays = [pa.array(np.zeros(rows, bool)), *[pa.nulls(rows, column.type) for column in columns]]
    return pa.table(arrays, names=[MEASURED, *[column.name for column in columns]])


def read_signals(path: Path, rows: int, columns: Sequence[str]) -> pa.Table | None:
    """`measured` and the named columns of a signal file; None when it doesn't exist.

    Raises StoreError when the file isn't one, or doesn't have a row per document of the shard.
    """
    if not path.exists():
        return None
    with intact(path, REMEDY):
        table = read_columns(path, [MEASURED, *columns])
        if table.num_rows != rows:
            raise ValueError(f"it has {table.num_rows} rows for a shard of {rows} documents")
        if table.num_columns != len(columns) + 1:
            raise ValueError(f"it lacks some of the columns {', '.join((MEASURED, *columns))}")
    return table


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """The named columns of a Parquet file, those that it has."""
    # Not `read_table`: it opens a data set, which costs more than reading what is small.
    with pq.ParquetFile(path) as file:
        return file.read(columns=list(columns), use_threads=False)


def mask_of(table: pa.Table) -> Mask:
    """The `measured` column as a NumPy mask."""
    mask: Mask = table.column(MEASURED).to_numpy(zero_copy_only=False).astype(bool)
    return mask


def merge_signals(old: pa.Table, need: Mask, new: pa.RecordBatch) -> pa.Table:
    """`old` with the rows of mask `need` replaced by the rows of `new`, in order."""
    known = mask_of(old)
    merged: list[Any] = [pa.array(known | need)]
    index = np.arange(len(need))
    if known.any():
        index[need] = len(need) + np.arange(int(need.sum()))
        take = pa.array(index)
    else:
        index[need] = np.arange(int(need.sum()))
        take = pa.array(index, mask=~need)
    for name in old.column_names[1:]:
        type_ = old.schema.field(name).type
        fresh = new.column(name)
        if fresh.type != type_:
            fresh = fresh.cast(type_)
        if need.all():
            merged.append(fresh)
        elif not known.any():
            merged.append(fresh.take(take))
        else:
            merged.append(pa.chunked_array([*old.column(name).chunks, fresh], type_).take(take))
    return pa.table(merged, names=old.column_names)


def _options(schema: pa.Schema) -> dict[str, Any]:
    """How signal files are laid out: no statistics, as whole row groups are read; dictionaries for labels only;
    hashes and sketches of hashes as they are, since they don't get any smaller."""
    strings = [field.name for field in schema if pa.types.is_string(field.type)]
    options: dict[str, Any] = {"use_dictionary": strings, "write_statistics": False}
    packed = [field.name for field in schema if not pa.types.is_fixed_size_binary(field.type)]
    if len(packed) == len(schema) or any(pa.types.is_nested(field.type) for field in schema):
        return {**options, "compression": "zstd", "compression_level": 1}
    compression = {name: "zstd" if name in packed else "none" for name in schema.names}
    return {**options, "compression": compression, "compression_level": dict.fromkeys(packed, 1)}


def write_signals(path: Path, table: pa.Table, row_groups: Sequence[int]) -> None:
    """Commits a signal file with the shard's own row groups, so that both are read in step."""
    with (
        committing(path) as temporary,
        pq.ParquetWriter(temporary, table.schema, **_options(table.schema)) as writer,
    ):
        start = 0
        for rows in row_groups:
            writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
            start += rows
