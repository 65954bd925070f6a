"""Checks of an installation, each with what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import pyarrow as pa

from tamis import __version__
from tamis.corpus.commit import write_bytes
from tamis.corpus.references import resolve
from tamis.errors import TamisError

OPTIONAL = {"presidio_analyzer": "pip install 'tamis[presidio]'", "s3fs": "pip install 'tamis[s3]'"}


def examine(work: Path) -> list[dict[str, Any]]:
    """All checks: {what, ok, needed, found}."""
    return [
        _finding("tamis", True, True, f"{__version__} on Python {platform.python_version()}"),
        *_packages(),
        _try("language model", _language_model),
        _try("compiled kernels", _kernels),
        _try("work folder", lambda: _folder(work)),
        *[
            _finding(
                name, importlib.util.find_spec(name) is not None, False,
                "installed" if importlib.util.find_spec(name) else f"optional: {hint}",
            )
            for name, hint in OPTIONAL.items()
        ],
    ]  # fmt: skip


def _finding(what: str, ok: bool, needed: bool, found: str) -> dict[str, Any]:
    return {"what": what, "ok": ok, "needed": needed, "found": found}


def _try(what: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return _finding(what, True, True, check())
    except (TamisError, OSError, ImportError, ValueError, RuntimeError) as error:
        return _finding(what, False, True, f"{type(error).__name__}: {error}")


def _packages() -> list[dict[str, Any]]:
    """Every dependency that the installed distribution declares."""
    findings = []
    try:
        declared = [r for r in requires("tamis") or [] if "extra ==" not in r]
    except PackageNotFoundError:
        return [
            _finding("packages", False, False, "tamis is not installed as a distribution: pip install tamis")
        ]
    for requirement in declared:
        name = requirement.split(">")[0].split("=")[0].split("<")[0].split("[")[0].split(";")[0].strip()
        try:
            findings.append(_finding(name, True, True, version(name)))
        except PackageNotFoundError:
            findings.append(_finding(name, False, True, f"missing: pip install '{requirement}'"))
    return findings


def _language_model() -> str:
    from tamis.stages.language import STAGE

    batch = pa.RecordBatch.from_pydict(
        {"text": pa.array(["Le tamis laisse passer la farine."], pa.large_string())}
    )
    config = STAGE.config()
    models = {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()}
    assert STAGE.prepare is not None
    label = STAGE.prepare(config, models)(batch).column("label")[0].as_py()
    if label != "fr":
        raise ValueError(f"a French sentence was taken for {label!r}: the model or the kernel is broken")
    return f"{', '.join(STAGE.models(config).values())} tells French"


def _kernels() -> str:
    from tamis.stages.gopher_quality import STAGE

    batch = pa.RecordBatch.from_pydict(
        {"text": pa.array(["eins zwei drei"], pa.large_string()), "language": pa.array(["de"])}
    )
    assert STAGE.prepare is not None
    words = STAGE.prepare(STAGE.config(), {})(batch).column("words")[0].as_py()
    if words != 3:
        raise ValueError(f"three words were counted as {words}")
    return "compile and count"


def _folder(work: Path) -> str:
    write_bytes(work / "doctor", b"")
    (work / "doctor").unlink()
    free = shutil.disk_usage(work).free
    return f"{work} is writable, {free / 1e9:.0f} GB free"
