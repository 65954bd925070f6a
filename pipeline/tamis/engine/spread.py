"""How a release is spread: signals over their values, rules over languages and categories, documents over domains
and years, duplicates over clusters. Counted shard by shard while ledgers are written; counts of shards add up, so
what is held grows with the number of bins, groups and domains, not with documents.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tamis.corpus.manifest import ClusterRow, GroupRow, LargeCluster
from tamis.corpus.years import years
from tamis.engine.domains import Domains
from tamis.engine.histograms import Histograms, measures
from tamis.engine.verdicts import Verdicts
from tamis.mix.cuts import TOKENS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.model import Recipe

GROUPS = {"language": UNKNOWN, "category": NO_CATEGORY}
"""Columns that removal is compared by, and the name of what has no value there."""
NO_DATE, UNREAD = "none", "unread"
LARGEST = 10
"""Clusters of a resolver that are told one by one, at most."""

_OF_RELEASED = ("copies", "language", "category", "url", "date", "bytes", TOKENS)


class Spread:
    """Counts of the shards added so far, from as many threads as like."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._measures = measures(recipe)
        self._resolvers = [use.name for use in recipe.stages if "cluster_size" in use.stage.signals]
        self._lock = threading.Lock()
        self.histograms = Histograms(self._measures)
        self.domains = Domains()
        self.groups: Counter[tuple[str, str, str, str]] = Counter()
        """Column, value, `documents` / `measured` / `removed` / `failed`, stage or rule -> documents."""
        self.dates: Counter[tuple[str, str]] = Counter()
        """Category, year -> released documents."""
        self.sizes: Counter[tuple[str, int]] = Counter()
        """Resolver, documents of a cluster -> clusters."""
        self.largest: dict[str, list[tuple[int, str, bool]]] = {name: [] for name in self._resolvers}
        """Resolver -> documents, identifier of the one that stays, whether that is in the release."""

    def add(self, judged: Verdicts, ledger: pl.DataFrame) -> None:
        """Counts a shard in: its verdicts, and its rows in the ledger."""
        histograms = Histograms.of(self._measures, judged, ledger)
        groups = _groups(self._recipe, judged, ledger)
        seen = [name for name in _OF_RELEASED if name in ledger.columns]
        released = ledger.select(seen).filter(pl.col("copies") > 0)
        dates, domains = _dates(released), Domains.of(released, TOKENS)
        clusters = {name: _clusters(name, ledger) for name in self._resolvers}
        with self._lock:
            self.histograms.add(histograms)
            self.groups.update(groups)
            self.dates.update(dates)
            self.domains.add(domains)
            for name, (sizes, large) in clusters.items():
                self.sizes.update(sizes)
                self.largest[name] = sorted([*self.largest[name], *large], key=_by_size)[:LARGEST]

    def facts(self, ledgers: Sequence[Path]) -> dict[str, Any]:
        """What the manifest has of it; `ledgers` are the files that were written."""
        return {
            "clusters": tuple(self._cluster_rows()),
            "large_clusters": tuple(self._large_clusters(ledgers)),
            "histograms": tuple(self.histograms.rows()),
            "groups": tuple(self._group_rows()),
            "domains": self.domains.facts(),
            "dates": self._date_rows(),
        }

    def _cluster_rows(self) -> list[ClusterRow]:
        rows: Counter[tuple[str, int, int]] = Counter()
        documents: Counter[tuple[str, int, int]] = Counter()
        for (stage, size), clusters in self.sizes.items():
            smallest = 1 << (size.bit_length() - 1)
            # Pairs and triples have a row of their own.
            key = (stage, size, size) if size < 4 else (stage, smallest, 2 * smallest - 1)
            rows[key] += clusters
            documents[key] += clusters * size
        order = {name: place for place, name in enumerate(self._resolvers)}
        return [
            ClusterRow(stage=stage, smallest=low, largest=high, clusters=rows[stage, low, high],
                       documents=documents[stage, low, high])
            for stage, low, high in sorted(rows, key=lambda key: (order[key[0]], key[1]))
        ]  # fmt: skip

    def _large_clusters(self, ledgers: Sequence[Path]) -> list[LargeCluster]:
        found = []
        for name in self._resolvers:
            largest = self.largest[name]
            sources = _members(name, [kept for _, kept, _ in largest], ledgers) if largest else {}
            found += [
                LargeCluster(stage=name, kept=kept, released=released, documents=size, sources=sources[kept])
                for size, kept, released in largest
            ]
        return found

    def _group_rows(self) -> list[GroupRow]:
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for (column, value, what, name), documents in sorted(self.groups.items()):
            row = rows.setdefault((column, value), {"documents": 0, "measured": {}, "removed": {}, "failed": {}})
            if what == "documents":
                row[what] = documents
            else:
                row[what][name] = documents
        return [GroupRow(column=column, value=value, **row) for (column, value), row in rows.items()]

    def _date_rows(self) -> dict[str, dict[str, int]]:
        rows: dict[str, dict[str, int]] = {}
        for (category, year), documents in sorted(self.dates.items()):
            rows.setdefault(category, {})[year] = documents
        return rows


def _groups(recipe: Recipe, judged: Verdicts, ledger: pl.DataFrame) -> Counter[tuple[str, str, str, str]]:
    concerned = _concerned(recipe, judged)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for column, unknown in GROUPS.items():
        values = ledger[column].fill_null(unknown)
        names = values.unique().sort().to_list()
        codes = values.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
        for (what, name), rows in concerned.items():
            for code, documents in enumerate(np.bincount(codes if rows is None else codes[rows]).tolist()):
                if documents:
                    counts[column, names[code], what, name] += documents
    return counts


def _concerned(recipe: Recipe, judged: Verdicts) -> dict[tuple[str, str], npt.NDArray[np.int64] | None]:
    """`documents` / `measured` / `removed` / `failed`, stage or rule -> its rows; None for all of them."""
    concerned: dict[tuple[str, str], npt.NDArray[np.int64] | None] = {("documents", ""): None}
    for use in recipe.stages:
        measured = judged.measured[use.name]
        concerned["measured", use.name] = None if measured.all() else np.flatnonzero(measured)
        failing = {rule: mask for rule, mask in judged.failed.items() if rule.partition(".")[0] == use.name}
        for rule, mask in failing.items():
            concerned["failed", rule] = np.flatnonzero(mask)
        if failing:
            concerned["removed", use.name] = np.flatnonzero(np.any(list(failing.values()), axis=0))
    return concerned


def _dates(released: pl.DataFrame) -> dict[tuple[str, str], int]:
    date = pl.col("date")
    year = pl.when(date.is_null()).then(pl.lit(NO_DATE)).otherwise(years(date).fill_null(UNREAD))
    counts = released.group_by(pl.col("category").fill_null(NO_CATEGORY), year.alias("year")).len()
    return {(category, year): documents for category, year, documents in counts.iter_rows()}


def _by_size(cluster: tuple[int, str, bool]) -> tuple[int, str]:
    return -cluster[0], cluster[1]


def _clusters(name: str, ledger: pl.DataFrame) -> tuple[dict[tuple[str, int], int], list[tuple[int, str, bool]]]:
    """Clusters by size, and the largest, told by the document that stays."""
    columns = ledger.select("id", "copies", size=f"{name}.cluster_size", leaves=f"{name}.is_duplicate")
    stays = columns.filter((pl.col("size") > 1) & ~pl.col("leaves").fill_null(False)).select(
        "size", "id", released=pl.col("copies") > 0
    )
    sizes = {(name, size): clusters for size, clusters in stays.group_by("size").len().iter_rows()}
    largest = stays.sort(["size", "id"], descending=[True, False]).head(LARGEST)
    return sizes, list(largest.iter_rows())


def _members(name: str, kept: Sequence[str], ledgers: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Source -> documents of the clusters that these documents stay of."""
    of = pl.coalesce(f"{name}.duplicate_of", "id")
    rows = pl.scan_parquet(list(ledgers), glob=False).select("source", of=of).filter(pl.col("of").is_in(list(kept)))
    found: dict[str, dict[str, int]] = {document: {} for document in kept}
    for document, source, documents in rows.group_by("of", "source").len().sort("of", "source").collect().iter_rows():
        found[document][source] = documents
    return found
