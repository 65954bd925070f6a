"""Prose counts and repetition ratios against plain Python, and by hand."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.buffers import text_buffers
from tamis.kernels.gopher import BULLETS, NO_LIST, ProseCounts, count_prose, stop_word_tables
from tamis.kernels.repetition import measure_repetition
from tamis.kernels.unicode import LETTER, char_tables
from tamis.kernels.words import hash_words, max_words, word_hash

SIZES = range(2, 11)
STOP = ["the", "of", "été", "的"]
PIECES = ["the", "of", "Été", "a", "的", "#", "...", "…", ".", "-", "•", "1", "=", "🎉", "\u00a0", "\u3000"]
SEPARATORS = [" ", " ", " ", "", "\n", "\n\n", "\n \n", "\t"]
prose = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda parts: "".join(piece + separator for piece, separator in parts)
)
parts = st.lists(
    st.tuples(st.sampled_from(["a", "B", "ccc", "été", "東"]), st.sampled_from([" ", " ", ", ", "\n", "\n\n"])),
    max_size=14,
).map(lambda parts: "".join(word + separator for word, separator in parts))
repetitive = st.tuples(parts, parts, st.integers(1, 4)).map(lambda t: (t[0] + t[1]) * t[2] + t[0])
texts = st.lists(prose | repetitive | st.text(max_size=60), max_size=5)


def buffers(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return text_buffers(pa.array(texts, pa.large_string()))


def words_of(text: str) -> list[tuple[int, int]]:
    """(hash, characters) of each word; `test_words` holds the words themselves to their twin."""
    data, offsets = buffers([text])
    size = max_words(len(data))
    hashes, starts, lengths = np.empty(size, np.uint64), np.empty(size, np.int64), np.empty(size, np.int64)
    tables = char_tables()
    n = hash_words(data, 0, offsets[1], tables.classes, tables.lower, hashes, starts, lengths)
    return list(zip(hashes[:n].tolist(), lengths[:n].tolist(), strict=True))


def is_space(char: str) -> bool:
    return char in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85" or unicodedata.category(char)[0] == "Z"


def lines_of(text: str) -> list[str]:
    """Non-blank lines."""
    return [line for line in text.split("\n") if not all(map(is_space, line))]


def prose_twin(text: str, stop_words: list[str] | None) -> list[int]:
    words = words_of(text)
    listed = {word_hash(word) for word in stop_words or []}
    tokens = "".join("\n" if is_space(char) else char for char in text).split("\n")
    tokens = [token for token in tokens if token]
    lines = ["".join(" " if is_space(char) else char for char in line).strip(" ") for line in lines_of(text)]
    return [
        len(words),
        sum(length for _, length in words),
        len({word for word, _ in words} & listed),
        len(tokens),
        sum(any(unicodedata.category(char)[0] == "L" for char in token) for token in tokens),
        text.count("#"),
        text.count("...") + text.count("…"),
        len(lines),
        sum(line[0] in BULLETS for line in lines),
        sum(line.endswith(("...", "…")) for line in lines),
    ]


def prose_counts(texts: list[str], rows: list[int]) -> ProseCounts:
    return count_prose(*buffers(texts), stop_word_tables([["rien"], STOP]), np.array(rows, np.int32))


@given(texts)
@settings(max_examples=100, deadline=None)
def test_prose_counts_are_those_of_the_twin(texts: list[str]) -> None:
    rows = [1 if i % 2 == 0 else NO_LIST for i in range(len(texts))]
    counts = prose_counts(texts, rows)
    expected = [prose_twin(text, STOP if row == 1 else None) for text, row in zip(texts, rows, strict=True)]
    assert np.array(counts).T.tolist() == expected


def test_prose_counts_by_hand() -> None:
    text = "The end of the story...\n\n- Été 2024 …\n  • 3 = 3 #x ......\n"
    counts = prose_counts([text], [1])
    assert {name: int(values[0]) for name, values in counts._asdict().items()} == {
        "words": 10,  # the end of the story / été 2024 / 3 3 x
        "word_characters": 16 + 7 + 3,
        "stop_words": 3,  # the, of, été
        "tokens": 5 + 4 + 6,
        "alpha_tokens": 5 + 1 + 1,
        "hashes": 1,
        "ellipses": 1 + 1 + 2,
        "lines": 3,
        "bullet_lines": 2,
        "ellipsis_lines": 3,
    }


def test_words_are_counted_across_blocks() -> None:
    text = "été à l'ombre " * 20_000
    counts = prose_counts([text, text.replace(" ", "_"), "的" * 50_000], [1, 1, 1])
    assert counts.words.tolist() == [80_000, 80_000, 50_000]
    assert counts.stop_words.tolist() == [1, 1, 1]


def test_stop_words_must_be_single_words() -> None:
    with pytest.raises(ValueError, match="not one word"):
        stop_word_tables([["it's"]])


def test_every_stop_word_is_found_in_a_crowded_table() -> None:
    words = [f"w{i}" for i in range(500)]
    counts = count_prose(*buffers([" ".join(words * 2), "w1 W1 x"]), stop_word_tables([words]), np.zeros(2, np.int32))
    assert counts.stop_words.tolist() == [500, 1]


def duplicate_ratios(items: list[str]) -> tuple[float, float]:
    again = [item for i, item in enumerate(items) if item in items[:i]]
    total = sum(map(len, items))
    return (len(again) / len(items), sum(map(len, again)) / total) if items else (0.0, 0.0)


def top_ratio(words: list[tuple[int, int]], size: int) -> float:
    counts: Counter[tuple[tuple[int, int], ...]] = Counter()
    ends: dict[tuple[tuple[int, int], ...], int] = {}
    for i in range(len(words) - size + 1):
        ngram = tuple(words[i : i + size])
        if i >= ends.get(ngram, 0):
            counts[ngram] += 1
            ends[ngram] = i + size
    most = max(counts.values(), default=0)
    if most < 2:
        return 0.0
    longest = max(sum(length for _, length in ngram) for ngram, count in counts.items() if count == most)
    return most * longest / sum(length for _, length in words)


def duplicate_ratio(words: list[tuple[int, int]], size: int) -> float:
    seen: set[tuple[tuple[int, int], ...]] = set()
    characters = i = 0
    while i + size <= len(words):
        ngram = tuple(words[i : i + size])
        if ngram in seen:
            characters += sum(length for _, length in ngram)
            i += size
        else:
            seen.add(ngram)
            i += 1
    return characters / max(sum(length for _, length in words), 1)


def repetition_twin(text: str) -> list[float]:
    lines = lines_of(text)
    blanked = "\n".join("" if all(map(is_space, line)) else line for line in text.split("\n"))
    paragraphs = [part for part in re.split(r"\n{2,}", blanked.strip("\n")) if part]
    line_ratio, line_chars = duplicate_ratios(lines)
    paragraph_ratio, paragraph_chars = duplicate_ratios(paragraphs)
    words = words_of(text)
    return [
        line_ratio,
        paragraph_ratio,
        line_chars,
        paragraph_chars,
        *(top_ratio(words, size) if size <= 4 else duplicate_ratio(words, size) for size in SIZES),
    ]


@given(texts)
@settings(max_examples=100, deadline=None)
def test_repetition_ratios_are_those_of_the_twin(texts: list[str]) -> None:
    expected = np.array([repetition_twin(text) for text in texts]).reshape(len(texts), 13).T
    np.testing.assert_allclose(measure_repetition(*buffers(texts)), expected, rtol=1e-6)


def ratios(text: str) -> list[float]:
    return [round(float(value), 4) for value in measure_repetition(*buffers([text]))[:, 0]]


def test_lines_and_paragraphs_by_hand() -> None:
    # Lines: ab, cde, ab, ab, cde: 3 of 5 again, 7 of 12 characters. Paragraphs: "ab\ncde", "ab", "ab\ncde".
    assert ratios("ab\ncde\n\nab\n  \nab\ncde\n\n")[:4] == [0.6, 0.3333, 0.5833, round(6 / 14, 4)]
    assert ratios("x\n\nx\n\nx\n\nx")[:4] == [0.75, 0.75, 0.75, 0.75]
    assert ratios(" x\nx\n")[:4] == [0, 0, 0, 0]


def test_ngrams_by_hand() -> None:
    # 12 words, 24 characters: the six of "aa b ccc d ee f" (10), two more (4), and the six again.
    text = "Aa b ccc, d ee f. GG hh! aa b (ccc) d ee f"
    top, duplicate = ratios(text)[4:7], ratios(text)[7:]
    assert top == [
        round(2 * 4 / 24, 4),
        round(2 * 6 / 24, 4),
        round(2 * 7 / 24, 4),
    ]  # b ccc, aa b ccc, ccc d ee
    assert duplicate == [round(9 / 24, 4), round(10 / 24, 4), 0, 0, 0, 0]


def test_overlapping_occurrences_count_once() -> None:
    # Five words a: "a a" fits twice without overlap, three in a row and more only once.
    assert ratios("a a a a a")[4:] == [0.8, 0, 0, 0, 0, 0, 0, 0, 0]
    # Twenty: after the first 5-gram, three more fit behind one another; of 10-grams one.
    assert ratios("a " * 20)[4:8] == [1, 0.9, 1, 0.75]
    assert ratios("a " * 20)[12] == 0.5


def test_a_single_ngram_is_no_repetition() -> None:
    assert ratios("one two three four five six seven eight nine ten eleven") == [0] * 13
    assert ratios("") == ratios(" \n ") == ratios("...") == ratios("one") == [0] * 13


def test_a_document_does_not_change_its_neighbours() -> None:
    texts = ["x " * 5000, "", "a b a b", "y\n" * 900, "a b a b", "été " * 30]
    together = measure_repetition(*buffers(texts))
    for i, text in enumerate(texts):
        assert together[:, i].tolist() == measure_repetition(*buffers([text]))[:, 0].tolist()
    assert measure_repetition(*buffers([])).shape == (13, 0)


def test_long_documents() -> None:
    distinct = " ".join(f"w{i}" for i in range(200_000))
    assert ratios(distinct) == [0] * 13
    twice = ratios(distinct + "\n" + distinct)
    assert twice[:4] == [0.5, 0, 0.5, 0]
    assert twice[7:] == [0.5] * 6


BLOCKS = ["x" * 30, " " * 40, "." * 70, "\u3000" * 30, "…" * 20, "é", "ж", "..", "\u2003", "\u1680", "\x85", "‣", "ー"]
long_prose = st.lists(
    st.tuples(st.sampled_from(PIECES + BLOCKS), st.sampled_from(SEPARATORS)), min_size=20, max_size=80
).map(lambda parts: "".join(piece + separator for piece, separator in parts))


@given(long_prose, st.integers(0, 70))
@settings(max_examples=60, deadline=None)
def test_whole_blocks_are_counted_as_by_the_twin(text: str, before: int) -> None:
    texts = ["." * before + text, text]
    expected = [prose_twin(text, STOP) for text in texts]
    assert np.array(prose_counts(texts, [1, 1])).T.tolist() == expected
    repetition = np.array([repetition_twin(text) for text in texts]).T
    np.testing.assert_allclose(measure_repetition(*buffers(texts)), repetition, rtol=1e-6)


@given(st.lists(st.sampled_from("abcd"), min_size=20, max_size=150), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_few_words_often_are_measured_as_by_the_twin(words: list[str], times: int) -> None:
    text = " ".join(words * times)
    np.testing.assert_allclose(measure_repetition(*buffers([text]))[:, 0], repetition_twin(text), rtol=1e-6)


def test_every_character_parts_tokens_or_does_not() -> None:
    chars = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    text = "x".join(chars)
    counts = prose_counts([text], [NO_LIST])
    assert counts.tokens.tolist() == [1 + sum(map(is_space, chars))]
    alone = prose_counts([" ".join(chars)], [NO_LIST])
    letters = char_tables().classes & LETTER
    assert alone.alpha_tokens.tolist() == [np.count_nonzero(letters)]
