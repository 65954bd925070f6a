"""The token files of datatrove, which nanotron reads: `.ds` of ids, `.ds.index` of ends, `.ds.metadata` in words.

Layout: `datatrove/pipeline/tokens/tokenizer.py` (TokenizedFile) and `datatrove/utils/dataset.py`. A nanotron
data set is a folder of such files, as a cell is here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tamis.tokens.formats.contract import TOKENIZER, Documents, Format, Lengths, Phase, Vocabulary
from tamis.tokens.formats.files import FlatPart, Growing, decimal

NAME = "ds"


class _Writer:
    def __init__(self, stem: Path, vocabulary: Vocabulary) -> None:
        self._type = vocabulary.type
        self._ids, self._ends, self._metadata = (Growing(stem.with_name(stem.name + s)) for s in FORMAT.suffixes)
        self._tokens = 0

    def add(self, documents: Documents) -> None:
        ends = self._tokens + np.cumsum(documents.lengths)
        self._tokens = int(ends[-1])
        self._ids.add(np.ascontiguousarray(documents.ids, self._type))
        self._ends.add(ends.astype("<u8"))

    def close(self) -> list[Path]:
        self._metadata.add(metadata(self._tokens, self._type.itemsize).encode())
        return [self._ids.close(), self._ends.close(), self._metadata.close()]

    def discard(self) -> None:
        for file in (self._ids, self._ends, self._metadata):
            file.discard()


def metadata(tokens: int, size: int) -> str:
    """The three lines: tokenizer and bytes an id, tokens, tokens in words."""
    return f"{TOKENIZER}|{size}\n{tokens}\n{_in_words(tokens)}"


def _in_words(tokens: int) -> str:
    """Three digits and a prefix: `1.23 MT`."""
    thousands, digits = divmod(len(str(tokens)) - 1, 3)
    return f"{tokens / 1000**thousands:.{2 - digits}f} {('', 'k', 'M', 'G', 'T', 'P')[thousands]}T"


def _read(stem: Path, vocabulary: Vocabulary) -> FlatPart:
    kind = vocabulary.type
    index = stem.with_name(f"{stem.name}.ds.index")
    if index.stat().st_size % 8:
        raise ValueError(f"{index.name} has {index.stat().st_size} bytes; 8 a document")
    ends = np.fromfile(index, "<u8").astype(np.int64)
    lengths: Lengths = np.concatenate([ends[:1], ends[1:] - ends[:-1]])
    part = FlatPart(stem.with_name(f"{stem.name}.ds"), kind, lengths)
    told = stem.with_name(f"{stem.name}.ds.metadata").read_text(encoding="utf-8")
    expected = metadata(int(lengths.sum()), kind.itemsize)
    if told != expected:
        raise ValueError(f"{stem.name}.ds.metadata says {told!r}, not {expected!r}")
    return part


def _blend(phase: Phase, vocabulary: Vocabulary) -> dict[str, bytes]:
    """One stage of `data_stages`."""
    folders = "".join(f'      - "{cell.path(NAME, cell.stem)}"\n' for cell in phase.cells)
    weights = "".join(f"      - {decimal(cell.share)}\n" for cell in phase.cells)
    text = (
        f"- name: {phase.name}\n"
        "  start_training_step: 1\n"
        "  data:\n"
        "    dataset:\n"
        f"      dataset_folder:\n{folders}"
        f"      dataset_weights:\n{weights}"
        f"      token_size_in_bytes: {vocabulary.type.itemsize}\n"
        f"      vocab_size: {vocabulary.size}\n"
        "    num_loading_workers: 1\n"
        "    seed: 0\n"
    )
    return {f"{NAME}/{phase.name}.data_stages.yaml": text.encode()}


FORMAT = Format(
    name=NAME,
    title="nanotron and datatrove",
    suffixes=(".ds", ".ds.index", ".ds.metadata"),
    longest=lambda _: 2**63 - 1,
    parts=None,
    writer=_Writer,
    reader=_read,
    blend=_blend,
)
