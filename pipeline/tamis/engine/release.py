"""Writing a release: text shards and token shards from one reading of the corpus, and the ledger.

The text is edited here as it was for the tokenizer, and every row's hash is compared with the one taken
of the text that was tokenized: the two are byte-equal, or the run stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.commit import TableWriter
from tamis.corpus.hashing import content_hashes, file_sha256
from tamis.corpus.signals import read_signals
from tamis.corpus.stage import SPANS
from tamis.engine.measure import ShardContext, edited
from tamis.engine.rows import whole
from tamis.errors import RecipeError, StoreError
from tamis.kernels.buffers import one_chunk
from tamis.mix.epochs import UNKNOWN
from tamis.recipe.model import Recipe, StageUse

ROW_GROUP_BYTES = 32_000_000
"""Text bytes of a row group of the release: the Hub's viewer wants less than 100 MB uncompressed."""
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


@dataclass(frozen=True)
class Piece:
    """The rows of one corpus shard that go to one release shard."""

    context: ShardContext
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ReleaseFile:
    """One release shard, before it is written."""

    language: str
    source: str
    number: int
    of: int
    pieces: tuple[Piece, ...]
    bytes: int

    @property
    def name(self) -> str:
        """`LANGUAGE/SOURCE-00000-of-000NN.parquet`."""
        return f"{self.language}/{self.source}-{self.number:05d}-of-{self.of:05d}.parquet"


def plan_files(contexts: Sequence[ShardContext], ledgers: Sequence[pl.DataFrame], shard_size: int) -> list[ReleaseFile]:
    """Cuts the released rows of every language and source into files of at most `shard_size` text bytes,
    in corpus order."""
    groups: dict[tuple[str, str], list[list[Piece]]] = {}
    sizes: dict[tuple[str, str], list[int]] = {}
    for context, ledger in zip(contexts, ledgers, strict=True):
        released = ledger.with_row_index("row").filter(pl.col("copies") > 0)
        for language, part in released.with_columns(pl.col("language").fill_null(UNKNOWN)).group_by(
            "language", maintain_order=True
        ):
            key = (str(language[0]), context.source.name)
            files = groups.setdefault(key, [[]])
            filled = sizes.setdefault(key, [0])
            rows: list[int] = []
            for row, size in zip(part["row"].to_list(), part["bytes"].to_list(), strict=True):
                if filled[-1] and filled[-1] + size > shard_size:
                    if rows:
                        files[-1].append(Piece(context, tuple(rows)))
                        rows = []
                    files.append([])
                    filled.append(0)
                rows.append(row)
                filled[-1] += size
            if rows:
                files[-1].append(Piece(context, tuple(rows)))
    return [
        ReleaseFile(language, source, number, len(files), tuple(pieces), sizes[language, source][number])
        for (language, source), files in sorted(groups.items())
        for number, pieces in enumerate(files)
    ]


@dataclass(frozen=True)
class ReleaseTask:
    """Writes one text shard and its token shard."""

    file: ReleaseFile
    ledgers: Mapping[str, Path]
    """Ledger file of each corpus shard."""
    edits: tuple[StageUse, ...]
    tokenize: StageUse | None
    vocabulary_16: bool
    """Whether token ids fit in uint16."""
    root: Path
    """The release in the making."""

    @property
    def label(self) -> str:
        """`release LANGUAGE/SOURCE-...`."""
        return f"release {self.file.name}"

    @property
    def bytes(self) -> int:
        """Text bytes."""
        return self.file.bytes

    def run(self) -> list[dict[str, Any]]:
        """Writes both shards; returns their manifest entries."""
        data, tokens = self.root / "data" / self.file.name, self.root / "tokens" / self.file.name
        written = [data] if self.tokenize is None else [data, tokens]
        with _Writer(data, DATA_OPTIONS) as data_writer, _Writer(tokens, DATA_OPTIONS) as token_writer:
            for piece in self.file.pieces:
                for text, ids in self._batches(piece):
                    data_writer.add(text, "text")
                    if ids is not None:
                        token_writer.add(ids, "input_ids")
        return [file_entry(self.root, path) for path in written]

    def _batches(self, piece: Piece) -> Iterator[tuple[pa.Table, pa.Table | None]]:
        """The piece's rows as text rows and token rows, a row group of the corpus shard at a time."""
        context = piece.context
        with whole(context.shard):
            shard = pq.ParquetFile(context.shard.path)
        rows = np.array(piece.rows)
        ledger = pq.read_table(
            self.ledgers[context.shard.name], columns=["id", "language", "category", "license", "copies"]
        )
        edits = [self._spans(context, use) for use in self.edits]
        tokens = self._signals(context, self.tokenize, ["tokens", "input_ids", "text_hash"]) if self.tokenize else None
        start = 0
        for number in range(shard.num_row_groups):
            count = shard.metadata.row_group(number).num_rows
            here = pa.array(rows[(rows >= start) & (rows < start + count)] - start)
            if len(here):
                with whole(context.shard):
                    group = shard.read_row_group(number, columns=["text", *METADATA]).take(here)
                known = ledger.slice(start, count).take(here)
                text = edited(
                    one_chunk(group.column("text")),
                    [table.slice(start, count).take(here) for table in edits],
                )
                yield self._rows(context, group, known, text, tokens.slice(start, count).take(here) if tokens else None)
            start += count

    def _rows(
        self, context: ShardContext, group: pa.Table, known: pa.Table, text: pa.Array, tokens: pa.Table | None
    ) -> tuple[pa.Table, pa.Table | None]:
        columns = {name: known.column(name) for name in ("id", "language", "category", "license", "copies")}
        columns["source"] = pa.array([context.source.name] * len(text), pa.string())
        columns |= {name: group.column(name) for name in METADATA}
        columns = {name: _string(column) for name, column in columns.items()}
        rows = pa.table({"text": text, **{name: columns[name] for name in FACTS}, "copies": columns["copies"]})
        if tokens is None or self.tokenize is None:
            return rows, None
        if not content_hashes(text).equals(one_chunk(tokens.column("text_hash"))):
            raise StoreError(
                f"{context.shard.path}: the text to release is not the text that was tokenized. "
                f"Delete {context.signal_path(self.tokenize)} and run again"
            )
        rows = rows.append_column("tokens", tokens.column("tokens"))
        value = pa.uint16() if self.vocabulary_16 else pa.uint32()
        ids = one_chunk(tokens.column("input_ids")).cast(pa.large_list(value))
        return rows, pa.table(
            {
                **{name: columns[name] for name in TOKEN_FACTS},
                "n_tokens": tokens.column("tokens"),
                "input_ids": ids,
            }
        )

    def _spans(self, context: ShardContext, use: StageUse) -> pa.Table:
        """The edit's spans, on the rows it applies to by this recipe: the file may hold more."""
        asked = pq.read_table(self.ledgers[context.shard.name], columns=[f"{use.name}.measured"]).column(0)
        if not pc.any(asked).as_py():
            return pa.table([asked, pa.nulls(len(asked), SPANS)], names=["measured", "spans"])
        table = self._signals(context, use, [use.stage.spans or ""])
        return table.set_column(0, "measured", asked)

    def _signals(self, context: ShardContext, use: StageUse, columns: list[str]) -> pa.Table:
        table = read_signals(context.signal_path(use), context.shard.rows, columns)
        if table is None:
            raise StoreError(f"{context.signal_path(use)}: the signal file is gone. Run again")
        return table


def _string(column: Any) -> Any:
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


DATA_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "write_page_index": True,
    "use_content_defined_chunking": True,
}
"""Parquet of a release: zstd, page index for the Hub's viewer, content-defined chunks for its storage."""


class _Writer:
    """A Parquet file in the making, row groups of about ROW_GROUP_BYTES; nothing is made for no rows."""

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self.path, self.options = path, options
        self.pending: list[pa.Table] = []
        self.bytes = 0
        self.writer: TableWriter | None = None

    def __enter__(self) -> _Writer:
        return self

    def add(self, table: pa.Table, column: str) -> None:
        self.pending.append(table)
        self.bytes += table.column(column).nbytes
        if self.bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self.pending:
            return
        table = pa.concat_tables(self.pending)
        if self.writer is None:
            self.writer = TableWriter(self.path, table.schema, **self.options)
        self.writer.write(table)
        self.pending, self.bytes = [], 0

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
        if self.writer is not None:
            if kind is None:
                self.writer.close()
            else:
                self.writer.discard()


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
