"""What the bounds of groups settle by themselves, before weights are looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class NoSolutionError(Exception):
    """There is no plan that keeps all constraints; `groups`, where known, are those of each axis that conflict."""

    def __init__(self, groups: Sequence[Ints] = ()) -> None:
        super().__init__()
        self.groups = groups


class Bounds:
    """Cells that are left to be solved, their total, and the bounds of groups, each as tight as the others make it.

    Where floors use up the total, every other group gets nothing; where a group needs all that its cells may have,
    each of them is full. Taking such cells out leaves a problem that raking solves quickly.
    """

    def __init__(
        self, caps: Ints, alive: Mask, total: int, groups: Sequence[Ints], low: Sequence[Ints], high: Sequence[Ints]
    ) -> None:
        self.caps, self.alive, self.total, self.groups = caps, alive.copy(), total, groups
        self.full = np.zeros(len(caps), bool)
        self.low, self.high = [one.copy() for one in low], [one.copy() for one in high]
        while self._tighten():
            pass

    def _tighten(self) -> bool:
        """One round; whether a cell was taken out."""
        before = int(self.alive.sum())
        if not self.groups and self.caps[self.alive].astype(np.float64).sum() < self.total:
            raise NoSolutionError
        for at, group in enumerate(self.groups):
            low, high = self.low[at], self.high[at]
            capacity = np.bincount(group[self.alive], np.minimum(self.caps, self.total)[self.alive], len(low))
            high = np.minimum(high, np.minimum(capacity, self.total).astype(np.int64))
            low = np.maximum(low, self.total - (high.sum() - high))
            high = np.minimum(high, self.total - (low.sum() - low))
            if (low > high).any() or low.sum() > self.total or high.sum() < self.total:
                raise NoSolutionError
            self.low[at], self.high[at] = low, high
            self.alive &= high[group] > 0
            self._fill(self.alive & (capacity == low)[group])
        return int(self.alive.sum()) < before

    def _fill(self, cells: Mask) -> None:
        if not cells.any():
            return
        # A cap above the total was counted as the total.
        amounts = np.minimum(self.caps, self.total)
        self.caps = np.where(cells, amounts, self.caps)
        self.full |= cells
        self.alive &= ~cells
        for group, low, high in zip(self.groups, self.low, self.high, strict=True):
            taken = np.bincount(group[cells], amounts[cells], len(low)).astype(np.int64)
            low -= taken
            high -= taken
            np.maximum(low, 0, out=low)
        self.total -= int(amounts[cells].sum())
