"""Where a tokenizer's texts come from: the shards of a release, or what a recipe's last run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import intact
from tamis.corpus.manifest import read_manifest
from tamis.engine.session import Session
from tamis.engine.survivors import survivors
from tamis.errors import InputError

COLUMNS = ("id", "language", "category", "text")


class Rows(Protocol):
    """Some documents, read when they are asked for, as often as they are."""

    @property
    def rows(self) -> int:
        """How many."""
        ...

    @property
    def bytes(self) -> int:
        """What is read of the disk for them, unpacked; for progress."""
        ...

    def read(self) -> pa.Table:
        """COLUMNS of them."""
        ...


@dataclass(frozen=True)
class Reading:
    """A part that was read, as a task that is done."""

    bytes: int
    label: str = "read"

    def run(self) -> None:
        """Nothing: it is done."""


@dataclass(frozen=True)
class Texts:
    """A corpus to learn from."""

    parts: Sequence[Rows]
    facts: dict[str, Any] = field(default_factory=dict)
    """Which corpus: `release`, `version`, `identity`; never a path."""


@dataclass(frozen=True)
class _ShardRows:
    """A row group of a text shard of a release."""

    path: Path
    group: int
    rows: int
    bytes: int

    def read(self) -> pa.Table:
        """COLUMNS of the rows."""
        with intact(self.path, "`tamis verify` tells more of this release"), pq.ParquetFile(self.path) as file:
            return file.read_row_group(self.group, columns=list(COLUMNS))


def texts_of_release(release: Path) -> Texts:
    """The documents of a release, each once however often the mix repeats it."""
    manifest = read_manifest(release)
    parts: list[Rows] = []
    for file in manifest.files:
        if file.path.startswith("data/"):
            path = release / file.path
            with intact(path, "`tamis verify` tells more of this release"):
                metadata = pq.read_metadata(path)
            groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
            parts += [_ShardRows(path, n, one.num_rows, one.total_byte_size) for n, one in enumerate(groups)]
    if not parts:
        raise InputError(f"{release}: this release holds no documents, so there is nothing to learn from")
    facts = {"of": "release", "name": manifest.name, "version": manifest.version, "identity": manifest.identity}
    return Texts(parts, facts)


def texts_of_run(session: Session) -> Texts:
    """The documents that a recipe's last run keeps, before the mix draws among them."""
    parts = survivors(session)
    if not parts:
        raise InputError(
            f"{session.recipe.name}: its rules keep no document, so there is nothing to learn from; loosen them"
        )
    recipe = session.recipe
    facts = {"of": "run", "name": recipe.name, "version": recipe.version, "identity": session.identity}
    return Texts(parts, facts)
