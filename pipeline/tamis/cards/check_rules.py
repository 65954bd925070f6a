"""Do the recipe's rules, applied to the ledger's signals, give the ledger's verdicts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.cards.checks import Checks
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import Manifest
from tamis.stages import STAGES

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """One rule as a recipe writes it, and the values of other columns for which another one holds."""

    stage: str
    signal: str
    condition: Condition | None
    otherwise: tuple[tuple[str, str, Condition], ...]
    """Column, value, condition: the last that matches holds."""

    @property
    def name(self) -> str:
        """As the ledger names it."""
        return f"{self.stage}.{self.signal}"


def rules_of(manifest: Manifest) -> tuple[list[Rule], set[str]]:
    """All rules in stage order, and the stages that can't be judged again from the ledger.

    A stage whose overrides go by a column that a later stage decides saw another value than the ledger has.
    """
    rules: list[Rule] = []
    untold: set[str] = set()
    uses = manifest.uses
    for index, (stage, _, written) in enumerate(uses):
        later = {column for use in uses[index + 1 :] for column in STAGES.get(use.kind).provides}
        by_column: Mapping[str, Any] = written.get("keep_by", {})
        if later & set(by_column):
            untold.add(stage)
        keep: Mapping[str, Any] = written.get("keep", {})
        others: dict[str, list[tuple[str, str, Condition]]] = {}
        for column, by_value in by_column.items():
            for value, conditions in by_value.items():
                for signal, condition in conditions.items():
                    others.setdefault(signal, []).append((column, str(value), Condition.model_validate(condition)))
        for signal in sorted({*keep, *others}):
            usual = Condition.model_validate(keep[signal]) if signal in keep else None
            rules.append(Rule(stage, signal, usual, tuple(others.get(signal, ()))))
    return rules, untold


def check_rules(
    path: str, start: int, table: pa.Table, rules: Sequence[Rule], untold: set[str], checks: Checks
) -> None:
    """Judges some rows of a ledger file again; `start` is the number of the first."""
    lists = table["failed"].combine_chunks()
    owners = pc.list_parent_indices(lists).to_numpy()
    names = lists.flatten().cast(pa.string())
    alive: Mask = np.ones(len(table), bool)
    dropped_at = np.full(len(table), "", object)
    failing_stage: dict[str, Mask] = {}
    for rule in rules:
        stated: Mask = np.zeros(len(table), bool)
        stated[owners[pc.equal(names, rule.name).to_numpy(zero_copy_only=False)]] = True
        failed = stated if rule.stage in untold else _numpy(table[f"{rule.stage}.measured"]) & ~_passes(rule, table)
        _agree(path, start, table, f"failed ({rule.name})", stated, failed, checks)
        failing_stage.setdefault(rule.stage, np.zeros(len(table), bool))
        failing_stage[rule.stage] |= failed
    for stage, failed in failing_stage.items():
        dropped_at[failed & alive] = stage
        alive &= ~failed
    _agree(path, start, table, "passed", _numpy(table["passed"]), alive, checks)
    drawn = _numpy(pc.greater(table["copies"], 0))
    dropped_at[alive & ~drawn] = "mix"
    reasons = table["dropped_by"].to_pylist()
    stages = np.array([(reason or "").partition(".")[0] for reason in reasons], object)
    _agree(path, start, table, "dropped_by", stages, dropped_at, checks)
    _agree(path, start, table, "copies", drawn & ~alive, np.zeros(len(table), bool), checks)
    whole = np.floor(table["epochs"].to_numpy())
    extra = table["copies"].to_numpy() - whole
    _agree(
        path,
        start,
        table,
        "copies of epochs",
        ((extra == 0) | (extra == 1)) | ~alive,
        np.ones(len(table), bool),
        checks,
    )


def _passes(rule: Rule, table: pa.Table) -> Mask:
    column = table[rule.name]
    passes: Mask = np.ones(len(table), bool) if rule.condition is None else _satisfied(rule.condition, column)
    for by, value, condition in rule.otherwise:
        matches = _numpy(pc.fill_null(pc.equal(table[by].cast(pa.string()), value), False))
        passes = np.where(matches, _satisfied(condition, column), passes)
    return passes


def _satisfied(condition: Condition, column: pa.ChunkedArray) -> Mask:
    """A condition in Arrow's own words; keep rules run as Polars expressions."""
    known = _numpy(pc.is_valid(column))
    holds: Mask = np.ones(len(column), bool)
    kind: Any = column.type.to_pandas_dtype() if pa.types.is_floating(column.type) else np.float64
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        # A threshold is as exact as the signal: 0.1 of a float32 column is the float32 nearest to it.
        values = pc.fill_null(column, 0).to_numpy().astype(kind)
        known &= ~np.isnan(values)
        if condition.min is not None:
            holds &= values >= kind(condition.min)
        if condition.max is not None:
            holds &= values <= kind(condition.max)
        listed = [value.item() for value in values]
    else:
        kind, listed = (lambda value: value), column.to_pylist()
    for names, inside in ((condition.in_, True), (condition.not_in, False)):
        if names is not None:
            allowed = {kind(name).item() if hasattr(kind(name), "item") else name for name in names}
            holds &= np.array([(value in allowed) == inside for value in listed], bool)
    for expression, found in condition.patterns:
        matches = pc.match_substring_regex(pc.fill_null(column.cast(pa.large_string()), ""), expression)
        holds &= _numpy(matches) == found
    if condition.is_ is not None:
        holds &= _numpy(pc.fill_null(column, False)) == condition.is_
    verdict: Mask = np.where(known, holds, condition.nulls == "keep")
    return verdict


def _numpy(column: pa.ChunkedArray) -> Mask:
    mask: Mask = (
        column.to_numpy(zero_copy_only=False).astype(bool)
        if isinstance(column, pa.Array)
        else column.to_numpy().astype(bool)
    )
    return mask


def _agree(
    path: str,
    start: int,
    table: pa.Table,
    what: str,
    stated: npt.NDArray[Any],
    judged: npt.NDArray[Any],
    checks: Checks,
) -> None:
    wrong = np.flatnonzero(stated != judged)
    if len(wrong):
        row = int(wrong[0])
        place = f"{path}: row {start + row}, {what}"
        checks.holds(False, place, stated[row], f"{judged[row]} by the recipe's rules (id {table['id'][row]})")
    else:
        checks.made += 1
