"""Byte-pair encoding of text columns: the loop over documents, pieces, the cache of pieces, and the merges.

A text is cut into pieces that are encoded one by one: by a split pattern (`bpe_split`), or before every run of
space markers (`bpe_normal`) where no merge reaches over such a place. A piece's ids come from the cache, and
from the merge loop when it isn't there. All of it takes time in proportion to the text, but for the merges of
a very long piece (n log n).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tamis.kernels.bpe_cache import SHORT, PieceTable, emit, find, insert, long_key, short_key
from tamis.kernels.bpe_merge import SCANNED, Merges, merge
from tamis.kernels.bpe_normal import Rules, normalize_spaces
from tamis.kernels.bpe_patterns import Split
from tamis.kernels.bpe_split import next_piece
from tamis.kernels.bpe_words import find_space
from tamis.kernels.unicode import decode

SLACK = 4
"""Entries of `out` beyond the ids themselves that `encode_rows` needs."""


class Program(NamedTuple):
    """A tokenizer, compiled."""

    spaced: bool
    """Pieces are cut before runs of space markers, after `rules`; else by `split`, of the text as it is."""
    rules: Rules
    split: Split
    classes: npt.NDArray[np.uint8]
    """Character classes for `split`."""
    byte_ids: npt.NDArray[np.uint32]
    """Id of each byte: of all bytes, or of those of a character that has no id."""
    char_ids: npt.NDArray[np.int32]
    """Id of each code point or -1, when `spaced`; the space's is the marker's."""
    merges: Merges
    whole: PieceTable
    """Pieces that are never merged but have one id (`ignore_merges`)."""
    end_id: int
    """Id that ends every document."""


@njit(nogil=True, cache=True, boundscheck=False)
def _symbols(program, data, i, end, out, n):  # type: ignore[no-untyped-def]
    """Writes the symbols of a piece before any merge to `out[n:]`, at most one per byte; returns their number."""
    first = n
    if not program.spaced:
        while i < end:
            out[n] = program.byte_ids[data[i]]
            n += 1
            i += 1
        return n - first
    while i < end:
        at = i
        point, i = decode(data, i)
        one = program.char_ids[point]
        if one >= 0:
            out[n] = np.uint32(one)
            n += 1
        else:
            while at < i:
                out[n] = program.byte_ids[data[at]]
                n += 1
                at += 1
    return n - first


@njit(nogil=True, cache=True, boundscheck=False)
def _encode_piece(program, data, i, end, out, n, values):  # type: ignore[no-untyped-def]
    """Writes the ids of a piece that isn't in the cache to `out[n:]`; returns their number."""
    size = end - i
    whole = program.whole
    if size <= whole.longest:
        if size <= SHORT:
            k0, k1 = short_key(data, i, size)
        else:
            k0, k1 = long_key(data, i, size)
        place = find(whole, data, i, size, k0, k1)
        if place >= 0:
            return emit(whole, place, out, n) - n
    return merge(out, n, _symbols(program, data, i, end, out, n), program.merges, values)


@njit(nogil=True, cache=True, boundscheck=False)
def _encode_text(program, cache, data, i, end, out, n, values):  # type: ignore[no-untyped-def]
    """Writes the ids of the text `data[i:end]` to `out[n:]`; returns the new n."""
    while i < end:
        if program.spaced:
            stop = i
            while stop < end and data[stop] == 32:
                stop += 1
            stop = find_space(data, stop, end)
        else:
            stop = next_piece(data, i, end, program.classes, program.split)
        size = stop - i
        if size <= SHORT:
            k0, k1 = short_key(data, i, size)
        elif size <= cache.longest:
            k0, k1 = long_key(data, i, size)
        else:
            n += _encode_piece(program, data, i, stop, out, n, values)
            i = stop
            continue
        place = find(cache, data, i, size, k0, k1)
        if place >= 0:
            n = emit(cache, place, out, n)
        else:
            count = _encode_piece(program, data, i, stop, out, n, values)
            insert(cache, ~place, data, i, size, k0, k1, out, n, count)
            n += count
        i = stop
    return n


@njit(nogil=True, cache=True, boundscheck=False)
def encode_rows(program, cache, data, offsets, skipped, scratch, read_scratch, out, ends):  # type: ignore[no-untyped-def]
    """Ids of every row that isn't skipped, each followed by `end_id`, one after another in `out`.

    `ends[row + 1]` is where the ids of a row end; a skipped row has none. `scratch` holds a normalized row
    (`2 * bytes + 1`) when the program is `spaced`; `read_scratch` is the same memory, read-only like `data`.
    `out` has room for an id per byte, or per byte of the normalized text, and `end_id`, and SLACK. Returns the
    number of ids.
    """
    values = np.empty(SCANNED, np.uint64)
    # Typed zeros: a literal one would have everything below compiled once more.
    n = np.int64(0)
    for row in range(len(offsets) - 1):
        if not skipped[row]:
            i = offsets[row]
            end = offsets[row + 1]
            if program.spaced:
                size = normalize_spaces(data, i, end, program.rules, scratch)
                n = _encode_text(program, cache, read_scratch, np.int64(0), size, out, n, values)
            else:
                n = _encode_text(program, cache, data, i, end, out, n, values)
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
