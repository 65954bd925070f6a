"""Counts: what there is to mix, as a table of cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from tamis.corpus.manifest import NAME, read_manifest
from tamis.errors import InputError
from tamis.mix.csv_table import read_table
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN

KEY = ("source", "language", "category", "part", "year", "quality")
"""What makes a cell. Two rows with the same key are one cell, whose counts are their sums."""
SCHEMA: dict[str, Any] = {
    "source": pl.String, "language": pl.String, "category": pl.String, "part": pl.String, "year": pl.Int32,
    "quality": pl.Float64, "tokens": pl.Int64, "documents": pl.Int64,
}  # fmt: skip
_OF_RELEASE = ("source", "language", "category", "part", "quality", "tokens", "documents")
_MOST = 10**15
LONG, SHORT = "long", "short"
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True)
class Counts:
    """Cells in the order of their keys; `tokens` is null where nobody knows, `documents` where nobody counted."""

    cells: pl.DataFrame
    """Columns as in SCHEMA. `part` (long or short), `year` and `quality` (the upper edge of a quantile bucket, from 0
    to 1) may be null."""
    name: str = "counts"
    """What errors call them."""

    @property
    def tokens(self) -> int:
        """Tokens of all cells."""
        return int(self.cells["tokens"].sum())


def counts_of(table: pl.DataFrame | pa.Table, name: str = "counts") -> Counts:
    """Counts of a table with the columns source (or dataset), language, category and tokens; documents, part, year,
    quality where there are any. Other columns don't matter.

    Rows of the same key are added up, and cells sorted, so neither the order of rows nor how a cell is cut into them
    changes anything. A null language counts as `und`, a null category as `none`.
    """
    frame = table if isinstance(table, pl.DataFrame) else pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    if "source" not in frame.columns and "dataset" in frame.columns:
        frame = frame.rename({"dataset": "source"})
    missing = [column for column in ("source", "language", "category", "tokens") if column not in frame.columns]
    if missing:
        raise InputError(f"{name}: there is no column {missing[0]} (columns: {', '.join(frame.columns)})")
    frame = frame.select(
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(dtype).alias(column)
        for column, dtype in SCHEMA.items()
    )
    if frame["tokens"].cast(pl.Float64).sum() > _MOST:
        raise InputError(f"{name}: more tokens than {_MOST:.0e}: no plan counts so many")
    frame = frame.with_columns(
        pl.col("language").fill_null(UNKNOWN).replace("", UNKNOWN),
        pl.col("category").fill_null(NO_CATEGORY).replace("", NO_CATEGORY),
        pl.coalesce("year", pl.col("source").map_elements(year_of, return_dtype=pl.Int32)),
    )
    return Counts(merge(frame), name)


def merge(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a key, in the order of keys. A sum with an unknown count is unknown."""
    sums = [
        pl.when(pl.col(column).is_null().any()).then(None).otherwise(pl.col(column).sum()).alias(column)
        for column in ("tokens", "documents")
    ]
    return frame.group_by(KEY).agg(sums).sort(KEY, nulls_last=False).select(*SCHEMA)


def year_of(source: str) -> int | None:
    """The last year (four digits, from 1900 to 2099) in a source's name."""
    found = _YEAR.findall(source)
    return int(found[-1]) if found else None


def series_of(source: str) -> str:
    """A source's name without its year: what the sources of a series have in common."""
    found = list(_YEAR.finditer(source))
    return f"{source[: found[-1].start()]}*{source[found[-1].end() :]}" if found else source


def read_counts(path: Path, released: bool = False) -> Counts:
    """The counts in a CSV file, or those of a release, if `path` is its folder: of what passed every rule, or of what
    is `released`. InputError with file and line."""
    if path.is_dir():
        return _of_release(path, released)
    rows: list[dict[str, Any]] = []
    for row in read_table(path, (("dataset", "source"), ("language",), ("category",), ("tokens",))):
        source = "dataset" if "dataset" in row.values else "source"
        if not row.text(source):
            raise row.wrong(source, "a name")
        if row.text("part") not in ("", LONG, SHORT):
            raise row.wrong("part", f"{LONG} or {SHORT}")
        year = row.whole("year")
        if year is not None and not 1000 <= year <= 9999:
            raise row.wrong("year", "a year of four digits")
        rows.append(
            {
                "source": row.text(source), "language": row.text("language"), "category": row.text("category"),
                "part": row.text("part") or None, "year": year, "quality": row.number("quality", most=1),
                "tokens": row.whole("tokens"), "documents": row.whole("documents"),
            }
        )  # fmt: skip
    if not rows:
        raise InputError(f"{path}: there are no counts below the header")
    return counts_of(pl.DataFrame(rows, schema=SCHEMA), str(path))


def _of_release(path: Path, released: bool) -> Counts:
    composition = [row for row in read_manifest(path).composition if row.tokens or not released]
    if not any(row.passed_tokens for row in composition):
        raise InputError(f"{path / NAME}: the release counts no tokens (it needs the tokenize stage)")
    frame = pl.DataFrame(
        [
            (
                *(row.source, row.language, row.category, row.part, row.quality),
                *((row.tokens, row.documents) if released else (row.passed_tokens, row.passed_documents)),
            )
            for row in composition
        ],
        schema={name: SCHEMA[name] for name in _OF_RELEASE},
        orient="row",
    )
    return counts_of(frame, str(path))
