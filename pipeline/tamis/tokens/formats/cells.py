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
    cut: str = ""
    """Part and bucket of quality, where the mix cuts by them: `long-q0.85`."""

    @property
    def cell(self) -> str:
        """The part's cell."""
        return self.part.rpartition("/")[0]


def cell_name(language: str, source: str, category: str, cut: str = "") -> str:
    """`LANGUAGE/SOURCE--CATEGORY`, and `/CUT` where the mix cuts finer; fit for file names and blends: where a
    category isn't, a hash of it stands behind its letters. The last `--` parts the two, so that no two cells share a
    name."""
    plain = category
    if len(category) > _LONGEST or not _PLAIN.match(category) or _HASHED.search(category):
        letters = re.sub(r"[^A-Za-z0-9._]+", "-", category)[:_LONGEST].strip("-._") or "category"
        plain = f"{letters}-{key_of(category)[:8]}"
    return f"{language}/{source}--{plain}{f'/{cut}' if cut else ''}"


def part_name(cell: str, number: int) -> str:
    """`CELL/00000`."""
    return f"{cell}/{number:05d}"


def phase_of(name: str, parts: Iterable[PartFacts], weights: Mapping[str, float], tokens: int) -> Phase:
    """A phase from the weights of cells in any unit; a cell of weight 0 isn't in it. Pure.

    Every weight needs a cell; a share is never rounded.
    """
    parts, total = list(parts), sum(weights.values())
    cells = (weighted(cell, weight / total, parts, cell) for cell, weight in sorted(weights.items()) if weight > 0)
    return Phase(name, tokens, tuple(cells))


def weighted(name: str, share: float, parts: Iterable[PartFacts], cell: str, release: str = "") -> Weighted:
    """A phase's cell `name`, made of the parts of `cell`, in a release that lies elsewhere if one is named. KeyError
    when it has no part."""
    mine = {part.part: part.tokens for part in parts if part.cell == cell}
    if not mine:
        raise KeyError(cell)
    return Weighted(name, share, mine, cell, release)


def main_phase(parts: Iterable[PartFacts], name: str = MAIN) -> Phase:
    """The phase that a release realises: a cell weighs what its copies make."""
    parts = list(parts)
    weights: dict[str, int] = {}
    for part in parts:
        weights[part.cell] = weights.get(part.cell, 0) + part.mixed_tokens
    return phase_of(name, parts, weights, sum(weights.values()))
