"""Character classes of Unicode, as tables that the compiled loops index by code point."""

from __future__ import annotations

import functools
import sys
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

LETTER, DIGIT, MARK, SPACE, PUNCTUATION, SYMBOL = 1, 2, 4, 8, 16, 32
UNSPACED = 64
"""Written without spaces between words (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan): every character
counts as a word, as UAX #29 has it for ideographs."""
JOINER = 128
"""Invisible inside a word: soft hyphen, zero-width joiner and non-joiner, word joiner. UAX #29 doesn't break
a word at them (rule WB4); elsewhere they are nothing."""
WORD = LETTER | DIGIT | MARK

_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3006),  # ideographic iteration and closing marks
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x20000, 0x323AF),
)
_JOINERS = (0x00AD, 0x200C, 0x200D, 0x2060)
# Variation selectors and enclosing marks dress symbols (emoji, keycaps): they make no words.
_DRESS = (*range(0x180B, 0x1810), *range(0x20D0, 0x2100), *range(0xFE00, 0xFE10))
_MAJOR = {"L": LETTER, "N": DIGIT, "M": MARK, "Z": SPACE, "P": PUNCTUATION, "S": SYMBOL}


class CharTables(NamedTuple):
    """Tables of `sys.maxunicode + 1` entries."""

    classes: npt.NDArray[np.uint8]
    """Bits LETTER, DIGIT, MARK, SPACE, PUNCTUATION, SYMBOL, UNSPACED, JOINER."""
    lower: npt.NDArray[np.uint32]
    """Lower-case code point; characters whose lower case is longer than one keep themselves."""


@functools.cache
def char_tables() -> CharTables:
    """The tables of the running Python's Unicode version (built once per process, under 0.1 s)."""
    size = sys.maxunicode + 1
    classes = np.zeros(size, np.uint8)
    lower = np.arange(size, dtype=np.uint32)
    category = unicodedata.category
    # Planes 4 to 13 hold nothing but unassigned code points.
    for point in range(0x40000):
        char = chr(point)
        bits = _MAJOR.get(category(char)[0], 0)
        if bits:
            classes[point] = bits
            if bits == LETTER:
                folded = char.lower()
                if len(folded) == 1:
                    lower[point] = ord(folded)
    for char in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85":
        classes[ord(char)] = SPACE
    classes[list(_JOINERS)] = JOINER
    classes[list(_DRESS)] = 0
    for first, last in _UNSPACED_RANGES:
        block = classes[first : last + 1]
        block[(block & (LETTER | MARK)) != 0] |= UNSPACED
    classes.flags.writeable = lower.flags.writeable = False
    return CharTables(classes, lower)


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def decode(data, i):  # type: ignore[no-untyped-def]
    """Code point at byte `i` of valid UTF-8, and the position of the next one."""
    b = np.uint32(data[i])
    if b < 0x80:
        return b, i + 1
    if b < 0xE0:
        return ((b & np.uint32(0x1F)) << np.uint32(6)) | (np.uint32(data[i + 1]) & np.uint32(0x3F)), i + 2
    if b < 0xF0:
        return (
            ((b & np.uint32(0x0F)) << np.uint32(12))
            | ((np.uint32(data[i + 1]) & np.uint32(0x3F)) << np.uint32(6))
            | (np.uint32(data[i + 2]) & np.uint32(0x3F))
        ), i + 3
    return (
        ((b & np.uint32(0x07)) << np.uint32(18))
        | ((np.uint32(data[i + 1]) & np.uint32(0x3F)) << np.uint32(12))
        | ((np.uint32(data[i + 2]) & np.uint32(0x3F)) << np.uint32(6))
        | (np.uint32(data[i + 3]) & np.uint32(0x3F))
    ), i + 4
