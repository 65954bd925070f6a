"""Documents and shards: the rows of the corpus, and the Parquet files that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.corpus.hashing import DIGEST

FACTS = ("url", "title", "date", "author", "language", "category", "license")
"""Document columns that a source may fill row by row."""

DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("content_hash", DIGEST, nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        *[pa.field(name, pa.string()) for name in FACTS],
    ]
)
"""Columns of every corpus shard; `source.NAME` signals of the source follow them."""

SHARD_BYTES = 32_000_000
"""Text bytes after which a shard ends (at a document boundary)."""
ROW_GROUP_BYTES = 16_000_000
"""Text bytes of a row group: what a worker holds of a shard at a time."""


@dataclass(frozen=True)
class Shard:
    """One Parquet file of documents: the unit of work and of commit."""

    source: str
    name: str
    """`GROUPKEY-PART`: the same for the same input files, read the same way."""
    path: Path
    rows: int
    bytes: int
    """Text bytes."""
    size: int
    """File bytes."""

    def to_json(self) -> dict[str, Any]:
        """The record of this shard, without its place."""
        return {key: value for key, value in asdict(self).items() if key != "path"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], folder: Path) -> Shard:
        """The shard of a record, in `folder`."""
        return cls(path=folder / f"{data['name']}.parquet", **data)


@dataclass(frozen=True)
class InputFile:
    """One file of a source, before it is read."""

    name: str
    """Stable name: relative to the part of the glob without wildcards, `/` between folders."""
    location: str
    """Where it is: a local path or an fsspec URL."""
    size: int
    """Bytes."""
    fingerprint: str
    """Hash of its content."""
    facts: tuple[tuple[str, str], ...] = ()
    """Document columns that the place itself tells (a distribution's licence)."""
    tag: str = ""
    """The store's word on the version of a remote file, if it has one."""


@dataclass(frozen=True)
class Reject:
    """A piece of input that couldn't be read. It is counted and reported; the rest goes on."""

    file: str
    line: int | None
    """Line (JSONL, from 1), row (Parquet, from 1), byte offset in the file as stored (web archives), or None when
    it concerns the whole file."""
    cause: str
    """Stable snake_case key: bad_json, bad_utf8, wrong_type, missing_text, truncated_archive, ..."""
    detail: str
    """What exactly, without any of the text."""
