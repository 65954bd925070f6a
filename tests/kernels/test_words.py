"""Words and character classes against plain Python."""

from __future__ import annotations

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.unicode import (
    DIGIT,
    JOINER,
    LETTER,
    MARK,
    PUNCTUATION,
    SPACE,
    SYMBOL,
    UNSPACED,
    char_tables,
    decode,
)
from tamis.kernels.words import hash_words, max_words, word_hash

JOINERS = "\u00ad\u200c\u200d\u2060"
DRESS = [*range(0x180B, 0x1810), *range(0x20D0, 0x2100), *range(0xFE00, 0xFE10)]
UNSPACED_RANGES = [
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3006),
    (0x3040, 0x312F),  # kana, Bopomofo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
]
PIECES = "aZ7ß\u0301éÉİΣς𝒜Ж٣'’-_ .\n\t\u00a0" + JOINERS + "漢字ひカｶㄅ々〇กี่ສ្ក\ufe0f\u20e3🎉❤\U000e0100"
texts = st.text(st.sampled_from(PIECES), max_size=40) | st.text(max_size=40)
MASK = (1 << 64) - 1


def is_word_char(char: str) -> bool:
    assigned = unicodedata.category(char)[0] in "LNM"
    return assigned and ord(char) not in DRESS and ord(char) < 0x40000


def is_unspaced(char: str) -> bool:
    letter = unicodedata.category(char)[0] in "LM"
    return letter and any(first <= ord(char) <= last for first, last in UNSPACED_RANGES)


def twin(text: str) -> list[tuple[str, int]]:
    """Lower-cased words and their byte positions."""
    words: list[tuple[str, int]] = []
    word, start, position = "", 0, 0
    for char in text + " ":
        if is_word_char(char) and not is_unspaced(char):
            start = start if word else position
            word += char.lower() if len(char.lower()) == 1 else char
        elif char not in JOINERS:
            if word:
                words.append((word, start))
            word = ""
            if is_unspaced(char):
                words.append((char, position))
        position += len(char.encode())
    return words


def twin_hash(word: str) -> int:
    """Of the word's UTF-8, eight bytes at a time, the last ones filled up with zeros."""
    data, h = word.encode(), 0x9E3779B97F4A7C15
    for at in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[at : at + 8], "little")) * 0xD6E8FEB86659FD93 & MASK
        h ^= h >> 32
    h ^= len(data)
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    h = (h ^ (h >> 27)) * 0x94D049BB133111EB & MASK
    return h ^ (h >> 31)


def kernel(text: str, before: str = "", after: str = "") -> list[tuple[int, int, int]]:
    """(hash, byte position, characters) of each word of `text`, found between others in a buffer."""
    data = np.frombuffer((before + text + after).encode(), np.uint8)
    start = len(before.encode())
    end = start + len(text.encode())
    size = max_words(end - start)
    hashes, starts, lengths = np.empty(size, np.uint64), np.empty(size, np.int64), np.empty(size, np.int64)
    tables = char_tables()
    n = hash_words(data, start, end, tables.classes, tables.lower, hashes, starts, lengths)
    assert n <= size
    return [(int(hashes[i]), int(starts[i]) - start, int(lengths[i])) for i in range(n)]


@given(texts)
@settings(max_examples=100, deadline=None)
def test_words_are_those_of_the_twin(text: str) -> None:
    assert kernel(text) == [(twin_hash(word), start, len(word)) for word, start in twin(text)]


LONG = st.lists(
    st.text("aBz09", max_size=12) | st.sampled_from([" ", "\n", "-", "@[`{/:", "é", "\u00ad", "東", "x" * 70]),
    max_size=90,
)


@given(LONG, st.integers(0, 80))
@settings(max_examples=150, deadline=None)
def test_words_of_whole_blocks_are_those_of_the_twin(pieces: list[str], after: int) -> None:
    text = "".join(pieces)
    expected = [(twin_hash(word), start, len(word)) for word, start in twin(text)]
    assert kernel(text, after="b" * after) == expected
    assert kernel(text, before="A" * (after % 7), after="é" * after) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ...!\n", []),
        ("L'été, déjà 2024!", ["l", "été", "déjà", "2024"]),
        ("don't re-use snake_case", ["don", "t", "re", "use", "snake", "case"]),
        ("Donau\u00addampf\u00ad schiff", ["donaudampf", "schiff"]),
        ("می\u200cخواهم", ["میخواهم"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("GPT4は東京で", ["gpt4", "は", "東", "京", "で"]),
        ("❤\ufe0f 1\ufe0f\u20e3 👩\u200d👧", ["1"]),
        ("ΟΔΟΣ İI", ["οδοσ", "İi"]),
        ("a東b", ["a", "東", "b"]),
    ],
)
def test_words_of_real_cases(text: str, words: list[str]) -> None:
    assert [word for word, _ in twin(text)] == words
    assert [entry[0] for entry in kernel(text)] == [twin_hash(word) for word in words]


@given(texts, texts)
@settings(max_examples=50, deadline=None)
def test_a_word_is_the_same_anywhere_in_a_buffer(text: str, before: str) -> None:
    assert kernel(text, before) == kernel(text)


@pytest.mark.parametrize("text", ["a b c d e", "a東b東c", "東東東", "a", ""])
def test_scratch_bound_is_enough_for_the_densest_texts(text: str) -> None:
    assert len(kernel(text)) <= max_words(len(text.encode()))


def test_word_hash_folds_case_and_wants_one_word() -> None:
    assert word_hash("Été") == word_hash("été") == twin_hash("été")
    for bad in ("", "l'eau", "東京", "two words"):
        with pytest.raises(ValueError, match="not one word"):
            word_hash(bad)


def test_characters_have_their_unicode_class() -> None:
    bits = {"L": LETTER, "N": DIGIT, "M": MARK, "Z": SPACE, "P": PUNCTUATION, "S": SYMBOL}
    classes = char_tables().classes
    for point in [*range(0x3100), 0x1F600, 0x20000, 0x1D49C]:
        char = chr(point)
        expected = bits.get(unicodedata.category(char)[0], 0)
        if char in JOINERS:
            expected = JOINER
        elif point in DRESS:
            expected = 0
        elif char.isspace():
            expected = SPACE
        assert classes[point] & 63 | classes[point] & JOINER == expected, hex(point)
        assert bool(classes[point] & UNSPACED) == is_unspaced(char), hex(point)


@pytest.mark.parametrize("char", ["\0", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff"])
def test_decode_at_the_edges_of_utf8(char: str) -> None:
    data = np.frombuffer(("x" + char + "y").encode(), np.uint8)
    assert decode(data, 1) == (ord(char), len(data) - 1)


def test_tables_are_those_of_a_loop_over_all_characters() -> None:
    tables = char_tables()
    majors = {"L": LETTER, "N": DIGIT, "M": MARK, "Z": SPACE, "P": PUNCTUATION, "S": SYMBOL}
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        bits = majors.get(unicodedata.category(char)[0], 0) if point < 0x40000 else 0
        lower = char.lower() if bits == LETTER and len(char.lower()) == 1 else char
        if is_unspaced(char) and bits & (LETTER | MARK):
            bits |= UNSPACED
        if char in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85":
            bits = SPACE
        if char in JOINERS:
            bits = JOINER
        if point in DRESS:
            bits = 0
        assert (tables.classes[point], tables.lower[point]) == (bits, ord(lower)), hex(point)
