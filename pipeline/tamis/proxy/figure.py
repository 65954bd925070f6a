"""The figure of an ablation: loss by language and category of every variant, and its difference to the plain recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tamis.cards.drawing import GRID, INK, LEGEND, LEGEND_COLUMNS, POINTS, SOFT, Axes, Figure, Fill, fill

if TYPE_CHECKING:
    from tamis.proxy.report import Row

MOST_ROWS = 40
"""Rows of the figure at most: the largest ones. The table has all."""
BAR, GAP = 0.145, 0.13
"""Inches of a bar, and between two groups of them."""
MIDDLE, RIGHT = 4.55, 0.75
"""Inches from the left edge to where the right panel begins; and from its end to the right edge."""


def figure(title: str, rows: Sequence[Row]) -> bytes:
    """The figure as SVG: a group of bars a row, one bar a variant."""
    rows = rows[:MOST_ROWS]
    variants = list(rows[0].variants)
    fills = [fill(number) for number in range(len(variants))]
    legend = LEGEND * -(-len(variants) // LEGEND_COLUMNS)
    head = legend + 0.4
    group = BAR * len(variants) + GAP
    drawing = Figure(head + group * len(rows) + 0.2)
    names = [row.value if row.axis == "all" else f"{row.axis} {row.value}" for row in rows]
    left = min(0.35 + 0.078 * max(map(len, names)), 2.2)
    losses = [[row.variants[name].loss for name in variants] for row in rows]
    losses_axes = Axes(drawing, left, 9 - MIDDLE + 0.75, head, 0.2, len(rows), max(map(max, losses)) or 1)
    _losses(losses_axes, losses, fills, group)
    losses_axes.names([_short(name) for name in names])
    losses_axes.title("Held-out loss, nats per token")
    if len(variants) > 1:
        _differences(drawing, rows, variants, fills, head, group)
    drawing.legend(variants, fills, 0.3)
    alls = ", ".join(f"{name} {rows[0].variants[name].loss:.3f}" for name in variants)
    return drawing.svg(f"Held-out loss of {title} by language and category, by variant. In all: {alls} nats per token.")


def _losses(axes: Axes, losses: Sequence[Sequence[float]], fills: Sequence[Fill], group: float) -> None:
    """Bars from 0, each with its number."""
    for place, values in enumerate(losses):
        for number, value in enumerate(values):
            middle = _middle(place, number, len(values), group)
            axes.bar(middle, 0, value, BAR / group, fills[number])
            axes.figure.text(axes.x(value) + 4, axes.y(middle), f"{value:.3f}", size=7, color=SOFT)
    axes.rule(0)


def _differences(
    drawing: Figure, rows: Sequence[Row], variants: Sequence[str], fills: Sequence[Fill], head: float, group: float
) -> None:
    """Bars to both sides of the plain recipe's loss, with the spread over seeds as a line."""
    found = [[row.variants[name] for name in variants] for row in rows]
    reach = max(abs(one.difference) + (one.difference_spread or 0) for row in found for one in row)
    reach = _round_up(reach)
    # The axes begin at 0: values are moved by what they reach to the left.
    axes = Axes(drawing, MIDDLE, RIGHT, head, 0.2, len(rows), 2 * reach)
    for value in (-reach, -reach / 2, reach / 2, reach):
        axes.rule(value + reach, GRID, 0.6)
        anchored = axes.y(len(rows) - 0.5) + 8
        drawing.text(
            axes.x(value + reach), anchored, f"{value:+.2g}".replace("-", "−"), size=7, color=SOFT, anchor="middle"
        )
    for place, row in enumerate(found):
        for number, one in enumerate(row):
            if not number:
                continue
            middle = _middle(place, number, len(variants), group)
            start, end = sorted((reach, reach + one.difference))
            axes.bar(middle, start, end, BAR / group, fills[number])
            if one.difference_spread:
                low, high = (reach + one.difference + side * one.difference_spread for side in (-1, 1))
                drawing.line(axes.x(low), axes.y(middle), axes.x(high), axes.y(middle), INK, 0.9)
            words = f"{one.difference:+.3f}".replace("-", "−")
            drawing.text(axes.x(2 * reach) + 0.06 * POINTS, axes.y(middle), words, size=7, color=SOFT)
    axes.rule(reach)
    axes.title(f"Difference to {variants[0]} (left is better)")


def _middle(place: int, number: int, bars: int, group: float) -> float:
    """Where a bar of a group is: groups count from 0, and are `group` inches high."""
    return place + (number - (bars - 1) / 2) * BAR / group


def _round_up(value: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
