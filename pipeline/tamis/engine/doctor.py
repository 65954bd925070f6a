"""Checks of an installation, each with what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis import __version__
from tamis.corpus.commit import TEMPORARY
from tamis.corpus.references import resolve
from tamis.engine.tasks import describe
from tamis.errors import RunError

OPTIONAL = {
    "presidio_analyzer": "pip install 'tamis[presidio]'",
    "s3fs": "pip install 'tamis[s3]'",
    "spacy": "pip install 'tamis[ner]'",
}
"""Module of an extra, and how to get it."""


def examine(work: Path) -> list[dict[str, Any]]:
    """All checks: {what, ok, needed, found}. Nothing but compiled kernels stays behind."""
    return [
        _finding("tamis", True, True, f"{__version__} on Python {platform.python_version()}"),
        *_packages(),
        _try("compiled kernels", _kernels),
        _try("language model", _language_model),
        _try("work folder", lambda: _folder(work)),
        *[_extra(module, hint) for module, hint in OPTIONAL.items()],
    ]


def _finding(what: str, ok: bool, needed: bool, found: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "needed": needed, "found": found}


def _try(what: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return _finding(what, True, True, check())
    except Exception as error:  # noqa: BLE001  whatever is broken here, the other checks go on
        return _finding(what, False, True, describe(error))


def _extra(module: str, hint: str) -> dict[str, Any]:
    there = importlib.util.find_spec(module) is not None
    return _finding(module, there, False, "installed" if there else f"optional: {hint}")


def _packages() -> list[dict[str, Any]]:
    """Every dependency that the installed distribution declares."""
    try:
        declared = [line for line in requires("tamis") or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return [_finding("packages", False, False, "tamis is not installed as a distribution: pip install tamis")]
    return [_package(line) for line in declared]


def _package(requirement: str) -> dict[str, Any]:
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    try:
        return _finding(name, True, True, version(name))
    except PackageNotFoundError:
        return _finding(name, False, True, f"missing: pip install '{requirement}'")


def _kernels() -> str:
    from tamis.stages.gopher_quality import STAGE

    batch = pa.RecordBatch.from_pydict(
        {"text": pa.array(["eins zwei drei"], pa.large_string()), "language": pa.array(["de"])}
    )
    assert STAGE.prepare is not None
    try:
        words = STAGE.prepare(STAGE.config(), {})(batch).column("words")[0].as_py()
    except (RuntimeError, OSError) as error:
        raise RunError(
            f"{error}. Compiled kernels are kept in the package's folder, or the user's cache folder: make one of "
            "them writable, or set NUMBA_CACHE_DIR to a folder that is"
        ) from error
    if words != 3:
        raise RunError(f"three words were counted as {words}: take the installation away and make it again")
    return "compiled, and they count"


def _language_model() -> str:
    from tamis.stages.language import STAGE

    batch = pa.RecordBatch.from_pydict({"text": pa.array(["Le tamis laisse passer la farine."], pa.large_string())})
    config = STAGE.config()
    models = {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()}
    assert STAGE.prepare is not None
    label = STAGE.prepare(config, models)(batch).column("label")[0].as_py()
    if label != "fr":
        raise RunError(f"a French sentence was taken for {label!r}: the model or its kernel is broken")
    return f"{', '.join(STAGE.models(config).values())} tells French"


def _folder(work: Path) -> str:
    """Tries the work folder, or where it would be made."""
    place = next(folder for folder in (work, *work.absolute().parents) if folder.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=TEMPORARY):
            free = shutil.disk_usage(place).free
    except OSError as error:
        raise RunError(f"{place} can't be written ({error.strerror}): choose another with --work") from error
    made = "is writable" if place == work else "can be made"
    return f"{work} {made}, {free / 1e9:.0f} GB free"
