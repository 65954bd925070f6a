"""What verification gathers: how many checks were made, and which did not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SHOWN = 160
"""Characters of a value in a problem, at most."""


@dataclass(frozen=True)
class Problem:
    """One thing in a release that isn't as it should be."""

    place: str
    """File, and where in it: `README.md:12`, `manifest.json: totals.tokens`, `data/fr/web-....parquet: row 3, id`."""
    found: str
    expected: str


@dataclass
class Checks:
    """Counts checks and keeps the problems: one a place, the first found."""

    made: int = 0
    found: dict[str, Problem] = field(default_factory=dict)

    def equal(self, place: str, found: Any, expected: Any) -> bool:
        """One check: is what was found what it should be?"""
        return self.holds(bool(found == expected), place, found, expected)

    def holds(self, held: bool, place: str, found: Any, expected: Any) -> bool:
        """One check, made already."""
        self.made += 1
        if not held and place not in self.found:
            self.found[place] = Problem(place, _shown(found), _shown(expected))
        return held

    @property
    def problems(self) -> list[Problem]:
        """In the order they were found."""
        return list(self.found.values())

    def any_in(self, *starts: str) -> bool:
        """Whether something is wrong at a place that starts so."""
        return any(place.startswith(starts) for place in self.found)


def _shown(value: Any) -> str:
    line = str(value)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
