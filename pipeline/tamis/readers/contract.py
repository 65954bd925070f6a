"""What a reader is: a function from one input file to record batches of raw documents.

    read(source, file, tally) -> iterator of pa.RecordBatch

A batch has the columns of `raw_schema(source)`: text as the source has it (not yet normalised), `own_id`
(the source's own id, or null), `line` (where the row stands in the file), the document facts, and the
source's signals. What can't be read goes to `tally.reject`, row filters count in `tally.filtered`; the
rest of the file goes on. So `tally.read == rows yielded + tally.filtered + rejects`, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from tamis.corpus.documents import FACTS, InputFile, Reject
from tamis.recipe.model import Source

SIGNAL_TYPES = {"number": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
KEPT_REJECTS = 1000
"""Rejects of a file that are remembered one by one; further ones are only counted by cause."""


@dataclass
class Tally:
    """What became of the rows of one file."""

    read: int = 0
    """Rows or lines met, whole-file rejects included."""
    filtered: int = 0
    """Rows left out on purpose: by the source's `where`, sample or limit, or as no documents by their kind."""
    causes: Counter[str] = field(default_factory=Counter)
    """Rejects by cause."""
    notes: Counter[str] = field(default_factory=Counter)
    """Rows kept although a fact of theirs was unusable, by cause (bad_language, bad_license), and rows that a reader
    passes over, by kind (mime:image/png)."""
    rejects: list[Reject] = field(default_factory=list)
    """The first KEPT_REJECTS of them."""

    def reject(self, reject: Reject) -> None:
        """Counts a piece of input that can't be read (its row must also be counted in `read`)."""
        self.causes[reject.cause] += 1
        if len(self.rejects) < KEPT_REJECTS:
            self.rejects.append(reject)


Reader = Callable[[Source, InputFile, Tally], Iterator[pa.RecordBatch]]


def raw_schema(source: Source) -> pa.Schema:
    """Schema of the batches that a reader yields for `source`."""
    return pa.schema(
        [
            pa.field("text", pa.large_string(), nullable=False),
            pa.field("own_id", pa.string()),
            pa.field("line", pa.int64()),
            *[pa.field(name, pa.string()) for name in FACTS],
            *[pa.field(f"source.{name}", SIGNAL_TYPES[signal.type]) for name, signal in source.signals.items()],
        ]
    )
