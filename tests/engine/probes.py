"""Tasks that fail as they are told: light, so that a worker has them quickly."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


class OddError(Exception):
    """An exception that can't be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


@dataclass(frozen=True)
class Probe:
    """A task that leaves a line for every try, and fails as it is told."""

    name: str
    folder: Path
    failures: int = 0
    how: str = "raise"
    beside: str = ""
    """A task that must have begun before this one fails."""
    seconds: float = 0.05
    bytes: int = 1

    @property
    def label(self) -> str:
        return f"probe {self.name}"

    @property
    def tries(self) -> int:
        path = self.folder / self.name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def run(self) -> str:
        with (self.folder / self.name).open("a") as file:
            file.write(f"{os.getpid()}\n")
        if self.tries <= self.failures:
            while self.beside and not (self.folder / self.beside).exists():
                time.sleep(0.01)
            if self.how == "die":
                os._exit(9)
            if self.how == "odd":
                raise OddError("very", "odd")
            raise ValueError(f"{self.name} is broken")
        time.sleep(self.seconds)
        return self.name.upper()


@dataclass(frozen=True)
class Endless:
    """A task that never ends."""

    folder: Path
    label: str = "endless"
    bytes: int = 2

    def run(self) -> None:
        (self.folder / "endless").write_text(f"{os.getpid()}\n")
        time.sleep(600)
