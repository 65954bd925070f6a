"""Deciding on shards from columns alone: the signals on disk, and the rules. No text is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.corpus.signals import Mask, empty_signals, mask_of, read_signals
from tamis.engine.measure import ShardContext, resolved_table
from tamis.engine.verdicts import Verdicts
from tamis.recipe.model import StageUse


def judged(context: ShardContext, frame: pl.DataFrame, uses: Sequence[StageUse]) -> Verdicts:
    """Verdicts on a shard's rows (`frame`: its document columns) after `uses`, from what is on disk.

    A resolver that hasn't run (no entry in `context.resolved`) ends the walk before it.
    """
    verdicts = Verdicts.start(frame)
    for use in uses:
        if use.stage.resolve is None:
            table = signals_of(context, use)
        elif use.name in context.resolved:
            asked = verdicts.asked(use)
            table = resolved_table(use, context.resolved[use.name], asked)
        else:
            break
        verdicts.judge(use, table)
    return verdicts


def signals_of(context: ShardContext, use: StageUse) -> pa.Table:
    """The stage's signals (without its payload) on a shard; nothing measured where there is no file."""
    names = [column.name for column in use.stage.adds]
    found = read_signals(context.signal_path(use), context.shard.rows, names)
    return empty_signals(context.shard.rows, use.stage.adds) if found is None else found


def needs_measuring(
    context: ShardContext, verdicts: Verdicts, uses: Sequence[StageUse], sketches: Sequence[StageUse]
) -> bool:
    """Whether a measuring task has anything to do on a shard, given the verdicts after `uses`."""
    if verdicts.unknown.any():
        return True
    known_text = np.ones(context.shard.rows, bool)
    for use in uses:
        if use.stage.resolve is not None:
            continue
        if use.exhaustive or use.stage.spans is not None:
            mask = measured_mask(context, use)
            if use.exhaustive and (verdicts.inside(use.when) & ~mask).any():
                return True
            if use.stage.spans is not None:
                known_text &= mask | ~verdicts.inside(use.when)
    for use in sketches:
        if use.stage.prepare is not None:
            asked = known_text if use.stage.exhaustive else verdicts.asked(use) & known_text
            if (asked & ~measured_mask(context, use)).any():
                return True
    return False


def measured_mask(context: ShardContext, use: StageUse) -> Mask:
    """Rows of the shard that the stage (or its sketch) has measured."""
    found = read_signals(context.signal_path(use), context.shard.rows, [])
    return np.zeros(context.shard.rows, bool) if found is None else mask_of(found)
