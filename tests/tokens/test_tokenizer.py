"""Text columns to token ids: parity with the library, and one end-of-document id per document."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from tamis.errors import InputError
from tamis.tokens import tokenizer as module
from tamis.tokens.tokenizer import CUTTABLE_SPLITS, TokenizerHandle, cut, id_type, is_cuttable, load_tokenizer

TRICKY = [
    "",
    " ",
    "\n",
    "a <|endoftext|> b</s><s>",
    "<|endoftext|>",
    "</s>",
    "x<unk><pad>\t(a [b {c /d <e 'f ’g «h —i",
    "l'été 1234567890",
    "e\u0301 \u00a0 \u3000 👩‍👩‍👧‍👦",
]
# What ingest lets into a document: no control characters but newline and tab.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(list(" \n\t'é1aA_<|>/s中हि\u0301")),
    max_size=60,
)


@cache
def plain(path: Path) -> Tokenizer:
    library = Tokenizer.from_file(str(path))
    library.encode_special_tokens = True
    return library


def expected(path: Path, texts: list[str], end: int) -> list[list[int]]:
    """The library on each text alone, special tokens as plain text, then the end."""
    return [[*plain(path).encode(text, add_special_tokens=False).ids, end] for text in texts]


def rows(handle: TokenizerHandle, texts: list[str]) -> list[list[int]]:
    values, offsets = handle.encode(pa.array(texts, pa.large_string()))
    assert values.dtype == handle.id_type.to_pandas_dtype()
    assert offsets.dtype == np.int64
    assert offsets[0] == 0
    assert offsets[-1] == len(values)
    return [values[a:b].tolist() for a, b in pairwise(offsets)]


def save(tokenizer: Tokenizer, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.mark.parametrize("name", ["trained", "lucie"])
def test_ids_are_the_librarys_and_one_end_closes_each(
    name: str, corpus: pa.Array, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(name)
    handle = load_tokenizer(path)
    texts = corpus.to_pylist()[:64] + TRICKY
    got = rows(handle, texts)
    assert got == expected(path, texts, handle.end_id)
    assert all(row.count(handle.end_id) == 1 for row in got)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trained", "lucie"])
def test_any_text_has_the_librarys_ids(name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(name)
    handle = load_tokenizer(path)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(TEXT, max_size=4))
    def same(texts: list[str]) -> None:
        assert rows(handle, texts) == expected(path, texts, handle.end_id)

    same()


def test_batches_join_without_a_trace(trained: Path, corpus: pa.Array, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = load_tokenizer(trained)
    texts = corpus.to_pylist()[:40] + TRICKY
    whole = rows(handle, texts)
    monkeypatch.setattr(module, "BATCH_BYTES", 300)
    monkeypatch.setattr(module, "BATCH_DOCUMENTS", 3)
    assert rows(handle, texts) == whole
    assert rows(handle, texts[:17]) + rows(handle, texts[17:]) == whole
    values, offsets = handle.encode(pa.array(texts, pa.large_string()).slice(17, 5))
    assert len(offsets) == 6
    assert values.tolist() == [i for row in whole[17:22] for i in row]


def test_no_documents_no_ids(trained: Path) -> None:
    values, offsets = load_tokenizer(trained).encode(pa.array([], pa.large_string()))
    assert values.dtype == np.uint16 and not len(values)
    assert offsets.tolist() == [0]


def test_byte_level_ids_decode_to_the_text(trained: Path) -> None:
    handle = load_tokenizer(trained)

    @settings(max_examples=60, deadline=None)
    @given(TEXT)
    def back(text: str) -> None:
        (row,) = rows(handle, [text])
        assert plain(trained).decode(row[:-1], skip_special_tokens=False) == text

    back()


@pytest.mark.parametrize(
    ("size", "narrowest"),
    [(1, pa.uint16()), (65_536, pa.uint16()), (65_537, pa.uint32()), (1 << 20, pa.uint32())],
)
def test_id_type_by_vocabulary(size: int, narrowest: pa.DataType) -> None:
    assert id_type(size) == narrowest


def test_describe(trained: Path) -> None:
    assert load_tokenizer(trained).describe() == {
        "sha256": hashlib.sha256(trained.read_bytes()).hexdigest(),
        "model": "BPE",
        "vocabulary_size": 600,
        "end_of_document": "<|endoftext|>",
        "end_of_document_id": 0,
        "id_type": "uint16",
    }


def test_describe_lucie(lucie: Path) -> None:
    facts = load_tokenizer(lucie).describe()
    del facts["sha256"]
    assert facts == {
        "model": "BPE",
        "vocabulary_size": 65_024,
        "end_of_document": "</s>",
        "end_of_document_id": 1,
        "id_type": "uint16",
    }


def test_vocabulary_size_counts_up_to_the_largest_id(tmp_path: Path) -> None:
    path = save(Tokenizer(models.WordLevel({"a": 0, "</s>": 70_000}, unk_token="a")), tmp_path)
    handle = load_tokenizer(path)
    assert handle.vocabulary_size == 70_001
    assert handle.id_type == pa.uint32()


# -- special tokens spelled out in a text


def unigram() -> Tokenizer:
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("a", -3.1), ("b", -3.7), ("ab", -5.123456789012345)]
    pieces += [(symbol, -4.0) for symbol in "</s>"]
    return Tokenizer(models.Unigram(pieces, unk_id=0))


def wordlevel() -> Tokenizer:
    made = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "a": 2, "b": 3}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def merging_bpe() -> Tokenizer:
    """A BPE that learnt to merge its own end-of-document token from text."""
    vocabulary = {token: i for i, token in enumerate(["<unk>", "</s>", "a", "b", "<", "/", "s", ">", "</", "s>"])}
    merges = [("<", "/"), ("s", ">"), ("</", "s>")]
    return Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", dropout=0.5))


def wordpiece() -> Tokenizer:
    vocabulary = {token: i for i, token in enumerate(["[UNK]", "</s>", "a", "b", "##b"])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


@pytest.mark.parametrize("make", [unigram, wordlevel, merging_bpe, wordpiece])
@pytest.mark.parametrize("declared", [True, False])
def test_a_spelled_out_end_never_becomes_the_id(make, declared: bool, tmp_path: Path) -> None:
    made = make()
    if declared:
        made.add_special_tokens(["</s>"])
    assert made.token_to_id("</s>") == 1
    handle = load_tokenizer(save(made, tmp_path))
    texts = ["a </s> b", "</s>", "ab", "</s></s>", "a"]
    got = rows(handle, texts)
    assert [row.count(1) for row in got] == [1] * len(texts)
    assert [row[-1] for row in got] == [1] * len(texts)
    assert len(got[1]) > 1  # it isn't lost
    if make is merging_bpe:
        made.model.dropout = None
    assert got[2] == [*made.encode("ab", add_special_tokens=False).ids, 1]


def test_an_added_end_that_is_not_marked_special(tmp_path: Path) -> None:
    made = merging_bpe()
    made.add_tokens(["<eot>", "ab"])
    handle = load_tokenizer(save(made, tmp_path), "<eot>")
    assert handle.end_id == 10
    (row,) = rows(handle, ["ab<eot>"])
    assert row[0] == 11  # other added tokens that are not special belong to the text
    assert row.count(10) == 1


@pytest.mark.parametrize("special", [True, False])
def test_an_added_end_of_one_character(special: bool, tmp_path: Path) -> None:
    made = merging_bpe()
    (made.add_special_tokens if special else made.add_tokens)(["¶"])
    handle = load_tokenizer(save(made, tmp_path), "¶")
    assert handle.end_id == 10
    assert rows(handle, ["a¶b"]) == [[2, 0, 3, 10]]  # unknown to the model, as any other sign


def test_bytes_of_a_fallback_stay_though_marked_special(tmp_path: Path) -> None:
    vocabulary = {"</s>": 0, "a": 1} | {f"<0x{byte:02X}>": byte + 2 for byte in range(256)}
    made = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    made.add_special_tokens(["</s>", "<0xC3>", "<0xA9>"])
    handle = load_tokenizer(save(made, tmp_path))
    assert rows(handle, ["aé"]) == [[1, 0xC3 + 2, 0xA9 + 2, 0]]


def test_dropout_is_off(tmp_path: Path) -> None:
    handle = load_tokenizer(save(merging_bpe(), tmp_path))
    assert rows(handle, ["</" * 40]) == [[8] * 40 + [1]]


def test_an_end_that_ordinary_text_must_use_is_refused(tmp_path: Path) -> None:
    handle = load_tokenizer(save(merging_bpe(), tmp_path), "b")
    assert rows(handle, ["a"]) == [[2, 3]]
    with pytest.raises(InputError, match=r"'b' out of ordinary text.*end_of_document"):
        handle.encode(pa.array(["ab"], pa.large_string()))


def test_settings_of_the_file_that_would_change_ids_are_off(trained: Path, tmp_path: Path) -> None:
    made = Tokenizer.from_file(str(trained))
    made.enable_truncation(3)
    made.enable_padding(length=50)
    text = "The quick brown fox sleeps"
    assert rows(load_tokenizer(save(made, tmp_path)), [text]) == expected(trained, [text], 0)


# -- errors


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json.*can't be read"):
        load_tokenizer(tmp_path / "none.json")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"model": {"type": "BPE"}}'])
def test_not_a_tokenizer(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(InputError, match=r"bad\.json: not a tokenizer\.json"):
        load_tokenizer(tmp_path / "bad.json")


def test_no_end_of_document(tmp_path: Path) -> None:
    path = save(Tokenizer(models.WordLevel({"<end>": 0, "a": 1}, unk_token="a")), tmp_path)
    with pytest.raises(InputError, match=r"none of the usual.*`end_of_document`.*<end>"):
        load_tokenizer(path)
    assert load_tokenizer(path, "<end>").end_id == 0
    with pytest.raises(InputError, match=r"no token '<ned>'.*Did you mean '<end>'"):
        load_tokenizer(path, "<ned>")


# -- cutting long documents


def splitter(pattern: str) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return made


def gpt2() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


CUTTABLE = [*map(splitter, sorted(CUTTABLE_SPLITS)), gpt2()]


@pytest.mark.parametrize("made", CUTTABLE, ids=range(len(CUTTABLE)))
def test_a_cut_never_changes_the_pieces(made: Tokenizer) -> None:
    assert is_cuttable(json.loads(made.to_str()))
    split = made.pre_tokenizer.pre_tokenize_str

    @settings(max_examples=60, deadline=None)
    @given(st.text(st.sampled_from("abÉ'stdl1 \n\t\r中ह\u093f\u0301.,<|\u00a0\u3000👍"), max_size=40) | TEXT)
    def same(text: str) -> None:
        pieces = list(cut(text, size=1))
        assert "".join(pieces) == text
        assert [p for piece in pieces for p, _ in split(piece)] == [p for p, _ in split(text)]

    same()
    # The test above cuts: these texts have places.
    assert len(list(cut("l'été finit.\n\nIt's all\nover now", size=1))) == 5


def test_a_cut_falls_behind_letters_of_long_standing_only() -> None:
    letters = [c for c in map(chr, range(0x11000)) if not 0xD800 <= ord(c) < 0xE000 and module._CUT.match(c + " ")]
    assert len(letters) > 30_000
    assert all(unicodedata.category(c).startswith("L") for c in letters)


def test_long_documents_are_cut_to_the_same_ids(
    trained: Path, corpus: pa.Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TokenizerHandle, "compiled", None)
    handle = load_tokenizer(trained)
    assert handle.cuttable
    long = "\n".join(corpus.to_pylist()[:100])
    texts = ["a", long, "", "x" * 5000, long + " <|endoftext|> " + long]
    monkeypatch.setattr(module, "BATCH_BYTES", 1000)
    monkeypatch.setattr(cut, "__defaults__", (100,))
    fed: list[int] = []
    original = TokenizerHandle._ids

    def watch(self: TokenizerHandle, batch: list[str], *, end: bool) -> tuple[np.ndarray, list[int]]:
        fed.append(max(map(len, batch)))
        return original(self, batch, end=end)

    monkeypatch.setattr(TokenizerHandle, "_ids", watch)
    assert rows(handle, texts) == expected(trained, texts, handle.end_id)
    assert len(fed) > 100
    assert sorted(set(fed))[-2] < 1000  # all but the text that can't be cut


@pytest.mark.parametrize(
    "change",
    [
        lambda made: setattr(made, "normalizer", normalizers.Prepend("_")),
        lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True)),
        lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.Whitespace()),
        lambda made: setattr(made, "pre_tokenizer", None),
        lambda made: made.add_tokens(["New York"]),
        lambda made: setattr(made, "pre_tokenizer", splitter(r"\w+ \w+").pre_tokenizer),
    ],
)
def test_what_can_not_be_cut(change) -> None:
    made = gpt2()
    change(made)
    assert not is_cuttable(json.loads(made.to_str()))


def test_lucie_is_fed_whole(lucie: Path) -> None:
    assert not load_tokenizer(lucie).cuttable


def test_a_file_is_read_once_and_its_handles_stand_alone(trained: Path, tmp_path: Path) -> None:
    first, second = load_tokenizer(trained), load_tokenizer(trained)
    assert first.library is second.library and first is not second
    assert first.compiled is not second.compiled
    spec = json.loads(trained.read_text(encoding="utf-8"))
    spec["added_tokens"].append({**spec["added_tokens"][0], "id": max(spec["model"]["vocab"].values()) + 1})
    spec["added_tokens"][-1]["content"] = "<other>"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(spec), encoding="utf-8")
    assert load_tokenizer(changed, "<other>").end_id != first.end_id
    assert load_tokenizer(changed).end_id == first.end_id
