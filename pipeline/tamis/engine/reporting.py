"""What a run tells while it goes: phases, bytes done, warnings. The command line draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from tamis.engine.tasks import Done


class Reporter(Protocol):
    """Hears about progress."""

    def phase(self, name: str, tasks: int, bytes: int) -> None:
        """A phase begins: so many tasks over so many bytes."""
        ...

    def done(self, done: Done) -> None:
        """A task of the phase is finished."""
        ...

    def warn(self, message: str) -> None:
        """Something the user should know, and that stops nothing."""
        ...


class Silent:
    """Hears and says nothing."""

    def phase(self, name: str, tasks: int, bytes: int) -> None:
        """Ignored."""

    def done(self, done: Done) -> None:
        """Ignored."""

    def warn(self, message: str) -> None:
        """Ignored."""


@dataclass
class Work:
    """What a run did: rows, bytes and CPU seconds by stage. For `tamis status`, never in a release."""

    rows: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, rows: int, bytes: int, seconds: float) -> None:
        """Counts a piece of work."""
        self.rows[stage] = self.rows.get(stage, 0) + rows
        self.bytes[stage] = self.bytes.get(stage, 0) + bytes
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a stage, with its rate in MB of text per CPU second."""
        return [
            {
                "stage": stage,
                "documents": self.rows[stage],
                "bytes": self.bytes[stage],
                "cpu_seconds": round(self.seconds[stage], 3),
                "mb_per_cpu_second": round(self.bytes[stage] / 1e6 / self.seconds[stage], 2)
                if self.seconds[stage] > 0
                else None,
            }
            for stage in self.rows
        ]
