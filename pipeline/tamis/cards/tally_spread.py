"""Counts anew how a release is spread (histograms, groups, domains, years, clusters): from the ledger, with Arrow."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.corpus.bins import LABEL, OTHER_LABELS, Bins, bins_of
from tamis.corpus.conditions import Condition
from tamis.corpus.domains import registrable
from tamis.corpus.manifest import Manifest

UNKNOWN = {"language": "und", "category": "none"}
TOKENS = "tokenize.tokens"
_YEAR = re.compile(r"(?<![0-9])(1[0-9]{3}|20[0-9]{2})(?![0-9])", re.ASCII)
_DAY = re.compile(r"(1[0-9]{3}|20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?![0-9])", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_PATH = re.compile(r"[/?#]")


@dataclass(frozen=True)
class Spec:
    """What the recipe says of a signal that has a histogram."""

    stage: str
    signal: str
    unit: str
    rules: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """As the ledger names it."""
        return f"{self.stage}.{self.signal}"

    def bins(self, kind: pa.DataType) -> Bins | None:
        """Bins of the signal if it is a number."""
        if pa.types.is_integer(kind):
            return bins_of("whole", self.unit, self.rules)
        return bins_of("float", self.unit, self.rules) if pa.types.is_floating(kind) else None


def specs_of(manifest: Manifest) -> list[Spec]:
    """Every signal: stage by stage, by name."""
    found = []
    for stage, (_, _, written) in zip(manifest.stages, manifest.uses, strict=True):
        sets = [written.get("keep", {}), *(r for by in written.get("keep_by", {}).values() for r in by.values())]
        for signal, told in sorted(stage.signals.items()):
            rules = tuple(Condition.model_validate(rules[signal]) for rules in sets if signal in rules)
            found.append(Spec(stage.name, signal, told["unit"], rules))
    return found


@dataclass
class SpreadTally:
    """Sums over all rows read so far."""

    specs: Sequence[Spec] = ()
    kinds: dict[str, pa.DataType] = field(default_factory=dict)
    """Type of each signal."""
    bins: dict[str, Counter[tuple[Any, str]]] = field(default_factory=lambda: defaultdict(Counter))
    """Signal -> (number of the bin, or label; released, failed or other) -> documents; the bin of a null is None."""
    groups: dict[tuple[str, str], dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    """Column and value -> `documents`, `measured`, `removed`, `failed` -> stage or rule -> documents."""
    domains: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Language and domain -> documents, bytes, tokens."""
    without: Counter[str] = field(default_factory=Counter)
    years: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    sizes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Resolver -> documents of a cluster -> clusters."""
    members: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    """Resolver -> document that stays -> source -> documents that leave for it."""
    stays: dict[str, dict[str, tuple[str, int, bool]]] = field(default_factory=lambda: defaultdict(dict))
    """Resolver -> document that stays, of several -> its source, documents of the cluster, whether it is released."""

    def add(self, table: pa.Table) -> None:
        """Counts some rows of the ledger in."""
        failed = _failures(table)
        released = pc.greater(table["copies"], 0).to_numpy()
        for spec in self.specs:
            if spec.name in table.column_names:
                self._bins(spec, table, released, failed.get(spec.name, np.zeros(len(table), bool)))
        self._groups(table, failed)
        self._released(table.filter(pa.array(released)))
        for stage in {name.rpartition(".")[0] for name in table.column_names if name.endswith(".cluster_size")}:
            self._clusters(stage, table)

    def _bins(self, spec: Spec, table: pa.Table, released: Any, failed: Any) -> None:
        column, kind = table[spec.name], table.schema.field(spec.name).type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if pa.types.is_null(kind) or (text and spec.unit == "document id"):
            return
        self.kinds[spec.name] = kind
        became = np.where(released, "released", np.where(failed, "failed", "other"))
        bins, valid = spec.bins(kind), pc.is_valid(column)
        if bins is not None:
            values = pc.fill_null(column, 0).to_numpy()
            kept = values.dtype if values.dtype.kind == "f" else np.float64
            lower = np.array([-np.inf, *(edge for edge in bins.bounds if edge is not None)]).astype(kept)
            places = pa.array(np.searchsorted(lower, values, side="right") - 1)
        else:
            named = spec.unit == LABEL or not text
            places = pc.cast(column, pa.string()).combine_chunks()
            if not named:
                own = pa.array(sorted({str(value) for rule in spec.rules for value in rule.values}), pa.string())
                places = pc.if_else(pc.is_in(places, own), places, OTHER_LABELS)
        rows = pa.table({"bin": pc.if_else(valid, places, None), "became": became})
        for place, outcome, documents in _counted(rows.filter(table[f"{spec.stage}.measured"]), ["bin", "became"]):
            self.bins[spec.name][place, outcome] += documents

    def _groups(self, table: pa.Table, failed: Mapping[str, Any]) -> None:
        flags: dict[tuple[str, str], Any] = {("documents", ""): np.ones(len(table), bool)}
        for name in table.column_names:
            if name.endswith(".measured"):
                stage = name.removesuffix(".measured")
                mine = [rows for rule, rows in failed.items() if rule.partition(".")[0] == stage]
                flags["measured", stage] = table[name].to_numpy()
                flags["removed", stage] = np.logical_or.reduce([*mine, np.zeros(len(table), bool)])
        flags |= {("failed", rule): rows for rule, rows in failed.items()}
        for column, unknown in UNKNOWN.items():
            values = pc.fill_null(table[column].cast(pa.string()), unknown)
            for (what, name), rows in flags.items():
                for value, documents in _counted(pa.table({"value": values.filter(pa.array(rows))}), ["value"]):
                    self.groups[column, value][what][name] += documents

    def _released(self, table: pa.Table) -> None:
        tokens = table[TOKENS].to_pylist() if TOKENS in table.column_names else [0] * len(table)
        columns = [table[name].to_pylist() for name in ("language", "category", "url", "date", "bytes")]
        for language, category, url, date, size, ids in zip(*columns, tokens, strict=True):
            self.years[category or UNKNOWN["category"]][_year(date)] += 1
            domain = None if url is None else _domain(url)
            if domain is None:
                self.without["no_url" if url is None else "no_domain"] += 1
            else:
                key = language or UNKNOWN["language"], domain
                self.domains[key].update(documents=1, bytes=size, tokens=ids or 0)

    def _clusters(self, stage: str, table: pa.Table) -> None:
        names = ("id", "source", f"{stage}.cluster_size", f"{stage}.duplicate_of", "copies")
        several = table.filter(pc.greater(pc.fill_null(table[names[2]], 0), 1))
        for name, source, size, of, copies in zip(*(several[n].to_pylist() for n in names), strict=True):
            if of is not None:
                self.members[stage][of][source] += 1
            else:
                self.sizes[stage][size] += 1
                self.stays[stage][name] = (source, size, copies > 0)


def _failures(table: pa.Table) -> dict[str, Any]:
    """Rule -> which rows fail it."""
    lists = table["failed"].combine_chunks()
    owners, rules = pc.list_parent_indices(lists).to_numpy(), lists.flatten().to_pylist()
    found: dict[str, Any] = {}
    for row, rule in zip(owners.tolist(), rules, strict=True):
        found.setdefault(rule, np.zeros(len(table), bool))[row] = True
    return found


def _counted(table: pa.Table, keys: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows (keys, then how many rows of the table have them)."""
    grouped = table.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    yield from zip(*(grouped[name].to_pylist() for name in [*keys, "count_all"]), strict=True)


def _year(date: str | None) -> str:
    if date is None:
        return "none"
    found = _YEAR.search(date) or _DAY.match(date)
    return found[1] if found else "unread"


def _domain(url: str) -> str | None:
    scheme = _SCHEME.match(url)
    authority = _PATH.split(url[scheme.end() :], maxsplit=1)[0] if scheme else ""
    return registrable(authority)
