"""Piece -> ids: an open-addressing table over bytes, exact, bounded, that starts anew when it is full.

A slot is 32 bytes, four uint64, so two of them fill a cache line and most look-ups touch no other:

| words | piece of up to 15 bytes | longer piece |
|---|---|---|
| 0, 1 | bytes, zero-padded; length in the top byte | hash; LONG, length (16 bits), place in `keys` (40 bits) |
| 2, 3 | up to three ids (uint32); their number in the top half | the same; of more, their place in `ids` |

Word 1 is zero in a free slot alone. A hit is verified by the bytes, never by the hash. A cache of pieces in front
of the merge loop is common to all fast BPE encoders: by Zipf's law it answers nearly all look-ups.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.jit import kernel
from tamis.kernels.simd import load64, pointer

SHORT = 15
"""Bytes of a piece whose slot holds it."""
_LONG = np.uint64(1 << 63)
_BYTE, _HALF, _PLACE = np.uint64(56), np.uint64(32), np.uint64(40)
_PLACES = np.uint64((1 << 40) - 1)
_IDS = np.uint64((1 << 32) - 1)
_ONE, _ONES = np.uint64(1), np.uint64((1 << 64) - 1)
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(0xFF51AFD7ED558CCD))


class PieceTable(NamedTuple):
    """A table from pieces to ids; the arrays change in place, so one thread at a time may use it."""

    slots: npt.NDArray[np.uint64]
    """Four words per slot; a power of two of slots."""
    shift: int
    """64 less the binary logarithm of the number of slots."""
    keys: npt.NDArray[np.uint8]
    """Bytes of the longer pieces."""
    ids: npt.NDArray[np.uint32]
    """Ids of the pieces that have more than three."""
    used: npt.NDArray[np.int64]
    """Slots, bytes of `keys` and entries of `ids` in use, and how often the table started anew."""
    longest: int
    """Bytes of the longest piece that it takes, at most 65,535."""


class OpenTable(NamedTuple):
    """A PieceTable as pointers, and how much its arrays hold."""

    slots: Any
    shift: int
    keys: Any
    ids: Any
    used: Any
    longest: int
    key_room: int
    id_room: int


def piece_table(bits: int, key_bytes: int, id_count: int, longest: int) -> PieceTable:
    """An empty table of `2 ** bits` slots: `32 << bits` bytes, and `key_bytes + 4 * id_count`.

    Pages of memory come into being as they are used.
    """
    # No slot may lie across two cache lines.
    slots = np.zeros((4 << bits) + 8, np.uint64)
    first = -slots.ctypes.data // 8 % 8
    return PieceTable(
        slots[first : first + (4 << bits)],
        64 - bits,
        np.empty(key_bytes, np.uint8),
        np.empty(id_count, np.uint32),
        np.zeros(4, np.int64),
        longest,
    )


@kernel()
def open_table(table):  # type: ignore[no-untyped-def]
    """The pointers of a PieceTable."""
    return OpenTable(
        pointer(table.slots),
        table.shift,
        pointer(table.keys),
        pointer(table.ids),
        pointer(table.used),
        table.longest,
        len(table.keys),
        len(table.ids),
    )


@kernel()
def _tail(text, i, size):  # type: ignore[no-untyped-def]
    """Up to eight bytes from `i` on as a word, padded with zeros; reads no byte behind them."""
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(text[i + k]) << np.uint64(8 * k)
    return word


@kernel()
def _low(word, size):  # type: ignore[no-untyped-def]
    """The lowest `size` bytes of a word, 0 <= size < 8."""
    return word & ((np.uint64(1) << np.uint64(8 * size)) - np.uint64(1))


@kernel()
def _mixed(a, b):  # type: ignore[no-untyped-def]
    """A 64-bit hash of two words; its high bits are the good ones."""
    h = a * _MIX[0] + b * _MIX[1]
    return (h ^ (h >> np.uint64(32))) * _MIX[2]


@kernel()
def short_key(text, i, size, room):  # type: ignore[no-untyped-def]
    """Words 0 and 1 of the slot of the piece `text[i:i + size]`, 1 <= size <= SHORT; `room` bytes may be read."""
    top = np.uint64(size) << _BYTE
    if i + 16 <= room:
        if size < 8:
            return _low(load64(text, i), size), top
        return load64(text, i), _low(load64(text, i + 8), size - 8) | top
    if size < 8:
        return _tail(text, i, size), top
    return _tail(text, i, 8), _tail(text, i + 8, size - 8) | top


@kernel()
def plain_key(text, i, size):  # type: ignore[no-untyped-def]
    """As `short_key` where the 16 bytes from `i` on may be read: without a branch."""
    bits = np.uint64(size) << np.uint64(3)
    # All ones, but for the bytes behind the piece.
    low = _ONES >> ((np.uint64(64) - bits) * np.uint64(size < 8))
    top = ((_ONE << (bits & np.uint64(63))) - _ONE) * np.uint64(size > 8)
    return load64(text, i) & low, (load64(text, i + 8) & top) | (np.uint64(size) << _BYTE)


@kernel()
def home(table, k0, k1):  # type: ignore[no-untyped-def]
    """Place in `slots` where the look-up of a key begins."""
    return np.int64(_mixed(k0, k1) >> np.uint64(table.shift)) << 2


@kernel()
def long_key(text, i, size):  # type: ignore[no-untyped-def]
    """Words 0 and 1, the latter without its place, of the slot of a piece of more than SHORT bytes."""
    h = np.uint64(size)
    end = i + size
    while i + 8 <= end:
        h = _mixed(h, load64(text, i))
        i += 8
    h = _mixed(h, _tail(text, i, end - i))
    return h, _LONG | (np.uint64(size) << _PLACE)


@kernel()
def _same(text, i, size, keys, place):  # type: ignore[no-untyped-def]
    """Whether `text[i:i + size]` equals `keys[place:place + size]`, for size >= 8."""
    k = 0
    while k + 8 <= size:
        if load64(text, i + k) != load64(keys, place + k):
            return False
        k += 8
    return load64(text, i + size - 8) == load64(keys, place + size - 8)


@kernel()
def find(table, text, i, size, k0, k1):  # type: ignore[no-untyped-def]
    """Place in `slots` of the piece whose key is (k0, k1), or of the free slot where it belongs, as ~place."""
    return find_from(table, home(table, k0, k1), text, i, size, k0, k1)


@kernel()
def find_from(table, place, text, i, size, k0, k1):  # type: ignore[no-untyped-def]
    """As `find`, where `place` is the key's `home`."""
    last = (np.int64(4) << np.int64(64 - table.shift)) - 1
    while True:
        word = table.slots[place + 1]
        if word == 0:
            return ~place
        if table.slots[place] == k0:
            if word == k1:
                return place
            if (word & ~_PLACES) == k1 and size > SHORT and _same(text, i, size, table.keys, np.int64(word & _PLACES)):
                return place
        place = (place + 4) & last


@kernel()
def insert(table, place, text, i, size, k0, k1, ids, first, count):  # type: ignore[no-untyped-def]
    """Puts a piece that is not in the table, and its ids `ids[first:first + count]`, into the free slot `place`.

    A table that is full is emptied first; a piece that it doesn't take is left out.
    """
    slots, used = table.slots, table.used
    key_bytes = size if size > SHORT else 0
    pooled = count if count > 3 else 0
    if size > table.longest or key_bytes > table.key_room or pooled > table.id_room:
        return
    # Five eighths of the slots: beyond, look-ups grow long.
    full = used[0] >= np.int64(5) << (61 - table.shift)
    if full or used[1] + key_bytes > table.key_room or used[2] + pooled > table.id_room:
        for k in range(np.int64(4) << (64 - table.shift)):
            slots[k] = 0
        used[0] = used[1] = used[2] = 0
        used[3] += 1
        place = home(table, k0, k1)
    if size > SHORT:
        k1 |= np.uint64(used[1])
        for k in range(size):
            table.keys[used[1] + k] = text[i + k]
        used[1] += size
    slots[place] = k0
    slots[place + 1] = k1
    top = np.uint64(count) << _HALF
    if count > 3:
        slots[place + 2] = np.uint64(used[2])
        slots[place + 3] = top
        for k in range(count):
            table.ids[used[2] + k] = ids[first + k]
        used[2] += count
    else:
        low = np.uint64(ids[first])
        if count > 1:
            low |= np.uint64(ids[first + 1]) << _HALF
        if count > 2:
            top |= np.uint64(ids[first + 2])
        slots[place + 2] = low
        slots[place + 3] = top
    used[0] += 1


@kernel()
def fill(table, strings, offsets, ids):  # type: ignore[no-untyped-def]
    """Puts pieces, each a different `strings[offsets[k]:offsets[k + 1]]` with the one id `ids[k]`, into a table."""
    opened = open_table(table)
    text, room = pointer(strings), len(strings)
    for row in range(len(offsets) - 1):
        i = offsets[row]
        size = offsets[row + 1] - i
        if size <= SHORT:
            k0, k1 = short_key(text, i, size, room)
        else:
            k0, k1 = long_key(text, i, size)
        insert(opened, ~find(opened, text, i, size, k0, k1), text, i, size, k0, k1, pointer(ids), row, 1)


@kernel()
def emit(table, place, out, n):  # type: ignore[no-untyped-def]
    """Writes the ids of the slot at `place` to `out[n:]`, which has room for three more; the new n."""
    low = table.slots[place + 2]
    top = table.slots[place + 3]
    count = np.int64(top >> _HALF)
    if count <= 3:
        out[n] = np.uint32(low & _IDS)
        out[n + 1] = np.uint32(low >> _HALF)
        out[n + 2] = np.uint32(top & _IDS)
        return n + count
    first = np.int64(low)
    for k in range(count):
        out[n + k] = table.ids[first + k]
    return n + count
