"""SVG of a Matplotlib figure: the same bytes each time it is drawn."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.rcParams.update({"svg.hashsalt": "tamis", "svg.fonttype": "none", "font.size": 10})


def svg(figure: Figure) -> str:
    """The figure as text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
