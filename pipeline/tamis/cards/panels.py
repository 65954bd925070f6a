"""Small multiples of histograms: one figure a stage, one panel a signal.

Released documents stand above the base line, dropped ones hang below it. Heights are logarithmic: what rules decide
on is in the tails. Every bar starts at the base line, so where a bin has documents that fail the rule and others, the
shorter bar lies on the longer one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tamis.cards.drawing import GRID, INK, KEPT, LEGEND, LOST, PLAIN, POINTS, SOFT, TINT, WIDTH, Figure, Fill
from tamis.cards.numbers import share, short
from tamis.cards.scales import Counts, scale_of
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import HistogramRow

COLUMNS = 3
"""Panels beside one another."""
LOOKS = {"released": Fill(KEPT), "other": Fill(PLAIN), "failed": Fill(LOST, "/")}
WORDS = {
    "released": "released",
    "failed": "fails the rule on this signal",
    "other": "dropped by other rules or the mix",
}
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.36, 0.1, 0.42, 0.27
"""Inches around the bars of a panel."""
_HEIGHT = 1.62
"""Inches of a panel."""
_FEW = 0.3
"""Height of a single document, in powers of ten: a bar of one is seen."""
_SMALL = 7.5
_WORDS = 34
"""Letters of a rule that a panel has room for."""


@dataclass(frozen=True)
class Panel:
    """What one panel shows."""

    row: HistogramRow
    rule: Condition | None
    rule_words: str
    overrides: tuple[Condition, ...]
    """Rules of `keep_by` on the signal."""

    @property
    def ruled(self) -> bool:
        """Whether a rule is on it, be it for some documents only."""
        return self.rule is not None or bool(self.overrides)

    @property
    def measured(self) -> int:
        """Documents it tells of."""
        return sum(map(sum, (self.row.released, self.row.failed, self.row.other))) + sum(self.row.nulls.values())


def draw(panels: Sequence[Panel], title: str) -> bytes:
    """The figure; `title` is read to those who can't see it."""
    rows = -(-len(panels) // COLUMNS)
    ruled = any(panel.ruled for panel in panels)
    words = {name: word for name, word in WORDS.items() if ruled or name != "failed"}
    figure = Figure(LEGEND + 0.08 + rows * _HEIGHT + 0.05)
    figure.legend(list(words.values()), [LOOKS[name] for name in words], 0.1)
    up = _powers(panel.row.released for panel in panels)
    down = _powers([*panel.row.failed, *panel.row.other] for panel in panels)
    for number, panel in enumerate(panels):
        left = number % COLUMNS * WIDTH / COLUMNS + _LEFT
        top = LEGEND + 0.08 + number // COLUMNS * _HEIGHT + _TOP
        width, height = WIDTH / COLUMNS - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        _Plot(figure, panel, left * POINTS, top * POINTS, width * POINTS, height * POINTS, up, down).draw()
    return figure.svg(title)


def _powers(counts: Iterable[Sequence[int]]) -> int:
    """The power of ten that no count is above; 1 at least."""
    most = max((max(some, default=0) for some in counts), default=0)
    return max(math.ceil(math.log10(most)) if most else 0, 1)


@dataclass(frozen=True)
class _Plot:
    """One panel, placed: all in points."""

    figure: Figure
    panel: Panel
    left: float
    top: float
    width: float
    height: float
    up: int
    down: int

    @property
    def _decade(self) -> float:
        return self.height / (self.up + self.down + 2 * _FEW)

    @property
    def _base(self) -> float:
        return self.top + (self.up + _FEW) * self._decade

    def _rise(self, documents: int) -> float:
        return (math.log10(documents) + _FEW) * self._decade if documents else 0.0

    def draw(self) -> None:
        """Words, ground, bars and lines, in this order."""
        row, figure = self.panel.row, self.figure
        figure.text(self.left, self.top - 19, row.signal, size=8.5, bold=True)
        figure.text(self.left, self.top - 8, self._told(), size=_SMALL, color=SOFT)
        scale = scale_of(row, self.panel.rule, self.panel.overrides)
        for low, high in scale.dropping:
            self._ground(low, high)
        self._counts()
        for start, end, counts in scale.bars:
            self._bar(start, end, counts)
        figure.line(self.left, self._base, self.left + self.width, self._base, INK, 0.8)
        for at, dash in scale.lines:
            x = self._x(at)
            figure.line(x, self.top, x, self.top + self.height, INK, 1.0 if not dash else 0.8, dash)
        for at, word in scale.ticks:
            figure.text(self._x(at), self.top + self.height + 8, word, size=_SMALL, color=SOFT, anchor="middle")

    def _told(self) -> str:
        unknown = sum(self.panel.row.nulls.values())
        words = self.panel.rule_words
        words = words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…"
        parts = [f"kept: {words}" if words else "no rule"]
        if unknown:
            parts.append(f"unknown {share(unknown, self.panel.measured)}")
        return " · ".join(parts)

    def _x(self, at: float) -> float:
        return self.left + self.width * at

    def _ground(self, low: float, high: float) -> None:
        self.figure.box(self._x(low), self.top, (high - low) * self.width, self.height, Fill(TINT))

    def _counts(self) -> None:
        """Lines at powers of ten, told at the left."""
        every = 1 if self.up + self.down <= 6 else 2 if self.up + self.down <= 11 else 3
        for sign, powers in ((-1, self.up), (1, self.down)):
            for power in range(every, powers + 1, every):
                y = self._base + sign * (power + _FEW) * self._decade
                self.figure.line(self.left, y, self.left + self.width, y, GRID, 0.5)
                self.figure.text(self.left - 4, y, short(10**power).replace("\u202f", ""), size=6.5, color=SOFT,
                                 anchor="end")  # fmt: skip

    def _bar(self, start: float, end: float, counts: Counts) -> None:
        x, width = self._x(start), max((end - start) * self.width, 0.4)
        rise = self._rise(counts["released"])
        if rise:
            self.figure.box(x, self._base - rise, width, rise, LOOKS["released"])
        # The longer one first.
        for name in sorted(("other", "failed"), key=lambda name: -counts[name]):
            if counts[name]:
                self.figure.box(x, self._base, width, self._rise(counts[name]), LOOKS[name])
