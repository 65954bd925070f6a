"""Putting the files of a release together, as the parts that tasks write of them come in."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tamis.corpus.parquet_parts import Joined, Part
from tamis.engine.release import ReleaseTask
from tamis.engine.tasks import Done


class Assembly:
    """The files of a release in the making at `root`. Parts are taken in the order of their tasks, whichever ends
    first, and removed; a file that has all its parts is committed, and has its entry in `entries`."""

    def __init__(self, root: Path, tasks: Sequence[ReleaseTask]) -> None:
        self._root, self._tasks = root, tasks
        self._awaited = Counter(path for task in tasks for path in task.paths)
        self._came: dict[int, Mapping[str, Part]] = {}
        self._next = 0
        self._joined: dict[str, Joined] = {}
        self.entries: list[dict[str, Any]] = []
        """Of the manifest."""

    def __enter__(self) -> Assembly:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for joined in self._joined.values():
            joined.discard()

    def take(self, done: Done) -> None:
        """Takes what a task has written."""
        assert isinstance(done.task, ReleaseTask)
        self._came[done.task.number] = done.result
        while self._next in self._came:
            for path, part in self._came.pop(self._next).items():
                self._add(path, part)
            shutil.rmtree(self._tasks[self._next].folder)
            self._next += 1

    def _add(self, path: str, part: Part) -> None:
        if path not in self._joined:
            self._joined[path] = Joined(self._root / path)
        self._joined[path].add(part)
        self._awaited[path] -= 1
        if not self._awaited[path]:
            self.entries.append({"path": path, **self._joined.pop(path).close()})
