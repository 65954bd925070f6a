"""Every line and every paragraph of a text column: its characters, words, letters, digits, and marks of what it is.

The loop fills a row for each line that isn't blank; means, medians and shares of a document are sums over its rows.
A line is what stands between two newlines, blank lines part paragraphs, and words are those of `kernels.words`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
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
_SMALL = 0x20
_COLUMNS = 8


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
def _scan(data, offsets, classes, lower, small, hyphens, word, out, owners, all_lines):  # type: ignore[no-untyped-def]
    """Fills a row of `out` and `owners` for each line that isn't blank, and `all_lines`; returns their number."""
    n = 0
    paragraph = -1
    for d in range(len(offsets) - 1):
        i = offsets[d]
        end = offsets[d + 1]
        fresh = True
        while i < end:
            characters = words = solid = digits = upper = cased = letters = 0
            met = 0
            javascript = curly = in_word = False
            last = before = prior = np.uint32(0)
            while i < end and data[i] != NEWLINE:
                point, i = decode(data, i)
                kind = classes[point]
                characters += 1
                if (kind & SPACE) == 0:
                    solid += 1
                    before = prior
                    last = point
                prior = point
                if (kind & (WORD | JOINER)) != JOINER:
                    joins = (kind & WORD) != 0 and (kind & UNSPACED) == 0
                    words += (kind & WORD) != 0 and not (joins and in_word)
                    in_word = joins
                if (kind & LETTER) != 0:
                    letters += 1
                    is_upper = lower[point] != point
                    upper += is_upper
                    cased += is_upper or (small[point] & LOWER) != 0
                digits += (kind & DIGIT) != 0
                curly |= point == 0x7B or point == 0x7D
                # The first letter stands nowhere else in the word, so a try that fails begins anew with this one.
                folded = point | np.uint32(_SMALL)
                met = met + 1 if folded == word[met] else int(folded == word[0])
                if met == len(word):
                    javascript = True
                    met = 0
            i += 1
            all_lines[d] += 1
            if solid == 0:
                fresh = True
                continue
            paragraph += fresh
            fresh = False
            hyphen = False
            for one in hyphens:
                hyphen |= last == one
            hyphen = hyphen and (classes[before] & LETTER) != 0
            owners[n, 0] = d
            owners[n, 1] = paragraph
            row = out[n]
            row[0] = characters
            row[1] = words
            row[2] = solid
            row[3] = digits
            row[4] = upper
            row[5] = cased
            row[6] = letters
            row[7] = hyphen * HYPHEN + javascript * JAVASCRIPT + curly * CURLY_BRACKET
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
    n = _scan(
        data, offsets, chars.classes, chars.lower, sentence_table(), _HYPHENS, _JAVASCRIPT, out, owners, all_lines
    )
    columns: list[npt.NDArray[np.int64]] = [*owners[:n].T, *out[:n].T.astype(np.int64), all_lines]
    return Lines(*columns)
