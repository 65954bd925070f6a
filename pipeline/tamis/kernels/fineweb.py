"""What FineWeb's quality filter measures of a document: how its lines end, how long they are, which stood before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.lines import count_duplicates, last_character, low_bits, padded, split_lines, table_size
from tamis.kernels.simd import LANES, pointer, range_mask, trailing_zeros, word_masks
from tamis.kernels.unicode import (
    PUNCTUATION,
    SENTENCE_END,
    SPACE,
    SYMBOL,
    UNSPACED,
    WORD,
    char_tables,
    decode,
    sentence_table,
)
from tamis.kernels.words import max_words

_ONE = np.uint64(1)


class LineCounts(NamedTuple):
    """What is counted in each document; all arrays are int64 of shape (documents,)."""

    lines: npt.NDArray[np.int64]
    """Lines that aren't blank."""
    ended_lines: npt.NDArray[np.int64]
    """Of them, those whose last character is a mark that ends a sentence."""
    short_lines: npt.NDArray[np.int64]
    """Of them, those of at most so many characters."""
    repeated_characters: npt.NDArray[np.int64]
    """Characters of lines that stood before in the document."""
    characters: npt.NDArray[np.int64]
    """Characters other than newlines."""
    newlines: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    """Pieces between white space that hold a word, and marks of punctuation and symbols at the ends of pieces, each; a
    character of a script without spaces is a token of its own."""


@kernel(inline="always")
def _count_tokens(text, start, end, classes):  # type: ignore[no-untyped-def]
    """Tokens of a document; reads a block past its end.

    Looked at are the first character of each run of ASCII letters and digits, and all that are neither.
    """
    tokens = 0
    # Of the piece at hand: whether it has had a word or a character that is one, a word, and the marks since.
    seen = counted = False
    marks = 0
    before = np.uint64(0)
    i = start
    while i < end:
        words, _ = word_masks(text, i)
        ours = low_bits(min(end - i, LANES))
        places = ((words & ~((words << _ONE) | before)) | (~words & ~range_mask(text, i, 0x80, 0x40))) & ours
        before = words >> np.uint64(LANES - 1)
        while places != 0:
            point, _ = decode(text, i + trailing_zeros(places))
            places &= places - _ONE
            kind = classes[point]
            if kind & WORD:
                alone = (kind & UNSPACED) != 0
                tokens += alone or not counted
                counted |= not alone
                seen = True
                marks = 0
            elif kind & SPACE:
                tokens += marks
                marks = 0
                seen = counted = False
            elif kind & (PUNCTUATION | SYMBOL):
                if seen:
                    marks += 1
                else:
                    tokens += 1
        i += LANES
    return tokens + marks


@kernel()
def _count(data, offsets, classes, marks, short, out):  # type: ignore[no-untyped-def]
    """Fills `out` (documents, counts)."""
    text = pointer(data)
    longest = 0
    for d in range(out.shape[0]):
        longest = max(longest, offsets[d + 1] - offsets[d])
    room = max_words(longest) + 1
    hashes = np.empty(room, np.uint64)
    ends = np.empty(room, np.int64)
    blocks = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    table = np.empty(16, np.uint64)
    for d in range(out.shape[0]):
        start = offsets[d]
        end = offsets[d + 1]
        lines, characters, newlines = split_lines(text, start, end, classes, hashes, ends, blocks, lengths)
        ended_lines = short_lines = 0
        for n in range(lines):
            point = np.uint32(text[ends[n] - 1])
            if point >= 0x80:
                point, _ = last_character(text, start, ends[n])
            ended_lines += (marks[point] & SENTENCE_END) != 0
            short_lines += lengths[n] <= short
        if table_size(lines) > table.shape[0]:
            table = np.empty(table_size(lines), np.uint64)
        _, repeated, _ = count_duplicates(hashes, lengths, lines, table)
        out[d, 0] = lines
        out[d, 1] = ended_lines
        out[d, 2] = short_lines
        out[d, 3] = repeated
        out[d, 4] = characters - newlines
        out[d, 5] = newlines
        out[d, 6] = _count_tokens(text, start, end, classes)


def count_lines(data: Bytes, offsets: Offsets, short: int) -> LineCounts:
    """Counts the lines of each document; a line of at most `short` characters is a short one."""
    chars = char_tables()
    out = np.zeros((len(offsets) - 1, len(LineCounts._fields)), np.int64)
    for part, places, first in padded(data, offsets):
        rows = out[first : first + len(places) - 1]
        _count(part, places, chars.classes, sentence_table(), short, rows)
    return LineCounts(*np.ascontiguousarray(out.T))
