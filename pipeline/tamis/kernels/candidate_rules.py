"""The recognizers' own refusals, compiled: windows in which a recognizer would find nothing never reach it.

A rule here is one that the recognizer of the kind applies, too, or follows from one: a window goes only when every
value it could hold is refused. What a rule can't tell (other scripts than ASCII nearby, an extension, a '+') stays.
So the recognizers find the same with these rules as without. Another engine's recognizers have other rules: these
are for `tamis.recognizers` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import text_buffers
from tamis.kernels.candidate_emails import NO, YES, address, is_digit, is_letter
from tamis.kernels.candidate_phones import GROUPS, phone_possible
from tamis.kernels.candidate_tables import byte_tables
from tamis.kernels.candidate_windows import Candidates
from tamis.kernels.jit import kernel

_IPV6_CHARS = 45
_ADDRESS_BYTES = 24
"""Bytes in front of an IPv4 address in which a word that announces it may stand, as far as it can be told here."""


@kernel()
def _luhn(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the digits in data[start:end] pass as a card's: an issuer's first digit, the check digit."""
    if not 50 <= data[start] <= 54:
        return False
    total = 0
    twice = False
    for i in range(end - 1, start - 1, -1):
        if is_digit(data[i]):
            value = int(data[i]) - 48
            if twice:
                value += value if value < 5 else value - 9
            twice = not twice
            total += value
    return total % 10 == 0


@kernel()
def _run_end(data, at, end):  # type: ignore[no-untyped-def]
    """One past the digits behind the separator at `at`, or `at` if there are none."""
    if at >= end or (data[at] != 32 and data[at] != 45):
        return at
    i = at + 1
    while i < end and is_digit(data[i]):
        i += 1
    return i if i > at + 1 else at


@kernel()
def _card_possible(data, start, end):  # type: ignore[no-untyped-def]
    """Whether a block of 14 to 19 digits or groups as on cards in data[start:end] pass `_luhn`."""
    i = start
    while i < end:
        if data[i] >= 128:
            return True  # other separators
        if not is_digit(data[i]):
            i += 1
            continue
        one = i
        while i < end and is_digit(data[i]):
            i += 1
        if i - one >= 14 and _luhn(data, one, i):
            return True
        if i - one == 4:
            two = _run_end(data, i, end)
            three = _run_end(data, two, end) if two > i else two
            if two - i == 7 and 5 <= three - two <= 6 and _luhn(data, one, three):
                return True
            if two - i == 5 and three - two == 5:
                four = _run_end(data, three, end)
                if four - three == 5:
                    five = _run_end(data, four, end)
                    if _luhn(data, one, four) or (five - four == 4 and _luhn(data, one, five)):
                        return True
    return False


@kernel()
def _public(a, b, private):  # type: ignore[no-untyped-def]
    """Whether an IPv4 address that begins a.b. can count; `private`: or be one that isn't routed."""
    if a == 0 or a == 127 or a >= 224:
        return False
    unrouted = (
        a == 10
        or (a == 172 and 16 <= b <= 31)
        or (a == 192 and b == 168)
        or (a == 100 and 64 <= b <= 127)
        or (a == 169 and b == 254)
    )
    return private or not unrouted


@kernel()
def _quad_counts(data, lo, hi, at, private):  # type: ignore[no-untyped-def]
    """Whether the four dotted numbers that begin at `at`, if there are four, may be an address."""
    first, second, largest = 0, 0, 0
    i = at
    for octet in range(4):
        if octet > 0:
            if i >= hi or data[i] != 46:
                return False
            i += 1
        begin = i
        value = 0
        while i < hi and i - begin < 4 and is_digit(data[i]):
            value = value * 10 + int(data[i]) - 48
            i += 1
        if i == begin or i - begin > 3 or value > 255 or (i - begin > 1 and data[begin] == 48):
            return False
        largest = max(largest, value)
        if octet == 0:
            first = value
        elif octet == 1:
            second = value
    after = data[i] if i < hi else np.uint8(32)
    if is_letter(after) or after == 95 or after == 43:
        return False
    if i + 1 < hi and ((after == 46 and is_digit(data[i + 1])) or (after == 45 and is_letter(data[i + 1]))):
        return False
    if not _public(first, second, private):
        return False
    if largest > 50 or after == 58 or after == 47 or after == 93:
        return True
    # So small numbers need a word such as "ip" before them, or "://", '@' or '['.
    for k in range(max(lo, at - _ADDRESS_BYTES), at):
        byte = data[k]
        if byte >= 128 or is_letter(byte) or byte == 47 or byte == 64 or byte == 91:
            return True
    return False


@kernel()
def _ip_possible(data, lo, hi, start, end, classes, private):  # type: ignore[no-untyped-def]
    """Whether data[start:end] may hold the beginning of an IP address that counts."""
    colons = 0
    for i in range(start, end):
        if data[i] == 58:
            return True
    i = end
    while i < hi and i - end < _IPV6_CHARS and data[i] < 128 and (classes[data[i]] & 4) != 0:
        colons += data[i] == 58
        i += 1
    if colons >= 2:
        return True
    for i in range(start, end):
        if not is_digit(data[i]):
            continue
        if i > lo:
            before = data[i - 1]
            if before == 46 or before == 95 or (before < 128 and (classes[before] & 16) != 0):
                continue
        if _quad_counts(data, lo, hi, i, private):
            return True
    return False


@kernel()
def _sift(  # type: ignore[no-untyped-def]
    data, offsets, rows, kinds, starts, ends, classes, endings, words, private, emails_settled, begins, stops
):
    """Takes the bits out of `kinds` whose recognizers would find nothing. E-mail addresses that are settled lose
    the bit, too, if `emails_settled`: their bytes go to `begins` and `stops`, where others have -1.
    """
    tops = np.empty(8, np.int64)
    froms, sizes = np.empty(GROUPS, np.int64), np.empty(GROUPS, np.int64)
    for k in range(len(rows)):
        lo, hi = offsets[rows[k]], offsets[rows[k] + 1]
        start, end = lo + starts[k], lo + ends[k]
        begins[k] = -1
        kind = kinds[k]
        if (kind & 1) != 0:
            at = start
            while data[at] != 64:
                at += 1
            answer, first, last = address(data, lo, hi, at, classes, endings, tops)
            if answer == NO:
                kind &= 254
            elif answer == YES and emails_settled:
                kind &= 254
                begins[k], stops[k] = first - lo, last - lo
        if (kind & 2) != 0 and not phone_possible(data, lo, start, end, words, froms, sizes):
            kind &= 253
        if (kind & 4) != 0 and not _ip_possible(data, lo, hi, start, end, classes, private):
            kind &= 251
        if (kind & 16) != 0 and not _card_possible(data, start, end):
            kind &= 239
        kinds[k] = kind


class Rules(NamedTuple):
    """What the rules go by beside the text."""

    endings: npt.NDArray[np.uint64]
    """Endings of file names, which no address has: up to 8 small letters each, `packed`."""
    called: npt.NDArray[np.uint64]
    """Words in front of a phone number, `packed`."""
    private: bool
    """Private IP addresses count, too."""
    settles_emails: bool
    """An address that is one needs no second look."""


def packed(words: Iterable[str]) -> npt.NDArray[np.uint64]:
    """The last eight bytes of every word, the last one lowest."""
    return np.array([int.from_bytes(word.encode()[-8:], "big") for word in words], np.uint64)


class Sifted(NamedTuple):
    """What is left of the windows, and the e-mail addresses that are settled, in the order of their '@'."""

    left: Candidates
    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def sift(text: pa.Array, windows: Candidates, rules: Rules) -> Sifted:
    """Windows of `scan` over `text` without the kinds that the recognizers would find nothing of."""
    data, offsets = text_buffers(text)
    kinds = windows.kinds.copy()
    begins, stops = np.empty(len(kinds), np.int64), np.empty(len(kinds), np.int64)
    _sift(
        data, offsets, windows.rows, kinds, windows.starts, windows.ends, byte_tables()[1], rules.endings, rules.called,
        rules.private, rules.settles_emails, begins, stops,
    )  # fmt: skip
    settled = begins >= 0
    left = windows._replace(kinds=kinds).where(kinds != 0)
    return Sifted(left, windows.rows[settled].astype(np.int64), begins[settled], stops[settled])
