"""What resolvers see of the corpus: document columns of some rows, and their sketches on disk.

Hardly any document duplicates another one, so those that could are found once, among all that have a sketch, and
their sketches are kept by themselves: whatever a recipe then keeps, a resolver is asked about these alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import TableWriter, intact
from tamis.corpus.hashing import DIGEST, key_of
from tamis.corpus.signals import Mask, read_columns, read_signals
from tamis.corpus.store import Store
from tamis.engine.deciding import measured_mask
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
_REMEDY = "Delete it and run again: the duplicates are found anew"


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
            yield from self._sketched(context, [column]).column(column).filter(pa.array(mask)).chunks

    def tables(self) -> Iterator[pa.Table]:
        """All sketch columns, a table a shard, in the order of `rows`."""
        names = [column.name for column in self.use.stage.payload(self.use.config)]
        for context, mask in zip(self.contexts, self.asked, strict=True):
            if mask.any():
                yield self._sketched(context, names).select(names).filter(pa.array(mask))

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

    def _sketched(self, context: ShardContext, names: list[str]) -> pa.Table:
        table = read_signals(context.signal_path(self.use), context.shard.rows, names)
        if table is None:
            raise StoreError(f"{context.signal_path(self.use)}: the sketch is gone. Run again")
        return table


class PartnerSketches:
    """Of some rows those that may have a partner, and their sketches (a `SketchReader`)."""

    def __init__(self, asked: Sketches, store: Store) -> None:
        self.among: Mask
        """Which of the rows asked about they are."""
        if asked.use.stage.prepare is None:
            self.among = _partners(asked, store)
            self._documents, self._path, self._kept = asked.of_flat(self.among), None, self.among
            return
        known = asked.narrowed([measured_mask(context, asked.use) for context in asked.contexts])
        self._path = _partners_file(known, store)
        all_of_them = known.of_flat(_positions(self._path, len(known)))
        both = [mine & theirs for mine, theirs in zip(all_of_them.asked, asked.asked, strict=True)]
        self._documents = asked.narrowed(both)
        self.among = _inside(both, asked.asked)
        self._kept = _inside(both, all_of_them.asked)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._documents)

    @property
    def rows(self) -> pa.Table:
        """Document columns of the rows."""
        return self._documents.rows

    def pieces(self, column: str) -> Iterator[pa.Array]:
        """One sketch column in the order of `rows`."""
        if self._path is None:
            yield from self._documents.pieces(column)
            return
        at = 0
        with intact(self._path, _REMEDY), pq.ParquetFile(self._path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=[column])
                kept = self._kept[at : at + table.num_rows]
                at += table.num_rows
                if kept.any():
                    yield from table.column(column).filter(pa.array(kept)).chunks


def _inside(rows: Sequence[Mask], among: Sequence[Mask]) -> Mask:
    """`rows` as a mask over the rows of `among`, put end to end."""
    return np.concatenate([mask[all_] for mask, all_ in zip(rows, among, strict=True)])


def _partners(sketches: Sketches, store: Store) -> Mask:
    assert sketches.use.stage.partners is not None
    with tempfile.TemporaryDirectory(dir=store.scratch()) as scratch:
        return sketches.use.stage.partners(sketches.use.config, sketches, Path(scratch))


def _partners_file(known: Sketches, store: Store) -> Path:
    """Sketches of those of the rows that may have a partner, with their `position` among the rows."""
    use = known.use
    key = key_of(
        use.name,
        use.stage.version,
        [
            [context.shard.name, context.keys[use.name], mask_key(mask)]
            for context, mask in zip(known.contexts, known.asked, strict=True)
        ],
    )
    path = store.partners(use.name, key)
    if path.exists():
        return path
    found = known.of_flat(_partners(known, store))
    positions = np.flatnonzero(_inside(found.asked, known.asked))
    payload = [pa.field(column.name, column.type) for column in use.stage.payload(use.config)]
    writer = TableWriter(path, pa.schema([("position", pa.int64()), *payload]), compression="zstd", compression_level=1)
    try:
        at = 0
        for table in found.tables():
            writer.write(table.add_column(0, "position", pa.array(positions[at : at + table.num_rows])))
            at += table.num_rows
    except BaseException:
        writer.discard()
        raise
    writer.close()
    return path


def _positions(path: Path, rows: int) -> Mask:
    with intact(path, _REMEDY):
        positions = read_columns(path, ["position"]).column("position").to_numpy()
    mask = np.zeros(rows, bool)
    mask[positions] = True
    return mask


def mask_key(mask: Mask) -> str:
    """Identity of a set of rows."""
    return key_of(len(mask), np.packbits(mask).tobytes().hex())
