"""What a recipe's last run decided on every document, kept for `what-if` to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import committing, intact
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.mixing import TOKENS
from tamis.mix.counts import Counts, counts_of
from tamis.mix.realised import CELL

COLUMNS = ("source", "language", "category", "copies", "dropped_by", TOKENS)
_IDENTITY = b"tamis.identity"


def keep_decided(path: Path, identity: str, ledgers: Sequence[pl.DataFrame]) -> None:
    """Writes those of COLUMNS that the ledgers have, in corpus order, for the release of that identity."""
    names = [name for name in COLUMNS if name in ledgers[0].columns]
    table = pl.concat([ledger.select(names) for ledger in ledgers]).to_arrow()
    texts = [field.name for field in table.schema if pa.types.is_large_string(field.type)]
    table = table.cast(pa.schema([pa.field(f.name, pa.string() if f.name in texts else f.type) for f in table.schema]))
    table = table.replace_schema_metadata({_IDENTITY: identity.encode()})
    with committing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", use_dictionary=texts, write_statistics=False)


def counts_of_last_run(path: Path) -> Counts | None:
    """Tokens by cell of the documents that passed every rule in a recipe's last run; None when there was none, or it
    counted no tokens."""
    if not path.exists():
        return None
    with intact(path, "Delete it and run again"):
        frame = pl.read_parquet(path)
    if TOKENS not in frame.columns:
        return None
    passed = frame.filter(pl.col("dropped_by").is_null() | (pl.col("dropped_by") == NOT_DRAWN))
    sums = passed.group_by(CELL).agg(pl.col(TOKENS).sum().alias("tokens"), documents=pl.len())
    return counts_of(sums, "the last run")


def find_decided(path: Path, identity: str) -> pl.DataFrame | None:
    """What was decided for the release of that identity, or None when the last run was of another."""
    if not path.exists():
        return None
    with intact(path, "Delete it: it is found anew"), pq.ParquetFile(path) as file:
        if (file.schema_arrow.metadata or {}).get(_IDENTITY) != identity.encode():
            return None
        frame = pl.from_arrow(file.read())
    assert isinstance(frame, pl.DataFrame)
    return frame
