"""Measuring: one task takes one shard's text through the stages up to the next gap, row group by row group.

A row is measured by a stage when it is alive and not measured yet; so after a rule was loosened, only the
rows it revives are, and what was known is merged.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import intact
from tamis.corpus.documents import Shard
from tamis.corpus.signals import Mask, empty_signals, mask_of, merge_signals, read_signals, write_signals
from tamis.corpus.stage import Column, Measure
from tamis.corpus.store import Store
from tamis.engine.inputs import Inputs
from tamis.engine.rows import COLUMNS, document_columns, whole
from tamis.engine.verdicts import Verdicts
from tamis.kernels.buffers import one_chunk
from tamis.recipe.model import Source, StageUse


@dataclass(frozen=True)
class Slice:
    """Where a shard's rows stand in a resolver's file: those that were alive, in order."""

    path: Path
    start: int
    rows: int


@dataclass(frozen=True)
class ShardContext:
    """All that deciding on one shard needs besides the shard."""

    source: Source
    shard: Shard
    keys: Mapping[str, str]
    root: Path
    resolved: Mapping[str, Slice] = field(default_factory=dict)
    """By resolver, once it has run."""
    signals: Mapping[str, str] = field(default_factory=dict)
    """Signals that the recipe's sources bring along, with their types: rules may name them on any shard."""

    @property
    def key(self) -> tuple[str, str]:
        """Source and shard: two sources may read the same files."""
        return self.source.name, self.shard.name

    def signal_path(self, use: StageUse) -> Path:
        """The stage's signal file on this shard."""
        return Store(self.root).signals(use.name, self.keys[use.name], self.shard)


def signal_columns(use: StageUse) -> tuple[Column, ...]:
    """What a signal file of the stage holds: its payload only, when the signals come from a resolver."""
    payload = use.stage.payload(use.config)
    return payload if use.stage.resolve is not None else (*use.stage.adds, *payload)


def resolved_table(use: StageUse, where: Slice, asked: Mask) -> pa.Table:
    """A resolver's signals as a signal table of the shard: row-aligned, measured where asked."""
    return spread(use, read_slice(where.path, where.start, where.rows), asked)


def spread(use: StageUse, rows: pa.Table, asked: Mask) -> pa.Table:
    """A resolver's signals of the rows asked about as a signal table of all rows."""
    index = np.full(len(asked), -1)
    index[asked] = np.arange(rows.num_rows)
    take = pa.array(index, mask=~asked)
    return pa.table(
        [pa.array(asked), *[rows.column(column.name).take(take) for column in use.stage.adds]],
        names=["measured", *[column.name for column in use.stage.adds]],
    )


def read_slice(path: Path, start: int, rows: int) -> pa.Table:
    """Rows `start` to `start + rows` of a Parquet file, reading only the row groups they are in."""
    with intact(path, "Delete it and run again: the duplicates are found anew"):
        file = pq.ParquetFile(path)
        groups: list[int] = []
        first = at = 0
        for number in range(file.num_row_groups):
            count = file.metadata.row_group(number).num_rows
            if at + count > start and at < start + rows:
                if not groups:
                    first = at
                groups.append(number)
            at += count
        if at < start + rows:
            raise ValueError(f"it has {at} rows where {start + rows} are needed")
        return file.read_row_groups(groups, use_threads=False).slice(start - first, rows)


_PREPARED: dict[tuple[str, str], Measure] = {}
"""Measuring functions set up in this process, by stage and key: a model is loaded once per worker."""


def prepared(use: StageUse, key: str, models: Sequence[tuple[str, Path]]) -> Measure:
    """The measuring function of a stage, set up at its first use in this process."""
    if (use.name, key) not in _PREPARED:
        assert use.stage.prepare is not None
        _PREPARED[use.name, key] = use.stage.prepare(use.config, dict(models))
    return _PREPARED[use.name, key]


@dataclass(frozen=True)
class PrepareTask:
    """Sets up measuring functions in a worker that has nothing else to do."""

    uses: tuple[StageUse, ...]
    keys: Mapping[str, str]
    models: Mapping[str, tuple[tuple[str, Path], ...]]

    @property
    def label(self) -> str:
        """`prepare STAGES`."""
        return f"prepare {' '.join(use.name for use in self.uses)}"

    @property
    def bytes(self) -> int:
        """It handles no text."""
        return 0

    def run(self) -> None:
        """Loads models and machine code."""
        for use in self.uses:
            prepared(use, self.keys[use.name], self.models[use.name])


@dataclass(frozen=True)
class MeasureTask:
    """Measures one shard with the stages from the start (already measured ones are read) to the next gap."""

    context: ShardContext
    uses: tuple[StageUse, ...]
    """Stages from the first one on; resolvers among them have run."""
    sketches: tuple[StageUse, ...]
    """Resolvers of the gap after them: their sketches are measured."""
    models: Mapping[str, tuple[tuple[str, Path], ...]]

    @property
    def label(self) -> str:
        """`measure SOURCE SHARD`."""
        return f"measure {self.context.source.name} {self.context.shard.name}"

    @property
    def bytes(self) -> int:
        """Text bytes of the shard."""
        return self.context.shard.bytes

    def run(self) -> dict[str, Any]:
        """Measures what is missing, commits the signal files that changed, returns rows and seconds by stage."""
        return _Measuring(self).run()


class _Measuring:
    """The state of one measuring task."""

    def __init__(self, task: MeasureTask) -> None:
        self.task, self.context = task, task.context
        with whole(self.context.shard):
            self.file = pq.ParquetFile(self.context.shard.path)
        self.groups = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        self.old: dict[str, pa.Table] = {}
        self.new: dict[str, list[pa.Table]] = defaultdict(list)
        self.rows: dict[str, int] = defaultdict(int)
        self.bytes: dict[str, int] = defaultdict(int)
        self.seconds: dict[str, float] = defaultdict(float)
        self.resolved: dict[str, pa.Table] = {}
        self.taken: dict[str, int] = defaultdict(int)

    def run(self) -> dict[str, Any]:
        for use in self._measured_uses():
            columns = signal_columns(use)
            found = read_signals(self.context.signal_path(use), self.context.shard.rows, [c.name for c in columns])
            self.old[use.name] = empty_signals(self.context.shard.rows, columns) if found is None else found
        start = 0
        for number, rows in enumerate(self.groups):
            _RowGroup(self, number, start, rows).walk()
            start += rows
        written = []
        for use in self._measured_uses():
            if self.rows[use.name] or not self.context.signal_path(use).exists():
                table = pa.concat_tables(self.new[use.name]) if self.groups else self.old[use.name]
                write_signals(self.context.signal_path(use), table, self.groups)
                written.append(use.name)
        return {
            "shard": self.context.shard.name,
            "written": written,
            "rows": dict(self.rows),
            "bytes": dict(self.bytes),
            "seconds": dict(self.seconds),
        }

    def _measured_uses(self) -> Iterator[StageUse]:
        for use in (*self.task.uses, *self.task.sketches):
            if use.stage.prepare is not None and (use.stage.resolve is None or use in self.task.sketches):
                yield use

    def next_resolved(self, use: StageUse, rows: int) -> pa.Table:
        """The next `rows` rows of a resolver's part for this shard: row groups are walked in order."""
        if use.name not in self.resolved:
            where = self.context.resolved[use.name]
            self.resolved[use.name] = read_slice(where.path, where.start, where.rows)
        start = self.taken[use.name]
        self.taken[use.name] += rows
        return self.resolved[use.name].slice(start, rows)

    def measure_of(self, use: StageUse) -> Measure:
        return prepared(use, self.context.keys[use.name], self.task.models[use.name])


class _RowGroup:
    """One row group on its way through the stages."""

    def __init__(self, measuring: _Measuring, number: int, start: int, rows: int) -> None:
        self.m, self.number, self.start, self.rows = measuring, number, start, rows
        signals = [n for n in measuring.file.schema_arrow.names if n.startswith("source.")]
        with whole(measuring.context.shard):
            table = measuring.file.read_row_group(number, columns=[*COLUMNS, *signals], use_threads=False)
        context = measuring.context
        self.verdicts = Verdicts.start(document_columns(context.source, table, context.signals))
        self.inputs = Inputs(self.verdicts)
        self._text: pa.Array | None = None
        self.edits: list[pa.Table] = []
        self.applied = 0

    def walk(self) -> None:
        """Judges and measures stage by stage, then the sketches of the gap."""
        for use in self.m.task.uses:
            if use.stage.resolve is not None:
                asked = self.verdicts.asked(use)
                self.inputs.judge(use, spread(use, self.m.next_resolved(use, int(asked.sum())), asked))
                continue
            table = self._measured(use, self.inputs.asked(use))
            self.inputs.judge(use, table)
            if use.stage.spans is not None:
                # What an earlier run measured outside this recipe's `when` leaves the text as it is.
                applied = pa.array(mask_of(table) & self.verdicts.applies[use.name])
                self.edits.append(pa.table([applied, table.column(use.stage.spans)], ["measured", "spans"]))
        for use in self.m.task.sketches:
            if use.stage.prepare is not None:
                self._measured(use, self.inputs.sketched(use))

    def _measured(self, use: StageUse, asked: Mask) -> pa.Table:
        """The stage's signal table for these rows, those of `asked` that are missing measured."""
        old = self.m.old[use.name].slice(self.start, self.rows)
        need = asked & ~mask_of(old)
        table = old
        if need.any():
            batch = self._batch(use, need)
            begin = time.process_time()
            measured = self.m.measure_of(use)(batch)
            self.m.seconds[use.name] += time.process_time() - begin
            self.m.rows[use.name] += int(need.sum())
            self.m.bytes[use.name] += int(self.verdicts.frame["bytes"].to_numpy()[need].sum())
            table = merge_signals(old, need, measured)
        self.m.new[use.name].append(table)
        return table

    def _batch(self, use: StageUse, need: Mask) -> pa.RecordBatch:
        rows = pa.array(need)
        arrays = []
        for column in use.stage.reads:
            if column == "text":
                text = self.text()
                arrays.append(text if need.all() else text.filter(rows))
            else:
                arrays.append(self._column(use, column).filter(rows))
        return pa.RecordBatch.from_arrays(arrays, names=list(use.stage.reads))

    def _column(self, use: StageUse, column: str) -> pa.Array:
        frame = self.verdicts.frame
        if column not in frame.columns:
            # A signal that another source brings along: here it is null in every row.
            return pa.nulls(frame.height, use.stage.signals[column.partition(".")[2]].type)
        values = frame[column].to_arrow()
        return values.cast(pa.string()) if pa.types.is_large_string(values.type) else values

    def text(self) -> pa.Array:
        """The rows' text as edited so far."""
        if self._text is None:
            with whole(self.m.context.shard):
                group = self.m.file.read_row_group(self.number, columns=["text"], use_threads=False)
            self._text = one_chunk(group.column("text"))
        self._text = edited(self._text, self.edits[self.applied :])
        self.applied = len(self.edits)
        return self._text


def edited(text: pa.Array, edits: Sequence[pa.Table]) -> pa.Array:
    """`text` with the spans of each edit (tables of `measured` and spans, row-aligned) applied in order."""
    from tamis.kernels.edits import apply_edits

    for table in edits:
        spans = one_chunk(table.column(1))
        seen = mask_of(table)
        if not seen.all():
            # Rows that were not measured keep their text.
            spans = spans.take(pa.array(np.arange(len(spans)), mask=~seen))
        text = apply_edits(text, spans)
    return text
