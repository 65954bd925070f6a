"""Best-fit packing: pieces of documents into bins of one length, with as few tokens of padding as can be.

Ding et al. 2024, Fewer Truncations Improve Language Modeling (arXiv:2404.10830): only documents longer than a bin
are cut; the pieces, the longest first, each go to the fullest bin that still has room.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.kernels.jit import kernel

Longs = npt.NDArray[np.int64]


@kernel()
def _pack(lengths, order, capacity, bins, heads, following, tree):  # type: ignore[no-untyped-def]
    """Fills `bins`. `heads[room]` is the last bin with so much room, `following[bin]` the one before it; `tree` is a
    binary tree over the rooms that says under which of its branches there is any bin."""
    leaves = tree.shape[0] // 2
    used = 0
    for piece in order:
        size = lengths[piece]
        # The smallest room that is large enough: up from its leaf, until a branch to the right has one, and down.
        node = leaves + size
        if not tree[node]:
            while node > 1 and (node & 1 or not tree[node + 1]):
                node >>= 1
            if node > 1:
                node += 1
                while node < leaves:
                    node = 2 * node + (0 if tree[2 * node] else 1)
        if node > 1:
            room = node - leaves
            chosen = heads[room]
            heads[room] = following[chosen]
            if heads[room] < 0:
                tree[node] = False
                while node > 1:
                    node >>= 1
                    tree[node] = tree[2 * node] or tree[2 * node + 1]
        else:
            room = capacity
            chosen = used
            used += 1
        bins[piece] = chosen
        room -= size
        if room > 0:
            following[chosen] = heads[room]
            heads[room] = chosen
            node = leaves + room
            while node >= 1 and not tree[node]:
                tree[node] = True
                node >>= 1
    return used


def best_fit(lengths: Longs, capacity: int) -> tuple[Longs, int]:
    """The bin of each piece, and how many bins there are. Lengths are 1 to `capacity`; of equal pieces the first
    goes first. Time is log(capacity) a piece."""
    leaves = 1 << int(capacity).bit_length()
    bins = np.empty(len(lengths), np.int64)
    heads = np.full(leaves, -1, np.int64)
    following = np.full(len(lengths), -1, np.int64)
    order = np.argsort(-lengths, kind="stable")
    used = _pack(lengths, order, capacity, bins, heads, following, np.zeros(2 * leaves, np.bool_))
    return bins, int(used)
