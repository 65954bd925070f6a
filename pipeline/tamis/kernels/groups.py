"""Values of many documents in one array: what the middle and the ends of each document's values are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


class Spread(NamedTuple):
    """One entry a document each; 0 where it has no value."""

    counts: Numbers
    mean: Numbers
    median: Numbers
    """Of an even number, the mean of the middle two."""
    smallest: Numbers
    largest: Numbers


def spread(owners: Numbers, values: Numbers, documents: int) -> Spread:
    """How each document's values spread; `owners`, the document of each value, ascend. Sums go in the order of the
    values, so a document's mean doesn't depend on its neighbours."""
    counts = np.bincount(owners, minlength=documents)
    mean = np.bincount(owners, values, documents) / np.maximum(counts, 1)
    median = np.zeros(documents)
    smallest, largest = np.zeros(documents, values.dtype), np.zeros(documents, values.dtype)
    some = np.flatnonzero(counts)
    if len(some):
        ordered = values[np.lexsort((values, owners))]
        sizes = counts[some]
        first = np.cumsum(sizes) - sizes
        median[some] = (ordered[first + (sizes - 1) // 2] + ordered[first + sizes // 2]) / 2
        smallest[some] = ordered[first]
        largest[some] = ordered[first + sizes - 1]
    return Spread(counts, mean, median, smallest, largest)
