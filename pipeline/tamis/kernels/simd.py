"""Plain memory for the compiled loops, and many bytes at once: what Numba has no words for, in LLVM's.

A compiled function that hands an array on to another counts a reference up and down, atomically; a pointer
costs nothing. Whoever takes a pointer keeps its array until the pointer's last use: the outermost function
gets every array from Python, which does. Vectors become the instructions of the processor at hand, or plain code
where there are none. Nothing here looks at bounds: the caller sees to it that the bytes are there.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64
"""Bytes that a mask is of."""


def _pointer(_context, array):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


def _load64(_context, text, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        words = context.get_value_type(types.CPointer(types.uint64))
        word = builder.load(builder.bitcast(builder.gep(arguments[0], [arguments[1]]), words))
        word.align = 1
        return word

    return types.uint64(text, types.int64), generate


def _trailing_zeros(_context, word):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), generate


def _ones(_context, word):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _prefetch(_context, table, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        number, memory = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [memory, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), memory)
        builder.call(function, [place, *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(table, types.int64), generate


def _word_masks(_context, text, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        row = ir.VectorType(ir.IntType(8), LANES)
        place = builder.gep(arguments[0], [arguments[1]])
        found = builder.load(builder.bitcast(place, row.as_pointer()), align=1)

        def each(value):  # type: ignore[no-untyped-def]
            return ir.Constant(row, [value] * LANES)

        letters = builder.icmp_unsigned("<", builder.sub(builder.or_(found, each(0x20)), each(0x61)), each(26))
        digits = builder.icmp_unsigned("<", builder.sub(found, each(0x30)), each(10))
        others = builder.icmp_signed("<", found, each(0))
        bits = ir.IntType(LANES)
        masks = (builder.bitcast(builder.or_(letters, digits), bits), builder.bitcast(others, bits))
        return context.make_tuple(builder, signature.return_type, masks)

    return types.UniTuple(types.uint64, 2)(text, types.int64), generate


def _range_mask(_context, text, at, first, size):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        row = ir.VectorType(ir.IntType(8), LANES)
        place = builder.gep(arguments[0], [arguments[1]])
        found = builder.load(builder.bitcast(place, row.as_pointer()), align=1)
        low, count = (_each(builder, value, row) for value in arguments[2:])
        return builder.bitcast(builder.icmp_unsigned("<", builder.sub(found, low), count), ir.IntType(LANES))

    return types.uint64(text, types.int64, types.uint8, types.uint8), generate


def _folded_mask(_context, text, at, four):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        row = ir.VectorType(ir.IntType(8), LANES)
        case = ir.Constant(row, [0x20] * LANES)
        same = None
        for byte in range(4):
            place = builder.gep(arguments[0], [builder.add(arguments[1], ir.Constant(ir.IntType(64), byte))])
            found = builder.or_(builder.load(builder.bitcast(place, row.as_pointer()), align=1), case)
            wanted = builder.lshr(arguments[2], ir.Constant(ir.IntType(32), 8 * byte))
            equal = builder.icmp_unsigned("==", found, _each(builder, builder.trunc(wanted, ir.IntType(8)), row))
            same = equal if same is None else builder.and_(same, equal)
        return builder.bitcast(same, ir.IntType(LANES))

    return types.uint64(text, types.int64, types.uint32), generate


def _each(builder, value, row):  # type: ignore[no-untyped-def]
    """A vector that has `value` in each lane."""
    first = builder.insert_element(ir.Constant(row, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(row, ir.Undefined), lanes)


pointer: Any = intrinsic(_pointer)
"""`pointer(array)`: where the elements of a contiguous array begin; indexed as the array is."""
load64: Any = intrinsic(_load64)
"""`load64(text, at)`: the eight bytes from `at` on as a little-endian uint64; all must exist."""
trailing_zeros: Any = intrinsic(_trailing_zeros)
"""`trailing_zeros(word)`: how many zero bits a uint64 has below its lowest one; 64 for zero."""
ones: Any = intrinsic(_ones)
"""`ones(word)`: how many bits of a uint64 are set."""
prefetch: Any = intrinsic(_prefetch)
"""`prefetch(table, at)`: asks for the cache line of `table[at]`, to be read soon."""
word_masks: Any = intrinsic(_word_masks)
"""`word_masks(text, at)` of the 64 bytes from `at` on: two uint64, a bit for each byte from the lowest on. ASCII
letters and digits; bytes of other scripts."""
range_mask: Any = intrinsic(_range_mask)
"""`range_mask(text, at, first, size)` of the 64 bytes from `at` on: a bit for each byte that is one of the `size`
values from `first` on."""
folded_mask: Any = intrinsic(_folded_mask)
"""`folded_mask(text, at, four)` of the 64 bytes from `at` on: a bit for each at which the four bytes of `four` (the
lowest one first) begin, the case of ASCII letters aside; 0x20 is set in each of the four. Reads 67 bytes."""
