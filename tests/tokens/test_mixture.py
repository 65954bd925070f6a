"""The order of samples: exact counts, even at every moment, any sample asked for first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.tokens import mixture as module
from tamis.tokens.mixture import Mixture, largest_remainder

COUNTS = st.lists(st.integers(0, 300), min_size=1, max_size=6).filter(any)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda w: sum(w) > 1e-3), st.integers(0, 10**9))
def test_largest_remainder_sums_exactly(shares: list[float], total: int) -> None:
    counts = largest_remainder(shares, total)
    assert counts.sum() == total
    assert (np.abs(counts - np.array(shares) / sum(shares) * total) < 1).all()


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 5), st.sampled_from([7, 50, 4096]))
def test_every_sample_of_every_cell_comes_once_and_in_its_order(counts: list[int], seed: int, block: int) -> None:
    before = module.BLOCK
    module.BLOCK = block
    try:
        mixture = Mixture(np.array(counts), seed)
        found = [mixture.at(i) for i in range(len(mixture))]
    finally:
        module.BLOCK = before
    for cell, count in enumerate(counts):
        assert [number for c, number in found if c == cell] == list(range(count))


def test_the_order_hangs_on_the_seed_and_not_on_what_was_asked_before() -> None:
    counts = np.array([5000, 1234, 3])
    order = [Mixture(counts, 1).at(i) for i in range(6237)]
    backwards = Mixture(counts, 1)
    assert [backwards.at(i) for i in reversed(range(6237))] == order[::-1]
    assert [Mixture(counts, 2).at(i) for i in range(100)] != order[:100]


def test_shares_hold_at_every_moment() -> None:
    counts = np.array([70_000, 25_000, 4_990, 10])
    mixture = Mixture(counts, 3)
    cells = np.array([mixture.at(i)[0] for i in range(len(mixture))])
    for upto in (8_192, 30_000, 61_234, 99_000):
        seen = np.bincount(cells[:upto], minlength=4)
        # Within one sample at the ends of blocks; in between the block's shuffling comes on top.
        assert np.abs(seen - counts / counts.sum() * upto).max() < 160


def test_cells_in_turn() -> None:
    counts = np.array([100, 300, 50, 600])
    mixture = Mixture(counts, 0, [[1, 3]])
    cells = [mixture.at(i)[0] for i in range(len(mixture))]
    last, first = max(i for i, c in enumerate(cells) if c == 1), cells.index(3)
    assert last < first
    spread = [i for i, c in enumerate(cells) if c == 0]
    assert spread[0] < 100
    assert spread[-1] > 950


@pytest.mark.parametrize("blocks", [3, 11])
def test_cells_in_turn_over_blocks(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.array([100, 300, 50, 600])
    monkeypatch.setattr(module, "BLOCK", 1050 // blocks)
    mixture = Mixture(counts, 0, [[1, 3]])
    found = [mixture.at(i) for i in range(len(mixture))]
    cells = [cell for cell, _ in found]
    assert np.bincount(cells).tolist() == counts.tolist()
    assert max(i for i, c in enumerate(cells) if c == 1) < cells.index(3)
