"""Are the documents in the cells of the mix that their length and their signal put them in?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tamis.cards.checks import Checks
from tamis.cards.tally import NO_CATEGORY, TOKENS, UNKNOWN
from tamis.corpus.manifest import Manifest
from tamis.recipe.mix import Mix, QualityCurve

PART, QUALITY = "mix.part", "mix.quality"


def check_cuts(manifest: Manifest, release: Path, checks: Checks) -> None:
    """Compares `mix.part` and `mix.quality` of the ledger with what they are by its tokens and its signal."""
    mix = Mix.model_validate(manifest.recipe.get("mix", {}))
    paths = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    schema = pl.scan_parquet(paths, glob=False).collect_schema()
    curve = mix.quality_cut if mix.quality_cut is not None and mix.quality_cut.signal is not None else None
    counted = TOKENS in schema
    for name, cut in ((PART, mix.long_cut is not None and counted), (QUALITY, curve is not None and counted)):
        checks.equal(f"ledger: column {name}", name in schema, cut)
    if not counted or checks.any_in(f"ledger: column {PART}") or checks.any_in(f"ledger: column {QUALITY}"):
        return
    ledger = pl.scan_parquet(paths, glob=False)
    if mix.long_cut is not None:
        _part(ledger, mix.long_cut, checks)
    if curve is not None:
        _quality(ledger, curve, checks)


def _part(ledger: pl.LazyFrame, above: int, checks: Checks) -> None:
    passed, part = ledger.filter("passed"), pl.col(PART)
    right = pl.when(pl.col(TOKENS) > above).then(part == "long").otherwise(part == "short")
    for name, tokens, found in (
        passed.filter(~right.fill_null(False)).select("id", TOKENS, PART).head(5).collect().rows()
    ):
        checks.holds(False, f"ledger: {name}, {PART}", found, f"long above {above} tokens, of which it has {tokens}")
    checks.made += 1


def _quality(ledger: pl.LazyFrame, curve: QualityCurve, checks: Checks) -> None:
    assert curve.signal is not None
    unknown = {"language": UNKNOWN, "category": NO_CATEGORY, "source": ""}
    group = pl.lit("") if curve.within == "corpus" else pl.col(curve.within).fill_null(unknown[curve.within])
    value = pl.col(curve.signal).cast(pl.Float64) * (1 if curve.better == "higher" else -1)
    rows = ledger.filter("passed").select("id", QUALITY, group=group, value=value, tokens=pl.col(TOKENS).cast(pl.Int64))
    for (name,), mine in rows.collect().group_by("group"):
        known = mine.filter(pl.col("value").is_not_null()).sort("value")
        stray = mine.filter(pl.col("value").is_null() & pl.col(QUALITY).is_not_null())
        values, total = known["value"].to_numpy(), max(int(known["tokens"].sum()), 1)
        up_to = np.concatenate([[0], np.cumsum(known["tokens"].to_numpy())])
        # Documents no better than each: up to the last one of the same value.
        no_better = up_to[np.searchsorted(values, values, side="right")]
        right = np.maximum(-(-no_better * curve.buckets // total), 1) / curve.buckets
        wrong = np.flatnonzero(known[QUALITY].fill_null(-1).to_numpy() != right)
        for row in wrong[:5].tolist():
            place = f"ledger: {known['id'][row]}, {QUALITY}"
            checks.holds(False, place, known[QUALITY][row], f"{right[row]:g}: its quantile in {name or 'the corpus'}")
        for one in stray["id"].head(5):
            checks.holds(False, f"ledger: {one}, {QUALITY}", "a bucket", f"none: it has no {curve.signal}")
        checks.made += 1
