"""Where the machine code of compiled loops is kept.

Numba keeps the code of a function with a stamp of the file that the function is in. But the code has what the
function calls in it, whichever files that is from: after an upgrade that changed one file, the others' old code would
go on counting by the old rules. So the code of all kernels lies in a folder named after the sources of all.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from pathlib import Path

_SOURCES = Path(__file__).parent
_PREFIX = "kernels-"


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: under NUMBA_CACHE_DIR if it is set, else beside the sources, else in the
    user's cache folder, whichever can be written first.

    Raises OSError if none can.
    """
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.glob("*.py")):
        digest.update(path.read_bytes())
    name = _PREFIX + digest.hexdigest()[:16]
    given = os.environ.get("NUMBA_CACHE_DIR")
    here = _SOURCES / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tamis"
    places = [Path(given)] if given else [here, user]
    for place in places:
        try:
            (place / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if not os.access(place / name, os.W_OK):
            continue
        if place == here:
            _forget(here, name)
        return place / name
    raise OSError(f"no folder for compiled kernels can be written: {', '.join(map(str, places))}")


def _forget(place: Path, name: str) -> None:
    """Removes the code of earlier sources from the package's own folder."""
    for folder in place.glob(f"{_PREFIX}*"):
        if folder.name != name:
            shutil.rmtree(folder, ignore_errors=True)


def any_compiled() -> bool:
    """Whether any kernel is compiled and kept."""
    try:
        return next(cache_folder().rglob("*.nbi"), None) is not None
    except OSError:
        return False
