"""Writes a release's card again: after the card itself changed, its numbers being the manifest's."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tamis.cards.data_card import write_card
from tamis.corpus.commit import write_json
from tamis.corpus.manifest import NAME, FileFacts, read_manifest
from tamis.engine.release import file_entry


def rewrite_card(release: Path, to: Path | None = None) -> list[Path]:
    """Writes the card into the release (and its checksums into the manifest), or into folder `to`."""
    manifest = read_manifest(release)
    ledger = pl.concat(
        [pl.read_parquet(path) for path in sorted((release / "ledger").glob("*.parquet"))], how="diagonal_relaxed"
    )
    written = write_card(manifest, ledger, to or release)
    if to is None:
        fresh = {entry["path"]: FileFacts(**entry) for entry in (file_entry(release, path) for path in written)}
        kept = [entry for entry in manifest.files if entry.path not in fresh]
        files = tuple(sorted([*kept, *fresh.values()], key=lambda entry: entry.path))
        write_json(release / NAME, manifest.model_copy(update={"files": files}).model_dump(mode="json"))
    return written
