"""Runs one command to its end and says what it took, all its processes together."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

EVERY = 0.1
"""Seconds between two looks at the memory, at least."""
SHARE = 0.01
"""Of one core's time that the looks may take: with all cores at work they slow down what is measured."""


@dataclass(frozen=True)
class Measured:
    """One run of a command."""

    cpu_s: float
    """User and system time of the process and of all that it waited for."""
    wall_s: float
    peak_mb: float
    """Largest sum of the proportional set sizes of its processes: shared pages count once."""
    parent_mb: float
    """Largest of the first process."""
    child_mb: float
    """Largest of any other process."""
    said: dict[str, Any]
    """The JSON object that is its output, or its last line."""


def measure(command: Sequence[str | Path], env: Mapping[str, str], log: Path) -> Measured:
    """Runs `command`. What it prints to stderr goes to `log`; raises CalledProcessError if it fails."""
    begin = time.perf_counter()
    with log.open("wb") as errors:
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=errors, env=dict(env))
    watch = _Memory(process.pid)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    watch.stop()
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise subprocess.CalledProcessError(code, [*map(str, command)], printed)
    text = printed.decode().strip()
    said = json.loads(text if text.startswith("{\n") else text.splitlines()[-1])
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(cpu, wall, watch.peak / 1e6, watch.parent / 1e6, watch.child / 1e6, said)


class _Memory:
    """Watches the memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self.peak = self.parent = self.child = 0
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        took = 0.0
        while not self._done.wait(max(EVERY, took / SHARE)):
            begin = time.thread_time()
            try:
                family = [self._process, *self._process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            total = 0
            for process in family:
                try:
                    size = process.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                    continue
                total += size
                if process is self._process:
                    self.parent = max(self.parent, size)
                else:
                    self.child = max(self.child, size)
            self.peak = max(self.peak, total)
            took = time.thread_time() - begin

    def stop(self) -> None:
        self._done.set()
        self._thread.join()
