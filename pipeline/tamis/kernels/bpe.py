"""Byte-pair encoding of text columns: the loop over documents, pieces, the cache of pieces, and the merges.

A text is cut into pieces that are encoded one by one: by a split pattern (`bpe_window`, `bpe_split`), or, after
`bpe_normal`, where no merge reaches over (`bpe_joins`). A piece's ids come from the cache, and from the merge loop
when it isn't there. Some pieces at a time are cut and their places in the cache asked for before any is looked up,
so that none waits for memory. All of it takes time in proportion to the text, but for the merges of a very long
piece (n log n).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.bpe_cache import (
    SHORT,
    PieceTable,
    emit,
    find,
    find_from,
    home,
    insert,
    long_key,
    open_table,
    plain_key,
    short_key,
)
from tamis.kernels.bpe_joins import Joins, next_part, open_joins, part_window
from tamis.kernels.bpe_memory import decode_at
from tamis.kernels.bpe_merge import SCANNED, Merges, merge, open_merges
from tamis.kernels.bpe_normal import Rules, normalize_spaces
from tamis.kernels.bpe_patterns import Split
from tamis.kernels.bpe_split import next_piece
from tamis.kernels.bpe_window import quick, window
from tamis.kernels.jit import kernel
from tamis.kernels.simd import pointer, prefetch, trailing_zeros

SLACK = 4
"""Entries of `out` beyond the ids themselves that `encode_rows` needs."""
BLOCK = 64
"""Pieces that are cut before they are looked up."""
VALUES = SCANNED + 4 * (BLOCK + 64)
"""Entries of `values`, its scratch, that it needs."""


class Program(NamedTuple):
    """A tokenizer, compiled."""

    spaced: bool
    """Pieces are cut by `joins`, after `rules`; else by `split`, of the text as it is."""
    rules: Rules
    split: Split
    classes: npt.NDArray[np.uint8]
    """Character classes for `split`."""
    byte_ids: npt.NDArray[np.uint32]
    """Id of each byte: of all bytes, or of those of a character that has no id."""
    char_ids: npt.NDArray[np.int32]
    """Id of each code point or -1, when `spaced`; the space's is the marker's."""
    joins: Joins
    """Where pieces may not be cut, when `spaced`."""
    merges: Merges
    whole: PieceTable
    """Pieces that are never merged but have one id (`ignore_merges`)."""
    end_id: int
    """Id that ends every document."""


class _Model(NamedTuple):
    """What encodes one piece: a Program, opened, and where its output goes."""

    spaced: bool
    byte_ids: Any
    char_ids: Any
    joins: Any
    merges: Any
    whole: Any
    out: Any
    values: Any
    """Scratch of the merge loop, ..."""
    block: Any
    """... and the next pieces: end, key (two words) and home in the cache of each."""
    quick: bool
    """Windows can find its pieces."""


@kernel()
def _symbols(model, text, i, end, n):  # type: ignore[no-untyped-def]
    """Writes the symbols of a piece before any merge to `out[n:]`, at most one per byte; returns their number."""
    first = n
    out = model.out
    while i < end:
        at = i
        if not model.spaced:
            i += 1
        else:
            point = np.int64(text[i])
            if point < 0x80:
                i += 1
            else:
                point, i = decode_at(text, i)
            one = model.char_ids[point]
            if one >= 0:
                out[n] = np.uint32(one)
                n += 1
                continue
        while at < i:
            out[n] = model.byte_ids[text[at]]
            n += 1
            at += 1
    return n - first


@kernel()
def _encode_piece(model, text, i, size, k0, k1, n):  # type: ignore[no-untyped-def]
    """Writes the ids of a piece that isn't in the cache to `out[n:]`; returns their number.

    (k0, k1) is its key if it isn't longer than `whole.longest`.
    """
    if size <= model.whole.longest:
        place = find(model.whole, text, i, size, k0, k1)
        if place >= 0:
            return emit(model.whole, place, model.out, n) - n
    return merge(model.out, n, _symbols(model, text, i, i + size, n), model.merges, model.values)


@kernel()
def _cut(model, classes, split, text, i, end, room):  # type: ignore[no-untyped-def]
    """Writes the ends of the next pieces of `text[i:end]` to `block`, one in four words; returns the words.

    At least BLOCK pieces if there are so many, and less than BLOCK + 64.
    """
    block = model.block
    at = np.int64(0)
    # What lies before `slow` is not for windows.
    slow = i
    while i < end and at < 4 * BLOCK:
        if model.quick and i >= slow and i + 64 <= room:
            if model.spaced:
                starts, seen, last = part_window(text, i, end, model.joins)
            else:
                starts, seen, last = window(text, i, end, split)
            slow = i + seen
            while starts != 0:
                block[at] = np.uint64(i + trailing_zeros(starts))
                starts &= starts - np.uint64(1)
                at += 4
            if last:
                block[at] = np.uint64(end)
                return at + 4
            if at > 0 and np.int64(block[at - 4]) > i:
                i = np.int64(block[at - 4])
                if seen == 64:
                    slow = i
                continue
        if model.spaced:
            i = next_part(text, i, end, room, model.joins)
        else:
            i = next_piece(text, i, end, room, classes, split)
        block[at] = np.uint64(i)
        at += 4
    return at


@kernel()
def _look_ahead(model, cache, text, i, room, cut):  # type: ignore[no-untyped-def]
    """Writes key and home of the pieces that `_cut` found behind their ends, and has the homes fetched."""
    block = model.block
    keyed = max(cache.longest, model.whole.longest)
    wide = np.int64(block[cut - 4]) + 16 <= room
    for at in range(0, cut, 4):
        stop = np.int64(block[at])
        size = stop - i
        k0 = k1 = np.uint64(0)
        if size <= SHORT:
            if wide:
                k0, k1 = plain_key(text, i, size)
            else:
                k0, k1 = short_key(text, i, size, room)
        elif size <= keyed:
            k0, k1 = long_key(text, i, size)
        place = home(cache, k0, k1)
        prefetch(cache.slots, place)
        block[at + 1] = k0
        block[at + 2] = k1
        block[at + 3] = np.uint64(place)
        i = stop


@kernel()
def _encode_text(model, cache, classes, split, text, i, end, room, n):  # type: ignore[no-untyped-def]
    """Writes the ids of the text `text[i:end]` to `out[n:]`; returns the new n."""
    block = model.block
    while i < end:
        cut = _cut(model, classes, split, text, i, end, room)
        _look_ahead(model, cache, text, i, room, cut)
        for at in range(0, cut, 4):
            stop = np.int64(block[at])
            size = stop - i
            k0 = block[at + 1]
            k1 = block[at + 2]
            place = np.int64(-1)
            if size <= cache.longest:
                place = find_from(cache, np.int64(block[at + 3]), text, i, size, k0, k1)
            if place >= 0:
                n = emit(cache, place, model.out, n)
            else:
                count = _encode_piece(model, text, i, size, k0, k1, n)
                insert(cache, ~place, text, i, size, k0, k1, model.out, n, count)
                n += count
            i = stop
    return n


@kernel()
def encode_rows(program, cache, data, offsets, skipped, scratch, values, out, ends):  # type: ignore[no-untyped-def]
    """Ids of every row that isn't skipped, each followed by `end_id`, one after another in `out`.

    `ends[row + 1]` is where the ids of a row end; a skipped row has none. `scratch` (uint8) holds a normalized
    row, `2 * bytes + 1`, when the program is `spaced`; `values` is uint64, VALUES of them. `out` (uint32) has
    room for an id per byte, or per byte of the normalized text, and for `end_id`, and SLACK. Returns the number
    of ids.
    """
    classes = pointer(program.classes)
    model = _Model(
        program.spaced,
        pointer(program.byte_ids),
        pointer(program.char_ids),
        open_joins(program.joins),
        open_merges(program.merges),
        open_table(program.whole),
        pointer(out),
        pointer(values),
        pointer(values[SCANNED:]),
        program.spaced or quick(classes, program.split),
    )
    opened = open_table(cache)
    rules = pointer(program.rules.classes)
    text = pointer(data)
    n = np.int64(0)
    for row in range(len(offsets) - 1):
        if not skipped[row]:
            i = offsets[row]
            end = offsets[row + 1]
            room = len(data)
            source = text
            if program.spaced:
                source = pointer(scratch)
                end = normalize_spaces(text, i, end, rules, program.rules.prepended, source)
                i = np.int64(0)
                room = len(scratch)
            n = _encode_text(model, opened, classes, program.split, source, i, end, room, n)
            out[n] = program.end_id
            n += 1
        ends[row + 1] = n
    return n


@kernel()
def find_any(data, offsets, needles, bounds, starts, found):  # type: ignore[no-untyped-def]
    """Marks in `found` every row that holds one of the needles `needles[bounds[k]:bounds[k + 1]]`.

    `starts` tells the bytes that needles begin with.
    """
    for row in range(len(offsets) - 1):
        end = offsets[row + 1]
        for i in range(offsets[row], end):
            if not starts[data[i]]:
                continue
            for k in range(len(bounds) - 1):
                size = bounds[k + 1] - bounds[k]
                if i + size > end:
                    continue
                j = 0
                while j < size and data[i + j] == needles[bounds[k] + j]:
                    j += 1
                if j == size:
                    found[row] = True
                    break
            if found[row]:
                break
