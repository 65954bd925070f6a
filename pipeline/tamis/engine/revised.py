"""What another recipe decides, told from what the last run did: only the documents that a change touches are judged
anew, with `outlook`'s own rules. All others share the fate they had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tamis.corpus.signals import MEASURED, Mask, empty_signals, read_signals
from tamis.engine.decided import Basis, Decided, signals_key
from tamis.engine.kin import UNSKETCHED
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.measure import ShardContext
from tamis.engine.mixing import TOKENS, mixed
from tamis.engine.outlook import Gap, Outlook, Part, Walk, bounds_of, outlook_of
from tamis.engine.partners import PartnerSketches
from tamis.engine.resolving import resolved_among
from tamis.engine.rows import JUDGED, read_rows
from tamis.engine.session import Session
from tamis.engine.touched import comparable, passed_stages, touched
from tamis.mix.realised import CELL
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
    rows = touched(before, after, decided, basis, passed)
    if rows is None:
        return None
    weighed = (passed == len(after.recipe.stages)) & ~rows & _weighed_anew(before, after, decided)
    changed = []
    try:
        if rows.any():
            changed.append(
                (decided.of(rows), outlook_of(after, list(_parts(after, rows, basis)), partial(_KinGap, basis)))
            )
    except _InseparableError:
        return None
    if weighed.any():
        was = decided.of(weighed)
        changed.append((was, _drawn_anew(after, was, weighed)))
    return Revised(changed, _same(decided, ~(rows | weighed)))


@dataclass(frozen=True)
class _Some(Part):
    """Some rows of a shard."""

    rows: Mask
    """Which of the shard's."""
    labels: Mapping[str, npt.NDArray[np.int32]]
    """By resolver: whose kin they are."""
    places: Mapping[str, npt.NDArray[np.int64]]
    """By resolver: where they stand in its file of partners, if they do."""

    def signals(self, use: StageUse, needed: Sequence[str]) -> pa.Table:
        """The signals that a verdict or a count hangs on; null for the others."""
        told = {*needed, *use.stage.provides.values(), TOKENS.removeprefix(f"{use.name}.")}
        names = [name for name in use.stage.signals if name in told]
        found = read_signals(self.context.signal_path(use), self.context.shard.rows, names)
        if found is None:
            return empty_signals(self.frame.height, use.stage.adds)
        found = found.filter(pa.array(self.rows))
        columns = [
            found.column(column.name) if column.name in told else pa.nulls(found.num_rows, column.type)
            for column in use.stage.adds
        ]
        return pa.table([found.column(MEASURED), *columns], names=[MEASURED, *use.stage.signals])

    def measured(self, use: StageUse) -> Mask:
        """Rows that the stage's sketch has measured."""
        sketched: Mask = self.labels[use.name] != UNSKETCHED
        return sketched


def _parts(session: Session, rows: Mask, basis: Basis) -> Iterator[_Some]:
    """The rows by shard."""
    places = {name: np.cumsum(kin.labels >= 0) - 1 for name, kin in basis.kin.items()}
    for context, here in _by_shard(session, rows):
        inside = rows[here]
        frame = read_rows(context.source, context.shard, context.signals, JUDGED, inside)
        yield _Some(
            context,
            frame.with_columns(pl.lit(None, pl.String).alias(name) for name in ("url", "date")),
            inside,
            {name: kin.labels[here][inside] for name, kin in basis.kin.items()},
            {name: places[name][here][inside] for name in basis.kin},
        )


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

    def found(self) -> pa.Table:
        """What the resolver finds if all rows are there."""
        reader, among = self._reader()
        return resolved_among(self.use, reader, among, self.session.store)

    def certain(self, scratch: Path) -> dict[str, Mask]:
        """By signal: rows seen whose value is the same whoever else is there. Raises _InseparableError when a row
        may meet others than its kin."""
        if any((possible & ~seen).any() for possible, seen in zip(self.possible, self.seen, strict=True)):
            raise _InseparableError
        if self.of_seen(self.wild()).any():
            raise _InseparableError
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


def _weighed_anew(before: Session, after: Session, decided: Decided) -> Mask:
    """Documents in whose place the mix says other epochs."""
    cells, numbers = _cells(decided)
    epochs = [mixed(session.recipe, None, session.base).of(cells) for session in (before, after)]
    changed: Mask = (epochs[0] != epochs[1])[numbers]
    return changed


def _drawn_anew(session: Session, was: pl.DataFrame, rows: Mask) -> Outlook:
    """Documents that pass all rules as they did, under another mix."""
    ids = [
        read_rows(context.source, context.shard, context.signals, JUDGED, rows[here])["id"]
        for context, here in _by_shard(session, rows)
    ]
    epochs = mixed(session.recipe, None, session.base)
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


def _same(decided: Decided, rows: Mask) -> pl.DataFrame:
    """What the release has of some documents, by cell."""
    cells, numbers = _cells(decided)
    copies, tokens = decided.numbers("copies"), decided.numbers(TOKENS)
    released = rows & (copies > 0)
    counts = {
        "documents": released,
        "tokens": tokens * released,
        "mixed_tokens": tokens * copies * rows,
    }
    there = np.zeros(cells.height, bool)
    there[numbers[rows]] = True
    return cells.with_columns(
        pl.Series(name, np.bincount(numbers, values, cells.height).astype(np.int64)) for name, values in counts.items()
    ).filter(pl.Series(there))


def _cells(decided: Decided) -> tuple[pl.DataFrame, npt.NDArray[np.int64]]:
    """Source, language and category of every cell, and the number of each document's."""
    columns = {name: decided.texts(name) for name in CELL}
    number = np.zeros(decided.table.num_rows, np.int64)
    for texts in columns.values():
        number = number * (len(texts.values) + 1) + texts.codes + 1
    _, first, numbers = np.unique(number, return_index=True, return_inverse=True)
    cells = {
        name: pl.Series(name, [texts.values[code] if code >= 0 else None for code in texts.codes[first]], pl.String)
        for name, texts in columns.items()
    }
    return pl.DataFrame(cells), numbers
