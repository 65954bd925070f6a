"""Pieces of a text that nothing splits: cut where no merge reaches over.

The first merge over a place joins a token that ends with the character before it and one that begins with the
character behind it. Where no merge of the model does that, the text can be cut, and its parts encoded one by
one. Before a run of space markers is such a place in any tokenizer that is compiled; between a letter and a
comma, or two digits, most often, too. Inside a run of ASCII letters nobody looks for one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.bpe_memory import decode_at, masks, skip_letters
from tamis.kernels.jit import kernel
from tamis.kernels.simd import pointer, trailing_zeros

_MIX = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
_ALL = np.uint64((1 << 64) - 1)


class Joins(NamedTuple):
    """Which pairs of characters a merge may join; a space stands for the marker."""

    ascii: npt.NDArray[np.bool_]
    """Whether `left << 7 | right` may be joined."""
    pairs: npt.NDArray[np.uint64]
    """The others, `left << 32 | right`, in open addressing; zero is free."""
    shift: int
    """64 less the binary logarithm of the length of `pairs`."""
    all: bool
    """Any pair may be."""


class OpenJoins(NamedTuple):
    """Joins as pointers."""

    ascii: Any
    pairs: Any
    shift: int
    all: bool


def joins(pairs: Iterable[tuple[str, str]], all_pairs: bool) -> Joins:
    """The table of pairs of characters; with `all_pairs`, of any."""
    points = np.array([(ord(left), ord(right)) for left, right in set(pairs)], np.uint64).reshape(-1, 2)
    ascii_ = np.zeros(1 << 14, np.bool_)
    both = (points < 128).all(axis=1)
    ascii_[points[both] @ np.array([128, 1], np.uint64)] = True
    keys = points[~both] @ np.array([1 << 32, 1], np.uint64)
    bits = max(int(np.ceil(np.log2(2 * len(keys) + 1))), 4)
    table = np.zeros(1 << bits, np.uint64)
    _fill(table, 64 - bits, keys)
    ascii_.flags.writeable = table.flags.writeable = False
    return Joins(ascii_, table, 64 - bits, all_pairs)


@kernel()
def _fill(table, shift, keys):  # type: ignore[no-untyped-def]
    for key in keys:
        at = np.int64((key * _MIX) >> np.uint64(shift))
        while table[at] != 0:
            at = (at + 1) & (len(table) - 1)
        table[at] = key


@kernel()
def open_joins(table):  # type: ignore[no-untyped-def]
    """The pointers of Joins."""
    return OpenJoins(pointer(table.ascii), pointer(table.pairs), table.shift, table.all)


@kernel()
def _joined(table, left, right):  # type: ignore[no-untyped-def]
    """Whether a merge may join two characters."""
    if left < 128 and right < 128:
        return table.ascii[(left << 7) | right]
    key = (np.uint64(left) << np.uint64(32)) | np.uint64(right)
    at = np.int64((key * _MIX) >> np.uint64(table.shift))
    last = (np.int64(1) << (64 - table.shift)) - 1
    while table.pairs[at] != 0:
        if table.pairs[at] == key:
            return True
        at = (at + 1) & last
    return False


@kernel()
def next_part(text, i, end, room, table):  # type: ignore[no-untyped-def]
    """End of the part that begins at `i < end`: markers, then characters that merges may join.

    `room` bytes of `text`, a pointer, may be read.
    """
    left = np.int64(-1)
    while i < end and text[i] == 32:
        i += 1
        left = np.int64(32)
    while i < end:
        right = np.int64(text[i])
        if right == 32:
            return i
        after = i + 1
        if right >= 128:
            right, after = decode_at(text, i)
        if left >= 0 and not table.all and not _joined(table, left, right):
            return i
        left = right
        if (right | 32) >= 97 and (right | 32) <= 122:
            after = skip_letters(text, after, end, room)
            left = np.int64(text[after - 1])
        i = after
    return i


@kernel()
def part_window(text, i, end, table):  # type: ignore[no-untyped-def]
    """Where parts of `text[i:end]` begin, for a part that begins at `i`: one bit for each byte behind `i`.

    Also returns how many bytes were looked at, up to the first that isn't ASCII, and whether `end` is behind the
    last of them: then the last part ends there. The 64 bytes from `i` on must exist.
    """
    letters, _, spaces, _, _, _, high, _, _, _, _, _, _, _ = masks(text, i)
    valid = _ALL
    seen = np.int64(64)
    last = end - i < 64
    if last:
        seen = end - i
        valid = (_ONE << np.uint64(seen)) - _ONE
    high &= valid
    if high != 0:
        last = False
        seen = trailing_zeros(high)
        valid = (high & ~(high - _ONE)) - _ONE
    valid &= ~_ONE
    starts = spaces & ~(spaces << _ONE) & valid
    if not table.all:
        pairs = valid & ~spaces & ~(letters & (letters << _ONE))
        while pairs != 0:
            at = i + trailing_zeros(pairs)
            lowest = pairs & ~(pairs - _ONE)
            if not _joined(table, np.int64(text[at - 1]), np.int64(text[at])):
                starts |= lowest
            pairs ^= lowest
    return starts, seen, last
