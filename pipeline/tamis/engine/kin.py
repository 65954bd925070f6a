"""Which documents could change one another's fate: those that a chain of shared keys connects (`Stage.partners`).

Whatever the rules keep, a resolver's word on a document hangs on its kin alone. A run notes for every document whose
kin it is, so that what a changed rule does can be told of the documents that it touches and their kin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.corpus.commit import intact
from tamis.corpus.hashing import DIGEST
from tamis.corpus.signals import Mask
from tamis.engine.partners import REMEDY, Sketched, kin_file
from tamis.recipe.model import StageUse

Labels = npt.NDArray[np.int32]
ALONE, UNSKETCHED = -1, -2
"""Labels of a document without kin, and of one of which there is no sketch."""


@dataclass(frozen=True)
class Kin:
    """A resolver's documents that could be related."""

    labels: Labels
    """Of every document of the corpus: equal for kin; ALONE; UNSKETCHED."""
    partners: str | None
    """Name of the file with the sketches of the documents that have a label of their own or with others, in corpus
    order; None for a resolver without a sketch."""


def kin_of(use: StageUse, frames: Sequence[pl.DataFrame], sketched: Sketched | None) -> Kin:
    """The kin of all documents, dropped ones among them."""
    if sketched is None:
        return Kin(_by_column(use, frames), None)
    there = np.concatenate(sketched.rows)
    inside = there.copy()
    inside[there] = sketched.partners
    labels = np.where(there, ALONE, UNSKETCHED).astype(np.int32)
    kin = kin_file(sketched.path)
    with intact(kin, REMEDY):
        labels[inside] = np.load(kin)
    return Kin(labels, sketched.path.stem)


def _by_column(use: StageUse, frames: Sequence[pl.DataFrame]) -> Labels:
    """Of a resolver that needs no sketch but a document column."""
    assert use.stage.partners is not None
    keys = np.concatenate(
        [
            use.stage.partners.keys(use.config, frame[use.stage.partners.column].to_arrow().cast(DIGEST))[0]
            for frame in frames
        ]
    )
    order = np.argsort(keys)
    keys = keys[order]
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    number = np.cumsum(first) - 1
    labels = np.full(len(keys), ALONE, np.int32)
    several = np.bincount(number, minlength=1)[number] > 1
    labels[order[several]] = np.unique(number[several], return_inverse=True)[1]
    return labels


class Related:
    """Documents of a corpus that have kin."""

    def __init__(self, labels: Labels, there: Mask) -> None:
        """`there` are those that a resolver may see."""
        self._rows = np.flatnonzero(labels >= 0)
        self._labels = labels[self._rows]
        self._there = there[self._rows]
        self._names = int(labels.max(initial=ALONE)) + 1

    def join(self, rows: Mask) -> None:
        """Adds to some rows those of their kin that are there."""
        inside = rows[self._rows]
        named = np.zeros(self._names, bool)
        named[self._labels[inside]] = True
        rows[self._rows] = inside | (named[self._labels] & self._there)
