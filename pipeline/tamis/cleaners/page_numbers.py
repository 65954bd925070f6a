"""`page_numbers`: lines that hold a page number alone are dropped."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place

LONGEST = 40
"""Characters of a line that may hold a page number alone."""
WORDS = "page pages pag. pag pg. p. pp. seite s. pagina página pág. strona str. sivu sida side blz. feuillet folio f."
ROMAN = re.compile(r"c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
"""Up to 399: with m and d, words such as `mix` would be numbers, and no preface is that long."""
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_NUMBER = r"(?:[0-9]{1,4}|[ivx]|[ivxl]{2,9})"
_OF = r"(?:\s{0,3}(?:/|of|out of|sur|von|de|di|da|van|z|av)\s{0,3}[0-9]{1,4})"
_ORNAMENT = r"[-–—~*•·]{1,3}"
ORNAMENTED = rf"{_ORNAMENT}\s{{0,3}}{_NUMBER}\s{{0,3}}{_ORNAMENT}"
PAIR = re.compile(rf"([0-9]{{1,4}}){_OF}", re.IGNORECASE)


class PageNumbers(CleanerConfig):
    """Which lines are dropped."""

    bare: Literal["running", "always", "never"] = "running"
    """Lines that are a number and nothing else (`12`, `xii`, `[12]`, `3 / 10`): where they run on as page numbers do,
    always, or never."""
    run: Annotated[int, Field(ge=2)] = 5
    """Numbers that follow one another, at least, for them to be running."""
    apart: Annotated[int, Field(ge=1)] = 8
    """Lines with text between two of them, at least: what stands closer is a list or a table."""
    words: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=30)], ...], Field(max_length=100)] = tuple(
        WORDS.split()
    )
    """Words that stand before a page number: `Page 3 of 10`, `S. 12`."""


def _prepare(config: PageNumbers, _: Place) -> EachText:
    words = "|".join(re.escape(word) for word in sorted(config.words, key=len, reverse=True))
    said = rf"(?:{words})\s{{0,3}}{_NUMBER}{_OF}?" if words else r"(?!)"
    marked = re.compile(rf"{ORNAMENTED}|(?:{_ORNAMENT})?\s{{0,3}}{said}\s{{0,3}}(?:{_ORNAMENT})?", re.IGNORECASE)

    def clean(text: str) -> str:
        # Form feeds stay where they are.
        pieces = re.split(r"([\n\f])", text)
        dropped: set[int] = set()
        bare: dict[int, tuple[int, int]] = {}
        place = 0
        for index in range(0, len(pieces), 2):
            line = pieces[index].strip() if len(pieces[index]) <= 2 * LONGEST else "long"
            place += bool(line)
            if not line or len(line) > LONGEST:
                continue
            value = number(line)
            if value is not None:
                bare[index] = place, value
            elif marked.fullmatch(line):
                dropped.add(index)
        if config.bare == "always":
            dropped |= bare.keys()
        elif config.bare == "running":
            run_on = running(list(bare.values()), config.run, config.apart)
            dropped |= {index for at, index in enumerate(bare) if at in run_on}
        kept = []
        for index in range(0, len(pieces), 2):
            separator = pieces[index + 1] if index + 1 < len(pieces) else ""
            if index not in dropped:
                kept += [pieces[index], separator]
            elif separator == "\f":
                kept.append(separator)
        return "".join(kept)

    return EachText(clean)


def number(line: str) -> int | None:
    """The value of a line that is an Arabic number of up to four digits, or a Roman one, in brackets or not, or the
    first of `3 / 10`; None for any other."""
    pair = PAIR.fullmatch(line)
    if pair is not None:
        return int(pair[1])
    if line[0] in "[(<" and line[-1] in "])>":
        line = line[1:-1].strip()
    if line.isascii() and line.isdigit():
        return int(line) if len(line) <= 4 else None
    letters = line.lower()
    if (
        letters in ("", "c", "l")
        or len(letters) > 15
        or line not in (letters, line.upper())
        or not ROMAN.fullmatch(letters)
    ):
        return None
    values = [_VALUES[letter] for letter in letters]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))


def running(numbers: list[tuple[int, int]], run: int, apart: int) -> set[int]:
    """Which numbers run on: each is one or two above the one before (a page may lack its number), more than `apart`
    lines behind it, in chains of `run` and more. `numbers` are places and values."""
    chains: dict[int, list[int]] = {}
    found: set[int] = set()
    for at, (place, value) in enumerate(numbers):
        near = max(
            (one for one in (value - 1, value - 2) if one in chains and place - numbers[chains[one][-1]][0] > apart),
            key=lambda one: len(chains[one]),
            default=None,
        )
        chain = [] if near is None else chains.pop(near)
        chain.append(at)
        chains[value] = chain
        if len(chain) >= run:
            found.update(chain if len(chain) == run else chain[-1:])
    return found


CLEANER = Cleaner(
    name="page_numbers",
    version=1,
    title="lines that hold a page number alone are dropped",
    about="`- 12 -`, `Page 3 of 10`, `S. 12`. A number that stands alone (`12`, `xii`, `[12]`, `3 / 10`) may be "
    "anything; it goes where it runs on through the text, as page numbers do: each one or two above the last, "
    "with lines of text between.",
    config=PageNumbers,
    prepare=_prepare,
    examples=(
        Example("The harbour wakes\n- 12 -\nbefore dawn.\nPage 3 of 10\nFin.", "The harbour wakes\nbefore dawn.\nFin."),
        Example("One\n7\ntwo\n8\nthree\n9\nfour\n1848", "One\ntwo\nthree\nfour\n1848", {"run": 3, "apart": 1}),
    ),
)
