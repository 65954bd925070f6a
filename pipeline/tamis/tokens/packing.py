"""How the documents of a cell become samples of one length, pass by pass.

    concatenate   documents one after the other in a new order each pass, cut wherever a sample is full (as
                  Megatron-LM and nanotron do)
    best_fit      only documents longer than a sample are cut; the pieces are packed whole, and padded (Ding et al.
                  2024, arXiv:2404.10830); the samples come in a new order each pass

A pass over the documents ends before the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import xxhash

from tamis.tokens.cells import Cell

Packing = Literal["concatenate", "best_fit"]
Longs = npt.NDArray[np.int64]
WINDOW = 1 << 16
"""Pieces of documents that are packed together by best fit: more hardly save any padding."""
_PASSES_KEPT = 2
"""Passes of which the order is held: samples at the end of one reach into the next."""


class Pieces(NamedTuple):
    """What a sample is made of: tokens `starts[i]` to `starts[i] + lengths[i]` of document `documents[i]`."""

    documents: Longs
    starts: Longs
    lengths: Longs


class Sampler(Protocol):
    """The samples of one cell, in the order they are used."""

    @property
    def per_pass(self) -> float:
        """Samples that one pass over the documents gives."""
        ...

    def sample(self, number: int) -> Pieces:
        """The pieces of a sample; numbers go on beyond the first pass."""
        ...


def sampler(cell: Cell, length: int, seed: int, packing: Packing) -> Sampler:
    """Samples of `length` tokens of a cell that has any."""
    return (BestFit if packing == "best_fit" else Concatenated)(cell, length, seed)


def _shuffler(cell: Cell, seed: int) -> Callable[[int, int, int], Longs]:
    """`shuffled(what, turn, count)`: a permutation that hangs on these, the seed and the cell's name alone."""
    name = xxhash.xxh3_64_intdigest(cell.name.encode())

    @lru_cache(maxsize=2 * _PASSES_KEPT)
    def shuffled(what: int, turn: int, count: int) -> Longs:
        return np.random.default_rng([seed, name, what, turn]).permutation(count)

    return shuffled


class Concatenated:
    """Documents end to end, cut into samples."""

    def __init__(self, cell: Cell, length: int, seed: int) -> None:
        self._cell, self._length = cell, length
        self._shuffled = _shuffler(cell, seed)
        self._ends = lru_cache(maxsize=_PASSES_KEPT)(self._ends_of)

    @property
    def per_pass(self) -> float:
        """Samples that one pass over the documents gives."""
        return self._cell.tokens / self._length

    def sample(self, number: int) -> Pieces:
        """The pieces of a sample; the last one of a pass may take some of the next."""
        tokens, length = self._cell.tokens, self._length
        # Samples that begin in the same pass are shuffled among themselves.
        turn = number * length // tokens
        first, after = (-(-place * tokens // length) for place in (turn, turn + 1))
        at = (first + int(self._shuffled(2, turn, after - first)[number - first])) * length
        found: list[tuple[int, int, int]] = []
        left = length
        while left:
            turn, place = divmod(at, tokens)
            ends = self._ends(turn)
            row = int(np.searchsorted(ends, place, side="right"))
            start = place - (int(ends[row - 1]) if row else 0)
            size = min(left, int(ends[row]) - place)
            found.append((int(self._order(turn)[row]), start, size))
            at += size
            left -= size
        documents, starts, lengths = np.array(found, np.int64).T
        return Pieces(documents, starts, lengths)

    def _order(self, turn: int) -> Longs:
        return self._shuffled(1, turn, len(self._cell.lengths))

    def _ends_of(self, turn: int) -> Longs:
        return np.cumsum(self._cell.lengths[self._order(turn)])


class BestFit:
    """Pieces of documents packed whole."""

    def __init__(self, cell: Cell, length: int, seed: int) -> None:
        self._cell, self._length = cell, length
        self._shuffled = _shuffler(cell, seed)

    @property
    def per_pass(self) -> float:
        """Samples that one pass over the documents gives."""
        return float(len(self._packed[2]))

    def sample(self, number: int) -> Pieces:
        """The pieces of a sample, in the order of their documents in the pass."""
        pieces, by_sample, ends = self._packed
        turn, place = divmod(number, len(ends))
        chosen = int(self._shuffled(2, turn, len(ends))[place])
        rows = by_sample[int(ends[chosen - 1]) if chosen else 0 : int(ends[chosen])]
        return Pieces(*(column[rows] for column in pieces))

    @cached_property
    def _packed(self) -> tuple[Pieces, Longs, Longs]:
        """All pieces, their rows sample by sample, and where each sample's rows end."""
        from tamis.kernels.packing import best_fit

        order = self._shuffled(1, 0, len(self._cell.lengths))
        cut = _cut(self._cell.lengths[order], self._length)
        pieces = cut._replace(documents=order[cut.documents])
        samples, used = [np.zeros(0, np.int64)], 0
        for at in range(0, len(pieces.lengths), WINDOW):
            found, count = best_fit(pieces.lengths[at : at + WINDOW], self._length)
            samples.append(found + used)
            used += count
        numbers = np.concatenate(samples)
        return pieces, np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers, minlength=used))


def _cut(lengths: Longs, most: int) -> Pieces:
    """Documents as pieces of at most `most` tokens."""
    counts = -(-lengths // most)
    documents = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = number * most
    return Pieces(documents, starts, np.minimum(most, lengths[documents] - starts))
