"""Wiki markup line by line: headings, lists, tables and emphasis become Markdown's."""

from __future__ import annotations

import re

_QUOTES = re.compile(r"('{2,})")
_LIST = re.compile(r"[*#:;]{1,20}")
_INDENT = {"*": 2, "#": 3, ":": 0, ";": 0}
_DEEP = 7
"""Beyond the levels of headings."""
Block = tuple[str, int, str]
"""Kind (`heading`, `item`, `table`, `text`), level of a heading, Markdown."""


def blocks(text: str, emphasis: bool) -> str:
    """The page as Markdown: one blank line between paragraphs, lists, tables and headings."""
    lines = [line.rstrip() for line in text.split("\n")]
    closed = _closed_tables(lines)
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if at in closed:
            at = _table(lines, at + 1, found, emphasis, closed)
            continue
        found.append(_block(lines[at], emphasis))
        at += 1
    return _joined(_with_content(found))


def _closed_tables(lines: list[str]) -> set[int]:
    """The lines at which tables start that end, too."""
    opened: list[int] = []
    closed: set[int] = set()
    for at, line in enumerate(lines):
        if line.lstrip(" \t:").startswith("{|"):
            opened.append(at)
        elif opened and line.lstrip().startswith("|}"):
            closed.add(opened.pop())
    return closed


def _block(line: str, emphasis: bool) -> Block:
    bare = line.strip()
    if len(bare) > 2 and bare[0] == bare[-1] == "=":
        level = min(len(bare) - len(bare.lstrip("=")), len(bare) - len(bare.rstrip("=")), 6)
        title = bare[level:-level].strip()
        if title.strip("="):
            return "heading", level, f"{'#' * level} {_emphasised(title, emphasis)}"
    if len(bare) >= 4 and not bare.strip("-"):
        return "blank", 0, ""
    match = _LIST.match(line)
    if match is None:
        return ("text", 0, _emphasised(line, emphasis)) if bare else ("blank", 0, "")
    prefix, rest = match[0], _emphasised(line[match.end() :].strip(), emphasis)
    if not rest:
        return "blank", 0, ""
    mark = {"*": "- ", "#": "1. "}.get(prefix[-1], "")
    indent = " " * sum(_INDENT[one] for one in prefix[:-1])
    return ("item" if mark or indent else "text"), 0, f"{indent}{mark}{rest}"


def _with_content(found: list[Block]) -> list[Block]:
    """Without headings that have nothing below them."""
    kept: list[Block] = []
    below = 0
    for block in reversed(found):
        kind, level, _ = block
        if kind == "heading":
            if below <= level:
                continue
            below = level
        elif kind != "blank":
            below = _DEEP
        kept.append(block)
    return kept[::-1]


def _joined(found: list[Block]) -> str:
    pieces: list[str] = []
    before = ""
    for kind, _, line in found:
        if kind == "blank":
            before = "blank" if pieces else ""
            continue
        if pieces:
            pieces.append("\n" if kind == before and kind in ("item", "text") else "\n\n")
        pieces.append(line)
        before = kind
    return "".join(pieces)


def _table(lines: list[str], at: int, found: list[Block], emphasis: bool, closed: set[int]) -> int:
    """Reads a table that starts before line `at`; gives the line after it. Tables in its cells are left out."""
    rows: list[list[str]] = [[]]
    depth = 1
    while at < len(lines) and depth:
        line = lines[at].strip()
        at += 1
        if at - 1 in closed:
            depth += 1
        elif line.startswith("|}"):
            depth -= 1
        elif depth > 1 or not line:
            continue
        elif line.startswith("|-"):
            rows.append([])
        elif line.startswith("|+"):
            found.append(("text", 0, _cell(_emphasised(line[2:], emphasis))))
        elif line[0] in "|!":
            row = line[1:].replace("!!", "||") if line[0] == "!" else line[1:]
            rows[-1] += [_cell(_emphasised(cell, emphasis)) for cell in row.split("||")]
        elif rows[-1]:
            rows[-1][-1] = f"{rows[-1][-1]} {line}".strip()
    written = [f"| {' | '.join(row)} |" for row in rows if any(row)]
    if written:
        header = next(row for row in rows if any(row))
        written.insert(1, "|" + "---|" * len(header))
        found.append(("table", 0, "\n".join(written)))
    return at


def _cell(cell: str) -> str:
    """What a cell says: attributes may stand before a bar."""
    before, bar, after = cell.partition("|")
    return (after if bar and "=" in before else cell).strip().replace("|", "\\|")


def _emphasised(line: str, emphasis: bool) -> str:
    """Bold and italics of a line; what isn't closed in it is none."""
    if "''" not in line:
        return line
    pieces = _QUOTES.split(line)
    bold: list[int] = []
    italic: list[int] = []
    for at in range(1, len(pieces), 2):
        run = len(pieces[at])
        more = 1 if run == 4 else max(run - 5, 0)
        if run - more != 2:
            bold.append(at)
        if run - more in (2, 5):
            italic.append(at)
        pieces[at] = "'" * more
    for marks, sign in ((bold, "**"), (italic, "*")):
        for at in marks[: len(marks) // 2 * 2] if emphasis else ():
            pieces[at] += sign
    return "".join(pieces)
