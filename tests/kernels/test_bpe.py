"""The loops of byte-pair encoding against slow twins: the library's regular expressions, a list, a dict."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from tokenizers import Regex, pre_tokenizers

from tamis.kernels.bpe import find_any
from tamis.kernels.bpe_cache import SHORT, emit, find, insert, long_key, open_table, piece_table, plain_key, short_key
from tamis.kernels.bpe_joins import joins, next_part, open_joins, part_window
from tamis.kernels.bpe_memory import masks, skip_letters
from tamis.kernels.bpe_merge import SCANNED, merge, merge_table, open_merges
from tamis.kernels.bpe_normal import check_form_c, form_c_classes
from tamis.kernels.bpe_patterns import LLAMA3_SPLIT, NUMBER, QWEN2_SPLIT, SPLITS, TAMIS_SPLIT, split_pattern
from tamis.kernels.bpe_split import next_piece
from tamis.kernels.bpe_window import quick, window
from tamis.kernels.simd import pointer, prefetch
from tamis.kernels.unicode import composition
from tamis.tokens.program import split_classes

# -- splits

SIGNS = " \n\t\r'sStTmrRevVlLdſaBéßǅʰ中あ한ह1²½Ⅷ٣.,/_\u0301\u093f\u00a0\u3000\x85\u200d👍🏽"
MIXED = st.text(st.sampled_from(SIGNS), max_size=30) | st.text(max_size=30)


@njit
def _ends(data, classes, split, out):
    end = np.int64(len(data))
    i = np.int64(0)
    n = 0
    while i < end:
        i = next_piece(pointer(data), i, end, end, pointer(classes), split)
        out[n] = i
        n += 1
    return n


def ends(text: str, pattern: str) -> list[int]:
    data = np.frombuffer(text.encode() + b"x", np.uint8)[:-1]
    out = np.empty(len(data) + 1, np.int64)
    return out[: _ends(data, split_classes(), SPLITS[pattern], out)].tolist()


def library_ends(text: str, pattern: str) -> list[int]:
    pieces = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)
    return np.cumsum([len(piece.encode()) for piece, _ in pieces], dtype=np.int64).tolist()


PATTERNS = pytest.mark.parametrize("pattern", SPLITS, ids=range(len(SPLITS)))


@PATTERNS
def test_pieces_are_the_regular_expressions(pattern: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(MIXED)
    def same(text: str) -> None:
        assert ends(text, pattern) == library_ends(text, pattern)

    same()


@PATTERNS
@pytest.mark.parametrize(
    "text",
    [
        "It's I'LL they'Re x'ſ 'tis ''s 'l 'v",
        "HTMLParser XMLHttpRequest ÉCOLE École aªAªA ªAA ǅungla \u0301ABC \u0301\u0301ABc +\u0301a ++\u0301a",
        "  a   \n\n  b \r\n\t\tc \n",
        "1234567 12 ٣٤٥٦ ½² x1y22z333",
        "a//b/\n//\r\n;;; \n==/ =/=",
        "हिन्दी में ไม่มีช่องว่าง 中文。日本語",
    ],
)
def test_pieces_of_edge_cases(pattern: str, text: str) -> None:
    assert ends(text, pattern) == library_ends(text, pattern)


def _contexts(points: range) -> str:
    return "".join(f"a{chr(p)}b {chr(p)}1{chr(p)}A'{chr(p)} \n{chr(p)}." for p in points)


@PATTERNS
def test_classes_of_characters_are_the_librarys(pattern: str) -> None:
    for first in (0, 0x1000, 0x1D00, 0x2000, 0x3000, 0xA600, 0xFE00, 0x10300, 0x1D400, 0x1F100):
        text = _contexts(range(first, first + 0x180))
        assert ends(text, pattern) == library_ends(text, pattern)


@pytest.mark.slow
@PATTERNS
def test_classes_of_all_characters_are_the_librarys(pattern: str) -> None:
    spans = [(0, 0xD800), (0xE000, 0x34000), (0xE0000, 0xE0200), (0x10FF00, 0x110000)]
    for start, stop in spans:
        for first in range(start, stop, 0x1000):
            text = _contexts(range(first, min(first + 0x1000, stop)))
            assert ends(text, pattern) == library_ends(text, pattern), hex(first)


@pytest.mark.slow
def test_planes_that_are_left_out_hold_no_class() -> None:
    points = [*range(0x40000, 0xE0000), *range(0xE1000, 0x110000)]
    assert not split_classes()[points].any()
    split = pre_tokenizers.Split(Regex(r"[\p{L}\p{M}\p{N}\s\w]"), "removed", invert=True)
    for first in range(0, len(points), 0x10000):
        assert split.pre_tokenize_str("".join(map(chr, points[first : first + 0x10000]))) == []


# -- windows


@njit
def _quick(classes, split):
    return quick(pointer(classes), split)


@njit
def _window(data, i, end, split):
    return window(pointer(data), i, end, split)


WINDOWED = pytest.mark.parametrize("pattern", [TAMIS_SPLIT, LLAMA3_SPLIT, QWEN2_SPLIT], ids=["tamis", "llama", "qwen"])
# What the masks tell apart, what they don't know, and what is almost the one but the other.
PARTS = st.sampled_from(
    [
        *" \n\t\r'.,-/(aZszé×÷ÿßœſЖѿ1²٣’“…–—•‰\u2007\u2028\u202f\u205e中ह\u093f\u0301\u00a0\u00ad\x1c\x7f👍",
        *(
            "'s",
            "'LL",
            "'ſ",
            "  ",
            "\n\n",
            " \n",
            "\r\n",
            "word",
            "Été",
            "слово",
            "1234567",
            " -",
            "...",
            "x" * 70,
        ),
    ]
)
LONG = st.lists(PARTS, max_size=60).map("".join)


def test_windows_serve_the_splits_of_gpt4s_kind() -> None:
    served = {pattern for pattern, split in SPLITS.items() if _quick(split_classes(), split)}
    assert served == {TAMIS_SPLIT, LLAMA3_SPLIT, QWEN2_SPLIT, split_pattern("tamis", "groups-of-3")}
    # Another version of Unicode, in which the masks would be wrong.
    for point in (0x2F, 0x41, 0x7F, 0xE9, 0x17F, 0x431, 0x2019, 0x203F):
        classes = split_classes().copy()
        classes[point] = NUMBER
        assert not _quick(classes, SPLITS[QWEN2_SPLIT])


def windowed(text: str, behind: str, pattern: str) -> int:
    """Checks what a window finds from every piece of a text on; returns how many pieces it found in all."""
    data = np.frombuffer((text + behind + "." * 64).encode(), np.uint8)
    bounds = [0, *library_ends(text, pattern)]
    found = 0
    for k, start in enumerate(bounds[:-1]):
        starts, seen, last = _window(data, np.int64(start), np.int64(bounds[-1]), SPLITS[pattern])
        got = [start + bit for bit in range(64) if int(starts) >> bit & 1] + [bounds[-1]] * last
        assert got == bounds[k + 1 : k + 1 + len(got)], (text, start)
        assert 0 <= seen <= 64
        found += len(got)
    return found


@WINDOWED
def test_windows_find_the_pieces_of_the_regular_expressions(pattern: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(LONG, LONG)
    def same(text: str, behind: str) -> None:
        windowed(text, behind, pattern)

    same()


@WINDOWED
def test_a_window_finds_most_pieces_of_prose(pattern: str) -> None:
    text = "L'été, on l'utilise aussi — pour le « sable » : 12,5 kg (de “farine”).\n\nIt's the fox's; I'LL see.\n" * 3
    assert windowed(text.replace("«", "“").replace("»", "”"), "", pattern) > 8 * len(library_ends(text, pattern))


def test_masks_are_those_of_a_loop() -> None:
    data = np.frombuffer(bytes(range(256)) + bytes(64), np.uint8)

    @njit
    def at(data, i):
        prefetch(pointer(data), i)
        return masks(pointer(data), i)

    members: list[set[int]] = [set() for _ in range(14)]
    for first in range(0, 256, 64):
        for kept, word in zip(members, at(data, first), strict=True):
            kept |= {first + bit for bit in range(64) if int(word) >> bit & 1}
    assert members == [
        {byte for byte in range(128) if chr(byte).isalpha()},
        set(b"0123456789"),
        {32},
        {9},
        {10, 13},
        set(range(32)),
        set(range(128, 256)),
        {0xC3, 0xC4, 0xC5, 0xD0, 0xD1},
        {0xC3},
        {0x97, 0xB7},
        {0xE2},
        {0x80},
        {*range(0x90, 0xA8), *range(0xB0, 0xC0)},
        {39},
    ]


# -- bytes


@njit
def _skip(data, i, room):
    return skip_letters(pointer(data), i, np.int64(len(data)), room)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(list(b"azAZmM@[`{ \x00\x7f\x80\xe1\xff\x20\xa0")), max_size=40),
    st.integers(0, 40),
)
def test_letters_are_skipped_eight_at_a_time(items: list[int], start: int) -> None:
    text = bytes(items)
    start = min(start, len(text))
    padded = np.frombuffer(text + b"abcdefgh    ", np.uint8)
    data = padded[: len(text)]
    letters = re.compile(rb"[A-Za-z]*").match(text, start)
    assert letters is not None
    assert _skip(data, np.int64(start), np.int64(len(text))) == letters.end()
    assert _skip(data, np.int64(start), np.int64(len(padded))) == letters.end()


def test_needles_are_found_in_their_rows() -> None:
    needles, rows = [b"<eot>", b"<e", b"ab"], [b"", b"<eo", b"a<e", b"xab", b"a", b"b<eot>"]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    starts = np.zeros(256, np.bool_)
    starts[[60, 97]] = True
    found = np.zeros(len(rows), np.bool_)
    find_any(
        np.frombuffer(b"".join(rows), np.uint8),
        offsets,
        np.frombuffer(b"".join(needles), np.uint8),
        np.cumsum([0, *map(len, needles)], dtype=np.int64),
        starts,
        found,
    )
    # A needle doesn't reach into the next row: "<eo" + "a<e", "a" + "b<eot>".
    assert found.tolist() == [any(n in row for n in needles) for row in rows]
    assert found.tolist() == [False, True, True, True, False, True]


# -- parts of a text that nothing splits


@njit
def _parts(data, table, out):
    opened = open_joins(table)
    end = np.int64(len(data))
    i = np.int64(0)
    n = 0
    while i < end:
        i = next_part(pointer(data), i, end, end, opened)
        out[n] = i
        n += 1
    return n


def slow_parts(text: str, pairs: set[tuple[str, str]]) -> list[str]:
    """Cut before a run of spaces and between characters that are no pair, but not within ASCII letters."""
    parts: list[str] = []
    for left, right in pairwise(["", *text]):
        letters = re.fullmatch("[A-Za-z]{2}", left + right)
        spaces = left == right == " "
        if left and (spaces or (right != " " and (letters or (left, right) in pairs))):
            parts[-1] += right
        else:
            parts.append(right)
    return parts


SOME = st.sampled_from(" ab(,1é中")


@settings(max_examples=100, deadline=None)
@given(st.text(SOME, max_size=60), st.sets(st.tuples(SOME, SOME)))
def test_parts_are_cut_where_no_pair_is(text: str, pairs: set[tuple[str, str]]) -> None:
    data = np.frombuffer(text.encode() + b"x", np.uint8)[:-1]
    out = np.empty(len(data) + 1, np.int64)
    for all_pairs in (False, True):
        every = {(a, b) for a in " ab(,1é中" for b in " ab(,1é中"}
        bounds = [0, *out[: _parts(data, joins(pairs, all_pairs), out)]]
        got = [text.encode()[a:b].decode() for a, b in pairwise(bounds)]
        assert got == slow_parts(text, every if all_pairs else pairs)


@njit
def _part_window(data, i, end, table):
    return part_window(pointer(data), i, end, open_joins(table))


@settings(max_examples=100, deadline=None)
@given(st.text(SOME, max_size=120), st.text(SOME, max_size=60), st.sets(st.tuples(SOME, SOME)), st.booleans())
def test_windows_find_the_same_parts(text: str, behind: str, pairs: set[tuple[str, str]], every: bool) -> None:
    data = np.frombuffer((text + behind + "." * 64).encode(), np.uint8)
    table = joins(pairs, every)
    end = np.int64(len(text.encode()))
    out = np.empty(end + 1, np.int64)
    bounds = [0, *out[: _parts(data[:end], table, out)].tolist()]
    for k, start in enumerate(bounds[:-1]):
        starts, seen, last = _part_window(data, np.int64(start), end, table)
        got = [start + bit for bit in range(64) if int(starts) >> bit & 1] + [int(end)] * last
        assert got == bounds[k + 1 : k + 1 + len(got)]
        # All that lies before the first character that isn't ASCII is found.
        ascii_ = re.match(rb"[\x00-\x7f]*", bytes(data[start:end]))
        assert ascii_ is not None
        assert seen == min(ascii_.end(), 64)
        assert [bound for bound in bounds if start < bound < start + seen] == [bound for bound in got if bound < end]


# -- merges


@njit
def _merge(ids, merges, values):
    return merge(pointer(ids), np.int64(0), np.int64(len(ids)), open_merges(merges), pointer(values))


def slow_merge(ids: list[int], merges: list[tuple[int, int, int]]) -> list[int]:
    """Again and again, the pair learnt first, leftmost first."""
    rank = {(left, right): (k, new) for k, (left, right, new) in enumerate(merges)}
    while True:
        pairs = [(*rank[pair], k) for k, pair in enumerate(pairwise(ids)) if pair in rank]
        if not pairs:
            return ids
        _, new, at = min(pairs, key=lambda p: (p[0], p[2]))
        ids = [*ids[:at], new, *ids[at + 2 :]]


@st.composite
def merge_lists(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Merges over four symbols, each of two tokens that exist by then, in an order of their own."""
    names = {0: "a", 1: "b", 2: "c", 3: "d"}
    merges: list[tuple[int, int, int]] = []
    for _ in range(draw(st.integers(0, 25))):
        left, right = draw(st.sampled_from(sorted(names))), draw(st.sampled_from(sorted(names)))
        text = names[left] + names[right]
        if any(m[:2] == (left, right) for m in merges):
            continue
        new = next((k for k, name in names.items() if name == text), len(names))
        names[new] = text
        merges.append((left, right, new))
    return draw(st.permutations(merges))


@settings(max_examples=100, deadline=None)
@given(merge_lists(), st.lists(st.integers(0, 3), min_size=1, max_size=3 * SCANNED))
def test_merges_come_in_the_order_they_were_learnt(merges: list[tuple[int, int, int]], ids: list[int]) -> None:
    columns = np.array(merges, np.uint32).reshape(-1, 3).T
    table = merge_table(*columns)
    for part in (ids, ids[:SCANNED], ids[: SCANNED + 1]):
        got = np.array(part, np.uint32)
        count = _merge(got, table, np.empty(SCANNED, np.uint64))
        assert got[:count].tolist() == slow_merge(part, merges)


def test_a_long_piece_is_not_quadratic_and_right() -> None:
    # a a -> 1, 1 1 -> 2, ...: a power of two of equal symbols becomes one.
    steps = np.arange(20, dtype=np.uint32)
    ids = np.zeros(1 << 20, np.uint32)
    count = _merge(ids, merge_table(steps, steps, steps + 1), np.empty(SCANNED, np.uint64))
    assert (count, ids[0]) == (1, 20)


# -- the cache


@njit
def _look_up(table, data, i, size, ids, count, out):
    """Ids of a piece from the table into `out`, or -1 after it was put there."""
    opened = open_table(table)
    text, room = pointer(data), np.int64(len(data))
    if size <= SHORT:
        k0, k1 = short_key(text, i, size, room)
    else:
        k0, k1 = long_key(text, i, size)
    place = find(opened, text, i, size, k0, k1)
    if place >= 0:
        return emit(opened, place, pointer(out), np.int64(0))
    insert(opened, ~place, text, i, size, k0, k1, pointer(ids), np.int64(0), count)
    return np.int64(-1)


@njit
def _keys(data, i, size):
    text, room = pointer(data), np.int64(len(data))
    return plain_key(text, i, size), short_key(text, i, size, room), short_key(text, i, size, i + size)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=40, max_size=40), st.integers(0, 24), st.integers(1, SHORT))
def test_a_short_piece_is_its_own_key(data: bytes, start: int, size: int) -> None:
    piece = data[start : start + size]
    first, second = piece[:8].ljust(8, b"\0"), piece[8:].ljust(7, b"\0") + bytes([size])
    key = int.from_bytes(first, "little"), int.from_bytes(second, "little")
    for got in _keys(np.frombuffer(data, np.uint8), np.int64(start), np.int64(size)):
        assert tuple(map(int, got)) == key


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.binary(min_size=1, max_size=40) | st.sampled_from([b"a", b"b" * 15, b"c" * 16, b"c" * 17]),
        max_size=60,
    ),
    st.integers(3, 6),
)
def test_the_cache_gives_what_was_put_in_and_nothing_else(pieces: list[bytes], bits: int) -> None:
    table = piece_table(bits, 200, 30, 38)
    ids_of = {piece: np.arange(k, k + 1 + k % 7, dtype=np.uint32) for k, piece in enumerate(dict.fromkeys(pieces))}
    out = np.empty(64, np.uint32)
    found = 0
    for piece in [*pieces, *pieces, *pieces[-1:]]:
        ids = ids_of[piece]
        data = np.frombuffer(piece, np.uint8)
        count = _look_up(table, data, np.int64(0), np.int64(len(piece)), ids, np.int64(len(ids)), out)
        if count >= 0:
            found += 1
            assert out[:count].tolist() == ids.tolist()
    slots, key_bytes, id_count, _ = table.used
    assert slots <= 5 << (bits - 3)
    assert key_bytes <= 200
    assert id_count <= 30
    # The last one was put in a moment ago, unless the table doesn't take it.
    assert found or not pieces or len(pieces[-1]) > 38


# -- normal form C


def unsure(texts: list[str]) -> list[bool]:
    data = [text.encode() for text in texts]
    rows = np.zeros(len(texts), np.bool_)
    offsets = np.cumsum([0, *map(len, data)], dtype=np.int64)
    check_form_c(np.frombuffer(b"".join(data), np.uint8), offsets, form_c_classes(), rows)
    return rows.tolist()


def test_classes_of_composition_are_those_of_a_loop_over_all_characters() -> None:
    classes = form_c_classes()
    uncertain = set(composition().uncertain)
    for point in (*range(0xD800), *range(0xE000, 0x110000)):
        char = chr(point)
        known = unicodedata.category(char) != "Cn" and point not in uncertain
        assert classes[point] == (unicodedata.combining(char) if known else 255), hex(point)


def test_texts_that_may_compose_or_are_unknown_are_marked() -> None:
    texts = [
        "é plain text of some length",
        "e\u0301",
        "x\u0323\u0307",
        "x\u0307\u0323",
        "\u1112\u1161",
        "\u212b",
        "\u0378",
        "",
    ]
    assert unsure(texts) == [False, *[True] * 6, False]
    assert unsure(["क्षमा हिन्दी العربية עִבְרִית 👍🏽 \U000f0000"]) == [False]


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(categories=["L", "M", "N"]) | st.sampled_from("ae\u0301\u0323\u0307 "), max_size=12))
def test_a_text_without_a_mark_is_composed(text: str) -> None:
    if unsure([text]) == [False]:
        assert unicodedata.is_normalized("NFC", text)
