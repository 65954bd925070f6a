"""Steps of the compiled fastText predictor on 8, 16 or 64 numbers at once.

LLVM finds loops of this kind only now and then; as vectors they become what the processor has, from SSE and NEON to
AVX-512. Each takes the pointers of `bpe_memory.pointer`, and none looks at bounds.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

PRIME = 16777619
"""Multiplier of 32-bit FNV-1a."""


def _spaces64(_context, text, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        lanes = ir.VectorType(ir.IntType(8), 64)

        def all_lanes(value):  # type: ignore[no-untyped-def]
            return ir.Constant(lanes, [value] * 64)

        place = builder.gep(arguments[0], [arguments[1]])
        characters = builder.load(builder.bitcast(place, lanes.as_pointer()), align=1)
        control = builder.icmp_unsigned("<=", builder.sub(characters, all_lanes(9)), all_lanes(4))
        blank = builder.icmp_unsigned("==", characters, all_lanes(32))
        nothing = builder.icmp_unsigned("==", characters, all_lanes(0))
        return builder.bitcast(builder.or_(control, builder.or_(blank, nothing)), ir.IntType(64))

    return types.uint64(text, types.int64), generate


def _bytes_of(_context, words):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.IntType(8).as_pointer())

    return types.CPointer(types.uint8)(words), generate


def _step16(_context, word, at, hashes):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        word, at, hashes = arguments
        lanes = ir.VectorType(ir.IntType(32), 16)
        place = builder.bitcast(builder.gep(word, [at]), ir.VectorType(ir.IntType(8), 16).as_pointer())
        characters = builder.zext(builder.load(place, align=1), lanes)
        place = builder.bitcast(hashes, lanes.as_pointer())
        hashed = builder.xor(builder.load(place, align=4), characters)
        builder.store(builder.mul(hashed, ir.Constant(lanes, [PRIME] * 16)), place, align=4)
        return context.get_dummy_value()

    return types.void(word, types.int64, hashes), generate


def _reduce16(_context, hashes, bucket, share, mark, items, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        hashes, bucket, share, mark, items, at = arguments
        lanes, halves = ir.VectorType(ir.IntType(32), 16), ir.VectorType(ir.IntType(64), 16)

        def all_lanes(value, kind):  # type: ignore[no-untyped-def]
            value = builder.trunc(value, kind.element) if kind.element != value.type else value
            one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
            return builder.shuffle_vector(one, one, ir.Constant(lanes, [0] * 16))

        hashed = builder.load(builder.bitcast(hashes, lanes.as_pointer()), align=4)
        whole = builder.mul(builder.zext(hashed, halves), builder.zext(all_lanes(share, lanes), halves))
        whole = builder.trunc(builder.lshr(whole, ir.Constant(halves, [32] * 16)), lanes)
        rest = builder.sub(hashed, builder.mul(whole, all_lanes(bucket, lanes)))
        less = builder.sub(rest, all_lanes(bucket, lanes))
        rest = builder.select(builder.icmp_unsigned("<", less, rest), less, rest)
        place = builder.bitcast(builder.gep(items, [at]), halves.as_pointer())
        builder.store(builder.or_(builder.zext(rest, halves), all_lanes(mark, halves)), place, align=8)
        return context.get_dummy_value()

    return types.void(hashes, types.int64, types.int64, types.uint64, items, types.int64), generate


def _sum16(_context, rows, places, start, stop, dim, k, sums, at):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        single, double = ir.VectorType(ir.FloatType(), 16), ir.VectorType(ir.DoubleType(), 16)
        rows, places, start, stop, dim, k, sums, at = arguments
        total = cgutils.alloca_once_value(builder, ir.Constant(double, [0.0] * 16))
        with cgutils.for_range_slice(builder, start, stop, context.get_constant(types.int64, 1)) as (j, _):
            number = builder.zext(builder.load(builder.gep(places, [j])), dim.type)
            place = builder.gep(rows, [builder.add(builder.mul(number, dim), k)])
            row = builder.load(builder.bitcast(place, single.as_pointer()), align=4)
            builder.store(builder.fadd(builder.load(total), builder.fpext(row, double)), total)
        place = builder.bitcast(builder.gep(sums, [at]), single.as_pointer())
        builder.store(builder.fptrunc(builder.load(total), single), place, align=4)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(rows, places, whole, whole, whole, whole, sums, whole), generate


def _ways(_context, keys, base, lo, hi):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        lanes = ir.VectorType(ir.IntType(64), 8)
        keys, base, lo, hi = arguments
        number = ir.IntType(32)
        pair = builder.insert_element(ir.Constant(lanes, ir.Undefined), lo, number(0))
        pair = builder.insert_element(pair, hi, number(1))
        pattern = ir.Constant(ir.VectorType(number, 8), [0, 1] * 4)
        wanted = builder.shuffle_vector(pair, pair, pattern)
        held = builder.load(builder.bitcast(builder.gep(keys, [base]), lanes.as_pointer()), align=64)
        held = builder.and_(held, ir.Constant(lanes, [(1 << 64) - 1, (1 << 48) - 1] * 4))
        same = builder.bitcast(builder.icmp_unsigned("==", held, wanted), ir.IntType(8))
        both = builder.and_(builder.and_(same, builder.lshr(same, same.type(1))), same.type(0x55))
        return builder.zext(both, ir.IntType(64))

    return types.uint64(keys, types.int64, types.uint64, types.uint64), generate


def _add_four16(_context, total, k, rows, a, b, c, d):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        single, double = ir.VectorType(ir.FloatType(), 16), ir.VectorType(ir.DoubleType(), 16)
        total, k, rows = arguments[:3]
        places = (builder.bitcast(builder.gep(rows, [at]), single.as_pointer()) for at in arguments[3:])
        one, two, three, four = (builder.load(place, align=4) for place in places)
        row = builder.fadd(builder.fadd(one, two), builder.fadd(three, four))
        into = builder.bitcast(builder.gep(total, [k]), double.as_pointer())
        builder.store(builder.fadd(builder.load(into, align=8), builder.fpext(row, double)), into, align=8)
        return context.get_dummy_value()

    return types.void(total, types.int64, rows, *[types.int64] * 4), generate


sum16: Any = intrinsic(_sum16)
"""`sum16(rows, places, start, stop, dim, k, sums, at)`: writes to `sums[at:at + 16]` the sum of as many columns,
from `k` on, of the rows `places[start:stop]`."""
ways: Any = intrinsic(_ways)
"""`ways(keys, base, lo, hi)`: bit 2 * k tells whether the k-th of the four keys from `base` on is (lo, hi), the top 16
bits of `hi` left out."""
add_four16: Any = intrinsic(_add_four16)
"""`add_four16(total, k, rows, a, b, c, d)`: adds 16 float32 from each of four places of `rows` on to the float64
from `total[k]` on."""
step16: Any = intrinsic(_step16)
"""`step16(word, at, hashes)`: takes the 16 ASCII bytes from `at` on into as many hashes, one each."""
reduce16: Any = intrinsic(_reduce16)
"""`reduce16(hashes, bucket, share, mark, items, at)`: writes to `items[at:at + 16]` the hashes modulo `bucket`, with
the bits of `mark`; `share` is 2**32 over `bucket`."""
bytes_of: Any = intrinsic(_bytes_of)
"""`bytes_of(words)`: a pointer to words as one to their bytes, the lowest first."""
spaces64: Any = intrinsic(_spaces64)
"""`spaces64(text, at)`: bit k of the result tells whether byte `at + k` is white space or NUL."""
