"""Shares, floors and caps as rules on groups of cells, and those rules as bounds in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from tamis.mix.solver import Groups
from tamis.mix.words import amount, percent

Ints = npt.NDArray[np.int64]
Kind = Literal["share", "floor", "cap"]
_ROUNDED = Fraction(1, 10**6)
"""Shares that sum to 1 but for this are those of a whole, written with few digits."""


@dataclass(frozen=True)
class Rule:
    """One constraint: what share of the tokens the cells with one value of an axis have."""

    axis: str
    value: str
    kind: Kind
    share: Fraction

    @property
    def place(self) -> str:
        """What it is about: `language fr`."""
        return "the rehearsal" if self.axis == "rehearsal" else f"{self.axis} {self.value}"

    def words(self, total: int) -> str:
        """The rule with its numbers: `language fr: at least 25.00 % (2.500 B tokens)`."""
        how = {"share": "exactly", "floor": "at least", "cap": "at most"}[self.kind]
        return f"{self.place}: {how} {percent(float(self.share))} ({amount(float(self.share * total))} tokens)"


def scaled(rules: Sequence[Rule], factor: Fraction) -> list[Rule]:
    """The rules with all shares times `factor`."""
    return [Rule(rule.axis, rule.value, rule.kind, rule.share * factor) for rule in rules]


def whole(rules: list[Rule], values: Sequence[str]) -> list[Rule]:
    """Shares of one axis, made to sum to 1 where they name every value and miss it by rounding alone."""
    exact = [rule for rule in rules if rule.kind == "share"]
    sum_ = sum((rule.share for rule in exact), Fraction(0))
    off = abs(sum_ - 1)
    if not 0 < off <= _ROUNDED or {rule.value for rule in exact} < set(values):
        return rules
    return [*scaled(exact, 1 / sum_), *(rule for rule in rules if rule.kind != "share")]


def groups_of(rules: Sequence[Rule], values: Mapping[str, npt.NDArray[np.str_]], total: int) -> tuple[Groups, ...]:
    """The rules as groups with bounds in tokens, for the axes that have any.

    With one such axis, shares become whole tokens by their largest remainders, floors are rounded up and caps down.
    With several, whole numbers of one axis might contradict those of another by a token: every bound is then rounded
    outwards, so that a sum is within a token of its share.
    """
    axes = [axis for axis in values if any(rule.axis == axis for rule in rules)]
    return tuple(
        _groups(axis, [rule for rule in rules if rule.axis == axis], values[axis], total, strict=len(axes) == 1)
        for axis in axes
    )


def _groups(axis: str, rules: Sequence[Rule], values: npt.NDArray[np.str_], total: int, strict: bool) -> Groups:
    names = sorted({rule.value for rule in rules})
    place = {name: at for at, name in enumerate(names, 1)}
    distinct, inverse = np.unique(values, return_inverse=True)
    group = np.array([place.get(str(value), 0) for value in distinct], np.int64)[inverse.reshape(-1)]
    low, high = np.zeros(len(names) + 1, np.int64), np.full(len(names) + 1, total, np.int64)
    exact = _largest_remainders([rule for rule in rules if rule.kind == "share"], total) if strict else {}
    for rule in rules:
        at, tokens = place[rule.value], rule.share * total
        down, up = tokens.numerator // tokens.denominator, -(-tokens.numerator // tokens.denominator)
        if rule.kind == "share":
            low[at], high[at] = (exact[rule.value],) * 2 if strict else (down, up)
        elif rule.kind == "floor":
            low[at] = up if strict else down
        else:
            high[at] = down if strict else up
    if strict:
        # Floors that use up all there is, and caps that leave no more than there is, are rounded as shares are.
        parts = {place[rule.value]: rule.share * total % 1 for rule in rules}
        _shift(low, parts, min(0, total - int(low.sum())))
        if not (group == 0).any():
            _shift(high, parts, max(0, total - int(high[1:].sum())))
    return Groups(axis, group, ("", *names), low, high)


def _shift(bounds: Ints, parts: Mapping[int, Fraction], tokens: int) -> None:
    """Moves bounds that were rounded, one token each, until they sum to `tokens` more: up those with the largest
    fractions, or down those with the smallest."""
    rounded = sorted((at for at, part in parts.items() if part), key=lambda at: (parts[at], at), reverse=tokens > 0)
    if abs(tokens) <= len(rounded):
        for at in rounded[: abs(tokens)]:
            bounds[at] += 1 if tokens > 0 else -1


def _largest_remainders(rules: Sequence[Rule], total: int) -> dict[str, int]:
    """Whole tokens of exact shares; what is left of the total counts as one more."""
    quotas = {rule.value: rule.share * total for rule in rules}
    rest = total - sum(quotas.values())
    floors = {name: quota.numerator // quota.denominator for name, quota in quotas.items()}
    if rest < 0:
        return floors
    left = total - sum(floors.values()) - rest.numerator // rest.denominator
    by_remainder = sorted(quotas, key=lambda name: (floors[name] - quotas[name], name))
    up = [name for name in by_remainder if quotas[name] > floors[name]]
    if rest.denominator > 1:
        # The rest takes its turn among them, after those with as large a remainder.
        behind = rest - rest.numerator // rest.denominator
        up.insert(sum(1 for name in up if quotas[name] - floors[name] >= behind), "")
    for name in up[:left]:
        if name:
            floors[name] += 1
    return floors
