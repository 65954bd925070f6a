"""The figure of a tokenizer's report: tokens per word by language, a bar a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from tamis.cards.drawing import LEGEND, LEGEND_COLUMNS, SOFT, Axes, Figure, fill
from tamis.training.tokenizer_evaluation import Cell, rates
from tamis.training.tokenizer_report import by_language

MOST_ROWS = 30
"""Languages of the figure at most: those with most held-out text. The tables have all."""
BAR, GAP = 0.15, 0.14
"""Inches of a bar, and between two groups of them."""


def figure(cells: Sequence[Cell], names: Sequence[str]) -> bytes:
    """The figure as SVG."""
    rows = by_language(cells)[: MOST_ROWS + 1]
    values = [[rates(row, name)["fertility"] or 0.0 for name in names] for row in rows]
    fills = [fill(number) for number in range(len(names))]
    head = LEGEND * -(-len(names) // LEGEND_COLUMNS) + 0.4
    group = BAR * len(names) + GAP
    drawing = Figure(head + group * len(rows) + 0.2)
    left = min(0.35 + 0.078 * max(len(row.name) for row in rows), 2.2)
    axes = Axes(drawing, left, 0.75, head, 0.2, len(rows), max(map(max, values)) or 1)
    for place, one in enumerate(values):
        for number, value in enumerate(one):
            middle = place + (number - (len(names) - 1) / 2) * BAR / group
            axes.bar(middle, 0, value, BAR / group, fills[number])
            drawing.text(axes.x(value) + 4, axes.y(middle), f"{value:.2f}", size=7, color=SOFT)
    axes.rule(0)
    axes.names([row.name for row in rows])
    axes.title("Tokens per word of held-out text (less is better)")
    drawing.legend([name if len(name) <= 24 else f"{name[:23]}…" for name in names], fills, 0.3)
    told = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, values[0], strict=True))
    return drawing.svg(f"Tokens per word by language, by tokenizer. In all: {told}.")
