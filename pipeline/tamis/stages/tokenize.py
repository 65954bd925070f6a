"""The stage `tokenize`: token ids of every document, and how many they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import model_validator

from tamis.corpus.hashing import content_hashes
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.kernels.buffers import packed_lists
from tamis.tokens.tokenizer import load_tokenizer
from tamis.tokens.train import TrainTokenizer


class Trained(StageConfig):
    """A tokenizer that the run makes itself."""

    train: TrainTokenizer
    """How to train it on a sample of all ingested documents; `{}` takes every default."""


class TokenizeConfig(StageConfig):
    """Which tokenizer, and which token ends a document."""

    tokenizer: str | Trained
    """A `tokenizer.json`: a path, `package:NAME/file` inside an installed package, or
    `hub:namespace/name@revision/tokenizer.json`; or `{train: {...}}` to train one on the corpus itself."""

    end_of_document: str | None = None
    """The token whose id ends each document. Found when left out: the trained tokenizer's own, else the first
    of the usual ones (`<|endoftext|>`, `</s>`, `<|end_of_text|>`, `<eos>`, `<|im_end|>`, ...) that the
    tokenizer has."""

    @model_validator(mode="after")
    def _one_end(self) -> TokenizeConfig:
        if self.end_of_document is not None and isinstance(self.tokenizer, Trained):
            raise ValueError(
                f"end_of_document is {self.end_of_document!r}, but a tokenizer trained in the run ends "
                "documents with its own token; write it as `tokenizer: {train: {end_of_document: ...}}`"
            )
        return self


def _prepare(config: TokenizeConfig, models: Models) -> Measure:
    tokenizer = load_tokenizer(models["tokenizer"], end_of_document(config))
    # It is compiled and proved when the first text comes: now.
    tokenizer.encode(pa.array([], pa.large_string()))

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch.column("text")
        ids, offsets = tokenizer.encode(text)
        columns = {
            "tokens": np.diff(offsets),
            "input_ids": packed_lists(ids, offsets),
            "text_hash": content_hashes(text),
        }
        return measured(batch.num_rows, columns)

    return measure


def end_of_document(config: TokenizeConfig) -> str | None:
    """The token the config names to end documents; None leaves it to the tokenizer."""
    if isinstance(config.tokenizer, Trained):
        return config.tokenizer.train.end_of_document
    return config.end_of_document


def _fit(config: TokenizeConfig) -> TrainTokenizer | None:
    return config.tokenizer.train if isinstance(config.tokenizer, Trained) else None


def _models(config: TokenizeConfig) -> dict[str, str]:
    return {"tokenizer": config.tokenizer} if isinstance(config.tokenizer, str) else {}


def _payload(_: Any) -> tuple[Column, ...]:
    return (
        Column(
            "input_ids",
            pa.large_binary(),
            "token ids",
            "Ids of the text, then one end-of-document id: little-endian uint16 where the tokenizer has no more "
            "than 65,536 ids, else uint32.",
        ),
        Column("text_hash", pa.binary(16), "xxh3-128", "Digest of the UTF-8 text that the ids encode."),
    )


STAGE = Stage(
    name="tokenize",
    version=2,
    title="Token ids and token counts, by any tokenizer.json or by one trained on the corpus",
    about="""Encodes every document with the ids that the `tokenizers` library gives it, and ends it with exactly
one end-of-document id. No other special token is added. Special tokens that a document spells out
(`<|endoftext|>`, `</s>`) are encoded as the plain text they are, so an end-of-document id in the data always
ends a document. Truncation, padding and BPE dropout that a tokenizer.json asks for are switched off.

Two kinds of tokenizer are compiled, which is some thirty times as fast as the library: byte-level BPE that splits
as Tamis's own tokenizers, GPT-2, Llama 3 (GPT-4), Qwen 2, GPT-4o or Mistral's Tekken do, and BPE converted from
SentencePiece with byte fallback and no pre-tokenizer, as Lucie's and Llama 2's. A cache keeps the ids of the
pieces of text seen so far, at most 80 MiB a worker; other pieces go through the merges, in n log n. The tables are
read from the library's own form of the tokenizer, and each worker first encodes 1,800 probes both ways: should an
id differ, or the tokenizer be of another kind, the library encodes, and the log says so. A document that
holds an added token which is no special one, or isn't in normal form C where the tokenizer asks for it, goes to
the library by itself.

A tokenizer trained in the run is byte-level BPE over GPT-4-like pieces with single digits; its training
sample is drawn by content hash and does not depend on files, shards or workers.

The ids are those of the text as it stands after every edit before this stage, and `text_hash` pins that text:
a release holds the same bytes.""",
    config=TokenizeConfig,
    reads=("text",),
    adds=(Column("tokens", pa.int64(), "tokens", "Number of ids, the end-of-document id among them."),),
    prepare=_prepare,
    payload=_payload,
    models=_models,
    fit=_fit,
    once=True,
)
