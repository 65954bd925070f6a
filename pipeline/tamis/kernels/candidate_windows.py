"""Windows of the candidate scan, and the lines of a text that are scanned again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import text_buffers
from tamis.kernels.jit import kernel

_ROW = 1 << 40
"""More bytes than a text has: row * _ROW + position orders positions over rows."""
_TOUCHING = 32
"""Bytes between two values within which one may hide the other: punctuation and brackets of a phone number."""


class Candidates(NamedTuple):
    """Windows, in the order of rows; entry k of every array belongs to one window."""

    rows: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]
    """Bits EMAIL, PHONE, IP, IBAN, CARD: what the window may hold."""
    starts: npt.NDArray[np.int64]
    """First byte, counted from the start of the row's text."""
    ends: npt.NDArray[np.int64]
    """One past the last byte."""

    def where(self, wanted: npt.NDArray[np.bool_]) -> Candidates:
        """The windows whose flag is set."""
        return Candidates(self.rows[wanted], self.kinds[wanted], self.starts[wanted], self.ends[wanted])


class Parts(NamedTuple):
    """Parts of a batch of texts, in order; entry k of every array belongs to one part."""

    rows: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    """First byte in the batch's buffer, not in the row."""
    ends: npt.NDArray[np.int64]
    """One past the last byte."""


@kernel()
def _lines(data, offsets, rows, starts, ends, touching, at, begins, stops):  # type: ignore[no-untyped-def]
    """Fills `at`, `begins`, `stops` with the lines around the values, each line once; how many parts there are."""
    n = 0
    for k in range(len(rows)):
        row = rows[k]
        lo, hi = offsets[row], offsets[row + 1]
        begin = max(lo, lo + starts[k] - touching - 1)
        stop = min(hi, lo + ends[k] + touching)
        known = n > 0 and at[n - 1] == row
        while begin > lo and data[begin - 1] != 10 and not (known and begin <= stops[n - 1]):
            begin -= 1
        if known and begin <= stops[n - 1]:
            n -= 1
            stop = max(stop, stops[n])
        else:
            at[n], begins[n] = row, begin
        while stop < hi and data[stop] != 10:
            stop += 1
        stops[n] = stop
        n += 1
    return n


def lines_around(
    text: pa.Array, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> Parts:
    """The lines that hold every window which `near` these values could be.

    Args:
        text: large_string, none of the rows null.
        rows: of the values, ascending.
        starts: first bytes of the values in the rows' texts, ascending within a row.
        ends: one past their last bytes.
    """
    data, offsets = text_buffers(text)
    at, begins, stops = (np.empty(len(rows), np.int64) for _ in range(3))
    count = _lines(data, offsets, rows, starts, ends, _TOUCHING, at, begins, stops)
    return Parts(at[:count], begins[:count], stops[:count])


def near(
    windows: Candidates, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> Candidates:
    """The windows that may hold something else now that these values, sorted and disjoint, are out of the text."""
    row = windows.rows.astype(np.int64) * _ROW
    place = np.searchsorted(rows * _ROW + ends, row + windows.starts - _TOUCHING)
    is_near = place < len(rows)
    first = (rows * _ROW + starts)[place[is_near]]
    is_near[is_near] = first <= (row + windows.ends + _TOUCHING)[is_near]
    return windows.where(is_near)
