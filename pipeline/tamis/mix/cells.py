"""The cells of a phase before it is solved: which there are, what each weighs, and how often it may be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.mix.counts import LONG, SHORT, Counts, read_counts, series_of
from tamis.mix.csv_table import read_lengths
from tamis.mix.epochs import epochs_of, weight
from tamis.mix.words import Unplannable, amount, listed
from tamis.recipe.mix import EpochCaps, LongDocuments, Phase, Rehearsal, Weighting, fraction

Floats = npt.NDArray[np.float64]
REHEARSAL = "rehearsal:"
"""Starts the names of sources of an earlier release."""


@dataclass(frozen=True)
class Cells:
    """The cells of a phase. All arrays are in the order of the frame."""

    frame: pl.DataFrame
    """Columns of `counts.SCHEMA`, and `rehearsal`: whether the cell is of an earlier release."""
    base: Floats
    """What methods take for its tokens: the counts, or the tokens planned in the phase it starts from."""
    weights: Floats
    """What it weighs, in tokens: base times epochs."""
    notes: tuple[str, ...] = field(default=())
    """What the report should tell of how they came about."""

    def where(self, mask: pl.Series) -> Cells:
        """Some of the cells."""
        chosen = mask.to_numpy()
        return replace(self, frame=self.frame.filter(mask), base=self.base[chosen], weights=self.weights[chosen])

    def noted(self, *notes: str) -> Cells:
        """The same, with more to tell."""
        return replace(self, notes=(*self.notes, *notes))


def known_tokens(frame: pl.DataFrame) -> Floats:
    """Tokens of each cell, NaN where nobody knows."""
    return frame["tokens"].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def from_counts(counts: Counts, weighting: Weighting) -> Cells:
    """Cells as there are tokens; an unknown count stands as 1, as only a share can weigh it."""
    frame = counts.cells.with_columns(rehearsal=pl.lit(False))
    base = np.nan_to_num(known_tokens(frame), nan=1.0)
    return Cells(frame, base, base * epochs_of(weighting, frame))


def from_phase(frame: pl.DataFrame, planned: npt.NDArray[np.int64], weighting: Weighting) -> Cells:
    """Cells as an earlier phase planned them. What it took from an earlier release stays there."""
    new = ~frame["rehearsal"]
    base = planned.astype(np.float64)[new.to_numpy()]
    frame = frame.filter(new)
    return Cells(frame, base, base * epochs_of(weighting, frame))


def in_years(cells: Cells, phase: Phase) -> Cells:
    """The cells within the phase's years, series collapsed to their last year if it says so."""
    first, last = phase.years or (None, None)
    year = pl.col("year")
    inside = cells.frame.select(
        (year.is_null() | ((year >= (first or 0)) & (year <= (last if last is not None else 9999)))).alias("inside")
    )["inside"]
    if phase.collapse_years:
        return _collapsed(cells, inside)
    return cells if inside.all() else cells.where(inside)


def _collapsed(cells: Cells, inside: pl.Series) -> Cells:
    frame = cells.frame.with_columns(
        inside=inside,
        series=pl.col("source").map_elements(series_of, return_dtype=pl.String),
        base=pl.Series(cells.base),
        weight=pl.Series(cells.weights),
    )
    key = ["series", "language", "category", "part", "quality"]
    last = pl.col("year").filter("inside").max().over(key)
    frame = frame.with_columns(last=last, base=pl.col("base").sum().over(key), weight=pl.col("weight").sum().over(key))
    series = frame.filter(pl.col("year").is_not_null())
    gone = series.filter(pl.col("last").is_null())["series"].unique().to_list()
    stays = pl.col("year").is_null() | (pl.col("inside") & (pl.col("year") == pl.col("last")))
    notes = [
        f"{name}: {years} years collapsed on {last}"
        for name, years, last in (
            series.filter(pl.col("last").is_not_null())
            .group_by("series")
            .agg(pl.col("year").n_unique(), pl.col("last").max())
            .sort("series")
            .iter_rows()
        )
        if years > 1
    ]
    if gone:
        notes.append(f"no year of {listed(sorted(gone))} is within the phase's years: left out")
    mask = frame.select(stays.alias("stays"))["stays"]
    # A cell without a year is no series.
    alone = frame["year"].is_null().to_numpy()
    base = np.where(alone, cells.base, frame["base"].to_numpy())
    weights = np.where(alone, cells.weights, frame["weight"].to_numpy())
    return replace(cells, base=base, weights=weights).where(mask).noted(*notes)


def by_length(cells: Cells, long: LongDocuments, file: Callable[[str], Path]) -> Cells:
    """Cells cut into long and short documents, the long ones weighing `multiplier` times as much by token."""
    if long.lengths is not None:
        cells = _cut(cells, file(long.lengths))
    part = cells.frame["part"]
    if not (part == LONG).any() and part.null_count() < len(part):
        return cells.noted(f"no document is long (above {long.threshold:,} tokens)")
    if not (part == LONG).any():
        raise Unplannable(
            ("long_documents",),
            "there are no long documents: name a table of `lengths`, or counts with a column `part` (a run makes it)",
        )
    # Per cell of source, language, category, year and quality: what it weighs in all stays as it is.
    key = ["source", "language", "category", "year", "quality"]
    lifted = cells.base * np.where((part == LONG).to_numpy(), long.multiplier, 1.0)
    sums = cells.frame.select(*key, "part").with_columns(
        weight=pl.Series(cells.weights), lifted=pl.Series(np.where(part.is_null().to_numpy(), 0.0, lifted))
    )
    sums = sums.with_columns(pl.col("weight").sum().over(key), whole=pl.col("lifted").sum().over(key))
    whole = sums["whole"].to_numpy()
    weights = sums["weight"].to_numpy() * lifted / np.where(whole > 0, whole, 1.0)
    cut = (whole > 0) & part.is_not_null().to_numpy()
    return replace(cells, weights=np.where(cut, weights, cells.weights)).noted(
        f"long documents (above {long.threshold:,} tokens) weigh {long.multiplier:g} times as much by token"
    )


def _cut(cells: Cells, path: Path) -> Cells:
    """Cells without parts, cut by a table of lengths: tokens as the table has them."""
    lengths = read_lengths(path)
    totals = dict(cells.frame.group_by("source").agg(pl.col("tokens").sum()).iter_rows())
    rows: list[dict[str, Any]] = []
    base: list[float] = []
    weights: list[float] = []
    whole, off = [], []
    for at, row in enumerate(cells.frame.iter_rows(named=True)):
        long, short = lengths.get(row["source"], (0, 0))
        if row["part"] is not None or long + short == 0:
            if row["part"] is None:
                whole.append(row["source"])
            rows.append(row)
            base.append(cells.base[at])
            weights.append(cells.weights[at])
            continue
        known = row["tokens"] is not None and totals[row["source"]] > 0
        mine = Fraction(row["tokens"], totals[row["source"]]) if known else Fraction(1)
        if known and abs(long + short - totals[row["source"]]) > totals[row["source"]] / 100:
            off.append(f"{row['source']} {amount(long + short)} for {amount(totals[row['source']])}")
        for part, tokens in ((LONG, long), (SHORT, short)):
            rows.append(row | {"part": part, "tokens": int(tokens * mine), "documents": None})
            base.append(float(tokens * mine))
            weights.append(cells.weights[at] * tokens / (long + short))
    frame = pl.DataFrame(rows, schema=cells.frame.schema)
    notes = []
    if off:
        notes.append(f"{path.name} counts other tokens than there are, by more than 1 %: {listed(off)}")
    if whole:
        notes.append(f"{path.name} has no lengths of {listed(sorted(set(whole)))}: taken whole")
    return replace(cells, frame=frame, base=np.array(base), weights=np.array(weights)).noted(*notes)


def with_rehearsal(cells: Cells, rehearsal: Rehearsal, file: Callable[[str], Path]) -> Cells:
    """The cells, and those of an earlier release, which weigh as many tokens as they have."""
    earlier = read_counts(file(rehearsal.release), released=True)
    frame = earlier.cells.with_columns(source=pl.lit(REHEARSAL) + pl.col("source"), rehearsal=pl.lit(True))
    frame = frame.select(cells.frame.columns)
    if frame["tokens"].null_count():
        raise Unplannable(("rehearsal", "release"), f"{earlier.name}: there are cells whose tokens are not counted")
    tokens = known_tokens(frame)
    return replace(
        cells,
        frame=pl.concat([cells.frame, frame]),
        base=np.concatenate((cells.base, tokens)),
        weights=np.concatenate((cells.weights, tokens)),
    ).noted(f"rehearsal: {float(fraction(rehearsal.share)):.2%} of the tokens come from {earlier.name}")


def epoch_caps(cells: Cells, weighting: Weighting, as_said: bool) -> tuple[Floats, Floats]:
    """Most epochs of each cell; and, where the recipe itself allows that many, the same again (else 0).

    `as_said`: the phase has no size of its own, so that an explicit number of epochs is one, whatever the default.
    """
    caps: EpochCaps = weighting.max_epochs
    distinct = cells.frame.select("source", "language", "category", "rehearsal").unique()
    found: list[tuple[float, float]] = []
    for source, language, category, earlier in distinct.iter_rows():
        own = caps.sources.get(source, caps.cells.get(f"{language}--{category}"))
        found.append((4.0 if caps.default is None else caps.default, 0.0) if own is None else (own, own))
        if as_said and own is None and caps.default is None and not earlier:
            found[-1] = (max(4.0, weight(weighting, source, language, category)), 0.0)
    both = cells.frame.select("source", "language", "category", "rehearsal").join(
        distinct.with_columns(cap=pl.Series([cap for cap, _ in found]), own=pl.Series([own for _, own in found])),
        on=["source", "language", "category", "rehearsal"],
        how="left",
        maintain_order="left",
    )
    return both["cap"].to_numpy(), both["own"].to_numpy()


def year_order(frame: pl.DataFrame) -> list[list[str]]:
    """The sources of each series of more than one year, in increasing order."""
    dated = frame.filter(pl.col("year").is_not_null()).select("source", "year").unique().sort("year", "source")
    series: dict[str, list[str]] = {}
    for source, year in dated.iter_rows():
        name = series_of(source)
        series.setdefault(name, []).append(source if name != source else f"{source} ({year})")
    return [names for _, names in sorted(series.items()) if len(names) > 1]
