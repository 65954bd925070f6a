"""Methods by axis: what share of the tokens each value should have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tamis.recipe.mix import Axis, QualityCurve

Floats = npt.NDArray[np.float64]


def temperature(tokens: Floats, t: float) -> Floats:
    """Shares in proportion to tokens ** (1 / t) (Devlin et al. 2019; Conneau et al. 2020)."""
    if not len(tokens) or tokens.max() <= 0:
        return np.zeros(len(tokens))
    powers = np.where(tokens > 0, (tokens / tokens.max()) ** (1 / t), 0.0)
    shares: Floats = powers / powers.sum()
    return shares


def unimax(tokens: Floats, budget: float, max_epochs: float) -> Floats:
    """Shares of UniMax (Chung et al. 2023): the budget is spread evenly, from the smallest value to the largest, and
    none takes more than `max_epochs` times its tokens; what is over goes to those still to come.

    When all are capped, the shares are those of the caps.
    """
    given = np.zeros(len(tokens))
    left = float(budget)
    order = np.argsort(tokens, kind="stable")
    for place, value in enumerate(order):
        given[value] = min(left / (len(order) - place), max_epochs * tokens[value])
        left -= given[value]
    return given / given.sum() if given.sum() > 0 else given


def shares_of(axis: Axis, values: list[str], tokens: Floats, budget: float, fitted: Mapping[str, float]) -> Floats:
    """The share that the axis' method gives each value; `fitted` is what `weights_from` holds."""
    if axis.method == "uniform":
        shares = (tokens > 0).astype(np.float64)
    elif axis.method == "temperature":
        assert axis.temperature is not None
        shares = temperature(tokens, axis.temperature)
    elif axis.method == "unimax":
        shares = unimax(tokens, budget, axis.max_epochs)
    elif axis.method == "weights":
        shares = tokens * np.array([axis.weights.get(value, axis.default) for value in values])
    elif axis.method == "fitted":
        shares = np.where(tokens > 0, [fitted.get(value, 0.0) for value in values], 0.0)
    else:
        shares = tokens
    whole = shares.sum()
    return shares / whole if whole > 0 else np.zeros(len(values))


def quality_factors(curve: QualityCurve, upper: Floats) -> Floats:
    """Factor of each bucket of quality, given its upper edge as a quantile; 1 where it is unknown (NaN).

    A bucket reaches down to the next edge below, the lowest one to 0. Its factor is that of the middle of what
    `discard_below` leaves of it, times the part that is left; so it never falls from one bucket to the next.
    """
    edges = np.unique(upper[~np.isnan(upper)])
    lower = np.concatenate(([0.0], edges[:-1]))
    begin = np.maximum(lower, curve.discard_below)
    left = np.where(edges > begin, (edges - begin) / np.maximum(edges - lower, 1e-300), 0.0)
    place = np.clip(((begin + edges) / 2 - curve.discard_below) / (1 - curve.discard_below), 0, 1)
    factors = left * (curve.lowest + (curve.highest - curve.lowest) * place**curve.power)
    known = ~np.isnan(upper)
    out = np.ones(len(upper))
    out[known] = factors[np.searchsorted(edges, upper[known])]
    return out
