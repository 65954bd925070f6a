"""Connected components of near duplicates: union-find, and the linking of documents that share a bucket.

Documents are numbered by rank here: 0 is the best of the corpus. The root of a component is its smallest
number, hence the copy that stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tamis.kernels.jit import kernel
from tamis.kernels.minhash import Slots, agreeing, frozen

LEADERS = 8
"""Members of a bucket that every later member is compared with: the best ones unlike one another."""
WINDOW = 8
"""Members just before it, in order of rank, that a member is compared with as well."""

PLACES = 128
"""Places a key has in the bitmaps that find shared keys: keys that are alone take another's for their own with a
chance of one in so many."""
MOST_PLACES = 1 << 31
"""Places at most: two bitmaps of 256 MiB."""


@kernel()
def find(parent, i):  # type: ignore[no-untyped-def]
    """Root of `i`; halves the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel()
def _join(signatures, rows, parent, least, a, b):  # type: ignore[no-untyped-def]
    """Puts `a` and `b` in one component if at least `least` slots agree; whether they are in one now."""
    x = find(parent, a)
    y = find(parent, b)
    if x == y:
        return True
    if agreeing(signatures, rows[a], rows[b]) < least:
        return False
    parent[max(x, y)] = min(x, y)
    return True


@kernel()
def _link(members, keys, rows, signatures, least, parent):  # type: ignore[no-untyped-def]
    leaders = np.empty(LEADERS, np.int64)
    start = 0
    found = 0
    for i in range(members.shape[0]):
        if i == 0 or keys[i] != keys[i - 1]:
            start = i
            found = 0
        this = members[i]
        covered = False
        for j in range(found):
            covered |= _join(signatures, rows, parent, least, this, leaders[j])
        for j in range(max(start, i - WINDOW), i):
            covered |= _join(signatures, rows, parent, least, this, members[j])
        if not covered and found < LEADERS:
            leaders[found] = this
            found += 1


@kernel()
def _meet(keys, once, twice):  # type: ignore[no-untyped-def]
    """Marks, in bitmaps as long as a power of two, the places met once and more than once."""
    places = np.uint64(64 * once.shape[0] - 1)
    for key in keys:
        place = key & places
        bit = np.uint64(1) << (place & np.uint64(63))
        if once[place >> np.uint64(6)] & bit:
            twice[place >> np.uint64(6)] |= bit
        else:
            once[place >> np.uint64(6)] |= bit


@kernel()
def _mark_met(keys, twice, shared):  # type: ignore[no-untyped-def]
    """Marks who met another one at its place."""
    places = np.uint64(64 * twice.shape[0] - 1)
    for i in range(keys.shape[0]):
        place = keys[i] & places
        if twice[place >> np.uint64(6)] & (np.uint64(1) << (place & np.uint64(63))):
            shared[i] = True


@kernel()
def _roots(parent):  # type: ignore[no-untyped-def]
    """Points every document at its root. A parent is never above its child, so one pass is enough."""
    for i in range(parent.shape[0]):
        parent[i] = parent[parent[i]]


def link_buckets(
    members: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.int64],
    signatures: Slots,
    least: int,
    parent: npt.NDArray[np.int64],
) -> None:
    """Joins, in `parent`, documents of one bucket whose signatures agree in at least `least` slots.

    `members` are ranks, sorted by (`keys`, rank); a run of equal keys is a bucket; `rows[rank]` is the
    document's row in `signatures`. A member is compared with at most LEADERS + WINDOW others, so the cost
    is linear however large a bucket is, and a bucket of up to WINDOW + 1 documents is compared in full.
    """
    if len(members):
        _link(frozen(members), frozen(keys), frozen(rows), frozen(signatures), least, parent)


def shared_keys(pieces: Sequence[npt.NDArray[np.uint64]]) -> npt.NDArray[np.bool_]:
    """Of the documents whose keys these are, piece after piece, those that have theirs in common with another one;
    and one in PLACES others, by chance."""
    ends = np.cumsum([0, *[len(keys) for keys in pieces]])
    words = max(1, 1 << math.ceil(math.log2(max(1, int(ends[-1]) * PLACES / 64))))
    words = min(words, MOST_PLACES // 64)
    once, twice = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    for keys in pieces:
        _meet(frozen(keys), once, twice)
    shared = np.zeros(ends[-1], np.bool_)
    for keys, start, end in zip(pieces, ends[:-1], ends[1:], strict=True):
        _mark_met(frozen(keys), frozen(twice), shared[start:end])
    return shared


def component_roots(parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The best rank of every document's component; `parent` itself, flattened."""
    if len(parent):
        _roots(parent)
    return parent
