"""Megatron-Core's IndexedDataset: `.bin` of token ids, `.idx` of lengths, offsets and document ends; and its blends.

Layout and type rule: `megatron/core/datasets/indexed_dataset.py` of Megatron-LM (version 1, as GPT-NeoX and
NeMo read it, too). The options that take blends are in `megatron/training/arguments.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis.corpus.commit import canonical_json
from tamis.tokens.formats.contract import Documents, Format, Lengths, Phase, Vocabulary
from tamis.tokens.formats.files import FlatPart, Growing, decimal

NAME = "megatron"
MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
"""Magic, version, code of the type, sequences, documents and one more."""
VERSION = 1
CODES = {"<u2": 8, "<i4": 4}
NARROW = 65_500
"""Vocabularies below it are uint16. There is no code for uint32: others are int32."""
LONGEST = 2**31 - 1
"""A length is an int32."""
DATASETS = 32_766
"""A blend's index is an int16, which the code compares with its largest value."""


def _type(vocabulary: Vocabulary) -> np.dtype[Any]:
    return np.dtype("<u2" if vocabulary.size < NARROW else "<i4")


class _Writer:
    def __init__(self, stem: Path, vocabulary: Vocabulary) -> None:
        self._type = _type(vocabulary)
        self._bin, self._idx = (Growing(stem.with_name(stem.name + suffix)) for suffix in (".bin", ".idx"))
        self._lengths: list[Lengths] = []

    def add(self, documents: Documents) -> None:
        self._lengths.append(documents.lengths)
        self._bin.add(np.ascontiguousarray(documents.ids, self._type))

    def close(self) -> list[Path]:
        lengths = np.concatenate(self._lengths)
        count = len(lengths)
        self._idx.add(HEADER.pack(MAGIC, VERSION, CODES[self._type.str], count, count + 1))
        self._idx.add(lengths.astype("<i4"))
        self._idx.add(((np.cumsum(lengths) - lengths) * self._type.itemsize).astype("<i8"))
        # Every sequence is a document.
        self._idx.add(np.arange(count + 1, dtype="<i8"))
        return [self._bin.close(), self._idx.close()]

    def discard(self) -> None:
        self._bin.discard()
        self._idx.discard()


def _read(stem: Path, vocabulary: Vocabulary) -> FlatPart:
    """Raises ValueError with what the index says that it shouldn't."""
    kind = _type(vocabulary)
    index = stem.with_name(f"{stem.name}.idx")
    data = np.memmap(index, np.uint8, "r")
    if len(data) < HEADER.size:
        raise ValueError(f"{index.name} has {len(data)} bytes; its header has {HEADER.size}")
    magic, version, code, count, documents = HEADER.unpack(data[: HEADER.size].tobytes())
    found, expected = (magic, version, code), (MAGIC, VERSION, CODES[kind.str])
    if found != expected:
        raise ValueError(f"{index.name} begins with magic, version, type {found}, not {expected}")
    if documents != count + 1 or len(data) != HEADER.size + 12 * count + 8 * documents:
        raise ValueError(f"{index.name} has {len(data)} bytes for {count} sequences and {documents} documents")
    lengths = data[HEADER.size :][: 4 * count].view("<i4").astype(np.int64)
    offsets = data[HEADER.size + 4 * count :][: 8 * count].view("<i8")
    ends = data[HEADER.size + 12 * count :].view("<i8")
    if not np.array_equal(offsets, (np.cumsum(lengths) - lengths) * kind.itemsize):
        raise ValueError(f"{index.name} has offsets that are not the sums of its lengths")
    if not np.array_equal(ends, np.arange(count + 1)):
        raise ValueError(f"{index.name} has documents that are not its sequences")
    return FlatPart(stem.with_name(f"{stem.name}.bin"), kind, lengths)


def blend(weighted: Iterable[tuple[str, float]]) -> list[str]:
    """`[weight, prefix, weight, prefix, ...]`, every weight in full and above 0."""
    return [word for prefix, weight in weighted for word in (decimal(weight), prefix)]


def _blend(phase: Phase, vocabulary: Vocabulary) -> dict[str, bytes]:
    words = blend((cell.path(NAME, part), share) for cell in phase.cells for part, share in cell.by_part)
    # Megatron takes null for a split without data; of an empty list it wants a weight.
    splits = {"train": words, "valid": None, "test": None}
    return {
        f"{NAME}/{phase.name}.blend": f"{' '.join(words)}\n".encode(),
        f"{NAME}/{phase.name}.per_split.json": canonical_json(splits, indent=True) + b"\n",
    }


def sequences(parts: Sequence[tuple[str, int]]) -> dict[str, bytes]:
    """The file of `--per-dataset-sequences-path`, from the path and the documents of every part: it spares Megatron the
    opening of all indexes at the start."""
    counts = {path: [documents, documents + 1] for path, documents in parts}
    return {f"{NAME}/sequences.json": canonical_json(counts, indent=True) + b"\n"}


FORMAT = Format(
    name=NAME,
    title="Megatron-LM",
    suffixes=(".bin", ".idx"),
    longest=lambda _: LONGEST,
    parts=DATASETS,
    writer=_Writer,
    reader=_read,
    blend=_blend,
)
