"""Bands and rows of MinHash LSH from a similarity threshold.

Two documents of Jaccard similarity s share at least one of `bands` bands of `rows` slots with probability
1 - (1 - s**rows)**bands (Leskovec, Rajaraman, Ullman, *Mining of Massive Datasets*, chapter 3).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_NODES = 64
_PANELS = 8


def candidate_probability(similarity: npt.NDArray[np.float64], bands: int, rows: int) -> npt.NDArray[np.float64]:
    """Probability that documents of this Jaccard similarity share a band."""
    # In logarithms, or probabilities below 1e-16 would vanish in the subtraction from 1.
    with np.errstate(divide="ignore"):
        probability: npt.NDArray[np.float64] = -np.expm1(bands * np.log1p(-(similarity**rows)))
    return probability


def _points(low: float, high: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Nodes and weights of a Gauss-Legendre rule over [low, high]."""
    edges = np.linspace(low, high, _PANELS + 1)
    half = np.diff(edges)[:, None] / 2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (edges[:-1, None] + half * (nodes + 1)).ravel(), (half * weights).ravel()


@lru_cache(maxsize=64)
def best_banding(threshold: float, permutations: int, false_positive_weight: float) -> tuple[int, int]:
    """(bands, rows), at most `permutations` slots in all, whose S-curve fits `threshold` best.

    Smallest weighted sum of the curve's area below the threshold (pairs compared in vain) and the area
    above the curve beyond it (pairs missed); among equals, the fewest bands, then the fewest rows. The
    criterion is the one `datasketch.MinHashLSH` uses.
    """
    below, below_weights = _points(0.0, threshold)
    above, above_weights = _points(threshold, 1.0)
    best = (np.inf, 0, 0)
    for bands in range(1, permutations + 1):
        for rows in range(1, permutations // bands + 1):
            false_positives = float(below_weights @ candidate_probability(below, bands, rows))
            false_negatives = float(above_weights @ (1 - candidate_probability(above, bands, rows)))
            error = false_positive_weight * false_positives + (1 - false_positive_weight) * false_negatives
            best = min(best, (error, bands, rows))
    return best[1], best[2]
