"""Training a tokenizer: what it learns from, and the same bytes every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer

from tamis.errors import InputError
from tamis.tokens.tokenizer import load_tokenizer
from tamis.tokens.train import TrainTokenizer, sample_order, train_tokenizer

SMALL = TrainTokenizer(vocabulary_size=600)

SCRIPT = """
import json, sys, pyarrow as pa
from tamis.tokens.train import TrainTokenizer, train_tokenizer
texts = sys.stdin.buffer.read().decode().split("\\0")
column = pa.array(texts, pa.large_string())
parts = [column] if len(sys.argv) == 2 else [column.slice(i, 7) for i in range(0, len(column), 7)]
sys.stdout.buffer.write(train_tokenizer(TrainTokenizer(**json.loads(sys.argv[1])), parts))
"""


def large(*texts: str) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", [SMALL, TrainTokenizer(vocabulary_size=600, byte_fallback=True, alphabet=70, whitespace_runs=5)]
)
def test_same_bytes_for_any_threads_process_and_grouping(corpus: pa.Array, config: TrainTokenizer) -> None:
    def run(threads: str, parallel: str, *arguments: str) -> bytes:
        environment = {**os.environ, "RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": parallel}
        given = "\0".join(corpus.to_pylist()).encode()
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, config.model_dump_json(), *arguments],
            input=given,
            env=environment,
            check=True,
            capture_output=True,
        ).stdout

    here = train_tokenizer(config, [corpus])
    assert run("1", "false") == here
    assert run("4", "true", "in parts") == here


def test_vocabulary(corpus: pa.Array) -> None:
    made = Tokenizer.from_str(train_tokenizer(SMALL, [corpus]).decode())
    assert made.get_vocab_size() == 600
    assert made.token_to_id("<|endoftext|>") == 0
    assert made.encode("Le tamis").tokens == ["Le", "Ġtamis"]
    assert made.encode("20 24").tokens == ["2", "0", "Ġ", "2", "4"]  # digits stand alone
    # A combining mark stays in its word.
    assert len(made.pre_tokenizer.pre_tokenize_str("हिन्दी में")) == 2


def test_a_small_sample_yields_fewer_ids() -> None:
    made = Tokenizer.from_str(train_tokenizer(SMALL, [large("abc")]).decode())
    assert made.get_vocab_size() == 257


def test_the_end_is_not_learnt_from_text() -> None:
    text = large("see <|endoftext|> and <|endoftext|> and <|endoftext|> " * 50)
    made = Tokenizer.from_str(train_tokenizer(SMALL, [text]).decode())
    made.encode_special_tokens = True
    assert 0 not in made.encode("<|endoftext|>").ids


def test_learns_from_no_more_than_its_budget() -> None:
    config = TrainTokenizer(vocabulary_size=600, characters=1000, document_characters=100)
    documents = [f" {a}{b}qz" * 40 for a in "abcdefghij" for b in "klmnopqrst"]  # 200 characters: 100 count

    def columns():
        for n in range(0, 100, 5):
            read.append(n)
            yield large(*documents[n : n + 5])

    read: list[int] = []
    made = train_tokenizer(config, columns())
    assert read == [0, 5]
    assert made == train_tokenizer(config, [large(*(text[:100] for text in documents[:10]))])
    assert made != train_tokenizer(config, [large(*(text[:100] for text in documents[:9]))])


def test_no_text_is_an_error() -> None:
    with pytest.raises(InputError, match="no text to train a tokenizer on"):
        train_tokenizer(SMALL, [large("", ""), large()])


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocabulary_size": 100},
        {"vocabulary_size": 1 << 21},
        {"characters": 0},
        {"document_characters": 0},
        {"end_of_document": "eos"},
        {"end_of_document": "===="},
        {"end_of_document": "<a b>"},
        {"vocab": 8192},
    ],
)
def test_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainTokenizer.model_validate(wrong)


def digests(*texts: str) -> pa.Array:
    return pa.array([xxhash.xxh3_128_digest(text.encode()) for text in texts], pa.binary(16))


def test_order_follows_content_not_place() -> None:
    texts = [f"text {n % 50}" for n in range(60)]
    hashes = digests(*texts)
    order = sample_order(hashes, seed=7)
    assert sorted(order) == list(range(60))
    drawn = [texts[i] for i in order]
    shuffled = np.random.default_rng(1).permutation(60)
    moved = [texts[i] for i in shuffled]
    assert [moved[i] for i in sample_order(digests(*moved), seed=7)] == drawn
    assert [texts[i] for i in sample_order(hashes, seed=8)] != drawn
    assert drawn != sorted(drawn)


def test_order_of_a_slice() -> None:
    hashes = digests(*map(str, range(20)))
    assert sample_order(hashes.slice(5, 9), 1).tolist() == sample_order(digests(*map(str, range(5, 14))), 1).tolist()
    assert sample_order(hashes.slice(3, 0), 1).tolist() == []
    with pytest.raises(TypeError, match="fixed_size_binary"):
        sample_order(pa.array(["a"]), 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.integers(0, 2**64 - 1))
def test_order_is_by_splitmix_of_hash_and_seed(hashes: list[bytes], seed: int) -> None:
    def mixed(word: int) -> int:
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
        return word ^ word >> 31

    def key(row: int) -> tuple[int, int, int]:
        low, high = (int.from_bytes(hashes[row][i : i + 8], "little") for i in (0, 8))
        return mixed(low ^ mixed((high + seed) % 2**64)), low, high

    assert sample_order(pa.array(hashes, pa.binary(16)), seed).tolist() == sorted(range(len(hashes)), key=key)


# -- options

TEXTS = st.text(max_size=60) | st.text(alphabet=" \n\tab1290éक中▁<>|.,", max_size=60)
FALLBACK = TrainTokenizer(vocabulary_size=800, byte_fallback=True, alphabet=60)


def learnt(config: TrainTokenizer, corpus: pa.Array) -> Tokenizer:
    return Tokenizer.from_str(train_tokenizer(config, [corpus]).decode())


@pytest.fixture(scope="module")
def fallback(corpus: pa.Array) -> Tokenizer:
    return learnt(FALLBACK, corpus)


@pytest.fixture(scope="module")
def with_spaces(corpus: pa.Array) -> Tokenizer:
    return learnt(TrainTokenizer(vocabulary_size=700, whitespace_runs=9), corpus)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_every_text_comes_back(with_spaces: Tokenizer, fallback: Tokenizer, text: str) -> None:
    assert with_spaces.decode(with_spaces.encode(text).ids) == text
    # A text's own marker is a space afterwards: the one thing that a byte fallback doesn't keep.
    assert fallback.decode(fallback.encode(text).ids) == text.replace("▁", " ")


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_digits_never_merge(byte_fallback: bool) -> None:
    text = large(*[f"1999 2024 year {n} no. {n * 7}, v1.25\n" * 30 for n in range(1990, 2010)])
    made = learnt(TrainTokenizer(vocabulary_size=600, byte_fallback=byte_fallback), text)
    assert not [token for token in made.get_vocab() if any(char.isdigit() for char in token) and len(token) > 1
                and not token.startswith("<0x")]  # fmt: skip
    grouped = learnt(TrainTokenizer(vocabulary_size=600, digits="groups-of-3", byte_fallback=byte_fallback), text)
    longest = max(len(token) for token in grouped.get_vocab() if token.isdigit())
    assert longest == 3
    if not byte_fallback:
        assert grouped.encode("199920").tokens == ["199", "920"] or len(grouped.encode("199920").tokens) > 2
    free = learnt(TrainTokenizer(vocabulary_size=600, digits="none", byte_fallback=byte_fallback), text)
    assert "1999" in free.get_vocab()


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_runs_of_white_space_are_one_token(corpus: pa.Array, byte_fallback: bool) -> None:
    config = TrainTokenizer(vocabulary_size=560, whitespace_runs=9, byte_fallback=byte_fallback, alphabet=80)
    made = learnt(config, corpus)
    assert made.get_vocab_size() == 560
    for letter in " \t\n":
        for length in range(1, 10):
            assert len(made.encode(letter * length).ids) == 1, (letter, length)
    # What was learnt is still reached.
    assert all(
        len(made.encode(made.decode([number]), add_special_tokens=False).ids) == 1
        for token, number in made.get_vocab().items()
        if "�" not in made.decode([number]) and token != config.end_of_document and not token.startswith("<0x")
    )


def test_byte_fallback_knows_the_frequent_characters(corpus: pa.Array, fallback: Tokenizer) -> None:
    vocabulary = fallback.get_vocab()
    assert vocabulary["<|endoftext|>"] == 0 and [vocabulary[f"<0x{n:02X}>"] for n in range(256)] == list(range(1, 257))
    assert "e" in vocabulary and "▁" in vocabulary and "𓀀" not in vocabulary
    assert fallback.encode("𓀀").tokens == ["<0xF0>", "<0x93>", "<0x80>", "<0x80>"]
    assert fallback.encode("Le tamis").tokens[0].startswith("L")
    assert fallback.pre_tokenizer is None
    # The bytes are tokens of the model: a text that spells one is plain text.
    assert len(fallback.encode("<0x41>").ids) > 1


def test_byte_fallback_takes_an_iterator_and_gives_the_same_bytes(corpus: pa.Array) -> None:
    once = train_tokenizer(FALLBACK, [corpus])
    assert train_tokenizer(FALLBACK, iter([corpus.slice(0, 5), corpus.slice(5)])) == once


def test_special_tokens_come_first(corpus: pa.Array) -> None:
    config = TrainTokenizer(vocabulary_size=600, special_tokens=("<|im_start|>", "<tool>"), end_of_document="<eos>")
    made = learnt(config, corpus)
    assert [made.id_to_token(n) for n in range(3)] == ["<eos>", "<|im_start|>", "<tool>"]


@pytest.mark.parametrize("split", ["tamis", "gpt-4", "gpt-4o"])
@pytest.mark.parametrize("digits", ["individual", "groups-of-3", "none"])
def test_every_split_is_compiled(tmp_path: Path, corpus: pa.Array, split: Any, digits: Any) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(train_tokenizer(TrainTokenizer(vocabulary_size=600, split=split, digits=digits), [corpus]))
    assert load_tokenizer(path).compiled is not None


@pytest.mark.parametrize("runs", [0, 8])
@pytest.mark.parametrize("digits", ["individual", "groups-of-3", "none"])
def test_byte_fallback_is_compiled(tmp_path: Path, corpus: pa.Array, digits: Any, runs: int) -> None:
    config = TrainTokenizer(vocabulary_size=900, byte_fallback=True, alphabet=90, digits=digits, whitespace_runs=runs)
    path = tmp_path / "tokenizer.json"
    path.write_bytes(train_tokenizer(config, [corpus]))
    assert load_tokenizer(path).compiled is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"byte_fallback": True, "split": "gpt-4"},
        {"special_tokens": ["<|endoftext|>"]},
        {"special_tokens": ["<0x41>"]},
        {"special_tokens": ["plain"]},
        {"vocabulary_size": 512, "whitespace_runs": 64, "special_tokens": [f"<|t_{n}|>" for n in range(67)]},
        {"digits": "pairs"},
        {"min_frequency": 0},
    ],
)
def test_what_does_not_go_together(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainTokenizer.model_validate(wrong)
