"""Cuts texts into chunks, and counts what each chunk is made of.

The chunks of a document lie side by side and cover it, so those of a whole column are `bounds[i]` to `bounds[i + 1]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import LETTER, MARK, SPACE, char_tables, decode

PAGE_BLANKS = 3
"""Blank lines in a row that part two pages."""
_NEWLINE = 0x0A


class Chunks(NamedTuple):
    """Chunks of all documents, in order."""

    bounds: Offsets
    """Byte positions in the column's data, one more than there are chunks."""
    documents: npt.NDArray[np.int64]
    """The document of each chunk."""


class ChunkCounts(NamedTuple):
    """What is counted in each chunk; all arrays are int64 of shape (chunks,)."""

    characters: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    """Runs of anything but white space; one that goes on from the chunk before counts there and here."""
    solid: npt.NDArray[np.int64]
    """Characters other than white space."""
    letters: npt.NDArray[np.int64]
    """Letters, and the marks on them."""


@kernel()
def _is_lead(byte):  # type: ignore[no-untyped-def]
    """Whether a character begins with this byte."""
    return (byte & 0xC0) != 0x80


@kernel()
def _after(data, i, end, count):  # type: ignore[no-untyped-def]
    """Where `count` characters from byte `i` on end, at most `end`."""
    while count > 0 and i < end:
        # So many characters are no fewer bytes.
        upto = min(end, i + count)
        for k in range(i, upto):
            count -= _is_lead(data[k])
        i = upto
    while i < end and not _is_lead(data[i]):
        i += 1
    return i


@kernel()
def _cut_simple(data, offsets, size, ends, counts):  # type: ignore[no-untyped-def]
    """Fills `ends` with chunks of `size` characters, and `counts` with their number in each document."""
    n = 0
    for d in range(len(offsets) - 1):
        i = offsets[d]
        end = offsets[d + 1]
        while i < end:
            i = _after(data, i, end, size)
            ends[n] = i
            n += 1
            counts[d] += 1
    return n


@kernel()
def _read_line(data, first, end, classes):  # type: ignore[no-untyped-def]
    """The line that begins at `first`: where the next one does, its characters with its newline, whether it is blank,
    and whether it looks like noise: under half of it letters, or at least half of its pieces a character long."""
    characters = solid = letters = pieces = singles = length = 0
    i = first
    while i < end:
        newline = data[i] == _NEWLINE
        point, i = decode(data, i)
        characters += 1
        kind = classes[point]
        if (kind & SPACE) != 0:
            singles += length == 1
            length = 0
        else:
            pieces += length == 0
            length += (kind & MARK) == 0 or length == 0
            solid += 1
            letters += (kind & (LETTER | MARK)) != 0
        if newline:
            break
    singles += length == 1
    return i, characters, solid == 0, 2 * letters < solid or (pieces >= 4 and 2 * singles >= pieces)


@kernel()
def _cut_smart(data, offsets, classes, size, least, run, ends, counts):  # type: ignore[no-untyped-def]
    """As `_cut_simple`, at pages and where `run` and more lines of noise in a row begin and end."""
    n = 0
    for d in range(len(offsets) - 1):
        i = start = run_start = offsets[d]
        end = offsets[d + 1]
        # Characters of the chunk so far, and of it before the run of noise; of the chunk before it.
        characters = run_characters = before = 0
        blanks = noisy = 0
        made = n
        while i < end:
            first = i
            i, length, blank, noise = _read_line(data, first, end, classes)
            cut = start
            if blank:
                blanks += 1
            else:
                if blanks >= PAGE_BLANKS:
                    cut = first
                blanks = 0
                if noise:
                    if noisy == 0:
                        run_start = first
                        run_characters = characters
                    noisy += 1
                    if noisy == run and cut == start and run_start > start and run_characters >= least:
                        ends[n] = start = cut = run_start
                        n += 1
                        before = run_characters
                        characters -= run_characters
                else:
                    if noisy >= run:
                        cut = first
                    noisy = 0
            if characters + length > size:
                cut = first
            if cut > start and characters >= least:
                ends[n] = start = cut
                n += 1
                before = characters
                characters = 0
            while characters + length > size:
                # A line too long for one chunk: it fills this one, and goes on in the next.
                start = _after(data, max(start, first), end, size - characters)
                ends[n] = start
                n += 1
                before = size
                length -= size - characters
                characters = 0
                first = start
            characters += length
        if characters > 0:
            if characters < least and n > made and before + characters <= size:
                n -= 1
            ends[n] = end
            n += 1
        counts[d] = n - made
    return n


@kernel()
def _count(data, bounds, classes, out):  # type: ignore[no-untyped-def]
    """Fills `out` (chunks, counts)."""
    for c in range(len(bounds) - 1):
        i = bounds[c]
        characters = words = solid = letters = 0
        inside = False
        while i < bounds[c + 1]:
            point, i = decode(data, i)
            kind = classes[point]
            space = (kind & SPACE) != 0
            words += not space and not inside
            inside = not space
            characters += 1
            solid += not space
            letters += (kind & (LETTER | MARK)) != 0
        row = out[c]
        row[0] = characters
        row[1] = words
        row[2] = solid
        row[3] = letters


def _chunks(offsets: Offsets, ends: Offsets, counts: npt.NDArray[np.int64], n: int) -> Chunks:
    bounds = np.concatenate([offsets[:1], ends[:n]])
    bounds.flags.writeable = False
    return Chunks(bounds, np.repeat(np.arange(len(counts)), counts))


def simple_chunks(data: Bytes, offsets: Offsets, size: int) -> Chunks:
    """Chunks of `size` characters; the last one of a document has the rest."""
    documents = len(offsets) - 1
    ends = np.empty(int(offsets[-1] - offsets[0]) // size + documents, np.int64)
    counts = np.zeros(documents, np.int64)
    return _chunks(offsets, ends, counts, _cut_simple(data, offsets, size, ends, counts))


def smart_chunks(data: Bytes, offsets: Offsets, size: int, least: int, run: int) -> Chunks:
    """Chunks of `least` to `size` characters that begin at a page, or where `run` lines of noise in a row begin or end.

    `PAGE_BLANKS` blank lines part pages. A chunk that would grow too large ends at a line; a line that is too long by
    itself is cut. What is left at the end and shorter than `least` goes to the chunk before it, if that has the room.
    """
    documents = len(offsets) - 1
    ends = np.empty(int(offsets[-1] - offsets[0]) // least + documents, np.int64)
    counts = np.zeros(documents, np.int64)
    n = _cut_smart(data, offsets, char_tables().classes, size, least, run, ends, counts)
    return _chunks(offsets, ends, counts, n)


def count_chunks(data: Bytes, chunks: Chunks) -> ChunkCounts:
    """Counts the characters and words of each chunk."""
    out = np.zeros((len(chunks.documents), len(ChunkCounts._fields)), np.int64)
    _count(data, chunks.bounds, char_tables().classes, out)
    return ChunkCounts(*np.ascontiguousarray(out.T))
