"""Sketches in memory, for tests that resolve a table which is already loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class LoadedSketches:
    """A `SketchReader` over tables in memory."""

    rows: pa.Table
    """As `SketchReader.rows` has it."""
    columns: Mapping[str, pa.ChunkedArray] = field(default_factory=dict)
    """Sketch columns by name, aligned with `rows`."""

    def __len__(self) -> int:
        """How many rows."""
        return int(self.rows.num_rows)

    def pieces(self, column: str) -> list[pa.Array]:
        """One sketch column, or one of `rows`."""
        chunks: list[pa.Array] = (self.columns if column in self.columns else self.rows)[column].chunks
        return chunks

    def subset(self, alive: pa.Array) -> LoadedSketches:
        """The rows where `alive` (boolean, aligned) is true: what another rule would leave."""
        columns = {name: column.filter(alive) for name, column in self.columns.items()}
        return LoadedSketches(self.rows.filter(alive), columns)
