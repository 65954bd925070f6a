"""Markdown as the Hub and GitHub read it: tables, folded blocks, and text that can't break out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tamis.cards.numbers import count

_ALIGN = {"l": ":--", "r": "--:", "c": ":-:"}
_URL = re.compile(r"https?://[^\s<>\"|`]+\Z")


def text(value: object) -> str:
    """A value as running text in one line: no markup of its own takes effect."""
    line = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    # An underscore inside a word marks nothing up.
    return re.sub(r"([\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)


def prose(value: str) -> str:
    """A line of Tamis's own words, whose `code` marks mean code."""
    return " ".join(value.split()).replace("|", "\\|").replace("<", "&lt;")


def code(value: object) -> str:
    """A value as code in one line."""
    line = " ".join(str(value).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""


def link(value: str) -> str:
    """An address as a link, anything else as text."""
    return f"<{value}>" if _URL.match(value) else text(value)


def table(header: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> str:
    """A table; `align` has one of l, r, c per column. Cells are Markdown already."""
    lines = [header, [_ALIGN[mark] for mark in align], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def top(rows: Sequence[Sequence[str]], limit: int, twin: str) -> tuple[Sequence[Sequence[str]], str]:
    """The first `limit` rows, and a line that says how many more there are and in which file."""
    if len(rows) <= limit:
        return rows, ""
    return rows[:limit], f"\n\n{count(len(rows) - limit)} more rows are in [`{twin}`]({twin})."


def folded(summary: str, body: str) -> str:
    """A block that opens on a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def fenced(language: str, body: str) -> str:
    """A code block, whatever `body` holds."""
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{body.rstrip()}\n{fence}"


def outside_fences(markdown: str) -> list[str]:
    """The lines that no code block holds; those of one are empty."""
    found, fence = [], ""
    for line in markdown.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if not fence:
            found.append("" if mark else line)
            fence = mark[1] if mark else ""
        else:
            found.append("")
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
    return found


def section(title: str, *parts: str) -> str:
    """A section of the card; empty parts are left out."""
    return "\n\n".join([f"## {title}", *(part.strip("\n") for part in parts if part)])
