"""The compiled encoder: every id the library's, for every tokenizer it takes on; and which it doesn't."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tamis.kernels.bpe_patterns import GPT2_SPLIT, LLAMA3_SPLIT, QWEN2_SPLIT, SPLITS, TAMIS_SPLIT
from tamis.tokens import compiled as module
from tamis.tokens import program
from tamis.tokens.compiled import CompiledEncoder, compiled_encoder, probes
from tamis.tokens.tokenizer import TokenizerHandle, load_tokenizer

END = "<|endoftext|>"
ANY_TEXT = st.lists(
    st.text(max_size=30)
    | st.text(st.sampled_from(" \n\t\r'\"(«aBé1²中ह\u093f\u0301\u00a0\u2581/.,s"), max_size=40)
    | st.sampled_from(["le tamis ", "The fox", "</s>", END, "\u0378", "<x>"])
    # Longer than what is cut at once, in bytes and in pieces.
    | st.lists(
        st.sampled_from(["It's", " été", "ЖЯ ", "'s", "\n\n", "  ", "12345", " “x”", "…", "中", "a" * 70]),
        max_size=99,
    ).map("".join),
    max_size=5,
)


def byte_level(pattern: str, corpus: pa.Array, size: int = 700) -> Tokenizer:
    made = Tokenizer(models.BPE())
    if pattern == GPT2_SPLIT:
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(corpus.to_pylist(), trainer)
    return made


def sentencepiece(corpus: pa.Array, steps: list[normalizers.Normalizer] | None = None) -> Tokenizer:
    """A BPE with bytes to fall back on and no pre-tokenizer, as converted from SentencePiece."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=names,
        limit_alphabet=90,
        initial_alphabet=["\u2581"],
        show_progress=False,
    )
    learner.train_from_iterator(corpus.to_pylist(), trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    # A run of spaces is a token, too.
    vocabulary = model["vocab"] | {"\u2581\u2581": len(model["vocab"])}
    made = Tokenizer(
        models.BPE(vocabulary, [*merges, ("\u2581", "\u2581")], byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")] if steps is None else steps
    )
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return made


def lucie_like() -> list[normalizers.Normalizer]:
    leads = ["\\\n", "\\\t", "\\(", "<", "'", "«", "’"]
    return [
        normalizers.NFC(),
        normalizers.Replace(Regex(r"[\r\x00]"), ""),
        *(normalizers.Replace(Regex(rf"{lead}(?=[ \w])"), f"{lead[-1]} ") for lead in leads),
        normalizers.Prepend(" "),
        normalizers.Replace(Regex(r"[ \u00A0]"), "\u2581"),
    ]


def load(made: Tokenizer, folder: Path) -> TokenizerHandle:
    path = folder / "tokenizer.json"
    made.save(str(path))
    return load_tokenizer(path)


def encoder(handle: TokenizerHandle) -> CompiledEncoder:
    assert handle.compiled is not None
    return handle.compiled


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def rows(ids: Any, offsets: Any) -> list[list[int]]:
    return [list(ids[a:b]) for a, b in pairwise(offsets)]


def never(_: pa.Array) -> Any:
    raise AssertionError("a document was left to the library")


def agree(handle: TokenizerHandle, texts: list[str]) -> None:
    """Compiled and library give the same ids, rows and types."""
    ids, offsets = handle.encode(large(texts))
    wanted, bounds = handle._by_library(large(texts))
    assert ids.dtype == handle.id_type.to_pandas_dtype()
    assert offsets.dtype == np.int64
    assert rows(ids.tolist(), offsets) == rows(wanted.tolist(), bounds)


def any_text_agrees(handle: TokenizerHandle) -> None:
    @settings(max_examples=60, deadline=None)
    @given(ANY_TEXT)
    def same(texts: list[str]) -> None:
        agree(handle, texts)

    assert handle.compiled is not None
    same()


# -- tokenizers that are compiled


@pytest.mark.parametrize("pattern", SPLITS, ids=range(len(SPLITS)))
def test_byte_level_ids_are_the_librarys(pattern: str, corpus: pa.Array, tmp_path: Path) -> None:
    handle = load(byte_level(pattern, corpus), tmp_path)
    texts = corpus.to_pylist()
    ids, offsets = encoder(handle).encode(large(texts), never)
    wanted, bounds = handle._by_library(large(texts))
    assert np.array_equal(ids, wanted)
    assert np.array_equal(offsets, bounds)
    any_text_agrees(handle)


@pytest.mark.parametrize("kind", ["llama", "lucie-like"])
def test_ids_without_a_pre_tokenizer_are_the_librarys(kind: str, corpus: pa.Array, tmp_path: Path) -> None:
    handle = load(sentencepiece(corpus, None if kind == "llama" else lucie_like()), tmp_path)
    texts = corpus.to_pylist()
    ids, offsets = encoder(handle).encode(large(texts), never)
    wanted, bounds = handle._by_library(large(texts))
    assert np.array_equal(ids, wanted)
    assert np.array_equal(offsets, bounds)
    agree(
        handle,
        ["", "\r", "\r\0", " ", "\u00a0", "\u2581", "a", "(\r b", "(\r\0", "«\u00a0a", "\n\n a", "'½", "'_"],
    )
    any_text_agrees(handle)


@pytest.mark.slow
def test_lucie(lucie: Path, corpus: pa.Array) -> None:
    handle = load_tokenizer(lucie)
    encoder(handle).encode(corpus, never)
    agree(handle, corpus.to_pylist())
    any_text_agrees(handle)


def test_pieces_that_are_tokens_are_not_merged(corpus: pa.Array, tmp_path: Path) -> None:
    spec = json.loads(byte_level(LLAMA3_SPLIT, corpus).to_str())
    # Tokens that no merges make, short and long, and one that merges would make otherwise.
    for token in ("Ġtamisard", "x" * 40, "dogs"):
        spec["model"]["vocab"].setdefault(token, len(spec["model"]["vocab"]))
    texts = ["un tamisard, dogs", "x" * 40, "x" * 41, "x" * 39, "le tamis"]
    counts = []
    for ignore in (True, False):
        spec["model"]["ignore_merges"] = ignore
        handle = load(Tokenizer.from_str(json.dumps(spec)), tmp_path)
        encoder(handle)
        agree(handle, texts)
        counts.append(len(handle.encode(large(texts))[0]))
    assert counts[0] < counts[1]
    any_text_agrees(handle)


def test_composition_is_left_to_the_library(corpus: pa.Array, tmp_path: Path) -> None:
    made = byte_level(QWEN2_SPLIT, corpus)
    made.normalizer = normalizers.NFC()
    handle = load(made, tmp_path)
    encoder(handle).encode(
        large(["é", "x\u0301", "தமிழ்\u0bbe", "हिन्दी", "\u0378"]), never
    )  # composed as far as it goes
    for texts in (
        ["e\u0301"],
        ["a", "e\u0301 b", "c", "", "\u0378", "\u1112\u1161", "d"],
        ["e\u0301", "f", "g\u0323\u0307"],
    ):
        agree(handle, texts)
    assert encoder(handle)._left(large(["a", "e\u0301"]), *module.text_buffers(large(["a", "e\u0301"]))).tolist() == [
        False,
        True,
    ]
    any_text_agrees(handle)


def test_documents_with_added_tokens_are_left_to_the_library(corpus: pa.Array, tmp_path: Path) -> None:
    made = byte_level(TAMIS_SPLIT, corpus)
    made.add_tokens(["<x>", AddedToken("tamis", single_word=True, lstrip=True), "é"])
    handle = load(made, tmp_path)
    encoder(handle).encode(large(["x <x", ">", "tami", "s"]), never)
    agree(handle, ["a <x> b", "x", "le tamis", "tamisard", "e\u0301", "é", "", "<x"])
    assert handle.library.token_to_id("<x>") in handle.encode(large(["a", "b<x>"]))[0].tolist()
    any_text_agrees(handle)


def test_special_tokens_are_plain_text(corpus: pa.Array, tmp_path: Path) -> None:
    handle = load(byte_level(TAMIS_SPLIT, corpus), tmp_path)
    ids, _ = encoder(handle).encode(large([f"a{END}b", END]), never)
    assert np.count_nonzero(ids == handle.end_id) == 2
    agree(handle, [f"a{END}b", END])


# -- long texts, batches, the cache


def test_long_documents_and_long_pieces(trained: Path, corpus: pa.Array) -> None:
    dice = random.Random(1)
    handle = load_tokenizer(trained)
    encoder(handle)
    letters = "".join(dice.choices("tamislefrn", k=20_000))
    agree(
        handle,
        ["\n".join(corpus.to_pylist()), letters, "a" * 5000, " " * 5000, "\n" * 999 + " x", "中" * 2000],
    )


def test_batches_and_slices_leave_no_trace(trained: Path, corpus: pa.Array, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder(load_tokenizer(trained)).encode(corpus, never)
    monkeypatch.setattr(module, "BATCH_BYTES", 1000)
    monkeypatch.setattr(module, "BATCH_DOCUMENTS", 3)
    handle = load_tokenizer(trained)
    parts = encoder(handle).encode(corpus, never)
    assert np.array_equal(parts[0], whole[0])
    assert np.array_equal(parts[1], whole[1])
    ids, offsets = encoder(handle).encode(corpus.slice(10, 7), never)
    assert rows(ids, offsets) == rows(*whole)[10:17]
    ids, offsets = encoder(handle).encode(corpus.slice(3, 0), never)
    assert (len(ids), offsets.tolist(), ids.dtype, offsets.dtype) == (0, [0], np.uint32, np.int64)


def test_a_full_cache_starts_anew(trained: Path, corpus: pa.Array, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CACHE_BITS", 6), ("CACHE_BYTES", 100), ("CACHE_IDS", 64), ("LONGEST", 20)):
        monkeypatch.setattr(module, name, value)
    handle = load_tokenizer(trained)
    agree(handle, corpus.to_pylist())
    assert encoder(handle).cache.used[3] > 5


def test_threads_take_turns(trained: Path, corpus: pa.Array) -> None:
    handle = load_tokenizer(trained)
    wanted = handle._by_library(corpus)[0]
    with ThreadPoolExecutor(4) as pool:
        for ids, _ in pool.map(lambda _: encoder(handle).encode(corpus, never), range(12)):
            assert np.array_equal(ids, wanted)


# -- tokenizers that are not compiled


def refused(made: Tokenizer, caplog: pytest.LogCaptureFixture, name: str) -> str:
    """Why a tokenizer stays with the library, as the log says, once."""
    module._say.cache_clear()
    caplog.clear()

    def encode(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        found = [encoding.ids for encoding in made.encode_batch(column.to_pylist(), add_special_tokens=False)]
        return (
            np.array([i for ids in found for i in (*ids, 0)], np.uint32),
            np.cumsum([0, *(len(ids) + 1 for ids in found)], dtype=np.int64),
        )

    with caplog.at_level(logging.WARNING, logger="tamis.tokens"):
        for _ in range(2):
            assert compiled_encoder(made, 0, name, encode) is None
    (record,) = caplog.records
    assert record.name == "tamis.tokens"
    assert record.getMessage().startswith(f"tokenizer {name}: ")
    return record.getMessage()


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Tokenizer], Tokenizer]:
    def changed_(made: Tokenizer) -> Tokenizer:
        spec = json.loads(made.to_str())
        change(spec)
        return Tokenizer.from_str(json.dumps(spec))

    return changed_


def set_(made: Tokenizer, **parts: Any) -> Tokenizer:
    for name, part in parts.items():
        setattr(made, name, part)
    return made


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda t: set_(t, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)),
            "add_prefix_space",
        ),
        (
            lambda t: set_(t, pre_tokenizer=pre_tokenizers.ByteLevel(False, use_regex=False)),
            "without a split",
        ),
        (lambda t: set_(t, pre_tokenizer=pre_tokenizers.Whitespace()), "not byte-level"),
        (lambda t: set_(t, normalizer=normalizers.NFKC()), "its normalizer"),
        (lambda t: set_(t, pre_tokenizer=None), "nothing splits|neither normalizer"),
        (
            changed(lambda s: s["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\w+|\W")),
            "split pattern",
        ),
        (
            changed(lambda s: s["pre_tokenizer"]["pretokenizers"][0].update(behavior="Removed")),
            "split pattern",
        ),
        (changed(lambda s: s["pre_tokenizer"]["pretokenizers"][0].update(invert=True)), "split pattern"),
        (changed(lambda s: s["model"].update(dropout=0.1)), "dropout"),
        (changed(lambda s: s["model"].update(end_of_word_suffix="</w>", merges=[])), "suffix"),
        (changed(lambda s: s["model"]["vocab"].pop("Ā")), "lacks a byte"),
        (changed(lambda s: s["model"]["vocab"].update(other=5)), "one id"),
        (lambda t: (t.add_tokens([f"<{k}>" for k in range(300)]), t)[1], "added tokens"),
        (lambda _: Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), "WordLevel"),
        (lambda _: Tokenizer(models.Unigram([("a", -1.0)], unk_id=0)), "Unigram"),
    ],
)
def test_byte_level_that_is_refused(
    change: Callable[[Tokenizer], Tokenizer],
    reason: str,
    corpus: pa.Array,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = change(byte_level(TAMIS_SPLIT, corpus, 300))
    assert re.search(reason, refused(made, caplog, "t"))


def crossing(spec: dict[str, Any]) -> None:
    """A merge from the end of a word to the space behind it."""
    vocabulary = spec["model"]["vocab"]
    vocabulary["e\u2581"] = len(vocabulary)
    spec["model"]["merges"].append(["e", "\u2581"])


R = normalizers.Replace
END_STEPS = lucie_like()[-2:]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed(crossing), "reaches"),
        (changed(lambda s: s["model"].update(ignore_merges=True)), "ignore_merges"),
        (changed(lambda s: s["model"].update(byte_fallback=False)), "bytes to fall back"),
        (changed(lambda s: s["model"]["vocab"].pop("<0x41>")), "lacks a byte"),
        (lambda t: (t.add_tokens(["<x>"]), t)[1], "added tokens"),
        (lambda t: set_(t, normalizer=normalizers.Sequence([normalizers.Lowercase(), *lucie_like()])), "Lowercase"),
        (lambda t: set_(t, normalizer=normalizers.Sequence(lucie_like()[:-1])), "order"),
        (lambda t: set_(t, normalizer=normalizers.Sequence(lucie_like()[::-1])), "order|NFC"),
        (lambda t: set_(t, normalizer=normalizers.Sequence([R(Regex(r"\d(?=[ \w])"), "d "), *END_STEPS])), "Repl"),
        (lambda t: set_(t, normalizer=normalizers.Sequence([R(Regex(r"a(?=[ \w])"), "a "), *END_STEPS])), "words"),
        (lambda t: set_(t, normalizer=normalizers.Sequence([R(Regex(r".(?=[ \w])"), ". "), *END_STEPS])), "Repl"),
        (lambda t: set_(t, normalizer=R(" ", "_")), "Replace"),
    ],
)  # fmt: skip
def test_sentencepiece_that_is_refused(
    change: Callable[[Tokenizer], Tokenizer],
    reason: str,
    corpus: pa.Array,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert re.search(reason, refused(change(sentencepiece(corpus, lucie_like())), caplog, "t"))


def test_a_refused_tokenizer_still_encodes(corpus: pa.Array, tmp_path: Path) -> None:
    made = byte_level(TAMIS_SPLIT, corpus, 300)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    handle = load(made, tmp_path)
    assert handle.compiled is None
    ids, _ = handle.encode(large(["le tamis"]))
    assert ids.tolist() == [*made.encode("le tamis").ids, handle.end_id]


@pytest.mark.parametrize("wrong", SPLITS, ids=range(len(SPLITS)))
def test_the_proof_finds_a_wrong_split(
    wrong: str, corpus: pa.Array, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pattern taken for its neighbour is found out by the probes."""
    patterns = list(SPLITS)
    other = patterns[(patterns.index(wrong) + 1) % len(patterns)]
    monkeypatch.setattr(program, "SPLITS", {**SPLITS, wrong: SPLITS[other]})
    assert "disagree" in refused(byte_level(wrong, corpus, 400), caplog, "t")


def test_the_proof_finds_wrong_rules(
    corpus: pa.Array, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_followers", lambda: ((0x20, 0x20), (0x41, 0x5A), (0x61, 0x7A), (0xB2, 0xB3)))
    assert "disagree" in refused(sentencepiece(corpus, lucie_like()), caplog, "t")


def test_probes_are_the_same_in_every_process() -> None:
    vocabulary = (b"a", b" b", b"\xff", "é".encode())
    first: Iterator[str] = probes(vocabulary)
    texts = list(first)
    assert texts == list(probes(vocabulary))
    assert sum(len(text.encode()) for text in texts) > 20_000
    assert list(probes(()))
