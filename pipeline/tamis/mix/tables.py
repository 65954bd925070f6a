"""The tables that a mix names: files beside the recipe, of whose content a plan is made, too."""

from __future__ import annotations

from tamis.recipe.mix import Mix


def tables_of(mix: Mix) -> list[str]:
    """Their paths as the recipe has them, in alphabetical order."""
    named: set[str | None] = {mix.counts}
    for weighting in (mix, *mix.phases):
        for axis in (weighting.language, weighting.category, weighting.source):
            named |= {axis.weights_from, axis.shares_from}
    for phase in mix.phases:
        named.add(phase.counts)
        named.add(phase.long_documents.lengths if phase.long_documents else None)
        named.add(phase.rehearsal.release if phase.rehearsal else None)
    return sorted(name for name in named if name is not None)
