"""The figures of a card: what the release holds, and where the other documents went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from tamis.cards.drawing import (
    GRID,
    KEPT,
    LEGEND_COLUMNS,
    LOST,
    PLAIN,
    SOFT,
    beside,
    canvas,
    fill,
    legend,
    style,
    svg,
)
from tamis.cards.numbers import count, share, short
from tamis.cards.steps import Step, decisive, worded
from tamis.cards.view import View

BARS = 20
"""Bars of a figure at most; the rest is one bar."""
SERIES = 8
"""Series of a figure at most: more can't be told apart. The rest is one series."""
OTHERS = "others"
LEGEND = 0.26
"""Inches of a line of a legend."""
REASONS = 46
"""Characters of reasons beside a bar of the funnel, about."""


@dataclass(frozen=True)
class Drawn:
    """A figure of a card."""

    path: str
    caption: str
    alt: str
    """What it shows, for those who can't see it."""
    content: bytes


def figures(view: View) -> list[Drawn]:
    """All figures: composition, funnel, and (with more than one source) the funnel by source."""
    with style():
        drawn = [composition(view), funnel(view)]
        if len(view.manifest.sources) > 1:
            drawn.append(sources(view))
    return drawn


def composition(view: View) -> Drawn:
    """Stacked bars: languages by category, in tokens (or characters)."""
    amounts: dict[str, dict[str, int]] = {}
    for (language, category), cell in view.sums("language", "category").items():
        amounts.setdefault(language, {})[category] = view.amount(cell)
    bars = _folded({name: sum(parts.values()) for name, parts in amounts.items()}, BARS)
    series = _folded({name: view.amount(cell) for (name,), cell in view.sums("category").items()}, SERIES)
    values = [
        [sum(n for lang in bar for category, n in amounts[lang].items() if category in one) for one in series.values()]
        for bar in bars.values()
    ]
    total = sum(map(sum, values))
    rows = _legend_rows(len(series))
    height, head = 0.42 * len(bars) + LEGEND * rows + 0.5, LEGEND * rows + 0.35
    figure, amounts_axes = canvas(height, 0.95, 5.5, head, 0.15)
    shares_axes = beside(figure, height, 4.75, 0.15, head, 0.15)
    _stack(amounts_axes, list(bars), [[sum(row)] for row in values], [{"facecolor": PLAIN}])
    for place, row in enumerate(values):
        amounts_axes.annotate(
            f"{short(sum(row))} · {share(sum(row), total)}",
            (sum(row), place),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
    fills = [fill(number) for number in range(len(series))]
    _stack(shares_axes, [""] * len(bars), [[part / max(sum(row), 1) for part in row] for row in values], fills)
    shares_axes.set_xlim(0, 1)
    for axes, title in ((amounts_axes, view.unit_name.capitalize()), (shares_axes, "Categories, share")):
        axes.set_title(title, loc="left", fontsize=9.5, color=SOFT, pad=4)
    legend(figure, list(series), fills, 0.85)
    largest = ", ".join(f"{name} {share(sum(row), total)}" for name, row in list(zip(bars, values, strict=True))[:5])
    alt = f"{view.unit_name.capitalize()} of the release by language and category. Largest languages: {largest}."
    caption = f"{view.unit_name.capitalize()} by language and category."
    return Drawn("figures/composition.svg", caption, alt, svg(figure, alt))


def _legend_rows(series: int) -> int:
    return -(-series // LEGEND_COLUMNS)


def _folded(amounts: dict[str, int], limit: int) -> dict[str, list[str]]:
    """Names by size, each with its members; beyond `limit`, the smallest share the name `others`."""
    names = sorted(amounts, key=lambda name: (-amounts[name], name))
    if len(names) <= limit:
        return {name: [name] for name in names}
    return {name: [name] for name in names[: limit - 1]} | {OTHERS: names[limit - 1 :]}


def _stack(
    axes: Axes, names: Sequence[str], values: Sequence[Sequence[float]], fills: Sequence[dict[str, object]]
) -> None:
    """Horizontal stacked bars, the first on top."""
    starts = [0.0] * len(names)
    for number, look in enumerate(fills):
        widths = [row[number] for row in values]
        axes.barh(range(len(names)), widths, left=starts, height=0.68, **look)  # type: ignore[arg-type]
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, max([*starts, 1]))
    axes.set_xticks([])
    axes.axvline(0, color=SOFT, linewidth=0.8)


def funnel(view: View) -> Drawn:
    """A waterfall from what was read to what was released."""
    shown = decisive(view)
    last = shown[-1].left
    figure, axes = canvas(0.52 * (len(shown) + 1) + 0.25, 1.55, 3.6, 0.1, 0.15)
    widest = max(shown[0].entered, 1)
    for place, step in enumerate(shown):
        axes.barh(place, step.left, height=0.6, color=KEPT, linewidth=0)
        axes.barh(place, step.entered - step.left, left=step.left, height=0.6, facecolor=LOST, hatch="////",
                  edgecolor="white", linewidth=0.8)  # fmt: skip
        axes.plot([step.left, step.left], [place + 0.3, place + 0.7], color=SOFT, linewidth=0.8)
        _beside(axes, place, widest, step)
    axes.barh(len(shown), last, height=0.6, color=KEPT, linewidth=0)
    axes.text(widest * 1.03, len(shown) - 0.17, f"{count(last)} documents", va="center", weight="bold")
    axes.text(widest * 1.03, len(shown) + 0.19, f"{share(last, shown[0].entered)} of the rows read", va="center",
              color=SOFT, fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(shown) + 1), [*(step.name for step in shown), "released"])
    axes.set_ylim(len(shown) + 0.5, -0.5)
    axes.set_xlim(0, widest)
    axes.set_xticks([])
    axes.axvline(0, color=SOFT, linewidth=0.8)
    flow = "; ".join(f"after {step.name} {count(step.left)}" for step in shown)
    alt = f"Documents through the stages. Read: {count(shown[0].entered)}; {flow}; released {count(last)}."
    caption = "From rows read to documents released: what each stage left (blue) and dropped (hatched)."
    return Drawn("figures/funnel.svg", caption, alt, svg(figure, alt))


def _beside(axes: Axes, place: int, widest: int, step: Step) -> None:
    """What a step dropped, in words, right of its bar."""
    lost = step.entered - step.left
    if not lost:
        axes.text(widest * 1.03, place, f"{count(step.left)} · none dropped", va="center", color=SOFT)
        return
    axes.text(
        widest * 1.03,
        place - 0.17,
        f"{count(step.left)}  (−{count(lost)}, {share(lost, step.entered)})",
        va="center",
    )
    reasons = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{worded(reason)} {count(number)}" for reason, number in reasons]
    fit = max(sum(len(", ".join(names[:n])) <= REASONS for n in range(1, len(names) + 1)), 1)
    text = ", ".join(names[:fit]) + (f", {len(names) - fit} more" if len(names) > fit else "")
    axes.text(widest * 1.03, place + 0.19, text, va="center", color=SOFT, fontsize=8)


def sources(view: View) -> Drawn:
    """What became of each source's documents: shares released and dropped, by stage."""
    manifest = view.manifest
    largest = sorted(manifest.sources, key=lambda source: (-source.documents, source.name))[:BARS]
    dropping = [step.name for step in decisive(view)[1:] if step.entered != step.left]
    losses = {(row.source, row.stage): row.documents_in - row.documents_out for row in manifest.funnel}
    folded = _folded(
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
    figure, axes = canvas(0.38 * len(largest) + LEGEND * rows + 0.3, left, 1.9, LEGEND * rows + 0.15, 0.15)
    fills = [fill(number) for number in range(len(series) + 1)]
    _stack(axes, [source.name for source in largest], values, fills)
    axes.set_xlim(0, 1)
    for place, (source, row) in enumerate(zip(largest, values, strict=True)):
        axes.text(1.015, place, f"{share(row[0], 1)} of {count(source.documents)}", va="center")
    for at in (0.25, 0.5, 0.75, 1.0):
        axes.axvline(at, color=GRID, linewidth=0.6, zorder=0)
    legend(figure, ["released", *series], fills, 0.3)
    told = ", ".join(f"{source.name} {share(row[0], 1)}" for source, row in zip(largest, values, strict=True))
    alt = f"Share of each source's documents that is released, and which stage dropped the others. Released: {told}."
    whose = "each source's" if len(largest) == len(manifest.sources) else f"the {len(largest)} largest sources'"
    caption = f"What became of {whose} documents: the share released, and the stages that dropped the others."
    return Drawn("figures/sources.svg", caption, alt, svg(figure, alt))
