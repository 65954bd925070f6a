"""Pre-tokenization of 64 bytes at once: where pieces begin, by arithmetic on masks of one bit a byte.

For the split patterns of GPT-4's kind (`quick`), where the bytes are ASCII, Latin or Cyrillic letters of two bytes,
or common signs of three; `bpe_split` cuts what is left. A window begins where a piece does, so that nothing before
it matters, and only those of its pieces count whose ends no byte behind it could move. A branch for each
character, which a processor can't foresee, would take most of the time that a tokenizer has.
The method is that of simdjson (Langdale and Lemire, 2019).
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.bpe_memory import masks
from tamis.kernels.bpe_patterns import ANY_CONTRACTIONS, LETTER, NO_CONTRACTIONS, NUMBER, SPACE
from tamis.kernels.bpe_split import contraction
from tamis.kernels.jit import kernel
from tamis.kernels.simd import trailing_zeros

_ONE = np.uint64(1)
_TWO = np.uint64(2)
_THREE = np.uint64(3)
_ALL = np.uint64((1 << 64) - 1)


@kernel()
def quick(classes, split):  # type: ignore[no-untyped-def]
    """Whether windows serve a split pattern and its table of character classes, a pointer."""
    contractions = split.contractions == ANY_CONTRACTIONS or split.contractions == NO_CONTRACTIONS
    digits = split.digits == 1 or split.digits == 3
    if split.cased or split.spaced_digits or split.slash_tail or not (contractions and digits):
        return False
    if not (split.any_lead and split.tail and split.newlines):
        return False
    # The masks are made for these classes.
    fits = True
    for point in range(0x20, 0x80):
        letter = 0x61 <= (point | 0x20) <= 0x7A
        fits &= ((classes[point] & LETTER) != 0) == letter
        fits &= ((classes[point] & NUMBER) != 0) == (0x30 <= point <= 0x39)
        fits &= ((classes[point] & SPACE) != 0) == (point == 0x20)
    for point in range(0xC0, 0x480):
        if (point < 0x180 and point != 0xD7 and point != 0xF7) or point >= 0x400:
            fits &= (classes[point] & LETTER) != 0
    for point in range(0x2010, 0x2040):
        if not 0x2028 <= point < 0x2030:
            fits &= (classes[point] & split.solid) == 0
    return fits


@kernel()
def window(text, i, end, split):  # type: ignore[no-untyped-def]
    """Where pieces of `text[i:end]` begin, for a piece that begins at `i`: one bit for each byte behind `i`.

    Also returns how many bytes were looked at, and whether `end` is among them: then the last piece ends there.
    The 64 bytes from `i` on must exist.
    """
    letters, digits, spaces, tabs, newlines, controls, high, two, c3, c3_not, e2, e2_80, e2_last, quotes = masks(
        text, i
    )
    valid = _ALL
    last = end - i < 64
    if last:
        valid = (_ONE << np.uint64(end - i)) - _ONE
    # Letters of two bytes, and signs of three: all their bytes get the bit.
    pairs = two & (high >> _ONE) & ~(c3 & (c3_not >> _ONE))
    letters = (letters | pairs | (pairs << _ONE)) & valid
    wide = e2 & (e2_80 >> _ONE) & (e2_last >> _TWO) & valid
    digits &= valid
    blanks = (spaces | tabs) & valid
    spaces &= valid
    newlines &= valid
    white = blanks | newlines
    narrow = valid & ~(letters | digits | white | high | controls)
    signs = narrow | wide | (wide << _ONE) | (wide << _TWO)
    # A newline behind a blank may end a piece that an earlier newline seemed to: not decided here.
    unknown = (valid & ~(letters | digits | white | signs)) | (newlines & (blanks << _ONE))
    # A sign by itself before letters, and no space before it, belongs to them, as a blank does.
    sign_starts = signs & ~(signs << _ONE)
    apart = sign_starts & ~(spaces << _ONE)
    leads = apart & ((narrow & (letters >> _ONE)) | (wide & (letters >> _THREE)))
    led = (blanks << _ONE) | ((leads & narrow) << _ONE) | ((leads & wide) << _THREE)
    starts = apart | (letters & ~(letters << _ONE) & ~led)
    if split.digits == 1:
        starts |= digits
    else:
        more = digits & (digits << _ONE) & (digits << _TWO) & (digits << _THREE)
        some = digits & ~(digits << _ONE)
        while some != 0:
            starts |= some
            some = (some << _THREE) & more
    # Signs take the newlines behind them.
    behind = newlines & (signs << _ONE)
    taken = newlines & ~(newlines + behind)
    rest = white & ~taken
    starts |= rest & ~(rest << _ONE)
    starts |= blanks & ((newlines << _ONE) | ((valid & ~white) >> _ONE))
    if split.contractions != NO_CONTRACTIONS:
        quoted = leads & quotes
        while quoted != 0:
            at = trailing_zeros(quoted)
            stop = contraction(text, i + at, end, True) - i
            if at < stop < 64:
                starts |= _ONE << np.uint64(stop)
            quoted &= quoted - _ONE
    seen = np.int64(64)
    if last:
        seen = end - i
    if unknown != 0:
        seen = trailing_zeros(unknown)
        last = False
    if not last:
        # What a sign or a blank begins may depend on three bytes behind it, white space on all of it.
        sure = np.int64(0)
        if seen > 3:
            sure = seen - 3
        # All ones from the beginning of the white space on that reaches `seen`.
        below = _ALL if seen == 64 else (_ONE << np.uint64(seen)) - _ONE
        solid = below & ~white
        for shift in (1, 2, 4, 8, 16, 32):
            solid |= solid >> np.uint64(shift)
        known = (solid << _ONE) | _ONE
        starts &= known & ((_ONE << np.uint64(sure)) - _ONE)
    return starts & valid & ~_ONE, seen, last
