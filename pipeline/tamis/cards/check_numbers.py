"""Is every number of the manifest what the ledger says, counted anew?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tamis.cards.checks import Checks
from tamis.cards.tally import RELEASED, Tally
from tamis.corpus.manifest import NAME, CountRow, Manifest
from tamis.engine.phases import source_of
from tamis.mix.counts import counts_of
from tamis.mix.cuts import Cuts
from tamis.mix.plan import plan, weighting_of
from tamis.mix.realised import Epochs, epochs_of_cells, is_planned, realised, released_phase
from tamis.mix.tables import tables_of
from tamis.recipe.mix import Mix

MIX = "mix"
_CELL: Mapping[str, Any] = {
    "source": pl.String, "language": pl.String, "category": pl.String, "part": pl.String, "quality": pl.Float64,
}  # fmt: skip
NOT_DRAWN = "mix.epochs"


def check_numbers(manifest: Manifest, tally: Tally, checks: Checks) -> None:
    """Compares every count of the manifest with the ledger's."""
    _sources(manifest, tally, checks)
    _composition(manifest, tally, checks)
    _funnel(manifest, tally, checks)
    for place, found, expected in (
        (
            "dropped_by_language",
            manifest.dropped_by_language,
            {k: dict(v) for k, v in tally.languages.items()},
        ),
        ("duplicates", manifest.duplicates, {k: dict(v) for k, v in tally.clusters.items()}),
        ("totals", manifest.totals, _totals(tally)),
    ):
        _same(f"{NAME}: {place}", found, expected, checks)
    _pii(manifest, tally, checks)


def _pii(manifest: Manifest, tally: Tally, checks: Checks) -> None:
    listed: dict[tuple[str, ...], tuple[int, CountRow]] = {
        (row.kind, row.language): (index, row) for index, row in enumerate(manifest.pii)
    }
    for key in sorted(set(listed) | set(tally.pii)):
        if key not in listed or key not in tally.pii:
            checks.holds(
                False,
                f"{NAME}: pii",
                f"{'a' if key in listed else 'no'} row {key}",
                f"{'a' if key in tally.pii else 'no'} row",
            )
            continue
        index, row = listed[key]
        for name in ("documents", "found"):
            checks.equal(f"{NAME}: pii[{index}].{name}", getattr(row, name), tally.pii[key][name])


def _same(place: str, found: Any, expected: Any, checks: Checks) -> None:
    """Compares JSON data leaf by leaf."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for key in sorted(set(found) | set(expected)):
            step = f"{place}.{key}" if str(key).isidentifier() else f'{place}["{key}"]'
            _same(step, found.get(key, "nothing"), expected.get(key, "nothing"), checks)
    else:
        checks.equal(place, found, expected)


def _sources(manifest: Manifest, tally: Tally, checks: Checks) -> None:
    for index, source in enumerate(manifest.sources):
        place = f"{NAME}: sources[{index}]"
        checks.equal(f"{place}.documents", source.documents, tally.rows[source.name])
        checks.equal(f"{place}.chars", source.chars, tally.chars[source.name])
        checks.equal(f"{place}.bytes", source.bytes, tally.bytes[source.name])
        made = source.filtered + sum(source.rejects.values()) + tally.rows[source.name]
        checks.holds(source.read == made, f"{place}.read", source.read, f"{made}: filtered + rejects + documents")
    names = [source.name for source in manifest.sources]
    checks.equal(f"{NAME}: sources", sorted(names), sorted(tally.rows))


def _composition(manifest: Manifest, tally: Tally, checks: Checks) -> None:
    epochs = _epochs(manifest, tally, checks)
    found = {
        (r.source, r.language, r.category, r.license, r.part, r.quality): (i, r)
        for i, r in enumerate(manifest.composition)
    }
    checks.equal(f"{NAME}: composition", len(manifest.composition), len(found))
    for key in sorted(set(found) | set(tally.cells), key=repr):
        if key not in found:
            checks.holds(False, f"{NAME}: composition", f"no row {key}", "a row, as the ledger has documents of it")
            continue
        index, row = found[key]
        place = f"{NAME}: composition[{index}]"
        if not checks.holds(key in tally.cells, place, key, "a cell of which the ledger has documents"):
            continue
        expected = tally.cells[key]
        for name in (
            "documents",
            "chars",
            "bytes",
            "tokens",
            "passed_documents",
            "passed_tokens",
            "copies",
            "mixed_tokens",
        ):
            checks.equal(f"{place}.{name}", getattr(row, name), expected[name])
        cell = pl.DataFrame([(*key[:3], *key[4:])], schema=_CELL, orient="row")
        checks.equal(f"{place}.epochs", row.epochs, float(epochs.of_cells(cell.select(epochs.cuts.key))[0]))
        checks.holds(tally.epochs[key] == {row.epochs}, f"{place}.epochs", row.epochs, sorted(tally.epochs[key]))


def _epochs(manifest: Manifest, tally: Tally, checks: Checks) -> Epochs:
    """Epochs of cells, planned again from the counts of the ledger. When the plan is made of tables besides,
    which aren't in the release, those of the manifest's plan."""
    mix = Mix.model_validate(manifest.recipe.get("mix", {}))
    if manifest.mix is None:
        return Epochs(weighting_of(mix, released_phase(mix)))
    # Which document is in which cell is looked at apart: here it is enough by what cells are told from one another.
    cuts = Cuts.by(mix)
    rows = [(*key[:3], *key[4:], cell["passed_tokens"], cell["passed_documents"]) for key, cell in tally.cells.items()]
    schema = {**_CELL, "tokens": pl.Int64, "documents": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if not tables_of(mix):
        made = json.loads(json.dumps(plan(mix, counts_of(frame)).to_json()))
        _same(f"{NAME}: mix", manifest.mix, made, checks)
        return realised(mix, counts_of(frame), Path(), cuts)
    phase = next(phase for phase in manifest.mix["phases"] if phase["name"] == released_phase(mix).name)
    rows = [row | {"source": source_of(row), "rehearsal": False} for row in phase["sources"]]
    cells = pl.DataFrame(rows, infer_schema_length=None)
    cells = cells.select("tokens", "weighted_tokens", "rehearsal", *(pl.col(k).cast(t) for k, t in _CELL.items()))
    planned = epochs_of_cells(cells, cuts) if is_planned(mix) else None
    return Epochs(weighting_of(mix, released_phase(mix)), planned, cuts)


def _funnel(manifest: Manifest, tally: Tally, checks: Checks) -> None:
    """Who was alive at a stage is counted backwards: the released, and all that this or a later stage dropped."""
    order = [*(stage.name for stage in manifest.stages), MIX]
    found = {(row.source, row.stage): (index, row) for index, row in enumerate(manifest.funnel)}
    checks.equal(f"{NAME}: funnel", sorted(found), sorted((s.name, name) for s in manifest.sources for name in order))
    for source in (source.name for source in manifest.sources):
        reasons = {reason: counts for (name, reason), counts in tally.drops.items() if name == source}
        alive = Counter(reasons.get(RELEASED, Counter()))
        for stage in reversed(order):
            mine = {r: c for r, c in reasons.items() if r != RELEASED and r.partition(".")[0] == stage}
            entered = Counter(alive)
            for counts in mine.values():
                entered.update(counts)
            if (source, stage) in found:
                index, row = found[source, stage]
                place = f"{NAME}: funnel[{index}]"
                checks.equal(f"{place}.documents_in", row.documents_in, entered["documents"])
                checks.equal(f"{place}.documents_out", row.documents_out, alive["documents"])
                checks.equal(f"{place}.chars_in", row.chars_in, entered["chars"])
                checks.equal(f"{place}.chars_out", row.chars_out, alive["chars"])
                seen = entered["documents"] if stage == MIX else tally.measured[source, stage]
                checks.equal(f"{place}.measured", row.measured, seen)
                _same(f"{place}.reasons", row.reasons, {r: c["documents"] for r, c in mine.items()}, checks)
            alive = entered
        checks.holds(
            alive["documents"] == tally.rows[source], f"ledger of {source}", alive["documents"],
            f"{tally.rows[source]}: every reason names a stage of the recipe",
        )  # fmt: skip


def _totals(tally: Tally) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for cell in tally.cells.values():
        sums.update(cell)
    return {
        "ingested": sum(tally.rows.values()),
        "passed": sums["passed_documents"],
        **{
            name: sums[name]
            for name in ("documents", "copies", "chars", "bytes", "tokens", "passed_tokens", "mixed_tokens")
        },
        "not_drawn": sum(c["documents"] for (_, reason), c in tally.drops.items() if reason == NOT_DRAWN),
        "shards": tally.files,
    }
