"""Arrow IPC: files and streams, as the cache of `datasets` holds them. Rows are numbered from 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, open_input
from tamis.readers.fields import Role, roles_of
from tamis.readers.parquet import BATCH_BYTES, check_columns, check_dictionaries, damage_of, row_documents, small
from tamis.recipe.model import Source

_MAGIC = b"ARROW1"
_DAMAGES = (pa.ArrowException, OSError, ValueError, MemoryError)


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one Arrow file or stream.

    Damage in a batch is one reject, at its first row; in a file the other batches stay (what the broken one
    held isn't counted in the numbers of later rows), in a stream all that follows is lost with it.
    """
    roles = roles_of(source)
    row = 0
    try:
        with open_input(file) as stream:
            for batch in _batches(file, stream, roles):
                if isinstance(batch, Damage):
                    _reject(file, tally, row + 1, batch)
                    continue
                for piece in small(_pieces(batch)):
                    lines = pa.array(range(row + 1, row + 1 + piece.num_rows), pa.int64())
                    row += piece.num_rows
                    ready = row_documents(source, file, piece, roles, lines, tally)
                    if ready.num_rows:
                        yield ready
    except Damage as damage:
        _reject(file, tally, row + 1 if row else None, damage)


def _reject(file: InputFile, tally: Tally, row: int | None, damage: Damage) -> None:
    tally.read += 1
    tally.reject(Reject(file.name, row, damage.cause, damage.detail))


def _batches(file: InputFile, stream: BinaryIO, roles: tuple[Role, ...]) -> Iterator[pa.RecordBatch | Damage]:
    """The mapped columns of each batch, or why a batch of a file can't be read."""
    framed = stream.read(len(_MAGIC)) == _MAGIC
    stream.seek(0)
    try:
        opened = pa.ipc.open_file(stream) if framed else pa.ipc.open_stream(stream)
        check_columns(opened.schema, roles)
    except _DAMAGES as error:
        raise damage_of(file, error, "bad_arrow") from error
    wanted = {role.path[0] for role in roles} | {".".join(role.path) for role in roles}
    names = [name for name in opened.schema.names if name in wanted]
    number = 0
    while not framed or number < opened.num_record_batches:
        try:
            batch = opened.get_batch(number) if framed else opened.read_next_batch()
            batch.validate()
            for column in batch.columns:
                check_dictionaries(column)
        except StopIteration:
            return
        except _DAMAGES as error:
            damage = damage_of(file, error, "bad_arrow")
            if not framed:
                raise damage from error
            yield damage
        else:
            yield batch.select(names)
        number += 1


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in slices of about BATCH_BYTES, by its average row."""
    rows = max(BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1), 16)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
