"""Token ids of one cell of a mixture (a source's documents of one language and category), read by memory map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.errors import InputError

Ids = npt.NDArray[np.integer]
Longs = npt.NDArray[np.int64]


def kinds_of(cell: str) -> dict[str, str]:
    """Language, source and category in the name of a cell, whatever else cuts it."""
    language, _, rest = cell.partition("/")
    source, _, category = rest.partition("/")[0].rpartition("--")
    return {"language": language, "source": source, "category": category}


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
    """Documents of a cell, numbered through its files."""

    name: str
    """As a release names it: `LANGUAGE/SOURCE--CATEGORY`, and `/PART-BUCKET` where the mix cuts by these."""
    files: tuple[TokenFile, ...]
    chosen: Longs | None = None
    """Numbers of the documents it has, of those in the files; None: all of them."""

    @classmethod
    def of(cls, name: str, files: Iterable[TokenFile]) -> Cell:
        """A cell of all documents of these files. Raises InputError when they don't end where the ids do."""
        cell = cls(name, tuple(files))
        for file in cell.files:
            last = int(file.ends[-1]) if len(file.ends) else 0
            if last != len(file.ids):
                raise InputError(f"{file.name}: its documents end at token {last}, but it has {len(file.ids)}")
        return cell

    def only(self, documents: npt.NDArray[np.bool_]) -> Cell:
        """The documents where a mask over them is true."""
        numbers = np.arange(len(self.lengths)) if self.chosen is None else self.chosen
        return replace(self, chosen=numbers[documents])

    @cached_property
    def lengths(self) -> Longs:
        """Tokens of each document."""
        return self._of_chosen([np.diff(file.ends, prepend=0) for file in self.files])

    @cached_property
    def tokens(self) -> int:
        """Tokens of all documents."""
        return int(self.lengths.sum())

    def piece(self, document: int, start: int, length: int) -> Ids:
        """Tokens `start` to `start + length` of a document; fewer where it ends before."""
        begin = int(self._starts[document])
        last = min(start + length, int(self.lengths[document]))
        return self.files[int(self._places[document])].ids[begin + start : begin + last]

    @cached_property
    def _starts(self) -> Longs:
        """Where each document begins in its file."""
        return self._of_chosen([file.ends - np.diff(file.ends, prepend=0) for file in self.files])

    @cached_property
    def _places(self) -> Longs:
        """The file of each document."""
        return self._of_chosen([np.full(len(file.ends), place) for place, file in enumerate(self.files)])

    def _of_chosen(self, values: Sequence[Longs]) -> Longs:
        every = np.concatenate([np.zeros(0, np.int64), *values]).astype(np.int64, copy=False)
        return every if self.chosen is None else every[self.chosen]
