"""Deciding: keep rules over signal columns, stage by stage, for the rows of one shard (or a slice of it).

Every row is in one of three states after each stage: alive (passed every rule so far), dropped (its first
failed rule is known), or unknown (a stage that would have judged it has not measured it). A run measures
until nothing is unknown; what-if reports what would have to be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.compute as pc

from tamis.corpus.conditions import Condition
from tamis.corpus.signals import Mask, mask_of
from tamis.recipe.model import StageUse

Load = Callable[[StageUse, Mask], pa.Table]
"""`load(use, applies)`: signal table of a stage for these rows (`measured` first); `applies` is the mask
of rows that the stage is asked about."""


@dataclass(frozen=True)
class Recalled:
    """Rows whose verdict of a stage is known, though their signals needn't be."""

    rows: Mask
    fail: Mask
    """Those of them that the stage drops."""
    by: str | None = None
    """The rule that drops them, where that is known."""


@dataclass
class Verdicts:
    """What is known of some rows after the stages walked so far."""

    frame: pl.DataFrame
    """Document columns and, as `stage.signal`, every signal judged so far (null where not measured)."""
    alive: Mask
    unknown: Mask
    reasons: list[str] = field(default_factory=list)
    """Rules by number: `stage.signal`."""
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    """First failed rule of each row by number, or -1."""
    failed: dict[str, Mask] = field(default_factory=dict)
    """Rows that fail each rule, among those it was measured for."""
    measured: dict[str, Mask] = field(default_factory=dict)
    """Rows each stage measured, as the rules see it: a row that an earlier rule dropped isn't."""
    entered: dict[str, Mask] = field(default_factory=dict)
    """Rows that were alive when each stage's turn came."""
    applies: dict[str, Mask] = field(default_factory=dict)
    """Rows inside each stage's `when` when its turn came: a later stage may yet decide their language."""
    _inside: dict[int, tuple[Mapping[str, Condition], Mask]] = field(default_factory=dict)
    """What `inside` found since the last stage, by identity of the `when`."""

    @classmethod
    def start(cls, frame: pl.DataFrame) -> Verdicts:
        """Every row alive, nothing measured. A NaN among the columns is a null from here on."""
        rows = frame.height
        if any(dtype.is_float() for dtype in frame.schema.dtypes()):
            frame = frame.with_columns(cs.float().fill_nan(None))
        return cls(frame, np.ones(rows, bool), np.zeros(rows, bool), first=np.full(rows, -1, np.int16))

    def asked(self, use: StageUse) -> Mask:
        """Rows that `use` is to measure: alive ones inside its `when`; all rows inside it if exhaustive.

        A resolver is asked about alive rows only: else a copy could make way for a document that is dropped.
        """
        inside = self.inside(use.when)
        return inside if use.exhaustive and use.stage.resolve is None else inside & self.alive

    def judge(self, use: StageUse, table: pa.Table, recalled: Recalled | None = None) -> None:
        """Applies the stage's rules to what it measured (`table`, row-aligned); not to the rows `recalled`."""
        name = use.name
        self.entered[name] = self.alive.copy()
        self.applies[name] = self.inside(use.when)
        asked = self.asked(use)
        seen = mask_of(table) & asked
        self.measured[name] = seen
        self._take_in(use, table, seen)
        self._apply_rules(use, seen, recalled)
        missing = self.alive & asked & ~seen
        self.unknown |= missing
        self.alive &= ~missing

    def _take_in(self, use: StageUse, table: pa.Table, seen: Mask) -> None:
        """Adds the stage's signals to the frame, null where not seen, and what they tell of the document."""
        found = {f"{use.name}.{column.name}": _seen(table.column(column.name), seen) for column in use.stage.adds}
        if found:
            signals = pl.from_arrow(pa.table(found))
            assert isinstance(signals, pl.DataFrame)
            if self.frame.schema.keys().isdisjoint(found):
                self.frame = self.frame.hstack(signals)
            else:
                # The signals that a source brings along are in the frame already.
                self.frame = self.frame.with_columns(signals.get_columns())
        if use.stage.provides:
            self.frame = self.frame.with_columns(
                pl.when(pl.col(f"{column}?"))
                .then(pl.coalesce(column, f"{use.name}.{signal}"))
                .otherwise(pl.col(column))
                .alias(column)
                for column, signal in use.stage.provides.items()
            )
        self._inside.clear()

    def _apply_rules(self, use: StageUse, seen: Mask, recalled: Recalled | None) -> None:
        rules = _rules_of(use, {by: self.frame.schema.get(by) for by in use.keep_by})
        alive = self.alive.copy()
        for reason, passes in rules.ask(self.frame).items():
            fails = ~passes
            if recalled is not None:
                # Where it isn't known which rule they fail, the first stands for all.
                by = recalled.by or next(iter(rules.answers))
                fails = np.where(recalled.rows, recalled.fail & (reason == by), fails)
            self._fail(reason, seen & fails, alive)

    def _fail(self, reason: str, failed: Mask, alive: Mask) -> None:
        """Records a rule's failures; `alive` is who was alive before the stage's first rule."""
        number = len(self.reasons)
        self.reasons.append(reason)
        self.failed[reason] = failed
        self.first[failed & alive & (self.first < 0)] = number
        self.alive &= ~failed

    def inside(self, when: Mapping[str, Condition]) -> Mask:
        """Rows that satisfy every condition of a `when`; not to be written to."""
        if id(when) not in self._inside:
            inside = np.ones(self.frame.height, bool)
            for column, condition in when.items():
                if column in self.frame.columns:
                    values = self.frame[column].to_frame()
                    inside &= _mask(values.with_columns(_=condition.passes(column))["_"])
                elif condition.nulls == "drop":
                    # A signal that another source brings along: here it is null in every row.
                    inside[:] = False
            inside.flags.writeable = False
            # With the `when` itself: while it lives, no other has its identity.
            self._inside[id(when)] = when, inside
        return self._inside[id(when)][1]


def _seen(column: pa.ChunkedArray, seen: Mask) -> pa.Array | pa.ChunkedArray:
    """The column, null where it isn't seen or no number."""
    if pa.types.is_floating(column.type):
        values = column.to_numpy()
        return pa.array(values, column.type, mask=np.isnan(values) | ~seen)
    return column if seen.all() else pc.if_else(pa.array(seen), column, pa.scalar(None, column.type))


def _mask(verdict: pl.Series) -> Mask:
    mask: Mask = verdict.to_numpy().astype(bool)
    return mask


@dataclass(frozen=True)
class _Rules:
    """The rules of a stage on rows whose columns have certain types, ready to be asked."""

    ranges: Mapping[str, tuple[str, Condition]]
    """By name: a range and the column of numbers it is about."""
    questions: Mapping[str, pl.Expr]
    """By name: true where a row passes another condition, or has a value that rules are overridden for; never null."""
    answers: Mapping[str, tuple[str | None, tuple[tuple[str, str], ...]]]
    """By reason: the condition that stands (None: everything passes), and who has another in its place, the
    last one of them in force."""

    @classmethod
    def of(cls, use: StageUse, types: Mapping[str, pl.DataType | None]) -> _Rules:
        """`types` are those of the columns that rules are overridden by; None where there is no such column."""
        ranges: dict[str, tuple[str, Condition]] = {}
        questions: dict[str, pl.Expr] = {}
        known: dict[tuple[Any, ...], str] = {}

        def ask(key: tuple[Any, ...], question: Callable[[], pl.Expr | tuple[str, Condition]]) -> str:
            # Many languages share a condition: it is asked once.
            if key not in known:
                known[key] = f"{len(known)} {key[0]}"
                asked = question()
                if isinstance(asked, tuple):
                    ranges[known[key]] = asked
                else:
                    questions[known[key]] = asked
            return known[key]

        answers: dict[str, tuple[str | None, tuple[tuple[str, str], ...]]] = {}
        overridden = {s for by_value in use.keep_by.values() for rules in by_value.values() for s in rules}
        # In the order of the declaration: the recipe's own order is no part of its identity.
        for signal, described in use.stage.signals.items():
            if signal not in use.keep and signal not in overridden:
                continue
            column = f"{use.name}.{signal}"
            number = pa.types.is_integer(described.type) or pa.types.is_floating(described.type)

            def passing(condition: Condition, column: str = column, number: bool = number) -> str:
                plain = number and condition.is_range
                return ask((column, condition), lambda: (column, condition) if plain else condition.passes(column))

            answers[column] = (
                passing(use.keep[signal]) if signal in use.keep else None,
                tuple(
                    (ask((by, value), partial(matches, by, type_, value)), passing(rules[signal]))
                    for by, by_value in use.keep_by.items()
                    for value, rules in by_value.items()
                    if signal in rules and (type_ := types[by]) is not None
                ),
            )
        return cls(ranges, questions, answers)

    def ask(self, frame: pl.DataFrame) -> dict[str, Mask]:
        """The rows that pass, by reason."""
        told = {name: condition.holds(frame[column]) for name, (column, condition) in self.ranges.items()}
        if self.questions:
            table = frame.with_columns(**self.questions)
            told |= {name: _mask(table[name]) for name in self.questions}
        passes = {}
        for reason, (standing, overrides) in self.answers.items():
            mask = np.ones(frame.height, bool) if standing is None else told[standing]
            for matches, rule in overrides:
                mask = np.where(told[matches], told[rule], mask)
            passes[reason] = mask
        return passes


_RULES: dict[tuple[Any, ...], tuple[StageUse, _Rules]] = {}
"""By identity of the stage use and types of the columns that it overrides its rules by."""
_KEPT = 256


def _rules_of(use: StageUse, types: Mapping[str, pl.DataType | None]) -> _Rules:
    key = (id(use), *types.items())
    if key not in _RULES:
        if len(_RULES) >= _KEPT:
            _RULES.clear()
        # With the use itself: while it lives, no other has its identity.
        _RULES[key] = use, _Rules.of(use, types)
    return _RULES[key][1]


def matches(by: str, type_: pl.DataType, value: str) -> pl.Expr:
    """Where column `by`, of this type, has the value that a `keep_by` spells `value`; never null."""
    if type_.is_numeric():
        # 3, 3.0 and 3e0 are the same number.
        matches = pl.col(by) == float(value)
    elif type_ == pl.Boolean:
        matches = pl.col(by) == (value == "true")
    else:
        matches = pl.col(by) == value
    return matches.fill_null(False)


def walk(verdicts: Verdicts, uses: Sequence[StageUse], load: Load) -> Verdicts:
    """Judges the stages in order, with the signals that `load` finds."""
    for use in uses:
        verdicts.judge(use, load(use, verdicts.asked(use)))
    return verdicts
