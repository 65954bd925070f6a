"""What a trainer format is: it writes the documents of a part, reads them again, and spells a phase's weights.

A *cell* is what a trainer weighs: the documents of one language, source and category (and, where the mix cuts by
them, length and quality). Its token ids lie in
numbered *parts*, `CELL/00000`, `CELL/00001`, ..., cut at the same documents in every format; a part's files are
`FORMAT/CELL/00000` and what the format appends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[Any]
"""Token ids, one after the other: uint16 or uint32, or the type of a format."""
Lengths = npt.NDArray[np.int64]

TOKENIZER = "tokenizer/tokenizer.json"
"""Where the tokenizer lies in a release."""


@dataclass(frozen=True)
class Vocabulary:
    """The token ids that files are made of."""

    size: int
    """The largest id, and one more."""
    end_of_document: int
    """The id that ends every document, and is nowhere else."""

    @property
    def type(self) -> np.dtype[Any]:
        """The narrowest unsigned type for all ids, little-endian: uint16 or uint32."""
        return np.dtype("<u2" if self.size <= 1 << 16 else "<u4")


@dataclass(frozen=True, eq=False)
class Documents:
    """Some documents of one part, in their order."""

    names: pa.Array
    """Document ids, strings."""
    ids: Ids
    """Token ids of all of them."""
    lengths: Lengths
    """Tokens of each; at least 1, the end of the document."""


class PartWriter(Protocol):
    """The files of one part in the making."""

    def add(self, documents: Documents) -> None:
        """Takes the next documents."""
        ...

    def close(self) -> list[Path]:
        """Puts the files in their places, and returns these."""
        ...

    def discard(self) -> None:
        """Removes what isn't in its place."""
        ...


class PartReader(Protocol):
    """The files of one part, read by their layout."""

    lengths: Lengths
    """Tokens of every document, as the files tell."""

    def ids(self, first: int, count: int) -> Ids:
        """Token ids of `count` documents from document `first` on."""
        ...


@dataclass(frozen=True)
class Weighted:
    """A cell in a phase."""

    cell: str
    """What the phase calls it: as it is named in its release, but for rehearsed ones, `LANGUAGE/rehearsal:...`."""
    share: float
    """Of the phase's tokens; above 0."""
    parts: Mapping[str, int]
    """Part -> its tokens, distinct ones."""
    stem: str
    """Its name in the release that has its files: `LANGUAGE/SOURCE--CATEGORY`."""
    release: str = ""
    """Where that is, seen from this one: `../old-1.0`; empty for this release itself."""

    def path(self, folder: str, name: str) -> str:
        """The path of the cell, or one of its parts, in the folder of a format."""
        return f"{self.release}/{folder}/{name}" if self.release else f"{folder}/{name}"

    @property
    def by_part(self) -> list[tuple[str, float]]:
        """The parts, with the share of each: as its tokens in those of the cell."""
        tokens = sum(self.parts.values())
        return [(part, self.share * (count / tokens)) for part, count in self.parts.items()]


@dataclass(frozen=True)
class Phase:
    """A phase of a training run, as its weights tell."""

    name: str
    """`main`, `annealing`, ...: part of file names."""
    tokens: int
    """Its budget, repeats counted."""
    cells: tuple[Weighted, ...]
    in_turn: tuple[tuple[str, ...], ...] = ()
    """Groups of cells that training sees one after the other: years in rising order."""


@dataclass(frozen=True)
class Format:
    """One trainer format."""

    name: str
    """Its folder in a release, and its name in a recipe."""
    title: str
    """The trainers that read it."""
    suffixes: tuple[str, ...]
    """What a part's name is followed by: one file each, or a folder where it ends in `/`."""
    longest: Callable[[Vocabulary], int]
    """Tokens that a document may have at most."""
    parts: int | None
    """Parts that a trainer can weigh at most, if there is a limit."""
    writer: Callable[[Path, Vocabulary], PartWriter]
    """Opens the part whose path, without suffix, is given."""
    reader: Callable[[Path, Vocabulary], PartReader]
    """Reads the part; raises ValueError where its files aren't what the layout says."""
    blend: Callable[[Phase, Vocabulary], dict[str, bytes]]
    """The files that tell a trainer a phase's weights, by path in the release; pure."""
