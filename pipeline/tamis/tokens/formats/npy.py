"""OLMo-core's token files: `.npy` of ids, which has no header whatever its name says, and `.csv.gz` of documents.

Layout: `olmo_core/data/utils.py` (iter_document_indices), `olmo_core/data/source_mixture.py`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from tamis.tokens.formats.contract import Documents, Format, Phase, Vocabulary, Weighted
from tamis.tokens.formats.files import FlatPart, Growing, decimal

NAME = "npy"
LEVEL = 6
_GZIP = 31
"""zlib's number for a gzip stream. Its header tells neither name nor time: equal data are equal bytes."""
ROOM = 1 + 1e-12
"""What a cell may be repeated beyond what its share asks for: OLMo-core compares the two in rounded numbers."""


class _Writer:
    def __init__(self, stem: Path, vocabulary: Vocabulary) -> None:
        self._type = vocabulary.type
        self._ids, self._documents = (Growing(stem.with_name(stem.name + suffix)) for suffix in FORMAT.suffixes)
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
        self._tokens = 0

    def add(self, documents: Documents) -> None:
        ends = self._tokens + np.cumsum(documents.lengths)
        self._tokens = int(ends[-1])
        self._ids.add(np.ascontiguousarray(documents.ids, self._type))
        self._documents.add(self._packer.compress(_lines(ends - documents.lengths, ends)))

    def close(self) -> list[Path]:
        self._documents.add(self._packer.flush())
        return [self._ids.close(), self._documents.close()]

    def discard(self) -> None:
        self._ids.discard()
        self._documents.discard()


def _lines(starts: Any, ends: Any) -> bytes:
    """`start,end`, a line for each document."""
    out = io.BytesIO()
    csv.write_csv(pa.table({"start": starts, "end": ends}), out, csv.WriteOptions(include_header=False))
    return out.getvalue()


def _read(stem: Path, vocabulary: Vocabulary) -> FlatPart:
    path = stem.with_name(f"{stem.name}.csv.gz")
    try:
        with gzip.open(path) as file:
            table = csv.read_csv(file, csv.ReadOptions(column_names=["start", "end"]))
        starts, ends = (table[name].cast(pa.int64()).to_numpy() for name in ("start", "end"))
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise ValueError(f"{path.name} can't be read: {error}") from None
    if not np.array_equal(starts, np.concatenate([np.zeros(1, np.int64), ends[:-1]])):
        raise ValueError(f"{path.name} has a document that doesn't begin where the one before it ends")
    return FlatPart(stem.with_name(f"{stem.name}.npy"), vocabulary.type, ends - starts)


def _blend(phase: Phase, vocabulary: Vocabulary) -> dict[str, bytes]:
    """A file for `SourceMixtureList.from_yaml`."""
    head = f"# requested_tokens: {phase.tokens}\nsources:\n"
    text = head + "".join(_source(cell, phase.tokens) for cell in phase.cells)
    return {f"{NAME}/{phase.name}.source_mixture.yaml": text.encode()}


def _source(cell: Weighted, tokens: int) -> str:
    repeats = max(1.0, cell.share * tokens / sum(cell.parts.values()) * ROOM)
    paths = "".join(f'      - "{cell.path(NAME, part)}.npy"\n' for part in cell.parts)
    return (
        f'  - source_name: "{cell.cell}"\n'
        f"    target_ratio: {decimal(cell.share)}\n"
        f"    max_repetition_ratio: {decimal(repeats)}\n"
        f"    paths:\n{paths}"
    )


FORMAT = Format(
    name=NAME,
    title="OLMo-core",
    suffixes=(".npy", ".csv.gz"),
    longest=lambda _: 2**63 - 1,
    parts=None,
    writer=_Writer,
    reader=_read,
    blend=_blend,
)
