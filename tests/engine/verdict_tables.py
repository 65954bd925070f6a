"""Stages, documents and signals in small, for the tests of deciding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from tamis.corpus.conditions import Condition
from tamis.corpus.signals import MEASURED
from tamis.corpus.stage import Column, Stage, StageConfig
from tamis.engine.verdicts import Verdicts, walk
from tamis.recipe.model import StageUse

COLUMNS = (
    Column("number", pa.int32(), "count", "A count."),
    Column("ratio", pa.float32(), "ratio 0..1", "A ratio."),
    Column("label", pa.string(), "label", "A language."),
    Column("flag", pa.bool_(), "flag", "A flag."),
)
Row = dict[str, Any]


def stage(name: str, provides: Mapping[str, str] | None = None) -> Stage:
    return Stage(
        name=name, version=1, title="", about="", config=StageConfig, reads=("text",), adds=COLUMNS,
        provides=provides or {},
    )  # fmt: skip


def used(name: str, keep: Mapping[str, Any], provides: Mapping[str, str] | None = None, **rules: Any) -> StageUse:
    conditions = {signal: Condition.model_validate(written) for signal, written in keep.items()}
    keep_by = {
        column: {
            value: {signal: Condition.model_validate(written) for signal, written in signals.items()}
            for value, signals in by_value.items()
        }
        for column, by_value in rules.pop("keep_by", {}).items()
    }
    when = {column: Condition.model_validate(written) for column, written in rules.pop("when", {}).items()}
    return StageUse(
        stage=stage(name, provides), config=StageConfig(), keep=conditions, keep_by=keep_by, when=when, **rules
    )


def documents(languages: Sequence[str | None], categories: Sequence[str | None] | None = None) -> pl.DataFrame:
    """Document columns of rows whose language is open where it is null."""
    return pl.DataFrame(
        {
            "source": ["web"] * len(languages),
            "language": pl.Series(languages, dtype=pl.String),
            "category": pl.Series(categories or [None] * len(languages), dtype=pl.String),
            "language?": pl.Series([language is None for language in languages], dtype=pl.Boolean),
            "category?": pl.Series([False] * len(languages), dtype=pl.Boolean),
        }
    )


def signals(measured: Sequence[bool], rows: Sequence[Row]) -> pa.Table:
    columns = [pa.array([row.get(column.name) for row in rows], column.type) for column in COLUMNS]
    return pa.table([pa.array(measured, pa.bool_()), *columns], names=[MEASURED, *[c.name for c in COLUMNS]])


def decide(frame: pl.DataFrame, uses: Sequence[StageUse], tables: Mapping[str, pa.Table]) -> Verdicts:
    return walk(Verdicts.start(frame), uses, lambda use, _: tables[use.name])


def first_of(verdicts: Verdicts) -> list[str | None]:
    return [None if number < 0 else verdicts.reasons[number] for number in verdicts.first]


def failed_of(verdicts: Verdicts, row: int) -> list[str]:
    return [reason for reason, mask in verdicts.failed.items() if mask[row]]
