"""The rules by which `recognizers.phone` refuses numbers whatever their plan says, compiled.

Every run of digit groups of a stretch is tried here, which is every part of it that the recognizer tries and more.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.candidate_emails import among, is_digit, is_letter
from tamis.kernels.jit import kernel

GROUPS = 32
"""Groups of digits beyond which a stretch is left to the recognizer."""
_MIN_PHONE, _MAX_PHONE = 8, 20
_LOOKBACK = 24
"""Characters before a number in which a word that announces it may stand."""
_CALLED_GAP = 6
_SYMBOL_GAP = 20
"""Bytes that a symbol such as a telephone and what may stand behind it have."""


@kernel()
def _maybe_called(data, lo, at, words):  # type: ignore[no-untyped-def]
    """Whether the last word before `at` announces a phone number, ends as such a word, or isn't ASCII."""
    low = max(lo, at - _LOOKBACK)
    i = at
    while i > low and not (is_letter(data[i - 1]) or is_digit(data[i - 1]) or data[i - 1] == 95):
        i -= 1
        if data[i] >= 128:
            return True
        if data[i] == 10:
            wide = False
            for k in range(max(lo, at - _SYMBOL_GAP), i):
                wide = wide or data[k] >= 128
            return wide
        if at - i > _CALLED_GAP:
            return False
    packed = np.uint64(0)
    shift = np.uint64(0)
    while i > low and shift < 64 and (is_letter(data[i - 1]) or is_digit(data[i - 1]) or data[i - 1] == 95):
        i -= 1
        packed |= np.uint64(data[i] | 32) << shift
        shift += np.uint64(8)
    return (i > low and data[i - 1] >= 128) or among(packed, words)


@kernel()
def _part_of_more(data, lo, at):  # type: ignore[no-untyped-def]
    """Whether what stands before `at` makes a number there the rest of something longer."""
    if at == lo:
        return False
    before = data[at - 1]
    if is_letter(before) or is_digit(before) or before == 95 or before == 45:
        return True
    if at - 1 == lo:
        return False
    other = data[at - 2]
    if before == 47:
        return is_letter(other)
    return (before == 46 or before == 44 or before == 58) and is_digit(other)


@kernel()
def _value(data, start, size):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for i in range(start, start + size):
        value = value * 10 + np.int64(data[i]) - 48
    return value


@kernel()
def _is_date(data, froms, sizes, k):  # type: ignore[no-untyped-def]
    """Whether the groups k, k + 1, k + 2 are day, month and year in one of the usual orders."""
    one, two, three = froms[k], froms[k + 1], froms[k + 2]
    if two - one - sizes[k] != 1 or three - two - sizes[k + 1] != 1 or sizes[k + 1] > 2:
        return False
    gap, other = data[two - 1], data[three - 1]
    for byte in (gap, other):
        if byte != 45 and byte != 46 and byte != 47 and byte != 32:
            return False
    middle = _value(data, two, sizes[k + 1])
    if sizes[k] == 4:
        if not 1900 <= _value(data, one, 4) <= 2099 or not 1 <= middle <= 12:
            return False
        if sizes[k + 2] <= 2 and 1 <= _value(data, three, sizes[k + 2]) <= 31:
            return True
        return (gap == 45 or gap == 47) and other == 47
    if sizes[k] > 2 or sizes[k + 2] != 4 or not 1900 <= _value(data, three, 4) <= 2099:
        return False
    outer = _value(data, one, sizes[k])
    if 1 <= outer <= 31 and 1 <= middle <= 12:
        return True
    return 1 <= outer <= 12 and 1 <= middle <= 31 and gap != 32 and other != 32


@kernel()
def _day_stamp(data, at):  # type: ignore[no-untyped-def]
    """Whether eight digits are year, month and day."""
    stamp = _value(data, at, 8)
    return 1900 <= stamp // 10000 <= 2099 and 1 <= stamp // 100 % 100 <= 12 and 1 <= stamp % 100 <= 31


@kernel()
def _marks_extension(data, begin, end):  # type: ignore[no-untyped-def]
    """Whether the digits behind the gap data[begin:end] are an extension; -1: none of the tests here can tell."""
    mark = -1
    for k in range(begin, end):
        byte = data[k]
        if byte == 59 or byte == 61:
            return -1
        if is_letter(byte) or byte == 35 or byte == 126:
            mark = k
    if mark < 0:
        return 0
    tail = mark + 1
    if tail < end and (data[tail] == 58 or data[tail] == 46):
        tail += 1
    for k in range(tail, end):
        byte = data[k]
        if byte != 32 and byte != 44 and byte != 45 and byte != 9:
            return 0
    return 1


@kernel()
def _number_possible(data, i, groups, called, froms, sizes):  # type: ignore[no-untyped-def]
    """Whether a phone number may begin with the first digit of group i."""
    total, ones, brackets, half, minus, stamp, date = 0, 0, 0, False, False, False, False
    dotted, decimals, points, after_point, short, thousands = True, True, 0, False, True, sizes[i] <= 3
    for j in range(i, groups):
        if j > i:
            begin, end = froms[j - 1] + sizes[j - 1], froms[j]
            for k in range(begin, end):
                byte = data[k]
                if byte == 40 or byte == 91:
                    brackets += 1
                elif byte == 41 or byte == 93:
                    half = half or brackets == 0
                    brackets += 1
            point = end - begin == 1 and data[begin] == 46
            space = end - begin == 1 and data[begin] == 32
            dotted = dotted and point
            decimals = decimals and (space or (point and not after_point))
            points += point
            after_point = point
            minus = minus or (end - begin >= 2 and data[end - 1] == 45 and data[end - 2] == 32)
            thousands = thousands and sizes[j] == 3
        total += sizes[j]
        ones += sizes[j] == 1
        short = short and sizes[j] <= 3
        stamp = stamp or (sizes[j] == 8 and _day_stamp(data, froms[j]))
        date = date or (j >= i + 2 and _is_date(data, froms, sizes, j - 2))
        if total > _MAX_PHONE:
            break
        if total < _MIN_PHONE:
            continue
        extension = _marks_extension(data, froms[j - 1] + sizes[j - 1], froms[j]) if j > i else 0
        if extension == 1 and total - sizes[j] < _MIN_PHONE:
            continue
        if extension != 0:
            return True
        if date or (dotted and short and j == i + 3):
            continue
        if called:
            return True
        plain = (j == i and data[froms[i]] != 48) or stamp or minus or half or (ones > 1 and brackets == 0)
        if not plain and not (j > i and dotted and thousands) and not (decimals and points > 0):
            return True
    return False


@kernel()
def phone_possible(data, lo, start, end, words, froms, sizes):  # type: ignore[no-untyped-def]
    """Whether a part of the stretch data[start:end] may be a phone number by the rules that need no plan."""
    for i in range(max(lo, start - 1), end):
        if data[i] >= 128 or data[i] == 43:
            return True
    groups = 0
    i = start
    while i < end:
        if not is_digit(data[i]):
            i += 1
            continue
        if groups == len(froms):
            return True
        froms[groups] = i
        while i < end and is_digit(data[i]):
            i += 1
        sizes[groups] = i - froms[groups]
        groups += 1
    for i in range(groups):
        total = 0
        for j in range(i, groups):
            total += sizes[j]
            if total >= _MIN_PHONE:
                break
        if not _MIN_PHONE <= total <= _MAX_PHONE:
            continue
        first = froms[i]
        gap = start if i == 0 else froms[i - 1] + sizes[i - 1]
        opened = False
        for k in range(gap, first):
            opened = opened or data[k] == 40 or data[k] == 91
        if opened:
            # A bracket that is closed belongs to the number.
            for k in range(gap, end):
                if data[k] == 41 or data[k] == 93:
                    return True
        called = _maybe_called(data, lo, first, words)
        if not called and _part_of_more(data, lo, first):
            continue
        if _number_possible(data, i, groups, called, froms, sizes):
            return True
    return False
