"""The tokens of a text, as fastText cuts and hashes them, and the keys by which the predictor knows them."""

from __future__ import annotations

import numpy as np

from tamis.kernels.fasttext_lanes import PRIME
from tamis.kernels.jit import kernel
from tamis.kernels.simd import load64

LONG = 15
"""A token of so many bytes or more is known by a hash of 111 bits, a shorter one by its bytes."""
BASIS = np.uint32(2166136261)
"""FNV-1a of nothing."""
HALF = np.uint64(32)
KEPT = np.array([[(1 << 8 * min(8, max(0, size - at))) - 1 for at in (0, 8)] for size in range(17)], np.uint64)
"""What of the first and the second eight bytes belongs to a token of each size."""
_PRIME = np.uint32(PRIME)
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(0xFF51AFD7ED558CCD))


@kernel()
def step(h, byte):  # type: ignore[no-untyped-def]
    """FNV-1a with the byte as a signed one."""
    return np.uint32((h ^ np.uint32(np.int32(np.int8(byte)))) * _PRIME)


@kernel()
def is_space(byte):  # type: ignore[no-untyped-def]
    """Whether a byte is ASCII white space or NUL, which both end a token."""
    return byte <= 32 and (byte == 32 or (9 <= byte <= 13) or byte == 0)


@kernel()
def spaces_at_end(text, at, room):  # type: ignore[no-untyped-def]
    """As `spaces64`; what lies behind `room` bytes counts as white space."""
    found = ~np.uint64(0)
    for k in range(min(64, room - at)):
        if not is_space(text[at + k]):
            found ^= np.uint64(1) << np.uint64(k)
    return found


@kernel()
def eight_at(text, at, room):  # type: ignore[no-untyped-def]
    """As `load64`, with zeros behind `room` bytes."""
    if at + 8 <= room:
        return load64(text, at)
    word = np.uint64(0)
    for k in range(max(0, room - at)):
        word |= np.uint64(text[at + k]) << np.uint64(8 * k)
    return word


@kernel()
def mixed(a, b):  # type: ignore[no-untyped-def]
    """A 64-bit hash of two words; its high bits are the good ones."""
    h = a * _MIX[0] + b * _MIX[1]
    return (h ^ (h >> HALF)) * _MIX[2]


@kernel()
def long_key(text, at, size, room):  # type: ignore[no-untyped-def]
    """The key of any token: its bytes and zeros, or, of LONG bytes or more, a hash of 111 bits.

    The first of two words isn't zero, the second has its top 16 bits free.
    """
    if size < LONG:
        return eight_at(text, at, room) & KEPT[size, 0], eight_at(text, at + 8, room) & KEPT[size, 1]
    a = np.uint64(size) * _MIX[1]
    b = np.uint64(size)
    for k in range(0, size, 8):
        word = eight_at(text, at + k, room)
        if size - k < 8:
            word &= KEPT[size - k, 0]
        a = (a ^ word) * _MIX[0]
        a ^= a >> HALF
        b = (b + word) * _MIX[2]
        b ^= b >> np.uint64(29)
    return (a * _MIX[1]) | np.uint64(1), mixed(b, a) >> np.uint64(16)


@kernel()
def short_key(text, at, size):  # type: ignore[no-untyped-def]
    """The key of a token of less than LONG bytes, behind which so many can be read."""
    return load64(text, at) & KEPT[size, 0], load64(text, at + 8) & KEPT[size, 1]


@kernel()
def word_hash(text, at, size):  # type: ignore[no-untyped-def]
    """fastText's hash of a token."""
    h = BASIS
    for k in range(size):
        h = step(h, text[at + k])
    return h
