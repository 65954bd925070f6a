"""Finds the input files of a source: local globs, fsspec URLs, package data, the Python installation."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tamis.corpus.documents import InputFile
from tamis.corpus.hashing import file_fingerprint
from tamis.errors import InputError, did_you_mean
from tamis.readers.decompress import is_remote
from tamis.readers.python_installation import distribution_files, stdlib_files
from tamis.readers.remote import MAGIC, Stored, hashed, matching
from tamis.recipe.load import expand
from tamis.recipe.model import Source

_INSTALLATION = {"python:stdlib": stdlib_files, "python:distributions": distribution_files}
UNREADABLE = "unreadable"
"""Fingerprint of a file that can't be opened: reading it ends in a reject."""


@dataclass(frozen=True)
class _Found:
    name: str
    location: str
    pattern: str
    facts: tuple[tuple[str, str], ...] = ()
    stored: Stored | None = None


def locate(source: Source, base: Path, known: dict[str, Any]) -> list[InputFile]:
    """The files of a source, sorted by name; each file once, though several paths may match it.

    `base` is the folder that relative paths start from. `known` remembers the hashes of files
    (location -> [size, mtime_ns or the store's tag, hash]) and is brought up to date. Raises InputError for a
    path that matches nothing.
    """
    by_location: dict[str, _Found] = {}
    for written in source.path:
        for found in _matches(source, written, base):
            by_location.setdefault(found.location, found)
    every = _named_apart(by_location.values())
    remote = _remote_fingerprints(source, [found.stored for found in every if found.stored is not None], known)
    files = []
    for found in every:
        if found.stored is None:
            size, fingerprint = _fingerprint(found.location, known)
            files.append(InputFile(found.name, found.location, size, fingerprint, found.facts))
        else:
            hash_, stored = remote[found.location], found.stored
            files.append(InputFile(found.name, found.location, stored.size, hash_, found.facts, stored.tag))
    return sorted(files, key=lambda file: file.name)


def _matches(source: Source, written: str, base: Path) -> list[_Found]:
    if written.startswith("python:"):
        if written not in _INSTALLATION:
            raise InputError(f"source {source.name}: unknown path {written!r}.{did_you_mean(written, _INSTALLATION)}")
        return [
            _Found(_clean(name), str(path), written, tuple(sorted((k, _clean(v)) for k, v in facts.items())))
            for name, path, facts in _INSTALLATION[written]()
        ]
    path = expand(written)
    if path.startswith("package:"):
        return _package(source, path)
    if is_remote(path):
        return _remote(source, written, path)
    full = path if Path(path).is_absolute() else str(base / path)
    return _local(source, written, full)


def _local(source: Source, written: str, full: str) -> list[_Found]:
    root = _static(full)
    if not MAGIC.search(full):
        if Path(full).is_dir():
            raise InputError(
                f"source {source.name}: {written} is a folder. Write which of its files are meant, "
                f"such as {written.rstrip('/')}/**/*.jsonl"
            )
        places = [full] if os.path.lexists(full) else []
    else:
        # A broken link is listed, as it is unreadable; folders, pipes and sockets are no files.
        places = [place for place in glob.glob(full, recursive=True) if _is_input(place)]  # noqa: PTH207
        _check_listed(source, written, root, full.removeprefix(root).lstrip("/").split("/"))
    if not places:
        raise InputError(f"source {source.name}: no file matches {written} (looked for {full}). {_near(full)}")
    names = (os.path.relpath(place, root).replace(os.sep, "/") for place in places)
    return [_Found(_clean(name), place, written) for name, place in zip(names, places, strict=True)]


def _check_listed(source: Source, written: str, folder: str, steps: list[str]) -> None:
    """Raises InputError for a folder that the pattern's `steps` lead into and that can't be listed: `glob` passes it
    over in silence, and nobody would know how many files are missing."""
    try:
        with os.scandir(folder or "/") as entries:
            if len(steps) < 2 and steps != ["**"]:
                return
            inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"source {source.name}: {folder} can't be listed for {written}: {error.strerror}. Mend its rights, or "
            "write a narrower path"
        ) from error
    for entry in inner:
        if steps[0] == "**":
            if not entry.name.startswith("."):
                _check_listed(source, written, entry.path, steps)
        elif fnmatch.fnmatchcase(entry.name, steps[0]):
            _check_listed(source, written, entry.path, steps[1:])


def _is_input(place: str) -> bool:
    """Folders, pipes and sockets are no files; a broken link or one without rights is: an unreadable one."""
    # pathlib's own tests raise PermissionError within a folder that may not be entered.
    return os.path.isfile(place) or not os.path.exists(place)  # noqa: PTH110, PTH113


def _static(pattern: str) -> str:
    """The folder that the pattern's part without wildcards leads to."""
    steps = pattern.split("/")
    fixed = next((at for at, step in enumerate(steps) if MAGIC.search(step)), len(steps) - 1)
    return "/".join(steps[: min(fixed, len(steps) - 1)]) or ("/" if pattern.startswith("/") else ".")


def _near(full: str) -> str:
    """What exists where a path leads nowhere: its first missing step, and that step's neighbours."""
    folder, step = Path(full), ""
    while not folder.is_dir() or MAGIC.search(folder.name):
        folder, step = folder.parent, folder.name
    try:
        entries = sorted(_clean(entry.name) for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        return f"{folder} can't be listed: {error.strerror}"
    near = difflib.get_close_matches(step, entries, n=3)
    shown = near or entries[:10]
    if not shown:
        return f"{folder} is empty"
    return f"In {folder} there is {', '.join(shown)}" + (", ..." if len(entries) > len(shown) else "")


def _package(source: Source, path: str) -> list[_Found]:
    name, slash, pattern = path.removeprefix("package:").partition("/")
    if not name or not slash:
        raise InputError(f"source {source.name}: {path!r} must be package:NAME/GLOB, such as package:nltk/data/*.txt")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"source {source.name}: no package {name!r} is installed for {path}. Install the distribution "
            "that brings it into the environment Tamis runs in"
        )
    found: list[_Found] = []
    failure: InputError | None = None
    for folder in spec.submodule_search_locations:
        try:
            found += _local(source, path, f"{folder}/{pattern}")
        except InputError as error:
            failure = error
    if not found and failure is not None:
        raise failure
    return found


def _remote(source: Source, written: str, url: str) -> list[_Found]:
    try:
        path, files = matching(url)
    except (ImportError, ValueError) as error:
        raise InputError(f"source {source.name}: {written}: {error}") from error
    except Exception as error:  # every store has errors of its own
        raise InputError(f"source {source.name}: {written} can't be listed: {error}") from error
    root = _static(path)
    found = []
    for file in files:
        name = file.place.removeprefix(root).lstrip("/") or file.place.rpartition("/")[2]
        found.append(_Found(_clean(name), file.location, written, stored=file))
    if not found:
        raise InputError(
            f"source {source.name}: no file matches {written} (looked for {url}). Check the address and "
            "the access rights"
        )
    return found


def _remote_fingerprints(source: Source, files: Iterable[Stored], known: dict[str, Any]) -> dict[str, str]:
    """Hash of each file's content by its location; only what the store has another version of is read anew."""
    hashes, new = {}, []
    for file in files:
        before = known.get(file.location)
        if file.tag and before is not None and list(before[:2]) == [file.size, file.tag]:
            hashes[file.location] = str(before[2])
        else:
            new.append(file)
    try:
        for file, digest in hashed(new):
            hashes[file.location] = digest or UNREADABLE
            if digest is not None and file.tag and _clean(file.location) == file.location:
                known[file.location] = [file.size, file.tag, digest]
    except Exception as error:  # every store has errors of its own
        raise InputError(
            f"source {source.name}: its files can't be read to the end ({type(error).__name__}: {error}). "
            "Run again: files that were read are not read again to know their content"
        ) from error
    return hashes


def _fingerprint(location: str, known: dict[str, Any]) -> tuple[int, str]:
    """Size and hash of a local file's content; hashed anew only when size or time of change differ."""
    path = Path(location)
    try:
        stat = path.stat()
        before = known.get(location)
        if before is not None and list(before[:2]) == [stat.st_size, stat.st_mtime_ns]:
            return stat.st_size, str(before[2])
        fingerprint = file_fingerprint(path)
    except OSError:
        return 0, UNREADABLE
    if _clean(location) == location:
        known[location] = [stat.st_size, stat.st_mtime_ns, fingerprint]
    return stat.st_size, fingerprint


def _named_apart(found: Iterable[_Found]) -> list[_Found]:
    """Files of different paths that share a name get the path's fixed part, as the recipe has it, before it."""
    files = list(found)
    counts: dict[str, int] = {}
    for file in files:
        counts[file.name] = counts.get(file.name, 0) + 1
    apart = [
        replace(file, name=f"{_static(file.pattern)}/{file.name}") if counts[file.name] > 1 else file for file in files
    ]
    seen: dict[str, int] = {}
    for at, file in enumerate(apart):
        seen[file.name] = seen.get(file.name, 0) + 1
        if seen[file.name] > 1:
            apart[at] = replace(file, name=f"{seen[file.name]}/{file.name}")
    return apart


def _clean(name: str) -> str:
    """A name as valid text: bytes that aren't UTF-8 are written \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
