"""The figures of a card: what the release holds, and where the other documents went."""

from __future__ import annotations

from collections.abc import Sequence

from tamis.cards import fairness, origins, quality
from tamis.cards.content import OTHERS, share_folded
from tamis.cards.drawing import (
    GRID,
    KEPT,
    LEGEND,
    LEGEND_COLUMNS,
    LOST,
    PLAIN,
    POINTS,
    SOFT,
    Axes,
    Drawn,
    Figure,
    Fill,
    fill,
)
from tamis.cards.numbers import count, share, short
from tamis.cards.steps import Step, decisive, worded
from tamis.cards.view import View

BARS = 20
"""Bars of a figure at most; the rest is one bar."""
SERIES = 8
"""Series of a figure at most: more can't be told apart. The rest is one series."""
REASONS = 46
"""Characters of reasons beside a bar of the funnel, about."""


def figures(view: View) -> list[Drawn]:
    """All figures: composition, funnel, (with several sources) the funnel by source, and those of other sections."""
    drawn = [composition(view), funnel(view)]
    if len(view.manifest.sources) > 1:
        drawn.append(sources(view))
    return drawn + quality.figures(view) + origins.figures(view) + fairness.figures(view)


def composition(view: View) -> Drawn:
    """Stacked bars: languages by category, in tokens (or characters)."""
    amounts: dict[str, dict[str, int]] = {}
    for (language, category), cell in view.sums("language", "category").items():
        amounts.setdefault(language, {})[category] = view.amount(cell)
    bars = share_folded({name: sum(parts.values()) for name, parts in amounts.items()}, BARS)
    series = share_folded({name: view.amount(cell) for (name,), cell in view.sums("category").items()}, SERIES)
    values = [
        [sum(n for lang in bar for category, n in amounts[lang].items() if category in one) for one in series.values()]
        for bar in bars.values()
    ]
    total = sum(map(sum, values))
    rows = _legend_rows(len(series))
    height, head = 0.42 * len(bars) + LEGEND * rows + 0.5, LEGEND * rows + 0.35
    figure = Figure(height)
    amounts_axes = Axes(figure, 0.95, 5.5, head, 0.15, len(bars), max([*map(sum, values), 1]))
    shares_axes = Axes(figure, 4.75, 0.15, head, 0.15, len(bars), 1)
    fills = [fill(number) for number in range(len(series))]
    stack(amounts_axes, [[sum(row)] for row in values], [Fill(PLAIN)])
    stack(shares_axes, [[part / max(sum(row), 1) for part in row] for row in values], fills)
    amounts_axes.names(list(bars))
    for place, row in enumerate(values):
        words = f"{short(sum(row))} · {share(sum(row), total)}"
        figure.text(amounts_axes.x(sum(row)) + 5, amounts_axes.y(place), words)
    amounts_axes.title(view.unit_name.capitalize())
    shares_axes.title("Categories, share")
    figure.legend(list(series), fills, 0.85)
    largest = ", ".join(f"{name} {share(sum(row), total)}" for name, row in list(zip(bars, values, strict=True))[:5])
    alt = f"{view.unit_name.capitalize()} of the release by language and category. Largest languages: {largest}."
    caption = f"{view.unit_name.capitalize()} by language and category."
    return Drawn("figures/composition.svg", caption, alt, figure.svg(alt), "stats/composition.csv")


def _legend_rows(series: int) -> int:
    return -(-series // LEGEND_COLUMNS)


def stack(axes: Axes, values: Sequence[Sequence[float]], fills: Sequence[Fill]) -> None:
    """A bar of each row of values, one behind the other."""
    for place, row in enumerate(values):
        start = 0.0
        for part, look in zip(row, fills, strict=True):
            axes.bar(place, start, start + part, 0.68, look)
            start += part
    axes.rule(0)


def funnel(view: View) -> Drawn:
    """A waterfall from what was read to what was released."""
    shown = decisive(view)
    last = shown[-1].left
    widest = max(shown[0].entered, 1)
    figure = Figure(0.52 * (len(shown) + 1) + 0.25)
    axes = Axes(figure, 1.55, 3.6, 0.1, 0.15, len(shown) + 1, widest)
    for place, step in enumerate(shown):
        axes.bar(place, 0, step.left, 0.6, Fill(KEPT))
        axes.bar(place, step.left, step.entered, 0.6, Fill(LOST, "/", 0.8))
        figure.line(axes.x(step.left), axes.y(place + 0.3), axes.x(step.left), axes.y(place + 0.7), SOFT, 0.8)
        _beside(axes, place, step)
    axes.bar(len(shown), 0, last, 0.6, Fill(KEPT))
    released = f"{share(last, shown[0].entered)} of the rows read"
    _two_lines(axes, len(shown), f"{count(last)} documents", released, bold=True)
    axes.names([*(step.name for step in shown), "released"])
    axes.rule(0)
    flow = "; ".join(f"after {step.name} {count(step.left)}" for step in shown)
    alt = f"Documents through the stages. Read: {count(shown[0].entered)}; {flow}; released {count(last)}."
    caption = "From rows read to documents released: what each stage left (blue) and dropped (hatched)."
    return Drawn("figures/funnel.svg", caption, alt, figure.svg(alt), "stats/funnel.csv")


def _beside(axes: Axes, place: int, step: Step) -> None:
    """What a step dropped, in words, right of its bar."""
    lost = step.entered - step.left
    if not lost:
        axes.figure.text(_right_of(axes), axes.y(place), f"{count(step.left)} · none dropped", color=SOFT)
        return
    reasons = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{worded(reason)} {count(number)}" for reason, number in reasons]
    fit = max(sum(len(", ".join(names[:n])) <= REASONS for n in range(1, len(names) + 1)), 1)
    text = ", ".join(names[:fit]) + (f", {len(names) - fit} more" if len(names) > fit else "")
    _two_lines(axes, place, f"{count(step.left)}  (−{count(lost)}, {share(lost, step.entered)})", text)


def _two_lines(axes: Axes, place: int, first: str, second: str, *, bold: bool = False) -> None:
    """Two lines right of a bar, the second one smaller."""
    axes.figure.text(_right_of(axes), axes.y(place - 0.17), first, bold=bold)
    axes.figure.text(_right_of(axes), axes.y(place + 0.19), second, color=SOFT, size=8)


def _right_of(axes: Axes) -> float:
    return axes.x(axes.most) + 0.11 * POINTS


def sources(view: View) -> Drawn:
    """What became of each source's documents: shares released and dropped, by stage."""
    manifest = view.manifest
    largest = sorted(manifest.sources, key=lambda source: (-source.documents, source.name))[:BARS]
    dropping = [step.name for step in decisive(view)[1:] if step.entered != step.left]
    losses = {(row.source, row.stage): row.documents_in - row.documents_out for row in manifest.funnel}
    folded = share_folded(
        {name: sum(losses.get((s.name, name), 0) for s in manifest.sources) for name in dropping}, SERIES - 1
    )
    # The stages' own order, as in the funnel.
    series = dict(
        sorted(
            folded.items(),
            key=lambda item: dropping.index(item[1][0]) if item[0] != OTHERS else len(dropping),
        )
    )
    values = []
    for source in largest:
        lost = [sum(losses.get((source.name, stage), 0) for stage in stages) for stages in series.values()]
        released = source.documents - sum(lost)
        values.append([part / max(source.documents, 1) for part in (released, *lost)])
    rows = _legend_rows(len(series) + 1)
    left = min(0.5 + 0.085 * max(len(source.name) for source in largest), 3.0)
    head = LEGEND * rows + 0.15
    figure = Figure(0.38 * len(largest) + LEGEND * rows + 0.3)
    axes = Axes(figure, left, 1.9, head, 0.15, len(largest), 1)
    fills = [fill(number) for number in range(len(series) + 1)]
    for at in (0.25, 0.5, 0.75, 1.0):
        axes.rule(at, GRID, 0.6)
    stack(axes, values, fills)
    axes.names([source.name for source in largest])
    for place, (source, row) in enumerate(zip(largest, values, strict=True)):
        figure.text(axes.x(1.015), axes.y(place), f"{share(row[0], 1)} of {count(source.documents)}")
    figure.legend(["released", *series], fills, 0.3)
    told = ", ".join(f"{source.name} {share(row[0], 1)}" for source, row in zip(largest, values, strict=True))
    alt = f"Share of each source's documents that is released, and which stage dropped the others. Released: {told}."
    whose = "each source's" if len(largest) == len(manifest.sources) else f"the {len(largest)} largest sources'"
    caption = f"What became of {whose} documents: the share released, and the stages that dropped the others."
    return Drawn("figures/sources.svg", caption, alt, figure.svg(alt), "stats/funnel.csv")
