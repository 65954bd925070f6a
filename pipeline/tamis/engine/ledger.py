"""The ledger: one row per ingested document with its signals, its first failed rule, all its failed rules.

It holds no text and no personal data. A signal is null where its stage has not measured the document;
`STAGE.measured` tells that from a measured null.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tamis.engine.verdicts import Verdicts
from tamis.mix.cuts import COLUMNS, Cuts
from tamis.mix.realised import Epochs
from tamis.recipe.model import Recipe, StageUse

NOT_DRAWN = "mix.epochs"
"""Reason of a document that passed every rule and of which the mix draws no copy."""
FACTS = ("id", "source", "language", "category", "license", "url", "date", "chars", "bytes")


def ledger_of(recipe: Recipe, verdicts: Verdicts, uses: Sequence[StageUse], epochs: Epochs) -> pl.DataFrame:
    """Ledger rows of one shard, in its order.

    Columns: FACTS, `passed` (every keep rule), `epochs` (the mix's weight), `copies` (in the release; 0
    when dropped or not drawn), `dropped_by` (null in the release), `failed` (all failed rules), where the mix cuts
    by them `mix.part` and `mix.quality` (null where not passed), then per stage `STAGE.measured` and its signals.
    """
    frame = verdicts.frame
    passed = verdicts.alive
    copies = np.where(passed, epochs.copies(frame, recipe.seed), 0).astype(np.int32)
    names = np.array([*verdicts.reasons, ""], dtype=object)
    dropped_by = names[verdicts.first]
    dropped_by[passed & (copies == 0)] = NOT_DRAWN
    columns: dict[str, pl.Series] = {
        "passed": pl.Series(passed),
        "epochs": pl.Series(epochs.of(frame)),
        "copies": pl.Series(copies),
        "dropped_by": pl.Series([name or None for name in dropped_by], dtype=pl.String),
        "failed": _failed(verdicts),
        **_cut(verdicts, epochs.cuts),
    }
    judged = {f"{use.name}.{column.name}" for use in uses for column in use.stage.adds}
    extra = [name for name in frame.columns if name.startswith("source.") and name not in judged]
    rows = frame.select(*FACTS, *extra).with_columns(**columns)
    for use in uses:
        measured = pl.Series(verdicts.measured[use.name])
        signals = [pl.col(f"{use.name}.{column.name}") for column in use.stage.adds]
        rows = rows.with_columns(measured.alias(f"{use.name}.measured")).hstack(frame.select(signals))
    return rows


def _cut(verdicts: Verdicts, cuts: Cuts) -> dict[str, pl.Series]:
    """Part and bucket of the documents that passed, where the mix has any."""
    if not cuts.columns:
        return {}
    cells = cuts.of(verdicts.frame).with_columns(passed=pl.Series(verdicts.alive))
    known = cells.select(pl.when("passed").then(name).alias(COLUMNS[name]) for name in cuts.columns)
    return {name: known[name] for name in known.columns}


def _failed(verdicts: Verdicts) -> pl.Series:
    """All failed rules of each row, as a list column."""
    rows = verdicts.frame.height
    index = [np.flatnonzero(mask) for mask in verdicts.failed.values()]
    long = pl.DataFrame(
        {
            "row": np.concatenate(index) if index else np.zeros(0, np.int64),
            "reason": [r for r, hits in zip(verdicts.failed, index, strict=True) for _ in range(len(hits))],
        },
        schema={"row": pl.Int64, "reason": pl.String},
    )
    grouped = long.group_by("row", maintain_order=True).agg("reason")
    return (
        pl.DataFrame({"row": np.arange(rows)})
        .join(grouped, on="row", how="left", maintain_order="left")["reason"]
        .fill_null(pl.lit([], pl.List(pl.String)))
        .alias("failed")
    )
