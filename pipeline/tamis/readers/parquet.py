"""Parquet: the mapped columns only, a few rows at a time. Rows are numbered from 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.documents import InputFile, Reject
from tamis.errors import did_you_mean
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, is_remote, open_input
from tamis.readers.fields import Problem, Role, as_kind, documents, nested, roles_of
from tamis.recipe.model import Source

BATCH_BYTES = 16_000_000
"""Decoded bytes of a batch, by the average row of its file."""
_READ_BUFFER = 1_000_000
_DAMAGES = (pa.ArrowException, OSError, ValueError, MemoryError)
"""What Arrow raises on a corrupt file (and Python on names that aren't UTF-8)."""


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one Parquet file. Damage ends it with one reject; the rows before it stay."""
    roles = roles_of(source)
    row = 0
    try:
        for batch in _stored_batches(file, roles):
            lines = pa.array(range(row + 1, row + 1 + batch.num_rows), pa.int64())
            ready = _documents(source, file, batch, roles, lines, tally)
            row += batch.num_rows
            if ready.num_rows:
                yield ready
    except Damage as damage:
        tally.read += 1
        tally.reject(Reject(file.name, row + 1 if row else None, damage.cause, damage.detail))


def _stored_batches(file: InputFile, roles: tuple[Role, ...]) -> Iterator[pa.RecordBatch]:
    with open_input(file) as stream:
        try:
            opened = pq.ParquetFile(stream, pre_buffer=False, buffer_size=_READ_BUFFER)
            schema = opened.schema_arrow
            _check_columns(schema, roles)
            wanted = sorted({".".join(role.path) for role in roles if _has(schema, role.path)})
            batches = opened.iter_batches(batch_size=_rows_of_batch(opened), columns=wanted, use_threads=False)
        except _DAMAGES as error:
            raise _damage(file, error) from error
        while True:
            try:
                batch = next(batches, None)
            except _DAMAGES as error:
                raise _damage(file, error) from error
            if batch is None:
                return
            yield batch


def _damage(file: InputFile, error: Exception) -> Damage:
    """The damage that an error of Arrow's tells of; a network failure is raised as it is."""
    if isinstance(error, OSError) and error.errno is not None and is_remote(file.location):
        raise error
    return Damage("bad_parquet", (str(error).splitlines() or [type(error).__name__])[0][:200])


def _has(schema: pa.Schema, path: tuple[str, ...]) -> bool:
    return nested(schema.empty_table(), path) is not None


def _check_columns(schema: pa.Schema, roles: tuple[Role, ...]) -> None:
    """Raises Damage when no column that a text could come from is there."""
    texts = [role for role in roles if role.name in ("text", "html")]
    if not any(_has(schema, role.path) for role in texts):
        name = ".".join(texts[0].path)
        raise Damage("missing_column", f"no column {name!r}.{did_you_mean(name, schema.names)}")


def _rows_of_batch(opened: pq.ParquetFile) -> int:
    metadata = opened.metadata
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    average = max(size // max(metadata.num_rows, 1), 1)
    return int(min(max(BATCH_BYTES // average, 16), 65_536))


def _documents(
    source: Source,
    file: InputFile,
    batch: pa.RecordBatch,
    roles: tuple[Role, ...],
    lines: pa.Array,
    tally: Tally,
) -> pa.RecordBatch:
    columns: dict[str, Any] = {}
    problems: dict[int, Problem] = {}
    for role in roles:
        raw = nested(batch, role.path)
        if raw is None:
            continue
        columns[role.name] = as_kind(raw, role.kind, role.lenient)
        if role.kind == "text" and columns[role.name].null_count > raw.null_count:
            lost = pc.and_(pc.is_valid(raw), pc.is_null(columns[role.name]))
            textual = "string" in str(raw.type) or "binary" in str(raw.type)
            problem = ("bad_utf8", f"{role.name} isn't UTF-8") if textual else (
                "wrong_type", f"{role.name} is {raw.type}, not a string"
            )  # fmt: skip
            problems |= dict.fromkeys(pc.indices_nonzero(lost).to_pylist(), problem)
    return documents(source, file, columns, lines, tally, problems)
