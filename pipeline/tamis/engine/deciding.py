"""Deciding on shards from columns alone: the signals on disk, and the rules. No text is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.corpus.signals import Mask, empty_signals, mask_of, read_signals
from tamis.engine.inputs import Inputs
from tamis.engine.measure import ShardContext, resolved_table
from tamis.engine.verdicts import Verdicts
from tamis.recipe.model import StageUse


def judged(context: ShardContext, frame: pl.DataFrame, uses: Sequence[StageUse]) -> Verdicts:
    """Verdicts on a shard's rows (`frame`: its document columns) after `uses`, from what is on disk.

    A resolver that hasn't run (no entry in `context.resolved`) ends the walk before it.
    """
    return _walk(context, frame, uses)[0].verdicts


def _walk(context: ShardContext, frame: pl.DataFrame, uses: Sequence[StageUse]) -> tuple[Inputs, bool]:
    """As `judged`; and whether an exhaustive stage lacks a row that it could measure."""
    inputs = Inputs(Verdicts.start(frame))
    lacking = False
    for use in uses:
        if use.stage.resolve is None:
            table = signals_of(context, use)
            lacking |= use.exhaustive and bool((inputs.asked(use) & ~mask_of(table)).any())
        elif use.name in context.resolved:
            table = resolved_table(use, context.resolved[use.name], inputs.verdicts.asked(use))
        else:
            break
        inputs.judge(use, table)
    return inputs, lacking


def signals_of(context: ShardContext, use: StageUse) -> pa.Table:
    """The stage's signals (without its payload) on a shard; nothing measured where there is no file."""
    names = [column.name for column in use.stage.adds]
    found = read_signals(context.signal_path(use), context.shard.rows, names)
    return empty_signals(context.shard.rows, use.stage.adds) if found is None else found


def needs_measuring(
    context: ShardContext, frame: pl.DataFrame, uses: Sequence[StageUse], sketches: Sequence[StageUse]
) -> bool:
    """Whether a measuring task of `uses` and then `sketches` has anything to do on a shard."""
    inputs, lacking = _walk(context, frame, uses)
    return (
        lacking
        or bool(inputs.verdicts.unknown.any())
        or any(
            (inputs.sketched(use) & ~measured_mask(context, use)).any()
            for use in sketches
            if use.stage.prepare is not None
        )
    )


def measured_mask(context: ShardContext, use: StageUse) -> Mask:
    """Rows of the shard that the stage (or its sketch) has measured."""
    found = read_signals(context.signal_path(use), context.shard.rows, [])
    return np.zeros(context.shard.rows, bool) if found is None else mask_of(found)
