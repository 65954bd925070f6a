"""The ledger: one row per ingested document with its signals, its first failed rule, all its failed rules.

It holds no text and no personal data. A signal is null where its stage has not measured the document;
`STAGE.measured` tells that from a measured null.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.engine.verdicts import Verdicts
from tamis.mix.cuts import COLUMNS, Cuts
from tamis.mix.epochs import copies_of
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
    weights = epochs.of(frame)
    copies = np.where(passed, copies_of(weights, frame["id"], recipe.seed), 0).astype(np.int32)
    dropped_by = verdicts.first.copy()
    dropped_by[passed & (copies == 0)] = len(verdicts.reasons)
    columns: dict[str, pl.Series] = {
        "passed": pl.Series(passed),
        "epochs": pl.Series(weights),
        "copies": pl.Series(copies),
        "dropped_by": pl.Series(_names([*verdicts.reasons, NOT_DRAWN]).take(pa.array(dropped_by, mask=dropped_by < 0))),
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
    index = [np.flatnonzero(mask) for mask in verdicts.failed.values()]
    rows = np.concatenate([np.zeros(0, np.int64), *index])
    rules = np.repeat(np.arange(len(index)), [len(hits) for hits in index])
    ends = np.cumsum(np.bincount(rows, minlength=verdicts.frame.height))
    # Stable: the rules of a row stay in their order.
    names = _names([*verdicts.failed]).take(pa.array(rules[np.argsort(rows, kind="stable")]))
    return pl.Series("failed", pa.LargeListArray.from_arrays(np.concatenate([[0], ends]), names))


def _names(names: Sequence[str]) -> pa.Array:
    return pa.array(names, pa.large_string())
