"""The stage `tokenize`: its columns, its options, and its laws."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import xxhash
from pydantic import ValidationError

from tamis.corpus.hashing import content_hashes
from tamis.kernels.buffers import unpacked_lists
from tamis.stages.tokenize import STAGE, TokenizeConfig
from tamis.tokens.train import TrainTokenizer, train_tokenizer

TEXTS = ["Le tamis et la farine.", "", "<|endoftext|> <|eod|>", "👩‍👩‍👧‍👦 ab\n" * 50, "Le tamis", "Le tamis"]
TRAIN = {"vocabulary_size": 512, "end_of_document": "<|eod|>"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.write_bytes(train_tokenizer(TrainTokenizer.model_validate(TRAIN), [large(TEXTS * 5)]))
    return made


def large(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([large(texts)], ["text"])


def config(**options: object) -> TokenizeConfig:
    return TokenizeConfig.model_validate(options)


def measure(path: Path, texts: list[str]) -> pa.RecordBatch:
    assert STAGE.prepare is not None
    return STAGE.prepare(config(tokenizer={"train": TRAIN}), {"tokenizer": path})(batch(texts))


@pytest.mark.parametrize("texts", [TEXTS, []])
def test_columns_are_the_declared_ones(path: Path, texts: list[str]) -> None:
    got = measure(path, texts)
    declared = (*STAGE.adds, *STAGE.payload(config(tokenizer="x.json")))
    assert [(f.name, f.type) for f in got.schema] == [(c.name, c.type) for c in declared]
    assert got.num_rows == len(texts)
    got.validate(full=True)


def test_tokens_count_the_ids_and_the_end_closes_each(path: Path) -> None:
    got = measure(path, TEXTS)
    ids = unpacked_lists(got.column("input_ids"), "<u2").to_pylist()
    assert got.column("tokens").to_pylist() == [len(row) for row in ids]
    assert all(row.index(0) == len(row) - 1 for row in ids)
    assert ids[1] == [0]


def test_text_hash_is_of_the_text() -> None:
    column = large(["skipped", *TEXTS]).slice(1)
    assert content_hashes(column).to_pylist() == [xxhash.xxh3_128_digest(text.encode()) for text in TEXTS]
    assert content_hashes(large([])).to_pylist() == []


def test_batches_do_not_matter_and_twice_is_the_same(path: Path) -> None:
    whole = measure(path, TEXTS)
    joined = pa.concat_batches([measure(path, TEXTS[:2]), measure(path, TEXTS[2:])])
    assert joined.equals(whole)
    assert measure(path, TEXTS).equals(whole)


def test_a_reference_is_a_model_and_a_train_block_is_fitted() -> None:
    assert STAGE.fit is not None
    named = config(tokenizer="hub:OpenLLM-France/Lucie-7B@main/tokenizer.json")
    assert STAGE.models(named) == {"tokenizer": "hub:OpenLLM-France/Lucie-7B@main/tokenizer.json"}
    assert STAGE.fit(named) is None
    trained = config(tokenizer={"train": {}})
    assert STAGE.models(trained) == {}
    assert STAGE.fit(trained) == TrainTokenizer()


def test_the_end_of_a_trained_tokenizer_is_its_own() -> None:
    with pytest.raises(ValidationError, match=r"train: \{end_of_document"):
        config(tokenizer={"train": {}}, end_of_document="</s>")


def test_the_named_end_is_used(path: Path) -> None:
    assert STAGE.prepare is not None
    end = "\u0120tamis"
    chosen = STAGE.prepare(config(tokenizer="x.json", end_of_document=end), {"tokenizer": path})
    (ids,) = unpacked_lists(chosen(batch(["a"])).column("input_ids"), "<u2").to_pylist()
    assert ids[-1] != 0
    assert len(ids) == 2
