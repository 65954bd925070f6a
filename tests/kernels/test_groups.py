"""Middle, ends and most frequent of each document's values, against the standard library."""

from __future__ import annotations

import statistics
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.groups import heaviest, spread

whole = st.lists(st.lists(st.integers(0, 50) | st.integers(0, 2**31), max_size=6), max_size=6)
broken = st.lists(st.lists(st.floats(0, 1e6), max_size=6), max_size=6)
large = st.lists(st.lists(st.integers(0, 2**40), max_size=3), max_size=3)


@given(whole | broken | large)
@settings(max_examples=100, deadline=None)
def test_spread_is_that_of_the_standard_library(lists: list[list[float]]) -> None:
    values = np.array([value for row in lists for value in row])
    values = values if len(values) else np.zeros(0, np.int64)
    owners = np.repeat(np.arange(len(lists)), list(map(len, lists)))
    found = spread(owners, values, len(lists))
    for i, row in enumerate(lists):
        filled = row or [0]
        assert found.counts[i] == len(row)
        assert found.mean[i] == pytest.approx(statistics.mean(filled))
        assert found.median[i] == pytest.approx(statistics.median(filled))
        assert (found.smallest[i], found.largest[i]) == (min(filled), max(filled))


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=6), max_size=5))
@settings(max_examples=100, deadline=None)
def test_the_heaviest_code(rows: list[list[tuple[int, int]]]) -> None:
    owners = np.repeat(np.arange(len(rows)), list(map(len, rows)))
    codes, weights = (np.array([pair[k] for row in rows for pair in row], np.int64) for k in range(2))
    best, amount = heaviest(owners, codes, weights, len(rows))
    for i, row in enumerate(rows):
        sums: Counter[int] = Counter()
        for code, weight in row:
            sums[code] += weight
        expected = min(sums.items(), key=lambda item: (-item[1], item[0]), default=(-1, 0))
        assert (best[i], amount[i]) == expected
