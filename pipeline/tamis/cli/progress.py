"""Progress of a run: on a terminal a line a phase with bar, rate and time left; elsewhere a line a phase."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from tamis.cli.output import duration, errors, escape, size
from tamis.engine.tasks import Done
from tamis.kernels.cache_folder import any_compiled

BEAT = 300
"""Seconds of a phase after which a line tells, where there is no terminal, that it goes on."""
NOTABLE = 1.0
"""Seconds that a phase without tasks takes at least to be told of afterwards."""


class Bars:
    """Tells on stderr how a run goes (a `Reporter`)."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._phase = ""
        self._tasks = self._finished = self._total = self._bytes = 0
        self._begin = self._said = self._last = time.monotonic()
        self._line: TaskID | None = None
        self._cold = not any_compiled()
        self._progress: Progress | None = None
        if not quiet and errors.is_interactive:
            self._progress = Progress(
                SpinnerColumn(finished_text="[green]✓[/green]"),
                # Widths that hold what may come, so that the bars stay where they are.
                TextColumn("[bold]{task.description}", table_column=Column(min_width=23, no_wrap=True)),
                BarColumn(None, table_column=Column(ratio=1)),
                TextColumn("{task.fields[count]}", justify="right", table_column=Column(min_width=5, no_wrap=True)),
                TextColumn("{task.fields[rate]}", justify="right", table_column=Column(min_width=10, no_wrap=True)),
                _Time(table_column=Column(min_width=18, no_wrap=True)),
                console=errors, expand=True, get_time=lambda: time.monotonic(),
            )  # fmt: skip

    def __enter__(self) -> Bars:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end()
        if self._progress is not None:
            self._progress.stop()

    def phase(self, name: str, tasks: int, bytes: int) -> None:
        """A phase begins; the one before is over."""
        self._end()
        self._phase, self._tasks, self._finished, self._total, self._bytes = name, tasks, 0, bytes, 0
        self._begin = self._said = self._last = time.monotonic()
        if tasks and self._cold and not self._quiet:
            self._cold = False
            self.warn("the first run of an installation compiles the kernels, which takes half a minute or so")
        if self._progress is not None:
            # Without a total, the bar pulses: nothing is known before the first task is done.
            count = f"0/{tasks}" if tasks else ""
            self._line = self._progress.add_task(escape(name), total=None, count=count, rate="", end=None)

    def done(self, done: Done) -> None:
        """A task is finished."""
        self._finished += 1
        self._bytes += done.task.bytes
        now = self._last = time.monotonic()
        spent = max(now - self._begin, 1e-3)
        if self._progress is not None and self._line is not None:
            left = (self._total - self._bytes) * spent / max(self._bytes, 1)
            self._progress.update(
                self._line, total=max(self._total, 1), completed=self._bytes, rate=self._rate(),
                count=f"{self._finished}/{self._tasks}", end=now + left,
            )  # fmt: skip
        elif not self._quiet and now - self._said > BEAT:
            self._said = now
            errors.print(escape(f"{self._phase}: {self._finished} of {self._tasks} tasks, {self._rate()}"))

    def warn(self, message: str) -> None:
        """Something the user should know."""
        errors.print(f"[yellow]note:[/yellow] {escape(message)}")

    def _rate(self) -> str:
        return f"{size(self._bytes / max(self._last - self._begin, 1e-3))}/s"

    def _end(self) -> None:
        """Ends the phase, which came to its end."""
        spent = time.monotonic() - self._begin
        if self._progress is not None and self._line is not None:
            if not self._tasks and spent < NOTABLE:
                self._progress.remove_task(self._line)
            else:
                total = max(self._total, 1)
                self._progress.update(self._line, total=total, completed=total, end=None)
                self._progress.stop_task(self._line)
        elif self._phase and not self._quiet:
            if self._tasks:
                tasks = f"{self._finished} {'task' if self._finished == 1 else 'tasks'}"
                taken = duration(self._last - self._begin)
                errors.print(escape(f"{self._phase}: {tasks}, {size(self._bytes)} in {taken}, {self._rate()}"))
            elif spent >= NOTABLE:
                errors.print(escape(f"{self._phase}: {duration(spent)}"))
        self._phase, self._line = "", None


class _Time(ProgressColumn):
    """Time spent, and while it runs the time left at the rate so far."""

    max_refresh = None

    def render(self, task: Task) -> Text:
        """`12.3 s, 1:40 left`."""
        spent = duration(task.elapsed or 0.0)
        end = task.fields["end"]
        if task.finished or end is None:
            return Text(spent, style="progress.elapsed")
        left = round(max(end - time.monotonic(), 0.0))
        return Text(f"{spent}, {left // 60}:{left % 60:02d} left", style="progress.elapsed")
