"""What a recipe's last run decided on every document, kept for `what-if` to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.commit import canonical_json, committing, intact
from tamis.corpus.hashing import key_of
from tamis.engine.kin import Kin
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.measure import ShardContext
from tamis.mix.counts import Counts, counts_of
from tamis.mix.cuts import CELL, TOKENS
from tamis.mix.cuts import COLUMNS as CUT
from tamis.recipe.mix import Mix
from tamis.recipe.model import StageUse

COLUMNS = ("source", "language", "category", *CUT.values(), "copies", "dropped_by", TOKENS)
_TEXTS = ("source", "language", "category", "dropped_by")
_IDENTITY, _CUTS, _BASIS = b"tamis.identity", b"tamis.cuts", b"tamis.basis"
_KIN = "kin."
"""Before a resolver's name: the column of its labels."""


@dataclass(frozen=True)
class Basis:
    """What the answer to another recipe may take from a run's decisions."""

    signals: str
    """Identity of the signal files as the run left them: rows that were measured since could be kin."""
    own_ids: bool
    """Whether every document is called in the release as it is in its shard."""
    kin: Mapping[str, Kin]
    """By resolver."""


@dataclass(frozen=True)
class Texts:
    """A column of names: `values[codes]`, null where the code is -1."""

    values: list[str]
    codes: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Decided:
    """What a run decided on every document, in corpus order."""

    table: pa.Table
    basis: Basis | None

    @cached_property
    def rows(self) -> pl.DataFrame:
        """COLUMNS, as far as the run had them."""
        return self.of(None)

    def of(self, rows: npt.NDArray[np.bool_] | None) -> pl.DataFrame:
        """COLUMNS of some documents (None: of all)."""
        table = self.table if rows is None else self.table.filter(pa.array(rows))
        frame = pl.from_arrow(table.cast(pa.schema([pa.field(f.name, _plain(f.type)) for f in table.schema])))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def texts(self, name: str) -> Texts:
        """A column of names."""
        column = self.table.column(name).unify_dictionaries().combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Texts(column.dictionary.to_pylist(), codes)

    def numbers(self, name: str) -> npt.NDArray[np.int64]:
        """A column of counts, 0 where it is null or isn't there."""
        if name not in self.table.column_names:
            return np.zeros(self.table.num_rows, np.int64)
        counts: npt.NDArray[np.int64] = self.table.column(name).fill_null(0).to_numpy().astype(np.int64)
        return counts


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def keep_decided(path: Path, identity: str, mix: Mix, ledgers: Sequence[pl.DataFrame], basis: Basis | None) -> None:
    """Writes those of COLUMNS that the ledgers have, in corpus order, for the release of that identity and mix."""
    names = [name for name in COLUMNS if name in ledgers[0].columns]
    table = pl.concat([ledger.select(names) for ledger in ledgers]).to_arrow()
    texts = [field.name for field in table.schema if pa.types.is_large_string(field.type)]
    table = table.cast(pa.schema([pa.field(f.name, pa.string() if f.name in texts else f.type) for f in table.schema]))
    metadata = {_IDENTITY: identity.encode(), _CUTS: _cut_by(mix)}
    if basis is not None:
        for name, kin in basis.kin.items():
            table = table.append_column(f"{_KIN}{name}", pa.array(kin.labels))
        partners = {name: kin.partners for name, kin in basis.kin.items()}
        metadata[_BASIS] = canonical_json({"signals": basis.signals, "own_ids": basis.own_ids, "partners": partners})
    table = table.replace_schema_metadata(metadata)
    with committing(path) as temporary:
        # What is read whole, and often, is packed so that it takes the least time to unpack.
        pq.write_table(table, temporary, compression="lz4", use_dictionary=texts, write_statistics=False)


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
        frame = pl.from_arrow(file.read(columns=[name for name in COLUMNS if name in file.schema_arrow.names]))
    assert isinstance(frame, pl.DataFrame)
    if TOKENS not in frame.columns:
        return None
    passed = frame.filter(pl.col("dropped_by").is_null() | (pl.col("dropped_by") == NOT_DRAWN))
    key = [*CELL, *(name for name in CUT.values() if alike and name in frame.columns)]
    sums = passed.group_by(key).agg(pl.col(TOKENS).cast(pl.Int64).sum().alias("tokens"), documents=pl.len())
    return counts_of(sums.rename({name: column for column, name in CUT.items() if name in key}), "the last run")


def find_decided(path: Path, identity: str) -> Decided | None:
    """What was decided for the release of that identity, or None when the last run was of another."""
    if not path.exists():
        return None
    with (
        intact(path, "Delete it: it is found anew"),
        pq.ParquetFile(path, read_dictionary=list(_TEXTS)) as file,
    ):
        metadata = file.schema_arrow.metadata or {}
        if metadata.get(_IDENTITY) != identity.encode():
            return None
        table = file.read(use_threads=False)
        return Decided(table.select([n for n in table.column_names if n in COLUMNS]), _basis(metadata, table))


def _basis(metadata: Mapping[bytes, bytes], table: pa.Table) -> Basis | None:
    if _BASIS not in metadata:
        return None
    told: dict[str, Any] = orjson.loads(metadata[_BASIS])
    kin = {name: Kin(table.column(f"{_KIN}{name}").to_numpy(), partners) for name, partners in told["partners"].items()}
    return Basis(told["signals"], told["own_ids"], kin)


def signals_key(contexts: Sequence[ShardContext], uses: Sequence[StageUse]) -> str:
    """Identity of all signal files of a corpus as they are now, by their sizes and times of change."""
    found: list[list[int] | None] = []
    for use in uses:
        for context in contexts:
            try:
                stat = context.signal_path(use).stat()
            except FileNotFoundError:
                found.append(None)
            else:
                found.append([stat.st_size, stat.st_mtime_ns])
    return key_of(found)
