"""Which rows have known what a stage reads, when its turn comes.

For a row that is alive that is all of it. An exhaustive stage is asked about dropped rows, too; but a row
that was dropped before its language was told, or its personal data found, has no language and no final text
to measure. What an earlier run happened to know of such a row mustn't show, or a release would depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from tamis.corpus.signals import MEASURED, Mask, mask_of
from tamis.engine.verdicts import Recalled, Verdicts
from tamis.recipe.model import StageUse


class Inputs:
    """Walks along with the verdicts on some rows: `judge` takes the place of theirs."""

    def __init__(self, verdicts: Verdicts) -> None:
        self.verdicts = verdicts
        self.held_text: Mask = np.ones(verdicts.frame.height, bool)
        """Rows whose edited text can be made of what is on disk, whether the rules let them come so far or not."""
        self._known: dict[str, Mask] = {}
        """Rows on which a column is known, by the rules; all rows for a column that isn't in here."""

    def known(self, columns: Iterable[str]) -> Mask:
        """Rows on which all of `columns` are known."""
        known = np.ones(self.verdicts.frame.height, bool)
        for column in columns:
            if column in self._known:
                known &= self._known[column]
        return known

    def asked(self, use: StageUse) -> Mask:
        """Rows that `use` is to measure."""
        return self.verdicts.asked(use) & self.known(use.stage.reads)

    def sketched(self, use: StageUse) -> Mask:
        """Rows that the sketch of resolver `use` is to be measured on."""
        if not use.stage.exhaustive:
            return self.asked(use)
        return self.held_text & self.known(column for column in use.stage.reads if column != "text")

    def judge(self, use: StageUse, table: pa.Table, recalled: Recalled | None = None) -> pa.Table:
        """Applies the rules of `use` to its signals (not on the rows `recalled`), and returns `table` with `measured`
        as the rules see it."""
        verdicts = self.verdicts
        measured = mask_of(table)
        seen = measured & self.asked(use)
        open_ = {column: verdicts.frame[f"{column}?"].to_numpy() for column in use.stage.provides}
        table = table.set_column(0, MEASURED, pa.array(seen))
        verdicts.judge(use, table, recalled)
        inside = verdicts.applies[use.name]
        # A row outside `when` has nothing of this stage, and never will: that is known.
        done = seen | ~inside
        for signal in use.stage.signals:
            self._note(f"{use.name}.{signal}", done)
        for column, undecided in open_.items():
            self._note(column, done | ~undecided)
        if use.stage.spans is not None:
            self._note("text", done)
            self.held_text &= measured | ~inside
        return table

    def _note(self, column: str, done: Mask) -> None:
        self._known[column] = self.known([column]) & done
