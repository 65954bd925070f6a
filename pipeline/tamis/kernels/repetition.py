"""Repetition inside a document: repeated lines, paragraphs and word n-grams, in linear time.

An n-gram is looked at only where both (n-1)-grams in it occur more than once, since no other n-gram can
repeat. So the nine n-gram sizes cost little more than the first. It is known by the numbers of those two
(n-1)-grams: an exact name, with no rolling hash that could collide. Only words, pairs of words and lines
are compared by a 64-bit hash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import SPACE, char_tables, decode
from tamis.kernels.words import hash_words, max_words, mix64

TOP_SIZES = (2, 3, 4)
"""Sizes whose most frequent n-gram is measured."""
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
"""Sizes whose duplicates are measured."""
LINE_RATIOS = 4
"""The first rows of the result: lines, paragraphs, characters of lines, characters of paragraphs."""

_LAST_TOP = TOP_SIZES[-1]
_LAST = DUPLICATE_SIZES[-1]
_FNV = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_REPEATED = np.uint32(1 << 31)
_COUNT = np.uint32((1 << 31) - 1)


@kernel(inline="always")
def _slot(keys, mask, key):  # type: ignore[no-untyped-def]
    """Position of `key` (not 0) in the open-addressing table, entered if it is new."""
    slot = mix64(key) & mask
    while keys[slot] != key:
        if keys[slot] == 0:
            keys[slot] = key
            break
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel(inline="always")
def _table_size(entries):  # type: ignore[no-untyped-def]
    """The power of two that holds `entries` at a load of two thirds at most."""
    size = 16
    while 2 * size < 3 * entries:
        size *= 2
    return size


@kernel()
def _split_lines(data, start, end, classes, hashes, blocks, chars):  # type: ignore[no-untyped-def]
    """Non-blank lines of `data[start:end]`; returns their number.

    Fills, per line: its hash, the number of its paragraph (blank lines part paragraphs), its characters.
    """
    n = 0
    block = 0
    i = start
    while i < end:
        h = _SEED
        length = 0
        blank = True
        while i < end and data[i] != 10:
            b = data[i]
            h = (h ^ np.uint64(b)) * _FNV
            if b < 0x80 or b >= 0xC0:
                length += 1
                if blank and b != 32:
                    point, _ = decode(data, i)
                    blank = (classes[point] & SPACE) != 0
            i += 1
        i += 1
        if blank:
            block += 1
            continue
        hashes[n] = mix64(h)
        blocks[n] = block
        chars[n] = length
        n += 1
    return n


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


@kernel()
def _duplicates(hashes, chars, n, keys):  # type: ignore[no-untyped-def]
    """Share of the `n` items that stood before already, and their share of the characters."""
    if n == 0:
        return 0.0, 0.0
    size = _table_size(n)
    keys[:size] = 0
    mask = np.uint64(size - 1)
    duplicates = 0
    repeated = 0
    total = 0
    for i in range(n):
        total += chars[i]
        key = max(hashes[i], np.uint64(1))
        slot = mix64(key) & mask
        while keys[slot] != key and keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == 0:
            keys[slot] = key
        else:
            duplicates += 1
            repeated += chars[i]
    return duplicates / n, repeated / total


@kernel()
def _ngrams(keys, at, ends, n, table, counts, marks, out, d):  # type: ignore[no-untyped-def]
    """Fills `out[4:, d]` for a document of `n` words.

    `keys` comes in as the words' hashes and is overwritten by the candidates' keys, then their slots;
    `at` by their word positions. `ends[i]` is the number of characters in the words before word i.
    """
    total = ends[n]
    m = n - 1
    for i in range(m):
        keys[i] = max(keys[i] * _GOLDEN + keys[i + 1], np.uint64(1))
        at[i] = i
    for size in range(2, _LAST + 1):
        if size > 2:
            kept = 0
            for j in range(m - 1):
                if at[j + 1] == at[j] + 1:
                    keys[kept] = ((keys[j] << np.uint64(32)) | keys[j + 1]) + np.uint64(1)
                    at[kept] = at[j]
                    kept += 1
            m = kept
        if m < 2:
            return
        slots = _table_size(m)
        mask = np.uint64(slots - 1)
        table[:slots] = 0
        counts[:slots] = 0
        marks[:slots] = 0
        # `counts`: occurrences that don't overlap an earlier counted one, and whether there are any two;
        # `marks`: where the last counted occurrence ends.
        for j in range(m):
            slot = _slot(table, mask, keys[j])
            keys[j] = slot
            count = counts[slot]
            if count != 0:
                count |= _REPEATED
            if at[j] >= marks[slot]:
                count += np.uint32(1)
                marks[slot] = at[j] + size
            counts[slot] = count
        best = np.uint32(1)
        best_chars = 0
        repeated = 0
        free = 0
        kept = 0
        for j in range(m):
            slot = keys[j]
            if counts[slot] & _REPEATED == 0:
                continue
            word = at[j]
            chars = ends[word + size] - ends[word]
            if size <= _LAST_TOP:
                count = counts[slot] & _COUNT
                if count > best or (count == best and best > 1 and chars > best_chars):
                    best = count
                    best_chars = chars
            elif word >= free:
                if marks[slot] == 0:
                    repeated += chars
                    free = word + size
                marks[slot] = 0
            keys[kept] = slot
            at[kept] = word
            kept += 1
        m = kept
        covered = np.int64(best) * best_chars if size <= _LAST_TOP else repeated
        out[size + 2, d] = covered / total


@kernel()
def _measure(data, offsets, classes, lower, out):  # type: ignore[no-untyped-def]
    """Fills `out` (ratios, documents), which comes in zeroed."""
    longest = 0
    for d in range(out.shape[1]):
        longest = max(longest, offsets[d + 1] - offsets[d])
    room = max_words(longest) + 1
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    table = np.empty(16, np.uint64)
    counts = np.empty(16, np.uint32)
    marks = np.empty(16, np.uint32)
    for d in range(out.shape[1]):
        start = offsets[d]
        end = offsets[d + 1]
        lines = _split_lines(data, start, end, classes, hashes, starts, lengths)
        if _table_size(lines) > table.shape[0]:
            table = np.empty(_table_size(lines), np.uint64)
        out[0, d], out[2, d] = _duplicates(hashes, lengths, lines, table)
        paragraphs = _join_paragraphs(hashes, starts, lengths, lines)
        out[1, d], out[3, d] = _duplicates(hashes, lengths, paragraphs, table)

        words = hash_words(data, start, end, classes, lower, hashes, starts, lengths)
        if _table_size(words) > table.shape[0]:
            table = np.empty(_table_size(words), np.uint64)
        if table.shape[0] > counts.shape[0]:
            counts = np.empty(table.shape[0], np.uint32)
            marks = np.empty(table.shape[0], np.uint32)
        before = np.int64(0)
        for i in range(words):
            length = lengths[i]
            lengths[i] = before
            before += length
        lengths[words] = before
        _ngrams(hashes, starts, lengths, words, table, counts, marks, out, d)


def measure_repetition(data: Bytes, offsets: Offsets) -> npt.NDArray[np.float32]:
    """Repetition ratios of each document, shape (13, documents), each in 0..1.

    Rows: duplicate lines, duplicate paragraphs, characters in duplicate lines, characters in duplicate
    paragraphs, the top 2-, 3- and 4-gram, the duplicate 5- to 10-grams; `tamis.stages.gopher_repetition`
    defines each. Scratch memory is 24 bytes a word of the longest document, and 24 to 48 more for the one
    with the most words; a document may hold up to 2^31 words.
    """
    tables = char_tables()
    rows = LINE_RATIOS + len(TOP_SIZES) + len(DUPLICATE_SIZES)
    out = np.zeros((rows, len(offsets) - 1), np.float32)
    _measure(data, offsets, tables.classes, tables.lower, out)
    return out
