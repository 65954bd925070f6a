"""The gap between passes: resolvers see the sketches of the whole corpus, never its text."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from tamis.corpus.commit import write_table
from tamis.corpus.hashing import key_of
from tamis.corpus.signals import Mask
from tamis.corpus.store import Store
from tamis.engine.measure import ShardContext, Slice
from tamis.engine.partners import PartnerSketches, RunTasks, Sketched, kin_apart, partners_of
from tamis.engine.sketches import Sketches, mask_key
from tamis.engine.verdicts import Verdicts
from tamis.errors import StoreError
from tamis.recipe.model import StageUse

ROW_GROUP_ROWS = 1 << 14
"""Of a resolver's file: a shard reads those it has rows in, whole."""


def resolve_stage(
    use: StageUse,
    contexts: Sequence[ShardContext],
    verdicts: Sequence[Verdicts],
    sketched: Sketched | None,
    store: Store,
    run: RunTasks,
) -> list[ShardContext]:
    """Runs one resolver on the rows alive by `verdicts` (after the stages before it), or finds its result, and
    returns the contexts with its columns in them. `run` runs its tasks; one without sketches has none."""
    asked = [v.asked(use) for v in verdicts]
    # Not the documents' own columns: a stage may have told the language.
    frames = [v.frame for v in verdicts]
    path = store.resolved(use.name, resolve_key(use, contexts, frames, asked))
    if not path.exists():
        _check_sketched(use, contexts, asked, sketched)
        found = resolved_columns(Sketches(use, contexts, frames, asked), sketched, store, run)
        write_table(path, found, row_group_rows=ROW_GROUP_ROWS)
    return with_resolved(use, contexts, asked, path)


def _check_sketched(
    use: StageUse, contexts: Sequence[ShardContext], asked: Sequence[Mask], sketched: Sketched | None
) -> None:
    """A row without a sketch would pass for one without a duplicate."""
    if sketched is None:
        return
    for context, mask, there in zip(contexts, asked, sketched.rows, strict=True):
        lacking = int((mask & ~there).sum())
        if lacking:
            raise StoreError(
                f"{context.signal_path(use)} lacks the sketches of {lacking} documents. Delete it and run again"
            )


def resolved_columns(asked: Sketches, sketched: Sketched | None, store: Store, run: RunTasks) -> pa.Table:
    """What the resolver finds for the rows of `asked`, in their order."""
    use = asked.use
    reader, among = partners_of(asked, sketched)
    if use.stage.prepare is None:
        # Without a sketch there is little to do, and no machine code to be loaded for it.
        return _spread(use, _ResolveTask(use, reader, store.scratch()).run(), among)
    parts = kin_apart(reader)
    found = pa.concat_tables(run([_ResolveTask(use, part, store.scratch()) for part, _ in parts]))
    rows = np.concatenate([np.flatnonzero(mask) for _, mask in parts])
    return _spread(use, found.take(pa.array(np.argsort(rows))), among)


def resolved_among(use: StageUse, reader: PartnerSketches, among: Mask, store: Store) -> pa.Table:
    """As `resolved_columns`, of rows of which those `among` them that may have a partner are known: `reader` has
    them."""
    return _spread(use, _ResolveTask(use, reader, store.scratch()).run(), among)


def _spread(use: StageUse, found: pa.Table, among: Mask) -> pa.Table:
    """What was found of some rows, and what goes without saying of the others."""
    index = np.full(len(among), -1)
    index[among] = np.arange(found.num_rows)
    take = pa.array(index, mask=~among)
    columns = {}
    for column in use.stage.adds:
        values = found.column(column.name).combine_chunks().cast(column.type).take(take)
        alone = use.stage.alone.get(column.name)
        columns[column.name] = values if alone is None else values.fill_null(alone)
    return pa.table(columns)


@dataclass(frozen=True, eq=False)
class _ResolveTask:
    """Asks a resolver about the rows that may have a partner."""

    use: StageUse
    reader: PartnerSketches
    scratch: Path

    @property
    def label(self) -> str:
        """`resolve STAGE`."""
        return f"resolve {self.use.name}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> pa.Table:
        """The resolver's columns, aligned with the reader's rows."""
        assert self.use.stage.resolve is not None
        with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
            return self.use.stage.resolve(self.use.config, self.reader, Path(scratch))


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
    use: StageUse, contexts: Sequence[ShardContext], frames: Sequence[pl.DataFrame], asked: Sequence[Mask]
) -> str:
    """Identity of a resolver's result: its config, the rows it sees (their ids follow from the shards) and
    their sketches."""
    return key_of(
        use.name,
        use.stage.version,
        use.config.model_dump(mode="json"),
        [
            [c.source.priority, c.shard.name, c.keys[use.name], mask_key(mask), _column_key(f["language"])]
            for c, f, mask in zip(contexts, frames, asked, strict=True)
        ],
    )


def _column_key(values: pl.Series) -> str:
    """Identity of a column of names, nulls among them."""
    encoded = values.to_arrow().dictionary_encode(null_encoding="encode")
    return key_of(encoded.dictionary.to_pylist(), xxh3_128_hexdigest(encoded.indices.to_numpy().tobytes()))
