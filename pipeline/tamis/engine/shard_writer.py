"""Parquet files of a release: how they are laid out, and written as their rows come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.corpus.commit import TableWriter
from tamis.kernels.buffers import one_chunk
from tamis.mix.cuts import COLUMNS

ROW_GROUP_BYTES = 32_000_000
"""Bytes of text, or of token ids, in a row group: the Hub's viewer wants less than 100 MB uncompressed."""
REPEATED = ("source", "language", "category", "license", "date", "author", "copies", *COLUMNS.values())
"""Columns whose values repeat: dictionaries make them smaller. (So does one of `text`: its first megabyte is
compressed in one piece.) Dictionaries of the others are built for nothing, those of token ids at a price."""
COMPARED = (*REPEATED, "id", "url", "title", "tokens", "n_tokens")
"""Columns a query may ask a range of, or the nulls of. Smallest and largest text are of no use, and long."""
_TOKEN_LEVEL, _TEXT_LEVEL = 1, 3
"""zstd levels: 1 makes texts 12 % larger than 3 (so they get 3), token ids 6 %, for two thirds of the time."""


def options_of(schema: pa.Schema) -> dict[str, Any]:
    """Options of a Parquet file with these columns: zstd, page index for the Hub's viewer, content-defined
    chunks for its storage."""
    names = schema.names
    return {
        "compression": "zstd",
        "compression_level": _TEXT_LEVEL if "text" in names else _TOKEN_LEVEL,
        "use_dictionary": [name for name in (*REPEATED, "text") if name in names],
        "write_statistics": [name for name in COMPARED if name in names],
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }


class ShardWriter:
    """A Parquet file in the making, row groups of about ROW_GROUP_BYTES; nothing is made for no rows.

    When its rows are `parts` of larger tables, they are copied: held as they are, they would hold all of them.
    """

    def __init__(self, path: Path, parts: bool) -> None:
        self._path, self._parts = path, parts
        self._pending: list[pa.Table] = []
        self._bytes = 0
        self._writer: TableWriter | None = None

    def __enter__(self) -> ShardWriter:
        return self

    def add(self, table: pa.Table) -> None:
        """Takes rows in their order: of a table with `text` or with `input_ids`."""
        self._bytes += _weight(table)
        # In one chunk a column either way: where Parquet's pages end may depend on the chunks they are made of.
        self._pending.append(_copied(table) if self._parts else table.combine_chunks())
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        if self._writer is None:
            self._writer = TableWriter(self._path, table.schema, **options_of(table.schema))
        self._writer.write(table)
        self._pending, self._bytes = [], 0

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
        if self._writer is not None:
            if kind is None:
                self._writer.close()
            else:
                self._writer.discard()


def _weight(table: pa.Table) -> int:
    """Bytes of the texts or the token ids alone: the same however the table was cut."""
    if "text" in table.column_names:
        column = one_chunk(table.column("text"))
        _, offsets, _ = column.buffers()
        ends = np.frombuffer(offsets, np.int64)
        return int(ends[column.offset + len(column)] - ends[column.offset])
    ids = one_chunk(table.column("input_ids"))
    count: int = ids.offsets[-1].as_py() - ids.offsets[0].as_py()
    return count * int(ids.type.value_type.bit_width // 8)


def _copied(table: pa.Table) -> pa.Table:
    # Of two chunks Arrow makes new arrays, of one it doesn't.
    return pa.concat_tables([table.slice(0, 0), table]).combine_chunks()
