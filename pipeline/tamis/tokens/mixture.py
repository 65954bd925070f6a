"""Which cell each sample of a training run comes from: computed from the sample's number alone.

The samples of a cell are spread evenly over its part of the run, and the cells' sequences merged: every cell is
within one sample of its share at every moment, however many there are. Within a block of the merged sequence the
order is then shuffled, so that no pattern repeats. Nothing but the counts has to be kept, so any sample can be
asked for first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

BLOCK = 4096
"""Samples, about, that are put in order and shuffled together."""
_BLOCKS_KEPT = 4


def largest_remainder(shares: Sequence[float] | Reals, total: int) -> Longs:
    """Whole numbers that sum to `total`, in proportion to `shares`, none of them off by one or more."""
    weights = np.asarray(shares, np.float64)
    exact = weights / weights.sum() * total
    counts: Longs = np.floor(exact).astype(np.int64)
    # Of equal remainders the first; so the result depends on the shares in their order alone.
    by_rest = np.argsort(-(exact - counts), kind="stable")
    counts[by_rest[: total - int(counts.sum())]] += 1
    return counts


@dataclass(frozen=True, eq=False)
class Mixture:
    """The order in which the samples of several cells come."""

    counts: Longs
    """Samples of each cell."""
    seed: int
    groups: Sequence[Sequence[int]] = ()
    """Groups of cells that come one after the other, each for as long as its samples last, instead of all the time."""
    _made: dict[int, tuple[Longs, Longs]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Samples in all."""
        return int(self.counts.sum())

    def at(self, sample: int) -> tuple[int, int]:
        """The cell that a sample comes from, and its number among that cell's samples."""
        block = int(np.searchsorted(self._starts, sample, side="right")) - 1
        cells, numbers = self._block(block)
        place = sample - int(self._starts[block])
        return int(cells[place]), int(numbers[place])

    @cached_property
    def _phases(self) -> Reals:
        """Where in its turn each cell's first sample comes, so that they don't all come at once."""
        return np.random.default_rng([self.seed, 1]).uniform(0.001, 0.999, len(self.counts))

    @cached_property
    def _spans(self) -> tuple[Reals, Reals]:
        """First and last moment of each cell in the run, between 0 and 1."""
        begin, end = np.zeros(len(self.counts)), np.ones(len(self.counts))
        for group in map(list, self.groups):
            ends = np.cumsum(self.counts[group]) / max(int(self.counts[group].sum()), 1)
            begin[group], end[group] = ends - self.counts[group] / max(int(self.counts[group].sum()), 1), ends
        return begin, end

    def _moments(self, cells: Longs, numbers: Longs) -> Reals:
        """When these samples come, between 0 and 1."""
        begin, end = self._spans
        turn = (numbers + self._phases[cells]) / np.maximum(self.counts[cells], 1)
        return begin[cells] + (end[cells] - begin[cells]) * turn

    def _before(self, moment: float) -> Longs:
        """How many samples of each cell come before a moment."""
        begin, end = self._spans
        cells = np.arange(len(self.counts))
        turn = (moment - begin) / np.maximum(end - begin, 1e-300) * self.counts - self._phases
        found = np.clip(np.ceil(turn), 0, self.counts).astype(np.int64)
        # Rounding may have taken one too many or too few: what counts is the moment computed for the sample.
        found -= (found > 0) & (self._moments(cells, np.maximum(found - 1, 0)) >= moment)
        found += (found < self.counts) & (self._moments(cells, found) < moment)
        return found

    @cached_property
    def _edges(self) -> list[Longs]:
        """Samples of each cell before each block, and before the end."""
        blocks = max(1, -(-len(self) // BLOCK))
        return [*[self._before(number / blocks) for number in range(blocks)], self.counts.copy()]

    @cached_property
    def _starts(self) -> Longs:
        """Samples before each block; those that none starts at are empty."""
        return np.array([int(edge.sum()) for edge in self._edges[:-1]], np.int64)

    def _block(self, number: int) -> tuple[Longs, Longs]:
        """Cells and numbers of a block's samples, in their order."""
        if number not in self._made:
            if len(self._made) >= _BLOCKS_KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[number] = self._shuffled(number)
        return self._made[number]

    def _shuffled(self, number: int) -> tuple[Longs, Longs]:
        first, last = self._edges[number], self._edges[number + 1]
        cells = np.repeat(np.arange(len(self.counts)), last - first)
        before = np.repeat(np.cumsum(last - first) - (last - first), last - first)
        numbers = np.arange(len(cells)) - before + np.repeat(first, last - first)
        moments = self._moments(cells, numbers)
        order = np.random.default_rng([self.seed, 2, number]).permutation(np.lexsort((cells, moments)))
        for group in self.groups:
            # The places that the shuffling gave to a group are taken in its own order.
            mine = np.flatnonzero(np.isin(cells[order], group))
            order[mine] = order[mine][np.lexsort((cells[order[mine]], moments[order[mine]]))]
        # A cell's own samples stay in their order: its first pass over the documents ends before the second.
        ordered = np.empty(len(order), np.int64)
        ordered[np.argsort(cells[order], kind="stable")] = numbers
        return cells[order], ordered
