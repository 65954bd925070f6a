"""From counts to a plan: every phase's tokens by cell, and what to say about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.errors import InputError
from tamis.mix.cells import (
    Cells,
    by_length,
    epoch_caps,
    from_counts,
    from_phase,
    in_years,
    known_tokens,
    with_rehearsal,
    year_order,
)
from tamis.mix.conflicts import Task, settle, uncapped
from tamis.mix.counts import Counts, read_counts
from tamis.mix.csv_table import read_shares
from tamis.mix.methods import quality_factors, shares_of
from tamis.mix.report import PhaseReport, report
from tamis.mix.rules import Rule, whole
from tamis.mix.scaling import scaling_notes
from tamis.mix.solver import UNBOUNDED
from tamis.mix.words import Unplannable, cell_words, listed
from tamis.recipe.mix import MAIN, Axis, Mix, Phase, Weighting, fraction

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
AXES = ("language", "category", "source")


@dataclass(frozen=True)
class PhasePlan:
    """What training sees in one phase."""

    name: str
    cells: pl.DataFrame
    """One row a cell. KEY of `counts`, `name` (the source, with its part), `rehearsal`, `tokens` (available; null where
    unknown), `documents`, `weighted_tokens` (planned), `epochs` (null where the tokens are unknown), `share`,
    `requested` (its share if nothing had an epoch cap)."""
    tokens: int
    """Tokens of the phase: the sum of `weighted_tokens`."""
    sequence_length: int | None
    report: PhaseReport

    @property
    def samples(self) -> int | None:
        """Whole sequences."""
        return self.tokens // self.sequence_length if self.sequence_length else None

    def to_json(self) -> dict[str, Any]:
        """The phase as `tamis mix --json` prints it."""
        columns = {"name": "source", "language": "language", "category": "category"}
        sources = self.cells.select(
            *(pl.col(column).alias(name) for column, name in columns.items()),
            "tokens", "weighted_tokens", "epochs", "share", "requested", "part", "year", "quality", "documents",
        )  # fmt: skip
        return {
            "name": self.name,
            "tokens": self.tokens,
            "samples": self.samples,
            "sequence_length": self.sequence_length,
            "sources": sources.to_dicts(),
            **self.report.to_json(),
        }


@dataclass(frozen=True)
class MixPlan:
    """What training sees, phase by phase."""

    phases: tuple[PhasePlan, ...]
    notes: tuple[str, ...] = ()
    """What to say about all phases together."""

    def phase(self, name: str) -> PhasePlan:
        """The phase of that name. KeyError when there is none."""
        return {phase.name: phase for phase in self.phases}[name]

    def to_json(self) -> dict[str, Any]:
        """The plan as `tamis mix --json` prints it."""
        return {"phases": [phase.to_json() for phase in self.phases], "notes": list(self.notes)}


def plan(mix: Mix, counts: Counts, base: Path = Path()) -> MixPlan:
    """The plan of a mix for these counts. Pure, but for the tables that the mix names, relative to `base`.

    Raises Unplannable, whose path says which part of the mix can't hold, and why; InputError for a wrong table.
    """
    phases = mix.phases or (Phase(name=MAIN),)
    done: dict[str, PhasePlan] = {}
    for at, phase in enumerate(phases):
        where = ("phases", at) if mix.phases else ()
        try:
            done[phase.name] = _phase(mix, phase, counts, done, lambda name: base / name)
        except Unplannable as error:
            raise Unplannable((*where, *error.path), f"phase {phase.name}: {error}") from None
    tokens = sum(phase.tokens for phase in done.values())
    return MixPlan(tuple(done.values()), tuple(scaling_notes(tokens, mix.parameters)))


def _phase(
    mix: Mix, phase: Phase, counts: Counts, done: Mapping[str, PhasePlan], file: Callable[[str], Path]
) -> PhasePlan:
    weighting = weighting_of(mix, phase)
    cells = _cells(phase, weighting, counts, done, file)
    most, allowed = epoch_caps(cells, weighting, as_said=_sizeless(phase))
    tokens = known_tokens(cells.frame)
    if _sizeless(phase):
        # Epochs are what is said, up to their cap: so this is what the phase amounts to.
        cells = replace(cells, weights=np.minimum(cells.weights, np.where(np.isnan(tokens), np.inf, tokens * most)))
    if weighting.quality is not None:
        curve = mix.quality_cut or weighting.quality
        cells = replace(cells, weights=cells.weights * _by_quality(cells, weighting, curve.within))
    total = _size(phase, cells, tokens, done)
    values = _values(cells.frame)
    weights, rules = _by_axes(cells, weighting, values, total, tokens, file)
    if phase.rehearsal is not None:
        rules.append(Rule("rehearsal", "rehearsal", "share", fraction(phase.rehearsal.share)))
    _check_unknown(cells, weighting, rules, tokens)
    task = Task(weights, _cap_tokens(tokens, most, _sizeless(phase)), values, total, tuple(rules))
    solution, loosened, conflicts = settle(task, mix.on_infeasible == "relax")
    if conflicts:
        conflict = conflicts[0]
        here = conflict.axis if conflict.axis in (*AXES, "rehearsal") else ""
        raise Unplannable((here,) if here else (), conflict.sentence + _way_out(mix))
    if not solution.tokens.any():
        raise Unplannable((), "no cell has tokens and a weight above 0: there is nothing to plan")
    frame = _planned(cells.frame, solution.tokens, uncapped(task), tokens)
    _check_epochs(frame, allowed, weighting.max_epochs.error)
    told = report(task, solution, frame, most, weighting.max_epochs.warn)
    notes = [*cells.notes, *told.notes]
    order = year_order(frame.filter(pl.col("weighted_tokens") > 0)) if phase.year_order else []
    told = replace(told, constraints=(*loosened, *told.constraints), notes=tuple(notes), year_order=order)
    return PhasePlan(phase.name, frame, int(solution.tokens.sum()), phase.sequence_length, told)


def weighting_of(mix: Mix, phase: Phase) -> Weighting:
    """What weights the cells of a phase: what it says itself, else what the mix says. A phase that starts from another
    one takes the epoch caps alone from the mix."""
    inherited = ("max_epochs",) if phase.from_ is not None else Weighting.model_fields
    chosen = {
        name: getattr(mix if name in inherited and name not in phase.model_fields_set else phase, name)
        for name in Weighting.model_fields
    }
    return Weighting(**chosen)


def _sizeless(phase: Phase) -> bool:
    return phase.tokens is None and phase.samples is None and phase.from_ is None


def _cells(
    phase: Phase, weighting: Weighting, counts: Counts, done: Mapping[str, PhasePlan], file: Callable[[str], Path]
) -> Cells:
    if phase.from_ is not None:
        before = done[phase.from_].cells
        columns = [*counts.cells.columns, "rehearsal"]
        cells = from_phase(before.select(columns), before["weighted_tokens"].to_numpy(), weighting)
    else:
        cells = from_counts(
            read_counts(file(phase.counts), released=True) if phase.counts is not None else counts, weighting
        )
    if phase.years is not None or phase.collapse_years:
        cells = in_years(cells, phase)
    if phase.long_documents is not None:
        cells = by_length(cells, phase.long_documents, file)
    if phase.rehearsal is not None:
        cells = with_rehearsal(cells, phase.rehearsal, file)
    return cells


def _by_quality(cells: Cells, weighting: Weighting, within: str) -> Floats:
    assert weighting.quality is not None
    new = ~cells.frame["rehearsal"].to_numpy()
    upper = cells.frame["quality"].fill_null(float("nan")).to_numpy()
    if np.isnan(upper[new]).all():
        raise Unplannable(
            ("quality",),
            "there is a curve of quality, and no column `quality` in the counts tells any (a run makes it)",
        )
    factors = np.ones(len(upper))
    groups = cells.frame[within].to_numpy() if within != "corpus" else np.zeros(len(upper))
    for group in np.unique(groups[new]):
        rows = new & (groups == group)
        factors[rows] = quality_factors(weighting.quality, upper[rows])
    return factors


def _size(phase: Phase, cells: Cells, tokens: Floats, done: Mapping[str, PhasePlan]) -> int:
    """Tokens of the phase."""
    if phase.tokens is not None:
        return phase.tokens
    if phase.samples is not None:
        assert phase.sequence_length is not None
        return phase.samples * phase.sequence_length
    if phase.from_ is not None:
        return done[phase.from_].tokens
    new = ~cells.frame["rehearsal"].to_numpy()
    if np.isnan(tokens[new]).any():
        unknown = cells.frame["source"].to_numpy()[np.isnan(tokens) & new]
        raise Unplannable((), f"the tokens of {listed(sorted(set(unknown)))} are not known: give the phase a size")
    amounts = Fraction(int(np.floor(cells.weights[new].sum() * (1 + 1e-15))))
    if phase.rehearsal is not None:
        share = fraction(phase.rehearsal.share)
        if share == 1:
            raise Unplannable(("rehearsal", "share"), "with nothing but rehearsal, the phase needs a size")
        amounts /= 1 - share
    if amounts < 1:
        raise Unplannable((), "no cell has tokens and epochs above 0: there is nothing to plan")
    return amounts.numerator // amounts.denominator


def _values(frame: pl.DataFrame) -> dict[str, npt.NDArray[np.str_]]:
    """Axis -> the value of each cell."""
    values = {axis: frame[axis].to_numpy().astype(str) for axis in AXES}
    if frame["rehearsal"].any():
        values["rehearsal"] = np.where(frame["rehearsal"].to_numpy(), "rehearsal", "new")
    return values


def _by_axes(
    cells: Cells, weighting: Weighting, values: Mapping[str, npt.NDArray[np.str_]], total: int, tokens: Floats,
    file: Callable[[str], Path],
) -> tuple[Floats, list[Rule]]:  # fmt: skip
    """Weights after the methods of all axes, and the rules of all axes."""
    weights, rules = cells.weights.copy(), []
    new = ~cells.frame["rehearsal"].to_numpy()
    for name in AXES:
        axis: Axis = getattr(weighting, name)
        if axis == Axis():
            continue
        distinct, inverse = np.unique(values[name][new], return_inverse=True)
        labels = [str(value) for value in distinct]
        inverse = inverse.reshape(-1)
        natural = np.bincount(inverse, cells.base[new], len(labels)).astype(np.float64)
        available = np.bincount(inverse, np.nan_to_num(tokens[new], nan=0.0), len(labels)).astype(np.float64)
        fitted = read_shares(file(axis.weights_from), name) if axis.weights_from is not None else {}
        shares = shares_of(axis, labels, available if axis.method == "unimax" else natural, float(total), fitted)
        if axis.method != "proportional":
            usual = natural / max(float(natural.sum()), 1e-300)
            factors = np.where(usual > 0, shares / np.where(usual > 0, usual, 1.0), 0.0)
            weights[new] *= factors[inverse]
        rules += _rules(name, axis, labels, shares, file)
    return weights, rules


def _rules(name: str, axis: Axis, labels: list[str], shares: Floats, file: Callable[[str], Path]) -> list[Rule]:
    said = {value: fraction(share) for value, share in axis.shares.items()}
    if axis.shares_from is not None:
        table = {value: Fraction(repr(share)) for value, share in read_shares(file(axis.shares_from), name).items()}
        said = {value: share for value, share in table.items() if share > 0} | said
    rules = [Rule(name, value, "share", share) for value, share in said.items()]
    if axis.hold:
        rest = max(1 - sum(said.values(), Fraction(0)), Fraction(0))
        free = {
            value: share for value, share in zip(labels, shares.tolist(), strict=True)
            if value not in said and value not in axis.floors and value not in axis.caps
        }  # fmt: skip
        sum_ = sum(map(Fraction, free.values()), Fraction(0))
        if sum_ and len(free) + len(said) == len(set(labels) | set(said)):
            rules += [Rule(name, value, "share", Fraction(share) / sum_ * rest) for value, share in free.items()]
        else:
            rules += [Rule(name, value, "share", Fraction(share) * rest) for value, share in free.items()]
    rules += [Rule(name, value, "floor", fraction(share)) for value, share in axis.floors.items()]
    rules += [Rule(name, value, "cap", fraction(share)) for value, share in axis.caps.items()]
    return whole(rules, labels)


def _check_unknown(cells: Cells, weighting: Weighting, rules: list[Rule], tokens: Floats) -> None:
    """A cell whose tokens nobody knows has no weight of its own: only a share of its source can give it one."""
    unknown = np.isnan(tokens)
    if not unknown.any():
        return
    sources = cells.frame["source"].to_numpy()
    held = {rule.value for rule in rules if rule.axis == "source" and rule.kind == "share"}
    fitted = weighting.source.method in ("fitted", "uniform")
    for source in sorted(set(sources[unknown])):
        if source not in held and not fitted:
            raise Unplannable(
                ("source",),
                f"the tokens of source {source} are not known, so it has no weight: give it a share (source.shares, or "
                "a table in source.shares_from)",
            )
        if (sources == source).sum() > 1:
            raise Unplannable(
                ("source",), f"the tokens of source {source} are not known, and it has several cells: count them"
            )


def _cap_tokens(tokens: Floats, most: Floats, as_said: bool) -> Ints:
    """Most tokens of each cell. Rounded down; up where the phase has no size, so that its epochs fit."""
    amounts = np.where(np.isnan(tokens), 0, tokens).astype(np.int64)
    caps = np.full(len(tokens), UNBOUNDED, np.int64)
    for epochs in np.unique(most):
        exact = Fraction(repr(float(epochs)))
        mine = np.flatnonzero((most == epochs) & ~np.isnan(tokens))
        times = amounts[mine].astype(object) * exact.numerator
        whole_, rest = times // exact.denominator, times % exact.denominator
        caps[mine] = np.minimum(whole_ + ((rest > 0) if as_said else 0), UNBOUNDED - 1).astype(np.int64)
    return caps


def _planned(frame: pl.DataFrame, planned: Ints, requested: Floats, tokens: Floats) -> pl.DataFrame:
    total = max(int(planned.sum()), 1)
    # A cell without tokens has no epochs.
    known = np.nan_to_num(tokens, nan=0.0) > 0
    epochs = np.where(known, planned / np.where(known, tokens, 1.0), 0.0)
    part = pl.col("part")
    return frame.with_columns(
        name=pl.when(part.is_null()).then("source").otherwise(pl.col("source") + ":" + part),
        weighted_tokens=pl.Series(planned),
        epochs=pl.when(pl.col("tokens").is_null()).then(None).otherwise(pl.Series(epochs)),
        share=pl.Series(planned / total),
        requested=pl.Series(requested),
    )


def _check_epochs(frame: pl.DataFrame, allowed: Floats, error: float | None) -> None:
    if error is None:
        return
    limit = pl.Series(np.maximum(allowed, error) * (1 + 1e-9) + 1e-9)
    worst = frame.filter(pl.col("epochs") > limit).sort("epochs", descending=True)
    if worst.height:
        seen = [f"{cell_words(row)} {row['epochs']:.3g} epochs" for row in worst.head(8).iter_rows(named=True)]
        raise Unplannable(
            ("max_epochs",),
            f"{worst.height} cells would be seen more than {error:g} times: {listed(seen)}. Repeating text more than "
            "16 times brings next to nothing (Muennighoff et al. 2023): lower their weights, allow it in "
            "max_epochs.sources or max_epochs.cells, or set max_epochs.error",
        )


def _way_out(mix: Mix) -> str:
    return ". Change the numbers, or write `on_infeasible: relax` to take the nearest plan"


def counts_for(mix: Mix, base: Path, counts: Path | None) -> Counts:
    """The counts of a file, else those that the mix names. InputError when there are none."""
    if counts is not None:
        return read_counts(counts)
    if mix.counts is not None:
        return read_counts(base / mix.counts)
    raise InputError(
        "there are no counts to plan from: `tamis run` makes them; or give a table with the columns dataset, language, "
        "category, tokens by --counts FILE, or name one in the recipe (mix: {counts: counts.csv})"
    )
