"""Prose statistics of a document: words, lines, symbols, stop words. One pass for words, one for the rest.

The pass for the rest has no loop over characters: what lines and tokens are like is found for 64 bytes at a time, by
arithmetic on masks of a bit for each byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.jit import kernel
from tamis.kernels.lines import NEWLINE, ascii_spaces, low_bits, padded, wide_spaces
from tamis.kernels.simd import LANES, ones, pointer, range_mask, trailing_zeros
from tamis.kernels.unicode import LETTER, char_tables, decode
from tamis.kernels.words import hash_words, max_words, word_hash

BULLETS = "-*•‣⁃◦∙·▪▫■□●○▶►➢➤"
"""Characters that open a bullet line. Dashes longer than a hyphen open lines of dialogue in French, Spanish
and other languages, so they are none."""

_BULLETS = np.array([ord(char) for char in BULLETS], np.uint32)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)
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
    """Fills columns 0 to 2 of `out` (documents, counts)."""
    longest = 0
    for d in range(out.shape[0]):
        longest = max(longest, offsets[d + 1] - offsets[d])
    room = max_words(longest)
    hashes = np.empty(room, np.uint64)
    starts = np.empty(room, np.int64)
    lengths = np.empty(room, np.int64)
    mask = np.uint64(slots.shape[1] - 1)
    met = np.full(slots.shape, -1, np.int64)
    for d in range(out.shape[0]):
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
        out[d, 0] = words
        out[d, 1] = characters
        out[d, 2] = stop_words


@kernel(inline="always")
def _letters(text, at, letters, others, solid, classes):  # type: ignore[no-untyped-def]
    """`letters`, and letters beyond ASCII among `others`: at least one in each run of `solid` that has any."""
    rest = others & ~range_mask(text, at, 0x80, 0x40)
    while rest != 0:
        place = trailing_zeros(rest)
        rest &= rest - _ONE
        point, _ = decode(text, at + place)
        if (classes[point] & LETTER) != 0:
            letters |= _ONE << np.uint64(place)
            stop = trailing_zeros(~solid & (_ALL << np.uint64(place)))
            rest &= ~low_bits(stop)
    return letters


@kernel(inline="always")
def _dot_runs(dots, before):  # type: ignore[no-untyped-def]
    """Runs of full stops, the first of which may go on from `before` of them: how many threes are completed, where
    runs of three and more end (bit after the last one), and how many full stops the last bits end with."""
    threes = 0
    ends = np.uint64(0)
    place = 0
    if (dots & _ONE) == 0:
        before = 0
    while dots != 0:
        place = trailing_zeros(dots)
        stop = place + trailing_zeros(~(dots >> np.uint64(place)))
        run = stop - place
        if place == 0:
            threes -= before // 3
            run += before
        threes += run // 3
        if stop == LANES:
            return threes, ends, run
        if run >= 3:
            ends |= _ONE << np.uint64(stop)
        dots &= _ALL << np.uint64(stop)
    return threes, ends, 0


@kernel(inline="always")
def _behind(marks, blanks):  # type: ignore[no-untyped-def]
    """Each of `marks`, moved past the `blanks` that begin there; and whether one of them leaves the block."""
    sum_ = blanks + (marks & blanks)
    return (sum_ & ~blanks) | (marks & ~blanks), np.uint64(sum_ < blanks)


@kernel(inline="always")
def _runs_met(runs, marks, carry):  # type: ignore[no-untyped-def]
    """A bit right behind each run of `runs` that has one of `marks`, which lie inside runs; and the next `carry`:
    whether a run with a mark goes on in the next block.

    A mark is added to its run: the sum carries to the run's end, and one bit further.
    """
    sum_ = runs + marks
    over = sum_ < runs
    all_ = sum_ + carry
    return all_ & ~runs, np.uint64(over or all_ < sum_)


@kernel()
def _count_lines(data, offsets, classes, bullets, out):  # type: ignore[no-untyped-def]
    """Fills columns 3 to 9 of `out` (documents, counts)."""
    text = pointer(data)
    for d in range(out.shape[0]):
        tokens = alpha_tokens = hashes = ellipses = lines = bullet_lines = ellipsis_lines = 0
        i = offsets[d]
        end = offsets[d + 1]
        # What goes on in the next block: a token, one with a letter, a line that isn't blank, the blanks a line begins
        # with (a bit where they are looked for), those behind an ellipsis, a run of full stops, a wide character.
        in_token = letter_seen = in_line = trailing = wide = np.uint64(0)
        fresh = _ONE
        dots = 0
        while True:
            size = min(end - i, LANES)
            ours = low_bits(size)
            newlines = range_mask(text, i, NEWLINE, 1) & ours
            spaces = ascii_spaces(text, i) & ours
            others = range_mask(text, i, 0x80, 0x80) & ours
            letters = (range_mask(text, i, 0x41, 26) | range_mask(text, i, 0x61, 26)) & ours
            full_stops = range_mask(text, i, 0x2E, 1) & ours
            dash_stars = (range_mask(text, i, 0x2D, 1) | range_mask(text, i, 0x2A, 1)) & ours
            hashes += ones(range_mask(text, i, 0x23, 1) & ours)
            ellipsis_ends = trailing
            trailing = np.uint64(0)
            if others != 0:
                two, three = wide_spaces(text, i)
                two &= ours
                three &= ours
                spaces |= wide | two | (two << _ONE) | three | (three << _ONE) | (three << np.uint64(2))
                wide = (two >> np.uint64(63)) | (three >> np.uint64(62)) | (three >> np.uint64(63))
                dots3 = (
                    range_mask(text, i, 0xE2, 1) & range_mask(text, i + 1, 0x80, 1) & range_mask(text, i + 2, 0xA6, 1)
                )
                dots3 &= ours
                ellipses += ones(dots3)
                ellipsis_ends |= dots3 << np.uint64(3)
                trailing = dots3 >> np.uint64(61)
            solid = ours & ~spaces
            if size < LANES:
                # The end of the document ends its line.
                newlines |= _ONE << np.uint64(size)
                spaces |= newlines
            if others != 0:
                letters = _letters(text, i, letters, others & solid, solid, classes)
            tokens += ones(solid & ~((solid << _ONE) | in_token))
            in_token = solid >> np.uint64(63)
            met, letter_seen = _runs_met(solid, letters, letter_seen)
            alpha_tokens += ones(met)
            met, in_line = _runs_met(ours & ~newlines, solid, in_line)
            lines += ones(met & newlines)

            if dots != 0 or (full_stops & (full_stops << _ONE) & (full_stops << np.uint64(2))) != 0:
                threes, ends, dots = _dot_runs(full_stops, dots)
                ellipses += threes
                ellipsis_ends |= ends
                trailing |= np.uint64(dots >= 3)
            elif (full_stops >> np.uint64(63)) != 0:
                dots = 2 if (full_stops >> np.uint64(62)) == 3 else 1
            blanks = spaces & ~newlines
            if ellipsis_ends != 0:
                behind, over = _behind(ellipsis_ends, blanks)
                ellipsis_lines += ones(behind & newlines)
                trailing |= over
            firsts, over = _behind((newlines << _ONE) | fresh, blanks)
            fresh = over | (newlines >> np.uint64(63))
            firsts &= solid
            bullet_lines += ones(firsts & dash_stars)
            firsts &= others
            while firsts != 0:
                point, _ = decode(text, i + trailing_zeros(firsts))
                firsts &= firsts - _ONE
                for bullet in bullets:
                    bullet_lines += point == bullet
            if size < LANES:
                break
            i += LANES
        out[d, 3] = tokens
        out[d, 4] = alpha_tokens
        out[d, 5] = hashes
        out[d, 6] = ellipses
        out[d, 7] = lines
        out[d, 8] = bullet_lines
        out[d, 9] = ellipsis_lines


def count_prose(
    data: Bytes, offsets: Offsets, tables: npt.NDArray[np.uint64], lists: npt.NDArray[np.int32]
) -> ProseCounts:
    """Counts words, tokens, symbols and lines of each document.

    `lists[i]` is the row in `tables` of document i's stop words, or `NO_LIST`.
    """
    chars = char_tables()
    out = np.zeros((len(offsets) - 1, len(ProseCounts._fields)), np.int64)
    _count_words(data, offsets, chars.classes, chars.lower, tables, lists, out)
    for part, places, first in padded(data, offsets):
        _count_lines(part, places, chars.classes, _BULLETS, out[first : first + len(places) - 1])
    return ProseCounts(*np.ascontiguousarray(out.T))
