"""Parquet: the mapped columns only, a few rows at a time. Rows are numbered from 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.documents import InputFile, Reject
from tamis.errors import did_you_mean
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, is_remote, open_input
from tamis.readers.fields import Fields, Problem, Role, documents, roles_of, stored_path
from tamis.readers.values import is_list
from tamis.recipe.model import Source

BATCH_BYTES = 16_000_000
"""Decoded bytes of a batch, by the average row of its file."""
_READ_BUFFER = 1_000_000
_DAMAGES = (pa.ArrowException, OSError, ValueError, MemoryError)
"""What Arrow raises on a corrupt file (and Python on names that aren't UTF-8)."""


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one Parquet file.

    Damage in a row group is one reject, at the first row it took; the rows before it and the other row
    groups stay. Damage in the file's footer leaves nothing.
    """
    roles = roles_of(source)
    row = 0
    try:
        with open_input(file) as stream:
            opened = _opened(file, stream, roles)
            for group in range(opened.metadata.num_row_groups):
                after = row + opened.metadata.row_group(group).num_rows
                try:
                    for batch in small(_stored_batches(file, opened, group, roles)):
                        lines = pa.array(range(row + 1, row + 1 + batch.num_rows), pa.int64())
                        row += batch.num_rows
                        ready = row_documents(source, file, batch, roles, lines, tally)
                        if ready.num_rows:
                            yield ready
                except Damage as damage:
                    _reject(file, tally, row + 1, damage)
                row = after
    except Damage as damage:
        _reject(file, tally, None, damage)


def _reject(file: InputFile, tally: Tally, row: int | None, damage: Damage) -> None:
    tally.read += 1
    tally.reject(Reject(file.name, row, damage.cause, damage.detail))


def _opened(file: InputFile, stream: BinaryIO, roles: tuple[Role, ...]) -> pq.ParquetFile:
    try:
        opened = pq.ParquetFile(stream, pre_buffer=False, buffer_size=_READ_BUFFER)
        encoded = _encoded_by_dictionary(opened)
        if encoded:
            opened = pq.ParquetFile(
                stream, metadata=opened.metadata, pre_buffer=False, buffer_size=_READ_BUFFER, read_dictionary=encoded
            )
        check_columns(opened.schema_arrow, roles)
    except _DAMAGES as error:
        raise damage_of(file, error) from error
    return opened


def _encoded_by_dictionary(opened: pq.ParquetFile) -> list[str]:
    """Columns of strings that are stored as numbers into a dictionary. They are read so, too: a value of a megabyte
    that stands in a million rows takes a megabyte, until `small` has cut them apart."""
    schema, metadata = opened.schema, opened.metadata
    strings = [
        at
        for at in range(len(schema))
        if schema.column(at).physical_type == "BYTE_ARRAY" and schema.column(at).max_repetition_level == 0
    ]
    groups = range(metadata.num_row_groups)
    return [
        schema.column(at).path
        for at in strings
        if any(metadata.row_group(group).column(at).has_dictionary_page for group in groups)
    ]


def small(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches in slices whose strings take about BATCH_BYTES once each row has its own."""
    for batch in batches:
        if not batch.num_rows:
            continue
        sizes = np.zeros(batch.num_rows, np.int64)
        for column in batch.columns:
            sizes += _shared_sizes(column)
        numbers = np.cumsum(sizes) // BATCH_BYTES
        starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
            yield batch.slice(start, end - start)


def check_dictionaries(column: pa.Array) -> None:
    """Raises ArrowInvalid when a number leads outside of its dictionary: Arrow takes numbers as they are stored."""
    of = column.type
    if isinstance(of, pa.BaseExtensionType):
        check_dictionaries(column.storage)
    elif pa.types.is_struct(of):
        for child in column.flatten():
            check_dictionaries(child)
    elif pa.types.is_dictionary(of):
        bounds = pc.min_max(column.indices).as_py()
        if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(column.dictionary):
            raise pa.ArrowInvalid("a value is said to stand outside of the dictionary of its column")


def _shared_sizes(column: pa.Array) -> npt.NDArray[np.int64]:
    """Bytes of each row's strings, of those columns alone whose rows may share their bytes: dictionaries and views."""
    of = column.type
    if isinstance(of, pa.BaseExtensionType):
        return _shared_sizes(column.storage)
    sizes = np.zeros(len(column), np.int64)
    if pa.types.is_struct(of):
        for child in column.flatten():
            sizes += _shared_sizes(child)
    elif pa.types.is_dictionary(of) and _is_bytes(of.value_type):
        lengths = pc.fill_null(pc.binary_length(column.dictionary), 0)
        sizes += pc.fill_null(lengths.take(column.indices), 0).to_numpy(zero_copy_only=False)
    elif pa.types.is_string_view(of) or pa.types.is_binary_view(of):
        # Each view is 16 bytes, its length the first four.
        views = np.frombuffer(column.buffers()[1], np.int32)[::4]
        sizes += views[column.offset : column.offset + len(column)]
    return sizes


def _is_bytes(of: pa.DataType) -> bool:
    return any(
        is_(of) for is_ in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def _stored_batches(
    file: InputFile, opened: pq.ParquetFile, group: int, roles: tuple[Role, ...]
) -> Iterator[pa.RecordBatch]:
    """The mapped columns of one row group, in batches of about BATCH_BYTES by its average row."""
    schema, metadata = opened.schema_arrow, opened.metadata.row_group(group)
    found = (stored_path(schema, role.path) for role in roles)
    wanted = sorted({".".join(path) for path in found if path is not None})
    rows = BATCH_BYTES // max(metadata.total_byte_size // max(metadata.num_rows, 1), 1)
    batches = opened.iter_batches(
        batch_size=min(max(rows, 1), 65_536), row_groups=[group], columns=wanted, use_threads=False
    )
    while True:
        try:
            batch = next(batches, None)
            for column in batch.columns if batch is not None else ():
                check_dictionaries(column)
        except _DAMAGES as error:
            raise damage_of(file, error) from error
        if batch is None:
            return
        yield batch


def damage_of(file: InputFile, error: Exception, cause: str = "bad_parquet") -> Damage:
    """The damage that an error of Arrow's tells of; a network failure is raised as it is."""
    if isinstance(error, OSError) and error.errno is not None and is_remote(file.location):
        raise error
    return Damage(cause, (str(error).splitlines() or [type(error).__name__])[0][:200])


def check_columns(schema: pa.Schema, roles: tuple[Role, ...]) -> None:
    """Raises Damage when no column that a text could come from is there."""
    texts = [role for role in roles if role.kind == "text"]
    if not any(stored_path(schema, role.path) for role in texts):
        name = ".".join(texts[0].path)
        raise Damage("missing_column", f"no column {name!r}.{did_you_mean(name, schema.names)}")


def row_documents(
    source: Source,
    file: InputFile,
    batch: pa.RecordBatch,
    roles: tuple[Role, ...],
    lines: pa.Array,
    tally: Tally,
) -> pa.RecordBatch:
    """The documents of the rows of a batch in the file's own types."""
    columns: dict[str, Any] = {}
    problems: dict[int, Problem] = {}
    fields = Fields(batch)
    for role in roles:
        column = fields.column(role)
        if column is None:
            continue
        columns[role.name] = column
        raw = fields.raw(role)
        if raw is None or role.kind != "text" or (role.aggregate is not None and is_list(raw)):
            continue
        if columns[role.name].null_count > raw.null_count:
            lost = pc.and_(pc.is_valid(raw), pc.is_null(columns[role.name]))
            textual = "string" in str(raw.type) or "binary" in str(raw.type)
            problem = ("bad_utf8", f"{role.name} isn't UTF-8") if textual else (
                "wrong_type", f"{role.name} is {raw.type}, not a string"
            )  # fmt: skip
            problems |= dict.fromkeys(pc.indices_nonzero(lost).to_pylist(), problem)
    return documents(source, file, columns, lines, tally, problems)
