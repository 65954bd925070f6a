"""A release on object storage: every file compared there, the manifest last, so that its presence means all is there.

Files go up one after another and are read back; a copy that was interrupted goes on where it stopped. Unlike
publishing, this hands nothing on: the copy is all of the release, for storage of one's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.cards.verify import verify
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import NAME
from tamis.errors import InputError, RunError, TamisError, VerifyError

_PIECE = 8_000_000
_SHOWN = 5
Doing = Callable[[str], AbstractContextManager[None]]
"""Shows that something goes on."""


@dataclass(frozen=True)
class Copied:
    """What was done."""

    url: str
    files: int
    bytes: int
    sent: int
    """Files that weren't there yet."""


def copy_release(release: Path, url: str, doing: Doing) -> Copied:
    """Copies a release to the folder `url`, any address that fsspec can write to.

    Raises VerifyError when the release doesn't hold, InputError when something else lies at `url`, and RunError when
    the store can't be reached, refuses, or gives back other bytes than it was given.
    """
    with doing(f"verifying {release}"):
        problems = verify(release).problems
    if problems:
        told = "; ".join(f"{one.place}: found {one.found}, expected {one.expected}" for one in problems[:_SHOWN])
        raise VerifyError(f"{release} doesn't match its manifest, so it isn't copied: {told}")
    paths = sorted(path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file())
    paths.sort(key=lambda path: path == NAME)
    store = _Store(url)
    try:
        there = store.files()
        _check(release, url, store, there, paths)
        sent = 0
        for path in paths:
            with doing(f"copying {path}"):
                sent += _brought(release / path, path, store, there.get(path))
    except TamisError:
        raise
    except Exception as error:  # every store has errors of its own
        raise RunError(
            f"{url}: {type(error).__name__}: {error}. What arrived is there still: the same command goes on"
        ) from error
    return Copied(url, len(paths), sum((release / path).stat().st_size for path in paths), sent)


class _Store:
    """A folder on a store."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self.filesystem, self.root = fsspec.core.url_to_fs(url.rstrip("/"))
        except (ImportError, ValueError) as error:
            raise InputError(f"{url}: {error}") from error

    def place(self, path: str) -> str:
        return f"{self.root}/{path}"

    def files(self) -> dict[str, int]:
        """Sizes of the files there, by path within the folder."""
        self.filesystem.invalidate_cache()
        try:
            found: dict[str, dict[str, Any]] = self.filesystem.find(self.root, detail=True)
        except FileNotFoundError:
            return {}
        return {place.removeprefix(f"{self.root}/"): int(info["size"] or 0) for place, info in found.items()}

    def sha256(self, path: str) -> str:
        """Checksum of what the store gives back."""
        hasher = hashlib.sha256()
        with self.filesystem.open(self.place(path), "rb", block_size=_PIECE) as stream:
            while piece := stream.read(_PIECE):
                hasher.update(piece)
        return hasher.hexdigest()

    def put(self, path: str, file: Path) -> None:
        place = self.place(path)
        self.filesystem.makedirs(place.rpartition("/")[0], exist_ok=True)
        self.filesystem.put_file(str(file), place)
        self.filesystem.invalidate_cache()


def _check(release: Path, url: str, store: _Store, there: dict[str, int], paths: list[str]) -> None:
    """Raises InputError when the folder holds anything that is no part of this release."""
    strange = sorted(there.keys() - set(paths))
    if strange:
        more = f", ... ({len(strange)})" if len(strange) > _SHOWN else ""
        raise InputError(
            f"{url} holds other files: {', '.join(strange[:_SHOWN])}{more}. Name a folder that is empty, such as "
            f"{url.rstrip('/')}/{release.resolve().name}"
        )
    if NAME in there and store.sha256(NAME) != file_sha256(release / NAME):
        raise InputError(
            f"{url} holds another release. Releases aren't overwritten: name another folder, such as "
            f"{url.rstrip('/')}/{release.resolve().name}"
        )


def _brought(file: Path, path: str, store: _Store, size: int | None) -> bool:
    """Sees to it that the store has the file; whether it had to be sent."""
    expected = file_sha256(file)
    if size == file.stat().st_size and store.sha256(path) == expected:
        return False
    store.put(path, file)
    if store.sha256(path) != expected:
        raise RunError(f"{store.place(path)}: the store gives back other bytes than it was given. Copy again")
    return True
