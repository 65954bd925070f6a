"""Bins of histograms: for each signal the same ones, whatever its values are, so that counts of shards add up.

* `ratio 0..1`: hundredths.
* Whole numbers: 0, then four bins from each power of two to the next.
* Other numbers under a rule: some dozens of equal steps from 0 to twice the rule's largest threshold.
* Other numbers: four bins from each power of two to the next.
* Flags, and labels: one bin a value.

Bins of numbers hold their lower edge and not their upper one. An edge is the same number in a float32 column as in
a float64 one, as a threshold is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tamis.corpus.conditions import Condition

Scale = Literal["equal", "doubling", "whole"]
Positions = npt.NDArray[np.int64]

RATIO = "ratio 0..1"
LABEL = "label"
OTHER_LABELS = "other labels"
"""Name of the bin of all labels that have none of their own."""
LABELS = 30
"""Labels with a bin of their own, at most: the most frequent ones."""
_STEPS = 120
"""Equal bins up to twice a threshold, at most."""
_PARTS = 4
"""Bins from a power of two to the next."""
_SMALLEST, _LARGEST = -20, 40
"""Powers of two between which floats have bins of their own; whole numbers from 2**0 on."""
_MANTISSA = 52


@dataclass(frozen=True)
class Bins:
    """Bins of one numeric signal. Bin 0 is all below the first edge, the last one is open, too."""

    edges: tuple[float, ...]
    """Lower edges of every bin but the first."""
    step: float = 0.0
    """Equal steps, the edges whole multiples of it; 0 where each power of two is in four parts."""
    whole: bool = False
    """Whether the signal is a whole number."""

    @property
    def size(self) -> int:
        """How many bins."""
        return len(self.edges) + 1

    def position(self, values: npt.NDArray[Any]) -> Positions:
        """The bin of each value; there is no NaN among them."""
        return self._equal(values) if self.step else self._doubling(values)

    def _equal(self, values: npt.NDArray[Any]) -> Positions:
        kind = values.dtype.type
        near = np.clip(values, kind(self.edges[0] - self.step), kind(self.edges[-1] + self.step))
        scaled = near * kind(round(1 / self.step)) if self.step < 1 else near / kind(self.step)
        first = round(self.edges[0] / self.step)
        found: Positions = np.floor(scaled).astype(np.int64) - (first - 1)
        np.clip(found, 0, self.size - 1, out=found)
        # The product may be rounded across an edge.
        bounds = np.array([-np.inf, *self.edges, np.inf]).astype(kind)
        found -= values < bounds[found]
        found += values >= bounds[found + 1]
        found[found >= self.size] = self.size - 1
        return found

    def _doubling(self, values: npt.NDArray[Any]) -> Positions:
        # Exponent and first bits of the mantissa of a float are its power of two and the part.
        smallest = self.edges[1]
        whole = np.clip(values.astype(np.float64), -1.0, self.edges[-1])
        bits = whole.view(np.int64) >> (_MANTISSA - _PARTS.bit_length() + 1)
        first = int(np.float64(smallest).view(np.int64)) >> (_MANTISSA - _PARTS.bit_length() + 1)
        found = np.where(whole >= smallest, bits - first + 2, 1)
        found[values < 0] = 0
        return found

    @property
    def scale(self) -> Scale:
        """As a manifest names the kind of bins."""
        return "equal" if self.step else "whole" if self.whole else "doubling"

    @cached_property
    def used(self) -> list[int]:
        """Bins that can hold a value: of whole numbers, those with a whole number in them."""
        ends = (-math.inf, *self.edges, math.inf)
        if not self.whole:
            return list(range(self.size))
        return [0, *(n for n in range(1, self.size - 1) if math.ceil(ends[n]) < math.ceil(ends[n + 1])), self.size - 1]

    @cached_property
    def bounds(self) -> tuple[float | None, ...]:
        """Edges of the bins that can hold a value: each is from one edge on to the next, None where it is open."""
        lower = [self.edges[n - 1] for n in self.used[1:]]
        return (None, *((float(math.ceil(edge)) for edge in lower) if self.whole else lower), None)


def bins_of(kind: Literal["whole", "float"], unit: str, rules: Iterable[Condition]) -> Bins:
    """The bins of a numeric signal of that kind, unit and rules (`keep` and `keep_by`)."""
    if kind == "whole":
        return _doublings(0, whole=True)
    if unit == RATIO:
        return _steps(0.01, 0, 100)
    thresholds = [float(at) for rule in rules for at in (rule.min, rule.max) if at is not None and math.isfinite(at)]
    widest = max(map(abs, thresholds), default=0.0)
    if not 1e-9 < widest < 1e15:
        return _doublings(_SMALLEST)
    step = _round_up(2 * widest / _STEPS)
    reach = math.ceil(2 * widest / step)
    return _steps(step, -reach if min(thresholds) < 0 else 0, reach)


def _steps(step: float, low: int, high: int) -> Bins:
    # Divided, not multiplied: 29 hundredths are 0.29.
    per = round(1 / step) if step < 1 else 0
    return Bins(tuple(place / per if per else place * step for place in range(low, high + 1)), step)


def _doublings(smallest: int, *, whole: bool = False) -> Bins:
    parts = [
        2.0**power * (1 + part / _PARTS)
        for power in range(smallest, _LARGEST)
        for part in range(_PARTS)
    ]  # fmt: skip
    return Bins((0.0, *parts, 2.0**_LARGEST), whole=whole)


def _round_up(step: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... and of 1/2, 1/5, 1/10, ..., so that steps below 1 are parts of 1."""
    power = math.floor(math.log10(step))
    for lead in (1, 2, 5, 10):
        found = float(lead * 10**power) if power >= 0 else lead / 10**-power
        if found >= step:
            return found
    raise AssertionError(step)


def thresholds_of(rule: Condition) -> list[float]:
    """Where a rule draws its lines."""
    return [at for at in (rule.min, rule.max) if at is not None]
