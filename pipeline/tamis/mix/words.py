"""How the plan says things: amounts of tokens, shares, lists, and what can't be planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.errors import UserError

_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"))
_SHOWN = 8


class Unplannable(UserError):
    """There is no plan for a mix; `path` is the part of the phase that says why."""

    def __init__(self, path: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.path = tuple(path)


def amount(tokens: float) -> str:
    """Tokens for people: 5.000 B, and below a million all digits."""
    for size, unit in _UNITS:
        if abs(tokens) >= size:
            return f"{tokens / size:,.3f} {unit}"
    return f"{tokens:,.0f}"


def percent(share: float) -> str:
    """A share for people: 33.33 %."""
    return f"{share * 100:.4g} %" if 0 < share < 0.0001 else f"{share * 100:.2f} %"


def cell_words(row: Mapping[str, Any]) -> str:
    """A cell's source with its part, and its bucket of quality where it has one: `web:long (quality to 0.85)`."""
    return row["name"] if row["quality"] is None else f"{row['name']} (quality to {row['quality']:g})"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
