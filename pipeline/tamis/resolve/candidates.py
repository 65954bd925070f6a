"""Near-duplicate clusters from MinHash signatures: bands propose pairs, signatures decide.

Memory stays bounded: signatures and band keys beyond `SPILL_BYTES` live in files under the scratch folder,
and a band is sorted in partitions of about `PARTITION_ROWS` keys. What stays in memory is some 50 bytes
per document: its rank, scope, key in one band, component and result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.resolve.linking import band_keys, component_roots, link_buckets, similarities

SPILL_BYTES = 256 << 20
"""Arrays larger than this live in a file."""
PARTITION_ROWS = 1 << 24
"""Keys of a band that are sorted at a time, about."""
_CHUNK_ROWS = 1 << 16


def near_clusters(
    signatures: Iterable[pa.Array],
    order: npt.NDArray[np.int64],
    scopes: npt.NDArray[np.uint64],
    banding: tuple[int, int],
    min_similarity: float,
    scratch: Path,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Per row: the row that stays of its cluster (itself where none does better), and their similarity.

    `signatures` come as fixed-size binary (little-endian uint32 slots), piece by piece, null where a document
    has none; `banding` is (bands, slots in a band); `order` lists rows from best to worst; rows whose `scopes`
    differ are never compared. A pair that shares a band is an edge if its signatures agree in at least the share
    `min_similarity` of slots; clusters are the connected components. The similarity of a row with itself is 1.
    """
    bands, slots = banding[0], math.prod(banding)
    matrix, keys, present = load_signatures(signatures, scopes, banding, scratch)
    rows = order[present[order]]
    parent = np.arange(len(rows), dtype=np.int64)
    least = least_slots(min_similarity, slots)
    for band in range(bands):
        for members, sorted_keys in buckets(keys[band][rows]):
            link_buckets(members, sorted_keys, rows, matrix, least, parent)
    roots = component_roots(parent)
    kept = np.arange(len(order), dtype=np.int64)
    kept[rows] = rows[roots]
    similarity = np.ones(len(order), np.float32)
    copies = np.flatnonzero(kept != np.arange(len(order)))
    similarity[copies] = similarities(matrix, copies, kept[copies])
    return kept, similarity


def partner_keys(signatures: pa.Array, banding: tuple[int, int]) -> npt.NDArray[np.uint64]:
    """Band keys of signatures without nulls, shape (bands, rows): documents that share none of them are in no
    cluster together, whichever other documents are there, whatever the scopes."""
    from tamis.kernels.minhash import band_keys

    bands, slots = banding[0], math.prod(banding)
    keys = np.empty((bands, len(signatures)), np.uint64)
    at = 0
    for chunk in _small([signatures]):
        scopes = np.zeros(len(chunk), np.uint64)
        keys[:, at : at + len(chunk)] = band_keys(_matrix(chunk, slots), scopes, bands)
        at += len(chunk)
    return keys


def least_slots(min_similarity: float, slots: int) -> int:
    """In how many of its `slots` a pair has to agree."""
    # A hair less than the product, or 0.7 * 10 slots would ask for 8 of them.
    return math.ceil(min_similarity * slots - 1e-9)


def load_signatures(
    pieces: Iterable[pa.Array], scopes: npt.NDArray[np.uint64], banding: tuple[int, int], scratch: Path
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Signature matrix (rows, slots), band keys (bands, rows), and where a signature is present."""
    rows, bands, slots = len(scopes), banding[0], math.prod(banding)
    matrix = _array(scratch / "signatures.npy", (rows, slots), np.uint32)
    keys = _array(scratch / "band_keys.npy", (bands, rows), np.uint64)
    present = np.ones(rows, np.bool_)
    at = 0
    for chunk in _small(pieces):
        end = at + len(chunk)
        matrix[at:end] = _matrix(chunk, slots)
        present[at:end] = chunk.is_valid().to_numpy(zero_copy_only=False)
        keys[:, at:end] = band_keys(matrix[at:end], scopes[at:end], bands, rows)
        at = end
    return matrix, keys, present


def _matrix(chunk: pa.Array, slots: int) -> npt.NDArray[np.uint32]:
    """Signatures as (rows, slots), without a copy."""
    raw = np.frombuffer(chunk.buffers()[1], "<u4", len(chunk) * slots, chunk.offset * slots * 4)
    return raw.reshape(-1, slots)


def _small(pieces: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """The same in pieces of at most `_CHUNK_ROWS` rows."""
    for piece in pieces:
        for at in range(0, len(piece), _CHUNK_ROWS):
            yield piece.slice(at, _CHUNK_ROWS)


def _array(path: Path, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """An array in memory, or in the file `path` if it is large."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= SPILL_BYTES:
        return np.empty(shape, dtype)
    return np.asarray(np.lib.format.open_memmap(path, "w+", dtype, shape))


def buckets(
    keys: npt.NDArray[np.uint64],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]]:
    """Ranks of the documents that share their key with another one, and their keys, by (key, rank).

    `keys[rank]` is a document's key. Partitions are ranges of keys in rising order, so what comes out,
    put end to end, is the same for any number of them.
    """
    bits = max(0, math.ceil(math.log2(max(1, len(keys)) / PARTITION_ROWS)))
    for part in range(1 << bits):
        ranks = np.arange(len(keys)) if not bits else np.flatnonzero(keys >> np.uint64(64 - bits) == part)
        by_key = np.argsort(keys[ranks])  # unstable, hence quick; few ranks survive to be put in order
        found = keys[ranks[by_key]]
        equal = np.zeros(len(found) + 1, np.bool_)
        equal[1:-1] = found[1:] == found[:-1]
        shared = equal[1:] | equal[:-1]
        members, found = ranks[by_key[shared]], found[shared]
        yield members[np.lexsort((members, found))], found
