"""Histograms of every signal, counted shard by shard: counts of shards add up, in whatever order they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tamis.corpus.bins import LABEL, LABELS, OTHER_LABELS, Bins, bins_of
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import HistogramRow
from tamis.corpus.signals import Mask
from tamis.corpus.stage import Column
from tamis.engine.verdicts import Verdicts
from tamis.recipe.model import Recipe, StageUse

RELEASED, FAILED, OTHER = range(3)
"""What became of a document, as a histogram of a signal sees it."""
OUTCOMES = ("released", "failed", "other")


@dataclass(frozen=True)
class Measure:
    """One signal that has a histogram."""

    stage: str
    column: Column
    rules: tuple[Condition, ...]
    """On this signal: the usual one, and those of `keep_by`."""

    @property
    def name(self) -> str:
        """As the ledger names it."""
        return f"{self.stage}.{self.column.name}"

    @cached_property
    def bins(self) -> Bins | None:
        """Its bins; None where every value is one."""
        if pa.types.is_floating(self.column.type):
            return bins_of("float", self.column.unit, self.rules)
        return bins_of("whole", self.column.unit, self.rules) if pa.types.is_integer(self.column.type) else None

    @property
    def named(self) -> frozenset[str] | None:
        """Labels that may have a bin: those of a stage's own choice, or else those that the rules name (a source's
        label may be anything); None for all of them."""
        if self.column.unit == LABEL or pa.types.is_boolean(self.column.type):
            return None
        return frozenset(str(value) for rule in self.rules for value in rule.values)


def measures(recipe: Recipe) -> list[Measure]:
    """All signals that have a histogram (numbers, flags and labels): stage by stage, by name."""
    return [
        Measure(use.name, column, _rules(use, column.name))
        for use in recipe.stages
        for column in sorted(use.stage.adds, key=lambda column: column.name)
        if _counted(column)
    ]


def _rules(use: StageUse, signal: str) -> tuple[Condition, ...]:
    usual = (use.keep[signal],) if signal in use.keep else ()
    others = [rules[signal] for by in use.keep_by.values() for rules in by.values() if signal in rules]
    return (*usual, *dict.fromkeys(others))


def _counted(column: Column) -> bool:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.unit != "document id"
    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))


@dataclass
class Histograms:
    """Counts of some shards."""

    measures: Sequence[Measure]
    numbers: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """Signal -> shape (bins, outcomes)."""
    labels: dict[str, Counter[tuple[str, int]]] = field(default_factory=dict)
    """Signal -> (label, outcome) -> documents."""
    nulls: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """Signal -> shape (outcomes,)."""

    @classmethod
    def of(cls, measures: Sequence[Measure], judged: Verdicts, ledger: pl.DataFrame) -> Histograms:
        """Of one shard: its verdicts, and its rows in the ledger."""
        found = cls(measures)
        usual = np.where(ledger["copies"].to_numpy() > 0, RELEASED, OTHER).astype(np.int64)
        for measure in measures:
            failed = judged.failed.get(measure.name)
            outcome = usual if failed is None else np.where(failed, FAILED, usual)
            found._count(measure, ledger[measure.name].to_arrow(), outcome, judged.measured[measure.stage])
        return found

    def _count(self, measure: Measure, values: pa.Array, outcome: npt.NDArray[np.int64], measured: Mask) -> None:
        """`values` are null where nothing is measured."""
        name = measure.name
        self.nulls[name] = np.zeros(len(OUTCOMES), np.int64)
        if values.null_count:
            there = measured
            if values.null_count > len(measured) - np.count_nonzero(measured):
                there = values.is_valid().to_numpy(zero_copy_only=False)
                self.nulls[name] += np.bincount(outcome[measured & ~there], minlength=len(OUTCOMES))
            values, outcome = values.drop_null(), outcome[there]
        bins = measure.bins
        if bins is None:
            self.labels[name] = _labels(values, outcome, measure.named)
        else:
            place = bins.position(values.to_numpy()) * len(OUTCOMES) + outcome
            counts = np.bincount(place, minlength=bins.size * len(OUTCOMES))
            self.numbers[name] = counts.reshape(bins.size, len(OUTCOMES))

    def add(self, other: Histograms) -> None:
        """Counts another shard in."""
        for name, counts in other.numbers.items():
            self.numbers[name] = self.numbers[name] + counts if name in self.numbers else counts
        for name, counts in other.nulls.items():
            self.nulls[name] = self.nulls[name] + counts if name in self.nulls else counts
        for name, labels in other.labels.items():
            self.labels.setdefault(name, Counter()).update(labels)

    def rows(self) -> list[HistogramRow]:
        """As the manifest has them: from the first bin with a document to the last."""
        return [self._row(measure) for measure in self.measures]

    def _row(self, measure: Measure) -> HistogramRow:
        bins, name = measure.bins, measure.name
        edges: Sequence[float | None] = ()
        labels: Sequence[str] = ()
        if bins is None:
            labels, counts = _listed(self.labels.get(name, Counter()), pa.types.is_boolean(measure.column.type))
        else:
            empty = np.zeros((bins.size, len(OUTCOMES)), np.int64)
            edges, counts = _filled(bins, self.numbers.get(name, empty))
        nulls = self.nulls.get(name, np.zeros(len(OUTCOMES), np.int64))
        columns: dict[str, Any] = {word: tuple(counts[:, n].tolist()) for n, word in enumerate(OUTCOMES)}
        return HistogramRow(
            stage=measure.stage,
            signal=measure.column.name,
            scale=bins.scale if bins else "values",
            edges=tuple(edges),
            labels=tuple(labels),
            nulls=dict(zip(OUTCOMES, nulls.tolist(), strict=True)),
            **columns,
        )


def _labels(values: pa.Array, outcome: npt.NDArray[np.int64], named: frozenset[str] | None) -> Counter[tuple[str, int]]:
    if pa.types.is_boolean(values.type):
        words, codes = ["false", "true"], values.to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        encoded = values.dictionary_encode()
        words, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
    counts = np.bincount(codes * len(OUTCOMES) + outcome, minlength=len(words) * len(OUTCOMES))
    found: Counter[tuple[str, int]] = Counter()
    for word, of_outcome in zip(words, counts.reshape(-1, len(OUTCOMES)).tolist(), strict=True):
        label = word if named is None or word in named else OTHER_LABELS
        for became, documents in enumerate(of_outcome):
            found[label, became] += documents
    return +found


def _listed(counts: Mapping[tuple[str, int], int], flag: bool) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Labels, the most frequent first, and their counts; a flag has always both."""
    sums: Counter[str] = Counter({"false": 0, "true": 0} if flag else {})
    for (label, _), documents in counts.items():
        sums[label] += documents
    own = sorted((name for name in sums if name != OTHER_LABELS), key=lambda name: (flag or -sums[name], name))
    listed = own[:LABELS] + ([OTHER_LABELS] if OTHER_LABELS in sums or len(own) > LABELS else [])
    table = np.zeros((len(listed), len(OUTCOMES)), np.int64)
    place = {label: number for number, label in enumerate(listed)}
    for (label, became), documents in counts.items():
        table[place.get(label, len(listed) - 1), became] += documents
    return listed, table


def _filled(bins: Bins, counts: npt.NDArray[np.int64]) -> tuple[Sequence[float | None], npt.NDArray[np.int64]]:
    """From the first bin with a document to the last."""
    counts = counts[bins.used]
    some = np.flatnonzero(counts.any(axis=1))
    if not len(some):
        return (), counts[:0]
    first, last = int(some[0]), int(some[-1])
    return bins.bounds[first : last + 2], counts[first : last + 1]
