"""Methods by axis, against twins that are obviously right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.mix.methods import quality_factors, shares_of, temperature, unimax
from tamis.mix.scaling import effective_tokens, scaling_notes
from tamis.recipe.mix import Axis, QualityCurve

counts = st.lists(st.integers(0, 10**13), min_size=1, max_size=12).filter(any)


def filled(tokens: list[float], budget: float, epochs: float) -> list[float]:
    """UniMax by its meaning: one level for all, cut at each cap, found by halving."""
    caps = [epochs * one for one in tokens]
    if sum(caps) <= budget:
        return [cap / sum(caps) for cap in caps]
    low, high = 0.0, max(caps)
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if sum(min(level, cap) for cap in caps) < budget else (low, level)
    given_ = [min(high, cap) for cap in caps]
    return [one / sum(given_) for one in given_]


@settings(max_examples=100, deadline=None)
@given(counts, st.floats(0.01, 50), st.sampled_from([1.0, 2.5, 4.0, 16.0]))
def test_unimax_is_one_level_for_all_cut_at_the_caps(tokens: list[int], part: float, epochs: float) -> None:
    array = np.array(tokens, np.float64)
    budget = part * array.sum()
    assert unimax(array, budget, epochs) == pytest.approx(filled(array.tolist(), budget, epochs), abs=1e-9)


def test_unimax_with_room_is_uniform() -> None:
    assert unimax(np.array([100.0, 200.0, 700.0]), 300.0, 4).tolist() == pytest.approx([1 / 3] * 3)
    # A small one is capped: what it leaves goes to the others.
    assert unimax(np.array([10.0, 200.0, 700.0]), 300.0, 4).tolist() == pytest.approx([40 / 300, 130 / 300, 130 / 300])


@settings(max_examples=100, deadline=None)
@given(counts, st.floats(0.3, 100))
def test_temperature_is_the_root_of_the_tokens(tokens: list[int], t: float) -> None:
    powers = [math.exp(math.log(one) / t) if one else 0.0 for one in tokens]
    expected = [one / sum(powers) for one in powers]
    assert temperature(np.array(tokens, np.float64), t) == pytest.approx(expected, abs=1e-9)


def test_temperature_at_its_ends() -> None:
    tokens = np.array([1.0, 9.0, 90.0])
    assert temperature(tokens, 1).tolist() == pytest.approx([0.01, 0.09, 0.9])
    assert temperature(tokens, 2).tolist() == pytest.approx((np.sqrt(tokens) / np.sqrt(tokens).sum()).tolist())
    assert temperature(tokens, 1e6).tolist() == pytest.approx([1 / 3] * 3, abs=1e-5)
    assert temperature(np.zeros(2), 2).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("axis", "shares"),
    [
        (Axis(), [0.1, 0.3, 0.6]),
        (Axis(method="uniform"), [1 / 3] * 3),
        (Axis(method="temperature", temperature=1), [0.1, 0.3, 0.6]),
        (Axis(method="unimax", max_epochs=1), [0.1, 0.3, 0.6]),
        (Axis(method="weights", weights={"a": 6, "b": 2}), [0.6 / 1.8, 0.6 / 1.8, 0.6 / 1.8]),
        (Axis(method="weights", weights={"a": 1}, default=0), [1, 0, 0]),
        (Axis(method="fitted", weights_from="fit.csv"), [0.2, 0.8, 0]),
    ],
)
def test_shares_of_a_method(axis: Axis, shares: list[float]) -> None:
    found = shares_of(axis, ["a", "b", "c"], np.array([10.0, 30.0, 60.0]), 100.0, {"a": 0.1, "b": 0.4, "x": 0.5})
    assert found.tolist() == pytest.approx(shares)


curves = st.builds(
    lambda below, low, more, power: QualityCurve(discard_below=below, lowest=low, highest=low + more, power=power),
    st.floats(0, 0.95), st.floats(0, 3), st.floats(0, 10), st.floats(0.1, 5),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(curves, st.sets(st.integers(1, 100), min_size=1, max_size=20))
def test_better_text_is_never_repeated_less(curve: QualityCurve, percents: set[int]) -> None:
    edges = np.array(sorted(percents)) / 100
    factors = quality_factors(curve, edges)
    assert (np.diff(factors) >= -1e-9).all()
    assert (factors[edges <= curve.discard_below] == 0).all()
    assert (factors <= curve.highest + 1e-9).all()


def test_a_curve_over_vigintiles() -> None:
    """Below 40 % nothing, then a straight line from 1 to 7; a bucket that is cut counts by what is left of it."""
    edges = np.arange(1, 21) / 20
    curve = QualityCurve(discard_below=0.4, lowest=1, highest=7)
    factors = quality_factors(curve, edges)
    assert factors[:8].tolist() == [0] * 8
    assert factors[8:].tolist() == pytest.approx([1 + 6 * (place + 0.5) / 12 for place in range(12)])
    half = quality_factors(QualityCurve(discard_below=0.425, lowest=1, highest=1), edges)
    assert half[8:].tolist() == pytest.approx([0.5, *[1] * 11])
    assert quality_factors(curve, np.array([np.nan, 1.0])).tolist()[0] == 1


def test_what_repeated_tokens_are_worth() -> None:
    """Muennighoff et al. 2023: four epochs are worth nearly four, and no number of them more than 16.39."""
    once, never = np.array([100.0]), np.array([0.0])
    assert effective_tokens(once, once) == 100
    assert effective_tokens(once, never) == 0
    assert effective_tokens(once, once / 2) == 50
    assert effective_tokens(once, 4 * once) == pytest.approx(100 + 100 * 15.39 * (1 - math.exp(-3 / 15.39)))
    assert effective_tokens(once, 4 * once) / 400 > 0.9
    assert effective_tokens(once, 10_000 * once) == pytest.approx(1639)


def test_tokens_per_parameter() -> None:
    assert scaling_notes(10, None) == []
    (few,), (many,) = scaling_notes(10**9, 10**9), scaling_notes(40 * 10**9, 10**9)
    assert "1.0 tokens a parameter, below the 20" in few and "Hoffmann" in few
    assert "40.0 tokens a parameter, above the 20" in many
