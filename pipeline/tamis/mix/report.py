"""What a phase's plan comes to: requested beside achieved, and every constraint that binds in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.mix.conflicts import Task
from tamis.mix.scaling import effective_tokens
from tamis.mix.solver import UNBOUNDED, Solution
from tamis.mix.words import amount, cell_words, listed, percent

Floats = npt.NDArray[np.float64]
_CAPPED_SHOWN = 20
_NEAR = 1.000001


@dataclass(frozen=True)
class PhaseReport:
    """What to say about a phase."""

    constraints: tuple[str, ...]
    """One sentence for everything that moved tokens away from the weights."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    by: dict[str, list[dict[str, Any]]]
    """Axis -> one row a value, most tokens first."""
    unique_tokens: int
    """Tokens of the counts that are seen at least once."""
    effective_tokens: float
    """What the phase is worth in tokens seen once."""
    year_order: Sequence[Sequence[str]] = ()

    def to_json(self) -> dict[str, Any]:
        """The report's part of the JSON of a phase."""
        return {
            "constraints": list(self.constraints),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            **{f"by_{axis}": rows for axis, rows in self.by.items()},
            "unique_tokens": self.unique_tokens,
            "effective_tokens": round(self.effective_tokens),
            "year_order": [list(names) for names in self.year_order],
        }


def report(task: Task, solution: Solution, frame: pl.DataFrame, most: Floats, warn: float) -> PhaseReport:
    """The report of a solved task; `frame` as in PhasePlan, `most` the epoch caps."""
    known = frame["tokens"].fill_null(0).to_numpy().astype(np.float64)
    planned = solution.tokens.astype(np.float64)
    unknown = frame.filter(pl.col("tokens").is_null())["name"].unique().sort().to_list()
    counted = np.where(frame["tokens"].is_null().to_numpy(), planned, known)
    notes = []
    if unknown:
        notes.append(f"the tokens of {listed(unknown)} are not known: nothing tells how often they are seen")
    return PhaseReport(
        constraints=(*_rules(task, solution, frame), *_capped(task, solution, frame, most)),
        warnings=tuple(_warnings(frame, warn)),
        notes=tuple(notes),
        by={axis: _by(axis, frame) for axis in ("language", "category", "source")},
        unique_tokens=int(np.minimum(counted, planned).sum()),
        effective_tokens=effective_tokens(counted, planned),
    )


def _by(axis: str, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Tokens, epochs and shares by the values of an axis, requested beside achieved."""
    seen = pl.when(pl.col("tokens") > 0).then(pl.col("weighted_tokens") / pl.col("tokens")).otherwise(0.0)
    rows = (
        frame.with_columns(seen_documents=pl.col("documents") * seen)
        .group_by(pl.col(axis).alias("value"))
        .agg(
            pl.when(pl.col("tokens").is_null().any()).then(None).otherwise(pl.col("tokens").sum()).alias("tokens"),
            pl.col("weighted_tokens").sum(),
            pl.col("share").sum(),
            pl.col("requested").sum(),
            pl.when(pl.col("documents").is_null().any()).then(None).otherwise(pl.col("documents").sum())
            .alias("documents"),
            pl.when(pl.col("documents").is_null().any()).then(None).otherwise(pl.col("seen_documents").sum())
            .alias("seen_documents"),
        )
        .with_columns(epochs=pl.when(pl.col("tokens") > 0).then(pl.col("weighted_tokens") / pl.col("tokens")))
        .sort(["weighted_tokens", "value"], descending=[True, False])
    )  # fmt: skip
    whole = rows["seen_documents"].sum() if not rows["seen_documents"].null_count() else None
    rows = rows.with_columns(
        document_share=(pl.col("seen_documents") / whole) if whole else pl.lit(None, pl.Float64)
    ).drop("seen_documents")
    return rows.to_dicts()


def _rules(task: Task, solution: Solution, frame: pl.DataFrame) -> list[str]:
    """Shares, and the floors and caps that bind."""
    weight, total = max(float(task.weights.sum()), 1e-300), max(int(solution.tokens.sum()), 1)
    sums: dict[str, tuple[dict[str, int], dict[str, float]]] = {}
    for axis in {rule.axis for rule in task.rules}:
        distinct, inverse = np.unique(task.values[axis], return_inverse=True)
        held = np.zeros(len(distinct), np.int64)
        np.add.at(held, inverse.reshape(-1), solution.tokens)
        weighed = np.bincount(inverse.reshape(-1), task.weights, len(distinct)) / weight
        names = [str(value) for value in distinct]
        sums[axis] = dict(zip(names, held.tolist(), strict=True)), dict(zip(names, weighed.tolist(), strict=True))
    unknown = set(frame.filter(pl.col("tokens").is_null())["source"])
    sentences = []
    for rule in task.rules:
        held_, weighed_ = sums[rule.axis]
        has, alone = held_.get(rule.value, 0), weighed_.get(rule.value, 0.0)
        if rule.kind == "share":
            verb = "held at"
        elif abs(has - float(rule.share * task.total)) > 1:
            continue
        else:
            verb = "lifted to its floor of" if rule.kind == "floor" else "kept to its cap of"
        weighed_alone = "" if rule.value in unknown else f"; its weight alone gives {percent(alone)}"
        sentences.append(f"{rule.place} is {verb} {percent(has / total)} ({amount(has)} tokens){weighed_alone}")
    return sentences


def _capped(task: Task, solution: Solution, frame: pl.DataFrame, most: Floats) -> list[str]:
    """Cells at their epoch caps that would have more without."""
    full = (solution.tokens >= task.caps) & (task.caps < UNBOUNDED) & (solution.asked > task.caps * _NEAR + 1)
    at = np.flatnonzero(full)
    if not len(at):
        return []
    lost = np.where(np.isinf(solution.asked[at]), 0.0, solution.asked[at] - task.caps[at])
    order = at[np.lexsort((at, -lost))]
    languages, categories = frame["language"].to_list(), frame["category"].to_list()
    to = ["" if edge is None else f", quality to {edge:g}" for edge in frame["quality"]]
    names = frame["name"].to_list()
    sentences = []
    for cell in order[:_CAPPED_SHOWN].tolist():
        asked = float(solution.asked[cell])
        without = (
            "all that it may give is needed" if np.isinf(asked)
            else f"its weight asks for {asked / task.caps[cell] * most[cell]:.4g} epochs" if task.caps[cell]
            else f"its weight asks for {amount(asked)}"
        )  # fmt: skip
        sentences.append(
            f"{names[cell]} ({languages[cell]}, {categories[cell]}{to[cell]}) is seen {most[cell]:g} times at most: "
            f"it has {amount(int(solution.tokens[cell]))} tokens, and {without}"
        )
    more = len(order) - _CAPPED_SHOWN
    if more > 0:
        tokens = int(solution.tokens[order[_CAPPED_SHOWN:]].sum())
        sentences.append(f"{more} more cells are at their epoch caps, with {amount(tokens)} tokens")
    return sentences


def _warnings(frame: pl.DataFrame, warn: float) -> list[str]:
    often = frame.filter(pl.col("epochs") > warn * (1 + 1e-9)).sort(["epochs", "name"], descending=[True, False])
    if not often.height:
        return []
    seen = [f"{cell_words(row)} {row['epochs']:.4g}" for row in often.head(9).iter_rows(named=True)]
    seen += [""] * max(0, often.height - 9)
    return [
        f"{often.height} cells are seen more than {warn:g} times (epochs: {listed(seen)}): up to 4 epochs, repeated "
        "text is nearly as good as new (Muennighoff et al. 2023)"
    ]
