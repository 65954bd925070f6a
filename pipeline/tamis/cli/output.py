"""What commands print: tables for people, one JSON object for programs.

Everything that is data goes through `escape` or a table cell: rich would take `[s3]` in it for markup.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
from rich.console import Console, ConsoleDimensions
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tamis.cli.options import print_json

__all__ = ["busy", "console", "duration", "errors", "escape", "number", "print_json", "size", "table"]

_ENDLESS = 1000
"""Columns of a pipe or file: a line is wrapped by whoever shows it."""


class _Output(Console):
    """A console that wraps lines for a terminal only, and leaves a closed pipe to the caller."""

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        if self.is_terminal or "COLUMNS" in os.environ:
            return super().size
        return ConsoleDimensions(_ENDLESS, 25)

    @size.setter
    def size(self, new: tuple[int, int]) -> None:
        self._width, self._height = new

    def on_broken_pipe(self) -> None:
        """Rich would end the process with a code of its own."""
        raise BrokenPipeError


console = _Output(highlight=False, emoji=False)
errors = _Output(stderr=True, highlight=False, emoji=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Collection[int] = ()) -> None:
    """A table; the columns numbered in `right` are right-aligned. These and the first one, the name of the
    thing, are the last to be wrapped. A cell is plain text, or a rich Text where it has a style."""
    heading = [Text(title, style="table.title")] if title else []  # as rich's own, it would be as narrow as the table
    drawn = Table(header_style="bold", box=None)
    drawn.pad_edge = False
    for index, name in enumerate(columns):
        drawn.add_column(
            name, justify="right" if index in right else "left", overflow="fold", no_wrap=index in (0, *right)
        )
    for row in rows:
        drawn.add_row(*[cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row])
    if console.is_terminal:
        console.print(*heading, drawn, sep="\n")
        return
    with console.capture() as captured:
        console.print(*heading, drawn, sep="\n")
    # Rich fills every line up to the table's width.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Shows on a terminal that something goes on."""
    if not errors.is_interactive:
        yield
        return
    with errors.status(escape(doing)):
        yield


def number(value: float | int) -> str:
    """A number with thin groups: 12 345."""
    return f"{value:,}".replace(",", " ")


def size(value: float) -> str:
    """Bytes for people: 12.3 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """A time span for people: 8.2 s, then 0:01:30."""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
