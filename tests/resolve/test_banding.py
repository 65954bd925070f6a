"""Bands and rows from a threshold, against datasketch's choice."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHashLSH

from tamis.resolve.banding import best_banding, candidate_probability


@pytest.mark.parametrize("permutations", [32, 112, 128, 256])
@pytest.mark.parametrize(
    ("threshold", "false_positive_weight"),
    [(0.5, 0.5), (0.7, 0.5), (0.8, 0.5), (0.9, 0.5), (0.8, 0.2), (0.75, 0.7)],
)
def test_same_choice_as_datasketch(threshold: float, permutations: int, false_positive_weight: float) -> None:
    weights = (false_positive_weight, 1 - false_positive_weight)
    peer = MinHashLSH(threshold=threshold, num_perm=permutations, weights=weights)
    assert best_banding(threshold, permutations, false_positive_weight) == (peer.b, peer.r)


def test_candidate_probability() -> None:
    curve = candidate_probability(np.array([0.0, 0.8, 1.0]), 14, 8)
    assert curve.tolist() == pytest.approx([0, 1 - (1 - 0.8**8) ** 14, 1])
    assert candidate_probability(np.array([1e-3]), 14, 8)[0] == pytest.approx(14e-24)
