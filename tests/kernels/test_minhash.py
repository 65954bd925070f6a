"""Signatures against a plain-Python twin, and the estimator against exact Jaccard similarity."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.kernels.buffers import text_buffers
from tamis.kernels.minhash import band_keys, sign, similarities, slot_constants
from tamis.kernels.unicode import JOINER, UNSPACED, WORD, char_tables

MASK = (1 << 64) - 1
BASE = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def words_of(text: str) -> list[str]:
    classes, lower = char_tables()
    words, current = [], ""
    for char in text:
        kind = classes[ord(char)]
        if kind & (WORD | JOINER) == JOINER:
            continue
        spaced = bool(kind & WORD) and not kind & UNSPACED
        if not spaced and current:
            words.append(current)
            current = ""
        if spaced:
            current += chr(lower[ord(char)])
        elif kind & UNSPACED and kind & WORD:
            words.append(chr(lower[ord(char)]))
    return [*words, current] if current else words


def word_hash(word: str) -> int:
    data, h = word.encode(), 0x9E3779B97F4A7C15
    for at in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[at : at + 8], "little")) * 0xD6E8FEB86659FD93 & MASK
        h ^= h >> 32
    return mix(h ^ len(data))


def shingles_of(text: str, ngram: int = 5) -> set[tuple[str, ...]]:
    words = words_of(text)
    width = min(len(words), ngram)
    return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)} if words else set()


def twin(text: str, ngram: int, constants: np.ndarray) -> list[int]:
    values = set()
    for shingle in shingles_of(text, ngram):
        h = 0
        for word in shingle:
            h = (h * BASE + word_hash(word)) & MASK
        values.add(mix(h) >> 32)
    row = []
    for a, b, c in constants.T.tolist():
        least = 0xFFFFFFFF
        for x in values:
            v = ((x ^ a) * b) & 0xFFFFFFFF
            least = min(least, ((v ^ (v >> 15)) * c) & 0xFFFFFFFF)
        row.append(least)
    return row


def signed(texts: list[str], ngram: int = 5, slots: int = 112, seed: int = 1) -> np.ndarray:
    return sign(*text_buffers(pa.array(texts, pa.large_string())), ngram, slot_constants(slots, seed))[0]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=4), st.integers(1, 7))
@example(
    [
        "",
        "un",
        "Un, deux !",
        "où ça où ça où ça où ça",
        "東京都に住む ไทย한국어 e\u0301te",
        "👩‍🚀 a\U0002000b",
        "soft\u00adhyphen zero\u200d\u200cwidth \u00ad 京\u2060都",
    ],
    3,
)
def test_twin(texts: list[str], ngram: int) -> None:
    constants = slot_constants(9, 3)
    out, words = sign(*text_buffers(pa.array(texts, pa.large_string())), ngram, constants)
    assert out.tolist() == [twin(text, ngram, constants) for text in texts]
    assert words.tolist() == [len(words_of(text)) for text in texts]


@pytest.mark.parametrize("words", [1, 4, 5, 6, 15, 16, 17, 1023, 1024, 1028, 1029, 3000])
def test_twin_at_the_edges_of_vectors_and_tiles(words: int) -> None:
    text = " ".join(f"w{i}" for i in range(words))
    constants = slot_constants(5, 1)
    assert signed([text], slots=5).tolist() == [twin(text, 5, constants)]


def test_slices_case_and_punctuation_do_not_matter() -> None:
    texts = ["x", "The cat sat on the mat today", "the CAT -- sat (on) the\nmat, today!", "y"]
    column = pa.array(texts, pa.large_string()).slice(1, 2)
    sliced = sign(*text_buffers(column), 5, slot_constants(112, 1))[0]
    assert (sliced[0] == sliced[1]).all()
    assert (sliced == signed(texts)[1:3]).all()
    assert (signed(texts[:1]) != signed(texts[:1], seed=2)).any()


def test_word_order_and_ngram_matter() -> None:
    forward, backward = signed(["a b c d e f g", "g f e d c b a"])
    assert (forward != backward).all()
    assert (signed(["a b c a b c a b c"], ngram=1) == signed(["c b a"], ngram=1)).all()


def test_constants_are_those_of_splitmix64() -> None:
    # The published first outputs of splitmix64 for this seed.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    first, second, third = slot_constants(1, 1234567)[:, 0].tolist()
    assert [first, second, third] == [outputs[0] >> 32, outputs[1] >> 32 | 1, outputs[2] >> 32 | 1]
    assert slot_constants(2, 1234567).ravel()[3] == outputs[3] >> 32 | 1


@pytest.mark.parametrize(("words", "edits"), [(5, 1), (12, 1), (30, 2), (50, 1), (50, 4), (400, 8)])
def test_estimate_has_no_bias_and_binomial_variance(words: int, edits: int) -> None:
    rng = random.Random(words * 100 + edits)
    pairs, slots = 1500, 112
    texts, errors = [], []
    for _ in range(pairs):
        left = [f"w{rng.getrandbits(40)}" for _ in range(words)]
        right = left.copy()
        # Edits next to one another at the end, so that short documents still share shingles.
        for at in range(words - edits, words):
            right[at] = f"x{rng.getrandbits(40)}"
        texts += [" ".join(left), " ".join(right)]
    signatures = signed(texts)
    a, b = shingles_of(texts[0]), shingles_of(texts[1])
    exact = len(a & b) / len(a | b)  # the same for all pairs by construction
    errors = (signatures[::2] == signatures[1::2]).mean(axis=1) - exact
    deviation = (exact * (1 - exact) / slots) ** 0.5
    assert abs(errors.mean()) <= 4 * deviation / pairs**0.5
    if exact:
        assert 0.93 <= errors.std() / deviation <= 1.07


def test_slots_are_independent() -> None:
    rng = random.Random(5)
    texts = []
    for _ in range(3000):
        left = [f"w{rng.getrandbits(40)}" for _ in range(24)]
        texts += [" ".join(left), " ".join([*left[:18], *(f"x{rng.getrandbits(40)}" for _ in range(6))])]
    signatures = signed(texts, slots=32)
    correlation = np.corrcoef((signatures[::2] == signatures[1::2]).T)
    off = correlation[~np.eye(32, dtype=bool)]
    assert abs(off.mean()) < 0.005
    assert abs(off).max() < 5 / 3000**0.5


def test_band_keys() -> None:
    signatures = np.array([[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4]], np.uint32)
    keys = band_keys(signatures, np.zeros(3, np.uint64), 2)
    assert keys[0, 0] == keys[0, 1] != keys[0, 2]
    assert keys[1, 0] == keys[1, 2] != keys[1, 1]
    elsewhere = band_keys(signatures, np.array([0, 1, 0], np.uint64), 2)
    assert elsewhere[0, 0] != elsewhere[0, 1]
    assert (elsewhere[:, 0] == keys[:, 0]).all()


def test_similarities() -> None:
    signatures = np.array([[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4]], np.uint32)
    out = similarities(signatures, np.array([0, 0, 1]), np.array([0, 1, 2]))
    assert out.dtype == np.float32
    assert out.tolist() == [1.0, 0.5, 0.0]
