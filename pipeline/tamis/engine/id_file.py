"""The list of documents that differ between two releases, as a file written piece by piece."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Any

import polars as pl
import pyarrow.parquet as pq

from tamis.corpus.commit import Pending


class IdFile:
    """A Parquet, CSV or JSON Lines file in the making, by its name's ending; it takes its place when it is whole."""

    SUFFIXES = (".parquet", ".csv", ".jsonl")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending = Pending(path)
        self._handle: IO[bytes] | None = None
        self._parquet: Any = None

    def __enter__(self) -> IdFile:
        self._handle = self._pending.temporary.open("wb")
        return self

    def add(self, frame: pl.DataFrame) -> None:
        """Writes some rows, sorted by id; the first table brings the header, also when it has no row."""
        assert self._handle is not None
        if self._path.suffix == ".jsonl":
            frame.write_ndjson(self._handle)
        elif self._path.suffix == ".csv":
            frame.write_csv(self._handle, include_header=self._handle.tell() == 0)
        else:
            table = frame.to_arrow()
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._handle, table.schema, compression="zstd")
            self._parquet.write_table(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._handle is not None
        try:
            if self._parquet is not None:
                self._parquet.close()
            self._handle.close()
            if kind is None:
                self._pending.commit()
        finally:
            self._pending.discard()
