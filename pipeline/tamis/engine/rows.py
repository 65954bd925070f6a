"""Rows of the corpus as deciding sees them: document columns with what the source says filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import intact
from tamis.corpus.documents import Shard
from tamis.corpus.signals import Mask
from tamis.readers.contract import SIGNAL_TYPES
from tamis.recipe.model import DETECT, Source

COLUMNS = (
    "id",
    "content_hash",
    "chars",
    "bytes",
    "url",
    "title",
    "date",
    "author",
    "language",
    "category",
    "license",
)

JUDGED = ("id", "content_hash", "chars", "language", "category", "license")
"""Those of COLUMNS that a verdict, or what becomes of it in the mix, may hang on."""


def document_columns(source: Source, table: pa.Table, signals: Mapping[str, str]) -> pl.DataFrame:
    """Document columns of some rows of a shard.

    Adds `source`, and `language?` and `category?`: whether that is still open, because neither the row nor
    the source says it, so that a stage may decide it. And `source.NAME`, all null, for those of `signals`
    (name -> type; other sources of the recipe have them) that this source doesn't bring along.
    """
    for name, type_ in signals.items():
        if f"source.{name}" not in table.column_names:
            table = table.append_column(f"source.{name}", pa.nulls(table.num_rows, SIGNAL_TYPES[type_]))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    declared = None if source.language == DETECT else source.language
    told = {"language": declared, "category": source.category, "license": source.license}
    return frame.with_columns(
        pl.lit(source.name).alias("source"),
        *(_filled(frame, name, told.get(name)) for name in frame.columns if frame.schema[name] == pl.String),
        (pl.col("language").is_null() & (declared is None)).alias("language?"),
        (pl.col("category").is_null() & (source.category is None)).alias("category?"),
    )


def _filled(frame: pl.DataFrame, column: str, value: str | None) -> pl.Expr:
    """The column with the value where it is null; one that holds nothing else takes no room."""
    if frame[column].null_count() == frame.height:
        return pl.lit(value, pl.String).alias(column)
    return pl.col(column).fill_null(pl.lit(value, pl.String)) if value is not None else pl.col(column)


def read_rows(source: Source, shard: Shard, signals: Mapping[str, str] = MappingProxyType({})) -> pl.DataFrame:
    """Document columns of a whole shard, without its text; `signals` as in `document_columns`."""
    return document_columns(source, read_table(shard, COLUMNS), signals)


def read_table(shard: Shard, columns: Sequence[str], rows: Mask | None = None) -> pa.Table:
    """Some columns, and the signals that the source brings along, of a shard or some of its rows (a mask)."""
    with whole(shard), pq.ParquetFile(shard.path) as file:
        own = [name for name in file.schema_arrow.names if name.startswith("source.")]
        table = file.read(columns=[*columns, *own], use_threads=False)
        if table.num_rows != shard.rows:
            raise ValueError(f"it has {table.num_rows} rows instead of {shard.rows}")
    return table if rows is None else table.filter(pa.array(rows))


def whole(shard: Shard) -> AbstractContextManager[None]:
    """Around the reading of a corpus shard: raises StoreError when it is damaged."""
    return intact(shard.path, f"Delete {shard.path.parent} and run again: its files are read anew")


def unique_ids(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames of one source with ids that several of its files share made distinct.

    The first document in corpus order keeps the id; another takes `id~HASH`, HASH being of its content,
    and `id~HASH-2` and so on where that is taken, too.
    """
    ids = pl.concat([frame.select("id") for frame in frames])
    # Where all hashes differ, all ids do: that is seen in a tenth of the time.
    hashed = np.sort(ids["id"].hash().to_numpy())
    if not (hashed[1:] == hashed[:-1]).any() or ids["id"].n_unique() == ids.height:
        return list(frames)
    hashes = pl.concat([frame.select("content_hash") for frame in frames])["content_hash"]
    names = ids["id"].to_list()
    taken = set(names)
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            fresh = f"{name}~{hashes[index].hex()[:8]}"
            number = 2
            while fresh in taken:
                fresh = f"{name}~{hashes[index].hex()[:8]}-{number}"
                number += 1
            names[index] = fresh
            taken.add(fresh)
        seen.add(names[index])
    starts = np.cumsum([0, *[frame.height for frame in frames]])
    return [
        frame.with_columns(pl.Series("id", names[start : start + frame.height], dtype=pl.String))
        for frame, start in zip(frames, starts[:-1], strict=True)
    ]
