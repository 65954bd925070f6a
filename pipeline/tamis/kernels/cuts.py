"""What a cut of lines leaves of a text, piece by piece, and the spans that it takes out.

The state of that is an array `rest` of `REST` numbers, as the functions share it; spans are rows of start, end,
newlines that take their place, and kind.
"""

from __future__ import annotations

import numpy as np

from tamis.kernels.jit import kernel
from tamis.kernels.lines import NEWLINE, count_characters, last_character
from tamis.kernels.unicode import SPACE, decode

WHITE_SPACE, CITATION, LINES = 0, 1, 2
"""Kinds of a span: it cuts lines, or else citations, or else white space alone."""
REST = 8
SPANS, FIRST_SPAN, OPEN_LINES, KIND = 0, 1, 2, 3
"""Spans of all documents so far, and of those before this one; newlines to stand before what comes next; kind of the
span before it."""
UPTO, LEFT, SOLID, SOLID_SPANS = 4, 5, 6, 7
"""Where the last piece ended; whether there is any; where the last one that isn't white space ended, and the spans
there were then."""


@kernel()
def begin_text(start, rest):  # type: ignore[no-untyped-def]
    """The next document begins at `start`."""
    rest[FIRST_SPAN] = rest[SPANS]
    rest[UPTO] = start
    rest[LEFT] = rest[OPEN_LINES] = 0
    rest[KIND] = WHITE_SPACE


@kernel()
def with_room(spans, n):  # type: ignore[no-untyped-def]
    """The spans in an array for at least `n`."""
    if n <= spans.shape[0]:
        return spans
    more = np.empty((2 * n, 4), np.int64)
    for k in range(spans.shape[0]):
        for part in range(4):
            more[k, part] = spans[k, part]
    return more


@kernel(inline="always")
def _add_span(spans, n, start, end, newlines, kind):  # type: ignore[no-untyped-def]
    """Puts a span behind the `n` that there are."""
    spans[n, 0] = start
    spans[n, 1] = end
    spans[n, 2] = newlines
    spans[n, 3] = kind


@kernel()
def _leave(text, start, end, classes, rest, spans):  # type: ignore[no-untyped-def]
    """The text that a cut leaves goes on with `text[start:end]`.

    What stands between that and the text so far is a span, if it isn't just the newlines that have to be there. White
    space at the beginning of the text goes, too.
    """
    if rest[LEFT] == 0:
        while start < end:
            point, after = decode(text, start)
            if (classes[point] & SPACE) == 0:
                break
            start = after
        rest[OPEN_LINES] = 0
    if start == end:
        return
    at = rest[UPTO]
    newlines = rest[OPEN_LINES]
    while newlines > 0 and at < start and text[at] == NEWLINE:
        newlines -= 1
        at += 1
    if at < start:
        _add_span(spans, rest[SPANS], at, start, newlines, rest[KIND])
        rest[SPANS] += 1
    rest[LEFT] = 1
    rest[OPEN_LINES] = 0
    rest[KIND] = WHITE_SPACE
    rest[UPTO] = end
    while end > start:
        point, before = last_character(text, start, end)
        if (classes[point] & SPACE) == 0:
            rest[SOLID] = end
            rest[SOLID_SPANS] = rest[SPANS]
            break
        end = before


@kernel()
def leave_line(text, start, end, citations, cited, classes, rest, spans):  # type: ignore[no-untyped-def]
    """The text that a cut leaves goes on with a line, without its citations."""
    rest[OPEN_LINES] += 1
    for k in range(citations):
        _leave(text, start, cited[2 * k], classes, rest, spans)
        rest[KIND] = max(rest[KIND], CITATION)
        start = cited[2 * k + 1]
    _leave(text, start, end, classes, rest, spans)


@kernel()
def close(text, start, end, rest, spans):  # type: ignore[no-untyped-def]
    """Cuts what is behind the text that is left, and moves the document's spans to positions in it.

    Returns the characters that all its spans take out.
    """
    upto = start
    if rest[LEFT] != 0:
        rest[SPANS] = rest[SOLID_SPANS]
        upto = rest[SOLID]
    if upto < end:
        _add_span(spans, rest[SPANS], upto, end, 0, rest[KIND])
        rest[SPANS] += 1
    removed = 0
    for n in range(rest[FIRST_SPAN], rest[SPANS]):
        removed += count_characters(text, spans[n, 0], spans[n, 1]) - spans[n, 2]
        spans[n, 0] -= start
        spans[n, 1] -= start
    return removed
