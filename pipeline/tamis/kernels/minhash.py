"""MinHash signatures of word n-grams, their bands, and their agreement.

A signature has one 32-bit slot per hash function; slot k is the smallest value that function k takes on
the document's shingles, so two documents agree in a slot with a probability that is their Jaccard
similarity (Broder, "On the resemblance and containment of documents", 1997). A shingle is a window of
`ngram` consecutive words as `tamis.kernels.words` has them.

Shingle hashes are fully mixed 64-bit values cut to 32 bits, and every slot mixes them twice more with
three constants of its own (xor-multiply, shift, multiply): the slots behave as independent hash
functions, so the estimate has no bias and the binomial variance J(1 - J)/slots, on documents of one
shingle as on long ones (tests/kernels/test_minhash.py measures both).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import char_tables
from tamis.kernels.words import hash_words, mix64

Slots = npt.NDArray[np.uint32]

_LAST = np.uint32(0xFFFFFFFF)
_BASE = np.uint64(0x9E3779B97F4A7C15)
# Shingles of a document are hashed in tiles that stay in the L1 cache while every slot runs over them;
# a tile is padded to whole vectors with its last shingle, which a minimum can't see.
_TILE = 1024
_LANES = 16


def slot_constants(slots: int, seed: int) -> Slots:
    """The constants of `slots` hash functions, shape (3, slots), uint32; rows 1 and 2 are odd.

    They come from splitmix64 started at `seed`, so they are the same in every version of every library.
    """
    mask = (1 << 64) - 1
    state = seed & mask
    values = np.empty(3 * slots, np.uint32)
    for i in range(len(values)):
        state = (state + 0x9E3779B97F4A7C15) & mask
        x = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        values[i] = (x ^ (x >> 31)) >> 32
    constants = values.reshape(3, slots)
    constants[1:] |= 1
    return constants


@kernel()
def _slot_minima(x, count, constants, row):  # type: ignore[no-untyped-def]
    """Lowers `row` to the slot values of the shingles `x[:count]`; `count` is a multiple of `_LANES`."""
    for k in range(row.shape[0]):
        a = constants[0, k]
        b = constants[1, k]
        c = constants[2, k]
        least = row[k]
        for i in range(count):
            v = np.uint32((x[i] ^ a) * b)
            v = np.uint32((v ^ np.uint32(v >> np.uint32(15))) * c)
            least = min(least, v)
        row[k] = least


@kernel()
def _sign(data, offsets, classes, lower, ngram, constants, out, words):  # type: ignore[no-untyped-def]
    """Fills `out` (rows, slots) and `words` (rows): signatures and numbers of words."""
    longest = 0
    for d in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    hashes = np.empty(longest + 1, np.uint64)
    starts = np.empty(longest + 1, np.int64)
    lengths = np.empty(longest + 1, np.int64)
    tile = np.empty(_TILE + _LANES, np.uint32)
    for d in range(offsets.shape[0] - 1):
        n = hash_words(data, offsets[d], offsets[d + 1], classes, lower, hashes, starts, lengths)
        words[d] = n
        row = out[d]
        row[:] = _LAST
        if n == 0:
            continue
        width = min(n, ngram)
        # The window's hash is a polynomial in _BASE, rolled from one position to the next.
        h = np.uint64(0)
        leaving = np.uint64(1)
        for i in range(width):
            h = h * _BASE + hashes[i]
            leaving *= _BASE
        shingles = n - width + 1
        filled = 0
        for i in range(shingles):
            tile[filled] = np.uint32(mix64(h) >> np.uint64(32))
            filled += 1
            if i + 1 < shingles:
                h = h * _BASE + hashes[i + width] - leaving * hashes[i]
                if filled < _TILE:
                    continue
            padded = (filled + _LANES - 1) // _LANES * _LANES
            for j in range(filled, padded):
                tile[j] = tile[filled - 1]
            _slot_minima(tile, padded, constants, row)
            filled = 0


@kernel()
def _band_keys(signatures, scopes, rows_per_band, keys):  # type: ignore[no-untyped-def]
    """Fills `keys` (bands, rows)."""
    for band in range(keys.shape[0]):
        for d in range(signatures.shape[0]):
            h = mix64(scopes[d] ^ _BASE)
            for k in range(band * rows_per_band, (band + 1) * rows_per_band):
                h = mix64((h ^ np.uint64(signatures[d, k])) * _BASE)
            keys[band, d] = h


@kernel(inline="always")
def agreeing(signatures, a, b):  # type: ignore[no-untyped-def]
    """Number of slots in which rows `a` and `b` of `signatures` agree."""
    n = 0
    for k in range(signatures.shape[1]):
        n += signatures[a, k] == signatures[b, k]
    return n


@kernel()
def _similarities(signatures, left, right, out):  # type: ignore[no-untyped-def]
    for i in range(left.shape[0]):
        out[i] = np.float32(agreeing(signatures, left[i], right[i]) / signatures.shape[1])


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only plain view, so that a loop is compiled once whatever array it is given."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def sign(data: Bytes, offsets: Offsets, ngram: int, constants: Slots) -> tuple[Slots, npt.NDArray[np.int64]]:
    """Signatures, shape (rows, slots), of the documents in a text column, and their numbers of words.

    A document with fewer words than `ngram` has one shingle of all of them; one without words has a
    signature of nothing but the largest value, which means nothing.
    """
    rows = len(offsets) - 1
    out = np.empty((rows, constants.shape[1]), np.uint32)
    words = np.empty(rows, np.int64)
    if rows:
        tables = char_tables()
        _sign(frozen(data), frozen(offsets), tables.classes, tables.lower, ngram, frozen(constants), out, words)
    return out, words


def band_keys(signatures: Slots, scopes: npt.NDArray[np.uint64], bands: int) -> npt.NDArray[np.uint64]:
    """One 64-bit key per band and document, shape (bands, rows).

    Documents whose keys are equal in a band agree in all its slots and have the same scope value, but
    for collisions (one in 2**64 per pair).
    """
    rows, slots = signatures.shape
    keys = np.empty((bands, rows), np.uint64)
    if rows:
        _band_keys(frozen(signatures), frozen(scopes), slots // bands, keys)
    return keys


def similarities(
    signatures: Slots, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Estimated Jaccard similarity of the documents `left[i]` and `right[i]`: the share of equal slots."""
    out = np.empty(len(left), np.float32)
    if len(left):
        _similarities(frozen(signatures), frozen(left), frozen(right), out)
    return out
