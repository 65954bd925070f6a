"""How often the documents of a release are seen: the epochs of its cells, as the recipe says them or as they are
planned from its counts.

A release realises one phase of the mix, `main` (or the first, if none is called so): `copies` in its shards are that
phase's. The other phases weigh the same documents when training reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.mix.counts import Counts
from tamis.mix.cuts import WHOLE, Cuts
from tamis.mix.epochs import copies_of, epochs_of
from tamis.mix.plan import plan, weighting_of
from tamis.recipe.mix import MAIN, EpochCaps, Mix, Phase, Weighting


@dataclass(frozen=True)
class Epochs:
    """Epochs of every cell."""

    said: Weighting
    planned: pl.DataFrame | None = None
    """Columns of `cuts.key` and `epochs`, when it isn't what the recipe says that counts but what the plan makes of
    it."""
    cuts: Cuts = WHOLE

    def of(self, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Epochs of each row of a frame with the columns CELL, and those that the cuts look at; 0 where no document of
        a cell passed."""
        return epochs_of(self.said, frame) if self.planned is None else self.of_cells(self.cuts.of(frame))

    def of_cells(self, cells: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Epochs of cells: columns `cuts.key`."""
        if self.planned is None:
            return epochs_of(self.said, cells)
        joined = cells.join(self.planned, on=self.cuts.key, how="left", maintain_order="left", nulls_equal=True)
        epochs: npt.NDArray[np.float64] = joined["epochs"].fill_null(0.0).to_numpy()
        return epochs

    def copies(self, frame: pl.DataFrame, seed: int) -> npt.NDArray[np.int32]:
        """Copies of each row of a frame with the columns that `of` needs, and id."""
        return copies_of(self.of(frame), frame["id"], seed)


def released_phase(mix: Mix) -> Phase:
    """The phase that a release realises."""
    named = [phase for phase in mix.phases if phase.name == MAIN]
    return (*named, *mix.phases, Phase(name=MAIN))[0]


def is_planned(mix: Mix) -> bool:
    """Whether a release's epochs hang on its counts: on a size, a method, a share, a cap."""
    phase = released_phase(mix)
    weighting = weighting_of(mix, phase)
    says_epochs = Weighting(
        **{name: getattr(weighting, name) for name in ("default", "epochs", "languages", "sources")}
    )
    caps = (weighting.max_epochs.default, weighting.max_epochs.sources, weighting.max_epochs.cells)
    plain = weighting.model_copy(update={"max_epochs": EpochCaps()}) == says_epochs and caps == (None, {}, {})
    return not plain or phase != Phase(
        name=phase.name,
        sequence_length=phase.sequence_length,
        year_order=phase.year_order,
        **{name: getattr(phase, name) for name in Weighting.model_fields},
    )


def realised(mix: Mix, counts: Counts | None, base: Path, cuts: Cuts) -> Epochs:
    """The epochs of a release with these counts (None when nothing counts tokens) of cells cut so. Raises
    Unplannable."""
    phase = released_phase(mix)
    said = weighting_of(mix, phase)
    if counts is None or not counts.tokens or not is_planned(mix):
        return Epochs(said, cuts=cuts)
    return Epochs(said, epochs_of_cells(plan(mix, counts, base).phase(phase.name).cells, cuts), cuts)


def epochs_of_cells(cells: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """Columns `cuts.key` and `epochs` of the cells of a phase's plan: what it takes of each, over what there is of
    it."""
    sums = cells.filter(~pl.col("rehearsal")).group_by(cuts.key).agg(pl.col("tokens", "weighted_tokens").sum())
    return sums.select(*cuts.key, epochs=pl.col("weighted_tokens") / pl.col("tokens")).sort(cuts.key)
