"""Pre-tokenization of byte-level BPE: the split patterns in use, compiled by hand over UTF-8 bytes.

The patterns are one family: a word with at most one sign before it, a few digits, a run of symbols with a
space before it, white space up to its last newline, and other white space, which leaves its last character to
what follows. A `Split` says in what a pattern differs from its siblings; one loop serves them all.
Characters have the classes that the `tokenizers` library's own regular expressions see, in whatever version of
Unicode that is: the table is made by asking it (`tamis.tokens.program`).
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.bpe_memory import decode_at, skip_letters
from tamis.kernels.bpe_patterns import (
    ANY_CONTRACTIONS,
    LETTER,
    LOWER,
    LOWER_CONTRACTIONS,
    MARK,
    NEWLINE,
    NUMBER,
    OTHER,
    SPACE,
    TRAILING_CONTRACTIONS,
    UPPER,
)
from tamis.kernels.jit import kernel


@kernel()
def contraction(text, i, end, any_case):  # type: ignore[no-untyped-def]
    """End of the contraction whose apostrophe is at `i`, or `i` when there is none."""
    if i + 1 >= end:
        return i
    b = text[i + 1]
    if any_case:
        # The long s (U+017F) is an s whose case is ignored, and the only such character outside ASCII.
        if b == 0xC5 and i + 2 < end and text[i + 2] == 0xBF:
            return i + 3
        if b < 0x80:
            b |= 0x20
    if b == 0x73 or b == 0x74 or b == 0x6D or b == 0x64:
        return i + 2
    if i + 2 >= end:
        return i
    c = text[i + 2]
    if any_case and c < 0x80:
        c |= 0x20
    if ((b == 0x72 or b == 0x76) and c == 0x65) or (b == 0x6C and c == 0x6C):
        return i + 3
    return i


@kernel()
def _kind(text, i, classes):  # type: ignore[no-untyped-def]
    """Class of the character at `i`, and where the next one is."""
    b = text[i]
    if b < 0x80:
        return classes[b], i + 1
    point, after = decode_at(text, i)
    return classes[point], after


@kernel()
def _letters(text, i, end, room, classes, mask):  # type: ignore[no-untyped-def]
    """End of the run of letters, and of what else `mask` has outside ASCII, that begins at `i`."""
    while True:
        i = skip_letters(text, i, end, room)
        if i == end or text[i] < 0x80:
            return i
        point, after = decode_at(text, i)
        if (classes[point] & mask) == 0:
            return i
        i = after


@kernel()
def _run(text, i, end, classes, mask):  # type: ignore[no-untyped-def]
    """End of the run of characters in the classes of `mask` that begins at `i`."""
    while i < end:
        kind, after = _kind(text, i, classes)
        if (kind & mask) == 0:
            break
        i = after
    return i


@kernel()
def _cased_word(text, i, word, end, classes):  # type: ignore[no-untyped-def]
    """End of a word in upper, then lower case whose letters begin at `word`, maybe behind one sign at `i`.

    Follows the two alternatives of the pattern with A = upper case, caseless and marks, and B = lower case,
    caseless and marks: `.?A*B+` and else `.?A+B*`. `i` when there is none.
    """
    last = np.int64(-1)
    j = word
    while j < end:
        kind, after = _kind(text, j, classes)
        if (kind & (UPPER | OTHER | MARK)) == 0:
            break
        j = after
        if (kind & (OTHER | MARK)) != 0:
            last = j
    stop = _run(text, j, end, classes, LOWER | OTHER | MARK)
    if stop > j:
        return stop
    if last >= 0:
        # A* gives back what B+ needs: up to the last character that is in both.
        return last
    if word > i:
        # Without the sign before it: a mark is a sign and in A and B, too.
        kind, after = _kind(text, i, classes)
        if (kind & MARK) != 0:
            return after
    return j if j > word else i


@kernel()
def next_piece(text, i, end, room, classes, split):  # type: ignore[no-untyped-def]
    """End of the piece that begins at byte `i < end` of a text that ends at `end`.

    `text` and `classes` (uint8, 0x110000 of them) are pointers; `room` bytes of `text` may be read.
    """
    kind, j = _kind(text, i, classes)
    b = text[i]
    word = split.word
    if b == 0x27 and (split.contractions == LOWER_CONTRACTIONS or split.contractions == ANY_CONTRACTIONS):
        stop = contraction(text, i, end, split.contractions == ANY_CONTRACTIONS)
        if stop > i:
            return stop
    after_kind = kind & 0
    after = j
    if j < end:
        after_kind, after = _kind(text, j, classes)
    start = np.int64(-1)
    lead = b == 0x20
    if split.any_lead:
        # What leads a word is no letter, number or newline; a mark is, unless words are made of marks only so.
        lead = (kind & (LETTER | NUMBER | NEWLINE)) == 0 and ((kind & word) == 0 or split.cased)
    if lead and (after_kind & word) != 0:
        start = j
    elif (kind & word) != 0:
        start = i
    if start >= 0:
        if not split.cased:
            return _letters(text, j, end, room, classes, word)
        stop = _cased_word(text, i, start, end, classes)
        if split.contractions == TRAILING_CONTRACTIONS and stop < end and text[stop] == 0x27:
            stop = contraction(text, stop, end, split.cased)
        return stop
    if (kind & NUMBER) != 0 or (b == 0x20 and split.spaced_digits and (after_kind & NUMBER) != 0):
        left = split.digits - 1 if (kind & NUMBER) != 0 else split.digits
        while left > 0 and j < end:
            kind, after = _kind(text, j, classes)
            if (kind & NUMBER) == 0:
                break
            j = after
            left -= 1
        return j
    if (kind & split.solid) == 0 or (b == 0x20 and j < end and (after_kind & split.solid) == 0):
        while j < end:
            kind, after = _kind(text, j, classes)
            if (kind & split.solid) != 0:
                break
            j = after
        if split.tail:
            while j < end and (text[j] == 10 or text[j] == 13 or (split.slash_tail and text[j] == 0x2F)):
                j += 1
        return j
    return _white_space(text, i, end, classes, split.newlines)


@kernel()
def _white_space(text, i, end, classes, newlines):  # type: ignore[no-untyped-def]
    """End of a piece of white space: behind its last newline, or before its last character."""
    line = np.int64(-1)
    last = i
    j = i
    while j < end:
        kind, after = _kind(text, j, classes)
        if (kind & SPACE) == 0:
            break
        last = j
        j = after
        if (kind & NEWLINE) != 0:
            line = j
    if newlines and line >= 0:
        return line
    if j == end or last == i:
        return j
    return last
