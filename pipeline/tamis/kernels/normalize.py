"""Text normalisation: what every text goes through once, at ingest, before anything measures it.

1. Line ends (CR LF, CR, VT, FF, NEL, U+2028, U+2029) become "\\n".
2. Control characters other than "\\n" and "\\t", noncharacters (U+FDD0..U+FDEF, U+xxFFFE, U+xxFFFF) and
   byte order marks (U+FEFF) are removed.
3. Unicode normalisation form C (UAX #15).
4. Blank lines at the start and at the end are removed; the first line keeps its indentation.

Nothing else changes: spaces at line ends stay, spaces are not merged, quotes and dashes stay as written.
One compiled scan finds the few texts that steps 1 to 3 concern; all others are cut at most.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from tamis.kernels.buffers import text_array, text_buffers
from tamis.kernels.unicode import decode

_REWRITE = 255
"""Table entry of a character that may change; any other entry is its canonical combining class (at most 240)."""
_LINE_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_REMOVED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufeff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_HANGUL_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))


class _Tables(NamedTuple):
    """What the scan knows of each code point."""

    classes: npt.NDArray[np.uint8]
    """0x110000 entries: _REWRITE, or the combining class."""
    space: npt.NDArray[np.bool_]
    """0x3001 entries: white space; nothing above is."""


@functools.cache
def _tables() -> _Tables:
    """Tables of the running Python's Unicode version (built once per process, about 0.2 s)."""
    classes = np.zeros(0x110000, np.uint8)
    for point in range(0x30000):
        char = chr(point)
        if 0xD800 <= point < 0xE000:
            continue
        classes[point] = unicodedata.combining(char)
        pair = unicodedata.decomposition(char)
        if not pair or pair[0] == "<":
            continue
        if not unicodedata.is_normalized("NFC", char):
            classes[point] = _REWRITE
        elif " " in pair:
            # The second half of a composed character may merge with what stands before it.
            classes[int(pair.split()[1], 16)] = _REWRITE
    classes[list(_HANGUL_VOWELS_AND_FINALS)] = _REWRITE
    for first, last in ((0x00, 0x09), (0x0B, 0x20), (0x7F, 0xA0), (0x2028, 0x202A), (0xFDD0, 0xFDF0), (0xFEFF, 0xFF00)):
        classes[first:last] = _REWRITE
    classes[0xFFFE::0x10000] = classes[0xFFFF::0x10000] = _REWRITE
    space = np.array([chr(point).isspace() for point in range(0x3001)])
    classes.flags.writeable = space.flags.writeable = False
    return _Tables(classes, space)


@njit(nogil=True, cache=True, boundscheck=False)
def _scan(data, offsets, classes, space, starts, ends, rewrite):  # type: ignore[no-untyped-def]
    """Per row: where its text starts and ends without blank lines, and whether it must be rewritten.

    Returns how many rows must be rewritten, and how many others are cut.
    """
    rewritten = 0
    cut = 0
    for row in range(len(offsets) - 1):
        start = offsets[row]
        end = offsets[row + 1]
        dirty = False
        last = np.uint8(0)
        i = start
        while i < end:
            if data[i] < 0x80:
                if classes[data[i]] != 0:
                    dirty = True
                    break
                last = np.uint8(0)
                i += 1
                continue
            point, i = decode(data, i)
            kind = classes[point]
            # The quick check of UAX #15: combining classes must not fall.
            if kind != 0 and (kind == 255 or kind < last):
                dirty = True
                break
            last = kind
        rewrite[row] = dirty
        starts[row] = start
        ends[row] = end
        if dirty:
            rewritten += 1
            continue
        i = start
        first = start
        while i < end:
            point, after = decode(data, i)
            if point > 0x3000 or not space[point]:
                break
            i = after
            if point == 10:
                first = i
        if i >= end:
            first = end
        i = end
        final = end
        while i > first:
            before = i - 1
            while before > first and (data[before] & 0xC0) == 0x80:
                before -= 1
            point, _ = decode(data, before)
            if point > 0x3000 or not space[point]:
                break
            i = before
            if point == 10:
                final = before
        starts[row] = first
        ends[row] = final
        if first != start or final != end:
            cut += 1
    return rewritten, cut


@njit(nogil=True, cache=True, boundscheck=False)
def _gather(data, starts, ends, out, offsets):  # type: ignore[no-untyped-def]
    """Copies `data[starts[row]:ends[row]]` one after another into `out`; fills `offsets`."""
    at = 0
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        out[at : at + size] = data[starts[row] : ends[row]]
        at += size
        offsets[row + 1] = at


def normalize(text: pa.Array) -> pa.Array:
    """The normalised texts of a large_string column without nulls; the column itself if nothing changes.

    Idempotent: `normalize(normalize(x))` equals `normalize(x)`.
    """
    if text.type != pa.large_string():
        text = text.cast(pa.large_string())
    data, offsets = text_buffers(text)
    rows = len(text)
    tables = _tables()
    starts, ends = np.empty(rows, np.int64), np.empty(rows, np.int64)
    rewrite = np.empty(rows, np.bool_)
    rewritten, cut = _scan(data, offsets, tables.classes, tables.space, starts, ends, rewrite)
    if not rewritten and not cut:
        return text
    if rewritten:
        pieces: list[npt.NDArray[np.uint8]] = [data]
        at = len(data)
        for row in np.flatnonzero(rewrite):
            fresh = np.frombuffer(_rewritten(data[starts[row] : ends[row]].tobytes().decode()).encode(), np.uint8)
            pieces.append(fresh)
            starts[row], ends[row] = at, at + len(fresh)
            at += len(fresh)
        data = np.concatenate(pieces)
    out = np.empty(int((ends - starts).sum()), np.uint8)
    cut_offsets = np.zeros(rows + 1, np.int64)
    _gather(data, starts, ends, out, cut_offsets)
    return text_array(out, cut_offsets)


def _rewritten(text: str) -> str:
    """Steps 1 to 4 for one text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _REMOVED.sub("", _LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    after = len(text.rstrip())
    line_end = text.find("\n", after)
    if line_end >= 0:
        text = text[:line_end]
    before = len(text) - len(text.lstrip())
    text = text[text.rfind("\n", 0, before) + 1 :]
    return "" if text.isspace() else text
