"""What is certain of duplicates while it isn't certain which documents are there.

Some rows are sure to be compared, others may or may not be. For every row, `low` is the best row that shares
its cluster whichever of the others come, and `high` the best one that could: where both are the same, the
answer is. Rows in reach of no other doubtful one are `steady`: their whole cluster is what it is.

For exact duplicates this is plain. For near duplicates it isn't, as a bucket of more than `WINDOW + 1`
documents is not compared in full: another document in it can part two that were compared before. So `low`
counts only pairs that are compared whoever else is there, and `high` counts all pairs of a bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.resolve.candidates import buckets as buckets_of
from tamis.resolve.candidates import least_slots, load_signatures
from tamis.resolve.linking import LEADERS, WINDOW, component_roots, link_buckets, similarities

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

FULL_BUCKET = 512
"""Documents of a larger bucket all count as possible duplicates: comparing every pair would take long."""


@dataclass(frozen=True)
class Presence:
    """What is known of the rows that a resolver might see."""

    sure: Mask
    """Rows that are there whatever becomes of the others."""
    wild: Mask
    """Rows whose scope isn't known: they may meet any other row."""

    @property
    def doubtful(self) -> Mask:
        """Rows that may be missing, or stand elsewhere."""
        return ~self.sure | self.wild


@dataclass(frozen=True)
class Bounds:
    """What is certain of each row, supposing that it is there itself."""

    low: Rows
    """The best row that is certainly in its cluster; itself where no better one is certain."""
    high: Rows
    """The best row that can be in its cluster."""
    steady: Mask
    """Rows that no other row's absence or scope can change: whatever is found of them holds. `low` and
    `high` say nothing of them."""

    def certain(self) -> Mapping[str, Mask]:
        """By signal of a duplicates stage: rows whose value is the same in every case."""
        same = self.steady | (self.low == self.high)
        itself = np.arange(len(self.low))
        return {
            "is_duplicate": self.steady | (self.low != itself) | (self.high == itself),
            "duplicate_of": same,
            "similarity": same,
            "cluster_size": self.steady,
        }


def exact_bounds(hashes: pa.ChunkedArray, order: Rows, scopes: npt.NDArray[np.uint64], presence: Presence) -> Bounds:
    """Bounds of exact duplicates: rows of one hash and scope are one cluster."""
    rank = _inverse(order)
    texts = pc.dictionary_encode(hashes.combine_chunks()).indices.to_numpy().astype(np.int64)
    close = np.unique(np.column_stack([texts, scopes.view(np.int64)]), axis=0, return_inverse=True)[1].ravel()
    wide = texts if presence.wild.any() else close
    nobody = len(order)
    fixed = np.where(presence.doubtful, nobody, rank)
    low = np.where(presence.wild, rank, np.minimum(_least(close, fixed), rank))
    return Bounds(order[low], order[_least(wide, rank)], _alone(wide, presence.doubtful, presence.wild))


def near_bounds(
    signatures: Iterable[pa.Array],
    order: Rows,
    scopes: npt.NDArray[np.uint64],
    presence: Presence,
    banding: tuple[int, int],
    min_similarity: float,
    scratch: Path,
) -> Bounds:
    """Bounds of near duplicates; arguments as `near_clusters` has them."""
    # A row of unknown scope may share a bucket with any other, so then buckets are taken across scopes.
    across = np.zeros_like(scopes) if presence.wild.any() else scopes
    matrix, keys, present = load_signatures(signatures, across, banding, scratch)
    rows = order[present[order]]
    linker = _Linker(matrix, rows, least_slots(min_similarity, matrix.shape[1]))
    buckets, far = _within_reach(keys, linker, presence.doubtful[rows])
    high, reach = _possible(buckets, linker)
    steady = _alone(reach, presence.doubtful[rows], presence.wild[rows])
    low = _certain(buckets, linker, high, scopes[rows], presence, rows)
    itself = np.arange(len(order))
    found = Bounds(itself.copy(), itself.copy(), np.ones(len(order), np.bool_))
    found.low[rows] = rows[low]
    found.high[rows] = rows[high]
    found.steady[rows] = far | steady
    return found


@dataclass(frozen=True)
class _Bucket:
    """Members of the buckets of one band that are in reach of a doubtful row, by (key, rank)."""

    members: Rows
    keys: npt.NDArray[np.uint64]
    start: Rows
    """Index of the first member of the same bucket."""
    size: Rows
    """Size of the bucket."""


@dataclass(frozen=True)
class _Linker:
    """Compares documents, numbered by rank."""

    matrix: npt.NDArray[np.uint32]
    rows: Rows
    least: int

    def join(self, members: Rows, keys: npt.NDArray[np.uint64], parent: Rows) -> None:
        """Makes each bucket one component, unlike as its documents may be."""
        link_buckets(members, keys, self.rows, self.matrix, 0, parent)

    def link(self, left: Rows, right: Rows, parent: Rows) -> None:
        """Joins the pairs that are similar enough."""
        pairs = np.column_stack([left, right]).ravel()
        keys = np.repeat(np.arange(len(left), dtype=np.uint64), 2)
        link_buckets(pairs, keys, self.rows, self.matrix, self.least, parent)

    def similar(self, left: Rows, right: Rows) -> Mask:
        """Whether the pairs are similar enough."""
        shares = similarities(self.matrix, self.rows[left], self.rows[right])
        similar: Mask = np.rint(shares * self.matrix.shape[1]) >= self.least
        return similar


def _within_reach(keys: npt.NDArray[np.uint64], linker: _Linker, doubtful: Mask) -> tuple[list[_Bucket], Mask]:
    """The buckets that a chain of buckets connects with a doubtful row, and the rows out of its reach."""
    parent = np.arange(len(linker.rows), dtype=np.int64)
    found = [bucket for band in keys for bucket in buckets_of(band[linker.rows])]
    for members, at in found:
        linker.join(members, at, parent)
    near = np.zeros(len(parent), np.bool_)
    near[component_roots(parent)[doubtful]] = True
    near = near[parent]
    buckets = []
    for members, at in found:
        inside = near[members]
        members, at = members[inside], at[inside]
        first = np.ones(len(at), np.bool_)
        first[1:] = at[1:] != at[:-1]
        number = np.cumsum(first) - 1
        start = np.flatnonzero(first)[number] if len(at) else np.zeros(0, np.int64)
        size = np.bincount(number)[number] if len(at) else np.zeros(0, np.int64)
        buckets.append(_Bucket(members, at, start, size))
    return buckets, ~near


def _possible(buckets: list[_Bucket], linker: _Linker) -> tuple[Rows, Rows]:
    """The best row that can be in each one's cluster; and a name for all that can change its cluster."""
    parent = np.arange(len(linker.rows), dtype=np.int64)
    for bucket in buckets:
        huge = bucket.size > FULL_BUCKET
        linker.join(bucket.members[huge], bucket.keys[huge], parent)
        small = ~huge
        for left, right in _neighbours(bucket.members[small], bucket.keys[small], FULL_BUCKET):
            linker.link(left, right, parent)
    # Who is compared in a large bucket depends on all its members, and on what joined them elsewhere.
    reach = parent.copy()
    for bucket in buckets:
        large = bucket.size > WINDOW + 1
        linker.join(bucket.members[large], bucket.keys[large], reach)
    return component_roots(parent), component_roots(reach)


def _certain(
    buckets: list[_Bucket],
    linker: _Linker,
    high: Rows,
    scopes: npt.NDArray[np.uint64],
    presence: Presence,
    rows: Rows,
) -> Rows:
    """The best row that is in each one's cluster whoever else is there."""
    parent = np.arange(len(rows), dtype=np.int64)
    fixed, placed = ~presence.doubtful[rows], ~presence.wild[rows]
    half: list[tuple[Rows, Rows]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for bucket in buckets:
        for left, right in _always_compared(bucket, high):
            meet = placed[left] & placed[right] & (scopes[left] == scopes[right])
            both = meet & fixed[left] & fixed[right]
            linker.link(left[both], right[both], parent)
            one = meet & (fixed[left] ^ fixed[right])
            left, right = left[one], right[one]
            half.append((np.where(fixed[left], right, left), np.where(fixed[left], left, right)))
    low = component_roots(parent)
    guests, hosts = (np.concatenate(side) for side in zip(*half, strict=True))
    similar = linker.similar(guests, hosts)
    # A doubtful row that is there joins its sure neighbours.
    found = low.copy()
    np.minimum.at(found, guests[similar], low[hosts[similar]])
    return found


def _always_compared(bucket: _Bucket, high: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Pairs that are compared whichever members are there, supposing that these two are."""
    # At most `WINDOW - 1` members between two: in a small bucket, all pairs.
    yield from _neighbours(bucket.members, bucket.keys, WINDOW + 1)
    large = np.flatnonzero(bucket.size > WINDOW + 1)
    members, start = bucket.members[large], bucket.start[large]
    place = large - start
    # A member is a leader when it is unlike all before it, and those are too few to fill the places.
    cells = np.column_stack([start, high[members]])
    leads = np.zeros(len(bucket.members), np.bool_)
    leads[large[np.unique(cells, axis=0, return_index=True)[1]]] = True
    for leader in range(LEADERS):
        after = (place > leader) & leads[start + leader]
        yield bucket.members[start[after] + leader], members[after]


def _neighbours(members: Rows, keys: npt.NDArray[np.uint64], most: int) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of members of one bucket less than `most` places apart."""
    for apart in range(1, min(most, len(members))):
        same = keys[apart:] == keys[:-apart]
        if not same.any():
            return
        yield members[:-apart][same], members[apart:][same]


def _alone(groups: Rows, doubtful: Mask, wild: Mask) -> Mask:
    """Rows that are in their place and in whose group no other row is doubtful."""
    others: Mask = np.bincount(groups, doubtful, len(groups))[groups] == doubtful
    return others & ~wild


def _least(groups: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Smallest value of each row's group."""
    least = np.full(groups.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, groups, values)
    return least[groups]


def _inverse(order: Rows) -> Rows:
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank
