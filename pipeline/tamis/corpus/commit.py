"""Commits to disk: temp file, fsync, rename. A reader sees a whole file or none, whenever a process dies."""

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

TEMPORARY = ".tmp-"
"""Prefix of files in the making; what a killed process left behind is removed by the next run."""


@contextmanager
def committing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it is synced and takes `path`'s place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


def write_table(path: Path, table: pa.Table, row_group_rows: int | None = None) -> None:
    """Commits a table as zstd Parquet."""
    with committing(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", compression_level=1, row_group_size=row_group_rows
        )
