"""A run: from recipe to release. What is done already is not done again."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.corpus.manifest import Manifest, read_manifest
from tamis.corpus.store import Store
from tamis.engine.making import make_release
from tamis.engine.memory import reuse_memory
from tamis.engine.mixing import check_mix
from tamis.engine.placing import building, check_place, clear, recover
from tamis.engine.previous import find_previous, release_folder
from tamis.engine.record import recording
from tamis.engine.release import check_tokens
from tamis.engine.reporting import Reporter
from tamis.engine.session import Session
from tamis.engine.trainer_files import check_formats
from tamis.errors import InputError, RunError
from tamis.recipe.model import Recipe

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@dataclass(frozen=True)
class RunOptions:
    """Where and how: none of it changes a byte of the release."""

    work: Path
    out: Path
    workers: int
    max_rejects: float | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a run did."""

    release: Path
    manifest: Manifest
    measured: int
    """Signal files measured or topped up."""
    reused: int
    """Signal files found as they were needed."""
    seconds: float
    nothing_to_do: bool

    def to_json(self) -> dict[str, Any]:
        """As `tamis run --json` prints it."""
        return {
            "release": str(self.release),
            "identity": self.manifest.identity,
            "measured": self.measured,
            "reused": self.reused,
            "documents": self.manifest.totals["documents"],
            "tokens": self.manifest.totals["tokens"],
            "mixed_tokens": self.manifest.totals["mixed_tokens"],
            "ingested": self.manifest.totals["ingested"],
            "nothing_to_do": self.nothing_to_do,
            "seconds": round(self.seconds, 3),
        }


def run(recipe: Recipe, base: Path, options: RunOptions, reporter: Reporter, card: Any) -> RunSummary:
    """Makes the release of `recipe`. `card(manifest, ledger, folder)` writes the data card into it and returns
    the paths it wrote.

    Raises Locked, TooManyRejects, TaskFailed, InputError, OptionError, StoreError. With several workers, a
    script that calls it must stand under `if __name__ == "__main__":`, as workers import it.
    """
    begin = time.monotonic()
    reuse_memory()
    check_tokens(recipe)
    check_formats(recipe)
    check_mix(recipe, base)
    before = find_previous(recipe, options.out)
    store = Store(options.work)
    with (
        store.lock(),
        recording(store.last_run(recipe.run_name), recipe.run_name, reporter) as record,
        _disk_errors(),
    ):
        session = Session(recipe, base, store, options.workers, record)
        session.previous = before.manifest.identity if before is not None else None
        record.phase("find inputs", 0, 0)
        session.locate()
        session.resolve_models()
        release = release_folder(options.out, recipe.name, recipe.version)
        recover(release)
        existing = finished(release, session.release_identity)
        if existing is not None:
            clear(release)
            reused = _signal_files(recipe, existing.totals["shards"])
            summary = RunSummary(release, existing, 0, reused, time.monotonic() - begin, True)
            record.up_to_date({**summary.to_json(), "stages": []})
            return summary
        check_place(release)
        record.begin()
        with session.crew:
            session.ingest(options.max_rejects)
            session.fit()
            session.measure()
            with building(release, session.release_identity) as folder:
                manifest = make_release(session, folder, card, before)
        measured, found = len(session.written), session.signal_files()
        summary = RunSummary(release, manifest, measured, found - measured, time.monotonic() - begin, False)
        record.end("finished", **summary.to_json(), stages=session.work.to_json())
        return summary


@contextmanager
def _disk_errors() -> Iterator[None]:
    """A full or failing disk is no bug: it is told without a traceback."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise RunError(
            f"{error.filename or 'the disk'}: {error.strerror}. What is finished is kept; mend it and run the same "
            "command again"
        ) from error


def finished(release: Path, identity: str) -> Manifest | None:
    """The manifest of a release that is already what would be made, its files all there."""
    try:
        manifest = read_manifest(release)
    except InputError:
        # None there, or another format's: made anew.
        return None
    if manifest.identity != identity:
        return None
    for entry in manifest.files:
        path = release / entry.path
        if not path.exists() or path.stat().st_size != entry.bytes:
            raise RunError(
                f"{path}: differs from the release's manifest. `tamis verify {release}` tells more; "
                f"delete {release} to make it anew"
            )
    return manifest


def _signal_files(recipe: Recipe, shards: int) -> int:
    """Signal files that the recipe needs: one a shard and measuring stage."""
    return shards * sum(1 for use in recipe.stages if use.stage.prepare is not None)
