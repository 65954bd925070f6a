"""The candidate scan of identity numbers, secrets and spelt e-mail addresses, beside that of `candidates`.

NUMBER  a digit from which on some number passes its check (`candidate_digits`), or in a codice fiscale or a
        Spanish NIE
SECRET  a run of letters, digits and . _ - of 20 bytes or more with a digit in it and, at its beginning or
        behind punctuation, one of `KEY_PREFIXES`; user and password before the '@' of a URL; from
        "-----BEGIN " ... "PRIVATE KEY" to the next "-----END"
SPELT   around "(at)", "[dot]", " dot" and their like
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import text_buffers
from tamis.kernels.candidate_digits import DIGITS, fiscal_start, number_end
from tamis.kernels.candidate_emails import among, is_digit, is_letter
from tamis.kernels.candidate_windows import Candidates, Parts
from tamis.kernels.jit import kernel
from tamis.kernels.simd import LANES, folded_mask, pointer, range_mask, trailing_zeros

NUMBER, SECRET, SPELT = 32, 64, 128
"""Bits of what the windows may hold, beside those of `candidates`."""

KEY_PREFIXES = (
    "AKI", "ASI", "ghp", "gho", "ghu", "ghs", "ghr", "git", "glp", "xox", "AIz", "sk_", "rk_", "sk-", "hf_",
    "npm", "pyp", "SG.", "dop", "eyJ",
)  # fmt: skip
"""First three characters of the keys and tokens that `recognizers.api_key` knows."""
KEY_LENGTH = 20
"""Characters of the shortest one."""
_SPELT = ("at)", "at]", "at}", "at ", "aro", "arr", "ape", "chi", "dot", "poi", "pon", "pun")
"""What stands behind a bracket, in small letters."""
_USER_BYTES = 800
"""Bytes in which the user and the password of a URL fit."""
BLOCK = 16384
"""Bytes of the longest private key that is looked for."""
_REACH = 128
"""Bytes around a spelt '@' or dot that are looked at."""
_DOT, _BEGIN = (np.uint32(int.from_bytes(four, "little")) for four in (b" dot", b"-beg"))


def _packed(words: tuple[str, ...]) -> npt.NDArray[np.uint32]:
    return np.array([int.from_bytes(word.encode(), "big") for word in words], np.uint32)


@kernel()
def _stops(text, at):  # type: ignore[no-untyped-def]
    """A bit for each of 64 bytes at which the scan stops; reads 67 bytes."""
    plain = range_mask(text, at, np.uint8(48), np.uint8(10)) | range_mask(text, at, np.uint8(64), np.uint8(1))
    opening = range_mask(text, at, np.uint8(40), np.uint8(1)) | range_mask(text, at, np.uint8(91), np.uint8(1))
    opening |= range_mask(text, at, np.uint8(123), np.uint8(1))
    return plain | opening | folded_mask(text, at, _DOT) | folded_mask(text, at, _BEGIN)


@kernel()
def _three(data, at):  # type: ignore[no-untyped-def]
    return (np.uint32(data[at]) << np.uint32(16)) | (np.uint32(data[at + 1]) << np.uint32(8)) | np.uint32(data[at + 2])


@kernel()
def _in_token(byte):  # type: ignore[no-untyped-def]
    return is_letter(byte) or is_digit(byte) or byte == 95 or byte == 45 or byte == 46


@kernel()
def _has_prefix(data, start, end, prefixes):  # type: ignore[no-untyped-def]
    """Whether a key may begin in the token data[start:end]."""
    for at in range(start, end - KEY_LENGTH + 1):
        if at == start or not (is_letter(data[at - 1]) or is_digit(data[at - 1])):
            three = _three(data, at)
            if among(three, prefixes):
                return True
    return False


@kernel()
def _password(data, lo, at):  # type: ignore[no-untyped-def]
    """Where user and password begin that end before the '@' at `at`, right behind "://"; -1: there are none."""
    colon = False
    i = at
    while i > lo and at - i < _USER_BYTES:
        i -= 1
        if data[i] <= 32:
            return -1
        if data[i] == 47:
            return i + 1 if colon and i - 2 >= lo and data[i - 1] == 47 and data[i - 2] == 58 else -1
        colon = colon or data[i] == 58
    return -1


@kernel()
def _spelt(data, at, hi, words):  # type: ignore[no-untyped-def]
    """Whether the bracket at `at` may open a spelt '@' or dot."""
    i = at + 1
    if i < hi and (data[i] == 32 or data[i] == 9):
        i += 1
    if i + 2 >= hi:
        return i + 1 < hi and (data[i] == 64 or data[i] == 46)
    byte = data[i]
    if byte == 64 or byte == 46:
        after = data[i + 1]
        return after == 32 or after == 9 or after == 41 or after == 93 or after == 125
    if byte == 0xC3:
        return (data[i + 1] == 0xA4 or data[i + 1] == 0x84) and data[i + 2] | 32 == 116
    three = _three(data, i) | np.uint32(0x202020)
    if byte | 32 == 97 and data[i + 1] | 32 == 116:
        three = (three & np.uint32(0xFFFF00)) | np.uint32(32 if data[i + 2] == 9 else data[i + 2])
    return among(three, words)


@kernel()
def _key_end(data, lo, hi, at):  # type: ignore[no-untyped-def]
    """One past "-----END" for the block whose "-----BEGIN " has its last hyphen at `at`; -1: no private key."""
    if at - 4 < lo:
        return -1
    for k in range(at - 4, at):
        if data[k] != 45:
            return -1
    private = False
    for k in range(at, min(hi - 11, at + 40)):
        private = private or (data[k] == 80 and data[k + 1] == 82 and data[k + 2] == 73 and data[k + 8] == 75)
    if not private:
        return -1
    for k in range(at + 16, min(hi - 8, at + BLOCK + 64)):
        end = data[k] == 45 and data[k + 5] == 69 and data[k + 6] == 78 and data[k + 7] == 68
        if end and data[k + 1] == 45 and data[k + 2] == 45 and data[k + 3] == 45 and data[k + 4] == 45:
            return k + 8
    return -1


@kernel()
def _put(row, kind, start, end, n, rows, kinds, starts, ends):  # type: ignore[no-untyped-def]
    if n < len(rows):
        rows[n], kinds[n], starts[n], ends[n] = row, kind, start, end
    return n + 1


@kernel()
def _scan(  # type: ignore[no-untyped-def]
    data, offsets, within, begins, stops, wanted, prefixes, words, rows, kinds, starts, ends
):
    """Fills the four output arrays as far as they reach; the number of windows there are."""
    n = 0
    digits = np.zeros(DIGITS, np.int64)
    bytes_of, size = pointer(data), len(data)
    for part in range(len(within)):
        row = within[part]
        base, lo, hi = offsets[row], begins[part], stops[part]
        i = lo
        token = lo  # tokens before here are done
        while i < hi:
            byte = data[i]
            if is_digit(byte):
                end = i
                while end < hi and is_digit(data[end]):
                    end += 1
                before = data[i - 1] if i > lo else np.uint8(32)
                if (wanted & 32) != 0:
                    start = np.int64(-1)
                    last = end
                    if not is_letter(before) and before != 95:
                        passed = number_end(data, i, hi, digits)
                        if passed >= 0:
                            start, last = i, passed
                    back = i - 1 if is_letter(before) else i - 2
                    if start < 0 and end - i == 7 and back >= lo and 120 <= data[back] | 32 <= 122:
                        start = back
                    if start < 0 and (is_letter(before) or end - i == 2):
                        start = fiscal_start(data, lo, hi, i, end)
                    if start >= 0:
                        # Windows are whole characters.
                        while start < i and (data[start] & 0xC0) == 0x80:
                            start += 1
                        n = _put(row, 32, start - base, last - base, n, rows, kinds, starts, ends)
                if (wanted & 64) != 0 and i >= token:
                    start = i
                    while start > token and _in_token(data[start - 1]):
                        start -= 1
                    token = end
                    while token < hi and _in_token(data[token]):
                        token += 1
                    if token - start >= KEY_LENGTH and _has_prefix(data, start, token, prefixes):
                        n = _put(row, 64, start - base, token - base, n, rows, kinds, starts, ends)
                i = end
                continue
            if byte == 64:
                start = _password(data, lo, i) if (wanted & 64) != 0 else np.int64(-1)
                if start >= 0:
                    n = _put(row, 64, start - base, i - base, n, rows, kinds, starts, ends)
            elif byte == 45:
                if (wanted & 64) != 0:
                    end = _key_end(data, lo, hi, i)
                    if end >= 0:
                        n = _put(row, 64, i - 4 - base, end - base, n, rows, kinds, starts, ends)
            elif (wanted & 128) != 0:
                dot = byte == 32 and i + 4 < hi and data[i + 4] == 32
                dot = dot and _three(data, i + 1) | np.uint32(0x202020) == np.uint32(0x646F74)
                if dot or ((byte == 40 or byte == 91 or byte == 123) and _spelt(data, i, hi, words)):
                    start, end = max(lo, i - _REACH), min(hi, i + _REACH)
                    while start < i and (data[start] & 0xC0) == 0x80:
                        start += 1
                    while end < hi and (data[end] & 0xC0) == 0x80:
                        end += 1
                    n = _put(row, 128, start - base, end - base, n, rows, kinds, starts, ends)
            i += 1
            while i < hi and i + LANES + 3 <= size:
                stops_here = _stops(bytes_of, i)
                if stops_here != 0:
                    i += trailing_zeros(stops_here)
                    break
                i += LANES
    return n


def scan_tokens(text: pa.Array, kinds: int, within: Parts | None = None) -> Candidates:
    """Windows that may hold an identity number, a secret or a spelt e-mail address.

    Args:
        text: large_string, none of the rows null.
        kinds: the bits of what to look for; others are left aside.
        within: whole lines to look at, instead of everything; of a private key, which goes over lines, there is then
            no window.
    """
    data, offsets = text_buffers(text)
    if within is None:
        within = Parts(np.arange(len(text)), offsets[:-1], offsets[1:])
    room = 1024 + int((within.ends - within.begins).sum()) // 512
    prefixes, words = _packed(KEY_PREFIXES), _packed(_SPELT)
    while True:
        rows, bits = np.empty(room, np.int32), np.empty(room, np.uint8)
        starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
        count = _scan(data, offsets, *within, kinds, prefixes, words, rows, bits, starts, ends)
        if count <= room:
            return Candidates(rows[:count], bits[:count], starts[:count], ends[:count])
        room = count
