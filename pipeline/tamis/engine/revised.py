"""What another recipe decides, told from what the last run did: only the documents that a change touches are judged
anew, with `outlook`'s own rules. All others share the fate they had.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tamis.corpus.documents import DOCUMENTS
from tamis.corpus.signals import MEASURED, Mask, read_signals
from tamis.engine.decided import Basis, Decided, signals_key
from tamis.engine.kin import UNSKETCHED
from tamis.engine.ledger import FACTS, NOT_DRAWN
from tamis.engine.measure import ShardContext
from tamis.engine.mixing import mixed
from tamis.engine.outlook import Gap, Outlook, Part, Walk, bounds_of, outlook_of
from tamis.engine.partners import PartnerSketches
from tamis.engine.resolving import resolved_among
from tamis.engine.rows import JUDGED, document_columns, read_table
from tamis.engine.session import Session
from tamis.engine.touched import Touched, comparable, passed_stages, touched
from tamis.engine.verdicts import Recalled
from tamis.mix.cuts import CELL, TOKENS, WHOLE
from tamis.recipe.model import StageUse
from tamis.resolve.bounds import Presence

_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Revised:
    """What another recipe changes, and what it leaves as it is."""

    changed: list[tuple[pl.DataFrame, Outlook]]
    """Documents that were looked at anew: as the last run left them (`Decided.rows`), and under the other recipe."""
    same: pl.DataFrame
    """All others: source, language, category, and how many `documents`, `tokens` and `mixed_tokens` (copies counted)
    the release has of them."""


class _InseparableError(Exception):
    """A document may duplicate others beside its kin: all have to be looked at."""


def revised(before: Session, after: Session, decided: Decided) -> Revised | None:
    """What the recipe of `after` changes, when that can be told of a part of the documents."""
    basis = decided.basis
    if basis is None or not comparable(before, after, basis):
        return None
    if basis.signals != signals_key(before.contexts, before.recipe.stages):
        return None
    passed = passed_stages(decided, after.recipe.stages)
    found = touched(before, after, basis, passed)
    if found is None:
        return None
    rows = found.rows
    cells = _Cells.among(decided)
    weighed = (passed == len(after.recipe.stages)) & ~rows & _weighed_anew(before, after, cells)
    changed = []
    try:
        if rows.any():
            was = decided.of(rows)
            parts = list(_parts(after, basis, found, was, passed))
            changed.append((was, outlook_of(after, parts, partial(_KinGap, basis))))
    except _InseparableError:
        return None
    if weighed.any():
        was = decided.of(weighed)
        changed.append((was, _drawn_anew(after, was, weighed)))
    return Revised(changed, _same(decided, cells, ~(rows | weighed)))


@dataclass(frozen=True)
class _Some(Part):
    """Some rows of a shard."""

    rows: Mask
    """Which of the shard's."""
    labels: Mapping[str, npt.NDArray[np.int32]]
    """By resolver: whose kin they are."""
    places: Mapping[str, npt.NDArray[np.int64]]
    """By resolver: where they stand in its file of partners, if they do."""

    memory: Mapping[str, Recalled]
    """By stage: rows that came to it in the last run, and whose verdict of it is what it was then."""
    was: pl.DataFrame
    """The rows as the last run left them (`Decided.rows`)."""

    def recalled(self, use: StageUse) -> Recalled:
        """Rows whose verdict of the stage is known without their signals."""
        return self.memory[use.name] if use.name in self.memory else super().recalled(use)

    def signals(self, use: StageUse, needed: Sequence[str], asked: Mask) -> pa.Table:
        """The signals that a verdict or a count hangs on; null for the others."""
        told = {*needed, *use.stage.provides.values(), TOKENS.removeprefix(f"{use.name}.")}
        names = [name for name in use.stage.signals if name in told]
        path, remembered = self.context.signal_path(use), self.recalled(use).rows
        found = read_signals(path, self.context.shard.rows, names) if asked.any() else None
        if found is None:
            columns = {column.name: pa.nulls(self.frame.height, column.type) for column in use.stage.adds}
            known = {signal: column for column, signal in use.stage.provides.items()}
            known |= {name: TOKENS for name in names if f"{use.name}.{name}" == TOKENS}
            for signal, column in known.items():
                columns[signal] = self.was[column].to_arrow().cast(columns[signal].type)
            return pa.table({MEASURED: pa.array(remembered), **columns})
        found = found.filter(pa.array(self.rows))
        columns = {
            column.name: found.column(column.name) if column.name in told else pa.nulls(found.num_rows, column.type)
            for column in use.stage.adds
        }
        return pa.table({MEASURED: found.column(MEASURED), **columns})

    def measured(self, use: StageUse) -> Mask:
        """Rows that the stage's sketch has measured."""
        sketched: Mask = self.labels[use.name] != UNSKETCHED
        return sketched


def _parts(
    session: Session, basis: Basis, found: Touched, was: pl.DataFrame, passed: npt.NDArray[np.int16]
) -> Iterator[_Some]:
    """The documents touched (`was`: as they were left), by shard."""
    rows = found.rows
    places = {name: np.cumsum(kin.labels >= 0) - 1 for name, kin in basis.kin.items()}
    frames = _frames(session, rows)
    lasting = list(_lasting(session.recipe.stages))
    at = 0
    for context, here in _by_shard(session, rows):
        inside = rows[here]
        frame = next(frames)
        came = passed[here][inside]
        yield _Some(
            context,
            frame,
            inside,
            {name: kin.labels[here][inside] for name, kin in basis.kin.items()},
            {name: places[name][here][inside] for name in basis.kin},
            {name: _recalled(found, name, came >= index, came == index, here) for index, name in lasting},
            was.slice(at, frame.height),
        )
        at += frame.height


def _recalled(found: Touched, stage: str, came: Mask, ended: Mask, here: slice) -> Recalled:
    """Of the rows touched of a shard, that `came` to a stage in the last run and may have `ended` there: those of
    which its verdict is known."""
    if stage not in found.apart:
        return Recalled(came, came & ended)
    inside = found.rows[here]
    apart = found.apart[stage][here][inside]
    by, dropped = found.dropped.get(stage, (None, apart & ~apart))
    if by is not None:
        dropped = dropped[here][inside]
    return Recalled(came & (~apart | dropped), came & (ended | dropped), by)


def _lasting(uses: Sequence[StageUse]) -> Iterator[tuple[int, str]]:
    """Stages, by number, whose verdict on a document that comes to them hangs on nothing but its own signals, and on
    whose signals nothing else does."""
    for index, use in enumerate(uses):
        named = {column for later in uses[index + 1 :] for column in (*later.when, *later.keep_by, *later.stage.reads)}
        own = all("." not in column for column in (*use.when, *use.keep_by))
        if own and use.stage.resolve is None and named.isdisjoint(
            f"{use.name}.{signal}" for signal in use.stage.signals
        ):  # fmt: skip
            yield index, use.name


def _frames(session: Session, rows: Mask) -> Iterator[pl.DataFrame]:
    """Document columns of the rows, by shard; a source's are put in order together."""
    for source, shards in itertools.groupby(_by_shard(session, rows), key=lambda shard: shard[0].source):
        tables = [read_table(context.shard, JUDGED, rows[here]) for context, here in shards]
        table = pa.concat_tables(tables)
        # What no verdict hangs on needn't be read, but has its place in a ledger.
        for name in FACTS:
            if name not in table.column_names and name != "source":
                table = table.append_column(name, pa.nulls(table.num_rows, DOCUMENTS.field(name).type))
        frame = document_columns(source, table, session.signals)
        start = 0
        for one in tables:
            yield frame.slice(start, one.num_rows)
            start += one.num_rows


def _by_shard(session: Session, rows: Mask) -> Iterator[tuple[ShardContext, slice]]:
    """The shards that have some of the rows, and where they stand in the corpus."""
    start = 0
    for context in session.contexts:
        here = slice(start, start + context.shard.rows)
        start = here.stop
        if rows[here].any():
            yield context, here


class _KinGap(Gap):
    """A resolver's turn among documents whose kin are all there."""

    def __init__(self, basis: Basis, session: Session, walks: Sequence[Walk], use: StageUse, needed: Sequence[str]):
        super().__init__(session, walks, use, needed)
        self.kin = basis.kin[use.name]

    def judge(self) -> None:
        """As any gap. Raises _InseparableError when a row may meet others than its kin: there is no sketch of it, or
        no telling whom it is compared with."""
        blind = [possible & ~seen for possible, seen in zip(self.possible, self.seen, strict=True)]
        if any(mask.any() for mask in (*blind, *self.wild())):
            raise _InseparableError
        super().judge()

    def found(self) -> pa.Table:
        """What the resolver finds if all rows are there."""
        reader, among = self._reader()
        return resolved_among(self.use, reader, among, self.session.store)

    def certain(self, scratch: Path) -> dict[str, Mask]:
        """By signal: rows seen whose value is the same whoever else is there."""
        sure = self.of_seen(self.sure)
        signals = self.use.stage.signals
        if sure.all():
            return dict.fromkeys(signals, sure)
        reader, among = self._reader()
        presence = Presence(sure[among], np.zeros(len(reader), bool))
        bounds = bounds_of(self.use, reader, presence, scratch)
        told = bounds.certain() if bounds is not None else {}
        certain = {}
        for name in signals:
            certain[name] = ~among
            certain[name][among] = told.get(name, False)
        return certain

    def _reader(self) -> tuple[PartnerSketches, Mask]:
        """Of the rows seen, those that may have a partner, and which they are."""
        labels = [self._of_parts(walk, "labels") for walk in self.walks]
        related = [seen & (mine >= 0) for seen, mine in zip(self.seen, labels, strict=True)]
        rows, path, kept = self.sketches(related).rows, None, np.ones(0, bool)
        if self.kin.partners is not None:
            path = self.session.store.partners(self.use.name, self.kin.partners)
            kept = np.zeros(int((self.kin.labels >= 0).sum()), bool)
            for walk, mask in zip(self.walks, related, strict=True):
                kept[self._of_parts(walk, "places")[mask]] = True
        return PartnerSketches(rows, path, kept), self.of_seen(related)

    def _of_parts(self, walk: Walk, what: str) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = np.concatenate([getattr(part, what)[self.use.name] for part in walk.parts])
        return found


def _weighed_anew(before: Session, after: Session, cells: _Cells) -> Mask:
    """Documents in whose place the mix says other epochs."""
    if before.recipe.mix == after.recipe.mix:
        return np.zeros(len(cells.of), bool)
    epochs = [mixed(session.recipe, None, session.base, WHOLE).of(cells.names) for session in (before, after)]
    changed: Mask = (epochs[0] != epochs[1])[cells.of]
    return changed


def _drawn_anew(session: Session, was: pl.DataFrame, rows: Mask) -> Outlook:
    """Documents that pass all rules as they did, under another mix."""
    ids = [
        pl.Series(read_table(context.shard, ["id"], rows[here]).column("id"))
        for context, here in _by_shard(session, rows)
    ]
    epochs = mixed(session.recipe, None, session.base, WHOLE)
    copies = epochs.copies(was.with_columns(pl.concat(ids).alias("id")), session.recipe.seed)
    nothing = np.zeros(was.height, bool)
    return Outlook(
        ledger=was.with_columns(
            pl.Series("copies", copies),
            pl.when(pl.Series(copies == 0)).then(pl.lit(NOT_DRAWN)).otherwise(None).alias("dropped_by"),
        ),
        unknown=nothing, unexplained=nothing, without_tokens=nothing, open={},
        cause=pl.Series("cause", [None] * was.height, pl.String),
    )  # fmt: skip


def _same(decided: Decided, cells: _Cells, rows: Mask) -> pl.DataFrame:
    """What the release has of some documents, by cell."""
    number, copies = cells.of[rows], decided.numbers("copies")[rows]
    tokens, total = decided.numbers(TOKENS)[rows], cells.names.height
    counts = {"documents": copies > 0, "tokens": tokens * (copies > 0), "mixed_tokens": tokens * copies}
    sums = {name: np.bincount(number, values, total).astype(np.int64) for name, values in counts.items()}
    there = np.bincount(number, minlength=total) > 0
    return cells.names.with_columns(**{name: pl.Series(values) for name, values in sums.items()}).filter(there)


@dataclass(frozen=True)
class _Cells:
    """Source, language and category of the documents."""

    names: pl.DataFrame
    """Of every cell; null where there is none."""
    of: npt.NDArray[np.int64]
    """Each document's cell, by number."""

    @classmethod
    def among(cls, decided: Decided) -> _Cells:
        """All cells of what was decided."""
        columns = {name: decided.texts(name) for name in CELL}
        number = np.zeros(decided.table.num_rows, np.int64)
        cells = 1
        for texts in columns.values():
            number = number * (len(texts.values) + 1) + texts.codes + 1
            cells *= len(texts.values) + 1
        names = {}
        rest = np.arange(cells)
        for name, texts in reversed(columns.items()):
            rest, code = np.divmod(rest, len(texts.values) + 1)
            values = pl.Series(name, [None, *texts.values], pl.String)
            names[name] = values.gather(code)
        return cls(pl.DataFrame({name: names[name] for name in CELL}), number)
