"""Words of a document: the one definition that every stage counts, compares and hashes by.

A word is a maximal run of letters, digits and combining marks; a character of a script written without
spaces (Han, kana, Thai, ...) is a word of its own. Soft hyphens and zero-width (non-)joiners inside a word
are passed over: they neither end it nor count. A word's hash is of its lower-cased text, eight bytes at
a time, so it is the same in any position, document and process.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import kernel
from tamis.kernels.simd import LANES, load64, pointer, trailing_zeros, word_masks
from tamis.kernels.unicode import JOINER, UNSPACED, WORD, char_tables, decode

_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_CASE = np.uint64(0x2020202020202020)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# The last word of a block may reach its end, and is read eight bytes at a time.
_MARGIN = LANES + 8


@kernel(inline="always")
def mix64(x):  # type: ignore[no-untyped-def]
    """Finalizer of splitmix64: every input bit reaches every output bit."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


@kernel(inline="always")
def max_words(size):  # type: ignore[no-untyped-def]
    """Upper bound of the words in `size` bytes, for scratch arrays.

    Two words in a row need a byte of something else between them, or one of them is a character of three
    bytes or more.
    """
    return size // 2 + 1


@kernel(inline="always")
def _fold(h, eight):  # type: ignore[no-untyped-def]
    h = (h ^ eight) * _PRIME
    return h ^ (h >> np.uint64(32))


@kernel(inline="always")
def _finish(h, eight, size):  # type: ignore[no-untyped-def]
    """Hash of a word of `size` bytes: `eight` holds those that `h` hasn't."""
    if size & 7:
        h = _fold(h, eight)
    return mix64(h ^ np.uint64(size))


@kernel(inline="always")
def _utf8(point):  # type: ignore[no-untyped-def]
    """The bytes of a code point in an uint64, the first one lowest, and their number."""
    low = np.uint64(0x80) | (point & np.uint64(63))
    if point < np.uint64(0x80):
        return point, 1
    if point < np.uint64(0x800):
        return np.uint64(0xC0) | (point >> np.uint64(6)) | (low << np.uint64(8)), 2
    middle = np.uint64(0x80) | ((point >> np.uint64(6)) & np.uint64(63))
    if point < np.uint64(0x10000):
        return np.uint64(0xE0) | (point >> np.uint64(12)) | (middle << np.uint64(8)) | (low << np.uint64(16)), 3
    high = np.uint64(0x80) | ((point >> np.uint64(12)) & np.uint64(63))
    return (
        np.uint64(0xF0)
        | (point >> np.uint64(18))
        | (high << np.uint64(8))
        | (middle << np.uint64(16))
        | (low << np.uint64(24))
    ), 4


@kernel()
def _any_words(data, start, end, classes, lower, hashes, starts, lengths, n):  # type: ignore[no-untyped-def]
    """As `hash_words`, for text of any script, character by character; `n` words are there already."""
    h = _SEED
    eight = np.uint64(0)
    size = 0
    length = 0
    first = start
    i = start
    while i < end:
        at = i
        point, i = decode(data, i)
        kind = classes[point]
        if (kind & (WORD | JOINER)) == JOINER:
            continue
        joins = (kind & WORD) != 0 and (kind & UNSPACED) == 0
        if not joins and length > 0:
            hashes[n] = _finish(h, eight, size)
            starts[n] = first
            lengths[n] = length
            n += 1
            length = 0
        if (kind & WORD) == 0:
            continue
        if length == 0:
            h = _SEED
            eight = np.uint64(0)
            size = 0
            first = at
        code, count = _utf8(np.uint64(lower[point]))
        for _ in range(count):
            eight |= (code & np.uint64(255)) << np.uint64(8 * (size & 7))
            code >>= np.uint64(8)
            size += 1
            if size & 7 == 0:
                h = _fold(h, eight)
                eight = np.uint64(0)
        length += 1
        if not joins:
            hashes[n] = _finish(h, eight, size)
            starts[n] = first
            lengths[n] = length
            n += 1
            length = 0
    if length > 0:
        hashes[n] = _finish(h, eight, size)
        starts[n] = first
        lengths[n] = length
        n += 1
    return n


@kernel(inline="always")
def _ascii_word(text, start, end):  # type: ignore[no-untyped-def]
    """Hash of a word of ASCII letters and digits; bytes up to seven past its end are read."""
    h = _SEED
    at = start
    while end - at > 8:
        h = _fold(h, load64(text, at) | _CASE)
        at += 8
    eight = (load64(text, at) | _CASE) & (_ALL >> np.uint64(64 - 8 * (end - at)))
    return mix64(_fold(h, eight) ^ np.uint64(end - start))


@kernel()
def hash_words(data, start, end, classes, lower, hashes, starts, lengths):  # type: ignore[no-untyped-def]
    """Words of the document `data[start:end]`; returns their number.

    Fills, per word: `hashes` (uint64), `starts` (int64 byte position), `lengths` (int64 characters). The
    arrays must hold `max_words(end - start)` entries.
    """
    n = 0
    i = start
    text = pointer(data)
    # A run of letters, digits and bytes of other scripts: it ends at the first other ASCII character. Runs
    # with a byte of another script are left to the slower loop.
    inside = np.uint64(0)
    run = start
    other = np.uint64(0)
    while i < end and i <= data.shape[0] - _MARGIN:
        masks = word_masks(text, i)
        others = masks[1]
        words = masks[0] | others
        if end - i < LANES:
            ours = (np.uint64(1) << np.uint64(end - i)) - np.uint64(1)
            words &= ours
            others &= ours
        edges = words ^ ((words << np.uint64(1)) | inside)
        while edges != 0:
            edge = trailing_zeros(edges)
            edges &= edges - np.uint64(1)
            if inside == 0:
                run = i + edge
                inside = np.uint64(1)
                other = np.uint64(0)
                continue
            inside = np.uint64(0)
            stop = i + edge
            other |= others & ((np.uint64(1) << np.uint64(edge)) - np.uint64(1)) & (_ALL << np.uint64(max(run - i, 0)))
            if other != 0:
                n = _any_words(data, run, stop, classes, lower, hashes, starts, lengths, n)
                continue
            hashes[n] = _ascii_word(text, run, stop)
            starts[n] = run
            lengths[n] = stop - run
            n += 1
        if inside != 0:
            other |= others & (_ALL << np.uint64(max(run - i, 0)))
        i += LANES
    if inside != 0:
        i = run
    if i < end:
        n = _any_words(data, i, end, classes, lower, hashes, starts, lengths, n)
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
