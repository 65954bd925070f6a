"""Parquet files of a release: how they are laid out, and written as their rows come, in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import make_folder
from tamis.corpus.parquet_parts import Part, read_part
from tamis.kernels.buffers import one_chunk
from tamis.mix.cuts import COLUMNS

ROW_GROUP_BYTES = 32_000_000
"""Bytes of text, or of token ids, in a row group, at most and some more: the Hub's viewer wants less than 100 MB."""
REPEATED = ("source", "language", "category", "license", "date", "author", "copies", *COLUMNS.values())
"""Columns whose values repeat: dictionaries make them smaller. (So does one of `text`: its first megabyte is
compressed in one piece.) Dictionaries of the others are built for nothing, those of token ids at a price."""
COMPARED = (*REPEATED, "id", "url", "title", "tokens", "n_tokens")
"""Columns a query may ask a range of, or the nulls of. Smallest and largest text are of no use, and long."""
_TOKEN_LEVEL, _TEXT_LEVEL = 1, 3
"""zstd levels: 1 makes texts 12 % larger than 3 (so they get 3), token ids 3 %, for two thirds of the time."""
_IDS = "input_ids.list.element"
"""Column of token ids. Their low bytes stand together, and so do their high ones, which are alike: zstd then makes them
5 % smaller in two thirds of the time."""


def options_of(schema: pa.Schema) -> dict[str, Any]:
    """Options of a Parquet file with these columns: zstd, page index for the Hub's viewer, content-defined
    chunks for its storage."""
    names = schema.names
    encoding = {_IDS: "BYTE_STREAM_SPLIT"} if "input_ids" in names else None
    return {
        "compression": "zstd",
        "compression_level": _TEXT_LEVEL if "text" in names else _TOKEN_LEVEL,
        "use_dictionary": [name for name in (*REPEATED, "text") if name in names],
        "column_encoding": encoding,
        "write_statistics": [name for name in COMPARED if name in names],
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }


class PartWriter:
    """Some row groups of a Parquet file in the making, of about ROW_GROUP_BYTES each, or fewer where `flush` cuts them.

    Nothing is committed: a part is gone once its file is put together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self.held = 0
        """Bytes of text, or of token ids, that aren't written yet."""

    def add(self, table: pa.Table) -> None:
        """Takes rows in their order: of a table with `text` or with `input_ids`."""
        self.held += _weight(table)
        # Copied: they may be a part of a larger table, and would hold all of it.
        self._pending.append(_copied(table))
        if self.held >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Ends the row group."""
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        if self._writer is None:
            make_folder(self._path.parent)
            self._writer = pq.ParquetWriter(self._path, table.schema, **options_of(table.schema))
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._pending, self.held = [], 0

    def close(self) -> Part:
        """Describes the part, which has rows."""
        self.flush()
        assert self._writer is not None, "no rows were added"
        self._writer.close()
        return read_part(self._path)


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
