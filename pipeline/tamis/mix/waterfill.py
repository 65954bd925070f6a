"""Filling cells up to their caps: sums of min(weight * t, cap) over classes of cells, and where they reach a target."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 500
"""Newton steps at most. Each ends on a later piece of a concave, piecewise linear function: a handful is usual."""


class Waterfill:
    """X_s(t) = sum of min(q_i * t, u_i) over the cells i of class s, for all classes s at once.

    It rises, is concave, and linear between the points u_i / q_i where a cell is full.
    """

    def __init__(self, weights: Floats, caps: Floats, classes: Ints, count: int) -> None:
        """`weights` are above 0; `caps` may be infinite; `classes` are from 0 to `count` - 1."""
        full = caps / weights
        order = np.lexsort((full, classes))
        self.full = full[order]
        self.start = np.searchsorted(classes[order], np.arange(count + 1))
        self.weight = np.bincount(classes, weights, count).astype(np.float64)
        bounded = np.isfinite(caps)
        self.capacity = np.bincount(classes, caps, count)
        # Whole numbers, so that differences of the running sum are exact.
        filled = np.where(bounded, caps, 0).astype(np.int64)[order]
        self.filled = np.concatenate(([0], np.cumsum(filled)))
        # What is not full yet, as a share of the class, summed from its end: a small class is as exact as a large one,
        # and so is what a heavy cell leaves to the light ones.
        share = (weights / self.weight[classes])[order]
        self.left = np.zeros(len(share) + 1)
        for begin, end in zip(self.start[:-1], self.start[1:], strict=True):
            self.left[begin:end] = np.cumsum(share[begin:end][::-1])[::-1]

    def at(self, t: Floats) -> tuple[Floats, Floats]:
        """X_s(t_s), and its slope there to the right."""
        where = self._position(t)
        begin, end = self.start[:-1], self.start[1:]
        slope = np.where(where < end, self.left[where], 0.0) * self.weight
        level: Floats = (self.filled[where] - self.filled[begin]).astype(np.float64)
        open_ = slope > 0
        level[open_] += t[open_] * slope[open_]
        return level, slope

    def _position(self, t: Floats) -> Ints:
        """How many cells of each class are full at t, as a position in the sorted order."""
        low, high = self.start[:-1].copy(), self.start[1:].copy()
        while (active := low < high).any():
            middle = (low + high) // 2
            right = active & (self.full[np.minimum(middle, len(self.full) - 1)] <= t)
            low = np.where(right, middle + 1, low)
            high = np.where(active & ~right, middle, high)
        return low

    def reach(self, targets: Floats, groups: Ints, factors: Floats) -> Floats:
        """The least t_k of each group k at which the sum of X_s(factors_s * t_k) over its classes s is `targets`_k.

        Where a group can't reach its target, the t at which it is full.
        """
        t = np.zeros(len(targets))
        for _ in range(_STEPS):
            level, slope = self.at(factors * t[groups])
            gap = targets - np.bincount(groups, level, len(targets))
            rise = np.bincount(groups, slope * factors, len(targets))
            step = np.where((gap > 1e-15 * targets) & (rise > 0), gap / np.where(rise > 0, rise, 1.0), 0.0)
            after = t + step
            if not (after > t).any():
                break
            t = np.maximum(t, after)
        return t
