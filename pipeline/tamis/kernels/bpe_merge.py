"""The merge loop of byte-pair encoding: of all neighbours that may merge, the pair learnt first does, leftmost first.

Sennrich, Haddow and Birch (2016), in the order of the `tokenizers` library. A short piece scans all its pairs
for the next one; a long one keeps them in a heap, so that n symbols cost n log n: 24 bytes per symbol, whatever
the text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.jit import kernel
from tamis.kernels.simd import pointer

SCANNED = 48
"""Symbols up to which a scan is quicker than a heap."""
_NONE = np.uint64((1 << 64) - 1)
_DEAD = np.uint32((1 << 32) - 1)
_LOW = np.uint64((1 << 32) - 1)
_HALF = np.uint64(32)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Merges(NamedTuple):
    """The merges of a model: pairs of ids, hashed."""

    pairs: npt.NDArray[np.uint64]
    """Open addressing, two words per slot: `left << 32 | right`, and `rank << 32 | merged id`; all ones is free."""
    shift: int
    """64 less the binary logarithm of the number of slots."""


def merge_table(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], merged: npt.NDArray[np.uint32]) -> Merges:
    """The table of merges given in the order of their ranks; of equal pairs the last one counts."""
    bits = max(int(np.ceil(np.log2(2 * len(left) + 2))), 4)
    pairs = np.full(2 << bits, _NONE, np.uint64)
    _fill(pairs, 64 - bits, left, right, merged)
    pairs.flags.writeable = False
    return Merges(pairs, 64 - bits)


@kernel()
def _fill(pairs, shift, left, right, merged):  # type: ignore[no-untyped-def]
    last = (len(pairs) >> 1) - 1
    for rank in range(len(left)):
        key = (np.uint64(left[rank]) << _HALF) | np.uint64(right[rank])
        at = np.int64((key * _MIX) >> np.uint64(shift))
        while pairs[2 * at] != _NONE and pairs[2 * at] != key:
            at = (at + 1) & last
        pairs[2 * at] = key
        pairs[2 * at + 1] = (np.uint64(rank) << _HALF) | np.uint64(merged[rank])


class OpenMerges(NamedTuple):
    """Merges as a pointer."""

    pairs: Any
    shift: int


@kernel()
def open_merges(merges):  # type: ignore[no-untyped-def]
    """The pointer of Merges."""
    return OpenMerges(pointer(merges.pairs), merges.shift)


@kernel()
def _value(merges, left, right):  # type: ignore[no-untyped-def]
    """`rank << 32 | merged id` of a pair, or all ones."""
    pairs = merges.pairs
    last = (np.int64(1) << (64 - merges.shift)) - 1
    key = (np.uint64(left) << _HALF) | np.uint64(right)
    at = np.int64((key * _MIX) >> np.uint64(merges.shift))
    while pairs[2 * at] != key:
        if pairs[2 * at] == _NONE:
            return _NONE
        at = (at + 1) & last
    return pairs[2 * at + 1]


@kernel()
def merge(ids, first, n, merges, values):  # type: ignore[no-untyped-def]
    """Merges the `n` symbols `ids[first:first + n]` in place; returns how many are left.

    `ids` and `values`, scratch of SCANNED uint64, are pointers.
    """
    if n > SCANNED:
        return _merge_long(ids, first, n, merges)
    best = _NONE
    at = 0
    for k in range(n - 1):
        values[k] = _value(merges, ids[first + k], ids[first + k + 1])
        if values[k] < best:
            best = values[k]
            at = k
    while best != _NONE:
        ids[first + at] = np.uint32(best & _LOW)
        n -= 1
        for k in range(at + 1, n):
            ids[first + k] = ids[first + k + 1]
            values[k - 1] = values[k]
        if at > 0:
            values[at - 1] = _value(merges, ids[first + at - 1], ids[first + at])
        if at < n - 1:
            values[at] = _value(merges, ids[first + at], ids[first + at + 1])
        best = _NONE
        for k in range(n - 1):
            if values[k] < best:
                best = values[k]
                at = k
    return n


@kernel()
def _sift_down(heap, count, at):  # type: ignore[no-untyped-def]
    item = heap[at]
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = item


@kernel()
def _push(heap, count, item):  # type: ignore[no-untyped-def]
    at = count
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent] <= item:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = item


@kernel()
def _merge_long(ids, first, n, merges):  # type: ignore[no-untyped-def]
    """As `merge`, with a heap of `rank << 32 | place of the left symbol`.

    A symbol keeps its first place; `sizes` holds how many places it takes, there and at its last one. An entry
    of the heap whose pair is no more is passed over: ranks tell pairs apart.
    """
    sizes = np.ones(n, np.int32)
    heap = np.empty(2 * n, np.uint64)
    count = np.int64(0)
    for k in range(n - 1):
        value = _value(merges, ids[first + k], ids[first + k + 1])
        if value != _NONE:
            heap[count] = (value & ~_LOW) | np.uint64(k)
            count += 1
    for k in range((count >> 1) - 1, -1, -1):
        _sift_down(pointer(heap), count, np.int64(k))
    while count > 0:
        top = heap[0]
        count -= 1
        heap[0] = heap[count]
        _sift_down(pointer(heap), count, np.int64(0))
        at = np.int64(top & _LOW)
        if ids[first + at] == _DEAD:
            continue
        right = at + sizes[at]
        if right >= n:
            continue
        value = _value(merges, ids[first + at], ids[first + right])
        if value == _NONE or ((value ^ top) & ~_LOW) != 0:
            continue
        size = sizes[at] + sizes[right]
        ids[first + at] = np.uint32(value & _LOW)
        ids[first + right] = _DEAD
        sizes[at] = size
        sizes[at + size - 1] = size
        if at > 0:
            left = at - sizes[at - 1]
            value = _value(merges, ids[first + left], ids[first + at])
            if value != _NONE:
                _push(pointer(heap), count, (value & ~_LOW) | np.uint64(left))
                count += 1
        right = at + size
        if right < n:
            value = _value(merges, ids[first + at], ids[first + right])
            if value != _NONE:
                _push(pointer(heap), count, (value & ~_LOW) | np.uint64(at))
                count += 1
    kept = 0
    place = 0
    while place < n:
        ids[first + kept] = ids[first + place]
        kept += 1
        place += sizes[place]
    return kept
