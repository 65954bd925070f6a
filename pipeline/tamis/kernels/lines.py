"""Lines of a document, 64 bytes at a time: where they end, which are blank, what is white space in them.

A line is what stands between two newlines. A document whose last bytes lie near the end of the buffer is copied into
one with room behind it (`padded`), so that the loops may read whole blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.simd import LANES, load64, ones, range_mask, trailing_zeros
from tamis.kernels.unicode import SPACE, decode
from tamis.kernels.words import mix64

MARGIN = LANES + 8
"""Bytes behind a document that the loops may read."""
NEWLINE = 0x0A

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)
_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


def padded(data: Bytes, offsets: Offsets) -> Iterator[tuple[Bytes, Offsets, int]]:
    """The documents in one or two parts, `MARGIN` readable bytes behind each: data, offsets, number of the first.

    Copied are the few that end within `MARGIN` bytes of the end of `data`.
    """
    rows = len(offsets) - 1
    first = int(np.searchsorted(offsets[1:], len(data) - MARGIN, side="right"))
    if first > 0:
        yield data, offsets[: first + 1], 0
    if first < rows:
        begin, end = int(offsets[first]), int(offsets[-1])
        tail = np.zeros(end - begin + MARGIN, np.uint8)
        tail[: end - begin] = data[begin:end]
        places = offsets[first:] - begin
        # Compiled for arrays that can't be written, as those of Arrow are.
        tail.flags.writeable = places.flags.writeable = False
        yield tail, places, first


@kernel(inline="always")
def low_bits(count):  # type: ignore[no-untyped-def]
    """The `count` lowest of 64 bits, count from 0 to 64."""
    return _ALL >> np.uint64(LANES - count) if count > 0 else np.uint64(0)


@kernel(inline="always")
def ascii_spaces(text, at):  # type: ignore[no-untyped-def]
    """A bit for each of the 64 bytes from `at` on that is ASCII white space."""
    return range_mask(text, at, 0x20, 1) | range_mask(text, at, 0x09, 5) | range_mask(text, at, 0x1C, 4)


@kernel(inline="always")
def wide_spaces(text, at):  # type: ignore[no-untyped-def]
    """White space beyond ASCII in the 64 bytes from `at` on: bits of first bytes of characters of two, and of three.

    U+0085, U+00A0; U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000. Reads 66 bytes.
    """
    second = range_mask(text, at + 1, 0x80, 1)
    two = range_mask(text, at, 0xC2, 1) & (range_mask(text, at + 1, 0x85, 1) | range_mask(text, at + 1, 0xA0, 1))
    third = range_mask(text, at + 2, 0x80, 11) | range_mask(text, at + 2, 0xA8, 2) | range_mask(text, at + 2, 0xAF, 1)
    general = (second & third) | (range_mask(text, at + 1, 0x81, 1) & range_mask(text, at + 2, 0x9F, 1))
    last = range_mask(text, at + 2, 0x80, 1)
    three = range_mask(text, at, 0xE2, 1) & general
    three |= range_mask(text, at, 0xE3, 1) & second & last
    three |= range_mask(text, at, 0xE1, 1) & range_mask(text, at + 1, 0x9A, 1) & last
    return two, three


@kernel(inline="always")
def hash_bytes(text, start, end):  # type: ignore[no-untyped-def]
    """Hash of `text[start:end]`; up to seven bytes past its end are read."""
    h = _SEED ^ np.uint64(end - start)
    at = start
    while end - at > 8:
        h = (h ^ load64(text, at)) * _PRIME
        h ^= h >> np.uint64(32)
        at += 8
    if end > at:
        h = (h ^ (load64(text, at) & (_ALL >> np.uint64(64 - 8 * (end - at))))) * _PRIME
    return mix64(h)


@kernel()
def is_blank(text, start, end, classes):  # type: ignore[no-untyped-def]
    """Whether `text[start:end]` is white space alone."""
    i = start
    while i < end:
        point, i = decode(text, i)
        if (classes[point] & SPACE) == 0:
            return False
    return True


@kernel()
def split_lines(text, start, end, classes, hashes, ends, blocks, chars):  # type: ignore[no-untyped-def]
    """Lines of the document `text[start:end]` that aren't blank; returns their number, and those of all characters and
    of the newlines among them.

    Fills, per line: its hash, where it ends, the number of its paragraph (blank lines part paragraphs), its
    characters. There must be `MARGIN` bytes behind the document.
    """
    n = 0
    block = 0
    first = start
    counted = 0
    before = 0
    lines = 0
    solid = other = np.uint64(0)
    i = start
    while True:
        size = min(end - i, LANES)
        ours = low_bits(size)
        newlines = range_mask(text, i, NEWLINE, 1) & ours
        leads = ~range_mask(text, i, 0x80, 0x40) & ours
        others = range_mask(text, i, 0x80, 0x80) & ours
        graphic = ours & ~(others | ascii_spaces(text, i))
        if size < LANES:
            newlines |= _ONE << np.uint64(size)
        done = np.uint64(0)
        while newlines != 0:
            place = trailing_zeros(newlines)
            upto = newlines ^ (newlines - _ONE)
            newlines &= newlines - _ONE
            line = upto & ~done
            done = upto
            stop = i + place
            length = counted + ones(leads & upto & ~(_ONE << np.uint64(place))) - before
            if (solid | (graphic & line)) == 0 and (
                (other | (others & line)) == 0 or is_blank(text, first, stop, classes)
            ):
                block += 1
            else:
                hashes[n] = hash_bytes(text, first, stop)
                ends[n] = stop
                blocks[n] = block
                chars[n] = length
                n += 1
            lines += 1
            before += length + 1
            first = stop + 1
            solid = other = np.uint64(0)
        counted += ones(leads)
        if size < LANES:
            return n, counted, lines - 1
        solid |= graphic & ~done
        other |= others & ~done
        i += LANES


@kernel()
def count_duplicates(hashes, chars, n, keys):  # type: ignore[no-untyped-def]
    """Of the `n` items: how many stood before already, their characters, and the characters of all."""
    size = table_size(n)
    keys[:size] = 0
    mask = np.uint64(size - 1)
    duplicates = 0
    repeated = 0
    total = 0
    for i in range(n):
        total += chars[i]
        key = max(hashes[i], _ONE)
        slot = (key >> np.uint64(20)) & mask
        while keys[slot] != key and keys[slot] != 0:
            slot = (slot + _ONE) & mask
        if keys[slot] == 0:
            keys[slot] = key
        else:
            duplicates += 1
            repeated += chars[i]
    return duplicates, repeated, total


@kernel(inline="always")
def table_size(entries):  # type: ignore[no-untyped-def]
    """The power of two that holds `entries` at a load of two thirds at most."""
    size = 16
    while 2 * size < 3 * entries:
        size *= 2
    return size


@kernel()
def last_character(text, start, end):  # type: ignore[no-untyped-def]
    """Code point of the last character of `text[start:end]`, which isn't empty, and where it begins."""
    i = end - 1
    while i > start and (text[i] & 0xC0) == 0x80:
        i -= 1
    point, _ = decode(text, i)
    return point, i


@kernel()
def trimmed(text, start, end, classes):  # type: ignore[no-untyped-def]
    """Bounds of `text[start:end]` without the white space at its ends; both `end` where there is nothing else."""
    while start < end:
        point, after = decode(text, start)
        if (classes[point] & SPACE) == 0:
            break
        start = after
    last = end
    while last > start:
        point, before = last_character(text, start, last)
        if (classes[point] & SPACE) == 0:
            return start, last
        last = before
    return end, end


@kernel()
def count_characters(text, start, end):  # type: ignore[no-untyped-def]
    """Characters of `text[start:end]`."""
    n = 0
    for i in range(start, end, LANES):
        n += ones(~range_mask(text, i, 0x80, 0x40) & low_bits(min(end - i, LANES)))
    return n
