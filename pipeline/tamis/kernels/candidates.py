"""The candidate scan of personal data: where in a text could there be an e-mail address, a phone number, ...

One compiled pass over the bytes finds *windows*, cheaply and without ever missing one; the exact recognizers
(`tamis.recognizers`) then look at the windows alone. A text without personal data costs this pass and
nothing else.

A window is a maximal stretch of what the kind can be written with, so that a recognizer finds in the window
exactly what it would find there in the whole text:

    EMAIL  around an '@': what a local part and a domain may hold; a dot in the domain
    PHONE  digits with up to four characters of phone punctuation between them, opening brackets or '+' in
           front, at least 8 digits from some group on; what an extension ("ext. 12") links stays together
    CARD   the same stretch, holding one block of 14 to 19 digits, or groups 4-4-4-4, 4-6-4 or 4-6-5
    IP     the same stretch, holding four groups of 1 to 3 digits with dots between; or hexadecimal digits
           with colons in the shape of an IPv6 address
    IBAN   two capital letters and two digits, then as many capitals and digits as the country's IBANs have
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import text_buffers
from tamis.kernels.candidate_tables import CARD, EMAIL, IBAN, IP, PHONE, byte_tables, char_table
from tamis.kernels.candidate_windows import Candidates, Parts
from tamis.kernels.jit import kernel
from tamis.kernels.simd import LANES, pointer, range_mask, trailing_zeros
from tamis.kernels.unicode import decode

__all__ = ["CARD", "EMAIL", "IBAN", "IP", "PHONE", "Candidates", "scan"]

_MIN_PHONE, _MAX_PHONE = 8, 20
_MAX_GAP = 64
_CALLED_BYTES = 20
_LOCAL_BYTES = 65 * 4
_DOMAIN_BYTES = 256 * 4
_IPV6_CHARS = 45


@kernel()
def _char(data, i, chars):  # type: ignore[no-untyped-def]
    """Classes of the character at byte `i`, and the position of the next one."""
    point, after = decode(data, i)
    if point >= np.uint32(len(chars)):
        return np.uint8(0), after
    return chars[point], after


@kernel()
def _iban_end(data, start, hi, length, classes):  # type: ignore[no-untyped-def]
    """One past an IBAN-shaped stretch of `length` characters from `start`, or -1."""
    i = start
    count = 0
    while i < hi:
        b = data[i]
        if b < 128 and (classes[b] & 16) != 0 and b < 97:  # ALNUM, not a small letter
            count += 1
            i += 1
            if count == length:
                if i < hi and data[i] < 128 and (classes[data[i]] & 16) != 0:
                    return -1
                return i
            continue
        if count == 0 or data[i - 1] == 32 or data[i - 1] == 45 or data[i - 1] >= 128:
            return -1  # two separators
        if b == 32 or b == 45:
            i += 1
        elif b == 0xC2 and i + 1 < hi and data[i + 1] == 0xA0:
            i += 2
        elif b == 0xE2 and i + 2 < hi and data[i + 1] == 0x80 and data[i + 2] == 0xAF:
            i += 3
        else:
            return -1
    return -1


@kernel()
def _ipv6_shaped(data, lo, hi):  # type: ignore[no-untyped-def]
    """Whether data[lo:hi], hexadecimal digits, dots and colons, could hold an IPv6 address."""
    colons = 0
    double = False
    digits = 0
    for i in range(lo, hi):
        if data[i] == 58:
            colons += 1
            if i > lo and data[i - 1] == 58:
                double = True
        elif data[i] != 46:
            digits += 1
    return digits >= 4 and colons >= 2 and (double or colons >= 6)


@kernel()
def _plain_number(data, lo, start, end):  # type: ignore[no-untyped-def]
    """Whether a stretch that has enough digits for a phone number is one of what `recognizers.phone` refuses
    and tables and logs are full of: a decimal, a block without a 0 in front, or a date and little more.
    """
    i = start
    while i < end and 48 <= data[i] <= 57:
        i += 1
    first = i - start
    if (
        first == 4
        and end - start >= 10
        and data[start + 4] == 45
        and data[start + 7] == 45
        and (end - start == 10 or data[start + 10] < 48)
        and ((data[start] == 49 and data[start + 1] == 57) or (data[start] == 50 and data[start + 1] == 48))
    ):
        month = (data[start + 5] - 48) * 10 + data[start + 6] - 48
        day = (data[start + 8] - 48) * 10 + data[start + 9] - 48
        rest = 0
        for k in (start + 5, start + 6, start + 8, start + 9):
            if not 48 <= data[k] <= 57:
                return False
        for k in range(start + 10, end):
            if data[k] >= 48 and data[k] != 126:
                rest += 1  # a digit, or something wider that may be one
        return 1 <= month <= 12 and 1 <= day <= 31 and rest < _MIN_PHONE
    if i < end:
        if data[i] != 46 or first >= _MIN_PHONE:
            return False
        i += 1
        while i < end and 48 <= data[i] <= 57:
            i += 1
    elif data[start] == 48:
        return False
    if i < end:
        return False
    # A word such as "tel" shortly before makes a phone number of it.
    back = start - 1
    while back >= lo and start - back <= _CALLED_BYTES and data[back] != 10:
        if data[back] >= 65:
            return False
        back -= 1
    return True


@kernel()
def _stops(text, at):  # type: ignore[no-untyped-def]
    """A bit for each of 64 bytes at which `byte_tables` may make the scan stop: digits and ':', '@', first bytes of
    other scripts' digits."""
    ascii_stops = range_mask(text, at, np.uint8(48), np.uint8(11)) | range_mask(text, at, np.uint8(64), np.uint8(1))
    wide = range_mask(text, at, np.uint8(0xD9), np.uint8(9)) | range_mask(text, at, np.uint8(0xEA), np.uint8(1))
    return ascii_stops | wide | range_mask(text, at, np.uint8(0xEF), np.uint8(2))


@kernel()
def _scan(  # type: ignore[no-untyped-def]
    data, offsets, within, begins, stops, national, wanted, trigger, classes, chars, iban_lengths,
    rows, kinds, starts, ends
):  # fmt: skip
    """Fills the four output arrays as far as they reach; the number of windows there are."""
    room = len(rows)
    n = 0
    sums = np.zeros(8, np.int64)
    bytes_of, size = pointer(data), len(data)
    for part in range(len(within)):
        row = within[part]
        base = offsets[row]
        lo, hi = begins[part], stops[part]
        i = lo
        chain = lo  # where the stretches linked to the last one begin
        last = lo  # one past the last digit seen
        record = -1  # the window that the chain has, if any
        looked = lo  # colons before here are done
        while i < hi:
            what = trigger[data[i]]
            if what == 0:
                i += 1
                while i < hi and i + LANES <= size:
                    stops_here = _stops(bytes_of, i)
                    if stops_here != 0:
                        i += trailing_zeros(stops_here)
                        break
                    i += LANES
                continue
            if what == 4:  # WIDE
                bits, after = _char(data, i, chars)
                if (bits & 1) == 0:
                    i = after
                    continue
            elif what == 1:  # AT
                start, end = i, i + 1
                if (
                    (wanted & 1) != 0
                    and i > lo
                    and (classes[data[i - 1]] & 1) != 0
                    and end < hi
                    and (classes[data[end]] & 16) != 0
                ):
                    while start > lo and i - start < _LOCAL_BYTES and (classes[data[start - 1]] & 1) != 0:
                        start -= 1
                    while start < i and (data[start] & 0xC0) == 0x80:
                        start += 1
                    dot = False
                    while end < hi and end - i <= _DOMAIN_BYTES and (classes[data[end]] & 2) != 0:
                        dot = dot or data[end] == 46
                        end += 1
                    while end < hi and (data[end] & 0xC0) == 0x80:
                        end += 1
                    if dot:
                        if n < room:
                            rows[n], kinds[n], starts[n], ends[n] = row, 1, start - base, end - base
                        n += 1
                i += 1
                continue
            elif what == 2:  # COLON
                if (
                    (wanted & 4) != 0
                    and i >= looked
                    and i + 1 < hi
                    and (classes[data[i + 1]] & 4) != 0
                    and (data[i + 1] == 58 or (i > lo and (classes[data[i - 1]] & 4) != 0))
                ):
                    start, end = i, i + 1
                    while start > lo and i - start <= _IPV6_CHARS and (classes[data[start - 1]] & 4) != 0:
                        start -= 1
                    while end < hi and (classes[data[end]] & 4) != 0:
                        end += 1
                    looked = end
                    # A letter in front is part of a longer word, unless a colon parts it from the address.
                    word = start > lo and (classes[data[start - 1]] & 16) != 0
                    word = word and (data[start] != 58 or data[start + 1] == 58)
                    if not word and end - start <= _IPV6_CHARS and _ipv6_shaped(data, start, end):
                        if n < room:
                            rows[n], kinds[n], starts[n], ends[n] = row, 4, start - base, end - base
                        n += 1
                i += 1
                continue

            # A digit: the first of a stretch, for a stretch is read to its end.
            if (wanted & 8) != 0 and i - 2 >= lo and (classes[data[i - 1]] & classes[data[i - 2]] & 8) != 0:
                length = iban_lengths[(data[i - 2] - 65) * 26 + data[i - 1] - 65]
                if length != 0 and (i - 3 < lo or data[i - 3] >= 128 or (classes[data[i - 3]] & 16) == 0):
                    end = _iban_end(data, i - 2, hi, length, classes)
                    if end >= 0:
                        if n < room:
                            rows[n], kinds[n], starts[n], ends[n] = row, 8, i - 2 - base, end - base
                        n += 1

            # Brackets and '+' in front, each with up to four characters of punctuation after it.
            start = i
            plus = False
            back = i
            steps = 0
            while back > last and steps < 10:
                back -= 1
                while back > last and (data[back] & 0xC0) == 0x80:
                    back -= 1
                bits, after = _char(data, back, chars)
                if (bits & 4) != 0:
                    start = back
                    plus = plus or (bits & 8) != 0
                elif (bits & 2) == 0:
                    break
                steps += 1

            flags = 0
            waiting = 0  # sums of digits from each group on that are below the least phone number
            before1, before2, before3 = 0, 0, 0  # digits of the groups before
            dotted = 0
            dot = False
            at = i
            end = i
            while True:
                count = 0
                wide = False
                while at < hi:
                    b = data[at]
                    if 48 <= b <= 57:
                        count += 1
                        at += 1
                        continue
                    if b < 128:
                        break
                    bits, after = _char(data, at, chars)
                    if (bits & 1) == 0:
                        break
                    wide = True
                    count += 1
                    at = after
                end = at
                kept = 0
                for k in range(waiting):
                    total = sums[k] + count
                    if total < _MIN_PHONE:
                        sums[kept] = total
                        kept += 1
                    elif total <= _MAX_PHONE:
                        flags |= 2
                if count < _MIN_PHONE:
                    sums[kept] = count
                    kept += 1
                elif count <= _MAX_PHONE:
                    flags |= 2
                waiting = kept
                if not wide:
                    if (
                        14 <= count <= 19
                        or (before3 == 4 and before2 == 4 and before1 == 4 and count == 4)
                        or (before2 == 4 and before1 == 6 and 4 <= count <= 5)
                    ):
                        flags |= 16
                    if count <= 3:
                        dotted = dotted + 1 if dot else 1
                        if dotted == 4:
                            flags |= 4
                    else:
                        dotted = 0
                else:
                    dotted = 0
                before3, before2, before1 = before2, before1, count
                # Up to four characters of punctuation, then a digit, and it goes on.
                gap = 0
                while at < hi and gap < 4:
                    bits, after = _char(data, at, chars)
                    if (bits & 2) == 0:
                        break
                    gap += 1
                    at = after
                if at >= hi:
                    break
                bits, after = _char(data, at, chars)
                if (bits & 1) == 0:
                    break
                dot = gap == 1 and data[at - 1] == 46

            # An extension in between ("555 0100 ext. 12") links this stretch to the one before.
            linked = False
            if last > lo and start - last <= _MAX_GAP:
                back = last
                while back < start:
                    bits, after = _char(data, back, chars)
                    linked = linked or (bits & 16) != 0
                    if (bits & 32) == 0:
                        linked = False
                        break
                    back = after
            if not linked:
                chain = start
                record = -1
            if not plus and (not national[row] or (not linked and start == i and _plain_number(data, lo, i, end))):
                flags &= ~2
            flags &= wanted
            if record >= 0:
                if record < room:
                    ends[record] = end - base
                    kinds[record] |= flags
            elif flags != 0:
                if n < room:
                    rows[n], kinds[n], starts[n], ends[n] = row, flags, chain - base, end - base
                record = n
                n += 1
            last = end
            i = end
    return n


def scan(
    text: pa.Array,
    kinds: int,
    national: npt.NDArray[np.bool_],
    iban_lengths: npt.NDArray[np.uint8],
    within: Parts | None = None,
) -> Candidates:
    """Windows that may hold personal data.

    Args:
        text: large_string, n rows, none of them null.
        kinds: the bits of the kinds to look for.
        national: n flags; False: of phone numbers, only those with a '+' are wanted in this row.
        iban_lengths: 26 * 26 lengths of IBANs by the two letters of the country (AA, AB, ...); 0: no such
            country.
        within: whole lines to look at, instead of everything. No window goes over the end of a line.
    """
    data, offsets = text_buffers(text)
    if within is None:
        within = Parts(np.arange(len(text)), offsets[:-1], offsets[1:])
    trigger, classes = byte_tables()
    chars = char_table()
    room = 1024 + int((within.ends - within.begins).sum()) // 256
    while True:
        rows, bits = np.empty(room, np.int32), np.empty(room, np.uint8)
        starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
        count = _scan(
            data, offsets, *within, national, kinds, trigger, classes, chars, iban_lengths, rows, bits, starts, ends
        )
        if count <= room:
            return Candidates(rows[:count], bits[:count], starts[:count], ends[:count])
        room = count
