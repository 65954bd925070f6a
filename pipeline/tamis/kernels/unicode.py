"""Character classes of Unicode, as tables that the compiled loops index by code point."""

from __future__ import annotations

import functools
import sys
import unicodedata
from itertools import compress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.jit import kernel

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
SENTENCE_END, LOWER, DECIMAL, CLOSING = 1, 2, 4, 8
_SENTENCE_ENDS = """
21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d6
17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b4e-1b4f 1b5a-1b5b 1b5e-1b5f 1b7d-1b7f 1c3b-1c3c 1c7e-1c7f 2024
203c-203d 2047-2049 2cf9-2cfb 2e2e 2e3c 2e53-2e54 2e60-2e61 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf
a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe12 fe15-fe16 fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57
10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df 11238-11239
1123b-1123c 112a9 113d4-113d5 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e 11944 11946
11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44 16d6e-16d6f
16e98 1bc9f 1da88
"""
"""Code points and ranges of them: property Sentence_Terminal of Unicode 17, which Python's tables lack, and three Khmer
signs (U+17D6, U+17D9, U+17DA) that close a text or a part of it."""
BLOCKS = ((0x3400, 0x4DB6), (0x4E00, 0x9FA6), (0xAC00, 0xD7A4), (0x20000, 0x2A6D7))
"""Han and Hangul since Unicode 3.1, from first to one past last: letters all (Lo), without case, marks, pairs."""
_OTHERS = ((0, 0x3400), (0x4DB6, 0x4E00), (0x9FA6, 0xAC00), (0xD7A4, 0xD800), (0xF900, 0x20000), (0x2A6D7, 0x34000))
POINTS = np.concatenate([np.arange(*others, dtype=np.uint32) for others in _OTHERS])
"""The other code points that are or may be letters, marks, symbols, ...: left out are surrogates, private use, and
what lies behind the Han of plane 3, where later planes hold tags and variation selectors alone."""
_MAJOR = {"L": LETTER, "N": DIGIT, "M": MARK, "Z": SPACE, "P": PUNCTUATION, "S": SYMBOL}


class CharTables(NamedTuple):
    """Tables of `sys.maxunicode + 1` entries."""

    classes: npt.NDArray[np.uint8]
    """Bits LETTER, DIGIT, MARK, SPACE, PUNCTUATION, SYMBOL, UNSPACED, JOINER."""
    lower: npt.NDArray[np.uint32]
    """Lower-case code point; characters whose lower case is longer than one keep themselves."""


@functools.cache
def char_tables() -> CharTables:
    """The tables of the running Python's Unicode version (built once per process, in some 15 ms)."""
    size = sys.maxunicode + 1
    classes = np.zeros(size, np.uint8)
    lower = np.arange(size, dtype=np.uint32)
    names = categories(POINTS)
    for major, bits in _MAJOR.items():
        classes[POINTS[names[:, 0] == ord(major)]] = bits
    for first, stop in BLOCKS:
        classes[first:stop] = LETTER
    # Other letters (Lo), which most letters are, have no case.
    for point in POINTS[(names[:, 0] == ord("L")) & (names[:, 1] != ord("o"))].tolist():
        folded = chr(point).lower()
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


@functools.cache
def sentence_table() -> npt.NDArray[np.uint8]:
    """What sentences are told by, an entry for each code point: bits SENTENCE_END, LOWER (Ll), DECIMAL (Nd), CLOSING
    (quotes and brackets that may stand behind a sentence: Pe, Pf, Pi, `"`, `'`)."""
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    names = categories(POINTS)
    majors, minors = names[:, 0], names[:, 1]
    table[POINTS[(majors == ord("L")) & (minors == ord("l"))]] = LOWER
    table[POINTS[(majors == ord("N")) & (minors == ord("d"))]] = DECIMAL
    closing = (majors == ord("P")) & np.isin(minors, [ord("e"), ord("f"), ord("i")])
    table[POINTS[closing]] = CLOSING
    table[[ord('"'), ord("'")]] = CLOSING
    for entry in _SENTENCE_ENDS.split():
        first, _, last = entry.partition("-")
        table[int(first, 16) : int(last or first, 16) + 1] |= SENTENCE_END
    table.flags.writeable = False
    return table


# Maps, not loops: a process that handles a few documents would feel the loops.


def _chars(points: npt.NDArray[np.uint32]) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le")


def categories(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """General categories of code points, a row of two letters each."""
    names = "".join(map(unicodedata.category, _chars(points)))
    return np.frombuffer(names.encode(), np.uint8).reshape(-1, 2)


class Composition(NamedTuple):
    """What the quick check for normal form C (UAX #15) knows of `POINTS`; any other code point is inert."""

    combining: npt.NDArray[np.uint8]
    """Canonical combining class of each of `POINTS`."""
    uncertain: list[int]
    """Code points that form C replaces, and those that may merge with what stands before them."""


@functools.cache
def composition() -> Composition:
    """By the running Python's Unicode version."""
    chars = _chars(POINTS)
    combining = np.frombuffer(bytes(map(unicodedata.combining, chars)), np.uint8)
    # Hangul vowels and finals merge by rule.
    uncertain = [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]
    pairs = list(map(unicodedata.decomposition, chars))
    for char, pair in compress(zip(chars, pairs, strict=True), pairs):
        if pair[0] == "<":
            continue
        if not unicodedata.is_normalized("NFC", char):
            uncertain.append(ord(char))
        elif " " in pair:
            uncertain.append(int(pair.split()[1], 16))
    return Composition(combining, uncertain)


@kernel(inline="always")
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
