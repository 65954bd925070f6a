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
    walk = Walk(frame)
    walk.go(context, uses)
    return walk.verdicts


class Walk:
    """A shard's rows on their way through the stages, judged from what is on disk. It goes on where it
    stopped: when what it has walked is measured in between (`left`), a new one is needed."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.verdicts = Verdicts.start(frame)
        self.inputs = Inputs(self.verdicts)
        self._lacking = False
        """Whether an exhaustive stage lacks a row that it could measure."""
        self._steps = 0

    def go(self, context: ShardContext, uses: Sequence[StageUse]) -> None:
        """Walks to the end of `uses` (those walked already, and more), or up to a resolver that hasn't run."""
        for use in uses[self._steps :]:
            if not self._step(context, use):
                return

    def _step(self, context: ShardContext, use: StageUse) -> bool:
        if use.stage.resolve is None:
            table = signals_of(context, use)
            self._lacking |= use.exhaustive and bool((self.inputs.asked(use) & ~mask_of(table)).any())
        elif use.name in context.resolved:
            table = resolved_table(use, context.resolved[use.name], self.verdicts.asked(use))
        else:
            return False
        self.inputs.judge(use, table)
        self._steps += 1
        return True

    def needs_measuring(self, context: ShardContext, uses: Sequence[StageUse], sketches: Sequence[StageUse]) -> bool:
        """Walks to the end of `uses`, or as far as all is measured: whether they, and then `sketches`, have
        anything left to measure."""
        for use in uses[self._steps :]:
            if self._unmeasured(context, use):
                return True
            if self.left or not self._step(context, use):
                break
        return self.left or any(
            (self.inputs.sketched(use) & ~measured_mask(context, use)).any()
            for use in sketches
            if use.stage.prepare is not None
        )

    def _unmeasured(self, context: ShardContext, use: StageUse) -> bool:
        """Whether the next stage hasn't measured anything yet, and is to: it needn't be judged to see that."""
        return (
            use.stage.resolve is None and not context.signal_path(use).exists() and bool(self.inputs.asked(use).any())
        )

    @property
    def left(self) -> bool:
        """Whether the stages walked have anything left to measure."""
        return self._lacking or bool(self.verdicts.unknown.any())


def signals_of(context: ShardContext, use: StageUse) -> pa.Table:
    """The stage's signals (without its payload) on a shard; nothing measured where there is no file."""
    names = [column.name for column in use.stage.adds]
    found = read_signals(context.signal_path(use), context.shard.rows, names)
    return empty_signals(context.shard.rows, use.stage.adds) if found is None else found


def measured_mask(context: ShardContext, use: StageUse) -> Mask:
    """Rows of the shard that the stage (or its sketch) has measured."""
    found = read_signals(context.signal_path(use), context.shard.rows, [])
    return np.zeros(context.shard.rows, bool) if found is None else mask_of(found)
