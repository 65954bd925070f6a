"""Bytes of text for the loops of byte-pair encoding: masks of 64, and characters one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tamis.kernels.jit import kernel
from tamis.kernels.simd import load64, trailing_zeros

_LOW = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_FROM_A = np.uint64(0x1F1F1F1F1F1F1F1F)
_PAST_Z = np.uint64(0x0505050505050505)


def _masks(_context, text, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        row = ir.VectorType(ir.IntType(8), 64)
        found = builder.load(builder.bitcast(builder.gep(arguments[0], [arguments[1]]), row.as_pointer()))
        found.align = 1

        def each(value):  # type: ignore[no-untyped-def]
            return ir.Constant(row, [value] * 64)

        def within(first, last):  # type: ignore[no-untyped-def]
            return builder.icmp_unsigned("<=", builder.sub(found, each(first)), each(last - first))

        lowered = builder.sub(builder.or_(found, each(0x20)), each(0x61))
        masks = (
            builder.icmp_unsigned("<", lowered, each(26)),
            within(0x30, 0x39),
            within(0x20, 0x20),
            within(0x09, 0x09),
            builder.or_(within(0x0A, 0x0A), within(0x0D, 0x0D)),
            builder.icmp_unsigned("<", found, each(0x20)),
            within(0x80, 0xFF),
            builder.or_(within(0xC3, 0xC5), within(0xD0, 0xD1)),
            within(0xC3, 0xC3),
            builder.or_(within(0x97, 0x97), within(0xB7, 0xB7)),
            within(0xE2, 0xE2),
            within(0x80, 0x80),
            builder.or_(within(0x90, 0xA7), within(0xB0, 0xBF)),
            within(0x27, 0x27),
        )
        words = [builder.bitcast(mask, ir.IntType(64)) for mask in masks]
        return context.make_tuple(builder, signature.return_type, words)

    return types.UniTuple(types.uint64, 14)(text, types.int64), generate


masks: Any = intrinsic(_masks)
"""`masks(text, at)` of the 64 bytes from `at` on, all of which must exist: 14 uint64, a bit for each byte from the
lowest on. Letters, digits, spaces, tabs, newlines, controls (below 0x20) and all that isn't ASCII; the bytes C3 C4
C5 D0 D1, which letters of two bytes begin with, the C3 among them, and the bytes 97 and B7, which make no letter
with C3; E2, 80, and 90-A7 and B0-BF, which together make a sign of three bytes; and apostrophes."""


@kernel()
def all_ascii(word):  # type: ignore[no-untyped-def]
    """Whether eight bytes are all below 128."""
    return (word & _HIGH) == 0


@kernel()
def decode_at(text, i):  # type: ignore[no-untyped-def]
    """Code point of the character of two bytes or more at `i` of valid UTF-8, and where the next one is."""
    a = np.int64(text[i])
    b = np.int64(text[i + 1]) & 0x3F
    if a < 0xE0:
        return ((a & 0x1F) << 6) | b, i + 2
    c = np.int64(text[i + 2]) & 0x3F
    if a < 0xF0:
        return ((a & 0x0F) << 12) | (b << 6) | c, i + 3
    return ((a & 0x07) << 18) | (b << 12) | (c << 6) | (np.int64(text[i + 3]) & 0x3F), i + 4


@kernel()
def skip_letters(text, i, end, room):  # type: ignore[no-untyped-def]
    """Position of the first byte in `text[i:end]` that is no ASCII letter, or `end`; `room` bytes are there."""
    while i + 8 <= room:
        word = load64(text, i)
        # Without the high bit and with the bit of lower case, a sum tells `a` and beyond, and what is past `z`.
        low = (word | (_LOW << np.uint64(5))) & ~_HIGH
        other = (~(low + _FROM_A) | (low + _PAST_Z) | word) & _HIGH
        if other != 0:
            return min(i + (trailing_zeros(other) >> 3), end)
        i += 8
        if i >= end:
            return end
    while i < end and (65 <= text[i] <= 90 or 97 <= text[i] <= 122):
        i += 1
    return i
