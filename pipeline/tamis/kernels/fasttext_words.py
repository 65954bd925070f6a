"""The sums of new words, for the compiled fastText predictor.

A word's sum is that of its own row and of the rows of its character n-grams, `<` and `>` around it. All new words of a
block of text take each step together: the hashes of their n-grams, what passes the sieve, where the rows are, the
sums. So the loops are long, and the memory that a step needs is fetched during the one before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tamis.kernels.fasttext_features import LOW, add_row, entry_of, passes, row_of, starts_as_label
from tamis.kernels.fasttext_lanes import reduce16, step16, sum16
from tamis.kernels.fasttext_tokens import BASIS, HALF, KEPT, eight_at, mixed, step
from tamis.kernels.jit import kernel
from tamis.kernels.simd import prefetch

LONGEST = 512
"""Bytes of a token whose n-grams are gathered together with those of other tokens."""
_NOT_ASCII = np.uint64(0x8080808080808080)
_LABEL = 95
"""What a token that looks like a label begins with."""


class Room(NamedTuple):
    """What the sums of a block's new words are made in."""

    word: Any
    """Bytes of a word."""
    eights: Any
    """The same, eight at a time."""
    hashes: Any
    """16 of them."""
    items: Any
    """N-grams' buckets, word by word; the high half is the word's number."""
    places: Any
    """Their rows."""
    counts: Any
    """How many each word has."""
    total: Any
    """A sum."""


@kernel()
def _of_any(f, word, begin, first, stop, end, mark, items, at):  # type: ignore[no-untyped-def]
    """Puts the buckets of the n-grams of `word[begin:end]` that begin in `[first:stop]` into `items[at:]`.

    Returns where they end.
    """
    for start in range(first, stop):
        if (word[start] & 0xC0) == 0x80:
            continue
        h = BASIS
        i = start
        length = 1
        while i < end and length <= f.maxn:
            h = step(h, word[i])
            i += 1
            while (word[i] & 0xC0) == 0x80:
                h = step(h, word[i])
                i += 1
            if length >= f.minn and not (length == 1 and (start == begin or i == end)):
                items[at] = np.uint64(h % np.uint32(f.bucket)) | mark
                at += 1
            length += 1
    return at


@kernel()
def _of_ascii(f, word, first, end, hashes, mark, items, at):  # type: ignore[no-untyped-def]
    """The same of 16 bytes of ASCII at once; reads `maxn + 16` bytes, and writes 16 buckets beyond the end."""
    for k in range(16):
        hashes[k] = BASIS
    for length in range(1, f.maxn + 1):
        step16(word, first + length - 1, hashes)
        # Those that end in the word are the first ones.
        if length >= f.minn:
            reduce16(hashes, f.bucket, f.share, mark, items, at)
            at += min(16, max(0, end - length + 1 - first))
    return at


@kernel()
def _enclose(text, at, size, room, word, eights):  # type: ignore[no-untyped-def]
    """Puts `<`, the token `text[at:at + size]` and `>` into `word` from byte 7 on; returns whether it is ASCII.

    `eights` is `word`, eight bytes at a time.
    """
    seen = np.uint64(0)
    for k in range(0, size, 8):
        eight = eight_at(text, at + k, room)
        eights[1 + (k >> 3)] = eight
        seen |= eight & KEPT[min(8, size - k), 0]
    word[7] = 60
    word[8 + size] = 62
    word[9 + size] = 0
    return seen & _NOT_ASCII == 0


@kernel()
def sum_words(f, text, room, marks, wanted, new, count, space, sums, width, into):  # type: ignore[no-untyped-def]
    """Sums the rows of a block's new tokens in the rows of `sums` from `into` on.

    `new[3 * j]` is a token's number in `marks` and `wanted`; `new[3 * j + 1]` tells how often it stands in the
    block, and becomes its number of rows. Returns the number of all rows.
    """
    word, eights, hashes, items, places, counts, total = space
    found = 0
    for j in range(count):
        counts[j] = 0
        t = new[3 * j]
        size = marks[2 * t + 1] - marks[2 * t]
        if size <= LONGEST and f.maxn > 0:
            mark = np.uint64(j) << HALF
            end = 9 + size
            if _enclose(text, marks[2 * t], size, room, word, eights) and f.minn > 1:
                for k in range(7, end, 16):
                    found = _of_ascii(f, word, k, end, hashes, mark, items, found)
            else:
                found = _of_any(f, word, 7, 7, end, end, mark, items, found)
    if f.pruned:
        likely = 0
        for k in range(found):
            item = items[k]
            items[likely] = item
            likely += passes(f.sieve, np.int64(item))
        for k in range(likely):
            prefetch(f.kept, np.int64(items[k] & LOW) >> 5)
        found = likely
    at = 0
    for k in range(found):
        row, has = row_of(f, np.int64(items[k] & LOW))
        prefetch(f.rows, row * f.dim)
        places[at] = row
        at += has
        counts[items[k] >> HALF] += has
    start = 0
    added = 0
    for j in range(count):
        t = new[3 * j]
        first, size = marks[2 * t], marks[2 * t + 1] - marks[2 * t]
        lo, hi = wanted[3 * t], wanted[3 * t + 1]
        stop = start + counts[j]
        rows = counts[j]
        place = (into + j) * width
        entry = np.int64(-1)
        if passes(f.word_sieve, np.int64(np.uint32(mixed(lo, hi) >> HALF))):
            entry = entry_of(f, text, first, size, lo, hi)
        if entry < 0 and size <= LONGEST and not f.dim & 15 and text[first] != _LABEL:
            for k in range(0, f.dim, 16):
                sum16(f.rows, places, start, stop, f.dim, k, sums, place + k)
        else:
            for k in range(f.dim):
                total[k] = 0.0
            rows = 0
            if entry < f.words and not (entry < 0 and starts_as_label(text, first, size)):
                rows = counts[j]
                for k in range(start, stop):
                    add_row(f, np.int64(places[k]), total)
                if entry >= 0:
                    add_row(f, entry, total)
                    rows += 1
                if size > LONGEST and f.maxn > 0:
                    rows += _sum_long(f, text, first, size, total)
            for k in range(f.dim):
                sums[place + k] = total[k]
        start = stop
        added += rows * new[3 * j + 1]
        new[3 * j + 1] = rows
    return added


@kernel()
def _sum_long(f, text, at, size, total):  # type: ignore[no-untyped-def]
    """Adds the rows of a token's character n-grams to `total`, whatever its length; returns their number."""
    word = np.zeros(size + 3, np.uint8)
    word[0] = 60
    for k in range(size):
        word[k + 1] = text[at + k]
    word[size + 1] = 62
    items = np.empty(LONGEST * f.maxn, np.uint64)
    added = 0
    for first in range(0, size + 2, LONGEST):
        stop = min(first + LONGEST, size + 2)
        count = _of_any(f, word, 0, first, stop, size + 2, np.uint64(0), items, 0)
        for k in range(count):
            row, has = row_of(f, np.int64(items[k]))
            if has:
                add_row(f, row, total)
                added += 1
    return added
