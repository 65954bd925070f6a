"""Does the manifest tell the truth about what changed since the previous release, as far as that one is there?"""

from __future__ import annotations

from pathlib import Path

from tamis.cards.checks import Checks
from tamis.cards.view import facts
from tamis.corpus.changes import ReleaseChanges
from tamis.corpus.manifest import NAME, Manifest, read_manifest
from tamis.engine.document_changes import Side
from tamis.engine.previous import release_folder
from tamis.engine.release_changes import changes_between
from tamis.errors import TamisError


def check_changes(manifest: Manifest, release: Path, checks: Checks) -> list[str]:
    """Compares the two releases anew; returns notes on what could not be compared."""
    named = manifest.recipe.get("release", {}).get("previous")
    told = manifest.changes
    checks.equal(f"{NAME}: changes", told is not None, named is not None)
    if told is None or named is None:
        return []
    summary = told.summary
    for name, found, expected in (
        ("version", summary.version, manifest.version),
        ("identity", summary.identity, manifest.identity),
        ("previous_version", summary.previous_version, named),
    ):
        checks.equal(f"{NAME}: changes.summary.{name}", found, expected)
    folder = release_folder(release.resolve().parent, manifest.name, named)
    if not (folder / NAME).is_file():
        return [f"what changed since {named} was not counted anew: {folder.name} does not lie beside this release"]
    try:
        before = Side(read_manifest(folder), folder)
        if before.manifest.identity != summary.previous_identity:
            return [
                f"what changed since {named} was not counted anew: {folder} has identity "
                f"{before.manifest.identity}, and this release was compared with {summary.previous_identity}"
            ]
        expected_changes = changes_between(before, Side(manifest, release))
    except (TamisError, OSError) as error:
        return [f"what changed since {named} was not counted anew: {error}"]
    _compare(told, expected_changes, checks)
    return []


def _compare(told: ReleaseChanges, expected: ReleaseChanges, checks: Checks) -> None:
    stated, counted = (dict(facts(one.model_dump(mode="json"))) for one in (told, expected))
    for path in sorted(set(stated) | set(counted)):
        checks.equal(f"{NAME}: changes.{path}", stated.get(path, "nothing"), counted.get(path, "nothing"))
