"""Byte-pair encoding of text columns: the loop over documents, pieces, the cache of pieces, and the merges.

A text is cut into pieces that are encoded one by one: by a split pattern (`bpe_split`), or, after `bpe_normal`,
where no merge reaches over (`bpe_joins`). A piece's ids come from the cache, and
from the merge loop when it isn't there. All of it takes time in proportion to the text, but for the merges of
a very long piece (n log n).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tamis.kernels.bpe_cache import SHORT, PieceTable, emit, find, insert, long_key, open_table, short_key
from tamis.kernels.bpe_joins import Joins, next_part, open_joins
from tamis.kernels.bpe_memory import decode_at, pointer
from tamis.kernels.bpe_merge import SCANNED, Merges, merge, open_merges
from tamis.kernels.bpe_normal import Rules, normalize_spaces
from tamis.kernels.bpe_patterns import Split
from tamis.kernels.bpe_split import next_piece

SLACK = 4
"""Entries of `out` beyond the ids themselves that `encode_rows` needs."""
VALUES = SCANNED
"""Entries of `values`, the merge loop's scratch, that it needs."""


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


@njit(nogil=True, cache=True, boundscheck=False)
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


@njit(nogil=True, cache=True, boundscheck=False)
def _encode_piece(model, text, i, size, k0, k1, n):  # type: ignore[no-untyped-def]
    """Writes the ids of a piece that isn't in the cache to `out[n:]`; returns their number.

    (k0, k1) is its key if it isn't longer than `whole.longest`.
    """
    if size <= model.whole.longest:
        place = find(model.whole, text, i, size, k0, k1)
        if place >= 0:
            return emit(model.whole, place, model.out, n) - n
    return merge(model.out, n, _symbols(model, text, i, i + size, n), model.merges, model.values)


@njit(nogil=True, cache=True, boundscheck=False)
def _encode_text(model, cache, classes, split, text, i, end, room, n):  # type: ignore[no-untyped-def]
    """Writes the ids of the text `text[i:end]` to `out[n:]`; returns the new n."""
    keyed = max(cache.longest, model.whole.longest)
    while i < end:
        if model.spaced:
            stop = next_part(text, i, end, room, model.joins)
        else:
            stop = next_piece(text, i, end, room, classes, split)
        size = stop - i
        k0 = k1 = np.uint64(0)
        place = np.int64(-1)
        if size <= SHORT:
            k0, k1 = short_key(text, i, size, room)
            place = find(cache, text, i, size, k0, k1)
        elif size <= keyed:
            k0, k1 = long_key(text, i, size)
            if size <= cache.longest:
                place = find(cache, text, i, size, k0, k1)
        if place >= 0:
            n = emit(cache, place, model.out, n)
        else:
            count = _encode_piece(model, text, i, size, k0, k1, n)
            insert(cache, ~place, text, i, size, k0, k1, model.out, n, count)
            n += count
        i = stop
    return n


@njit(nogil=True, cache=True, boundscheck=False)
def encode_rows(program, cache, data, offsets, skipped, scratch, values, out, ends):  # type: ignore[no-untyped-def]
    """Ids of every row that isn't skipped, each followed by `end_id`, one after another in `out`.

    `ends[row + 1]` is where the ids of a row end; a skipped row has none. `scratch` (uint8) holds a normalized
    row, `2 * bytes + 1`, when the program is `spaced`; `values` is uint64, VALUES of them. `out` (uint32) has
    room for an id per byte, or per byte of the normalized text, and for `end_id`, and SLACK. Returns the number
    of ids.
    """
    model = _Model(
        program.spaced,
        pointer(program.byte_ids),
        pointer(program.char_ids),
        open_joins(program.joins),
        open_merges(program.merges),
        open_table(program.whole),
        pointer(out),
        pointer(values),
    )
    opened = open_table(cache)
    classes = pointer(program.classes)
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


@njit(nogil=True, cache=True, boundscheck=False)
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
