"""Ingest: input files to corpus shards. Text is normalised once and written once.

Files are grouped into shards by content: a container (JSONL, Parquet) is a group of its own; one-document
files are cut into groups where a hash of the file's name says so. So adding files to a source leaves the
shards of the others as they are (among one-document files: all but the one shard a new name falls into).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tamis.corpus.commit import TableWriter, read_record, write_json
from tamis.corpus.documents import DOCUMENTS, FACTS, ROW_GROUP_BYTES, SHARD_BYTES, InputFile, Reject, Shard
from tamis.corpus.hashing import content_hashes, file_fingerprint, key_of
from tamis.corpus.store import Store
from tamis.engine.cleaning import Cleaners, cleaning_key, with_line_feeds
from tamis.engine.keys import reading_key
from tamis.errors import InputError, StoreError
from tamis.readers import CONTAINERS, format_of, reader_of, text_versions
from tamis.readers.contract import SIGNAL_TYPES, Tally
from tamis.readers.decompress import is_remote
from tamis.readers.fields import in_member
from tamis.readers.locate import UNREADABLE
from tamis.readers.remote import version_of
from tamis.recipe.model import Source

INGEST_VERSION = 2
"""Part of every shard's name: raise it when normalisation or ids change."""
GROUP_BYTES = 8_000_000
"""One-document files: bytes of a group, on average."""


@dataclass(frozen=True)
class IngestTask:
    """Reads one group of input files and commits its shards and its record."""

    source: Source
    files: tuple[InputFile, ...]
    key: str
    folder: Path
    base: Path = Path()
    """Folder of the recipe: where cleaners look for what they need."""

    @property
    def label(self) -> str:
        """`ingest SOURCE FILE`."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"ingest {self.source.name} {self.files[0].name}{more}"

    @property
    def bytes(self) -> int:
        """File bytes."""
        return sum(file.size for file in self.files)

    def run(self) -> dict[str, Any]:
        """Reads, normalises, writes; the record comes last: its existence means done.

        Raises InputError when a file isn't the one that was listed any more: its shards would stand under
        the name of a content they don't have.
        """
        with _ShardWriter(self) as writer:
            read: list[InputFile] = []
            tallies: list[Tally] = []
            for file in self.files:
                if writer.full:
                    break
                read.append(file)
                tallies.append(writer.add_file(file))
            shards = writer.close()
        for file in read:
            if _changed(file):
                shutil.rmtree(self.folder, ignore_errors=True)
                raise InputError(
                    f"source {self.source.name}: {file.name} changed while it was read. Run again when it is "
                    "at rest (if its time stamp stays as it was, delete fingerprints.json in the work folder, too)"
                )
        rejects = [
            reject
            for tally in tallies
            for reject in sorted(tally.rejects, key=lambda reject: (reject.line is None, reject.line or 0))
        ]
        record = {
            "source": self.source.name,
            "read": sum(tally.read for tally in tallies),
            "filtered": sum(tally.filtered for tally in tallies),
            "causes": dict(sum((tally.causes for tally in tallies), Counter())),
            "notes": dict(sum((tally.notes for tally in tallies), Counter())),
            "rejects": [[reject.file, reject.line, reject.cause, reject.detail] for reject in rejects],
            "files": len(self.files),
            "input_bytes": self.bytes,
            "shards": [shard.to_json() for shard in shards],
        }
        if self.source.clean:
            record["cleaned"] = writer.cleaners.record()
        write_json(self.folder / "record.json", record)
        return record


def _changed(file: InputFile) -> bool:
    """Whether a file isn't as it was listed. A local one was just read, so reading it again is cheap; of a
    remote one the store tells."""
    if is_remote(file.location):
        return bool(file.tag) and version_of(file.location) != file.tag
    try:
        now = file_fingerprint(Path(file.location))
    except OSError:
        now = UNREADABLE
    return now != file.fingerprint


class _ShardWriter:
    """Cuts a stream of raw batches into row groups and shards."""

    def __init__(self, task: IngestTask) -> None:
        self.task = task
        self.schema = DOCUMENTS
        for name in task.source.signals:
            self.schema = self.schema.append(pa.field(f"source.{name}", SIGNAL_TYPES[task.source.signals[name].type]))
        self.shards: list[Shard] = []
        self.pending: list[pa.RecordBatch] = []
        self.pending_bytes = 0
        self.part: _Part | None = None
        self.cleaners = Cleaners(task.source, task.base)
        self.taken = 0
        """Documents so far."""

    @property
    def full(self) -> bool:
        """Whether the source's limit is reached."""
        return self.taken == self.task.source.limit

    def __enter__(self) -> _ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.part is not None:
            self.part.writer.discard()

    def add_file(self, file: InputFile) -> Tally:
        tally = Tally()
        ids = _Ids(self.task.source.name, file.name)
        for batch in reader_of(self.task.source, file)(self.task.source, file, tally):
            documents = self._chosen(self._documents(batch, ids, tally, file), tally)
            for piece in _pieces(documents):
                self.pending.append(piece)
                self.pending_bytes += _sum(piece, "bytes")
                if self.pending_bytes >= ROW_GROUP_BYTES:
                    self._flush()
            if self.full:
                break
        return tally

    def _chosen(self, documents: pa.RecordBatch, tally: Tally) -> pa.RecordBatch:
        """The documents of a batch that the source's sample and limit take."""
        source, rows = self.task.source, documents.num_rows
        if source.sample_rate < 1:
            bound = source.sample_rate * 2**64
            seed = source.sample_seed
            hashes = (xxhash.xxh3_64_intdigest(id_.encode(), seed) for id_ in documents.column("id").to_pylist())
            documents = documents.filter(pa.array([digest < bound for digest in hashes], pa.bool_()))
        if source.limit is not None:
            documents = documents.slice(0, source.limit - self.taken)
        self.taken += documents.num_rows
        tally.filtered += rows - documents.num_rows
        return documents

    def _documents(self, batch: pa.RecordBatch, ids: _Ids, tally: Tally, file: InputFile) -> pa.RecordBatch:
        from tamis.kernels.normalize import normalize

        if self.task.source.clean:
            at = batch.schema.get_field_index("text")
            batch = batch.set_column(at, batch.schema.field(at), with_line_feeds(batch.column("text")))
            batch = self.cleaners.apply(batch, file.name, tally)
        text = normalize(batch.column("text"))
        batch = batch.set_column(batch.schema.get_field_index("text"), "text", text)
        filled = pc.greater(pc.binary_length(text), 0)
        if not pc.all(filled).as_py():
            empty = batch.filter(pc.invert(filled))
            for line, own_id in zip(empty.column("line").to_pylist(), empty.column("own_id").to_pylist(), strict=True):
                detail = "nothing is left of the text after normalisation"
                detail = detail if line is not None else in_member(file, own_id, detail)
                tally.reject(Reject(file.name, line, "empty_text", detail))
            batch = batch.filter(filled)
            text = batch.column("text")
        hashes = content_hashes(text)
        facts = dict(file.facts)
        columns = {
            "id": ids.assign(batch.column("own_id"), hashes),
            "text": text,
            "content_hash": hashes,
            "chars": pc.cast(pc.utf8_length(text), pa.int64()),
            "bytes": pc.cast(pc.binary_length(text), pa.int64()),
        }
        for name in FACTS:
            column = batch.column(name)
            columns[name] = column.fill_null(facts[name]) if name in facts else column
        for field in self.schema:
            if field.name.startswith("source."):
                columns[field.name] = batch.column(field.name)
        return pa.RecordBatch.from_arrays([columns[f.name] for f in self.schema], schema=self.schema)

    def _flush(self) -> None:
        if not self.pending:
            return
        table = pa.Table.from_batches(self.pending)
        self.pending, self.pending_bytes = [], 0
        if self.part is None:
            self.part = _Part(self.task, len(self.shards), self.schema)
        self.part.write(table)
        if self.part.bytes >= SHARD_BYTES:
            self.shards.append(self.part.close())
            self.part = None

    def close(self) -> list[Shard]:
        self._flush()
        if self.part is not None:
            self.shards.append(self.part.close())
            self.part = None
        return self.shards


class _Part:
    """One shard in the making."""

    def __init__(self, task: IngestTask, number: int, schema: pa.Schema) -> None:
        self.name = f"{task.key[:16]}-{number:05d}"
        self.task, self.rows, self.bytes = task, 0, 0
        self.path = task.folder / f"{self.name}.parquet"
        # Whole row groups are read, so statistics are of no use; nor are dictionaries of what never repeats.
        repeated = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "id"]
        self.writer = TableWriter(
            self.path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=repeated,
            write_statistics=False,
        )

    def write(self, table: pa.Table) -> None:
        self.writer.write(table)
        self.rows += table.num_rows
        self.bytes += pc.sum(table.column("bytes")).as_py() or 0

    def close(self) -> Shard:
        self.writer.close()
        size = self.path.stat().st_size
        return Shard(self.task.source.name, self.name, self.path, self.rows, self.bytes, size)


class _Ids:
    """Ids of the documents of one file: `source:own id`, or a hash of file name and content.

    Neither knows a position, so a line may move within its file. Equal ids get `~2`, `~3`, ... in the
    order they come.
    """

    def __init__(self, source: str, file: str) -> None:
        self.source = source
        self.salt = xxhash.xxh3_64_intdigest(file.encode())
        self.seen: Counter[str] = Counter()

    def assign(self, own: pa.Array, hashes: pa.Array) -> pa.Array:
        ids = []
        for own_id, digest in zip(own.to_pylist(), hashes.to_pylist(), strict=True):
            name = own_id if own_id else xxhash.xxh3_64_hexdigest(digest, seed=self.salt)
            self.seen[name] += 1
            again = self.seen[name]
            ids.append(f"{self.source}:{name}" if again == 1 else f"{self.source}:{name}~{again}")
        return pa.array(ids, pa.string())


def _sum(batch: pa.RecordBatch, column: str) -> int:
    return pc.sum(batch.column(column)).as_py() or 0


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in slices of at most about ROW_GROUP_BYTES of text."""
    if batch.num_rows == 0:
        return
    sizes = batch.column("bytes").to_numpy(zero_copy_only=False)
    numbers = np.cumsum(sizes) // ROW_GROUP_BYTES
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(sizes)], strict=True):
        yield batch.slice(start, end - start)


def group_files(source: Source, files: Sequence[InputFile]) -> list[tuple[InputFile, ...]]:
    """Cuts a source's files (sorted by name) into groups that later files leave alone."""
    if source.limit is not None:
        return [tuple(files)]  # the first documents of all: one after another
    groups: list[tuple[InputFile, ...]] = []
    current: list[InputFile] = []
    for file in files:
        if format_of(source, file) in CONTAINERS:
            groups.append((file,))
            continue
        current.append(file)
        # A boundary after a file with a chance in proportion to its size: groups of GROUP_BYTES on average.
        if xxhash.xxh3_64_intdigest(file.name.encode()) / 2**64 < max(file.size, 1) / GROUP_BYTES:
            groups.append(tuple(current))
            current = []
    if current:
        groups.append(tuple(current))
    return groups


def ingest_tasks(source: Source, files: Sequence[InputFile], store: Store, base: Path) -> list[IngestTask]:
    """One task a group, done or not, in the order of the corpus."""
    reading = reading_key(source)
    if source.clean:
        reading = key_of(reading, cleaning_key(source, base))
    tasks = []
    for group in group_files(source, files):
        inputs = [[file.name, file.fingerprint, file.facts] for file in group]
        key = key_of(INGEST_VERSION, reading, text_versions(source, group), inputs)
        tasks.append(IngestTask(source, group, key, store.group(source.name, key), base))
    return tasks


def ingested(task: IngestTask) -> dict[str, Any] | None:
    """The record of a finished ingest task, checked against its files; None when it isn't done."""
    path = task.folder / "record.json"
    if not path.exists():
        return None
    record: dict[str, Any] = read_record(path, f"Delete {task.folder} and run again")
    for shard in shards_of(record, task.folder):
        size = shard.path.stat().st_size if shard.path.exists() else -1
        if size != shard.size:
            state = "is missing" if size < 0 else f"has {size} bytes instead of {shard.size}"
            raise StoreError(
                f"{shard.path} {state}: the work folder was changed by hand or damaged. "
                f"Delete {task.folder} and run again"
            )
    return record


def shards_of(record: dict[str, Any], folder: Path) -> list[Shard]:
    """The shards of an ingest record."""
    return [Shard.from_json(data, folder) for data in record["shards"]]
