"""Which bytes of a text go with its bad chunks: their edges moved to begins of lines, white space around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.chunking import Chunks

_WHITE = b" \t\n"


def _snapped(data: Bytes, low: int, edge: int, high: int) -> int:
    """The edge between two chunks, moved to the nearest begin of a line in data[low:high]; if there is none, of a
    word."""
    before, behind = data[low:edge].tobytes(), data[edge:high].tobytes()
    for mark in (b"\n", b" "):
        back, ahead = before.rfind(mark) + 1, behind.find(mark) + 1
        if back or ahead:
            return min([low + back] * bool(back) + [edge + ahead] * bool(ahead), key=lambda place: abs(place - edge))
    return edge


def _runs(bad: npt.NDArray[np.bool_], documents: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and one past the last of the bad chunks that stand side by side in a document."""
    joined = bad[1:] & bad[:-1] & (documents[1:] == documents[:-1])
    firsts = np.flatnonzero(bad & ~np.concatenate([[False], joined]))
    lasts = np.flatnonzero(bad & ~np.concatenate([joined, [False]]))
    yield from zip(firsts.tolist(), (lasts + 1).tolist(), strict=True)


def bad_stretches(
    data: Bytes, offsets: Offsets, chunks: Chunks, bad: npt.NDArray[np.bool_]
) -> list[tuple[int, int, int]]:
    """Document, begin and end of what goes with the `bad` chunks: byte positions in the document, sorted and disjoint.

    Chunks that stand side by side go as one. An edge inside a line moves by half a chunk at most.
    """
    bounds = chunks.bounds
    found: list[tuple[int, int, int]] = []
    for first, stop in _runs(bad, chunks.documents):
        document = int(chunks.documents[first])
        top, bottom = int(offsets[document]), int(offsets[document + 1])
        start, end = int(bounds[first]), int(bounds[stop])
        if start > top:
            low = int(bounds[first - 1])
            start = _snapped(data, (low + start) // 2, start, (start + int(bounds[first + 1])) // 2)
            start = low + len(data[low:start].tobytes().rstrip(_WHITE))
        if end < bottom:
            high = int(bounds[stop + 1])
            end = _snapped(data, (int(bounds[stop - 1]) + end) // 2, end, (end + high) // 2)
            end = high - len(data[end:high].tobytes().lstrip(_WHITE))
        if found and found[-1][0] == document and start - top <= found[-1][2]:
            # Only white space between the two.
            found[-1] = (document, found[-1][1], end - top)
        else:
            found.append((document, start - top, end - top))
    return found
