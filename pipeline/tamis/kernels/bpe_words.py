"""Unaligned 64-bit words of a byte buffer, for the loops that look at eight bytes at a time."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x0101010101010101)
_SPACES = np.uint64(0x2020202020202020)


@intrinsic
def load64(typing_context, data, at):  # type: ignore[no-untyped-def]
    """The eight bytes of `data` from `at` on as a little-endian uint64; the caller sees that they exist."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        loaded.align = 1
        return loaded

    return types.uint64(data, types.int64), generate


@intrinsic
def trailing_zeros(typing_context, word):  # type: ignore[no-untyped-def]
    """Number of zero bits below the lowest one of a uint64; 64 for zero."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@njit(nogil=True, cache=True, boundscheck=False)
def all_ascii(word):  # type: ignore[no-untyped-def]
    """Whether eight bytes are all below 128."""
    return (word & _HIGH) == 0


@njit(nogil=True, cache=True, boundscheck=False)
def find_space(data, i, end):  # type: ignore[no-untyped-def]
    """Position of the first space (0x20) in `data[i:end]`, or `end`."""
    while i + 8 <= end:
        word = load64(data, i) ^ _SPACES
        # The lowest set bit is exact; a borrow can set wrong ones above it only.
        zero = (word - _LOW) & ~word & _HIGH
        if zero != 0:
            return i + (trailing_zeros(zero) >> 3)
        i += 8
    while i < end and data[i] != 32:
        i += 1
    return i
