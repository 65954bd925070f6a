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
    LETTER,
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
FULL_STOP, HYPHEN = np.uint32(0x2E), np.uint32(0x2D)


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
    """Pieces between white space that hold a word, and marks of punctuation and symbols at the ends of pieces: each
    mark, but a run of full stops or hyphens once. A letter of a script without spaces is a token of its own."""
    letter_tokens: npt.NDArray[np.int64]
    """Of them, those with a letter."""


@kernel(inline="always")
def _count_tokens(text, start, end, classes):  # type: ignore[no-untyped-def]
    """Tokens of a document, and those with a letter; reads a block past its end.

    Looked at are the first of each run of ASCII letters, the first of each run of digits, and all other characters.
    """
    tokens = letter_tokens = 0
    # Of the piece at hand: whether it has had a word of any kind, one that isn't a character alone, a letter in it; and
    # the marks since.
    seen = counted = lettered = False
    marks = 0
    before_letters = before_digits = np.uint64(0)
    last = np.uint32(0)
    last_place = np.int64(-2)
    i = start
    while i < end:
        words, _ = word_masks(text, i)
        digits = range_mask(text, i, 0x30, 10)
        letters = words & ~digits
        places = (letters & ~((letters << _ONE) | before_letters)) | (digits & ~((digits << _ONE) | before_digits))
        places = (places | (~words & ~range_mask(text, i, 0x80, 0x40))) & low_bits(min(end - i, LANES))
        before_letters, before_digits = letters >> np.uint64(LANES - 1), digits >> np.uint64(LANES - 1)
        while places != 0:
            place = i + trailing_zeros(places)
            point, _ = decode(text, place)
            places &= places - _ONE
            kind = classes[point]
            if kind & WORD:
                letter = (kind & LETTER) != 0
                if kind & UNSPACED:
                    tokens += letter
                    letter_tokens += letter
                else:
                    tokens += not counted
                    letter_tokens += letter and not lettered
                    counted = True
                    lettered |= letter
                seen = True
                marks = 0
            elif kind & SPACE:
                tokens += marks
                marks = 0
                seen = counted = lettered = False
            elif kind & (PUNCTUATION | SYMBOL):
                more = point == last and place == last_place + 1 and point in (FULL_STOP, HYPHEN)
                last, last_place = point, place
                if more:
                    continue
                if seen:
                    marks += 1
                else:
                    tokens += 1
        i += LANES
    return tokens + marks, letter_tokens


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
        out[d, 6], out[d, 7] = _count_tokens(text, start, end, classes)


def count_lines(data: Bytes, offsets: Offsets, short: int) -> LineCounts:
    """Counts the lines of each document; a line of at most `short` characters is a short one."""
    chars = char_tables()
    out = np.zeros((len(offsets) - 1, len(LineCounts._fields)), np.int64)
    for part, places, first in padded(data, offsets):
        rows = out[first : first + len(places) - 1]
        _count(part, places, chars.classes, sentence_table(), short, rows)
    return LineCounts(*np.ascontiguousarray(out.T))
