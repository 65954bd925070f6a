"""Every line and every paragraph of a text column: its characters, words, letters, digits, and marks of what it is.

The loop fills a row for each line that isn't blank; means, medians and shares of a document are sums over its rows.
A line is what stands between two newlines, blank lines part paragraphs, and words are those of `kernels.words`.
"""

from __future__ import annotations

import functools
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.lines import last_character
from tamis.kernels.unicode import (
    DIGIT,
    JOINER,
    LETTER,
    LOWER,
    SPACE,
    UNSPACED,
    WORD,
    char_tables,
    decode,
    sentence_table,
)

NEWLINE = 0x0A
HYPHEN, JAVASCRIPT, CURLY_BRACKET = 1, 2, 4
"""Marks of a line: it ends with a hyphen behind a letter, has the word `javascript`, has a curly bracket."""
_HYPHENS = np.array([0x2D, 0xAD, 0x2010], np.uint32)
_JAVASCRIPT = np.frombuffer(b"javascript", np.uint8)
_COLUMNS = 8
# What a character adds to its line: ten bits each for characters, characters other than white space, digits, letters in
# upper case, letters with case, letters; above them, what it is to a word, and whether it is a curly bracket.
_FIELD = 10
_FIELDS = 6
_LOW = np.uint64((1 << _FIELD) - 1)
_ADDED = np.uint64((1 << _FIELD * _FIELDS) - 1)
_FULL = 1000
"""Characters after which the sums are taken out of their ten bits."""
_CURLY, _JOINER, _ALONE, _JOINS = (np.uint64(1 << bit) for bit in range(60, 64))
_NOTHING = np.uint64(0)


@functools.cache
def _added() -> npt.NDArray[np.uint64]:
    """What each code point adds to its line."""
    classes, lower = char_tables()
    letter = (classes & LETTER) != 0
    upper = letter & (lower != np.arange(sys.maxunicode + 1, dtype=np.uint32))
    cased = upper | (letter & ((sentence_table() & LOWER) != 0))
    one = np.ones(len(classes), np.bool_)
    fields = (one, (classes & SPACE) == 0, (classes & DIGIT) != 0, upper, cased, letter)
    word, unspaced = (classes & WORD) != 0, (classes & UNSPACED) != 0
    table = np.zeros(len(classes), np.uint64)
    for place, field in enumerate(fields):
        table |= field.astype(np.uint64) << np.uint64(place * _FIELD)
    for flag, holds in (
        (_JOINS, word & ~unspaced),
        (_ALONE, word & unspaced),
        (_JOINER, (classes & (WORD | JOINER)) == JOINER),
    ):
        table |= np.where(holds, flag, _NOTHING)
    table[[ord("{"), ord("}")]] |= _CURLY
    table.flags.writeable = False
    return table


class Lines(NamedTuple):
    """The lines that aren't blank, document by document; each array is of shape (lines,)."""

    document: npt.NDArray[np.int64]
    paragraph: npt.NDArray[np.int64]
    """A number that the lines of a paragraph share, counted through all documents."""
    characters: npt.NDArray[np.int64]
    """White space included."""
    words: npt.NDArray[np.int64]
    solid: npt.NDArray[np.int64]
    """Characters other than white space."""
    digits: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    """Letters in upper case."""
    cased: npt.NDArray[np.int64]
    """Letters in upper or lower case."""
    letters: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int64]
    """Bits HYPHEN, JAVASCRIPT, CURLY_BRACKET."""
    all_lines: npt.NDArray[np.int64]
    """Of each document, shape (documents,): its lines, blank ones too; none in an empty text."""


@kernel()
def _has_hyphen(data, start, end, classes, hyphens):  # type: ignore[no-untyped-def]
    """Whether the line ends with a hyphen behind a letter, white space aside."""
    while end > start:
        point, before = last_character(data, start, end)
        if (classes[point] & SPACE) == 0:
            for one in hyphens:
                if point == one and before > start:
                    point, _ = last_character(data, start, before)
                    return (classes[point] & LETTER) != 0
            return False
        end = before
    return False


@kernel()
def _is_word(data, at, end, word):  # type: ignore[no-untyped-def]
    """Whether the ASCII word stands at `at`, in any case."""
    if end - at < len(word):
        return False
    same = True
    for k in range(len(word)):
        same &= (data[at + k] | 0x20) == word[k]
    return same


@kernel()
def _scan(data, offsets, classes, added, hyphens, word, out, owners, all_lines):  # type: ignore[no-untyped-def]
    """Fills a row of `out` and `owners` for each line that isn't blank, and `all_lines`; returns their number."""
    n = 0
    paragraph = -1
    sums = np.zeros(_FIELDS, np.int64)
    for d in range(len(offsets) - 1):
        i = offsets[d]
        end = offsets[d + 1]
        fresh = True
        while i < end:
            first = i
            sums[:] = 0
            words = np.int64(0)
            javascript = False
            flags = before = _NOTHING
            while i < end and data[i] != NEWLINE:
                stop = min(end, i + _FULL)
                held = _NOTHING
                while i < stop:
                    byte = data[i]
                    if byte < 0x80:
                        if byte == NEWLINE:
                            break
                        if (byte | 0x20) == word[0]:
                            javascript |= _is_word(data, i, end, word)
                        what = added[byte]
                        i += 1
                    else:
                        point, i = decode(data, i)
                        what = added[point]
                    held += what & _ADDED
                    flags |= what
                    if (what & _JOINER) == 0:
                        # The bit of a word begun, or of a character that is one.
                        words += np.int64(
                            ((what & ~before & _JOINS) >> np.uint64(63)) + ((what & _ALONE) >> np.uint64(62))
                        )
                        before = what
                for k in range(_FIELDS):
                    sums[k] += np.int64((held >> np.uint64(k * _FIELD)) & _LOW)
            hyphen = _has_hyphen(data, first, i, classes, hyphens)
            i += 1
            all_lines[d] += 1
            if sums[1] == 0:
                fresh = True
                continue
            paragraph += fresh
            fresh = False
            owners[n, 0] = d
            owners[n, 1] = paragraph
            row = out[n]
            row[0] = sums[0]
            row[1] = words
            for k in range(1, _FIELDS):
                row[k + 1] = sums[k]
            row[7] = hyphen * HYPHEN + javascript * JAVASCRIPT + ((flags & _CURLY) != 0) * CURLY_BRACKET
            n += 1
    return n


def scan_lines(data: Bytes, offsets: Offsets) -> Lines:
    """The lines of all documents."""
    chars = char_tables()
    documents = len(offsets) - 1
    room = int(np.count_nonzero(data[offsets[0] : offsets[-1]] == NEWLINE)) + documents
    out = np.empty((room, _COLUMNS), np.int32)
    owners = np.empty((room, 2), np.int64)
    all_lines = np.zeros(documents, np.int64)
    n = _scan(data, offsets, chars.classes, _added(), _HYPHENS, _JAVASCRIPT, out, owners, all_lines)
    columns: list[npt.NDArray[np.int64]] = [*owners[:n].T, *out[:n].T.astype(np.int64), all_lines]
    return Lines(*columns)
