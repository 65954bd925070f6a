"""The work folder: corpus shards, signals, resolved columns, fitted models; each under its key."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.corpus.commit import make_folder, sweep
from tamis.corpus.documents import Shard
from tamis.errors import Locked, OptionError

_LOCK = "lock"
_SCRATCH = ".tamis-scratch"
"""Removed whole by the next run: no name that somebody's own folder has, should one be taken as work folder."""


class Store:
    """Paths of a work folder. Everything in it can be deleted; the next run makes it again."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def group(self, source: str, key: str) -> Path:
        """Folder of the shards of one group of input files."""
        return self.root / "corpus" / source / key

    def signals(self, stage: str, key: str, shard: Shard) -> Path:
        """Signal file of one stage on one shard, row-aligned with it."""
        return self.root / "signals" / stage / key / f"{shard.name}.parquet"

    def resolved(self, stage: str, key: str) -> Path:
        """What a resolver found, for all rows that were alive."""
        return self.root / "resolved" / stage / f"{key}.parquet"

    def partners(self, stage: str, key: str) -> Path:
        """Sketches of the rows that a resolver is asked about, of all that are measured."""
        return self.root / "partners" / stage / f"{key}.parquet"

    def fitted(self, stage: str, key: str) -> Path:
        """A model fitted on the corpus."""
        return self.root / "fitted" / stage / f"{key}.json"

    def fingerprints(self) -> Path:
        """Content hashes of input files by path, size and time of change."""
        return self.root / "fingerprints.json"

    def scratch(self) -> Path:
        """Folder for intermediate files of a resolver."""
        path = self.root / _SCRATCH
        path.mkdir(parents=True, exist_ok=True)
        return path

    def last_run(self, recipe: str) -> Path:
        """Record of the last run of a recipe: timings, rates, failures. Never part of a release."""
        return self.root / "runs" / f"{recipe}.json"

    def decided(self, recipe: str) -> Path:
        """What the last run of a recipe decided on every document."""
        return self.root / "runs" / f"{recipe}.parquet"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the work folder; the lock ends with the process, however it ends.

        Raises Locked when another process holds it, OptionError when the folder can't be written or is another's.
        """
        try:
            make_folder(self.root)
            self._refuse_others()
            handle = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OptionError(
                f"{self.root} can't be used as work folder: {error.strerror}. Choose another with --work"
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(handle, 64, 0).decode("utf-8", "replace").strip() or "unknown"
                raise Locked(
                    f"{self.root}: another run (process {holder}) holds this work folder. "
                    "Wait for it, or choose another with --work"
                ) from None
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            self._sweep()
            yield
        finally:
            os.close(handle)

    def _refuse_others(self) -> None:
        """What a run finds half-written here it removes: so a folder that holds anything was made by a run."""
        held = next(self.root.iterdir(), None)
        # A plan hashes inputs before there is any lock.
        if held is not None and not (self.root / _LOCK).exists() and not self.fingerprints().exists():
            raise OptionError(
                f"{self.root} is no work folder: it holds {held.name!r} and no {_LOCK!r}. Choose a new folder, or an "
                "empty one, with --work"
            )

    def _sweep(self) -> None:
        """Removes what killed processes left half-written."""
        sweep(self.root)
        shutil.rmtree(self.root / _SCRATCH, ignore_errors=True)
