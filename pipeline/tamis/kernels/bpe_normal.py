"""Normalization before byte-pair encoding, compiled: what a SentencePiece-like tokenizer does to a text.

Some characters are dropped, some get a space behind them when a space or a word character follows, one space
may come first, and spaces become the marker U+2581. Here the marker is written as a space, a single byte, since
no other space is left; the text's own markers become spaces, too. Composition (NFC) is not done but looked for:
a text that may need it is marked.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.bpe_memory import all_ascii, decode_at
from tamis.kernels.jit import kernel
from tamis.kernels.simd import load64, pointer
from tamis.kernels.unicode import BLOCKS, POINTS, categories, composition

DROPPED, LEADING, FOLLOWER, MARKED = 1, 2, 4, 8
"""Classes: left out; gets a space behind it before a FOLLOWER; a word character or a space; becomes a marker."""
_UNSURE = 255
_TAGS = np.arange(0xE0000, 0xE1000, dtype=np.uint32)
"""The one part of plane 14 that holds characters: tags and variation selectors, which combine with none."""


class Rules(NamedTuple):
    """What is done to a text."""

    classes: npt.NDArray[np.uint8]
    """Class bits of each of 0x110000 code points."""
    prepended: bool
    """A text that isn't empty begins with one more space."""


@functools.cache
def form_c_classes() -> npt.NDArray[np.uint8]:
    """Per code point: its canonical combining class, or _UNSURE when it may compose or isn't assigned.

    The running Python's Unicode version decides (built once per process, in some 20 ms). A text that is in
    form C by it is so by any version: an assigned character never changes in this respect (Unicode's
    normalization stability policy), and one that a version doesn't know can only keep its neighbours apart.
    """
    classes = np.full(0x110000, _UNSURE, np.uint8)
    # Private use: assigned for good, and inert.
    classes[0xF0000:0xFFFFE] = classes[0x100000:0x10FFFE] = 0
    classes[0xE000:0xF900] = 0
    for first, stop in BLOCKS:
        classes[first:stop] = 0
    combining, uncertain = composition()
    for points, kinds in ((POINTS, combining), (_TAGS, np.zeros(len(_TAGS), np.uint8))):
        assigned = ~(categories(points) == np.frombuffer(b"Cn", np.uint8)).all(axis=1)
        classes[points[assigned]] = kinds[assigned]
    classes[uncertain] = _UNSURE
    classes.flags.writeable = False
    return classes


@kernel()
def check_form_c(data, offsets, classes, unsure):  # type: ignore[no-untyped-def]
    """Marks in `unsure` (bool) the rows that fail the quick check of UAX #15: all others are in form C."""
    text, kinds = pointer(data), pointer(classes)
    for row in range(len(offsets) - 1):
        i = offsets[row]
        end = offsets[row + 1]
        last = np.uint8(0)
        while i < end:
            if text[i] < 0x80:
                last = np.uint8(0)
                i += 1
                while i + 8 <= end and all_ascii(load64(text, i)):
                    i += 8
                continue
            point, i = decode_at(text, i)
            kind = kinds[point]
            if kind == 255 or (kind != 0 and kind < last):
                unsure[row] = True
                break
            last = kind


@kernel()
def _follows(text, i, end, classes):  # type: ignore[no-untyped-def]
    """Whether the first character from `i` on that isn't dropped is a FOLLOWER."""
    while i < end:
        if text[i] < 0x80:
            kind = classes[text[i]]
            i += 1
        else:
            point, i = decode_at(text, i)
            kind = classes[point]
        if (kind & DROPPED) == 0:
            return (kind & FOLLOWER) != 0
    return False


@kernel()
def normalize_spaces(text, i, end, classes, prepended, out):  # type: ignore[no-untyped-def]
    """Writes the text `text[i:end]`, normalized, to `out`; returns its bytes, at most `2 * (end - i) + 1`.

    `text`, `classes` and `out` are pointers."""
    n = 0
    if prepended:
        out[0] = 32
        n = 1
    first = n
    while i < end:
        b = text[i]
        if b < 0x80:
            kind = classes[b]
            i += 1
            if (kind & (DROPPED | LEADING)) == 0:
                out[n] = b
                n += 1
                continue
            if (kind & DROPPED) != 0:
                continue
            out[n] = b
            n += 1
        else:
            at = i
            point, i = decode_at(text, i)
            kind = classes[point]
            if (kind & DROPPED) != 0:
                continue
            if (kind & MARKED) != 0:
                out[n] = 32
                n += 1
                continue
            while at < i:
                out[n] = text[at]
                n += 1
                at += 1
        if (kind & LEADING) != 0 and _follows(text, i, end, classes):
            out[n] = 32
            n += 1
    if n == first:
        return 0
    return n
