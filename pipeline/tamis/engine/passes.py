"""Passes over the text: stages up to a gap, then the resolvers of the gap, then the next pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tamis.recipe.model import StageUse


@dataclass(frozen=True)
class Pass:
    """One reading of the text."""

    before: tuple[StageUse, ...]
    """Stages of earlier passes, resolvers included: decided, not measured here unless rows were revived."""
    stages: tuple[StageUse, ...]
    """Stages that measure in this pass."""
    resolvers: tuple[StageUse, ...]
    """Resolvers of the gap at its end; their sketches are measured in this pass."""

    @property
    def walked(self) -> tuple[StageUse, ...]:
        """All stages a shard walks through in this pass."""
        return (*self.before, *self.stages)


def passes_of(uses: Sequence[StageUse]) -> list[Pass]:
    """Cuts the stages of a recipe at its gaps: each run of neighbouring resolvers is one."""
    passes: list[Pass] = []
    before: list[StageUse] = []
    stages: list[StageUse] = []
    resolvers: list[StageUse] = []
    for use in uses:
        if use.stage.resolve is not None:
            resolvers.append(use)
            continue
        if resolvers:
            passes.append(Pass(tuple(before), tuple(stages), tuple(resolvers)))
            before += [*stages, *resolvers]
            stages, resolvers = [], []
        stages.append(use)
    passes.append(Pass(tuple(before), tuple(stages), tuple(resolvers)))
    return passes
