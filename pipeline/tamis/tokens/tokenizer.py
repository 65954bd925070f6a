"""Tokenizers: loading a `tokenizer.json`, and text columns to token ids.

The usual kinds of BPE are compiled (`tamis.tokens.compiled`), the `tokenizers` library encodes with any other
tokenizer, and its ids are the measure of both. This file owns what a corpus needs around it:

* exactly one end-of-document id per document, at its end, and never one that the text itself wrote: a
  document about tokenizers may hold `<|endoftext|>`, and that must stay ordinary text;
* ids that depend on the text alone: no truncation, padding, other special tokens or BPE dropout, whatever the
  file says;
* bounded memory: the library holds over 100 bytes per token until a batch is done, so batches are bounded by
  bytes, and a huge document is cut where that provably leaves its ids as they are.

The library uses a thread per core unless the environment says `TOKENIZERS_PARALLELISM=false`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tamis.errors import InputError, did_you_mean
from tamis.kernels.bpe_patterns import DIGITS, GPT2_SPLIT
from tamis.kernels.bpe_patterns import TAMIS_SPLIT as TAMIS_SPLIT
from tamis.kernels.bpe_patterns import split_pattern as split_pattern
from tamis.kernels.buffers import text_buffers

if TYPE_CHECKING:
    from tamis.tokens.compiled import CompiledEncoder

END_OF_DOCUMENT = (
    "<|endoftext|>",
    "</s>",
    "<|end_of_text|>",
    "<eos>",
    "<|im_end|>",
    "<|end_of_sentence|>",
    "<｜end▁of▁sentence｜>",
    "<EOS_TOKEN>",
    "[EOS]",
)
"""Tokens that end a document in published tokenizers, tried in this order."""

BATCH_BYTES = 1 << 20
"""Text given to the library at once; about 300,000 tokens, so some 40 MB of its encodings."""
BATCH_DOCUMENTS = 8192
"""Documents given to the library at once: an encoding costs memory even when it is empty."""

CUTTABLE_SPLITS = frozenset(
    {GPT2_SPLIT, *(split_pattern(kind, digits) for kind in ("tamis", "gpt-4") for digits in DIGITS)}
)
"""Split patterns that always end a piece between a letter and a following space or newline, by what they see
before it alone: a run of letters stops there as it does at the end of the text, no look-ahead reaches over
it, and nothing looks behind. They are GPT-2's, and Tamis's own and GPT-4's kind (Qwen 2's, Llama 3's) with
any digits."""

# Letters that every Unicode version in use knows as letters: a letter new to one of them would count as a
# symbol, and a run of symbols may take the newlines behind it.
_CUT = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏΑ-ΡΣ-ωА-яא-תء-غف-يअ-हก-ะぁ-ゖァ-ヺ一-龥가-힣](?=[ \n])")

Ids = npt.NDArray[np.uint32]


def id_type(vocabulary_size: int) -> pa.DataType:
    """Narrowest Arrow type for ids below `vocabulary_size`: uint16 up to 65,536 of them, else uint32."""
    return pa.uint16() if vocabulary_size <= 1 << 16 else pa.uint32()


@dataclass(frozen=True)
class TokenizerHandle:
    """A loaded tokenizer and what is known of it."""

    sha256: str
    """Of the `tokenizer.json`, in hex."""
    model: str
    """The kind of model: `BPE`, `Unigram`, `WordPiece` or `WordLevel`."""
    vocabulary_size: int
    """One more than the largest id, added tokens included."""
    end_of_document: str
    """The token whose id ends each document."""
    end_id: int
    """Its id."""
    cuttable: bool
    """A long document may be cut between a letter and a space: the ids stay the same."""
    library: Any
    """The `tokenizers.Tokenizer` that encodes: special tokens in a text are plain text to it."""

    @property
    def id_type(self) -> pa.DataType:
        """The narrowest Arrow type that holds every id."""
        return id_type(self.vocabulary_size)

    def describe(self) -> dict[str, str | int]:
        """What a manifest records of the tokenizer."""
        return {
            "sha256": self.sha256,
            "model": self.model,
            "vocabulary_size": self.vocabulary_size,
            "end_of_document": self.end_of_document,
            "end_of_document_id": self.end_id,
            "id_type": str(self.id_type),
        }

    def encode(self, column: pa.Array) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Token ids of a text column without nulls: all ids as one array of `id_type`, and int64 offsets.

        Document i has the ids `values[offsets[i]:offsets[i + 1]]`; the last one is `end_id`, no other is.
        Raises InputError when the tokenizer makes its end-of-document id out of ordinary text.
        """
        encoder = self.compiled
        values, offsets = self._by_library(column) if encoder is None else encoder.encode(column, self._by_library)
        if np.count_nonzero(values == self.end_id) != len(column):
            raise InputError(
                f"the tokenizer (sha256 {self.sha256[:12]}) makes {self.end_of_document!r} out of "
                "ordinary text, so it can't tell where a document ends; name another one in `end_of_document`"
            )
        return values.astype(self.id_type.to_pandas_dtype(), copy=False), offsets

    @cached_property
    def compiled(self) -> CompiledEncoder | None:
        """The compiled encoder, made and proved when the first text comes; None leaves the library alone."""
        from tamis.tokens.compiled import compiled_encoder

        return compiled_encoder(self.library, self.end_id, self.sha256[:12], self._by_library)

    def _by_library(self, column: pa.Array) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Ids and offsets as `encode` gives them, by the library."""
        parts: list[Ids] = []
        counts: list[int] = []
        for start, stop in batches(text_buffers(column)[1], BATCH_BYTES, BATCH_DOCUMENTS):
            texts = column.slice(start, stop - start).to_pylist()
            if len(texts) == 1 and self.cuttable:
                pieces = [self._ids([piece], end=False)[0] for piece in cut(texts[0])]
                pieces.append(np.array([self.end_id], np.uint32))
                parts.extend(pieces)
                counts.append(sum(map(len, pieces)))
            else:
                ids, lengths = self._ids(texts, end=True)
                parts.append(ids)
                counts.extend(lengths)
        values = np.concatenate(parts) if parts else np.zeros(0, np.uint32)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        return values, offsets

    def _ids(self, texts: list[str], *, end: bool) -> tuple[Ids, list[int]]:
        """Ids of all texts in one array, and how many each has; `end` ends each with `end_id`."""
        encodings = self.library.encode_batch_fast(texts, add_special_tokens=False)
        tail = (self.end_id,) if end else ()
        lengths = [len(encoding) + len(tail) for encoding in encodings]
        ids = chain.from_iterable(part for encoding in encodings for part in (encoding.ids, tail))
        return np.fromiter(ids, np.uint32, count=sum(lengths)), lengths


def load_tokenizer(path: Path, end_of_document: str | None = None) -> TokenizerHandle:
    """Loads a `tokenizer.json`.

    `end_of_document` names the token that ends each document; by default it is the first of
    `END_OF_DOCUMENT` in the vocabulary. Raises InputError when the file is missing, is no tokenizer, or has
    no such token.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the tokenizer can't be read: {error.strerror}") from error
    try:
        # Each its own handle: the compiled encoder and its cache live as long as that does.
        return replace(_loaded(content, end_of_document))
    except _NoEnd as missing:
        raise InputError(f"{path}: {missing}") from None
    except Exception as error:  # the library raises nothing narrower
        raise InputError(
            f"{path}: not a tokenizer.json that the `tokenizers` library reads ({type(error).__name__}: "
            f"{str(error)[:200]}); name another file, or export this one again"
        ) from error


class _NoEnd(Exception):
    """No token that ends a document: what lacks, and what to do."""


@functools.lru_cache(maxsize=1)
def _loaded(content: bytes, end_of_document: str | None) -> TokenizerHandle:
    """The tokenizer that a `tokenizer.json` holds. Measuring and release both ask for it: it is kept."""
    from tokenizers import Tokenizer

    try:
        spec = _parsed(content)
        token = _end_of_document(_names(spec), end_of_document)
        renamed = _renamed(spec, token)
        library = Tokenizer.from_buffer(orjson.dumps(plain_text_spec(spec, token)))
    except Exception:
        # If the library can't read the file itself, what it says of that says more.
        Tokenizer.from_buffer(content)
        raise
    library.encode_special_tokens = True
    vocabulary = library.get_vocab(with_added_tokens=True)
    return TokenizerHandle(
        sha256=hashlib.sha256(content).hexdigest(),
        model=type(library.model).__name__,
        vocabulary_size=max(vocabulary.values()) + 1,
        end_of_document=token,
        end_id=vocabulary[renamed.get(token, token)],
        cuttable=is_cuttable(spec),
        library=library,
    )


def _parsed(content: bytes) -> dict[str, Any]:
    spec: dict[str, Any] = orjson.loads(content)
    if isinstance(spec["model"]["vocab"], dict):
        return spec
    # Floats stay as they are written: no piece's score may change by a rounding.
    exact: dict[str, Any] = json.loads(content, parse_float=lambda number: orjson.Fragment(number.encode()))
    return exact


def _names(spec: Mapping[str, Any]) -> AbstractSet[str]:
    """All tokens of a parsed `tokenizer.json`, added ones included."""
    vocabulary = spec["model"]["vocab"]
    names = vocabulary.keys() if isinstance(vocabulary, dict) else {token for token, _ in vocabulary}
    return names | {token["content"] for token in spec.get("added_tokens", [])}


def _end_of_document(names: AbstractSet[str], wanted: str | None) -> str:
    """The token that ends a document: the wanted one, else the first usual one in the vocabulary."""
    if wanted is not None:
        if wanted not in names:
            raise _NoEnd(
                f"the tokenizer has no token {wanted!r}, which `end_of_document` names."
                f"{did_you_mean(wanted, _bracketed(names))}"
            )
        return wanted
    for token in END_OF_DOCUMENT:
        if token in names:
            return token
    raise _NoEnd(
        f"the tokenizer has none of the usual end-of-document tokens ({', '.join(END_OF_DOCUMENT)}); "
        f"name the one it has in `end_of_document`.{did_you_mean('<end>', _bracketed(names))}"
    )


def _bracketed(names: Iterable[str]) -> list[str]:
    """Tokens that look like special ones: `<...>`, `[...]`."""
    return [token for token in names if len(token) > 2 and token[0] + token[-1] in ("<>", "[]")]


def _renamed(spec: Mapping[str, Any], end_of_document: str) -> dict[str, str]:
    """The tokens that a text must not spell, with names that no text holds."""
    special = {token["content"] for token in spec.get("added_tokens", []) if token["special"]} | {end_of_document}
    # A one-character token or a byte of a byte fallback may be the only spelling of a piece of ordinary text.
    return {name: f"\0{name}" for name in special if len(name) > 1 and not re.fullmatch("<0x[0-9A-F]{2}>", name)}


def plain_text_spec(spec: dict[str, Any], end_of_document: str) -> dict[str, Any]:
    """A copy of a parsed `tokenizer.json` to which special tokens in a text are plain text.

    Every special token, and `end_of_document` if it isn't marked as one, gets a name with a NUL in it, which
    no text holds; ids stay. The library's `encode_special_tokens` alone doesn't do: it skips the added
    tokens, but a model whose vocabulary holds `</s>` as a piece or a word would still find it. Truncation,
    padding and BPE dropout are switched off.
    """
    renamed = _renamed(spec, end_of_document)
    added = [
        {**token, "content": renamed.get(token["content"], token["content"])}
        | ({"special": True} if token["content"] == end_of_document else {})
        for token in spec.get("added_tokens", [])
    ]
    model = dict(spec["model"])
    if isinstance(model["vocab"], dict):
        model["vocab"] = {renamed.get(token, token): index for token, index in model["vocab"].items()}
    else:
        model["vocab"] = [[renamed.get(token, token), score] for token, score in model["vocab"]]
    if model.get("unk_token") is not None:
        model["unk_token"] = renamed.get(model["unk_token"], model["unk_token"])
    if "merges" in model:
        prefix = model.get("continuing_subword_prefix") or ""
        pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        model["merges"] = [
            (left, right)
            for left, right in pairs
            if left not in renamed and right not in renamed and left + right.removeprefix(prefix) not in renamed
        ]
        model["dropout"] = None
    return {
        **spec,
        "model": model,
        "added_tokens": added,
        "truncation": None,
        "padding": None,
    }


def is_cuttable(spec: Mapping[str, Any]) -> bool:
    """Whether a text may be cut between a letter and a following space or newline without changing its ids.

    True when the pre-tokenizer always ends a piece there (`CUTTABLE_SPLITS`), pieces are encoded one by one,
    the normalizer is none or NFC (neither space nor newline composes with what stands before it), and no
    added token reaches over such a place.
    """
    normalizer, splitter = spec.get("normalizer"), spec.get("pre_tokenizer")
    if normalizer is not None and normalizer != {"type": "NFC"}:
        return False
    if not _splits_safely(splitter):
        return False
    return not any(
        token["lstrip"] or token["rstrip"] or token["single_word"] or _CUT.search(token["content"])
        for token in spec.get("added_tokens", [])
        if not token["special"]
    )


def _splits_safely(splitter: Mapping[str, Any] | None) -> bool:
    """Whether a pre-tokenizer is a byte-level one that splits by one of `CUTTABLE_SPLITS`."""
    if splitter is None:
        return False
    steps = splitter["pretokenizers"] if splitter["type"] == "Sequence" else [splitter]
    bytes_ = steps[-1] if steps else {}
    if bytes_.get("type") != "ByteLevel" or bytes_.get("add_prefix_space", True):
        return False
    if len(steps) == 1:
        return bool(bytes_.get("use_regex", True))  # GPT-2's pattern is built in
    split = steps[0]
    return (
        len(steps) == 2
        and split.get("type") == "Split"
        and split["pattern"].get("Regex") in CUTTABLE_SPLITS
        and split["behavior"] == "Isolated"
        and not split["invert"]
        and not bytes_.get("use_regex", True)
    )


def cut(text: str, size: int = BATCH_BYTES // 2) -> Iterator[str]:
    """Pieces of `text`, cut between a letter and a space or newline.

    Each ends at the first such place after `size` characters; where none is left, the rest stays whole.
    """
    start = 0
    while start + size < len(text):
        place = _CUT.search(text, start + size - 1)
        if place is None:
            break
        yield text[start : place.end()]
        start = place.end()
    yield text[start:]


def batches(bounds: npt.NDArray[np.int64], size: int, documents: int) -> Iterator[tuple[int, int]]:
    """Row ranges of at most `size` bytes and `documents` rows; a larger document has one to itself."""
    start, rows = 0, len(bounds) - 1
    while start < rows:
        fits = int(np.searchsorted(bounds, bounds[start] + size, side="right")) - 1
        stop = min(max(fits, start + 1), start + documents, rows)
        yield start, stop
        start = stop
