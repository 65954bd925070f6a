"""Epochs by language, category and source, realised as whole copies of documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.corpus.hashing import uniform
from tamis.recipe.mix import Weighting

UNKNOWN = "und"
"""Language of a document of which none is known (BCP-47: undetermined)."""
NO_CATEGORY = "none"


def epochs_of(mix: Weighting, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Epochs of each row of a frame with the columns source, language, category."""
    cells = frame.select(
        "source",
        pl.col("language").fill_null(UNKNOWN),
        pl.col("category").fill_null(NO_CATEGORY),
    )
    distinct = cells.unique()
    weights = [weight(mix, *row) for row in distinct.iter_rows()]
    joined = cells.join(
        distinct.with_columns(pl.Series("epochs", weights, dtype=pl.Float64)),
        on=["source", "language", "category"],
        how="left",
        maintain_order="left",
    )
    epochs: npt.NDArray[np.float64] = joined["epochs"].to_numpy()
    return epochs


def weight(mix: Weighting, source: str, language: str, category: str) -> float:
    """Epochs of one cell: the source's own, else `language--category` (or the default) times the
    language's multiplier."""
    if source in mix.sources:
        return mix.sources[source]
    return mix.epochs.get(f"{language}--{category}", mix.default) * mix.languages.get(language, 1.0)


def copies_of(epochs: npt.NDArray[np.float64], ids: pl.Series, seed: int) -> npt.NDArray[np.int32]:
    """How many copies of each document the mix holds: `floor(epochs)`, and one more for the fraction of
    documents whose hash falls below the rest. More epochs keep every copy of fewer."""
    whole = np.floor(epochs)
    rest = epochs - whole
    copies: npt.NDArray[np.int32] = whole.astype(np.int32)
    partial = np.flatnonzero(rest > 0)
    if len(partial):
        some = ids.to_arrow().take(pl.Series(partial).to_arrow())
        copies[partial] += (uniform(some, seed, "mix") < rest[partial]).astype(np.int32)
    return copies
