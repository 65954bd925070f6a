"""E-mail addresses in ASCII, exactly as `recognizers.email.find` tells them, compiled.

Nearly every e-mail window of real text holds an address, and nearly all are ASCII; so this one kind is decided here.
What isn't ASCII where the recognizer looks, and the few rules that go by lists of words, are left to it.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import kernel

NO, YES, ASK = 0, 1, 2
"""No address; an address; the recognizer must tell."""

_LOCAL_LIMIT = 64
_LABEL_LIMIT = 63
_DOMAIN_LIMIT = 255
_LABELS = 8
_ACCOUNT_LIMIT = 9
"""Bytes of the longest name of an account of a repository ("anonymous")."""


@kernel()
def is_letter(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is an ASCII letter."""
    return 97 <= (byte | 32) <= 122


@kernel()
def is_digit(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is an ASCII digit."""
    return 48 <= byte <= 57


@kernel()
def _top_end(data, at, hi, classes):  # type: ignore[no-untyped-def]
    """One past the top-level domain that begins at `at`; -1: there is none; -2: the recognizer must tell."""
    end = at
    if hi - at > 4 and data[at] | 32 == 120 and data[at + 1] | 32 == 110 and data[at + 2] == 45 and data[at + 3] == 45:
        end = at + 4
        while end < hi and end - at < 63 and data[end] < 128 and (classes[data[end]] & 2) != 0 and data[end] != 46:
            end += 1
        if end < hi and data[end] >= 128:
            return -2
        if end - at >= 6:
            return end
        end = at
    while end < hi and end - at < 63 and is_letter(data[end]):
        end += 1
    if end < hi and data[end] >= 128:
        return -2
    if end - at < 2 or (end < hi and (classes[data[end]] & 16) != 0):
        return -1
    return end


@kernel()
def _numeric(data, at, end):  # type: ignore[no-untyped-def]
    """Whether a domain begins like a version ("1.3.x") or a scale ("2x.")."""
    i = at
    while i < end and is_digit(data[i]):
        i += 1
    if i == at:
        return False
    digits = i - at
    if i < end and data[i] == 46:
        i += 1
        second = i
        while i < end and is_digit(data[i]):
            i += 1
        if i > second and (i == end or data[i] == 46):
            return True
        if digits != 1 or i - second != 1:
            return False
    return digits == 1 and i + 1 < end and data[i] | 32 == 120 and data[i + 1] == 46


@kernel()
def among(packed, words):  # type: ignore[no-untyped-def]
    """Whether a packed word is one of `words`."""
    found = False
    for word in words:
        found = found or word == packed
    return found


@kernel()
def _ends_so(data, at, end, endings):  # type: ignore[no-untyped-def]
    """Whether a top-level domain is one of the `endings` of file names, packed."""
    if end - at > 8:
        return False
    packed = np.uint64(0)
    for i in range(at, end):
        packed = (packed << np.uint64(8)) | np.uint64(data[i] | 32)
    return among(packed, endings)


@kernel()
def _after_scheme(data, lo, first):  # type: ignore[no-untyped-def]
    """Whether "://" stands before `first` with nothing between that ends the user of a URL; YES, NO or ASK."""
    i = first
    while i > lo and first - i < _LOCAL_LIMIT:
        i -= 1
        byte = data[i]
        if byte >= 128:
            return ASK
        if byte == 47:
            near = first - i <= _LOCAL_LIMIT - 2 and i - 2 >= lo
            return YES if near and data[i - 1] == 47 and data[i - 2] == 58 else NO
        if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 or byte == 63 or byte == 35:
            return NO
    return NO


@kernel()
def address(data, lo, hi, at, classes, endings, tops):  # type: ignore[no-untyped-def]
    """YES, NO or ASK for the '@' at `at` of the text data[lo:hi], and the address' first and one past its last byte.

    `tops` is scratch: 8 int64.
    """
    start = at
    while start > lo and at - start <= _LOCAL_LIMIT:
        if data[start - 1] >= 128:
            return ASK, start, at
        if (classes[data[start - 1]] & 1) == 0:
            break
        start -= 1
    first = start
    while first < at and (classes[data[first]] & 16) == 0:
        first += 1
    before = data[at - 1]
    if first == at or at - start > _LOCAL_LIMIT or before == 46 or before == 39 or before == 38 or before == 126:
        return NO, first, at
    for i in range(first, at - 1):
        if data[i] == 46 and data[i + 1] == 46:
            return NO, first, at

    labels = 0
    i = at + 1
    while labels < _LABELS:
        label = i
        while i < hi and data[i] < 128 and (classes[data[i]] & 2) != 0 and data[i] != 46:
            i += 1
        if i < hi and data[i] >= 128:
            return ASK, first, i
        hyphen = i > label and (data[label] == 45 or data[i - 1] == 45)
        if hyphen or not 0 < i - label <= _LABEL_LIMIT or i == hi or data[i] != 46:
            break
        i += 1
        tops[labels] = i
        labels += 1
    end = np.int64(-1)
    while labels > 0 and end == -1:
        labels -= 1
        end = _top_end(data, tops[labels], hi, classes)
    if end == -2:
        return ASK, first, at
    if end == -1 or end - at - 1 > _DOMAIN_LIMIT:
        return NO, first, at

    if end < hi:
        if data[end] == 40:
            return NO, first, end
        if (data[end] == 58 or data[end] == 47) and at - first <= _ACCOUNT_LIMIT:
            return ASK, first, end
    if _numeric(data, at + 1, end) or _ends_so(data, tops[labels], end, endings):
        return NO, first, end
    scheme = _after_scheme(data, lo, first)
    if scheme != NO:
        return (ASK if scheme == ASK else NO), first, end
    return YES, first, end
