"""The card's tables as CSV, whole: what a card shows the top of, and what other programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from tamis.cards import duplicates, fairness, origins, quality
from tamis.cards.mixture import TWIN as MIX
from tamis.cards.mixture import mix_rows
from tamis.cards.view import View, facts

FACTS = "stats/facts.csv"
"""Every fact of the manifest, by its place there: a change of either is found by it."""
ELSEWHERE = {"files", "histograms"}
"""Facts that are not in it: checksums, which the files themselves have, and counts with a table of their own."""


def twins(view: View) -> dict[str, bytes]:
    """CSV files by path."""
    manifest = view.manifest
    composition = manifest.model_dump(include={"composition"})["composition"]
    funnel = [row.model_dump(exclude={"reasons"}) for row in manifest.funnel]
    everything = manifest.model_dump(mode="json", exclude=ELSEWHERE)
    found = {
        "stats/composition.csv": _records(composition),
        "stats/funnel.csv": _records(funnel),
        "stats/reasons.csv": _csv(
            ("source", "stage", "reason", "documents"),
            ((row.source, row.stage, reason, n) for row in manifest.funnel for reason, n in row.reasons.items()),
        ),
        "stats/dropped_by_language.csv": _csv(
            ("language", "reason", "documents"),
            (
                (lang, reason, n)
                for lang, reasons in manifest.dropped_by_language.items()
                for reason, n in reasons.items()
            ),
        ),
        "stats/lengths.csv": _records(view.lengths),
        **({quality.TWIN: _csv(quality.HEADER, quality.twin(view))} if manifest.histograms else {}),
        **{path: _csv(header, rows) for path, (header, rows) in origins.twins(view).items()},
        **({duplicates.TWIN: _csv(duplicates.HEADER, duplicates.twin(view))} if manifest.clusters else {}),
        **({fairness.TWIN: _csv(fairness.HEADER, fairness.twin(view))} if manifest.groups else {}),
        FACTS: _csv(("fact", "value"), facts(everything)),
    }
    cells = mix_rows(view)
    if cells:
        found[MIX] = _records(cells)
    if manifest.pii:
        found["stats/pii.csv"] = _records([row.model_dump() for row in manifest.pii])
    return found


def _records(rows: Sequence[dict[str, object]]) -> bytes:
    header = tuple(rows[0]) if rows else ()
    return _csv(header, (tuple(row.values()) for row in rows))


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
