"""Counts a ledger anew, file by file, with Arrow alone: no code that made the manifest's numbers is used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

UNKNOWN, NO_CATEGORY, NO_LICENSE, RELEASED = "und", "none", "LicenseRef-Unknown", "released"
TOTALS = ("found", "measured")
"""Columns of `pii` that aren't counts of a kind."""
TOKENS = "tokenize.tokens"
CELL = ("source", "language", "category", "license", "mix.part", "mix.quality")
Key = tuple[Any, ...]


@dataclass
class Tally:
    """Sums over all rows read so far."""

    rows: Counter[str] = field(default_factory=Counter)
    """Source -> documents."""
    chars: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    cells: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """CELL -> sums; part and bucket are None where the mix doesn't cut by them."""
    epochs: dict[Key, set[float]] = field(default_factory=lambda: defaultdict(set))
    drops: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Source, reason (`released` when there is none) -> documents, chars."""
    languages: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Language -> reason -> documents."""
    measured: Counter[Key] = field(default_factory=Counter)
    """Source, stage -> documents measured."""
    pii: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Kind, language -> documents, found; of released documents."""
    clusters: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Resolver -> clusters, documents, duplicates, largest."""
    files: int = 0

    def add(self, table: pa.Table) -> None:
        """Counts some rows of the ledger in."""
        table = _filled(table)
        self._amounts(table)
        self._cells(table)
        self._reasons(table)
        self._stages(table)

    def _amounts(self, table: pa.Table) -> None:
        for source, rows, chars, size in _groups(
            table, ["source"], [([], "count_all"), ("chars", "sum"), ("bytes", "sum")]
        ):
            self.rows[source] += rows
            self.chars[source] += chars
            self.bytes[source] += size

    def _cells(self, table: pa.Table) -> None:
        passed = table.filter(table["passed"])
        drawn = passed.filter(pc.greater(passed["copies"], 0))
        every = [
            ([], "count_all"),
            ("_tokens", "sum"),
            ("copies", "sum"),
            ("_mixed", "sum"),
            ("epochs", "distinct"),
        ]
        for *key, rows, tokens, copies, mixed, epochs in _groups(passed, list(CELL), every):
            cell = self.cells[tuple(key)]
            cell.update(passed_documents=rows, passed_tokens=tokens, copies=copies, mixed_tokens=mixed)
            self.epochs[tuple(key)].update(epochs)
        held = [([], "count_all"), ("chars", "sum"), ("bytes", "sum"), ("_tokens", "sum")]
        for *key, rows, chars, size, tokens in _groups(drawn, list(CELL), held):
            self.cells[tuple(key)].update(documents=rows, chars=chars, bytes=size, tokens=tokens)

    def _reasons(self, table: pa.Table) -> None:
        for source, reason, rows, chars in _groups(
            table, ["source", "dropped_by"], [([], "count_all"), ("chars", "sum")]
        ):
            self.drops[source, reason].update(documents=rows, chars=chars)
        for language, reason, rows in _groups(table, ["language", "dropped_by"], [([], "count_all")]):
            self.languages[language][reason] += rows

    def _stages(self, table: pa.Table) -> None:
        for name in table.column_names:
            stage, _, signal = name.rpartition(".")
            if signal == "measured":
                for source, rows in _groups(table.filter(table[name]), ["source"], [([], "count_all")]):
                    self.measured[source, stage] += rows
            elif signal == "cluster_size":
                self._clusters(stage, table[name], pc.fill_null(table[f"{stage}.is_duplicate"], False))
            elif stage == "pii" and signal not in TOTALS:
                drawn = table.filter(pc.greater(table["copies"], 0)).select(["language", name])
                with_some = drawn.filter(pc.greater(pc.fill_null(drawn[name], 0), 0))
                # Every language of the release has a row, if only with zeros.
                for (language,) in _groups(drawn, ["language"], []):
                    self.pii[signal, language].update(documents=0, found=0)
                for language, rows, found in _groups(with_some, ["language"], [([], "count_all"), (name, "sum")]):
                    self.pii[signal, language].update(documents=rows, found=found)

    def _clusters(self, stage: str, size: pa.ChunkedArray, duplicate: pa.ChunkedArray) -> None:
        counts = self.clusters[stage]
        several = pc.greater(pc.fill_null(size, 0), 1)
        counts["documents"] += pc.sum(several).as_py() or 0
        counts["duplicates"] += pc.sum(duplicate).as_py() or 0
        counts["clusters"] += pc.sum(pc.and_(several, pc.invert(duplicate))).as_py() or 0
        counts["largest"] = max(counts["largest"], pc.max(size).as_py() or 0)


def row_groups(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """A Parquet file, a row group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns)


def _filled(table: pa.Table) -> pa.Table:
    """The table with a name for what is unknown, and the token columns that sums are taken of."""
    columns = {name: table[name] for name in table.column_names if not pa.types.is_list(table[name].type)}
    names = {"language": UNKNOWN, "category": NO_CATEGORY, "license": NO_LICENSE, "dropped_by": RELEASED}
    for name, unknown in names.items():
        columns[name] = pc.fill_null(columns[name].cast(pa.string()), unknown)
    zeros = pa.chunked_array([pa.array([0] * len(table), pa.int64())])
    columns["_tokens"] = pc.fill_null(columns[TOKENS], 0).cast(pa.int64()) if TOKENS in columns else zeros
    for name, kind in (("mix.part", pa.string()), ("mix.quality", pa.float64())):
        columns[name] = columns[name].cast(kind) if name in columns else pa.nulls(len(table), kind)
    columns["_mixed"] = pc.multiply(columns["_tokens"], columns["copies"].cast(pa.int64()))
    return pa.table(columns)


def _groups(table: pa.Table, keys: list[str], sums: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows (keys, then aggregates in the order asked for)."""
    grouped = table.group_by(keys, use_threads=False).aggregate(sums)
    names = [f"{column}_{how}" if column else how for column, how in sums]
    columns = [grouped[name].to_pylist() for name in [*keys, *names]]
    yield from zip(*columns, strict=True)
