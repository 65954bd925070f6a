"""Progress of publishing: on a terminal a bar, elsewhere a line a step."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tamis.cli.output import errors, escape, number, size


class PublishProgress:
    """Tells on stderr how publishing goes (a `tamis.hub.publish.Progress`)."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._line: TaskID | None = None
        self._step = ""
        self._files = self._bytes = self._sent = self._sent_bytes = 0
        if errors.is_interactive:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("[bold]{task.description}"), BarColumn(None),
                TextColumn("{task.fields[told]}", justify="right"), TimeElapsedColumn(), TimeRemainingColumn(),
                console=errors, expand=True, transient=True,
            )  # fmt: skip

    def __enter__(self) -> PublishProgress:
        if self._progress is not None:
            self._progress.start()
            self._line = self._progress.add_task("", total=None, told="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self, name: str) -> None:
        """A step begins."""
        if name == self._step:
            return
        self._step = name
        if self._progress is not None and self._line is not None:
            self._progress.update(self._line, description=escape(name))
        else:
            errors.print(escape(name))

    def sending(self, files: int, bytes: int) -> None:
        """So much is to be sent."""
        self._files, self._bytes = files, bytes
        self._move()

    def sent(self, files: int, bytes: int) -> None:
        """So much more has been sent."""
        self._sent, self._sent_bytes = self._sent + files, self._sent_bytes + bytes
        self._move()

    def say(self, message: str) -> None:
        """Something the user should know."""
        errors.print(f"[yellow]note:[/yellow] {escape(message)}")

    def _move(self) -> None:
        if self._progress is not None and self._line is not None:
            told = f"{number(self._sent)}/{number(self._files)} files, {size(self._sent_bytes)}"
            done = min(self._sent_bytes, self._bytes)
            self._progress.update(self._line, total=max(self._bytes, 1), completed=done, told=told)
