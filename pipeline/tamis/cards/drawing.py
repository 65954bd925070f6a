"""How figures are drawn: one look, readable without colour, and the same bytes every time.

Figures are SVG with text as text. They keep a white ground, so that a dark page shows them as a light one
does. Colours are Okabe and Ito's (2008; the yellow darker), which colour-blind readers can tell apart; hatches say
the same.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch

INK, SOFT, GRID = "#1a1a1a", "#5c5c5c", "#d9d9d9"
KEPT, LOST, PLAIN = "#0072B2", "#D55E00", "#7F8C99"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#C8B400", "#8C8C8C")
HATCHES = ("", "///", "|||", "xxx", "\\\\\\", "---", "+++", "//////")
WIDTH = 9.0
"""Inches; a card is about that wide."""
CREATOR = f"Matplotlib {matplotlib.__version__}"
"""Written into every figure: another version may draw other bytes."""
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9.5,
    "text.color": INK,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "tamis",
}


def style() -> Any:
    """The look, for as long as the context is open."""
    # Whatever this machine's matplotlibrc says, the defaults hold.
    usual = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
    return matplotlib.rc_context({**usual, **_STYLE})  # type: ignore[dict-item]


def canvas(height: float, left: float, right: float, top: float, bottom: float) -> tuple[Figure, Axes]:
    """A figure of `height` inches with axes inside margins of that many inches."""
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    return figure, beside(figure, height, left, right, top, bottom)


def beside(figure: Figure, height: float, left: float, right: float, top: float, bottom: float) -> Axes:
    """Further axes in the figure, inside margins of that many inches."""
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - top - bottom) / height)
    )
    axes.set_facecolor("white")
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelcolor=INK, pad=6)
    return axes


def fill(number: int) -> dict[str, Any]:
    """Colour and hatch of the series of that number; an edge in white keeps neighbours apart."""
    return {
        "facecolor": PALETTE[number % len(PALETTE)],
        "hatch": HATCHES[number % len(HATCHES)],
        "edgecolor": "white",
        "linewidth": 0.5,
    }


LEGEND_COLUMNS = 5


def legend(figure: Figure, names: Sequence[str], fills: Sequence[dict[str, Any]], left: float) -> None:
    """A legend along the top edge, from `left` inches on."""
    figure.legend(
        handles=[Patch(label=name, **look) for name, look in zip(names, fills, strict=True)],
        loc="upper left", bbox_to_anchor=(left / WIDTH, 1.0), ncols=LEGEND_COLUMNS, frameon=False,
        handlelength=1.8, handleheight=1.1, columnspacing=1.4, handletextpad=0.6, borderaxespad=0.4,
    )  # fmt: skip


def svg(figure: Figure, title: str) -> bytes:
    """The figure as SVG; `title` is read to those who can't see it."""
    out = io.BytesIO()
    canvas_: Any = FigureCanvasSVG(figure)
    canvas_.print_svg(out, metadata={"Date": None, "Creator": CREATOR, "Title": title})
    return out.getvalue()
