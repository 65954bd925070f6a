"""A document as two libraries see it: its words, lines and paragraphs by their definitions and by ours.

Written out in plain Python, so that the two can be mixed: see `parity_rules`.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from tamis.kernels.unicode import JOINER, PUNCTUATION, SYMBOL, UNSPACED, WORD, char_tables

LANGUAGES = {"en": "eng", "fr": "fra", "de": "deu", "es": "spa", "it": "ita"}
"""The languages compared, and what datatrove calls them."""


@functools.cache
def _word() -> re.Pattern[str]:
    """A word as every stage has it."""
    classes = char_tables().classes
    points = range(sys.maxunicode + 1)
    alone = "".join(re.escape(chr(p)) for p in points if classes[p] & WORD and classes[p] & UNSPACED)
    part = "".join(re.escape(chr(p)) for p in points if classes[p] & WORD and not classes[p] & UNSPACED)
    joiners = "".join(chr(p) for p in points if classes[p] & JOINER)
    return re.compile(f"[{alone}]|[{part}](?:[{joiners}]*[{part}])*")


@functools.cache
def _joiners() -> re.Pattern[str]:
    classes = char_tables().classes
    return re.compile("[" + "".join(chr(p) for p in range(sys.maxunicode + 1) if classes[p] & JOINER) + "]")


@functools.cache
def _piece() -> re.Pattern[str]:
    """A piece between white space: the marks at its head, what begins and ends with another character, those behind."""
    classes = char_tables().classes
    mark = "".join(re.escape(chr(p)) for p in range(sys.maxunicode + 1) if classes[p] & (PUNCTUATION | SYMBOL))
    return re.compile(f"([{mark}]*)((?:.*[^{mark}])?)([{mark}]*)", re.DOTALL)


@functools.cache
def _runs() -> re.Pattern[str]:
    """What counts as one mark."""
    return re.compile(r"\.+|-+")


class View:
    """One document; what takes time is found once."""

    def __init__(self, text: str, language: str) -> None:
        self.text, self.language = text, language

    @cached_property
    def tokens(self) -> list[str]:
        """spaCy's tokens, through datatrove."""
        from datatrove.utils.text import split_into_words

        found: list[str] = split_into_words(self.text, LANGUAGES[self.language])
        return found

    @cached_property
    def no_marks(self) -> list[str]:
        """The tokens that aren't all punctuation."""
        from datatrove.utils.text import PUNCTUATION_SET

        return [token for token in self.tokens if any(char not in PUNCTUATION_SET for char in token)]

    @cached_property
    def words(self) -> list[str]:
        """Our words, in the case they have."""
        return [_joiners().sub("", word) for word in _word().findall(self.text)]

    @cached_property
    def lower(self) -> list[str]:
        """Our words, lower case."""
        return [word.lower() for word in self.words]

    @cached_property
    def pieces(self) -> tuple[int, int]:
        """Tokens as the stage `fineweb` counts them in scripts with spaces, and those of them with a letter."""
        found = [one for piece in self.text.split() if (one := _piece().fullmatch(piece))]
        marks = sum(len(_runs().sub(".", one[1])) + len(_runs().sub(".", one[3])) for one in found)
        words = sum(bool(one[2]) for one in found)
        return marks + words, sum(any(map(str.isalpha, one[2])) for one in found)

    @cached_property
    def lines(self) -> list[str]:
        """Our lines: none of them blank."""
        return [line for line in self.text.split("\n") if line.strip()]

    @cached_property
    def paragraphs(self) -> list[str]:
        """Ours: lines that follow one another without a blank one between."""
        found: list[list[str]] = [[]]
        for line in self.text.split("\n"):
            if line.strip():
                found[-1].append(line)
            elif found[-1]:
                found.append([])
        return ["\n".join(lines) for lines in found if lines]


def share(part: float, whole: float) -> float:
    """A ratio; 0 of nothing."""
    return part / whole if whole else 0.0


def again(items: Sequence[str]) -> tuple[int, int]:
    """How many items stood before, and their characters."""
    met: set[str] = set()
    count = characters = 0
    for item in items:
        if item in met:
            count += 1
            characters += len(item)
        met.add(item)
    return count, characters


def top(words: Sequence[str], size: int, spaces: bool, apart: bool) -> int:
    """Characters in all occurrences of the most frequent n-gram.

    `spaces`: those between its words count. `apart`: occurrences that overlap one that was counted don't count, a
    single one is no repetition, and of equally frequent n-grams the longest is taken; else the first.
    """
    grams = list(zip(*(words[at:] for at in range(size)), strict=False))
    if not grams:
        return 0

    def length(gram: tuple[str, ...]) -> int:
        return sum(map(len, gram)) + (size - 1) * spaces

    if not apart:
        gram, count = Counter(grams).most_common(1)[0]
        return length(gram) * count
    counts: Counter[tuple[str, ...]] = Counter()
    free: dict[tuple[str, ...], int] = {}
    for at, gram in enumerate(grams):
        if at >= free.get(gram, 0):
            counts[gram] += 1
            free[gram] = at + size
    count = max(counts.values())
    return count * max(length(gram) for gram, n in counts.items() if n == count) if count > 1 else 0


def repeated(words: Sequence[str], size: int) -> int:
    """Characters of words in n-grams that stood before, going through the text from its start."""
    met: set[tuple[str, ...]] = set()
    characters = at = 0
    while at <= len(words) - size:
        gram = tuple(words[at : at + size])
        if gram in met:
            characters += sum(map(len, gram))
            at += size
        else:
            met.add(gram)
            at += 1
    return characters
