"""The record of a recipe's last run, for `tamis status`: where it is, how it ended, and what failed.

It is written while the run goes on, so that another process can look at it, and lies in the work folder
alone: no release holds a time, place or process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tamis.corpus.commit import read_json, write_json
from tamis.engine.reporting import Reporter
from tamis.engine.tasks import Done, describe

EVERY = 2.0
"""Seconds between two writings of the record while tasks are finished."""


@dataclass
class Record:
    """Hears what a run tells its reporter (it is a `Reporter` itself) and keeps it on disk."""

    path: Path
    recipe: str
    reporter: Reporter
    facts: dict[str, Any] = field(default_factory=dict)
    _written: float = 0.0

    def phase(self, name: str, tasks: int, bytes: int) -> None:
        """A phase begins."""
        self.reporter.phase(name, tasks, bytes)
        self._update(phase=name, tasks=tasks, done=0)

    def done(self, done: Done) -> None:
        """A task of the phase is finished."""
        self.reporter.done(done)
        self.facts["done"] = self.facts.get("done", 0) + 1
        if time.monotonic() - self._written > EVERY:
            self._update()

    def warn(self, message: str) -> None:
        """Passed on."""
        self.reporter.warn(message)

    def begin(self) -> None:
        """There is work to do: the record of the run before gives way to this one's."""
        self._update(recipe=self.recipe, state="running", process=os.getpid(), begin=_now(), end=None, error=None)

    def end(self, state: str, **facts: Any) -> None:
        """The run is over: `finished`, `failed` or `interrupted`."""
        if "begin" not in self.facts:
            self.begin()
        self._update(state=state, end=_now(), **facts)

    def up_to_date(self, facts: dict[str, Any]) -> None:
        """There was nothing to do: the record of the run that did it stays, unless a later one failed."""
        if not self.path.exists() or read_json(self.path).get("state") != "finished":
            self.end("finished", **facts)

    def _update(self, **facts: Any) -> None:
        self.facts.update(facts)
        if "begin" in self.facts:
            write_json(self.path, self.facts)
            self._written = time.monotonic()


@contextmanager
def recording(path: Path, recipe: str, reporter: Reporter) -> Iterator[Record]:
    """Around a run: what it raises is recorded, and goes on its way."""
    record = Record(path, recipe, reporter)
    try:
        yield record
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        # A disk that is full can't take the record either; that it is full is what matters.
        with contextlib.suppress(OSError):
            record.end("interrupted" if interrupted else "failed", error=None if interrupted else describe(error))
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
