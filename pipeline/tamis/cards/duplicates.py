"""Section on duplicates: how many, in clusters of which sizes, and the largest ones."""

from __future__ import annotations

from collections.abc import Iterable

from tamis.cards.markdown import code, section, table, text
from tamis.cards.numbers import count, share
from tamis.cards.view import View

TWIN = "stats/clusters.csv"
HEADER = ("stage", "smallest", "largest", "clusters", "documents")
_SOURCES = 4
_LONG = 90
"""Characters of an identifier that are shown."""


def duplicates(view: View) -> str:
    """What the duplicate stages found."""
    found = view.manifest.duplicates
    if not found:
        return section("Duplicates", "No stage looked for duplicates.")
    rows = []
    for name, facts in found.items():
        entered = sum(row.documents_in for row in view.manifest.funnel if row.stage == name)
        rows.append(
            (code(name), count(entered), *(count(facts[key]) for key in ("documents", "clusters", "duplicates")),
             share(facts["duplicates"], entered), count(facts["largest"]))
        )  # fmt: skip
    header = ("Stage", "Compared", "In clusters", "Clusters", "Duplicates", "%", "Largest cluster")
    note = "Of each cluster one document stays. In the ledger, `STAGE.duplicate_of` names it for every other."
    return section("Duplicates", table(header, "lrrrrrr", rows), note, _sizes(view), _largest(view))


def _sizes(view: View) -> str:
    stages = list(dict.fromkeys(row.stage for row in view.manifest.clusters))
    if not stages:
        return ""
    at = {(row.stage, row.smallest, row.largest): row for row in view.manifest.clusters}
    rows = []
    for low, high in sorted({(low, high) for _, low, high in at}):
        cells = []
        for stage in stages:
            row = at.get((stage, low, high))
            cells += [count(row.clusters), count(row.documents)] if row else ["–", "–"]
        rows.append((count(low) if low == high else f"{count(low)} to {count(high)}", *cells))
    header = ("Documents of a cluster", *(part for s in stages for part in (f"{code(s)}: clusters", "documents")))
    return f"### Sizes of clusters\n\n{table(header, 'l' + 'rr' * len(stages), rows)}"


def _largest(view: View) -> str:
    rows = []
    for one in view.manifest.large_clusters:
        sources = sorted(one.sources.items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{text(source)} {count(number)}" for source, number in sources[:_SOURCES])
        told += f" and {len(sources) - _SOURCES} more" if len(sources) > _SOURCES else ""
        kept = one.kept if len(one.kept) <= _LONG else f"{one.kept[:_LONG]}…"
        rows.append((code(one.stage), count(one.documents), code(kept), "yes" if one.released else "no", told))
    if not rows:
        return ""
    header = ("Stage", "Documents", "Identifier of the one that stays", "Released", "Sources")
    note = "A document that stays is not released where a later rule drops it, or the mix draws no copy."
    return f"### The largest clusters\n\n{table(header, 'lrlll', rows)}\n\n{note}"


def twin(view: View) -> Iterable[tuple[object, ...]]:
    """Rows of the CSV file: clusters by size."""
    for row in view.manifest.clusters:
        yield row.stage, row.smallest, row.largest, row.clusters, row.documents
