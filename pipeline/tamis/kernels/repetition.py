"""Repetition inside a document: repeated lines, paragraphs and word n-grams, in linear time.

An n-gram that stood before begins with an (n-1)-gram that did, so each size looks only at what the size before has
found, and the nine sizes cost little more than the first. An n-gram is known by the place where it stood first: an
exact name, with no rolling hash that could collide. Only words and lines are compared by a 64-bit hash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.lines import count_duplicates, padded, split_lines, table_size
from tamis.kernels.simd import pointer
from tamis.kernels.unicode import char_tables
from tamis.kernels.words import hash_words, max_words, mix64

TOP_SIZES = (2, 3, 4)
"""Sizes whose most frequent n-gram is measured."""
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
"""Sizes whose duplicates are measured."""
LINE_RATIOS = 4
"""The first rows of the result: lines, paragraphs, characters of lines, characters of paragraphs."""

_LAST_TOP = TOP_SIZES[-1]
_LAST = DUPLICATE_SIZES[-1]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64((1 << 32) - 1)


@kernel()
def _join_paragraphs(hashes, blocks, chars, n):  # type: ignore[no-untyped-def]
    """Turns the `n` lines in the arrays into paragraphs, in place; returns their number."""
    paragraphs = 0
    block = -1
    for i in range(n):
        if blocks[i] == block:
            hashes[paragraphs - 1] = mix64(hashes[paragraphs - 1] * _GOLDEN + hashes[i])
            chars[paragraphs - 1] += chars[i] + 1
        else:
            block = blocks[i]
            hashes[paragraphs] = hashes[i]
            chars[paragraphs] = chars[i]
            paragraphs += 1
    return paragraphs


@kernel(inline="always")
def _duplicate_ratios(hashes, chars, n, keys):  # type: ignore[no-untyped-def]
    """Share of the `n` items that stood before already, and their share of the characters."""
    if n == 0:
        return 0.0, 0.0
    duplicates, repeated, total = count_duplicates(hashes, chars, n, keys)
    return duplicates / n, repeated / total


@kernel(inline="always")
def _counted(i, size, first, ends, counts, free, best, best_chars):  # type: ignore[no-untyped-def]
    """Counts the n-gram at word i, which stood at `first` before, unless it overlaps its last counted occurrence.

    Returns the count and the characters of the most frequent n-gram so far, of equally frequent ones the longest.
    """
    if i >= free[first]:
        free[first] = i + size
        counts[first] += np.uint32(1)
        chars = ends[i + size] - ends[i]
        if counts[first] > best or (counts[first] == best and chars > best_chars):
            return np.int64(counts[first]), chars
    return best, best_chars


@kernel(inline="always")
def _pairs(words, n, table, again, firsts, ends, counts, free):  # type: ignore[no-untyped-def]
    """Pairs of the `n` words that stood before: their number, and the characters in all occurrences of the top one.

    Fills `again` with where they begin, in order, and `firsts[i]` with where the one at i stood first.
    """
    size = table_size(n)
    table[:size] = 0
    mask = np.uint64(size - 1)
    found = 0
    best = np.int64(1)
    best_chars = np.int64(0)
    for i in range(n - 1):
        counts[i] = 1
        free[i] = i + 2
        key = words[i] * _GOLDEN + words[i + 1]
        slot = key & mask
        while True:
            entry = table[slot]
            if entry == 0:
                # The upper half of the key, to know most other pairs by, and where the pair stands.
                table[slot] = (key & ~_LOW) | np.uint64(i + 1)
                break
            if (entry ^ key) <= _LOW:
                first = np.int64(entry & _LOW) - 1
                if words[first] == words[i] and words[first + 1] == words[i + 1]:
                    again[found] = i
                    firsts[i] = first
                    found += 1
                    best, best_chars = _counted(i, 2, first, ends, counts, free, best, best_chars)
                    break
            slot = (slot + np.uint64(1)) & mask
    return found, best * best_chars


@kernel(inline="always")
def _longer(words, n, size, table, again, firsts, found):  # type: ignore[no-untyped-def]
    """From the n-grams of `size - 1` words that stood before to those of `size`, in place; returns their number.

    Both n-grams inside a longer one that stood before did, too. If it stood where the first of the two or the second
    one stood first, its last or its first word tells; else it is looked up by the first one's place and its last word.
    """
    both = 0
    for j in range(found - 1):
        i = again[j]
        again[both] = i
        both += again[j + 1] == i + 1
    slots = table_size(both)
    table[:slots] = 0
    mask = np.uint64(slots - 1)
    kept = 0
    for j in range(both):
        i = again[j]
        last = i + size - 1
        first = firsts[i]
        second = max(firsts[i + 1] - 1, 0)
        as_first = words[first + size - 1] == words[last]
        as_second = (words[second] == words[i]) & (firsts[i + 1] > 0)
        if not (as_first | as_second):
            slot = mix64(words[last] + np.uint64(first)) & mask
            while table[slot] != 0:
                other = np.int64(table[slot]) - 1
                # Those in the table are new at this size: what they begin with still has its first place.
                if firsts[other] == first and words[other + size - 1] == words[last]:
                    break
                slot = (slot + np.uint64(1)) & mask
            if table[slot] == 0:
                table[slot] = i + 1
                continue
            second = np.int64(table[slot]) - 1
        firsts[i] = first if as_first else second
        again[kept] = i
        kept += 1
    return kept


@kernel(inline="always")
def _top(size, again, firsts, found, ends, counts, free):  # type: ignore[no-untyped-def]
    """Characters in all occurrences of the most frequent n-gram that stands twice or more."""
    for j in range(found):
        first = firsts[again[j]]
        counts[first] = 1
        free[first] = first + size
    best = np.int64(1)
    best_chars = np.int64(0)
    for j in range(found):
        i = again[j]
        best, best_chars = _counted(i, size, firsts[i], ends, counts, free, best, best_chars)
    return best * best_chars


@kernel(inline="always")
def _repeated(size, again, firsts, found, ends, skipped):  # type: ignore[no-untyped-def]
    """Characters in duplicate n-grams, found by going through the text from its start.

    `skipped[i] == size` where the n-gram at i isn't noted: it began inside a duplicate.
    """
    chars = np.int64(0)
    free = 0
    for j in range(found):
        i = again[j]
        if i < free:
            continue
        first = firsts[i]
        if skipped[first] == size:
            skipped[first] = 0
            continue
        free = i + size
        chars += ends[free] - ends[i]
        for inside in range(i + 1, free):
            skipped[inside] = size
    return chars


@kernel()
def _ngrams(words, ends, n, table, again, firsts, counts, free, skipped, out, d):  # type: ignore[no-untyped-def]
    """Fills `out[d, 4:]` for a document of `n` words; `ends[i]` is the number of characters in the words before i."""
    total = ends[n]
    if n < 2:
        return
    found, chars = _pairs(words, n, table, again, firsts, ends, counts, free)
    out[d, LINE_RATIOS] = chars / total
    skipped[:n] = 0
    for size in range(3, _LAST + 1):
        found = _longer(words, n, size, table, again, firsts, found)
        if found == 0:
            return
        if size <= _LAST_TOP:
            chars = _top(size, again, firsts, found, ends, counts, free)
        else:
            chars = _repeated(size, again, firsts, found, ends, skipped)
        out[d, size + 2] = chars / total


@kernel()
def _measure(data, offsets, classes, lower, out):  # type: ignore[no-untyped-def]
    """Fills `out` (documents, ratios), which comes in zeroed."""
    text = pointer(data)
    longest = 0
    for d in range(out.shape[0]):
        longest = max(longest, offsets[d + 1] - offsets[d])
    room = max_words(longest) + 1
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int64)
    ends = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    table = np.empty(16, np.uint64)
    room = 16
    again = np.empty(room, np.int64)
    counts = np.empty(room, np.uint32)
    free = np.empty(room, np.int64)
    skipped = np.empty(room, np.uint8)
    for d in range(out.shape[0]):
        start = offsets[d]
        end = offsets[d + 1]
        lines, _, _ = split_lines(text, start, end, classes, hashes, ends, starts, lengths)
        if table_size(lines) > table.shape[0]:
            table = np.empty(table_size(lines), np.uint64)
        out[d, 0], out[d, 2] = _duplicate_ratios(hashes, lengths, lines, table)
        paragraphs = _join_paragraphs(hashes, starts, lengths, lines)
        out[d, 1], out[d, 3] = _duplicate_ratios(hashes, lengths, paragraphs, table)

        words = hash_words(data, start, end, classes, lower, hashes, starts, lengths)
        if table_size(words) > table.shape[0]:
            table = np.empty(table_size(words), np.uint64)
        if words > room:
            room = table.shape[0]
            again = np.empty(room, np.int64)
            counts = np.empty(room, np.uint32)
            free = np.empty(room, np.int64)
            skipped = np.empty(room, np.uint8)
        before = np.int64(0)
        for i in range(words):
            length = lengths[i]
            lengths[i] = before
            before += length
        lengths[words] = before
        _ngrams(hashes, lengths, words, table, again, starts, counts, free, skipped, out, d)


def measure_repetition(data: Bytes, offsets: Offsets) -> npt.NDArray[np.float32]:
    """Repetition ratios of each document, shape (13, documents), each in 0..1.

    Rows: duplicate lines, duplicate paragraphs, characters in duplicate lines, characters in duplicate
    paragraphs, the top 2-, 3- and 4-gram, the duplicate 5- to 10-grams; `tamis.stages.gopher_repetition`
    defines each. Scratch memory is 32 bytes a word of the longest document, and 24 to 48 more for the one
    with the most words; a document may hold up to 2^31 words.
    """
    tables = char_tables()
    columns = LINE_RATIOS + len(TOP_SIZES) + len(DUPLICATE_SIZES)
    out = np.zeros((len(offsets) - 1, columns), np.float32)
    for part, places, first in padded(data, offsets):
        _measure(part, places, tables.classes, tables.lower, out[first : first + len(places) - 1])
    return np.ascontiguousarray(out.T)
