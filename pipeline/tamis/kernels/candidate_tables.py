"""Character classes of the candidate scan for personal data, as tables indexed by byte or code point.

The loops of `candidates` write the bits as plain numbers; here they have names.
"""

from __future__ import annotations

import functools
import re

import numpy as np
import numpy.typing as npt

EMAIL, PHONE, IP, IBAN, CARD = 1, 2, 4, 8, 16
"""Bits of the kinds of personal data."""

PHONE_PUNCTUATION = "-‐-―−ー－-／ \u00a0\u00ad\u200b\u2060\u3000()（）［］.\\[\\]/⁓∼"
"""Regex class of what may stand between two digits of a phone number (ITU-T E.123 and common practice)."""
PHONE_JOINTS = PHONE_PUNCTUATION + "xX~～"
"""The same with what may stand there, too, but can also mark an extension."""
_LEAD = "(\\[（［+＋"
_EXTENSION = "extnsioóaдобｅｘｔｎｉ\u0301#＃~～;"
_EXTENSION_GAP = " \\t,:.．="
_SIZE = 0x20000
"""No decimal digit and no phone punctuation lies beyond the supplementary multilingual plane."""

# Bits of a code point: a decimal digit; a joint; a bracket or plus in front; a plus; part of an extension's
# mark; anything that may stand between a number and its extension.
_DIGIT, _JOINT, _LEADING, _PLUS, _EXT, _GAP = 1, 2, 4, 8, 16, 32
# What the scan does at a byte; 0: it goes on.
_AT, _COLON, _NUMERAL, _WIDE = 1, 2, 3, 4
# Bits of a byte: in an e-mail's local part, in its domain, in an IPv6 address, a capital, a letter or digit.
_LOCAL, _DOMAIN, _HEX, _UPPER, _ALNUM = 1, 2, 4, 8, 16


@functools.cache
def char_table() -> npt.NDArray[np.uint8]:
    """Bits of every code point below `_SIZE`, built with the regular expressions that define the classes."""
    table = np.zeros(_SIZE, np.uint8)
    points = [p for p in range(_SIZE) if not 0xD800 <= p < 0xE000]
    every = "".join(map(chr, points))
    for bit, pattern in (
        (_DIGIT, r"\d"),
        (_JOINT, f"[{PHONE_JOINTS}]"),
        (_LEADING, f"[{_LEAD}]"),
        (_PLUS, "[+＋]"),
        (_EXT, f"[{_EXTENSION}x]"),
        (_GAP, f"[{PHONE_JOINTS}{_EXTENSION}{_EXTENSION_GAP}]"),
    ):
        for match in re.finditer(pattern, every, re.IGNORECASE):
            table[points[match.start()]] |= bit
    table.flags.writeable = False
    return table


@functools.cache
def byte_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """What makes the scan stop at a byte, and the ASCII classes; bytes of wider characters are letters."""
    trigger = np.zeros(256, np.uint8)
    classes = np.zeros(256, np.uint8)
    trigger[ord("@")], trigger[ord(":")] = _AT, _COLON
    trigger[ord("0") : ord("9") + 1] = _NUMERAL
    for point in np.flatnonzero(char_table() & _DIGIT).tolist():
        if point >= 128:
            trigger[chr(point).encode()[0]] = _WIDE
    for byte in range(128):
        char = chr(byte)
        bits = _ALNUM | _LOCAL | _DOMAIN if char.isalnum() else 0
        bits |= _LOCAL if char in "._+%'&~-" else 0
        bits |= _DOMAIN if char in ".-" else 0
        bits |= _HEX if char in "0123456789abcdefABCDEF:." else 0
        bits |= _UPPER if "A" <= char <= "Z" else 0
        classes[byte] = bits
    classes[128:] = _LOCAL | _DOMAIN | _ALNUM
    trigger.flags.writeable = classes.flags.writeable = False
    return trigger, classes
