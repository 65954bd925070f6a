"""Where a release stands: made beside its place, then moved there; what a killed run left is put right.

OUT/NAME-VERSION                       the release
OUT/.building-NAME-VERSION-IDENTITY    one in the making
OUT/.building-NAME-VERSION-old         the one it replaces, between two renames
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.corpus.commit import make_folder, sweep, sync_folder
from tamis.corpus.manifest import NAME
from tamis.errors import Locked, OptionError

_DIGITS = 12


def check_place(release: Path) -> None:
    """Raises OptionError where no release can be put: told before the work, not after it."""
    if release.exists() and not (release / NAME).exists() and not _empty(release):
        raise OptionError(
            f"{release} is there already and is no release ({NAME} is missing). Nothing in it was touched: "
            "move it away, or choose another folder with --out"
        )
    try:
        make_folder(release.parent)
        with tempfile.TemporaryFile(dir=release.parent):
            pass
    except OSError as error:
        raise OptionError(
            f"{release.parent} can't be written: {error.strerror}. Choose another folder with --out"
        ) from error


def _empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


def recover(release: Path) -> None:
    """Brings back the release that a run was replacing when it was killed.

    Raises Locked when another run is making this release, from another work folder.
    """
    old = _old(release)
    if not old.exists():
        return
    for folder in _made(release):
        os.close(_hold(folder))
    if release.exists():
        shutil.rmtree(old)
    else:
        old.rename(release)
        sync_folder(release.parent)


@contextmanager
def building(release: Path, identity: str) -> Iterator[Path]:
    """Yields an empty folder to make the release in; it takes its place at the end, and is gone on failure."""
    clear(release)
    folder = release.with_name(f".building-{release.name}-{identity[:_DIGITS]}")
    make_folder(folder)
    handle = _hold(folder)
    try:
        yield folder
        # Of a worker that died: its task ran again.
        sweep(folder)
        _swap(folder, release)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
        recover(release)


def clear(release: Path) -> None:
    """Removes what killed runs left of this release in the making. Raises Locked when one isn't dead."""
    for folder in _made(release):
        handle = _hold(folder)
        shutil.rmtree(folder)
        os.close(handle)


def _made(release: Path) -> list[Path]:
    """Folders in which this release is, or was, in the making."""
    # Another release's name may begin like this one's.
    name = re.compile(rf"\.building-{re.escape(release.name)}-[0-9a-f]{{{_DIGITS}}}")
    return [path for path in release.parent.iterdir() if name.fullmatch(path.name)]


def _hold(folder: Path) -> int:
    """Locks a folder for as long as the file handle is open: two work folders may share one for releases."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise Locked(
            f"{folder}: another run is making this release. Wait for it, or choose another folder with --out"
        ) from None
    return handle


def _swap(folder: Path, release: Path) -> None:
    old = _old(release)
    if release.exists():
        release.rename(old)
    folder.rename(release)
    sync_folder(release.parent)
    shutil.rmtree(old, ignore_errors=True)


def _old(release: Path) -> Path:
    return release.with_name(f".building-{release.name}-old")
