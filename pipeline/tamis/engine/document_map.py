"""The document map: in which part of the token files each document of a release is, and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.corpus.commit import TableWriter
from tamis.kernels.buffers import one_chunk
from tamis.tokens.formats.contract import Lengths

MAP_ROWS = 100_000
"""Rows of a row group of the document map, about."""


class Mapped(Protocol):
    """A part, and what of it the map has told."""

    name: str
    mapped: int
    """Documents."""
    mapped_tokens: int


def lengths_of(table: pa.Table) -> Lengths:
    """Tokens of every row of a token shard."""
    lengths: Lengths = pc.list_value_length(one_chunk(table["input_ids"])).to_numpy().astype(np.int64)
    return lengths


class DocumentMap:
    """A piece of the document map in the making."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[pa.Table] = []
        self._writer: TableWriter | None = None

    def add(self, table: pa.Table, parts: Mapping[str, Mapped]) -> None:
        """Takes the rows of a row group, whose documents their parts have taken."""
        coded = one_chunk(table["kind"]).dictionary_encode()
        names, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy()
        lengths = lengths_of(table)
        number, start = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
        for code, name in enumerate(names):
            part, rows = parts[name], np.flatnonzero(codes == code)
            ends = np.cumsum(lengths[rows])
            number[rows] = part.mapped + np.arange(len(rows))
            start[rows] = part.mapped_tokens + ends - lengths[rows]
            part.mapped += len(rows)
            part.mapped_tokens += int(ends[-1])
        part_names = pa.array([parts[name].name for name in names], pa.string())
        columns = {
            "id": table["id"],
            "part": part_names.take(coded.indices),
            "number": number,
            "start": start,
            "length": lengths,
            "copies": table["copies"],
        }
        self._pending.append(pa.table(columns))
        if sum(map(len, self._pending)) >= MAP_ROWS:
            self._flush()

    def _flush(self) -> None:
        table = pa.concat_tables(self._pending).combine_chunks()
        if self._writer is None:
            options = {"compression": "zstd", "compression_level": 3, "use_dictionary": ["part", "copies"]}
            self._writer = TableWriter(self._path, table.schema, write_page_index=True, **options)
        self._writer.write(table)
        self._pending = []

    def close(self) -> Path:
        """Puts the file in its place."""
        if self._pending:
            self._flush()
        assert self._writer is not None
        self._writer.close()
        self._writer = None
        return self._path

    def discard(self) -> None:
        """Removes the file, unless it is in its place."""
        if self._writer is not None:
            self._writer.discard()
