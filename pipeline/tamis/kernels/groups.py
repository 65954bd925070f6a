"""Values of many documents in one array: the middle and the ends of each document's values, and the
one that weighs most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
_LARGEST = (1 << 32) - 1


class Spread(NamedTuple):
    """One entry a document each; 0 where it has no value."""

    counts: Numbers
    mean: Numbers
    median: Numbers
    """Of an even number, the mean of the middle two."""
    smallest: Numbers
    largest: Numbers


def _ordered(owners: Numbers, values: Numbers) -> Numbers:
    """Each document's values in order, documents as they are."""
    if values.dtype.kind == "f" or len(owners) == 0 or values.max() > _LARGEST:
        return values[np.lexsort((values, owners))]
    # One sort of whole numbers is several times as quick.
    return np.sort((owners << 32) | values) & _LARGEST


def spread(owners: Numbers, values: Numbers, documents: int) -> Spread:
    """How each document's values spread.

    `owners`, the document of each value, ascend; no value is negative. Sums go in the order of the values, so a
    document's mean doesn't depend on its neighbours.
    """
    counts = np.bincount(owners, minlength=documents)
    mean = np.bincount(owners, values, documents) / np.maximum(counts, 1)
    median = np.zeros(documents)
    smallest, largest = np.zeros(documents, values.dtype), np.zeros(documents, values.dtype)
    some = np.flatnonzero(counts)
    if len(some):
        ordered = _ordered(owners, values)
        sizes = counts[some]
        first = np.cumsum(sizes) - sizes
        median[some] = (ordered[first + (sizes - 1) // 2] + ordered[first + sizes // 2]) / 2
        smallest[some] = ordered[first]
        largest[some] = ordered[first + sizes - 1]
    return Spread(counts, mean, median, smallest, largest)


def heaviest(owners: Numbers, codes: Numbers, weights: Numbers, documents: int) -> tuple[Numbers, Numbers]:
    """The code (0, 1, ...) whose weights sum to most in each document, the smallest of equals, and the sum; -1 and 0
    where it has none."""
    kinds = int(codes.max(initial=0)) + 1
    cells, where = np.unique(owners * kinds + codes, return_inverse=True)
    sums = np.bincount(where, weights, len(cells))
    order = np.lexsort((cells, -sums, cells // kinds))
    found, first = np.unique(cells[order] // kinds, return_index=True)
    best, amount = np.full(documents, -1, np.int64), np.zeros(documents)
    best[found] = cells[order][first] % kinds
    amount[found] = sums[order][first]
    return best, amount
