"""The gap between passes: resolvers see the sketches of the whole corpus, never its text."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.corpus.commit import write_table
from tamis.corpus.hashing import DIGEST, key_of
from tamis.corpus.signals import Mask, read_signals
from tamis.corpus.store import Store
from tamis.engine.deciding import judged
from tamis.engine.measure import ShardContext, Slice
from tamis.errors import StoreError
from tamis.recipe.model import StageUse

ROW_GROUP_ROWS = 100_000
ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("content_hash", DIGEST),
        ("priority", pa.int32()),
        ("chars", pa.int64()),
    ]
)


class Sketches:
    """The rows that a resolver is asked about, and their sketches on disk (a `SketchReader`)."""

    def __init__(
        self,
        use: StageUse,
        contexts: Sequence[ShardContext],
        frames: Sequence[pl.DataFrame],
        asked: Sequence[Mask],
    ) -> None:
        self._use, self._contexts, self._asked = use, contexts, asked
        parts = [
            frame.filter(pl.Series(mask)).select(
                "id",
                "source",
                "language",
                "content_hash",
                pl.lit(context.source.priority, pl.Int32).alias("priority"),
                "chars",
            )  # fmt: skip
            for context, frame, mask in zip(contexts, frames, asked, strict=True)
        ]
        table = pl.concat(parts).to_arrow()
        self.rows = pa.table([table.column(field.name).cast(field.type) for field in ROWS], schema=ROWS)

    def read(self, column: str) -> pa.ChunkedArray:
        """One sketch column, aligned with `rows`."""
        chunks: list[pa.Array] = []
        for context, mask in zip(self._contexts, self._asked, strict=True):
            table = read_signals(context.signal_path(self._use), context.shard.rows, [column])
            if table is None:
                raise StoreError(f"{context.signal_path(self._use)}: the sketch is gone. Run again")
            chunks += table.column(column).filter(pa.array(mask)).chunks
        type_ = {c.name: c.type for c in self._use.stage.payload(self._use.config)}[column]
        return pa.chunked_array(chunks, type_)


def resolve_stage(
    use: StageUse,
    before: Sequence[StageUse],
    contexts: Sequence[ShardContext],
    frames: Sequence[pl.DataFrame],
    store: Store,
) -> list[ShardContext]:
    """Runs one resolver on the rows alive after `before` (or finds its result) and returns the contexts
    with its columns in them."""
    asked = [judged(c, f, before).asked(use) for c, f in zip(contexts, frames, strict=True)]
    path = store.resolved(use.name, resolve_key(use, before, contexts, asked))
    if not path.exists():
        found = resolved_columns(use, Sketches(use, contexts, frames, asked), store)
        write_table(path, found, row_group_rows=ROW_GROUP_ROWS)
    return with_resolved(use, contexts, asked, path)


def resolved_columns(use: StageUse, sketches: Sketches, store: Store) -> pa.Table:
    """What the resolver finds for the rows of `sketches`, in their order."""
    assert use.stage.resolve is not None
    scratch = Path(tempfile.mkdtemp(dir=store.scratch()))
    try:
        return use.stage.resolve(use.config, sketches, scratch)
    finally:
        shutil.rmtree(scratch)


def with_resolved(
    use: StageUse, contexts: Sequence[ShardContext], asked: Sequence[Mask], path: Path
) -> list[ShardContext]:
    """The contexts with each shard's slice of the resolver's file."""
    found, start = [], 0
    for context, mask in zip(contexts, asked, strict=True):
        rows = int(mask.sum())
        resolved: Mapping[str, Slice] = {**context.resolved, use.name: Slice(path, start, rows)}
        found.append(replace(context, resolved=resolved))
        start += rows
    return found


def resolve_key(
    use: StageUse, before: Sequence[StageUse], contexts: Sequence[ShardContext], asked: Sequence[Mask]
) -> str:
    """Identity of a resolver's result: its config, the sketches and columns it saw, and who was alive."""
    return key_of(
        use.name,
        use.stage.version,
        use.config.model_dump(mode="json"),
        [
            [c.source.name, c.source.priority, c.source.language, c.shard.name, alive_key(mask)]
            + [c.keys[stage.name] for stage in (*before, use)]
            for c, mask in zip(contexts, asked, strict=True)
        ],
    )


def alive_key(mask: Mask) -> str:
    """Identity of a set of rows."""
    return key_of(len(mask), np.packbits(mask).tobytes().hex())
