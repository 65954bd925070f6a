"""Prose statistics of a document: words, lines, symbols, stop words. One pass for words, one for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.unicode import LETTER, SPACE, char_tables, decode
from tamis.kernels.words import hash_words, max_words, word_hash

BULLETS = "-*•‣⁃◦∙·▪▫■□●○▶►➢➤"
"""Characters that open a bullet line. Dashes longer than a hyphen open lines of dialogue in French, Spanish
and other languages, so they are none."""

_BULLETS = np.array([ord(char) for char in BULLETS], np.uint32)
_HASH, _DOT, _NEWLINE, _ELLIPSIS = 0x23, 0x2E, 0x0A, 0x2026
# Words are hashed block by block, cut at white space, so that their scratch arrays stay in the cache.
_BLOCK = 1 << 15


NO_LIST = -1
"""Stands for no list of stop words."""


def stop_word_tables(lists: Sequence[Iterable[str]]) -> npt.NDArray[np.uint64]:
    """Hash tables of lists of stop words, each entry one word as `tamis.kernels.words` has it.

    Shape (lists, slots): open addressing from `hash & (slots - 1)`; 0 is an empty slot. Raises ValueError
    for an entry that isn't one word ("it's" is two, "" is none).
    """
    hashes = [{word_hash(word) for word in words} for words in lists]
    size = 16
    while size < 8 * max((len(row) for row in hashes), default=0):
        size *= 2
    slots = np.zeros((len(hashes), size), np.uint64)
    for row, entries in zip(slots, hashes, strict=True):
        for entry in sorted(entries):
            slot = entry & (size - 1)
            while row[slot] != 0:
                slot = (slot + 1) & (size - 1)
            row[slot] = entry
    return slots


class ProseCounts(NamedTuple):
    """What is counted in each document; all arrays are int64 of shape (documents,)."""

    words: npt.NDArray[np.int64]
    word_characters: npt.NDArray[np.int64]
    """Characters in words."""
    stop_words: npt.NDArray[np.int64]
    """Distinct stop words of the document's list; 0 without a list."""
    tokens: npt.NDArray[np.int64]
    """Runs of anything but white space."""
    alpha_tokens: npt.NDArray[np.int64]
    """Tokens with a letter."""
    hashes: npt.NDArray[np.int64]
    """`#` characters."""
    ellipses: npt.NDArray[np.int64]
    """`…`, and each three full stops in a row."""
    lines: npt.NDArray[np.int64]
    """Lines that aren't blank."""
    bullet_lines: npt.NDArray[np.int64]
    ellipsis_lines: npt.NDArray[np.int64]


@kernel()
def _count_words(data, offsets, classes, lower, slots, lists, out):  # type: ignore[no-untyped-def]
    """Fills rows 0 to 2 of `out` (counts, documents)."""
    longest = 0
    for d in range(out.shape[1]):
        longest = max(longest, offsets[d + 1] - offsets[d])
    room = max_words(longest)
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    mask = np.uint64(slots.shape[1] - 1)
    met = np.full(slots.shape, -1, np.int64)
    for d in range(out.shape[1]):
        row = lists[d]
        words = 0
        characters = 0
        stop_words = 0
        start = offsets[d]
        end = offsets[d + 1]
        while start < end:
            cut = min(end, start + _BLOCK)
            while cut < end and data[cut] > 32:
                cut += 1
            n = hash_words(data, start, cut, classes, lower, hashes, starts, lengths)
            start = cut
            words += n
            for i in range(n):
                characters += lengths[i]
            if row < 0:
                continue
            for i in range(n):
                slot = hashes[i] & mask
                while slots[row, slot] != 0:
                    if slots[row, slot] == hashes[i]:
                        if met[row, slot] != d:
                            met[row, slot] = d
                            stop_words += 1
                        break
                    slot = (slot + np.uint64(1)) & mask
        out[0, d] = words
        out[1, d] = characters
        out[2, d] = stop_words


@kernel()
def _count_lines(data, offsets, classes, bullets, out):  # type: ignore[no-untyped-def]
    """Fills rows 3 to 9 of `out` (counts, documents)."""
    for d in range(out.shape[1]):
        tokens = alpha_tokens = hashes = ellipses = lines = bullet_lines = ellipsis_lines = 0
        in_token = letter_seen = in_line = trailing = False
        dots = 0
        i = offsets[d]
        end = offsets[d + 1]
        while i < end:
            point, i = decode(data, i)
            kind = classes[point]
            if (kind & SPACE) != 0:
                if in_token:
                    tokens += 1
                    alpha_tokens += letter_seen
                    in_token = letter_seen = False
                dots = 0
                if point == _NEWLINE and in_line:
                    lines += 1
                    ellipsis_lines += trailing
                    in_line = False
                continue
            in_token = True
            letter_seen |= (kind & LETTER) != 0
            if not in_line:
                in_line = True
                for bullet in bullets:
                    bullet_lines += point == bullet
            if point == _DOT:
                dots += 1
                ellipses += dots % 3 == 0
                trailing = dots >= 3
            else:
                dots = 0
                trailing = point == _ELLIPSIS
                ellipses += trailing
                hashes += point == _HASH
        tokens += in_token
        alpha_tokens += letter_seen
        lines += in_line
        ellipsis_lines += in_line and trailing
        out[3, d] = tokens
        out[4, d] = alpha_tokens
        out[5, d] = hashes
        out[6, d] = ellipses
        out[7, d] = lines
        out[8, d] = bullet_lines
        out[9, d] = ellipsis_lines


def count_prose(
    data: Bytes, offsets: Offsets, tables: npt.NDArray[np.uint64], lists: npt.NDArray[np.int32]
) -> ProseCounts:
    """Counts words, tokens, symbols and lines of each document.

    `lists[i]` is the row in `tables` of document i's stop words, or `NO_LIST`.
    """
    chars = char_tables()
    out = np.zeros((len(ProseCounts._fields), len(offsets) - 1), np.int64)
    _count_words(data, offsets, chars.classes, chars.lower, tables, lists, out)
    _count_lines(data, offsets, chars.classes, _BULLETS, out)
    return ProseCounts(*out)
