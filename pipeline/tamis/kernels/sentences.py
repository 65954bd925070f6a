"""Sentences of a line: one definition for all scripts, without a model and without lists of abbreviations.

A sentence ends at a mark with Unicode's property Sentence_Terminal (`. ! ? 。 । ؟` and others), the punctuation right
behind it included, where white space follows and then, in the same line, a letter, digit or symbol. A mark beyond
ASCII needs no white space. A full stop ends no sentence before a lower-case letter (UAX #29, rule SB8), nor behind a
letter that stands alone: initials, `e.g.`, `z. B.`.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import kernel
from tamis.kernels.lines import last_character, low_bits
from tamis.kernels.simd import LANES, range_mask, trailing_zeros
from tamis.kernels.unicode import LETTER, LOWER, PUNCTUATION, SENTENCE_END, SPACE, SYMBOL, WORD, decode

_FULL_STOP = 0x2E


@kernel(inline="always")
def _alone(text, start, at, classes):  # type: ignore[no-untyped-def]
    """Whether a letter that stands alone ends right before `at`."""
    if at == start:
        return False
    point, before = last_character(text, start, at)
    if (classes[point] & LETTER) == 0:
        return False
    if before == start:
        return True
    point, _ = last_character(text, start, before)
    return (classes[point] & WORD) == 0


@kernel()
def count_sentences(text, start, end, classes, marks):  # type: ignore[no-untyped-def]
    """Sentences of the line `text[start:end]`, which isn't blank: at least one. Reads 64 bytes past its end."""
    n = 1
    free = start
    for i in range(start, end, LANES):
        found = range_mask(text, i, _FULL_STOP, 1) | range_mask(text, i, 0x21, 1) | range_mask(text, i, 0x3F, 1)
        # No character of two bytes before U+0580 ends a sentence: Latin, Greek and Cyrillic are passed over.
        found = (found | range_mask(text, i, 0xD6, 0x2A)) & low_bits(min(end - i, LANES))
        while found != 0:
            at = i + trailing_zeros(found)
            found &= found - np.uint64(1)
            if at < free:
                continue
            point, after = decode(text, at)
            if (marks[point] & SENTENCE_END) == 0:
                continue
            wide = False
            strong = False
            while True:
                if (marks[point] & SENTENCE_END) != 0:
                    wide |= point >= 0x80
                    strong |= point != _FULL_STOP
                elif (classes[point] & PUNCTUATION) == 0:
                    break
                free = after
                if free >= end:
                    return n
                point, after = decode(text, free)
            if not wide and (classes[point] & SPACE) == 0:
                continue
            while (classes[point] & (WORD | SYMBOL)) == 0:
                free = after
                if free >= end:
                    return n
                point, after = decode(text, free)
            if strong or ((marks[point] & LOWER) == 0 and not _alone(text, start, at, classes)):
                n += 1
    return n
