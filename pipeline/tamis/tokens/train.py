"""Training a tokenizer on the corpus itself: BPE, the same bytes for the same texts.

Two kinds. *Byte-level*: a split pattern cuts the text into pieces, the alphabet is all 256 bytes, so every text has
ids and decoding gives it back exactly. *Byte fallback*, as SentencePiece makes them and Lucie's is one: characters
merge, nothing splits the text when it is encoded, spaces are written `▁`, and a character that has no id of its own
is written as its bytes; all comes back but a text's own `▁`, which becomes a space.

The sample of text is the caller's to order; `sample_order` gives an order that does not depend on how the corpus
lies in shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from pydantic import Field, model_validator

from tamis.corpus.stage import StageConfig
from tamis.errors import InputError
from tamis.tokens.runs import RUN_LETTERS, run_tokens, with_runs
from tamis.tokens.tokenizer import split_pattern

MARKER = "\u2581"
"""A space, in a tokenizer with byte fallback."""
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens that a character without an id of its own falls back on."""
_FALLBACK_DIGITS = {"individual": r"\p{N}", "groups-of-3": r"\p{N}{1,3}", "none": r"\p{N}+"}
# No piece joins a sign and a letter, or ends before a marker: nothing then splits the text when it is encoded, and
# merges find the same pieces by themselves.
_FALLBACK_SPLIT = "|".join(
    (
        rf"{MARKER}{{2,}}",
        rf"{MARKER}?[\p{{L}}\p{{M}}]+",
        "DIGITS",
        rf"{MARKER}?[^\s{MARKER}\p{{L}}\p{{M}}\p{{N}}]+",
        rf"{MARKER}|\n+|\t+|\s",
    )
)

SpecialToken = Annotated[str, Field(pattern=r"^<\|?[A-Za-z_][A-Za-z_0-9]+\|?>$")]
"""`<name>` or `<|name|>`: ordinary text never merges into these."""


class TrainTokenizer(StageConfig):
    """A BPE tokenizer to be trained on the corpus in the run."""

    vocabulary_size: int = Field(default=8192, ge=512, le=1 << 20)
    """Ids to learn, the 256 bytes and the end-of-document token among them; a small sample may yield fewer.
    Up to 65,536 are stored in two bytes each."""

    characters: int = Field(default=4_000_000, ge=1_000, le=1_000_000_000_000)
    """Text to learn from, in characters: documents are drawn pseudo-randomly until it is used up."""

    document_characters: int = Field(default=100_000, ge=100)
    """Most characters to learn from one document, from its beginning: no long book fills the sample."""

    end_of_document: str = Field(default="<|endoftext|>", pattern=r"^<\|?[A-Za-z_]{2,}\|?>$")
    """Token whose id ends each document, `<name>` or `<|name|>`: ordinary text never merges into these."""

    special_tokens: tuple[SpecialToken, ...] = ()
    """More tokens that no text is encoded to, for chat formats or tools, `<name>` or `<|name|>`; their ids follow
    that of the end of document, which is 0."""

    split: Literal["tamis", "gpt-4", "gpt-4o"] = "tamis"
    """How a text is cut into pieces that merges don't leave: `tamis` (combining marks stay in their word, no English
    contractions), `gpt-4` (with single digits that is Qwen 2's) or `gpt-4o` (words end where lower case meets upper
    case). With byte fallback, `tamis` alone."""

    digits: Literal["individual", "groups-of-3", "none"] = "individual"
    """Numbers as single digits, in groups of at most three from the left, or merged like letters."""

    byte_fallback: bool = False
    """Merge characters rather than bytes, and write those without an id as bytes, as SentencePiece does."""

    alphabet: int = Field(default=1000, ge=1)
    """With byte fallback: so many of the most frequent characters have an id each, a quarter of the vocabulary at
    most; the others are bytes."""

    whitespace_runs: int = Field(default=0, ge=0, le=64)
    """Runs of 2 up to so many spaces, tabs or newlines are tokens for sure, learnt or not; 0 leaves it to the text."""

    min_frequency: int = Field(default=2, ge=1)
    """Times that a pair must stand in the sample to be merged."""

    @model_validator(mode="after")
    def _together(self) -> TrainTokenizer:
        if self.byte_fallback and self.split != "tamis":
            raise ValueError(
                f"split is {self.split!r}, but a tokenizer with byte_fallback is split by nothing when it encodes; "
                "leave out split, or byte_fallback"
            )
        names = (self.end_of_document, *self.special_tokens)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"special tokens must differ, and {', '.join(twice)} is there twice; name each once")
        needed = 256 + len(names) + len(run_tokens(self.whitespace_runs, RUN_LETTERS))
        if needed >= self.vocabulary_size:
            raise ValueError(
                f"vocabulary_size is {self.vocabulary_size}, but bytes, special tokens and runs take {needed}; raise it"
            )
        return self


def train_tokenizer(config: TrainTokenizer, texts: Iterable[pa.Array]) -> bytes:
    """Trains on text columns, taken in the given order, and returns the `tokenizer.json`.

    Reads no more columns than `config.characters` needs, and with byte fallback reads them twice: `texts` should be
    something that can be iterated again, an iterator is held in memory. The same texts in the same order, however
    they are grouped into columns, give the same bytes, whatever the number of threads. Raises InputError when there
    is no text.
    """
    from tokenizers import trainers

    if config.byte_fallback and isinstance(texts, Iterator):
        texts = list(texts)
    tokens = [config.end_of_document, *config.special_tokens]
    limit: dict[str, Any] = {}
    if config.byte_fallback:
        tokens += BYTES
        letters = _alphabet(config, _sample(config, texts))
        limit["limit_alphabet"] = len(letters)
        tokenizer = _fallback(config)
    else:
        letters = _byte_letters()
        tokenizer = _byte_level(config)
    sample = _sample(config, texts)
    first = next(sample, None)
    if first is None:
        raise InputError(
            "there is no text to train a tokenizer on: every document was dropped or is empty; "
            "loosen the keep rules, or name a trained tokenizer in `tokenize.tokenizer`"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary_size,
        min_frequency=config.min_frequency,
        special_tokens=tokens,
        initial_alphabet=letters,
        show_progress=False,
        **limit,
    )
    tokenizer.train_from_iterator(chain((first,), sample), trainer)
    made = str(tokenizer.to_str(pretty=False)).encode()
    return _finished(config, made) if config.byte_fallback or config.whitespace_runs else made


def _byte_letters() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _byte_level(config: TrainTokenizer) -> Any:
    """A tokenizer that has learnt nothing yet, whose symbols are bytes."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split_pattern(config.split, config.digits)), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _fallback(config: TrainTokenizer) -> Any:
    """A tokenizer that has learnt nothing yet, whose symbols are characters; it is split for training alone."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", MARKER)
    pattern = _FALLBACK_SPLIT.replace("DIGITS", _FALLBACK_DIGITS[config.digits])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Replace(MARKER, " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def _alphabet(config: TrainTokenizer, sample: Iterable[str]) -> list[str]:
    """The most frequent characters of a sample; of equally frequent ones those of lower code points."""
    counts = np.zeros(0x110000, np.int64)
    for text in sample:
        points, times = np.unique(np.frombuffer(text.encode("utf-32-le"), np.uint32), return_counts=True)
        counts[points] += times
    counts[ord(MARKER)] += counts[ord(" ")] + 1
    counts[ord(" ")] = 0
    if config.whitespace_runs:
        counts[[ord("\t"), ord("\n")]] += 1
    must = [MARKER, *("\t\n" if config.whitespace_runs else "")]
    order = np.argsort(-counts, kind="stable")[: min(config.alphabet, config.vocabulary_size // 4)]
    return sorted({*must, *(chr(point) for point in order[counts[order] > 0])})


def _finished(config: TrainTokenizer, made: bytes) -> bytes:
    """What the trainer made, with runs of white space, and without what only training needed."""
    spec: dict[str, Any] = orjson.loads(made)
    letters = RUN_LETTERS
    if config.byte_fallback:
        spec["pre_tokenizer"] = None
        spec["added_tokens"] = [token for token in spec["added_tokens"] if token["content"] not in BYTES]
        letters = {" ": MARKER, "\t": "\t", "\n": "\n"}
    if config.whitespace_runs:
        spec["model"] = with_runs(spec["model"], letters.values(), config.whitespace_runs, config.vocabulary_size)
    return orjson.dumps(spec)


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
