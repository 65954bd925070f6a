"""Documents of aligned texts: two texts, with or without the names of their languages, in one of many layouts.

The layouts follow the Lucie training set's; there they came from an unseeded generator, here every choice is a hash of
the seed, what is chosen, and the row.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pyarrow as pa
import xxhash

from tamis.recipe.pairs import Pairs

T = TypeVar("T")
ROLE = "pair."
"""Starts the name of the role of each text; its language follows."""


def paired(pairs: Pairs, source: str, columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The texts of the rows (large_string); null where one of the two texts is missing or blank.

    `columns` has `pair.LANGUAGE` for each of the two, and may have `id`.
    """
    nothing = pa.nulls(rows, pa.large_string())
    first, second = (columns.get(f"{ROLE}{language}", nothing).to_pylist() for language in pairs.columns)
    if pairs.in_one_field:
        from tamis.readers.halves import halves

        cut = halves(first, pairs.languages)
        first, second = [half[0] if half else None for half in cut], [half[1] if half else None for half in cut]
    ids = columns.get("id", nothing).to_pylist()
    texts = []
    for one, other, own_id in zip(first, second, ids, strict=True):
        one, other = (one or "").strip(), (other or "").strip()
        known = f"{source}:{own_id}" if own_id else f"{one}\0{other}"
        texts.append(pair_text(pairs, one, other, known) if one and other else None)
    return pa.array(texts, pa.large_string())


def pair_text(pairs: Pairs, first: str, second: str, row: str) -> str:
    """One document of two texts; `row` is what the row is known by."""
    draw = _Draw(pairs.seed, row)
    separator = draw.one_of("separator", pairs.separators)
    if not draw.happens("prefix", pairs.prefix):
        return f"{first}{separator}{second}"
    brackets = draw.one_of("brackets", pairs.brackets)
    mark = draw.one_of("mark", pairs.marks)
    if brackets:
        # Of the mark only a colon goes into brackets.
        before, after = brackets[0], f"{mark.strip().rstrip('.-—')}{brackets[1]} "
    else:
        before, after = "", mark
    apart = bool(brackets) or "\n" in separator or "\t" in separator
    ways = [way for way in pairs.names if apart or way != "code"] or ["own"]
    names = _names(tuple(pairs.columns), draw.one_of("names", ways))
    if not apart or draw.happens("capitalized", pairs.capitalized):
        names = [name[:1].upper() + name[1:] for name in names]
    parts = [f"{before}{name}{after}{text}" for name, text in zip(names, (first, second), strict=True)]
    if draw.happens("inverted", pairs.inverted):
        parts.reverse()
    return separator.join(parts)


def _names(languages: tuple[str, ...], way: str) -> list[str]:
    if way == "code":
        return list(languages)
    tongues = {"own": languages, "first": languages[:1] * 2, "second": languages[1:] * 2}[way]
    return [_name(language, tongue) for language, tongue in zip(languages, tongues, strict=True)]


@functools.lru_cache(maxsize=1000)
def _name(language: str, tongue: str) -> str:
    """The name of a language in another one, in small letters: French in German is `französisch`."""
    import langcodes

    return str(langcodes.Language.get(language).display_name(tongue)).lower()


class _Draw:
    """Choices for one row."""

    def __init__(self, seed: int, row: str) -> None:
        self.seed, self.row = seed, row

    def _number(self, what: str) -> int:
        return xxhash.xxh3_64_intdigest(f"{what}\0{self.row}".encode(), self.seed)

    def happens(self, what: str, share: float) -> bool:
        return self._number(what) < share * 2**64

    def one_of(self, what: str, choices: Sequence[T]) -> T:
        return choices[self._number(what) * len(choices) >> 64]
