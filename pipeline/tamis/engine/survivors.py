"""The texts that a recipe's last run keeps, read from the work folder: what every rule passes, after every edit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.measure import ShardContext, edited
from tamis.engine.outlook import outlook
from tamis.engine.release import Rows, edit_spans
from tamis.engine.rows import whole
from tamis.engine.session import Session
from tamis.errors import UserError
from tamis.kernels.buffers import one_chunk
from tamis.recipe.model import StageUse

FACTS = ("id", "language", "category")


@dataclass(frozen=True, eq=False)
class SurvivingRows:
    """Rows of one row group of a corpus shard."""

    context: ShardContext
    group: int
    numbers: Rows
    facts: pa.Table
    """FACTS of the rows."""
    edits: tuple[StageUse, ...]
    ledger: pa.Table
    """The shard's."""
    bytes: int
    """Of the row group, unpacked."""

    @property
    def rows(self) -> int:
        """Documents."""
        return int(self.facts.num_rows)

    def read(self) -> pa.Table:
        """FACTS and `text` of the rows, the text as a release has it."""
        with whole(self.context.shard), pq.ParquetFile(self.context.shard.path) as file:
            group = file.read_row_group(self.group, columns=["text"])
        spans = [edit_spans(self.context, use, self.ledger) for use in self.edits]
        text = one_chunk(self.numbers.of_group(group).column("text"))
        return self.facts.append_column("text", edited(text, [self.numbers.of(table) for table in spans]))


def survivors(session: Session) -> list[SurvivingRows]:
    """The rows that pass every rule, drawn by the mix or not, in corpus order.

    Opens the session. Raises UserError when the recipe as it stands isn't ingested and measured.
    """
    session.open()
    told = outlook(session)
    if told.unmeasured.any():
        raise UserError(
            f"{int(told.unmeasured.sum())} documents of {session.recipe.name} are not measured under the recipe as it "
            "stands: `tamis run` comes first"
        )
    edits = tuple(use for use in session.recipe.stages if use.stage.spans is not None)
    passed = (told.ledger["dropped_by"].is_null() | (told.ledger["dropped_by"] == NOT_DRAWN)).to_numpy()
    found: list[SurvivingRows] = []
    start = 0
    for context, frame in zip(session.contexts, session.frames, strict=True):
        stop = start + frame.height
        found += _of_shard(context, edits, told.ledger[start:stop], passed[start:stop])
        start = stop
    return found


def _of_shard(
    context: ShardContext, edits: tuple[StageUse, ...], ledger: pl.DataFrame, passed: npt.NDArray[np.bool_]
) -> Iterator[SurvivingRows]:
    with whole(context.shard):
        metadata = pq.read_metadata(context.shard.path)
    measured = ledger.select(f"{use.name}.measured" for use in edits).to_arrow()
    facts = ledger.select(pl.col(name).cast(pl.String) for name in FACTS)
    start = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        count = group.num_rows
        order = np.flatnonzero(passed[start : start + count])
        if len(order):
            rows = Rows(order, start, count)
            mine = facts[(order + start).tolist()].to_arrow()
            yield SurvivingRows(context, number, rows, mine, edits, measured, group.total_byte_size)
        start += count
