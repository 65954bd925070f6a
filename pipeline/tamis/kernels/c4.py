"""C4's rules on lines: which lines fail and why, what a cut leaves, and what else is counted on the way.

Lines are told apart 64 bytes at a time, and few meet more than their own ends: brackets and the phrases of the rules
are looked for in whole blocks, so only a line that has one is read for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.cuts import (
    FIRST_SPAN,
    KIND,
    LINES,
    OPEN_LINES,
    REST,
    SPANS,
    begin_text,
    close,
    leave_line,
    with_room,
)
from tamis.kernels.jit import kernel
from tamis.kernels.lines import (
    MARGIN,
    NEWLINE,
    count_characters,
    last_character,
    low_bits,
    padded,
    trimmed,
)
from tamis.kernels.sentences import count_sentences
from tamis.kernels.simd import LANES, folded_mask, ones, pointer, range_mask, trailing_zeros
from tamis.kernels.unicode import CLOSING, DECIMAL, SENTENCE_END, SPACE, char_tables, decode, sentence_table

_ONE = np.uint64(1)
# What becomes of a line: it stays, or fails by the rule that is counted in this column.
_KEPT, _NO_MARK, _FEW_WORDS, _LONG_WORD, _JAVASCRIPT, _POLICY = 0, 4, 5, 6, 7, 8
_COUNTS = 14
_JAVASCRIPT_PHRASE, _LOREM_IPSUM, _POLICIES = 0, 1, 2
PHRASES = (
    "javascript",
    "lorem ipsum",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_TEXTS = np.frombuffer("".join(PHRASES).encode(), np.uint8)
_BOUNDS = np.cumsum([0, *map(len, PHRASES)])
_CITATIONS = ("[edit]", "[citation needed]")
_EDIT, _NEEDED = (np.frombuffer(text.encode(), np.uint8) for text in _CITATIONS)


def _anchor(letters: str) -> np.uint32:
    return np.uint32(int.from_bytes(letters.encode(), "little"))


# Four letters of each phrase, rare outside of it.
_VASC, _M_IP, _ERMS, _VACY, _OOKI = (_anchor(letters) for letters in ("vasc", "m ip", "erms", "vacy", "ooki"))


class LineRules(NamedTuple):
    """Which rules there are."""

    mark: bool
    """A line must end with a terminal mark, and not with `...`."""
    any_script: bool
    """Any mark that ends a sentence, with what closes behind it; else one of `. ? ! " '`."""
    min_words: int
    max_word_length: int
    """In characters; 0 for no limit."""
    citations: bool
    """`[1]`, `[edit]` and `[citation needed]` are cut."""
    javascript: bool
    policy: bool
    everywhere: bool
    """Placeholder text and curly brackets count in every line; else in those that the rules before them leave."""
    long_line: int
    """Characters of a long line."""


class LineCuts(NamedTuple):
    """What C4's rules count in each document (int64, one a document), and what a cut would take out."""

    lines: npt.NDArray[np.int64]
    """Lines that aren't blank."""
    sentences: npt.NDArray[np.int64]
    """In the lines that stay."""
    lorem_ipsum: npt.NDArray[np.int64]
    """Lines with it."""
    curly_bracket: npt.NDArray[np.int64]
    """Lines with one."""
    no_terminal_mark: npt.NDArray[np.int64]
    """Lines that fail for it, none of them blank; so, too, the next four."""
    few_words: npt.NDArray[np.int64]
    long_word: npt.NDArray[np.int64]
    javascript: npt.NDArray[np.int64]
    policy: npt.NDArray[np.int64]
    citations: npt.NDArray[np.int64]
    """In lines that stay."""
    removed: npt.NDArray[np.int64]
    """Characters that the cut takes out."""
    characters: npt.NDArray[np.int64]
    long_lines: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    """Of all spans, document by document: byte positions in the document; so, too, the next three."""
    ends: npt.NDArray[np.int64]
    newlines: npt.NDArray[np.int64]
    """How many take the span's place."""
    kinds: npt.NDArray[np.int64]


@kernel()
def _stands_at(text, at, end, wanted):  # type: ignore[no-untyped-def]
    """Whether the bytes `wanted` stand at `at`."""
    if end - at < len(wanted):
        return False
    same = True
    for k in range(len(wanted)):
        same &= text[at + k] == wanted[k]
    return same


@kernel()
def _has(text, start, end, phrase):  # type: ignore[no-untyped-def]
    """Whether the phrase of that number stands in `text[start:end]`, the case of letters aside."""
    first = _BOUNDS[phrase]
    size = _BOUNDS[phrase + 1] - first
    for at in range(start, end - size + 1):
        k = 0
        while k < size:
            wanted = _TEXTS[first + k]
            if text[at + k] != wanted and (wanted == 0x20 or (text[at + k] | 0x20) != wanted):
                break
            k += 1
        if k == size:
            return True
    return False


@kernel()
def _citation_end(text, at, end, marks):  # type: ignore[no-untyped-def]
    """Where the citation that begins with the bracket at `at` ends; `at` if none does."""
    i = at + 1
    while i < end:
        point, after = decode(text, i)
        if point == 0x5D:
            return after
        if (marks[point] & DECIMAL) == 0:
            break
        i = after
    if _stands_at(text, at, end, _EDIT):
        return at + len(_EDIT)
    if _stands_at(text, at, end, _NEEDED):
        return at + len(_NEEDED)
    return at


@kernel()
def _without_citations(text, start, end, marks, scratch, cited):  # type: ignore[no-untyped-def]
    """Copies `text[start:end]` without its citations into `scratch`; the bytes copied, and the citations' number.

    Fills `cited` with where each begins and ends.
    """
    n = 0
    size = 0
    i = start
    while i < end:
        if text[i] == 0x5B:
            after = _citation_end(text, i, end, marks)
            if after > i:
                cited[2 * n] = i
                cited[2 * n + 1] = after
                n += 1
                i = after
                continue
        scratch[size] = text[i]
        size += 1
        i += 1
    return size, n


@kernel()
def _words(text, start, end, classes, enough, longest):  # type: ignore[no-untyped-def]
    """Runs of anything but white space in `text[start:end]`, counted up to `enough`; with `longest` not 0 only those of
    more characters."""
    n = 0
    length = 0
    i = start
    while i < end:
        point, i = decode(text, i)
        space = (classes[point] & SPACE) != 0
        if space:
            length = 0
        else:
            length += 1
            if length == longest + 1:
                n += 1
                if n >= enough:
                    break
    return n


@kernel()
def _is_ended(text, start, end, any_script, marks):  # type: ignore[no-untyped-def]
    """Whether `text[start:end]` ends as a line has to."""
    if end == start:
        return False
    if end - start >= 3 and text[end - 1] == 0x2E and text[end - 2] == 0x2E and text[end - 3] == 0x2E:
        return False
    byte = text[end - 1]
    if byte == 0x2E or byte == 0x3F or byte == 0x21 or byte == 0x22 or byte == 0x27:
        return True
    if not any_script:
        return False
    while end > start:
        point, end = last_character(text, start, end)
        if (marks[point] & SENTENCE_END) != 0:
            return True
        if (marks[point] & CLOSING) == 0:
            break
    return False


@kernel()
def _judge(text, start, end, bracket, curly, phrase, rules, classes, marks, scratch, cited, row):  # type: ignore[no-untyped-def]
    """What becomes of the line whose text is `text[start:end]`, not blank: `_KEPT` or the rule that it fails.

    Also returns its citations. Counts into `row` what else there is of it.
    """
    limit = rules.max_word_length
    if 0 < limit < end - start and _words(text, start, end, classes, 1, limit) > 0:
        return _LONG_WORD, 0
    source, first, last, citations = text, start, end, 0
    if bracket and rules.citations:
        size, citations = _without_citations(text, start, end, marks, scratch, cited)
        if citations > 0:
            source, first, last = scratch, 0, size
            # A phrase or a bracket may have come together.
            phrase = True
    if rules.mark and not _is_ended(source, first, last, rules.any_script, marks):
        return _NO_MARK, citations
    if rules.min_words > 0 and _words(text, start, end, classes, rules.min_words, 0) < rules.min_words:
        return _FEW_WORDS, citations
    if phrase and not rules.everywhere and _has(source, first, last, _LOREM_IPSUM):
        row[2] += 1
    if phrase and rules.javascript and _has(source, first, last, _JAVASCRIPT_PHRASE):
        return _JAVASCRIPT, citations
    if curly and not rules.everywhere:
        row[3] += 1
    if phrase and rules.policy:
        for policy in range(_POLICIES, len(PHRASES)):
            if _has(source, first, last, policy):
                return _POLICY, citations
    if last > first:
        row[1] += count_sentences(source, first, last, classes, marks)
    return _KEPT, citations


@kernel()
def _measure(data, offsets, rules, classes, marks, scratch_bytes, cited, out):  # type: ignore[no-untyped-def]
    """Fills `out` (documents, counts) and returns all spans: start, end, newlines, kind."""
    text = pointer(data)
    scratch = pointer(scratch_bytes)
    spans = np.empty((1024, 4), np.int64)
    rest = np.zeros(REST, np.int64)
    for d in range(out.shape[0]):
        start = i = first = offsets[d]
        end = offsets[d + 1]
        row = out[d]
        begin_text(start, rest)
        spans = with_room(spans, rest[SPANS] + 1)
        bracket = curly = phrase = np.uint64(0)
        characters = 0
        while True:
            size = min(end - i, LANES)
            ours = low_bits(size)
            newlines = range_mask(text, i, NEWLINE, 1) & ours
            brackets = range_mask(text, i, 0x5B, 1) & ours
            curlies = range_mask(text, i, 0x7B, 1) & ours
            phrases = folded_mask(text, i, _VASC) | folded_mask(text, i, _M_IP) | folded_mask(text, i, _ERMS)
            phrases = (phrases | folded_mask(text, i, _VACY) | folded_mask(text, i, _OOKI)) & ours
            characters += ones(~range_mask(text, i, 0x80, 0x40) & ours)
            if size < LANES:
                # The end of the document ends its line.
                newlines |= _ONE << np.uint64(size)
            done = np.uint64(0)
            while newlines != 0:
                stop = i + trailing_zeros(newlines)
                upto = newlines ^ (newlines - _ONE)
                newlines &= newlines - _ONE
                bracket |= brackets & upto & ~done
                curly |= curlies & upto & ~done
                phrase |= phrases & upto & ~done
                done = upto
                if stop - first >= rules.long_line:
                    row[12] += count_characters(text, first, stop) >= rules.long_line
                begin, last = trimmed(text, first, stop, classes)
                if begin == last:
                    if not rules.mark and rules.min_words == 0:
                        rest[OPEN_LINES] += 1
                else:
                    row[0] += 1
                    if rules.everywhere:
                        row[2] += phrase != 0 and _has(text, begin, last, _LOREM_IPSUM)
                        row[3] += curly != 0
                    verdict, citations = _judge(
                        text,
                        begin,
                        last,
                        bracket != 0,
                        curly != 0,
                        phrase != 0,
                        rules,
                        classes,
                        marks,
                        scratch,
                        cited,
                        row,
                    )
                    if verdict == _KEPT:
                        row[9] += citations
                        # One for what is before each of its pieces, and one to close the document.
                        spans = with_room(spans, rest[SPANS] + citations + 2)
                        leave_line(text, begin, last, citations, cited, classes, rest, spans)
                    else:
                        row[verdict] += 1
                        rest[KIND] = LINES
                first = stop + 1
                bracket = curly = phrase = np.uint64(0)
            if size < LANES:
                break
            bracket |= brackets & ~done
            curly |= curlies & ~done
            phrase |= phrases & ~done
            i += LANES
        row[10] = close(text, start, end, rest, spans)
        row[11] = characters
        row[13] = rest[SPANS] - rest[FIRST_SPAN]
    return spans[: rest[SPANS]]


def apply_line_rules(data: Bytes, offsets: Offsets, rules: LineRules) -> LineCuts:
    """Counts what C4's rules find in each document, and what a cut of the failing lines takes out.

    The text left is that of the lines that stay, white space at their ends and their citations gone, joined by
    newlines, without white space at its own ends.
    """
    chars, marks = char_tables(), sentence_table()
    out = np.zeros((len(offsets) - 1, _COUNTS), np.int64)
    spans = [np.zeros((0, 4), np.int64)]
    for part, places, first in padded(data, offsets):
        # Memory that no line touches is never made.
        longest = int(np.diff(places).max())
        scratch, cited = np.empty(longest + MARGIN, np.uint8), np.empty(longest + 2, np.int64)
        rows = out[first : first + len(places) - 1]
        spans.append(_measure(part, places, rules, chars.classes, marks, scratch, cited, rows))
    return LineCuts(*np.ascontiguousarray(out.T), *np.concatenate(spans).T)
