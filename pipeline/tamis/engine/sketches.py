"""What resolvers see of the corpus: document columns of some rows, and their sketches on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.corpus.hashing import DIGEST, key_of
from tamis.corpus.signals import Mask, read_signals
from tamis.engine.measure import ShardContext
from tamis.errors import StoreError
from tamis.recipe.model import StageUse

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
    """Some rows of the corpus and their sketches (a `SketchReader`)."""

    def __init__(
        self,
        use: StageUse,
        contexts: Sequence[ShardContext],
        frames: Sequence[pl.DataFrame],
        asked: Sequence[Mask],
    ) -> None:
        self.use, self.contexts, self.frames, self.asked = use, contexts, frames, asked

    def __len__(self) -> int:
        """How many rows."""
        return sum(int(mask.sum()) for mask in self.asked)

    @cached_property
    def rows(self) -> pa.Table:
        """Document columns of the rows."""
        parts = [
            frame.filter(pl.Series(mask)).select(
                "id",
                "source",
                "language",
                "content_hash",
                pl.lit(context.source.priority, pl.Int32).alias("priority"),
                "chars",
            )
            for context, frame, mask in zip(self.contexts, self.frames, self.asked, strict=True)
        ]
        table = pl.concat(parts).to_arrow()
        return pa.table([table.column(field.name).cast(field.type) for field in ROWS], schema=ROWS)

    def pieces(self, column: str) -> Iterator[pa.Array]:
        """One sketch column, or `content_hash`, in the order of `rows`; a shard is in memory at a time."""
        for context, frame, mask in zip(self.contexts, self.frames, self.asked, strict=True):
            if not mask.any():
                continue  # nothing was to be sketched there, so there may be no file
            if column == "content_hash":
                yield frame[column].filter(pl.Series(mask)).to_arrow().cast(DIGEST)
                continue
            yield from sketched(self.use, context, [column]).column(column).filter(pa.array(mask)).chunks

    def narrowed(self, asked: Sequence[Mask]) -> Sketches:
        """The same of fewer rows."""
        return Sketches(self.use, self.contexts, self.frames, asked)

    def of_flat(self, rows: Mask) -> Sketches:
        """Those of the rows that a mask over them has."""
        at, masks = 0, []
        for mask in self.asked:
            inside = mask.copy()
            count = int(mask.sum())
            inside[mask] = rows[at : at + count]
            masks.append(inside)
            at += count
        return self.narrowed(masks)


def sketched(use: StageUse, context: ShardContext, names: list[str]) -> pa.Table:
    """`measured` and some columns of the sketch of a whole shard."""
    table = read_signals(context.signal_path(use), context.shard.rows, names)
    if table is None:
        raise StoreError(f"{context.signal_path(use)}: the sketch is gone. Run again")
    return table


def mask_key(mask: Mask) -> str:
    """Identity of a set of rows."""
    return key_of(len(mask), np.packbits(mask).tobytes().hex())
