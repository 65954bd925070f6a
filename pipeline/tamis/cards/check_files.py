"""Do the files of a release match the manifest's list: all there, nothing else, sizes, rows, checksums."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from tamis.cards.checks import Checks
from tamis.corpus.commit import canonical_json
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import NAME, FileFacts, Manifest

FOREIGN = (".git", ".cache", ".gitattributes", ".gitignore")
"""Top-level names that Git and the Hub's download tool put beside a release."""


def check_files(manifest: Manifest, release: Path, checks: Checks) -> set[str]:
    """Checks every file; returns the paths of those that are gone, or not what the manifest says."""
    listed: dict[str, int] = {}
    damaged: set[str] = set()
    for index, file in enumerate(manifest.files):
        place = f"{NAME}: files[{index}]"
        inside = not PurePosixPath(file.path).is_absolute() and ".." not in PurePosixPath(file.path).parts
        checks.holds(inside, f"{place}.path", file.path, "a path inside the release")
        checks.holds(file.path not in listed, f"{place}.path", file.path, "each file once")
        listed[file.path] = index
        if inside and not _intact(file, place, release, checks):
            damaged.add(file.path)
    there = {
        path.relative_to(release).as_posix()
        for path in release.rglob("*")
        if path.is_file() and path.relative_to(release).parts[0] not in FOREIGN
    }
    for path in sorted(there - set(listed) - {NAME}):
        checks.holds(False, path, "a file that the manifest does not list", "no such file")
    checks.made += len(there)
    return damaged


def _intact(file: FileFacts, place: str, release: Path, checks: Checks) -> bool:
    path = release / file.path
    if not path.is_file():
        return checks.holds(False, file.path, "no file", f"{file.bytes} bytes ({place})")
    size, sha256 = path.stat().st_size, file_sha256(path)
    same = checks.holds(size == file.bytes, file.path, f"{size} bytes", f"{file.bytes} bytes ({place}.bytes)")
    same &= checks.holds(
        sha256 == file.sha256, file.path, f"SHA-256 {sha256}", f"SHA-256 {file.sha256} ({place}.sha256)"
    )
    if path.suffix != ".parquet":
        return checks.equal(f"{place}.rows", file.rows, None) and same
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        return checks.holds(False, f"{file.path} (content)", f"not readable: {error}", "a Parquet file")
    return checks.holds(rows == file.rows, f"{file.path} (rows)", rows, f"{file.rows} ({place}.rows)") and same


def check_spelling(manifest: Manifest, release: Path, checks: Checks) -> None:
    """The manifest's bytes are the one spelling of what it says."""
    written = (release / NAME).read_bytes()
    spelled = canonical_json(manifest.model_dump(mode="json"), indent=True) + b"\n"
    for number, (found, expected) in enumerate(zip(written.split(b"\n"), spelled.split(b"\n"), strict=False), 1):
        if found != expected:
            checks.holds(False, f"{NAME}:{number}", found.decode(errors="replace"), expected.decode())
            return
    checks.equal(f"{NAME} (bytes)", len(written), len(spelled))
