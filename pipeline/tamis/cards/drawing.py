"""How figures are drawn: one look, readable without colour, and the same bytes everywhere.

Figures are SVG with text as text, written here: bars, lines and words need no plotting library, and no version of
one then decides on the bytes. They keep a white ground, so that a dark page shows them as a light one does. Colours
are Okabe and Ito's (2008; the yellow darker), which colour-blind readers can tell apart; hatches say the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

INK, SOFT, GRID = "#1a1a1a", "#5c5c5c", "#d9d9d9"
KEPT, LOST, PLAIN = "#0072B2", "#D55E00", "#7F8C99"
TINT = "#FDF1E7"
"""Ground of what is lost."""
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#C8B400", "#8C8C8C")
HATCHES = ("", "/", "|", "x", "\\", "-", "+", "//")
WIDTH = 9.0
"""Inches; a card is about that wide."""
POINTS = 72
"""Points of an inch, the unit of what is drawn."""
SIZE = 9.5
"""Points of usual text."""
LEGEND_COLUMNS = 5
LEGEND = 0.26
"""Inches of a line of a legend."""

_THEME = {INK: "--ink", SOFT: "--soft", GRID: "--line", "white": "--paper", PLAIN: "--plain", TINT: "--tint"} | {
    color: f"--c{number}" for number, color in enumerate(PALETTE)
}
"""What a page calls the colours of a figure that follows its theme."""

_FONT = "'DejaVu Sans', Verdana, sans-serif"
_MIDDLE = 0.36
"""From the middle of a line of text down to its base line, in sizes of the font: half its capitals."""
_LETTER = 0.6
"""Width of a letter, about, in sizes of the font."""
_HANDLE = (17.0, 9.0)
"""Width and height of a sample of a legend."""
_CELL = 9
"""Width and height of what a hatch repeats."""
_STROKES = {
    "/": "M-1 1L1 -1M0 9L9 0M8 10L10 8",
    "//": "M-1 1L1 -1M0 4.5L4.5 0M0 9L9 0M4.5 9L9 4.5M8 10L10 8",
    "\\": "M-1 8L1 10M0 0L9 9M8 -1L10 1",
    "x": "M-1 1L1 -1M0 9L9 0M8 10L10 8M-1 8L1 10M0 0L9 9M8 -1L10 1",
    "|": "M2.25 0V9M6.75 0V9",
    "-": "M0 2.25H9M0 6.75H9",
    "+": "M2.25 0V9M6.75 0V9M0 2.25H9M0 6.75H9",
}


@dataclass(frozen=True)
class Drawn:
    """A figure of a card."""

    path: str
    caption: str
    alt: str
    """What it shows, for those who can't see it."""
    content: bytes
    twin: str = ""
    """The CSV that holds its numbers."""

    @property
    def name(self) -> str:
        """Its file's name without folder and ending."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Fill:
    """How a bar looks: its colour, and the hatch on it in white; `edge` points of white keep neighbours apart."""

    color: str
    hatch: str = ""
    edge: float = 0.0


def fill(number: int) -> Fill:
    """Colour and hatch of the series of that number."""
    return Fill(PALETTE[number % len(PALETTE)], HATCHES[number % len(HATCHES)], 0.5)


@dataclass
class Figure:
    """A drawing of WIDTH inches and `height` inches, its top at 0. Places in it are in points."""

    height: float
    parts: list[str] = field(default_factory=list)
    hatched: list[Fill] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, look: Fill) -> None:
        """A filled box."""
        if width <= 0:
            return
        paint = look.color
        if look.hatch:
            if look not in self.hatched:
                self.hatched.append(look)
            paint = f"url(#hatch-{self.hatched.index(look)})"
        edge = f' stroke="white" stroke-width="{_n(look.edge)}"' if look.edge else ""
        self.parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{paint}"{edge}/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, color: str, width: float, dash: str = "") -> None:
        """A straight line; `dash` as SVG writes it: points drawn, points left out."""
        ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
        broken = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<line {ends} stroke="{color}" stroke-width="{_n(width)}"{broken}/>')

    def text(
        self, x: float, y: float, words: str, *, size: float = SIZE, color: str = INK, bold: bool = False,
        anchor: str = "start",
    ) -> None:  # fmt: skip
        """A line of text whose middle is at the height `y`; it begins at `x`, or ends there (anchor `end`), or has
        its middle there (`middle`)."""
        look = f' font-size="{_n(size)}"' if size != SIZE else ""
        look += f' fill="{color}"' if color != INK else ""
        look += ' font-weight="bold"' if bold else ""
        look += f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(f'<text x="{_n(x)}" y="{_n(y + _MIDDLE * size)}"{look}>{escape(words)}</text>')

    def legend(self, names: Sequence[str], fills: Sequence[Fill], left: float, top: float = 0) -> None:
        """A legend along the top edge, or `top` inches below it, from `left` inches on, LEGEND_COLUMNS a line."""
        width, height = _HANDLE
        columns = [names[column::LEGEND_COLUMNS] for column in range(LEGEND_COLUMNS)]
        x = left * POINTS
        for column, inside in enumerate(columns):
            for row, name in enumerate(inside):
                y = (top + (row + 0.5) * LEGEND) * POINTS
                self.box(x, y - height / 2, width, height, fills[row * LEGEND_COLUMNS + column])
                self.text(x + width + 6, y, name)
            x += width + 20 + _LETTER * SIZE * max(map(len, inside), default=0)

    def svg(self, title: str) -> bytes:
        """The figure as SVG; `title` is read to those who can't see it."""
        width, height = _n(WIDTH * POINTS), _n(self.height * POINTS)
        hatches = [_hatch(number, look) for number, look in enumerate(self.hatched)]
        lines = [
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="{_FONT}" font-size="{_n(SIZE)}" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            *(["<defs>", *hatches, "</defs>"] if hatches else []),
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *self.parts,
            "</svg>",
        ]
        return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class Axes:
    """A part of a figure for bars that lie one below the other, the first on top: bar 0, 1, ..."""

    figure: Figure
    left: float
    """Inches from the figure's left edge; so `right` from its right edge, `top` and `bottom`."""
    right: float
    top: float
    bottom: float
    bars: int
    most: float
    """The value at the right end; 0 is at the left one."""

    def x(self, value: float) -> float:
        """Where a value is."""
        return (self.left + (WIDTH - self.left - self.right) * value / self.most) * POINTS

    def y(self, bar: float) -> float:
        """Where the middle of a bar is."""
        return (self.top + (self.figure.height - self.top - self.bottom) * (bar + 0.5) / self.bars) * POINTS

    def bar(self, number: float, start: float, end: float, height: float, look: Fill) -> None:
        """A bar from a value to another; `height` is a share of the room it has."""
        top, bottom = self.y(number - height / 2), self.y(number + height / 2)
        self.figure.box(self.x(start), top, self.x(end) - self.x(start), bottom - top, look)

    def names(self, names: Sequence[str]) -> None:
        """The names of the bars, left of them."""
        for number, name in enumerate(names):
            self.figure.text(self.x(0) - 6, self.y(number), name, anchor="end")

    def rule(self, value: float, color: str = SOFT, width: float = 0.8) -> None:
        """A line from top to bottom at a value."""
        self.figure.line(self.x(value), self.y(-0.5), self.x(value), self.y(self.bars - 0.5), color, width)

    def title(self, words: str) -> None:
        """A title above the axes."""
        self.figure.text(self.x(0), self.y(-0.5) - 8, words, color=SOFT)


def themed(svg: str, name: str) -> str:
    """A figure's SVG as a part of a page: its colours are the page's variables, its ids begin with `name`, and its
    title is told to those who can't see it, but doesn't hang over the figure as a tip."""
    body = svg[svg.index("<svg") :]
    title = re.search(r"<title>(.*?)</title>\n", body)
    if title is not None:
        body = body.replace(title[0], "", 1)
        body = body.replace('role="img"', f'role="img" aria-label="{title[1].replace(chr(34), "&quot;")}"', 1)
    for color, variable in _THEME.items():
        body = re.sub(f'(fill|stroke)="{color}"', rf'\1="var({variable}, {color})"', body)
    body = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", body, count=1)
    return re.sub(r'(id="|url\(#)(hatch-)', rf"\1{name}-\2", body)


def _hatch(number: int, look: Fill) -> str:
    size = f'width="{_CELL}" height="{_CELL}"'
    return (
        f'<pattern id="hatch-{number}" {size} patternUnits="userSpaceOnUse"><rect {size} fill="{look.color}"/>'
        f'<path d="{_STROKES[look.hatch]}" stroke="white" stroke-width="0.8" fill="none"/></pattern>'
    )


def _n(value: float) -> str:
    """A length: hundredths of a point do."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
