"""The Python installation Tamis runs in, as two sources that are always there.

`python:stdlib` is the source code of the standard library. `python:distributions` is the prose that
installed distributions bring along: their description and their licence texts, each with the licence that
the distribution declares. Names are relative to the library, or start with the distribution's name, so
they are the same on every machine with the same versions.
"""

from __future__ import annotations

import email
import email.message
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tamis.corpus.documents import InputFile
from tamis.readers import text
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, whole
from tamis.readers.fields import Problem
from tamis.readers.license_names import UNKNOWN, spdx_of
from tamis.recipe.model import Source

STDLIB_FACTS = {"license": "PSF-2.0", "language": "code", "category": "code"}
_SKIPPED = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test", "_bundled"}
_LICENSE_FILE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)", re.IGNORECASE)
_METADATA = ("METADATA", "PKG-INFO")
_CLASSIFIER = "License :: "
_HOME = ("homepage", "home", "source", "repository", "source code", "documentation")


def stdlib_files() -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Name, place and facts of every module of the standard library, without its tests."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        # `_sysconfigdata_*` and `config-*` describe the machine that Python was built on.
        built = parts[0].startswith(("_sysconfigdata", "config-"))
        if _SKIPPED.isdisjoint(parts) and not built and path.stat().st_size:
            name = "/".join(parts)
            yield name, path, {**STDLIB_FACTS, "title": name}


def distribution_files() -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Name, place and facts of the prose of every installed distribution; the first one found of a name counts."""
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path):
        root = Path(folder or ".")
        if not root.is_dir():
            continue
        for place in sorted([*root.glob("*.dist-info"), *root.glob("*.egg-info")]):
            metadata = next((place / name for name in _METADATA if (place / name).is_file()), None)
            if metadata is None:
                continue
            message = _headers(metadata.read_bytes())
            name = re.sub(r"[-_.]+", "-", str(message.get("Name") or "")).lower()
            if not name or name in seen:
                continue
            seen.add(name)
            yield from _prose(name, place, metadata, message)


def _prose(
    name: str, place: Path, metadata: Path, message: email.message.Message
) -> Iterator[tuple[str, Path, dict[str, str]]]:
    licenses = sorted(
        path
        for path in place.rglob("*")
        if path.is_file() and (_LICENSE_FILE.match(path.name) or "licenses" in path.relative_to(place).parts[:-1])
    )
    title = f"{message.get('Name')} {message.get('Version') or ''}".strip()
    facts = {"license": _license(message, licenses), "title": title}
    home = _home(message)
    if home:
        facts["url"] = home
    if _description(message).strip():
        yield f"{name}/{metadata.name}", metadata, {**facts, "category": "docs"}
    for path in licenses:
        yield f"{name}/{path.relative_to(place).as_posix()}", path, {**facts, "category": "license"}


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one file of the installation: a description out of its metadata, or plain text."""
    if Path(file.location).name not in _METADATA:
        yield from text.read(source.model_copy(update={"split": "file"}), file, tally)
        return
    content: str | Problem
    try:
        content = _description(_headers(whole(file, source.max_document_bytes)))
    except Damage as damage:
        content = (damage.cause, damage.detail)
    yield text.one_document(source, file, tally, content, {})


def _headers(data: bytes) -> email.message.Message:
    return email.message_from_string(data.decode("utf-8", "replace"))


def _description(message: email.message.Message) -> str:
    """The long description: the body, or in old metadata an indented header."""
    body = message.get_payload()
    if isinstance(body, str) and body.strip():
        return body
    header = str(message.get("Description") or "")
    return re.sub(r"\n(?:        |       \|)", "\n", header)


def _home(message: email.message.Message) -> str | None:
    links = {}
    for entry in message.get_all("Project-URL") or []:
        label, _, address = str(entry).partition(",")
        links[label.strip().lower()] = address.strip()
    for label in _HOME:
        if label in links:
            return links[label]
    home = message.get("Home-page")
    return str(home) if home and home != "UNKNOWN" else None


def _license(message: email.message.Message, texts: list[Path]) -> str:
    """The SPDX expression a distribution declares; LicenseRef-Unknown where it isn't plain."""
    for field in ("License-Expression", "License"):
        written = spdx_of(str(message.get(field) or ""))
        if written:
            return written
    names = [str(entry) for entry in message.get_all("Classifier") or [] if str(entry).startswith(_CLASSIFIER)]
    names = [entry.rpartition(" :: ")[2] for entry in names if entry != "License :: OSI Approved"]
    if names == ["BSD License"]:
        return _which_bsd(texts)
    found = {spdx_of(name) or UNKNOWN for name in names}
    if not found or UNKNOWN in found:
        return UNKNOWN
    return " AND ".join(sorted(found))


def _which_bsd(texts: list[Path]) -> str:
    """The classifier doesn't say how many clauses: the licence's own text does."""
    for path in texts:
        words = " ".join(path.read_text("utf-8", "replace").lower().split())
        if "redistribution and use in source and binary forms" in words:
            third = "neither the name" in words or "may not be used to endorse" in words
            return "BSD-3-Clause" if third else "BSD-2-Clause"
    return UNKNOWN
