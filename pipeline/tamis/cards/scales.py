"""What stands where along a histogram: bars, ticks and thresholds, as shares of its width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tamis.cards.numbers import short
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import HistogramRow

Counts = dict[str, int]
"""released, failed, other -> documents of a bin."""
BARS = 7
"""Labels shown at most; the rest is one bar."""
_LETTERS = 44
"""Letters that a panel is wide, about."""
_SPARE = 0.03
"""Free room at either end."""
_TICKS = 6
_DASHED = "2 2"


@dataclass(frozen=True)
class Scale:
    """0 is the left end, 1 the right one."""

    bars: list[tuple[float, float, Counts]]
    ticks: list[tuple[float, str]]
    lines: list[tuple[float, str]]
    """Thresholds, and how their lines are dashed: those that hold for some documents only are."""
    dropping: list[tuple[float, float]]
    """Where the usual rule drops."""


def scale_of(row: HistogramRow, rule: Condition | None, overrides: Sequence[Condition]) -> Scale:
    """The scale of a histogram with its usual rule and those of `keep_by`."""
    return _values(row) if row.scale == "values" else _numbers(row, rule, overrides)


def _counts(row: HistogramRow, number: int) -> Counts:
    return {"released": row.released[number], "failed": row.failed[number], "other": row.other[number]}


def _values(row: HistogramRow) -> Scale:
    names, counts = list(row.labels), [_counts(row, number) for number in range(len(row.labels))]
    if len(names) > BARS:
        rest = {name: sum(one[name] for one in counts[BARS - 1 :]) for name in counts[0]}
        names, counts = [*names[: BARS - 1], "others"], [*counts[: BARS - 1], rest]
    room = 1 / max(len(names), 2)
    letters = max(int(_LETTERS * room), 3)
    short_names = [name if len(name) <= letters else f"{name[: letters - 1]}…" for name in names]
    ticks = [((number + 0.5) * room, name) for number, name in enumerate(short_names)]
    return Scale([((n + 0.2) * room, (n + 0.8) * room, one) for n, one in enumerate(counts)], ticks, [], [])


def _numbers(row: HistogramRow, rule: Condition | None, overrides: Sequence[Condition]) -> Scale:
    bounds = _closed(row)
    usual = _thresholds(row, [rule] if rule is not None else [])
    others = [at for at in _thresholds(row, overrides) if at not in usual]
    place = _placing(row)
    ends = [place(at) for at in (*bounds, *usual, *others, *([0.0] if row.scale == "equal" else []))]
    first, last = min(ends, default=0.0), max(ends, default=1.0)
    spare = _SPARE * (last - first or 1.0)
    first, last = first - spare, last + spare

    def at(value: float) -> float:
        return (place(value) - first) / (last - first)

    bars = [(at(low), at(high), _counts(row, n)) for n, (low, high) in enumerate(pairwise(bounds))]
    ticks = _even_ticks(first, last) if row.scale == "equal" else _power_ticks(row, place, first, last)
    dropping = []
    if rule is not None and rule.min is not None:
        dropping.append((0.0, at(rule.min)))
    if rule is not None and rule.max is not None:
        dropping.append((at(_above(row, rule.max)), 1.0))
    lines = [(at(value), "") for value in usual] + [(at(value), _DASHED) for value in others]
    return Scale(bars, [(at(value), word) for value, word in ticks], lines, dropping)


def _closed(row: HistogramRow) -> list[float]:
    """Edges of the bars: an open bin is as wide as its neighbour, or reaches to the next power of two."""
    inner = [edge for edge in row.edges if edge is not None]
    if not inner:
        return []
    width = min((b - a for a, b in pairwise(inner)), default=1.0)
    below = [] if row.edges[0] is not None else [inner[0] - width if row.scale == "equal" else -1.0]
    above = [] if row.edges[-1] is not None else [inner[-1] + width if row.scale == "equal" else 2 * inner[-1]]
    return [*below, *inner, *above]


def _thresholds(row: HistogramRow, rules: Sequence[Condition]) -> list[float]:
    found = {rule.min for rule in rules if rule.min is not None}
    found |= {_above(row, rule.max) for rule in rules if rule.max is not None}
    return sorted(found)


def _above(row: HistogramRow, most: float) -> float:
    """Where what is larger than allowed begins."""
    return math.floor(most) + 1.0 if row.scale == "whole" else most


def _placing(row: HistogramRow) -> Callable[[float], float]:
    if row.scale == "equal":
        return lambda value: value
    smallest = 1.0 if row.scale == "whole" else min((e for e in row.edges if e is not None and e > 0), default=1.0)

    def octaves(value: float) -> float:
        # From 0 to the first power of two, and below 0, an octave each.
        if value >= smallest:
            return math.log2(value)
        return math.log2(smallest) - 1 + (max(value, -1.0) if value < 0 else value / smallest)

    return octaves


def _even_ticks(first: float, last: float) -> list[tuple[float, str]]:
    power = 10.0 ** math.floor(math.log10((last - first) / _TICKS))
    step = next(lead * power for lead in (1, 2, 5, 10) if (last - first) / (lead * power) <= _TICKS)
    return [(n * step, f"{n * step:.6g}") for n in range(math.ceil(first / step), math.floor(last / step) + 1)]


def _power_ticks(
    row: HistogramRow, place: Callable[[float], float], first: float, last: float
) -> list[tuple[float, str]]:
    low, high = 10.0 ** math.ceil(math.log10(2) * first), 2.0**last
    powers = range(max(round(math.log10(low)), 0 if row.scale == "whole" else -6), math.floor(math.log10(high)) + 1)
    every = 1 + len(powers) // 7
    ticks = [(10.0**power, short(10**power).replace("\u202f", "")) for power in powers if power % every == 0]
    zero = [(0.5, "0")] if row.scale == "whole" and place(0.0) >= first else []
    return [*zero, *(tick for tick in ticks if first <= place(tick[0]) <= last)]
