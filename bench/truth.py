"""Every pair of a corpus whose exact Jaccard similarity reaches a threshold.

An exact join, not an estimate: with shingles ordered from the rarest to the commonest, two sets of Jaccard
similarity t or more share a shingle among the first |x| - ceil(t |x|) + 1 of each (prefix filter: Bayardo et al.,
"Scaling up all pairs similarity search", 2007). Every pair that does is compared in full.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xxhash
from numba import njit

from corpus import shingles

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True)
def _compare(left, right, starts, values, sizes, least, out):  # type: ignore[no-untyped-def]
    """Exact similarity of each pair of rows; 0 where it is below `least`."""
    for k in range(left.shape[0]):
        i, j = starts[left[k]], starts[right[k]]
        i_end, j_end = starts[left[k] + 1], starts[right[k] + 1]
        both = 0
        while i < i_end and j < j_end:
            if values[i] == values[j]:
                both += 1
                i += 1
                j += 1
            elif values[i] < values[j]:
                i += 1
            else:
                j += 1
        share = both / (sizes[left[k]] + sizes[right[k]] - both)
        out[k] = share if share >= least else 0.0


def similar_pairs(texts: Sequence[str], least: float) -> Pairs:
    """Row numbers of all pairs (left < right) of Jaccard similarity `least` or more, and their similarity."""
    hashes = []
    for text in texts:
        made = (xxhash.xxh3_64_intdigest(" ".join(shingle).encode()) for shingle in shingles(text))
        hashes.append(np.fromiter(made, np.uint64))
    sizes = np.array([len(row) for row in hashes])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    _, inverse, counts = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    values = rank[inverse]
    common = int((counts == 1).sum())
    """Shingles of a lower rank are in one document alone."""
    tokens, owners = [], []
    for row, size in enumerate(sizes):
        part = values[starts[row] : starts[row + 1]]
        part.sort()
        prefix = part[: size - math.ceil(least * size) + 1]
        prefix = prefix[prefix >= common]
        tokens.append(prefix)
        owners.append(np.full(len(prefix), row))
    token, owner = np.concatenate(tokens), np.concatenate(owners)
    by_token = np.lexsort((owner, token))
    token, owner = token[by_token], owner[by_token]
    found: set[int] = set()
    bounds = np.flatnonzero(np.concatenate([[True], token[1:] != token[:-1], [True]]))
    for a, b in itertools.pairwise(bounds):
        if b - a > 1:
            i, j = np.triu_indices(b - a, 1)
            found.update((owner[a:b][i] * len(texts) + owner[a:b][j]).tolist())
    keys = np.array(sorted(found), np.int64)
    left, right = keys // len(texts), keys % len(texts)
    likeness = np.zeros(len(keys))
    _compare(left, right, starts, values, sizes, least, likeness)
    true = likeness > 0
    return left[true], right[true], likeness[true]


def truth_of(
    corpus: Path, ids: Sequence[str], texts: Sequence[str], least: float = 0.6
) -> list[tuple[str, str, float]]:
    """The pairs of a corpus, by id; computed once and kept beside it."""
    path = corpus / f"truth-{least}.npz"
    if not path.exists():
        left, right, likeness = similar_pairs(texts, least)
        np.savez(path, left=left, right=right, likeness=likeness)
    kept = np.load(path)
    columns = (kept["left"].tolist(), kept["right"].tolist(), kept["likeness"].tolist())
    return [(ids[a], ids[b], share) for a, b, share in zip(*columns, strict=True)]
