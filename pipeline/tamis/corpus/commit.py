"""Commits to disk: temp file, fsync, rename, fsync of the folder.

A reader sees a whole file or none, whenever a process dies or the machine does; and a file committed after
another is never there without it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.errors import StoreError

TEMPORARY = ".tmp-"
"""Prefix of files in the making; what a killed process left behind is removed by the next run."""


def sweep(root: Path) -> None:
    """Removes files in the making from a folder and those below it: nothing may be writing there."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(TEMPORARY):
                Path(folder, name).unlink(missing_ok=True)


class Pending:
    """A file in the making, at `temporary` beside its place."""

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        self.path = path
        self.temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}")

    def commit(self) -> None:
        """Syncs the file and puts it in its place."""
        with self.temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        self.temporary.replace(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Removes the file, unless it was committed."""
        self.temporary.unlink(missing_ok=True)


@contextmanager
def committing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it is synced and takes `path`'s place."""
    pending = Pending(path)
    try:
        yield pending.temporary
        pending.commit()
    finally:
        pending.discard()


class TableWriter:
    """A Parquet file in the making: `close` commits it, `discard` drops it. `options` are ParquetWriter's."""

    def __init__(self, path: Path, schema: pa.Schema, **options: Any) -> None:
        self._pending = Pending(path)
        self._writer = pq.ParquetWriter(self._pending.temporary, schema, **options)

    def write(self, table: pa.Table) -> None:
        """Writes the table as one row group."""
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def close(self) -> None:
        """Commits the file."""
        try:
            self._writer.close()
            self._pending.commit()
        finally:
            self._pending.discard()

    def discard(self) -> None:
        """Removes the file."""
        try:
            self._writer.close()
        finally:
            self._pending.discard()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, as durably as a commit."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Puts a folder's entries on disk: a rename in it survives a power cut from here on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Commits `content` to `path`."""
    with committing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, data: Any) -> None:
    """Commits `data` as indented JSON with sorted keys."""
    write_bytes(path, canonical_json(data, indent=True) + b"\n")


def canonical_json(data: Any, indent: bool = False) -> bytes:
    """The one JSON spelling of `data` that hashes are taken of: sorted keys, UTF-8."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS | (orjson.OPT_INDENT_2 if indent else 0))


def read_json(path: Path) -> Any:
    """The data of a JSON file."""
    return orjson.loads(path.read_bytes())


def read_record(path: Path, remedy: str) -> Any:
    """The data of a JSON file of the work folder. Raises StoreError with the `remedy` when it is damaged."""
    with intact(path, remedy):
        return read_json(path)


@contextmanager
def intact(path: Path, remedy: str) -> Iterator[None]:
    """Around the reading of a file of ours: what a damaged or missing one makes its parser raise becomes a
    StoreError that names it and says what to do."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({error})"
        raise StoreError(f"{path} {what}. {remedy}") from error


def write_table(path: Path, table: pa.Table, row_group_rows: int | None = None) -> None:
    """Commits a table as zstd Parquet."""
    with committing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=1, row_group_size=row_group_rows)
