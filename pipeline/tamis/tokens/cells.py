"""Token ids of one cell of a mixture (a source's documents of one language and category), read by memory map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import InputError

Ids = npt.NDArray[np.integer]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MappedIds:
    """Token ids that lie in a file as they are: opened where they are read, in whatever process that is."""

    path: Path
    dtype: str
    """NumPy's name of their type: `<u2`."""

    @cached_property
    def array(self) -> Ids:
        """The memory map."""
        if not self.path.stat().st_size:
            return np.zeros(0, self.dtype)
        return np.memmap(self.path, self.dtype, "r")

    def __getstate__(self) -> dict[str, Any]:
        # Pickled, a memory map would take all it maps along.
        return {"path": self.path, "dtype": self.dtype}


@dataclass(frozen=True, eq=False)
class TokenFile:
    """Documents one after the other."""

    name: str
    source: MappedIds | Ids
    """Token ids of all documents."""
    ends: Longs
    """Where each document ends among them."""

    @property
    def ids(self) -> Ids:
        """Token ids of all documents, as an array."""
        return self.source.array if isinstance(self.source, MappedIds) else self.source


@dataclass(frozen=True, eq=False)
class Cell:
    """All documents of a cell, numbered through its files."""

    name: str
    """As a mixture names it: `SOURCE/LANGUAGE/CATEGORY`."""
    files: tuple[TokenFile, ...]

    @classmethod
    def of(cls, name: str, files: Iterable[TokenFile]) -> Cell:
        """A cell of these files. Raises InputError when a file's documents don't end where its ids do."""
        cell = cls(name, tuple(files))
        for file in cell.files:
            last = int(file.ends[-1]) if len(file.ends) else 0
            if last != len(file.ids):
                raise InputError(f"{file.name}: its documents end at token {last}, but it has {len(file.ids)}")
        return cell

    @cached_property
    def starts(self) -> Longs:
        """Where each document begins, counted in its own file."""
        return np.concatenate([np.zeros(0, np.int64), *[file.ends - self._sizes(file) for file in self.files]])

    @cached_property
    def lengths(self) -> Longs:
        """Tokens of each document."""
        return np.concatenate([np.zeros(0, np.int64), *map(self._sizes, self.files)])

    @cached_property
    def tokens(self) -> int:
        """Tokens of all documents."""
        return int(sum(len(file.ids) for file in self.files))

    @cached_property
    def _first(self) -> Longs:
        """Number of each file's first document."""
        return np.cumsum([0, *[len(file.ends) for file in self.files]], dtype=np.int64)

    @staticmethod
    def _sizes(file: TokenFile) -> Longs:
        return np.diff(file.ends, prepend=0).astype(np.int64)

    def piece(self, document: int, start: int, length: int) -> Ids:
        """Tokens `start` to `start + length` of a document; fewer where it ends before."""
        number = int(np.searchsorted(self._first, document, side="right")) - 1
        begin = int(self.starts[document])
        last = min(start + length, int(self.lengths[document]))
        return self.files[number].ids[begin + start : begin + last]


def total_tokens(cells: Sequence[Cell]) -> int:
    """Tokens of all cells."""
    return sum(cell.tokens for cell in cells)
