"""Names of cells and their parts, and the weights that repeats give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tamis.corpus.hashing import key_of
from tamis.tokens.formats.contract import Phase, Weighted

MAIN = "main"
"""The phase in which every document is seen as often as the release's mix says."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*(?:-[A-Za-z0-9._]+)*\Z")
_HASHED = re.compile(r"-[0-9a-f]{8}\Z")
_LONGEST = 80


@dataclass(frozen=True)
class PartFacts:
    """What a part holds."""

    part: str
    """`LANGUAGE/SOURCE--CATEGORY/00000`."""
    language: str
    source: str
    category: str
    documents: int
    tokens: int
    copies: int
    """Documents with repeats, as the mix has them."""
    mixed_tokens: int
    """Tokens with repeats."""
    empty: int
    """Documents of one token, which ends them."""

    @property
    def cell(self) -> str:
        """The part's cell."""
        return self.part.rpartition("/")[0]


def cell_name(language: str, source: str, category: str) -> str:
    """`LANGUAGE/SOURCE--CATEGORY`, fit for file names and blends: where a category isn't, a hash of it stands
    behind its letters. The last `--` parts the two, so that no two cells share a name."""
    plain = category
    if len(category) > _LONGEST or not _PLAIN.match(category) or _HASHED.search(category):
        letters = re.sub(r"[^A-Za-z0-9._]+", "-", category)[:_LONGEST].strip("-._") or "category"
        plain = f"{letters}-{key_of(category)[:8]}"
    return f"{language}/{source}--{plain}"


def part_name(cell: str, number: int) -> str:
    """`CELL/00000`."""
    return f"{cell}/{number:05d}"


def phase_of(name: str, parts: Iterable[PartFacts], weights: Mapping[str, float], tokens: int) -> Phase:
    """A phase from the weights of cells in any unit; a cell of weight 0 isn't in it. Pure.

    Every weight needs a cell; a share is never rounded.
    """
    cells: dict[str, dict[str, int]] = {}
    for part in parts:
        cells.setdefault(part.cell, {})[part.part] = part.tokens
    total = sum(weights.values())
    return Phase(
        name,
        tokens,
        tuple(Weighted(cell, weight / total, cells[cell]) for cell, weight in sorted(weights.items()) if weight > 0),
    )


def main_phase(parts: Iterable[PartFacts], name: str = MAIN) -> Phase:
    """The phase that a release realises: a cell weighs what its copies make."""
    parts = list(parts)
    weights: dict[str, int] = {}
    for part in parts:
        weights[part.cell] = weights.get(part.cell, 0) + part.mixed_tokens
    return phase_of(name, parts, weights, sum(weights.values()))
