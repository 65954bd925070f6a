"""What a recipe's last run decided on every document, kept for `what-if` to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import canonical_json, committing, intact
from tamis.engine.ledger import NOT_DRAWN
from tamis.mix.counts import Counts, counts_of
from tamis.mix.cuts import CELL, TOKENS
from tamis.mix.cuts import COLUMNS as CUT
from tamis.recipe.mix import Mix

COLUMNS = ("source", "language", "category", *CUT.values(), "copies", "dropped_by", TOKENS)
_IDENTITY, _CUTS = b"tamis.identity", b"tamis.cuts"


def keep_decided(path: Path, identity: str, mix: Mix, ledgers: Sequence[pl.DataFrame]) -> None:
    """Writes those of COLUMNS that the ledgers have, in corpus order, for the release of that identity and mix."""
    names = [name for name in COLUMNS if name in ledgers[0].columns]
    table = pl.concat([ledger.select(names) for ledger in ledgers]).to_arrow()
    texts = [field.name for field in table.schema if pa.types.is_large_string(field.type)]
    table = table.cast(pa.schema([pa.field(f.name, pa.string() if f.name in texts else f.type) for f in table.schema]))
    table = table.replace_schema_metadata({_IDENTITY: identity.encode(), _CUTS: _cut_by(mix)})
    with committing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", use_dictionary=texts, write_statistics=False)


def _cut_by(mix: Mix) -> bytes:
    """What says how documents are cut into cells."""
    return canonical_json([mix.long_cut, mix.quality_cut.cut if mix.quality_cut is not None else None])


def counts_of_last_run(path: Path, mix: Mix) -> Counts | None:
    """Tokens by cell of the documents that passed every rule in a recipe's last run; None when there was none, or it
    counted no tokens. Where the mix cuts documents in another way than that run did, cells are whole."""
    if not path.exists():
        return None
    with intact(path, "Delete it and run again"), pq.ParquetFile(path) as file:
        alike = (file.schema_arrow.metadata or {}).get(_CUTS) == _cut_by(mix)
        frame = pl.from_arrow(file.read())
    assert isinstance(frame, pl.DataFrame)
    if TOKENS not in frame.columns:
        return None
    passed = frame.filter(pl.col("dropped_by").is_null() | (pl.col("dropped_by") == NOT_DRAWN))
    key = [*CELL, *(name for name in CUT.values() if alike and name in frame.columns)]
    sums = passed.group_by(key).agg(pl.col(TOKENS).cast(pl.Int64).sum().alias("tokens"), documents=pl.len())
    return counts_of(sums.rename({name: column for column, name in CUT.items() if name in key}), "the last run")


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
