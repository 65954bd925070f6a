"""Many bytes at once, for the compiled loops: what Numba has no words for, in LLVM's.

The compiler turns the vectors into the instructions of the processor at hand, or into plain code where there are
none. None of these checks a bound: the caller sees to it that the bytes are there.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic as _intrinsic
from numba.np.arrayobj import make_array

# Typed, it would be called with the typing context that only the compiler passes.
intrinsic: Any = _intrinsic

LANES = 64
"""Bytes that `word_masks` looks at."""


def _load(context: Any, builder: Any, sig: Any, args: Any, kind: Any) -> Any:
    """A value of LLVM type `kind` from byte `args[1]` of the array `args[0]`, aligned or not."""
    array = make_array(sig.args[0])(context, builder, args[0])
    return builder.load(builder.bitcast(builder.gep(array.data, [args[1]]), kind.as_pointer()), align=1)


@intrinsic
def word_masks(_: Any, data: Any, i: Any) -> Any:
    """Two sets of bits for the bytes `data[i : i + 64]`: ASCII letters and digits; bytes of other scripts."""
    sig = types.UniTuple(types.uint64, 2)(data, types.int64)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), LANES)
        block = _load(context, builder, sig, args, vector)

        def all_of(byte: int) -> Any:
            return ir.Constant(vector, [byte] * LANES)

        letters = builder.icmp_unsigned("<", builder.sub(builder.or_(block, all_of(0x20)), all_of(0x61)), all_of(26))
        digits = builder.icmp_unsigned("<", builder.sub(block, all_of(0x30)), all_of(10))
        others = builder.icmp_signed("<", block, all_of(0))
        bits = ir.IntType(LANES)
        masks = (builder.bitcast(builder.or_(letters, digits), bits), builder.bitcast(others, bits))
        return context.make_tuple(builder, sig.return_type, masks)

    return sig, codegen


@intrinsic
def load_eight(_: Any, data: Any, i: Any) -> Any:
    """The bytes `data[i : i + 8]` as an uint64, the first one lowest."""
    sig = types.uint64(data, types.int64)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _load(context, builder, sig, args, ir.IntType(64))

    return sig, codegen


@intrinsic
def lowest_bit(_: Any, bits: Any) -> Any:
    """Number of the lowest bit that is set in an uint64, which isn't 0."""
    sig = types.uint64(types.uint64)

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return sig, codegen
