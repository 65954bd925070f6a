"""Is what the manifest says of signals, groups, domains, years and clusters what the ledger says, counted anew?"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis.cards.checks import Checks
from tamis.cards.tally_spread import Spec, SpreadTally
from tamis.corpus.bins import LABELS, OTHER_LABELS
from tamis.corpus.domains import list_facts
from tamis.corpus.manifest import NAME, Manifest

OUTCOMES = ("released", "failed", "other")
DOMAINS = "domains_top.csv"
SUMS = ("documents", "bytes", "tokens")


def check_spread(manifest: Manifest, release: Path, tally: SpreadTally, checks: Checks) -> None:
    """Compares them all, and `domains_top.csv`."""
    data = manifest.model_dump(mode="json")
    specs = [spec for spec in tally.specs if spec.name in tally.kinds]
    for name, expected in (
        ("histograms", [_histogram(spec, tally) for spec in specs]),
        ("groups", _groups(tally)),
        ("clusters", _clusters(manifest, tally)),
        ("large_clusters", _large_clusters(manifest, tally)),
        ("dates", {category: dict(counts) for category, counts in tally.years.items()}),
    ):
        same(f"{NAME}: {name}", data[name], expected, checks)
    _domains(data["domains"], release, tally, checks)


def same(place: str, found: Any, expected: Any, checks: Checks) -> None:
    """Compares JSON data leaf by leaf."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for key in sorted(set(found) | set(expected)):
            step = f"{place}.{key}" if str(key).isidentifier() else f'{place}["{key}"]'
            same(step, found.get(key, "nothing"), expected.get(key, "nothing"), checks)
    elif isinstance(found, list) and isinstance(expected, list):
        for number in range(max(len(found), len(expected))):
            one, other = (items[number] if number < len(items) else "nothing" for items in (found, expected))
            same(f"{place}[{number}]", one, other, checks)
    else:
        checks.equal(place, found, expected)


def _histogram(spec: Spec, tally: SpreadTally) -> dict[str, Any]:
    kind, counts = tally.kinds[spec.name], tally.bins[spec.name]
    bins = spec.bins(kind)
    row: dict[str, Any] = {"stage": spec.stage, "signal": spec.signal, "edges": [], "labels": []}
    row["scale"] = bins.scale if bins is not None else "values"
    row["nulls"] = {outcome: counts[None, outcome] for outcome in OUTCOMES}
    places: Sequence[Any]
    if bins is not None:
        some = sorted({place for (place, _), documents in counts.items() if place is not None and documents})
        places = range(some[0], some[-1] + 1) if some else ()
        row["edges"] = list(bins.bounds[some[0] : some[-1] + 2]) if some else []
    else:
        places, counts = _listed(counts, pa.types.is_boolean(kind))
        row["labels"] = list(places)
    return row | {outcome: [counts[place, outcome] for place in places] for outcome in OUTCOMES}


def _listed(counts: Counter[tuple[Any, str]], flag: bool) -> tuple[list[str], Counter[tuple[Any, str]]]:
    """Labels as they are listed, the rest under a name of its own."""
    if flag:
        return ["false", "true"], counts
    totals: Counter[str] = Counter()
    for (label, _), documents in counts.items():
        if label not in (None, OTHER_LABELS):
            totals[label] += documents
    own = sorted(totals, key=lambda label: (-totals[label], label))[:LABELS]
    merged: Counter[tuple[Any, str]] = Counter()
    for (label, outcome), documents in counts.items():
        if label is not None:
            merged[label if label in own else OTHER_LABELS, outcome] += documents
    return own + ([OTHER_LABELS] if any(label == OTHER_LABELS for label, _ in merged) else []), merged


def _groups(tally: SpreadTally) -> list[dict[str, Any]]:
    rows = []
    for (column, value), counts in sorted(tally.groups.items()):
        told = {what: {name: n for name, n in counts[what].items() if n} for what in ("measured", "removed", "failed")}
        rows.append({"column": column, "value": value, "documents": counts["documents"][""], **told})
    return rows


def _clusters(manifest: Manifest, tally: SpreadTally) -> list[dict[str, Any]]:
    rows = []
    for stage in (stage.name for stage in manifest.stages):
        left = dict(tally.sizes.get(stage, {}))
        smallest = 2
        while left:
            largest = smallest if smallest < 4 else 2 * smallest - 1
            mine = {size: left.pop(size) for size in list(left) if smallest <= size <= largest}
            if mine:
                documents = sum(size * clusters for size, clusters in mine.items())
                rows.append({"stage": stage, "smallest": smallest, "largest": largest, "clusters": sum(mine.values()),
                             "documents": documents})  # fmt: skip
            smallest = largest + 1
    return rows


def _large_clusters(manifest: Manifest, tally: SpreadTally) -> list[dict[str, Any]]:
    rows = []
    for stage in (stage.name for stage in manifest.stages):
        stays = sorted(tally.stays.get(stage, {}).items(), key=lambda item: (-item[1][1], item[0]))
        for name, (source, size, released) in stays[:10]:
            sources = tally.members[stage][name] + Counter({source: 1})
            rows.append({"stage": stage, "kept": name, "released": released, "documents": size,
                         "sources": dict(sources)})  # fmt: skip
    return rows


def _domains(found: dict[str, Any] | None, release: Path, tally: SpreadTally, checks: Checks) -> None:
    if not checks.equal(f"{NAME}: domains", found is None, not tally.domains and not tally.without["no_domain"]):
        return
    if found is None:
        return
    whole: dict[str, Counter[str]] = {}
    for (_, domain), sums in tally.domains.items():
        whole.setdefault(domain, Counter()).update(sums)
    ranked = _ranked(whole)
    total: Counter[str] = sum(whole.values(), Counter())
    listed = max((len(ranked) + 9) // 10, min(len(ranked), 1000))
    languages: dict[str, dict[str, Counter[str]]] = {}
    for (language, domain), sums in tally.domains.items():
        languages.setdefault(language, {})[domain] = sums
    expected = {
        # Which list it was stands in the manifest; only with the same one are the domains the same.
        "suffix_list": list_facts(),
        "distinct": len(ranked),
        "listed": listed,
        **{name: total[name] for name in SUMS},
        "without": {name: tally.without[name] for name in ("no_domain", "no_url")},
        "top": [{"language": "", **row} for row in ranked[:25]],
        "by_language": [
            {"language": language, **row}
            for language, mine in sorted(languages.items())
            for row in _ranked(mine)[:10]
        ],
    }  # fmt: skip
    same(f"{NAME}: domains", found, expected, checks)
    _listing(release, ranked[:listed], checks)


def _ranked(sums: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    order = sorted(sums, key=lambda domain: (-sums[domain]["bytes"], domain))
    return [{"domain": domain, **{name: sums[domain][name] for name in SUMS}} for domain in order]


def _listing(release: Path, ranked: Sequence[Mapping[str, Any]], checks: Checks) -> None:
    path = release / DOMAINS
    if not checks.holds(path.is_file(), DOMAINS, "no file", "the largest domains"):
        return
    rows = [{"rank": rank, **row} for rank, row in enumerate(ranked, 1)]
    with path.open(encoding="utf-8", newline="") as handle:
        written = list(csv.reader(handle))
    expected = [["rank", "domain", *SUMS], *([str(value) for value in row.values()] for row in rows)]
    for number in range(max(len(written), len(expected))):
        one, other = (lines[number] if number < len(lines) else "no line" for lines in (written, expected))
        checks.equal(f"{DOMAINS}:{number + 1}", ",".join(one), ",".join(other))
