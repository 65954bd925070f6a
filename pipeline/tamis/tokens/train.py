"""Training a tokenizer on the corpus itself: byte-level BPE, the same bytes for the same texts.

The split is GPT-4's in kind, with every digit on its own; the alphabet is all 256 bytes, so every text has
ids and decoding gives it back exactly. The sample of text is the caller's to order; `sample_order` gives an
order that does not depend on how the corpus lies in shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from tamis.corpus.stage import StageConfig
from tamis.errors import InputError
from tamis.tokens.tokenizer import TAMIS_SPLIT


class TrainTokenizer(StageConfig):
    """A byte-level BPE tokenizer to be trained on the corpus in the run."""

    vocabulary_size: int = Field(default=8192, ge=512, le=1 << 20)
    """Ids to learn, the 256 bytes and the end-of-document token among them; a small sample may yield fewer.
    Up to 65,536 are stored in two bytes each."""

    characters: int = Field(default=4_000_000, ge=1_000, le=10_000_000_000)
    """Text to learn from, in characters: documents are drawn pseudo-randomly until it is used up."""

    document_characters: int = Field(default=100_000, ge=100)
    """Most characters to learn from one document, from its beginning: no long book fills the sample."""

    end_of_document: str = Field(default="<|endoftext|>", pattern=r"^<\|?[A-Za-z_]{2,}\|?>$")
    """Token whose id ends each document, `<name>` or `<|name|>`: ordinary text never merges into these."""


def train_tokenizer(config: TrainTokenizer, texts: Iterable[pa.Array]) -> bytes:
    """Trains on text columns, taken in the given order, and returns the `tokenizer.json`.

    Reads no more columns than `config.characters` needs. The same texts in the same order, however they are
    grouped into columns, give the same bytes, whatever the number of threads. Raises InputError when there is
    no text.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(TAMIS_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary_size,
        min_frequency=2,
        special_tokens=[config.end_of_document],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    sample = _sample(config, texts)
    first = next(sample, None)
    if first is None:
        raise InputError(
            "there is no text to train a tokenizer on: every document was dropped or is empty; "
            "loosen the keep rules, or name a trained tokenizer in `tokenize.tokenizer`"
        )
    tokenizer.train_from_iterator(chain((first,), sample), trainer)
    return str(tokenizer.to_str(pretty=False)).encode()


def sample_order(content_hashes: pa.Array, seed: int) -> npt.NDArray[np.int64]:
    """Row numbers in a pseudo-random order that depends on the documents' contents and the seed alone.

    `content_hashes` is a fixed_size_binary(16) column without nulls. Documents of equal content are
    neighbours, so their order among themselves makes no difference to a sample of text.
    """
    if content_hashes.type != pa.binary(16):
        raise TypeError(f"content hashes are fixed_size_binary(16), not {content_hashes.type}")
    if len(content_hashes) == 0:
        return np.zeros(0, np.int64)
    words = np.frombuffer(content_hashes.buffers()[1], "<u8").reshape(-1, 2)
    low, high = words[content_hashes.offset : content_hashes.offset + len(content_hashes)].T
    return np.lexsort((high, low, _mixed(low ^ _mixed(high + np.uint64(seed & (1 << 64) - 1)))))


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finalizer (Steele, Lea, Flood 2014), a bijection of 64-bit words."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _sample(config: TrainTokenizer, texts: Iterable[pa.Array]) -> Iterator[str]:
    """Beginnings of the documents that hold text, until the budget of characters is used up."""
    left = config.characters
    for column in texts:
        for text in column:
            taken = text.as_py()[: min(left, config.document_characters)]
            if taken:
                yield taken
            left -= len(taken)
            if not left:
                return
