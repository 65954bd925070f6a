"""Putting the files of a release together, as the parts that tasks write of them come in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from tamis.corpus.commit import sync_folder
from tamis.corpus.parquet_parts import Joined, Part
from tamis.engine.release import FileKey, ReleaseTask
from tamis.engine.tasks import Done

SYNCED_TOGETHER = 8
"""Files that are committed at a time, at the end."""
_Place = tuple[str, str, str]
"""Kind, language and source."""


class Assembly:
    """The Parquet files of a release in the making at `root`. Parts are taken in the order of their tasks, whichever
    ends first, and removed. A file is committed when the next one begins; how many there are is known at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._came: dict[int, tuple[ReleaseTask, Mapping[FileKey, Part]]] = {}
        self._next = 0
        self._open: dict[_Place, tuple[FileKey, Joined]] = {}
        self._made: dict[FileKey, dict[str, Any]] = {}

    def __enter__(self) -> Assembly:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, joined in self._open.values():
            joined.discard()

    def take(self, done: Done) -> None:
        """Takes what a task has written."""
        assert isinstance(done.task, ReleaseTask)
        self._came[done.task.number] = done.task, done.result
        while self._next in self._came:
            task, parts = self._came.pop(self._next)
            for key, part in parts.items():
                self._file(key).add(part)
            shutil.rmtree(task.folder, ignore_errors=True)
            self._next += 1

    def finish(self) -> list[dict[str, Any]]:
        """Commits what isn't yet, and gives all files their names; returns their manifest entries."""
        # Side by side, they share what the disk does to sync them.
        with ThreadPoolExecutor(SYNCED_TOGETHER) as aside:
            list(aside.map(self._close, list(self._open)))
        of = {key[:3]: key.number + 1 for key in sorted(self._made)}
        paths = {key: key.path(of[key[:3]]) for key in self._made}
        for key, path in paths.items():
            (self._root / key.path()).replace(self._root / path)
        for folder in {(self._root / path).parent for path in paths.values()}:
            sync_folder(folder)
        return [{"path": paths[key], **made} for key, made in self._made.items()]

    def _file(self, key: FileKey) -> Joined:
        place = key[:3]
        if place in self._open and self._open[place][0] != key:
            self._close(place)
        if place not in self._open:
            self._open[place] = key, Joined(self._root / key.path())
        return self._open[place][1]

    def _close(self, place: _Place) -> None:
        key, joined = self._open.pop(place)
        self._made[key] = joined.close()
