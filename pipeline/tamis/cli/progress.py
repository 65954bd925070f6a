"""Progress of a run on the terminal: phases, rates, time left. Plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tamis.cli.output import errors, size
from tamis.engine.tasks import Done


class Bars:
    """Draws a bar a phase on stderr."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._phase, self._tasks, self._finished, self._bytes = "", 0, 0, 0
        self._begin = self._said = time.monotonic()

    def __enter__(self) -> Bars:
        if not self._quiet and errors.is_terminal:
            self._progress = Progress(
                TextColumn("[bold]{task.description:<14}"), BarColumn(), TextColumn("{task.fields[count]}"),
                TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(),
                console=errors,
            )  # fmt: skip
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._progress is not None:
            self._progress.stop()

    def phase(self, name: str, tasks: int, bytes: int) -> None:
        """A phase begins."""
        self._end()
        self._phase, self._tasks, self._finished, self._bytes = name, tasks, 0, 0
        self._begin = self._said = time.monotonic()
        if self._progress is not None:
            self._task = self._progress.add_task(name, total=max(bytes, 1), count=f"0/{tasks}", rate="")

    def done(self, done: Done) -> None:
        """A task is finished."""
        self._finished += 1
        self._bytes += done.task.bytes
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task,
                completed=self._bytes,
                count=f"{self._finished}/{self._tasks} shards",
                rate=self._rate(),
            )
        elif not self._quiet and time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            errors.print(f"{self._phase}: {self._finished}/{self._tasks} shards, {self._rate()}")

    def warn(self, message: str) -> None:
        """Something the user should know."""
        errors.print(f"[yellow]note:[/yellow] {message}")

    def _rate(self) -> str:
        seconds = time.monotonic() - self._begin
        return f"{size(self._bytes)} at {size(self._bytes / max(seconds, 1e-3))}/s"

    def _end(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._progress.tasks[self._task].total)
            self._task = None
        elif self._phase and not self._quiet:
            errors.print(f"{self._phase}: {self._finished}/{self._tasks} shards, {self._rate()}")
        self._phase = ""
