"""What cell of the mix a document is in: source, language and category; and where the mix asks for it, whether the
document is long, and the bucket of its quality.

A bucket is an interval of quantiles, in tokens: of the documents of one language (or what `within` says) in the order
of the signal, a document's quantile is the share of the tokens in documents no better than it. It is rounded up to
the edge of a bucket. So documents of the same value share a bucket, the best are at 1, and neither shards nor the
order of documents matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.mix.counts import LONG, SHORT
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.mix import Mix, QualityCurve

CELL = ("source", "language", "category")
TOKENS = "tokenize.tokens"
COLUMNS = {"part": "mix.part", "quality": "mix.quality"}
"""Columns of cells, and what ledger and shards call them."""
Floats = npt.NDArray[np.float64]
_ALL, _NO_QUALITY = "", "q-none"


@dataclass(frozen=True)
class Cuts:
    """How documents are cut into cells."""

    above: int | None = None
    """Tokens above which a document is long; None: length makes no cells."""
    curve: QualityCurve | None = None
    """What says the buckets of quality; None: quality makes no cells."""
    best: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    """By language (or what `within` says): of each bucket the best value, in rising order, and its upper edge."""

    @classmethod
    def by(cls, mix: Mix) -> Cuts:
        """The cuts of a mix, before any document is seen."""
        curve = mix.quality_cut
        return cls(mix.long_cut, curve if curve is not None and curve.signal is not None else None)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of `part` and `quality` that cut."""
        return tuple(name for name, used in zip(COLUMNS, (self.above, self.curve), strict=True) if used is not None)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a cell."""
        return (*CELL, *self.columns)

    @property
    def reads(self) -> tuple[str, ...]:
        """Signals that part and bucket hang on."""
        signal = self.curve.signal if self.curve is not None else None
        return (*((TOKENS,) if self.above is not None else ()), *((signal,) if signal is not None else ()))

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The cell of each row: columns `key`. A document that isn't measured has neither part nor quality."""
        found = frame.select(*named())
        if self.above is not None:
            long = pl.when(pl.col(TOKENS) > self.above).then(pl.lit(LONG)).otherwise(pl.lit(SHORT))
            found = found.with_columns(frame.select(part=pl.when(pl.col(TOKENS).is_not_null()).then(long)))
        if self.curve is not None:
            edges = self._edges(found, values_of(self.curve, frame))
            found = found.with_columns(quality=pl.Series(edges, dtype=pl.Float64).fill_nan(None))
        return found

    def _edges(self, cells: pl.DataFrame, values: Floats) -> Floats:
        """The upper edge of each row's bucket; NaN where it has no value."""
        assert self.curve is not None
        edges = np.full(len(values), np.nan)
        groups = _groups(self.curve, cells).to_numpy()
        for group, (best, upper) in self.best.items():
            rows = np.flatnonzero((groups == group) & ~np.isnan(values))
            # What is better than all that passed would be in the bucket of the best.
            edges[rows] = upper[np.minimum(np.searchsorted(best, values[rows]), len(best) - 1)]
        return edges


WHOLE = Cuts()
"""Cells are source, language and category alone."""


def named() -> list[pl.Expr]:
    """Columns CELL, with a name for what is unknown."""
    return [pl.col("source"), pl.col("language").fill_null(UNKNOWN), pl.col("category").fill_null(NO_CATEGORY)]


def values_of(curve: QualityCurve, frame: pl.DataFrame) -> Floats:
    """The signal of each row, the better the higher; NaN where there is none."""
    assert curve.signal is not None
    values: Floats = frame[curve.signal].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values if curve.better == "higher" else -values


def _groups(curve: QualityCurve, cells: pl.DataFrame) -> pl.Series:
    """What each row's quantile is taken within."""
    return cells[curve.within] if curve.within != "corpus" else pl.repeat(_ALL, cells.height, eager=True)


def cuts_of(mix: Mix, documents: Iterable[pl.DataFrame]) -> Cuts:
    """The cuts of a mix, by all documents that pass: frames with CELL, the tokens and the signals."""
    cuts = Cuts.by(mix)
    curve = cuts.curve
    if curve is None:
        return cuts
    parts = []
    for frame in documents:
        cells = frame.select(*named())
        values = pl.Series("value", values_of(curve, frame)).fill_nan(None)
        tokens = frame[TOKENS].cast(pl.Int64).fill_null(0).alias("tokens")
        rows = pl.DataFrame([_groups(curve, cells).alias("group"), values, tokens]).drop_nulls("value")
        parts.append(rows.group_by("group", "value").agg(pl.col("tokens").sum()))
    return replace(cuts, best=_buckets(pl.concat(parts), curve.buckets) if parts else {})


def _buckets(values: pl.DataFrame, buckets: int) -> dict[str, tuple[Floats, Floats]]:
    """Cuts.best of tokens by group and value."""
    whole = values.group_by("group", "value").agg(pl.col("tokens").sum()).sort("group", "value")
    best: dict[str, tuple[Floats, Floats]] = {}
    for (group,), rows in whole.group_by("group", maintain_order=True):
        up_to = rows["tokens"].cum_sum().to_numpy()
        # In whole numbers: a quantile on an edge is in the bucket below it.
        number = -(-up_to * buckets // max(int(up_to[-1]), 1))
        number = np.where(rows["tokens"].sum() > 0, np.clip(number, 1, buckets), buckets)
        last = np.flatnonzero(np.append(number[1:] != number[:-1], True))
        best[str(group)] = rows["value"].to_numpy()[last], number[last] / buckets
    return best


def cut_name(cut: Mapping[str, Any]) -> str:
    """A name for a part and a bucket, of those columns that cut: `long-q0.85`; empty when none does."""
    names = []
    if "part" in cut:
        names.append(cut["part"] or "unmeasured")
    if "quality" in cut:
        names.append(_NO_QUALITY if cut["quality"] is None else f"q{cut['quality']:g}")
    return "-".join(names)


def cut_names(names: Iterable[str]) -> tuple[str, ...]:
    """The columns that cut, by all names that `cut_name` gave."""
    first = next(iter(sorted(names)), "")
    by_part = first.startswith((LONG, SHORT, "unmeasured"))
    by_quality = bool(first) and (not by_part or "-" in first)
    return tuple(name for name, used in zip(COLUMNS, (by_part, by_quality), strict=True) if used)
