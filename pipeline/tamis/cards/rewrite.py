"""Writes a release's card again: after the card itself changed, its numbers being the manifest's."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tamis.cards.data_card import render
from tamis.cards.view import LEDGER_COLUMNS
from tamis.corpus.commit import write_bytes, write_json
from tamis.corpus.manifest import NAME, FileFacts, Manifest, read_manifest
from tamis.engine.release import file_entry
from tamis.mix.cuts import TOKENS
from tamis.review.reviewed import take_in
from tamis.review.verdicts import REVIEW


def read_ledger(manifest: Manifest, release: Path) -> pl.DataFrame:
    """The columns of the ledger that a card needs, of all its files."""
    paths = [release / file.path for file in manifest.files if file.path.startswith("ledger/")]
    frames = []
    for path in paths:
        scan = pl.scan_parquet(path, glob=False)
        names = scan.collect_schema().names()
        frames.append(scan.select([name for name in (*LEDGER_COLUMNS, TOKENS) if name in names]).collect())
    return pl.concat(frames, how="diagonal_relaxed")


def rewrite_card(release: Path, to: Path | None = None) -> list[Path]:
    """Writes the card into the release (and its checksums into the manifest), or into folder `to`.

    Raises InputError when there is no release.
    """
    manifest = read_manifest(release)
    # Part of the card only where there are verdicts.
    manifest = manifest.model_copy(update={"files": tuple(file for file in manifest.files if file.path != REVIEW)})
    written = []
    for path, content in render(manifest, read_ledger(manifest, release), release, take_in(release)).items():
        write_bytes((to or release) / path, content)
        written.append((to or release) / path)
    if to is None:
        fresh = {entry["path"]: FileFacts(**entry) for entry in (file_entry(release, path) for path in written)}
        if REVIEW not in fresh:
            (release / REVIEW).unlink(missing_ok=True)
        kept = [entry for entry in manifest.files if entry.path not in fresh]
        files = tuple(sorted([*kept, *fresh.values()], key=lambda entry: entry.path))
        write_json(release / NAME, manifest.model_copy(update={"files": files}).model_dump(mode="json"))
    return written
