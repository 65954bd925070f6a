"""Text normalisation: what every text goes through once, at ingest, before anything measures it.

1. Line ends (CR LF, CR, VT, FF, NEL, U+2028, U+2029) become "\\n".
2. Control characters other than "\\n" and "\\t", noncharacters (U+FDD0..U+FDEF, U+xxFFFE, U+xxFFFF) and
   byte order marks (U+FEFF) are removed.
3. Unicode normalisation form C (UAX #15).
4. Blank lines at the start and at the end are removed; the first line keeps its indentation.

Nothing else changes: spaces at line ends stay, spaces are not merged, quotes and dashes stay as written.
All of it is compiled, except that a text which fails the quick check of UAX #15 goes through `unicodedata`.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import Bytes, Offsets, text_array, text_buffers
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import POINTS, composition, decode

_COMPOSE, _LINE_END, _REMOVE = 255, 254, 253
"""Classes of characters that may change; any other is a canonical combining class (at most 240)."""
_DIRTY, _UNCOMPOSED = 1, 2
_REMOVED = ((0x00, 0x09), (0x0E, 0x20), (0x7F, 0xA0), (0xFDD0, 0xFDF0), (0xFEFF, 0xFF00))
_LINE_ENDS = (0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)


class _Tables(NamedTuple):
    """What the scan knows of each code point."""

    classes: npt.NDArray[np.uint8]
    """0x110000 entries: _COMPOSE, _LINE_END, _REMOVE, or the combining class."""
    space: npt.NDArray[np.bool_]
    """0x3001 entries: white space; nothing above is."""


@functools.cache
def _tables() -> _Tables:
    """Tables of the running Python's Unicode version (built once per process, in some 15 ms)."""
    classes = np.zeros(0x110000, np.uint8)
    classes[POINTS], uncertain = composition()
    classes[uncertain] = _COMPOSE
    for first, last in _REMOVED:
        classes[first:last] = _REMOVE
    classes[0xFFFE::0x10000] = classes[0xFFFF::0x10000] = _REMOVE
    classes[list(_LINE_ENDS)] = _LINE_END
    space = np.fromiter(map(str.isspace, map(chr, range(0x3001))), np.bool_)
    classes.flags.writeable = space.flags.writeable = False
    return _Tables(classes, space)


@kernel()
def _scan(data, offsets, classes, flags):  # type: ignore[no-untyped-def]
    """Per row: _DIRTY when steps 1 and 2 change it, _UNCOMPOSED when step 3 may."""
    for row in range(len(offsets) - 1):
        end = offsets[row + 1]
        flag = np.uint8(0)
        last = np.uint8(0)
        i = offsets[row]
        while i < end:
            if data[i] < 0x80:
                kind = classes[data[i]]
                i += 1
                if kind != 0:
                    flag |= np.uint8(1)
                if kind != 253:
                    last = np.uint8(0)
                continue
            point, i = decode(data, i)
            kind = classes[point]
            if kind == 0:
                last = kind
            elif kind == 253:
                flag |= np.uint8(1)
            elif kind == 254:
                flag |= np.uint8(1)
                last = np.uint8(0)
            else:
                # The quick check of UAX #15: no character that may compose, and combining classes don't fall.
                if kind == 255 or kind < last:
                    flag |= np.uint8(2)
                last = kind
            if flag == 3:
                break
        flags[row] = flag


@kernel()
def _clean(data, offsets, classes, flags, out, new_offsets):  # type: ignore[no-untyped-def]
    """Steps 1 and 2 of every row into `out`, which holds as many bytes as the rows had."""
    at = 0
    for row in range(len(offsets) - 1):
        i = offsets[row]
        end = offsets[row + 1]
        if (flags[row] & 1) == 0:
            while i < end:
                out[at] = data[i]
                at += 1
                i += 1
        while i < end:
            start = i
            point, i = decode(data, i)
            kind = classes[point]
            if kind == 253:
                continue
            if kind == 254:
                if point == 13 and i < end and data[i] == 10:
                    i += 1
                out[at] = 10
                at += 1
                continue
            while start < i:
                out[at] = data[start]
                at += 1
                start += 1
        new_offsets[row + 1] = at


@kernel()
def _edges(data, space, starts, ends):  # type: ignore[no-untyped-def]
    """Moves every row's start and end past its blank lines; returns how many rows that changed."""
    cut = 0
    for row in range(len(starts)):
        start = starts[row]
        end = ends[row]
        first = start
        i = start
        while i < end:
            point, i = decode(data, i)
            if point > 0x3000 or not space[point]:
                break
            if point == 10:
                first = i
            if i == end:
                first = end
        final = end
        i = end
        while i > first:
            i -= 1
            while i > first and (data[i] & 0xC0) == 0x80:
                i -= 1
            point, _ = decode(data, i)
            if point > 0x3000 or not space[point]:
                break
            if point == 10:
                final = i
        starts[row] = first
        ends[row] = final
        if first != start or final != end:
            cut += 1
    return cut


@kernel()
def _gather(data, starts, ends, out, new_offsets):  # type: ignore[no-untyped-def]
    """Copies `data[starts[row]:ends[row]]` one after another into `out`."""
    at = 0
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        out[at : at + size] = data[starts[row] : ends[row]]
        at += size
        new_offsets[row + 1] = at


def normalize(text: pa.Array) -> pa.Array:
    """The normalised texts of a large_string column without nulls; the column itself if nothing changes.

    Idempotent: `normalize(normalize(x))` equals `normalize(x)`.
    """
    if text.type != pa.large_string():
        text = text.cast(pa.large_string())
    data, offsets = text_buffers(text)
    rows = len(text)
    tables = _tables()
    flags = np.zeros(rows, np.uint8)
    _scan(data, offsets, tables.classes, flags)
    if (flags & _DIRTY).any():
        out, cleaned = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(rows + 1, np.int64)
        _clean(data, offsets, tables.classes, flags, out, cleaned)
        data, offsets = out, cleaned
    starts, ends = offsets[:-1].copy(), offsets[1:].copy()
    if (flags & _UNCOMPOSED).any():
        data = _composed(data, starts, ends, np.flatnonzero(flags & _UNCOMPOSED))
    cut = _edges(data, tables.space, starts, ends)
    if not cut and not flags.any():
        return text
    if not cut and not (flags & _UNCOMPOSED).any():
        return text_array(data[: offsets[-1]], offsets)
    out, new_offsets = np.empty(int((ends - starts).sum()), np.uint8), np.zeros(rows + 1, np.int64)
    _gather(data, starts, ends, out, new_offsets)
    return text_array(out, new_offsets)


def _composed(data: Bytes, starts: Offsets, ends: Offsets, rows: npt.NDArray[np.int64]) -> Bytes:
    """The data with the composed texts of `rows` behind it, where `starts` and `ends` then point."""
    pieces = [data]
    at = len(data)
    for row in rows:
        before = data[starts[row] : ends[row]].tobytes().decode()
        after = np.frombuffer(unicodedata.normalize("NFC", before).encode(), np.uint8)
        pieces.append(after)
        starts[row], ends[row] = at, at + len(after)
        at += len(after)
    return np.concatenate(pieces)
