"""Check digits of national identity numbers, compiled: the stretches of digits that could be one.

What passes here goes to the recognizers, which know shapes, dates, words nearby; what fails can't be a number of
any of the kinds. Numbers are told apart by their count of digits: 7 and 8 go with a letter (Spain), 9 (the
Netherlands, Portugal), 10 (Polish tax number), 11 (Germany, Belgium, Poland), 15 (France).
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.candidate_emails import is_digit, is_letter
from tamis.kernels.jit import kernel

_LETTERS = tuple(b"TRWAGMYFPDXBNJZSQVHLCKE")
DIGITS = 15
"""Digits of the longest number."""


@kernel()
def separator(data, at, hi):  # type: ignore[no-untyped-def]
    """Bytes of the separator at `at`: space (no-break and narrow ones, too), dot, hyphen or slash; 0: there is none."""
    if at >= hi:
        return 0
    byte = data[at]
    if byte == 32 or byte == 46 or byte == 45 or byte == 47:
        return 1
    if byte == 0xC2 and at + 1 < hi and data[at + 1] == 0xA0:
        return 2
    if byte == 0xE2 and at + 2 < hi and data[at + 1] == 0x80 and data[at + 2] == 0xAF:
        return 3
    return 0


@kernel()
def _number(digits, begin, end):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(begin, end):
        value = value * 10 + digits[k]
    return value


@kernel()
def _nine_pass(digits):  # type: ignore[no-untyped-def]
    """Dutch burgerservicenummer (weights 9 to 2 and -1) or Portuguese NIF (weights 9 to 2, 11 minus the rest)."""
    total = 0
    for k in range(8):
        total += digits[k] * (9 - k)
    rest = total % 11
    return rest == digits[8] or (0 if rest < 2 else 11 - rest) == digits[8]


@kernel()
def _ten_pass(digits):  # type: ignore[no-untyped-def]
    """Polish NIP: weights 6 5 7 2 3 4 5 6 7, modulo 11."""
    total = digits[0] * 6 + digits[1] * 5 + digits[2] * 7
    for k in range(3, 9):
        total += digits[k] * (k - 1)
    return total % 11 == digits[9]


@kernel()
def _eleven_pass(digits):  # type: ignore[no-untyped-def]
    """German Steuer-ID (ISO 7064 MOD 11,10), Polish PESEL (weights 1 3 7 9) or Belgian number (modulo 97)."""
    product, total = 10, 0
    for k in range(10):
        step = (digits[k] + product) % 10
        product = (10 if step == 0 else step) * 2 % 11
        total += digits[k] * (1 if k % 4 == 0 else (3 if k % 4 == 1 else (7 if k % 4 == 2 else 9)))
    if (11 - product) % 10 == digits[10] or (total + digits[10]) % 10 == 0:
        return True
    nine, check = _number(digits, 0, 9), _number(digits, 9, 11)
    return 97 - nine % 97 == check or 97 - (2_000_000_000 + nine) % 97 == check


@kernel()
def number_end(data, start, hi, digits):  # type: ignore[no-untyped-def]
    """One past the shortest stretch from `start`, a digit, that passes the check of some kind; -1: none does.

    `digits` is scratch: `DIGITS` int64.
    """
    count = 0
    at = start
    corsican = False
    while True:
        while at < hi and count < DIGITS and is_digit(data[at]):
            digits[count] = np.int64(data[at]) - 48
            count += 1
            at += 1
        if at < hi and is_digit(data[at]):
            return -1
        passed = (
            (count == 9 and _nine_pass(digits))
            or (count == 10 and _ten_pass(digits))
            or (count == 11 and _eleven_pass(digits))
            or (count == 15 and (corsican or 97 - _number(digits, 0, 13) % 97 == _number(digits, 13, 15)))
        )
        if passed:
            return at
        gap = separator(data, at, hi)
        if count == 8 and at + gap < hi and data[at + gap] & 0xDF == _LETTERS[_number(digits, 0, 8) % 23]:
            return at
        if count >= DIGITS:
            return -1
        if count == 6 and at < hi and not corsican and (data[at] | 32 == 97 or data[at] | 32 == 98):
            # The Corsican departments 2A and 2B.
            corsican = True
            digits[count] = 0
            count += 1
            at += 1
            gap = separator(data, at, hi)
        at += gap
        if at >= hi or not is_digit(data[at]) or (gap == 0 and not corsican):
            return -1


@kernel()
def fiscal_start(data, lo, hi, start, end):  # type: ignore[no-untyped-def]
    """Where an Italian codice fiscale may begin that has its first digits in data[start:end]; -1: there is none."""
    first, last = start, end
    while first > lo and start - first < 16 and (is_letter(data[first - 1]) or is_digit(data[first - 1])):
        first -= 1
    while last < hi and last - first < 17 and (is_letter(data[last]) or is_digit(data[last])):
        last += 1
    if last - first == 16:
        for k in range(first, first + 6):
            if not is_letter(data[k]):
                return -1
        return first if is_letter(data[last - 1]) else -1
    # As printed on forms: RSS MRA 85T10 A562S.
    printed = last - first == 5 and end - start == 2 and first == start and is_letter(data[start + 2])
    if printed and start - 4 >= lo and separator(data, start - 1, hi) > 0 and is_letter(data[start - 2]):
        return max(lo, start - 8)
    return -1
