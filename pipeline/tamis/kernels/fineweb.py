"""What FineWeb's quality filter measures of a document: how its lines end, how long they are, which stood before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.lines import count_duplicates, last_character, padded, split_lines, table_size
from tamis.kernels.simd import pointer
from tamis.kernels.unicode import SENTENCE_END, char_tables, sentence_table
from tamis.kernels.words import hash_words, max_words


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
    words: npt.NDArray[np.int64]


@kernel()
def _count(data, offsets, classes, lower, marks, short, out):  # type: ignore[no-untyped-def]
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
        out[d, 6] = hash_words(data, start, end, classes, lower, hashes, ends, lengths)


def count_lines(data: Bytes, offsets: Offsets, short: int) -> LineCounts:
    """Counts the lines of each document; a line of at most `short` characters is a short one."""
    chars = char_tables()
    out = np.zeros((len(offsets) - 1, len(LineCounts._fields)), np.int64)
    for part, places, first in padded(data, offsets):
        rows = out[first : first + len(places) - 1]
        _count(part, places, chars.classes, chars.lower, sentence_table(), short, rows)
    return LineCounts(*np.ascontiguousarray(out.T))
