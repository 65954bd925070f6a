"""Writing a release: text shards and token shards from one reading of the corpus.

A task reads some corpus shards, once, and writes what they have of every file of the release. Parquet files are put
together from such parts (`assembly`), so how many tasks there are, and who does them when, is not seen in them.

The text is edited here as it was for the tokenizer, and every row's hash is compared with the one taken
of the text that was tokenized: the two are byte-equal, or the run stops.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.hashing import content_hashes, file_sha256
from tamis.corpus.parquet_parts import Part
from tamis.corpus.signals import read_columns, read_signals
from tamis.corpus.stage import SPANS
from tamis.engine.measure import ShardContext, edited
from tamis.engine.rows import whole
from tamis.engine.shard_writer import ROW_GROUP_BYTES, PartWriter
from tamis.errors import RecipeError, StoreError
from tamis.kernels.buffers import one_chunk, unpacked_lists
from tamis.mix.epochs import UNKNOWN
from tamis.recipe.model import Recipe, StageUse

TOGETHER_BYTES = 4 * ROW_GROUP_BYTES
"""Bytes of the row groups in the making that one task holds."""
STRIPE_BYTES = (16_000_000, 8 * ROW_GROUP_BYTES)
"""Text bytes of the corpus shards that one task reads, at least and at most, give or take a shard."""
LEDGER_FACTS = ("id", "language", "category", "license", "copies")
FACTS = ("id", "source", "language", "category", "license", "url", "title", "date", "author")
METADATA = ("url", "title", "date", "author")
TOKEN_FACTS = ("id", "source", "language", "category", "license", "copies")


def check_tokens(recipe: Recipe) -> None:
    """Raises RecipeError when the recipe's token shards couldn't hold the text that is released, all of it."""
    uses = list(recipe.stages)
    tokenize = next((use for use in uses if use.name == "tokenize"), None)
    if tokenize is None or not recipe.release.tokens:
        return
    without = "or set `release: {tokens: false}`"
    for use in uses[uses.index(tokenize) :]:
        if use.stage.spans is not None:
            raise RecipeError(
                f"stage {use.name} changes the text after tokenize: the tokens would not be those of the text "
                f"released. Put {use.name} before tokenize, {without}"
            )
    if tokenize.when:
        raise RecipeError(
            "stage tokenize has a `when`: documents outside it would be released without tokens. "
            f"Take it out, {without}"
        )


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of one corpus shard that go to one release shard."""

    context: ShardContext
    rows: npt.NDArray[np.int64]
    """In order."""
    bytes: int
    """Of their text, before it is edited."""


class FileKey(NamedTuple):
    """Which Parquet file of a release."""

    kind: str
    """`data` or `tokens`: also its folder."""
    language: str
    source: str
    number: int
    """From 0, among the files of the three."""

    def path(self, of: int | None = None) -> str:
        """`data/LANGUAGE/SOURCE-00000-of-000NN.parquet`, once it is known of how many."""
        of_all = "" if of is None else f"-of-{of:05d}"
        return f"{self.kind}/{self.language}/{self.source}-{self.number:05d}{of_all}.parquet"


@dataclass(frozen=True, eq=False)
class ReleaseFile:
    """What one task writes of one release shard."""

    language: str
    source: str
    number: int
    pieces: tuple[Piece, ...]

    def key(self, kind: str) -> FileKey:
        """The text shard, or its token shard."""
        return FileKey(kind, self.language, self.source, self.number)

    @property
    def rows(self) -> int:
        """Documents."""
        return sum(len(piece.rows) for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """Text bytes."""
        return sum(piece.bytes for piece in self.pieces)


class FileCutter:
    """Cuts the released rows of every language and source into files of at most `shard_size` text bytes, in the
    order in which the corpus shards are given to `cut`."""

    def __init__(self, shard_size: int) -> None:
        self._size = shard_size
        self._last: dict[tuple[str, str], tuple[int, int]] = {}
        """Number of the file that is being filled, and bytes in it, by language and source."""

    def cut(self, shards: Iterable[tuple[ShardContext, pl.DataFrame]]) -> tuple[ReleaseFile, ...]:
        """What the next corpus shards (with their ledgers) have of which files."""
        found: dict[tuple[str, str, int], list[Piece]] = {}
        for context, ledger in shards:
            released = (
                ledger.select("language", "bytes", "copies")
                .with_row_index("row")
                .filter(pl.col("copies") > 0)
                .with_columns(pl.col("row").cast(pl.Int64), pl.col("language").fill_null(UNKNOWN))
            )
            for (language,), part in released.group_by("language", maintain_order=True):
                place = (str(language), context.source.name)
                rows, ends = part["row"].to_numpy(), np.cumsum(part["bytes"].to_numpy())
                for number, start, stop, size in self._fill(place, ends):
                    found.setdefault((*place, number), []).append(Piece(context, rows[start:stop], size))
        return tuple(ReleaseFile(*place, tuple(pieces)) for place, pieces in sorted(found.items()))

    def _fill(self, place: tuple[str, str], ends: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int, int]]:
        """Number of a file, which rows go to it (from, to), and their bytes."""
        number, filled = self._last.get(place, (0, 0))
        at = before = 0
        while at < len(ends):
            stop = int(np.searchsorted(ends, before + self._size - filled, side="right"))
            if stop <= at and filled:
                number, filled = number + 1, 0
                continue
            # A document that no file has room for gets one of its own.
            stop = max(stop, at + 1)
            size = int(ends[stop - 1]) - before
            yield number, at, stop, size
            at, before, filled = stop, before + size, filled + size
        self._last[place] = number, filled


def stripes_of(contexts: Sequence[ShardContext]) -> list[list[ShardContext]]:
    """Cuts the corpus into stripes of neighbouring shards.

    A stripe is read once, by one task, and its rows have row groups of their own. So stripes depend on the corpus
    alone: each is an eighth of what is left, within bounds, so that the last tasks of a release are small; and up to
    twice the one before, so that the first ones are soon there.
    """
    left = sum(context.shard.bytes for context in contexts)
    stripes: list[list[ShardContext]] = []
    room, most = 0, STRIPE_BYTES[0]
    for context in contexts:
        if room <= 0:
            room = min(max(left // 8, STRIPE_BYTES[0]), STRIPE_BYTES[1], most)
            most *= 2
            stripes.append([])
        stripes[-1].append(context)
        room -= context.shard.bytes
        left -= context.shard.bytes
    return stripes


@dataclass(frozen=True, eq=False)
class ReleaseTask:
    """Writes what some corpus shards have of the text shards and token shards of a release."""

    number: int
    """In corpus order."""
    files: tuple[ReleaseFile, ...]
    ledgers: Mapping[tuple[str, str], Path]
    """Ledger files of the corpus shards, in corpus order."""
    bytes: int
    """Text bytes of the corpus shards, released or not."""
    edits: tuple[StageUse, ...]
    tokenize: StageUse | None
    vocabulary_16: bool
    """Whether token ids fit in uint16."""
    cuts: tuple[str, ...]
    """Columns of the ledger that make cells besides source, language and category."""
    root: Path
    """Folder for the parts of all tasks."""

    @property
    def label(self) -> str:
        """`release SOURCE SHARD`."""
        first, *others = self.ledgers
        return f"release {' '.join(first)}{f' and {len(others)} more' if others else ''}"

    @property
    def rows(self) -> int:
        """Documents released."""
        return sum(file.rows for file in self.files)

    @property
    def released(self) -> int:
        """Text bytes released."""
        return sum(file.bytes for file in self.files)

    @property
    def folder(self) -> Path:
        """Where the parts are written."""
        return self.root / f"{self.number:05d}"

    def run(self) -> dict[FileKey, Part]:
        """Writes the parts; returns them by the file they belong to."""
        shutil.rmtree(self.folder, ignore_errors=True)  # of a worker that died
        writers = {
            key: PartWriter(self.folder / key.path()) for file in self.files for key in map(file.key, self._kinds)
        }
        everyone = list(writers.values())
        by_file = [everyone[at : at + len(self._kinds)] for at in range(0, len(everyone), len(self._kinds))]
        for context, rows in self._shards():
            for file, tables in self._batches(context, rows):
                for writer, table in zip(by_file[file], tables, strict=True):
                    writer.add(table)
                if sum(writer.held for writer in everyone) > TOGETHER_BYTES:
                    max(everyone, key=lambda writer: writer.held).flush()
        return {key: writer.close() for key, writer in writers.items()}

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("data",) if self.tokenize is None else ("data", "tokens")

    def _shards(self) -> Iterator[tuple[ShardContext, dict[int, npt.NDArray[np.int64]]]]:
        """The corpus shards that are read, in their order, with the rows that go to each file by its number."""
        found: dict[tuple[str, str], tuple[ShardContext, dict[int, npt.NDArray[np.int64]]]] = {}
        for number, file in enumerate(self.files):
            for piece in file.pieces:
                found.setdefault(piece.context.key, (piece.context, {}))[1][number] = piece.rows
        yield from (found[key] for key in self.ledgers if key in found)

    def _batches(
        self, context: ShardContext, rows: Mapping[int, npt.NDArray[np.int64]]
    ) -> Iterator[tuple[int, tuple[pa.Table, ...]]]:
        """A file's number, and what of the shard goes to it: text rows and token rows, a row group of the
        corpus shard at a time."""
        with whole(context.shard):
            shard = pq.ParquetFile(context.shard.path)
        ledger = read_columns(self.ledgers[context.key], [*LEDGER_FACTS, *self.cuts, *self._masks])
        edits = [edit_spans(context, use, ledger) for use in self.edits]
        tokens = _signals(context, self.tokenize, ["tokens", "input_ids", "text_hash"]) if self.tokenize else None
        start = 0
        for number in range(shard.num_row_groups):
            count = shard.metadata.row_group(number).num_rows
            here = {
                file: of[np.searchsorted(of, start) : np.searchsorted(of, start + count)] for file, of in rows.items()
            }
            order = np.concatenate(list(here.values())) - start
            if len(order):
                with whole(context.shard):
                    group = shard.read_row_group(number, columns=["text", *METADATA], use_threads=False)
                tables = self._rows(context, Rows(order, start, count), group, ledger, edits, tokens)
                at = 0
                for file, part in here.items():
                    if len(part):
                        yield file, tuple(table.slice(at, len(part)) for table in tables)
                    at += len(part)
            start += count

    def _rows(
        self,
        context: ShardContext,
        rows: Rows,
        group: pa.Table,
        ledger: pa.Table,
        edits: Sequence[pa.Table],
        tokens: pa.Table | None,
    ) -> tuple[pa.Table, ...]:
        """Text rows and token rows of some rows of a row group."""
        group, known = rows.of_group(group), rows.of(ledger)
        text = edited(one_chunk(group.column("text")), [rows.of(table) for table in edits])
        columns = {name: known.column(name) for name in (*LEDGER_FACTS, *self.cuts)}
        columns["source"] = pa.repeat(pa.scalar(context.source.name, pa.string()), len(text))
        columns |= {name: group.column(name) for name in METADATA}
        columns = {name: _string(column) for name, column in columns.items()}
        mixed = {name: columns[name] for name in ("copies", *self.cuts)}
        data = pa.table({"text": text, **{name: columns[name] for name in FACTS}, **mixed})
        if tokens is None or self.tokenize is None:
            return (data,)
        tokens = rows.of(tokens)
        if not content_hashes(text).equals(one_chunk(tokens.column("text_hash"))):
            raise StoreError(
                f"{context.shard.path}: the text to release is not the text that was tokenized. "
                f"Delete {context.signal_path(self.tokenize)} and run again"
            )
        ids = unpacked_lists(one_chunk(tokens.column("input_ids")), "<u2" if self.vocabulary_16 else "<u4")
        return data.append_column("tokens", tokens.column("tokens")), pa.table(
            {
                **{name: columns[name] for name in (*TOKEN_FACTS, *self.cuts)},
                "n_tokens": tokens.column("tokens"),
                "input_ids": ids,
            }
        )

    @property
    def _masks(self) -> list[str]:
        return [f"{use.name}.measured" for use in self.edits]


def edit_spans(context: ShardContext, use: StageUse, ledger: pa.Table) -> pa.Table:
    """An edit's spans on the rows of a shard that it applies to by this recipe (the file may hold more): `measured`,
    as the shard's `ledger` has it, and spans."""
    asked = ledger.column(f"{use.name}.measured")
    if not pc.any(asked).as_py():
        return pa.table([asked, pa.nulls(len(asked), SPANS)], names=["measured", "spans"])
    table = _signals(context, use, [use.stage.spans or ""])
    return table.set_column(0, "measured", asked)


def _signals(context: ShardContext, use: StageUse, columns: list[str]) -> pa.Table:
    table = read_signals(context.signal_path(use), context.shard.rows, columns)
    if table is None:
        raise StoreError(f"{context.signal_path(use)}: the signal file is gone. Run again")
    return table


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a row group, in the order they are written."""

    order: npt.NDArray[np.int64]
    """Counted from the row group's first."""
    start: int
    """Where the row group begins in its shard."""
    count: int

    def of_group(self, table: pa.Table) -> pa.Table:
        """These rows of a table of the row group."""
        if len(self.order) == self.count and np.array_equal(self.order, np.arange(self.count)):
            return table
        return table.take(pa.array(self.order))

    def of(self, table: pa.Table) -> pa.Table:
        """These rows of a table of the shard."""
        return self.of_group(table.slice(self.start, self.count))


def _string(column: Any) -> Any:
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def file_entry(root: Path, path: Path) -> dict[str, Any]:
    """Manifest entry of a file: path, bytes, rows (of Parquet), sha256."""
    entry: dict[str, Any] = {
        "path": path.relative_to(root).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
    }
    if path.suffix == ".parquet":
        entry["rows"] = pq.read_metadata(path).num_rows
    return entry
