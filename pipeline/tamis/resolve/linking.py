"""The compiled loops over signatures, and the same in NumPy for a few documents.

To load compiled code takes a third of a second; a question about a few thousand documents is answered by then. Both
find the same, and work on the same arrays: each call takes the one that is quicker.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]

FEW = 1 << 15
"""Documents, or members of buckets, that NumPy is the quicker for while no compiled code is loaded."""
FEW_IN_ORDER = 1 << 12
"""As FEW, of members of buckets that have to be gone through one by one."""
LEADERS = WINDOW = 8
"""As in `tamis.kernels.components`."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_AT_A_TIME = 1 << 13


def _loaded() -> bool:
    return "numba" in sys.modules


def band_keys(signatures: Signatures, scopes: Keys, bands: int, of: int) -> Keys:
    """As `tamis.kernels.minhash.band_keys`, for some `of` so many documents."""
    if of > FEW or _loaded():
        from tamis.kernels import minhash

        return minhash.band_keys(signatures, scopes, bands)
    return plain_band_keys(signatures, scopes, bands)


def similarities(signatures: Signatures, left: Rows, right: Rows) -> npt.NDArray[np.float32]:
    """As `tamis.kernels.minhash.similarities`."""
    if len(left) > FEW or _loaded():
        from tamis.kernels import minhash

        return minhash.similarities(signatures, left, right)
    return plain_similarities(signatures, left, right)


def component_roots(parent: Rows) -> Rows:
    """As `tamis.kernels.components.component_roots`."""
    if _loaded():
        from tamis.kernels import components

        return components.component_roots(parent)
    return plain_roots(parent)


def link_buckets(members: Rows, keys: Keys, rows: Rows, signatures: Signatures, least: int, parent: Rows) -> None:
    """As `tamis.kernels.components.link_buckets`."""
    if not _loaded() and len(members) <= FEW:
        members, keys, size = unlinked(members, keys, parent)
        in_order = least > 0 and bool((size > WINDOW + 1).any())
        if not in_order or len(members) <= FEW_IN_ORDER:
            plain_link(members, keys, size, rows, signatures, least, parent)
            return
    from tamis.kernels import components

    components.link_buckets(members, keys, rows, signatures, least, parent)


def plain_band_keys(signatures: Signatures, scopes: Keys, bands: int) -> Keys:
    """`band_keys` in NumPy."""
    keys = np.empty((bands, len(scopes)), np.uint64)
    slots = signatures.T.astype(np.uint64, order="C").reshape(bands, signatures.shape[1] // bands, len(scopes))
    start = _mix64(scopes ^ _GOLDEN)
    for band, columns in enumerate(slots):
        key = start
        for column in columns:
            key = _mix64((key ^ column) * _GOLDEN)
        keys[band] = key
    return keys


def plain_similarities(signatures: Signatures, left: Rows, right: Rows) -> npt.NDArray[np.float32]:
    """`similarities` in NumPy."""
    shares: npt.NDArray[np.float32] = (_agreeing(signatures, left, right) / signatures.shape[1]).astype(np.float32)
    return shares


def plain_roots(parent: Rows) -> Rows:
    """`component_roots` in NumPy."""
    while not np.array_equal(parent, above := parent[parent]):
        parent[:] = above
    return parent


def _mix64(x: Keys) -> Keys:
    """The finalizer of splitmix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _agreeing(signatures: Signatures, left: Rows, right: Rows) -> Rows:
    """In how many slots each pair of rows agrees."""
    counts = np.empty(len(left), np.int64)
    for at in range(0, len(left), _AT_A_TIME):
        here = slice(at, at + _AT_A_TIME)
        counts[here] = np.count_nonzero(signatures[left[here]] == signatures[right[here]], axis=1)
    return counts


def _starts(keys: Keys) -> npt.NDArray[np.bool_]:
    """Where a bucket begins."""
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    return first


def unlinked(members: Rows, keys: Keys, parent: Rows) -> tuple[Rows, Keys, Rows]:
    """The buckets without those whose members are all in one component already; and the size of each one's bucket."""
    plain_roots(parent)
    if not len(members):
        return members, keys, members
    first = _starts(keys)
    number = np.cumsum(first) - 1
    roots = parent[members]
    differs = roots != roots[np.flatnonzero(first)[number]]
    left = np.bincount(number, differs)[number] > 0
    return members[left], keys[left], np.bincount(number)[number][left]


def plain_link(
    members: Rows, keys: Keys, size: Rows, rows: Rows, signatures: Signatures, least: int, parent: Rows
) -> None:
    """`link_buckets` in NumPy; `size` is that of each member's bucket."""
    linked = _Components(parent)
    if least <= 0:
        same = ~_starts(keys)[1:]
        linked.join(members[1:][same], members[:-1][same])
    elif not (size > WINDOW + 1).any():
        # All pairs are compared, whatever the order.
        for left, right in _pairs(members, keys):
            alike = _agreeing(signatures, rows[left], rows[right]) >= least
            linked.join(left[alike], right[alike])
    else:
        for bucket in np.split(members, np.flatnonzero(_starts(keys))[1:]):
            _link_bucket(bucket, signatures[rows[bucket]], least, linked)
    parent[:] = linked.parent


def _pairs(members: Rows, keys: Keys) -> Iterator[tuple[Rows, Rows]]:
    for apart in range(1, WINDOW + 1):
        same = keys[apart:] == keys[:-apart]
        if not same.any():
            return
        yield members[:-apart][same], members[apart:][same]


def _link_bucket(bucket: Rows, signatures: Signatures, least: int, linked: _Components) -> None:
    """Compares each member with the leaders and those just before it, in order."""
    names = bucket.tolist()
    before = np.zeros((WINDOW + 1, len(names)), np.bool_)
    for apart in range(1, min(WINDOW + 1, len(names))):
        before[apart, apart:] = np.count_nonzero(signatures[apart:] == signatures[:-apart], axis=1) >= least
    near = before.tolist()
    leaders: list[tuple[int, list[bool]]] = []
    for at, this in enumerate(names):
        covered = False
        for leader, alike in leaders:
            covered |= linked.joined(this, leader, alike[at])
        for apart in range(min(WINDOW, at), 0, -1):
            covered |= linked.joined(this, names[at - apart], near[apart][at])
        if not covered and len(leaders) < LEADERS:
            leaders.append((this, (np.count_nonzero(signatures == signatures[at], axis=1) >= least).tolist()))


class _Components:
    """Union-find, whose roots are the smallest numbers."""

    def __init__(self, parent: Rows) -> None:
        self.parent: list[int] = parent.tolist()

    def find(self, i: int) -> int:
        """Root of `i`; halves the path on the way."""
        parent = self.parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def joined(self, a: int, b: int, alike: bool) -> bool:
        """Joins two documents if they are alike; whether they are in one component now."""
        x, y = self.find(a), self.find(b)
        if x != y and alike:
            self.parent[max(x, y)] = min(x, y)
        return x == y or alike

    def join(self, left: Rows, right: Rows) -> None:
        """Joins all pairs."""
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            self.joined(a, b, alike=True)
