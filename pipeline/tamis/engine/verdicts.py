"""Deciding: keep rules over signal columns, stage by stage, for the rows of one shard (or a slice of it).

Every row is in one of three states after each stage: alive (passed every rule so far), dropped (its first
failed rule is known), or unknown (a stage that would have judged it has not measured it). A run measures
until nothing is unknown; what-if reports what would have to be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa

from tamis.corpus.conditions import Condition
from tamis.corpus.signals import Mask, mask_of
from tamis.recipe.model import StageUse

Load = Callable[[StageUse, Mask], pa.Table]
"""`load(use, applies)`: signal table of a stage for these rows (`measured` first); `applies` is the mask
of rows that the stage is asked about."""


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

    @classmethod
    def start(cls, frame: pl.DataFrame) -> Verdicts:
        """Every row alive, nothing measured. A NaN among the columns is a null from here on."""
        rows = frame.height
        frame = frame.with_columns(cs.float().fill_nan(None))
        return cls(frame, np.ones(rows, bool), np.zeros(rows, bool), first=np.full(rows, -1, np.int16))

    def asked(self, use: StageUse) -> Mask:
        """Rows that `use` is to measure: alive ones inside its `when`; all rows inside it if exhaustive.

        A resolver is asked about alive rows only: else a copy could make way for a document that is dropped.
        """
        inside = self.inside(use.when)
        return inside if use.exhaustive and use.stage.resolve is None else inside & self.alive

    def judge(self, use: StageUse, table: pa.Table) -> None:
        """Applies the stage's rules to what it measured (`table`, row-aligned)."""
        name = use.name
        self.entered[name] = self.alive.copy()
        self.applies[name] = self.inside(use.when)
        asked = self.asked(use)
        seen = mask_of(table) & asked
        self.measured[name] = seen
        hidden = ~seen
        signals: dict[str, pl.Series] = {}
        for column in use.stage.adds:
            series = pl.from_arrow(pa.chunked_array(table.column(column.name)))
            assert isinstance(series, pl.Series)
            if series.dtype.is_float():
                series = series.fill_nan(None)
            if hidden.any():
                series = pl.select(pl.when(pl.Series(seen)).then(series).otherwise(None)).to_series()
            signals[f"{name}.{column.name}"] = series.alias(f"{name}.{column.name}")
        self.frame = self.frame.with_columns(**signals)
        for document_column, signal in use.stage.provides.items():
            self.frame = self.frame.with_columns(
                pl.when(pl.col(f"{document_column}?"))
                .then(pl.coalesce(document_column, f"{name}.{signal}"))
                .otherwise(pl.col(document_column))
                .alias(document_column)
            )
        self._apply_rules(use, seen)
        missing = self.alive & asked & ~seen
        self.unknown |= missing
        self.alive &= ~missing

    def _apply_rules(self, use: StageUse, seen: Mask) -> None:
        alive = self.alive.copy()
        overridden = {s for values in use.keep_by.values() for rules in values.values() for s in rules}
        ruled = overridden | set(use.keep)
        # In the order of the declaration: the recipe's own order is no part of its identity.
        for signal in [name for name in use.stage.signals if name in ruled]:
            column = f"{use.name}.{signal}"
            passes = use.keep[signal].passes(column) if signal in use.keep else pl.lit(True)
            for by, by_value in use.keep_by.items():
                for value, rules in by_value.items():
                    if signal in rules:
                        matches = self._matches(by, value)
                        passes = pl.when(matches).then(rules[signal].passes(column)).otherwise(passes)
            self._fail(column, seen & ~self._evaluate(passes), alive)

    def _fail(self, reason: str, failed: Mask, alive: Mask) -> None:
        """Records a rule's failures; `alive` is who was alive before the stage's first rule."""
        number = len(self.reasons)
        self.reasons.append(reason)
        self.failed[reason] = failed
        self.first[failed & alive & (self.first < 0)] = number
        self.alive &= ~failed

    def inside(self, when: Mapping[str, Condition]) -> Mask:
        """Rows that satisfy every condition of a `when`."""
        inside = np.ones(self.frame.height, bool)
        for column, condition in when.items():
            if column in self.frame.columns:
                inside &= self._evaluate(condition.passes(column))
            elif condition.nulls == "drop":
                # A signal that another source brings along: here it is null in every row.
                inside[:] = False
        return inside

    def _matches(self, by: str, value: str) -> pl.Expr:
        """Where column `by` has the value that a `keep_by` spells `value`; never null."""
        dtype = self.frame.schema.get(by, pl.Null())
        if dtype.is_numeric():
            # 3, 3.0 and 3e0 are the same number.
            matches = pl.col(by) == float(value)
        elif dtype == pl.Boolean:
            matches = pl.col(by) == (value == "true")
        elif by in self.frame.columns:
            matches = pl.col(by) == value
        else:
            return pl.lit(False)
        return matches.fill_null(False)

    def _evaluate(self, expression: pl.Expr) -> Mask:
        verdict = self.frame.select(expression.alias("_")).to_series()
        if len(verdict) == 1 and self.frame.height != 1:
            return np.full(self.frame.height, bool(verdict[0]))
        mask: Mask = verdict.to_numpy().astype(bool)
        return mask


def walk(verdicts: Verdicts, uses: Sequence[StageUse], load: Load) -> Verdicts:
    """Judges the stages in order, with the signals that `load` finds."""
    for use in uses:
        verdicts.judge(use, load(use, verdicts.asked(use)))
    return verdicts
