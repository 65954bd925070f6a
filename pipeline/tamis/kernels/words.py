"""Words of a document: the one definition that every stage counts, compares and hashes by.

A word is a maximal run of letters, digits and combining marks; a character of a script written without
spaces (Han, kana, Thai, ...) is a word of its own. Soft hyphens and zero-width (non-)joiners inside a word
are passed over: they neither end it nor count. A word's hash is of its lower-cased code points, so it is
the same in any position, document and process.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tamis.kernels.unicode import JOINER, UNSPACED, WORD, char_tables, decode

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def mix64(x):  # type: ignore[no-untyped-def]
    """Finalizer of splitmix64: every input bit reaches every output bit."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def max_words(size):  # type: ignore[no-untyped-def]
    """Upper bound of the words in `size` bytes, for scratch arrays.

    Two words in a row need a byte of something else between them, or one of them is a character of three
    bytes or more.
    """
    return size // 2 + 1


@njit(nogil=True, cache=True, boundscheck=False)
def hash_words(data, start, end, classes, lower, hashes, starts, lengths):  # type: ignore[no-untyped-def]
    """Words of the document `data[start:end]`; returns their number.

    Fills, per word: `hashes` (uint64), `starts` (int64 byte position), `lengths` (int64 characters). The
    arrays must hold `max_words(end - start)` entries.
    """
    n = 0
    h = _SEED
    length = 0
    i = start
    while i < end:
        at = i
        point, i = decode(data, i)
        kind = classes[point]
        if (kind & WORD) == 0:
            if (kind & JOINER) != 0:
                continue
            if length > 0:
                hashes[n] = mix64(h)
                lengths[n] = length
                n += 1
                length = 0
            continue
        if (kind & UNSPACED) != 0:
            if length > 0:
                hashes[n] = mix64(h)
                lengths[n] = length
                n += 1
            starts[n] = at
            hashes[n] = mix64((_SEED ^ np.uint64(lower[point])) * _PRIME)
            lengths[n] = 1
            n += 1
            length = 0
            continue
        if length == 0:
            h = _SEED
            starts[n] = at
        h = (h ^ np.uint64(lower[point])) * _PRIME
        length += 1
    if length > 0:
        hashes[n] = mix64(h)
        lengths[n] = length
        n += 1
    return n


def word_hash(word: str) -> int:
    """Hash of one word as `hash_words` gives it, for tables of stop words and the like."""
    data = np.frombuffer(word.encode(), np.uint8)
    tables = char_tables()
    hashes = np.empty(len(data) + 1, np.uint64)
    starts = np.empty(len(data) + 1, np.int64)
    lengths = np.empty(len(data) + 1, np.int64)
    if hash_words(data, 0, len(data), tables.classes, tables.lower, hashes, starts, lengths) != 1:
        raise ValueError(f"{word!r} is not one word: a run of letters and digits; write its parts on their own")
    return int(hashes[0])
