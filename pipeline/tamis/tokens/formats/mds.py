"""MosaicML's Mosaic Data Shards: samples `{id, tokens}` in shards of 64 MiB, and an `index.json` with their digests.

The layout is that of `streaming`'s MDSWriter (`streaming/base/format/mds/writer.py`, version 2), byte for byte. The
library itself isn't used: it wants another huggingface_hub than Tamis, some fifty packages, and every document as a
Python object.

A shard: uint32 samples, uint32 offsets (samples + 1), its description as JSON, the samples. A sample: uint32 bytes
of the id, uint32 bytes of the array, the id, the array. An array: one byte (dimensions << 2 | log2 of the bytes
of its length), its length, its values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tamis.tokens.formats.contract import Documents, Format, Ids, Lengths, Phase, Vocabulary
from tamis.tokens.formats.files import Growing, decimal

NAME = "mds"
SIZE_LIMIT = 1 << 26
"""Bytes of a shard, the library's default."""
LARGEST = 2**32 - 1 - 2**20
"""Bytes of a sample: offsets are uint32; a MiB is for the rest of the shard."""
INDEX = "index.json"
DIGESTS: dict[str, Callable[[], Any]] = {"sha1": hashlib.sha1, "xxh3_64": xxhash.xxh3_64}


def description(vocabulary: Vocabulary) -> dict[str, Any]:
    """What a shard says of itself."""
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": sorted(DIGESTS),
        "size_limit": SIZE_LIMIT,
        "column_names": ["id", "tokens"],
        "column_encodings": ["str", f"ndarray:{vocabulary.type.name}"],
        "column_sizes": [None, None],
    }


class _Writer:
    def __init__(self, stem: Path, vocabulary: Vocabulary) -> None:
        self._folder, self._type = stem, vocabulary.type
        self._description = description(vocabulary)
        self._json = json.dumps(self._description, sort_keys=True).encode()
        self._empty = 4 + 4 + len(self._json)
        self._pending: list[pa.Array] = []
        self._size = self._empty
        self._shards: list[dict[str, Any]] = []
        self._files: list[Growing] = []

    def add(self, documents: Documents) -> None:
        samples = encode(documents, self._type)
        ends = np.cumsum(pc.binary_length(samples).to_numpy() + 4)
        at, before = 0, 0
        while at < len(ends):
            # What is left of the shard takes so many; an empty one takes one of any size.
            stop = int(np.searchsorted(ends, before + SIZE_LIMIT - self._size, side="right"))
            if stop <= at and not self._pending:
                stop = at + 1
            if stop > at:
                self._pending.append(samples.slice(at, stop - at))
                self._size += int(ends[stop - 1]) - before
                at, before = stop, int(ends[stop - 1])
            if at < len(ends):
                self._flush()

    def _flush(self) -> None:
        samples = pa.concat_arrays(self._pending)
        sizes = pc.binary_length(samples).to_numpy()
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        head = 4 + 4 * len(offsets) + len(self._json)
        _, starts, data = samples.buffers()
        first = np.frombuffer(starts, np.int64)[samples.offset]
        pieces: list[Any] = [
            np.array([len(samples)], "<u4"),
            (offsets + head).astype("<u4"),
            self._json,
            memoryview(data)[first : first + int(offsets[-1])],
        ]
        name = f"shard.{len(self._shards):05}.mds"
        digests = {kind: make() for kind, make in DIGESTS.items()}
        file = Growing(self._folder / name)
        self._files.append(file)
        for piece in pieces:
            file.add(piece)
            for digest in digests.values():
                digest.update(piece)
        raw = {
            "basename": name,
            "bytes": head + int(offsets[-1]),
            "hashes": {kind: digest.hexdigest() for kind, digest in digests.items()},
        }
        self._shards.append({"samples": len(samples), "raw_data": raw, "zip_data": None, **self._description})
        self._pending, self._size = [], self._empty

    def close(self) -> list[Path]:
        self._flush()
        index = Growing(self._folder / INDEX)
        self._files.append(index)
        index.add(json.dumps({"version": 2, "shards": self._shards}, sort_keys=True).encode())
        return [file.close() for file in self._files]

    def discard(self) -> None:
        for file in self._files:
            file.discard()


def encode(documents: Documents, kind: np.dtype[Any]) -> pa.Array:
    """The samples, as large_binary: documents joined from columns, none of them a Python object."""
    count = len(documents.lengths)
    names = pc.binary_length(documents.names).to_numpy().astype(np.int64)
    # A length is written in 1, 2 or 4 bytes: the fewest that hold it.
    code = np.searchsorted(np.array([1 << 8, 1 << 16]), documents.lengths, side="right")
    width = 1 << code
    sizes = np.empty((count, 2), "<u4")
    sizes[:, 0], sizes[:, 1] = names, 1 + width + documents.lengths * kind.itemsize
    shape = np.zeros((count, 5), np.uint8)
    shape[:, 0] = (1 << 2) | code
    shape[:, 1:] = documents.lengths.astype("<u4").view(np.uint8).reshape(count, 4)
    used = np.arange(5) < (1 + width)[:, None]
    values = np.ascontiguousarray(documents.ids, kind)
    columns = [
        _binary(sizes, np.full(count, 8)),
        documents.names.cast(pa.large_binary()),
        _binary(shape[used], 1 + width),
        _binary(values, documents.lengths * kind.itemsize),
    ]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.large_binary()))


def _binary(data: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> pa.Array:
    """Consecutive bytes as a large_binary column."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    return pa.Array.from_buffers(
        pa.large_binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )


class _Part:
    """A part's shards, in which the arrays of documents are found by their samples' heads."""

    def __init__(self, folder: Path, vocabulary: Vocabulary) -> None:
        self._type = vocabulary.type
        told = json.loads((folder / INDEX).read_bytes())["shards"]
        self._data: list[npt.NDArray[np.uint8]] = []
        self._ends: list[Lengths] = []
        counts = []
        for number, shard in enumerate(told):
            if shard["raw_data"]["basename"] != f"shard.{number:05}.mds":
                raise ValueError(f"{INDEX} names {shard['raw_data']['basename']} as shard {number}")
            data = np.memmap(folder / shard["raw_data"]["basename"], np.uint8, "r")
            ends, tokens = self._shard(shard, data, vocabulary)
            self._data.append(data)
            self._ends.append(ends)
            counts.append(tokens)
        self.lengths: Lengths = np.concatenate(counts) if counts else np.zeros(0, np.int64)
        self._first = np.cumsum([0, *(len(ends) for ends in self._ends)])

    def _shard(self, told: Any, data: npt.NDArray[np.uint8], vocabulary: Vocabulary) -> tuple[Lengths, Lengths]:
        """Where the samples of a shard end, and how many tokens each has."""
        name = told["raw_data"]["basename"]
        told = {key: value for key, value in told.items() if key not in ("samples", "raw_data", "zip_data")} | {
            "": (told["samples"], told["raw_data"]["bytes"])
        }
        count = int(data[:4].view("<u4")[0])
        offsets = data[4 : 8 + 4 * count].view("<u4").astype(np.int64)
        if told != description(vocabulary) | {"": (count, len(data))} or offsets[-1] != len(data):
            raise ValueError(f"{name} is not the shard that {INDEX} describes")
        head = data[8 + 4 * count : offsets[0]].tobytes()
        if head != json.dumps(description(vocabulary), sort_keys=True).encode():
            raise ValueError(f"{name} describes itself as {head.decode(errors='replace')}")
        heads = offsets[:-1, None] + np.arange(8)
        names, arrays = data[heads].reshape(count, 8).view("<u4").astype(np.int64).T
        if not np.array_equal(np.diff(offsets), 8 + names + arrays):
            raise ValueError(f"{name} has a sample whose parts don't make it up")
        width = 1 << (data[offsets[:-1] + 8 + names] & 3).astype(np.int64)
        return offsets[1:], (arrays - 1 - width) // self._type.itemsize

    def ids(self, first: int, count: int) -> Ids:
        """Token ids of `count` documents from document `first` on."""
        found = []
        for number in range(first, first + count):
            shard = int(np.searchsorted(self._first, number, side="right")) - 1
            end = self._ends[shard][number - self._first[shard]]
            found.append(self._data[shard][end - self.lengths[number] * self._type.itemsize : end])
        data: npt.NDArray[np.uint8] = np.concatenate(found) if found else np.zeros(0, np.uint8)
        return data.view(self._type)


def _blend(phase: Phase, vocabulary: Vocabulary) -> dict[str, bytes]:
    """Streams by name, as a Composer or LLM Foundry data set takes them."""
    shares = [(cell, *share) for cell in phase.cells for share in cell.by_part]
    text = "streams:\n" + "".join(
        f'  "{part.replace(cell.stem, cell.cell, 1)}":\n    local: "{cell.path(NAME, part)}"\n'
        f"    proportion: {decimal(share)}\n"
        for cell, part, share in shares
    )
    return {f"{NAME}/{phase.name}.streams.yaml": text.encode()}


FORMAT = Format(
    name=NAME,
    title="MosaicML Streaming",
    suffixes=("/",),
    longest=lambda vocabulary: LARGEST // vocabulary.type.itemsize,
    parts=None,
    writer=_Writer,
    reader=_Part,
    blend=_blend,
)
