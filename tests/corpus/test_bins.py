"""Bins: every value is in the bin whose edges are around it, whatever its type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.bins import Bins, bins_of
from tamis.corpus.conditions import Condition


def expected(bins: Bins, value: float, kind: type) -> int:
    """The slow way: edges in the value's own type, one by one."""
    return sum(bool(kind(value) >= kind(edge)) for edge in bins.edges)


RULED = [Condition(min=3, max=10), Condition(min=-0.5), Condition(max=0.1), Condition(max=1e-7), Condition(max=2.5e6)]
FLOATS = st.floats(allow_nan=False, width=32)


@settings(max_examples=100, deadline=None)
@given(st.lists(FLOATS | st.integers(0, 100).map(lambda n: n / 100), min_size=1), st.sampled_from([None, *RULED]))
def test_floats(values: list[float], rule: Condition | None) -> None:
    for unit, rules in (("ratio 0..1", []), ("characters", [rule] if rule else [])):
        bins = bins_of("float", unit, rules)
        for kind in (np.float32, np.float64):
            column = np.array(values, kind)
            found = bins.position(column)
            # Above the last power of two and below 0 there is one bin each.
            assert found.tolist() == [min(expected(bins, value, kind), bins.size - 1) for value in column]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_whole_numbers(values: list[int]) -> None:
    bins = bins_of("whole", "words", [Condition(min=50)])
    assert bins.position(np.array(values, np.int64)).tolist() == [expected(bins, value, float) for value in values]
    assert set(bins.position(np.array(values, np.int32)).tolist()) <= set(bins.used)


def test_edges_are_the_numbers_a_rule_is_written_with() -> None:
    hundredths = bins_of("float", "ratio 0..1", [])
    assert hundredths.bounds[30] == 0.29 and len(hundredths.bounds) == 103
    for per in range(101):
        assert hundredths.position(np.array([per / 100], np.float32)).tolist() == [per + 1]
    assert bins_of("whole", "words", []).bounds[:13] == (None, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14)
    around = bins_of("float", "score", [Condition(min=-2, max=1)])
    assert around.bounds[1] == -4 and around.bounds[-2] == 4 and 1 in around.bounds


@pytest.mark.parametrize("rule", [Condition(max=0), Condition(max=1e300), Condition(nulls="drop")])
def test_a_rule_without_a_size_gives_doubling_bins(rule: Condition) -> None:
    assert bins_of("float", "score", [rule]).scale == "doubling"
