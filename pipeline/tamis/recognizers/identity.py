"""What the recognizers of national identity numbers share: a shape, a check, and words nearby.

A check digit alone lets one number in ten (or 11, 23, 97) through, and tables, logs and catalogues are full of
numbers. So a number counts only if its shape is rare by itself (dates inside, letters, printed groups: the scheme
says which spellings are `sure`), or if a word that announces it stands at most `BEFORE` characters before or `AFTER`
characters behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

BEFORE, AFTER = 48, 24
LONGEST = 32
"""Characters of the longest spelling, and what its shape looks at behind it."""
_LEFT = r"(?<!\w)(?<![0-9][.,:/-])"
_RIGHT = r"(?!\w)(?![.,:/-][0-9])"
ZEROS = "0000"
"""First digits of every fake; no number of any scheme begins so."""


class Scheme(NamedTuple):
    """How a country writes a number, and how it can be checked."""

    shape: re.Pattern[str]
    """Made by `shape`."""
    valid: Callable[[str], bool]
    """Whether the canonical spelling passes the check."""
    sure: Callable[[str], bool]
    """Whether a value spelt so needs no word nearby."""
    words: re.Pattern[str]
    """Made by `words`."""


def shape(pattern: str) -> re.Pattern[str]:
    """The pattern, tried at every place where no longer number or word goes on."""
    return re.compile(f"{_LEFT}(?=({pattern}){_RIGHT})")


def words(*alternatives: str) -> re.Pattern[str]:
    """Any of these words, whatever their case."""
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])", re.IGNORECASE)


def find(scheme: Scheme, text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers of a scheme that begin in text[start:end]."""
    found: list[tuple[int, int]] = []
    for match in scheme.shape.finditer(text, start, end + LONGEST):
        first, last = match.span(1)
        if first >= end:
            break
        if found and first < found[-1][1]:
            continue
        value = match.group(1)
        if scheme.valid(canonical(value)) and (scheme.sure(value) or _announced(scheme.words, text, first, last)):
            found.append((first, last))
    return found


def _announced(pattern: re.Pattern[str], text: str, first: int, last: int) -> bool:
    """Whether a word that announces the number stands near."""
    if pattern.search(text, max(0, first - BEFORE), first):
        return True
    after = pattern.search(text, last, last + AFTER)
    # A word that goes on behind what is looked at is another one.
    return after is not None and not (after.end() == last + AFTER and text[after.end() : after.end() + 1].isalnum())


def canonical(value: str) -> str:
    """Letters and digits alone, in capitals."""
    return "".join(c for c in value if c.isalnum()).upper()


def reserved(value: str) -> bool:
    """Whether the number begins with zeros as fakes do, and as no number does."""
    return "".join(c for c in value if c.isdigit()).startswith(ZEROS)


def fake(value: str, digest: int) -> str:
    """`value` with other digits, zeros first."""
    size = max(0, sum(map(str.isdigit, value)) - len(ZEROS))
    digits = iter(ZEROS + str(10**size + digest % 10**size)[1:])
    return "".join(next(digits, c) if c.isdigit() else c for c in value)


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the first digits times their weights."""
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def is_day(month: int, day: int) -> bool:
    """Whether there is such a day in some year."""
    return 1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def never(_: str) -> bool:
    """No spelling is sure."""
    return False
