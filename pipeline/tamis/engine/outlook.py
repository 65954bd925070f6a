"""What a recipe decides on its corpus, as far as the signals on disk tell: no text is read.

A document is unknown when a stage that would judge it has not measured it, or when what such documents
turn out to be can change whom it duplicates. All others are decided as a run would decide them, whatever
becomes of the unknown ones. A stage that nothing hangs on (no rule, and no later rule reads its signals)
leaves no document unknown: only its signals are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.signals import MEASURED, Mask, empty_signals, mask_of
from tamis.corpus.stage import SketchReader
from tamis.engine.deciding import measured_mask, signals_of
from tamis.engine.inputs import Inputs
from tamis.engine.ledger import ledger_of
from tamis.engine.measure import ShardContext
from tamis.engine.mixing import check_cuts, mixed, passed_counts
from tamis.engine.partners import find_sketched
from tamis.engine.resolving import resolve_key, resolved_columns
from tamis.engine.session import Session
from tamis.engine.sketches import Sketches
from tamis.engine.tasks import run_here
from tamis.engine.verdicts import Recalled, Verdicts
from tamis.mix.cuts import TOKENS
from tamis.mix.realised import Epochs
from tamis.recipe.model import Recipe, StageUse
from tamis.resolve.bounds import Bounds, Presence, exact_bounds, near_bounds
from tamis.resolve.ranking import Scope, rank_order, scope_keys

BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class Outlook:
    """Ledger rows of all documents under one recipe, in corpus order, and what is not known of them.

    Masks have a row per document. An unknown document stands in the ledger as neither passed nor dropped.
    """

    ledger: pl.DataFrame
    unknown: Mask
    """Whether the document is released."""
    unexplained: Mask
    """It is not released, whichever rule is the first to drop it (as `dropped_by` has it, or an earlier one
    that isn't measured)."""
    without_tokens: Mask
    """It is released; how many tokens it has is not measured."""
    open: dict[str, Mask]
    """By stage: documents that it would measure and has not, or of which its word may yet change."""
    cause: pl.Series
    """The stage that left an unknown document unknown; null for the others."""

    @property
    def unmeasured(self) -> Mask:
        """Documents that a run has work to do on."""
        unmeasured = np.zeros(self.ledger.height, bool)
        for mask in self.open.values():
            unmeasured |= mask
        return unmeasured


@dataclass(frozen=True)
class Part:
    """Rows of a shard that are looked at: here, all of them."""

    context: ShardContext
    frame: pl.DataFrame
    """Their document columns."""

    def signals(self, use: StageUse, needed: Sequence[str], asked: Mask) -> pa.Table:
        """The stage's signals on the rows, those `asked` for at least. Verdicts hang on the signals `needed`; others
        may be left out (null)."""
        rows = self.frame.height
        return signals_of(self.context, use) if asked.any() else empty_signals(rows, use.stage.adds)

    def recalled(self, use: StageUse) -> Recalled:
        """Rows whose verdict of the stage is known without their signals: here, none."""
        none = np.zeros(self.frame.height, bool)
        return Recalled(none, none)

    def measured(self, use: StageUse) -> Mask:
        """Rows that the stage (or its sketch) has measured."""
        return measured_mask(self.context, use)


def outlook(session: Session) -> Outlook:
    """What the session's recipe decides on its corpus, as far as signals on disk tell."""
    parts = [Part(context, frame) for context, frame in zip(session.contexts, session.frames, strict=True)]
    return outlook_of(session, parts, Gap)


def outlook_of(session: Session, parts: Sequence[Part], gap: Callable[..., Gap]) -> Outlook:
    """What the session's recipe decides on some rows of its corpus; a resolver's turn is a `gap` of its own."""
    recipe = session.recipe
    check_cuts(recipe)
    walks = _walks(parts)
    for index, use in enumerate(recipe.stages):
        needed = needed_of(use, recipe.stages[index + 1 :])
        if use.stage.resolve is None:
            for walk in walks:
                recalled = walk.recalled(use)
                table = walk.signals(use, needed, recalled.rows)
                walk.judge(use, table, bool(needed or use.stage.provides), recalled)
        else:
            gap(session, walks, use, needed).judge()
    cuts, counts = passed_counts(recipe.mix, [walk.settled() for walk in walks])
    epochs = mixed(recipe, counts, session.base, cuts)
    told = [walk.outlook(recipe, epochs) for walk in walks]
    return Outlook(
        ledger=pl.concat([one.ledger for one in told], how="diagonal_relaxed"),
        unknown=np.concatenate([one.unknown for one in told]),
        unexplained=np.concatenate([one.unexplained for one in told]),
        without_tokens=np.concatenate([one.without_tokens for one in told]),
        open={use.name: np.concatenate([one.open[use.name] for one in told]) for use in recipe.stages},
        cause=pl.concat([one.cause for one in told]),
    )


def _walks(parts: Sequence[Part]) -> list[Walk]:
    """The corpus, many shards at a time: to ask a rule of a few thousand rows takes as long as of a hundred."""
    walks: list[Walk] = []
    batch: list[Part] = []
    for part in parts:
        batch.append(part)
        if sum(one.frame.height for one in batch) >= BATCH_ROWS:
            walks.append(Walk(batch))
            batch = []
    return [*walks, Walk(batch)] if batch else walks


def needed_of(use: StageUse, later: Sequence[StageUse]) -> list[str]:
    """Signals of a stage on which a verdict hangs: those of its rules, and those that later stages name."""
    ruled = {signal for values in use.keep_by.values() for rules in values.values() for signal in rules}
    named = {column for stage in later for column in (*stage.when, *stage.keep_by, *stage.stage.reads)}
    return [name for name in use.stage.signals if name in {*use.keep, *ruled} or f"{use.name}.{name}" in named]


class Walk:
    """Some shards on their way through the stages, their rows one after the other.

    Of its verdicts, `alive` are the rows that may be alive here, `unknown` those of which it isn't sure.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = list(parts)
        self.ends = np.cumsum([part.frame.height for part in parts])
        """Rows up to the end of each shard."""
        frame = pl.concat([part.frame for part in parts], how="diagonal_relaxed")
        self.inputs = Inputs(Verdicts.start(frame))
        self.verdicts = self.inputs.verdicts
        self.open: dict[str, Mask] = {}
        """Rows that a stage would measure and has not, or may yet find otherwise: its signals aren't known."""
        self._barred: dict[str, Mask] = {}
        """Rows of which no run would know a column: they were dropped before it is told."""
        self._providers: dict[str, list[str]] = {}
        """Stages that decide a document column."""
        self._causes: list[str] = []
        self._cause = np.full(frame.height, -1, np.int64)

    def by_shard(self, mask: Mask) -> Iterator[tuple[ShardContext, pl.DataFrame, Mask]]:
        """Each shard with its rows as the verdicts have them, and its part of a mask."""
        frame, start = self.verdicts.frame, 0
        for part, end in zip(self.parts, self.ends.tolist(), strict=True):
            yield part.context, frame.slice(start, end - start), mask[start:end]
            start = end

    def measured(self, use: StageUse) -> Mask:
        """Rows that the stage (or its sketch) has measured."""
        return np.concatenate([part.measured(use) for part in self.parts])

    def recalled(self, use: StageUse) -> Recalled:
        """Rows whose verdict of the stage is known without their signals."""
        parts = [part.recalled(use) for part in self.parts]
        rows, fail = (np.concatenate([getattr(one, name) for one in parts]) for name in ("rows", "fail"))
        return Recalled(rows, fail, parts[0].by)

    def signals(self, use: StageUse, needed: Sequence[str], recalled: Mask) -> pa.Table:
        """The stage's signals on the rows, read from the shards in which it has any in its reach that isn't
        recalled."""
        asked = np.split(self.reach(use) & ~recalled, self.ends[:-1])
        return pa.concat_tables(part.signals(use, needed, mine) for part, mine in zip(self.parts, asked, strict=True))

    def vague(self, columns: Iterable[str]) -> Mask:
        """Rows of which one of the columns isn't known."""
        frame = self.verdicts.frame
        vague = np.zeros(frame.height, bool)
        for column in columns:
            stage = column.partition(".")[0]
            if stage in self.open:
                vague |= self.open[stage]
            for provider in self._providers.get(column, []):
                vague |= self.open[provider] & frame[f"{column}?"].to_numpy()
        return vague

    def reach(self, use: StageUse) -> Mask:
        """Rows that a run may ask the stage about."""
        reach = self.verdicts.inside(use.when) | self.vague(use.when)
        return reach if use.exhaustive and use.stage.resolve is None else reach & self.verdicts.alive

    def judge(self, use: StageUse, table: pa.Table, decides: bool, recalled: Recalled | None = None) -> None:
        """Applies the stage's rules to the rows that `table` has measured; the others in its reach become
        unknown if it `decides`. A row that fails, if it comes that far, is dropped in any case."""
        verdicts = self.verdicts
        inside, reach = verdicts.inside(use.when), self.reach(use)
        for column in use.stage.reads:
            reach &= ~self._barred.get(column, np.zeros(len(reach), bool))
        alive, unknown = verdicts.alive.copy(), verdicts.unknown.copy()
        seen = mask_of(table) & ~self.vague((*use.when, *use.keep_by))
        self.inputs.judge(use, table.set_column(0, MEASURED, pa.array(seen)), recalled)
        measured = verdicts.measured[use.name]
        self.open[use.name] = reach & ~measured
        self._note(use, inside & ~reach)
        missing = alive & self.open[use.name]
        verdicts.alive |= missing
        verdicts.unknown = unknown | missing if decides else unknown
        self._cause[verdicts.unknown & ~unknown] = len(self._causes)
        self._causes.append(use.name)

    def _note(self, use: StageUse, barred: Mask) -> None:
        for column in use.stage.provides:
            self._providers.setdefault(column, []).append(use.name)
        told = {column: barred & self.verdicts.frame[f"{column}?"].to_numpy() for column in use.stage.provides}
        told |= dict.fromkeys((f"{use.name}.{signal}" for signal in use.stage.signals), barred)
        if use.stage.spans is not None:
            told["text"] = barred
        for column, rows in told.items():
            self._barred[column] = rows | self._barred.get(column, np.zeros(len(rows), bool))

    def settled(self) -> Verdicts:
        """The verdicts, with none but the rows alive that are so for sure."""
        verdicts = self.verdicts
        return replace(verdicts, alive=verdicts.alive & ~verdicts.unknown)

    def outlook(self, recipe: Recipe, epochs: Epochs) -> Outlook:
        """What is known of the rows after the last stage."""
        verdicts, frame = self.verdicts, self.verdicts.frame
        unknown = verdicts.unknown & verdicts.alive
        if unknown.any():
            # A document of which the mix draws no copy isn't released, whatever the rules say.
            drawn = epochs.copies(frame, recipe.seed) > 0
            unknown &= drawn | self.vague(("language", "category", *epochs.cuts.reads))
        verdicts.alive &= ~verdicts.unknown
        ledger = ledger_of(recipe, verdicts, recipe.stages, epochs)
        tokens = TOKENS.partition(".")[0]
        uncounted = self.open.get(tokens, np.zeros(frame.height, bool))
        causes = np.array([*self._causes, None], dtype=object)
        return Outlook(
            ledger=ledger,
            unknown=unknown,
            unexplained=verdicts.unknown & ~unknown,
            without_tokens=uncounted & (ledger["copies"] > 0).to_numpy(),
            open=self.open,
            cause=pl.Series(causes[np.where(unknown, self._cause, -1)].tolist(), dtype=pl.String),
        )


class Gap:
    """A resolver's turn: it sees every row that may be there, and only what holds in every case counts."""

    def __init__(
        self,
        session: Session,
        walks: Sequence[Walk],
        use: StageUse,
        needed: Sequence[str],
    ) -> None:
        self.session, self.walks, self.use, self.needed = session, walks, use, needed
        self.possible = [walk.reach(use) for walk in walks]
        self.sure = [
            possible & ~walk.vague(use.when) & ~walk.verdicts.unknown
            for walk, possible in zip(walks, self.possible, strict=True)
        ]
        self.seen = [
            possible if use.stage.prepare is None else possible & walk.measured(use)
            for walk, possible in zip(walks, self.possible, strict=True)
        ]

    def judge(self) -> None:
        """Lets the stage's rules judge the rows of which the resolver's word holds in every case."""
        use, total = self.use, sum(int(mask.sum()) for mask in self.seen)
        with tempfile.TemporaryDirectory(dir=self.session.store.scratch()) as scratch:
            certain = self.certain(Path(scratch)) if total else {}
            found = self.found() if total else None
        start = 0
        for walk, seen in zip(self.walks, self.seen, strict=True):
            index = np.full(len(seen), -1)
            index[seen] = np.arange(start, start + int(seen.sum()))
            start += int(seen.sum())
            take = pa.array(index, mask=~seen)
            told = seen.copy()
            columns = []
            for column in use.stage.adds:
                if found is None:
                    columns.append(pa.nulls(len(seen), column.type))
                    continue
                holds = np.zeros(len(seen), bool)
                holds[seen] = certain[column.name][index[seen]]
                values = found.column(column.name).combine_chunks().take(take)
                columns.append(pc.if_else(pa.array(holds), values, pa.scalar(None, values.type)))
                if column.name in self.needed:
                    told &= holds
            names = [MEASURED, *use.stage.signals]
            walk.judge(use, pa.table([pa.array(told), *columns], names=names), decides=bool(self.needed))

    def found(self) -> pa.Table:
        """What the resolver finds if all rows are there; as an earlier run found it, if one did."""
        session, use = self.session, self.use
        shards = [shard for walk, seen in zip(self.walks, self.seen, strict=True) for shard in walk.by_shard(seen)]
        path = session.store.resolved(use.name, resolve_key(use, *zip(*shards, strict=True)))
        if path.exists():
            return pq.read_table(path)
        rows = self.sketches(self.seen)
        sketched = find_sketched(use, rows.contexts, session.store, run_here)
        return resolved_columns(rows, sketched, session.store, run_here)

    def sketches(self, rows: Sequence[Mask]) -> Sketches:
        """What is known of some rows."""
        parts = [part for walk, mask in zip(self.walks, rows, strict=True) for part in walk.by_shard(mask)]
        return Sketches(self.use, *zip(*parts, strict=True))

    def certain(self, scratch: Path) -> dict[str, Mask]:
        """By signal: rows seen whose value is the same whoever else is there."""
        use = self.use
        sure, roving = self.of_seen(self.sure), self.of_seen(self.wild())
        certain = dict.fromkeys(use.stage.signals, np.ones(len(sure), bool))
        rows = None
        if not sure.all() or roving.any():
            rows = self.sketches(self.seen)
            bounds = bounds_of(use, rows, Presence(sure, roving), scratch)
            certain = dict.fromkeys(certain, np.zeros(len(sure), bool)) | dict(bounds.certain() if bounds else {})
        blind = [possible & ~seen for possible, seen in zip(self.possible, self.seen, strict=True)]
        if any(mask.any() for mask in blind):
            met = self._meet(blind, rows or self.sketches(self.seen)) | roving
            certain = {name: holds & ~met for name, holds in certain.items()}
        return {name: certain[name] for name in use.stage.signals}

    @property
    def scope(self) -> Scope:
        """Which documents the resolver compares."""
        scope: Scope = getattr(self.use.config, "scope", "corpus")
        return scope

    def wild(self) -> list[Mask]:
        """Rows seen of which it isn't known whom they are compared with."""
        by_language = self.scope == "language"
        return [
            walk.vague(("language",)) & seen & by_language for walk, seen in zip(self.walks, self.seen, strict=True)
        ]

    def of_seen(self, masks: Sequence[Mask]) -> Mask:
        """Masks over all rows as one over the rows seen."""
        return np.concatenate([mask[seen] for mask, seen in zip(masks, self.seen, strict=True)])

    def _meet(self, blind: Sequence[Mask], seen: Sketches) -> Mask:
        """Rows seen that may duplicate a row of which there is no sketch: any of its scope."""
        scope = self.scope
        stray = any((walk.vague((scope,)) & mask).any() for walk, mask in zip(self.walks, blind, strict=True))
        if stray:
            return np.ones(seen.rows.num_rows, bool)
        blind_scopes = scope_keys(self.sketches(blind).rows, scope)
        met: Mask = np.isin(scope_keys(seen.rows, scope), blind_scopes)
        return met


def bounds_of(use: StageUse, sketches: SketchReader, presence: Presence, scratch: Path) -> Bounds | None:
    """What holds of the duplicates among rows that may or may not be there; None for other resolvers."""
    config: Any = use.config
    if use.stage.name not in ("exact_duplicates", "near_duplicates"):
        return None
    order, scopes = rank_order(sketches.rows), scope_keys(sketches.rows, config.scope)
    if use.stage.name == "exact_duplicates":
        return exact_bounds(sketches.rows.column("content_hash"), order, scopes, presence)
    signatures = sketches.pieces("signature")
    return near_bounds(signatures, order, scopes, presence, config.banding, config.min_similarity, scratch)
