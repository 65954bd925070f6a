"""The release that a recipe names as the one before: it must lie beside the new one, whole."""

from __future__ import annotations

from pathlib import Path

from tamis.corpus.manifest import NAME, read_manifest
from tamis.engine.document_changes import Side
from tamis.errors import InputError, OptionError
from tamis.recipe.model import Recipe


def release_folder(out: Path, name: str, version: str) -> Path:
    """Where a release stands."""
    return out / f"{name}-{version}"


def find_previous(recipe: Recipe, out: Path) -> Side | None:
    """The release that `release.previous` names, or None when it names none.

    Raises InputError when it isn't in the folder of releases, OptionError when it is the release itself.
    """
    version = recipe.release.previous
    if version is None:
        return None
    if version == recipe.version:
        raise OptionError(
            f"release.previous is {version}, which is the version of the recipe itself: raise `version`, or name an "
            "earlier one"
        )
    folder = release_folder(out, recipe.name, version)
    if not (folder / NAME).is_file():
        there = sorted(path.parent.name for path in out.glob(f"{recipe.name}-*/{NAME}")) if out.is_dir() else []
        raise InputError(
            f"release.previous is {version}, but {folder} is no release. "
            + (f"In {out} there are: {', '.join(there)}. " if there else f"{out} has no release of {recipe.name}. ")
            + "Put that release there (a download will do), name another version, or take `previous` out"
        )
    manifest = read_manifest(folder)
    for entry in manifest.files:
        path = folder / entry.path
        if entry.path.startswith(("ledger/", "data/")) and not (path.is_file() and path.stat().st_size == entry.bytes):
            raise InputError(
                f"{path} is missing, or not as its manifest has it: release.previous needs the ledger and the texts "
                f"of that release. `tamis verify {folder}` tells more"
            )
    return Side(manifest, folder)
