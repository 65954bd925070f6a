"""Words and phrases of a list, found in a document: hashes of words in a row, looked up word by word.

A list becomes a table of the hashes of its phrases and of all their beginnings. From each word of a text the table is
followed as far as it goes; the longest phrase there counts, and the search goes on behind it. Words are those of
`tamis.kernels.words`, so case doesn't matter, and a script without spaces is matched character by character.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import JOINER, SPACE, WORD, char_tables, decode
from tamis.kernels.words import hash_words, max_words, mix64

NO_LIST = -1
"""Stands for no list of phrases."""
_ENDS, _GOES_ON = 1, 2
_PRIME = np.uint64(0x9FB21C651E98DF25)
_SPACED, _APART = np.uint64(1), np.uint64(2)
# Words are hashed block by block, cut at white space, so that their scratch arrays stay in the cache.
_BLOCK = 1 << 15


class PhraseTables(NamedTuple):
    """Hash tables of lists of phrases, open addressing from `hash & (slots - 1)`; 0 is an empty slot."""

    keys: npt.NDArray[np.uint64]
    """Shape (lists, slots): hashes of phrases and of their beginnings."""
    flags: npt.NDArray[np.uint8]
    """Of each key: whether a phrase ends there, whether one goes on."""
    longest: int
    """Words of the longest phrase."""


class PhraseCounts(NamedTuple):
    """What is counted in each document; all arrays are int64 of shape (documents,)."""

    words: npt.NDArray[np.int64]
    found: npt.NDArray[np.int64]
    """Phrases of the document's list, none overlapping another; 0 without a list."""
    distinct: npt.NDArray[np.int64]
    covered: npt.NDArray[np.int64]
    """Words of the text that belong to them."""


@kernel(inline="always")
def _between(data, start, length, stop, classes):  # type: ignore[no-untyped-def]
    """What stands between a word of `length` characters at `start` and the next one at `stop`, as a number: 0 for
    nothing, 1 for white space and hyphens, 2 for a paragraph's end, else a hash of the other signs."""
    at = start
    while length > 0:
        point, at = decode(data, at)
        if (classes[point] & WORD) != 0:
            length -= 1
    gap = np.uint64(0)
    signs = np.uint64(0)
    newlines = 0
    while at < stop:
        point, at = decode(data, at)
        if (classes[point] & JOINER) != 0:
            continue
        gap = _SPACED
        if point == 0x0A:
            newlines += 1
        if (classes[point] & SPACE) != 0 or point == 0x2D or point == 0x2010 or point == 0x2011:
            continue
        if point == 0x2019:
            point = np.uint32(0x27)
        signs = mix64((signs ^ np.uint64(point)) * _PRIME)
    if newlines > 1:
        return _APART
    return signs if signs != 0 else gap


@kernel(inline="always")
def _joined(state, gap, word):  # type: ignore[no-untyped-def]
    """Hash of a beginning of a phrase and the word behind it."""
    return mix64(mix64(state ^ (gap * _PRIME)) * _PRIME + word)


@kernel(inline="always")
def _slot(keys, row, state):  # type: ignore[no-untyped-def]
    """Where a hash stands in its table; -1 if it doesn't."""
    mask = np.uint64(keys.shape[1] - 1)
    slot = state & mask
    while keys[row, slot] != 0:
        if keys[row, slot] == state:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@kernel()
def _states(data, classes, lower, hashes, starts, lengths):  # type: ignore[no-untyped-def]
    """Turns `hashes` into those of the beginnings of the phrase that `data` holds; returns its words."""
    n = hash_words(data, 0, data.shape[0], classes, lower, hashes, starts, lengths)
    for i in range(1, n):
        gap = _between(data, starts[i - 1], lengths[i - 1], starts[i], classes)
        hashes[i] = _joined(hashes[i - 1], gap, hashes[i])
    return n


@kernel()
def _count(data, offsets, classes, lower, keys, flags, longest, lists, out):  # type: ignore[no-untyped-def]
    """Fills `out` (documents, 4): words, found, distinct, covered."""
    room = longest
    for d in range(out.shape[0]):
        room = max(room, offsets[d + 1] - offsets[d])
    room = max_words(room) + longest + 1
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    met = np.full(keys.shape, -1, np.int64)
    for d in range(out.shape[0]):
        row = lists[d]
        words = found = distinct = covered = 0
        start = offsets[d]
        end = offsets[d + 1]
        # Words of the block before, from which a phrase may go on in this one.
        kept = 0
        while start < end:
            cut = min(end, start + _BLOCK)
            while cut < end and data[cut] > 32:
                cut += 1
            fresh = hash_words(data, start, cut, classes, lower, hashes[kept:], starts[kept:], lengths[kept:])
            start = cut
            words += fresh
            n = kept + fresh
            if row < 0:
                continue
            limit = n if start == end else n - longest + 1
            i = 0
            while i < limit:
                state = hashes[i]
                slot = _slot(keys, row, state)
                best = 0
                at = i
                best_slot = slot
                while slot >= 0:
                    if (flags[row, slot] & _ENDS) != 0:
                        best = at - i + 1
                        best_slot = slot
                    if (flags[row, slot] & _GOES_ON) == 0 or at + 1 >= n:
                        break
                    gap = _between(data, starts[at], lengths[at], starts[at + 1], classes)
                    at += 1
                    state = _joined(state, gap, hashes[at])
                    slot = _slot(keys, row, state)
                if best == 0:
                    i += 1
                    continue
                found += 1
                covered += best
                if met[row, best_slot] != d:
                    met[row, best_slot] = d
                    distinct += 1
                i += best
            kept = n - i
            for k in range(kept):
                hashes[k] = hashes[i + k]
                starts[k] = starts[i + k]
                lengths[k] = lengths[i + k]
        out[d, 0] = words
        out[d, 1] = found
        out[d, 2] = distinct
        out[d, 3] = covered


def phrase_tables(lists: Sequence[Iterable[str]]) -> PhraseTables:
    """Tables of lists of phrases, each of one word or more. Raises ValueError for one that has none."""
    tables = char_tables()
    rows: list[dict[int, int]] = []
    longest = 1
    for phrases in lists:
        row: dict[int, int] = {}
        for phrase in phrases:
            data = np.frombuffer(phrase.encode(), np.uint8)
            hashes = np.empty(len(data) + 1, np.uint64)
            starts, lengths = np.empty(len(data) + 1, np.int64), np.empty(len(data) + 1, np.int64)
            n = _states(data, tables.classes, tables.lower, hashes, starts, lengths)
            if n == 0:
                raise ValueError(f"{phrase!r} has no word: a run of letters and digits")
            longest = max(longest, n)
            for state in hashes[: n - 1].tolist():
                row[state] = row.get(state, 0) | _GOES_ON
            row[int(hashes[n - 1])] = row.get(int(hashes[n - 1]), 0) | _ENDS
        rows.append(row)
    size = 16
    while size < 4 * max(map(len, rows), default=0):
        size *= 2
    keys = np.zeros((len(rows), size), np.uint64)
    flags = np.zeros((len(rows), size), np.uint8)
    for number, row in enumerate(rows):
        for state in sorted(row):
            slot = state & (size - 1)
            while keys[number, slot] != 0:
                slot = (slot + 1) & (size - 1)
            keys[number, slot], flags[number, slot] = state, row[state]
    return PhraseTables(keys, flags, longest)


def count_phrases(data: Bytes, offsets: Offsets, tables: PhraseTables, lists: npt.NDArray[np.int32]) -> PhraseCounts:
    """Counts the phrases of list `lists[d]` in each document d; NO_LIST stands for none."""
    chars = char_tables()
    out = np.zeros((len(lists), 4), np.int64)
    _count(data, offsets, chars.classes, chars.lower, tables.keys, tables.flags, tables.longest, lists, out)
    return PhraseCounts(*(np.ascontiguousarray(column) for column in out.T))
