"""The figures of a card: what the release holds, and where the other documents went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from tamis.cards.drawing import GRID, HATCHES, INK, KEPT, LOST, PALETTE, SOFT, canvas, fill, legend, style, svg
from tamis.cards.numbers import count, share, short
from tamis.cards.steps import Step, decisive
from tamis.cards.view import View

BARS = 20
"""Bars of a figure at most; the rest is one bar."""
SERIES = 8
"""Series of a figure at most: more can't be told apart. The rest is one series."""
OTHERS = "others"


@dataclass(frozen=True)
class Drawn:
    """A figure of a card."""

    path: str
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
    rows = (len(series) + 3) // 4
    figure, axes = canvas(0.42 * len(bars) + 0.26 * rows + 0.55, 0.95, 1.3, 0.26 * rows + 0.2, 0.3)
    fills = [fill(number) for number in range(len(series))]
    _stack(axes, list(bars), values, fills)
    total = sum(map(sum, values))
    for place, row in enumerate(values):
        label = f"{short(sum(row))}  ({share(sum(row), total)})"
        axes.text(sum(row), place, f"  {label}", va="center", ha="left", color=INK)
    legend(figure, list(series), fills, 0.85, 4)
    largest = ", ".join(f"{name} {share(sum(row), total)}" for name, row in list(zip(bars, values, strict=True))[:5])
    alt = f"{view.unit_name.capitalize()} of the release by language and category. Largest languages: {largest}."
    return Drawn("figures/composition.svg", alt, svg(figure, alt))


def _folded(amounts: dict[str, int], limit: int) -> dict[str, list[str]]:
    """Names by size, each with its members; beyond `limit`, the smallest share the name `others`."""
    names = sorted(amounts, key=lambda name: (-amounts[name], name))
    if len(names) <= limit:
        return {name: [name] for name in names}
    return {name: [name] for name in names[: limit - 1]} | {OTHERS: names[limit - 1 :]}


def _stack(
    axes: Axes, names: Sequence[str], values: Sequence[Sequence[int]], fills: Sequence[dict[str, object]]
) -> None:
    """Horizontal stacked bars, the first on top."""
    starts = [0] * len(names)
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
    figure, axes = canvas(0.52 * (len(shown) + 1) + 0.25, 1.55, 3.1, 0.1, 0.15)
    widest = max(shown[0].entered, 1)
    for place, step in enumerate(shown):
        axes.barh(place, step.left, height=0.6, color=KEPT, linewidth=0)
        axes.barh(place, step.entered - step.left, left=step.left, height=0.6, facecolor=LOST, hatch="////",
                  edgecolor="white", linewidth=0.8)  # fmt: skip
        axes.plot([step.left, step.left], [place + 0.3, place + 0.7], color=SOFT, linewidth=0.8)
        _beside(axes, place, widest, step)
    axes.barh(len(shown), last, height=0.6, color=KEPT, linewidth=0)
    axes.text(widest * 1.03, len(shown), f"{count(last)} documents released ({share(last, shown[0].entered)})",
              va="center", weight="bold")  # fmt: skip
    axes.set_yticks(range(len(shown) + 1), [*(step.name for step in shown), "released"])
    axes.set_ylim(len(shown) + 0.5, -0.5)
    axes.set_xlim(0, widest)
    axes.set_xticks([])
    axes.axvline(0, color=SOFT, linewidth=0.8)
    flow = "; ".join(f"after {step.name} {count(step.left)}" for step in shown)
    alt = f"Documents through the stages. Read: {count(shown[0].entered)}; {flow}; released {count(last)}."
    return Drawn("figures/funnel.svg", alt, svg(figure, alt))


def _beside(axes: Axes, place: int, widest: int, step: Step) -> None:
    """What a step dropped, in words, right of its bar."""
    lost = step.entered - step.left
    if not lost:
        axes.text(widest * 1.03, place, f"{count(step.left)} · none dropped", va="center", color=SOFT)
        return
    axes.text(widest * 1.03, place - 0.17, f"{count(step.left)}  (−{count(lost)}, {share(lost, step.entered)})", va="center")
    reasons = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{reason.removeprefix(step.name + '.')} {count(number)}" for reason, number in reasons]
    text = ", ".join(names[:2]) + (f", {len(names) - 2} more" if len(names) > 2 else "")
    axes.text(widest * 1.03, place + 0.19, text, va="center", color=SOFT, fontsize=8)


def sources(view: View) -> Drawn:
    """What became of each source's documents: shares released and dropped, by stage."""
    manifest = view.manifest
    largest = sorted(manifest.sources, key=lambda source: (-source.documents, source.name))[:BARS]
    dropping = [step.name for step in decisive(view)[1:] if step.entered != step.left]
    losses = {(row.source, row.stage): row.documents_in - row.documents_out for row in manifest.funnel}
    series = _folded({name: sum(losses.get((s.name, name), 0) for s in manifest.sources) for name in dropping}, SERIES - 1)
    values = []
    for source in largest:
        lost = [sum(losses.get((source.name, stage), 0) for stage in stages) for stages in series.values()]
        released = source.documents - sum(lost)
        values.append([part / max(source.documents, 1) for part in (released, *lost)])
    rows = (len(series) + 1 + 3) // 4
    left = min(0.5 + 0.085 * max(len(source.name) for source in largest), 3.0)
    figure, axes = canvas(0.38 * len(largest) + 0.26 * rows + 0.55, left, 1.9, 0.26 * rows + 0.2, 0.3)
    fills = [{"facecolor": PALETTE[n % len(PALETTE)], "hatch": HATCHES[n % len(HATCHES)], "edgecolor": "white",
              "linewidth": 0.8} for n in range(len(series) + 1)]  # fmt: skip
    _stack(axes, [source.name for source in largest], values, fills)  # type: ignore[arg-type]
    axes.set_xlim(0, 1)
    for place, (source, row) in enumerate(zip(largest, values, strict=True)):
        axes.text(1.015, place, f"{share(row[0], 1)} of {count(source.documents)}", va="center")
    for at in (0.25, 0.5, 0.75, 1.0):
        axes.axvline(at, color=GRID, linewidth=0.6, zorder=0)
    legend(figure, ["released", *(f"dropped by {name}" for name in series)], fills, 0.3, 3)
    told = ", ".join(f"{source.name} {share(row[0], 1)}" for source, row in zip(largest, values, strict=True))
    alt = f"Share of each source's documents that is released, and which stage dropped the others. Released: {told}."
    return Drawn("figures/sources.svg", alt, svg(figure, alt))
