"""What an engine runs: independent, idempotent tasks that commit files."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol

from tamis.engine.worker import start_worker
from tamis.errors import TamisError, TaskFailed

ATTEMPTS = 3
"""Tries of a task before it is reported as failed."""


class Task(Protocol):
    """A piece of work. It is pickled to a worker; run twice, it commits the same bytes twice."""

    @property
    def label(self) -> str:
        """What it is, for progress and errors: `measure SOURCE SHARD`."""
        ...

    @property
    def bytes(self) -> int:
        """Text bytes it handles, for rates."""
        ...

    def run(self) -> Any:
        """Does the work and returns a small record of it."""
        ...


@dataclass(frozen=True)
class Done:
    """A finished task."""

    task: Task
    result: Any
    seconds: float
    """CPU seconds."""


def _timed(task: Task) -> tuple[Any, float]:
    begin = time.process_time()
    result = task.run()
    return result, time.process_time() - begin


def run_tasks(tasks: Sequence[Any], workers: int, on_done: Callable[[Done], None]) -> list[Any]:
    """Runs all tasks and returns their results in order.

    A task that fails is tried again; the others are finished before TaskFailed names those that failed
    ATTEMPTS times. A worker that dies takes nothing with it but the tasks in flight, which run again.
    """
    if workers == 1 or len(tasks) <= 1:
        results, errors = _run_here(tasks, on_done)
    else:
        results, errors = _run_in_pool(tasks, min(workers, len(tasks)), on_done)
    if errors:
        raise TaskFailed(_report(tasks, errors))
    return [results[index] for index in range(len(tasks))]


def _run_here(tasks: Sequence[Any], on_done: Callable[[Done], None]) -> tuple[dict[int, Any], dict[int, str]]:
    results: dict[int, Any] = {}
    errors: dict[int, str] = {}
    for index, task in enumerate(tasks):
        for attempt in range(ATTEMPTS):
            try:
                results[index], seconds = _timed(task)
            except Exception as error:  # noqa: BLE001  a task may fail in any way; it is retried, then reported
                if attempt + 1 == ATTEMPTS:
                    errors[index] = describe(error)
                continue
            on_done(Done(task, results[index], seconds))
            break
    return results, errors


def _run_in_pool(
    tasks: Sequence[Any], workers: int, on_done: Callable[[Done], None]
) -> tuple[dict[int, Any], dict[int, str]]:
    results: dict[int, Any] = {}
    errors: dict[int, str] = {}
    tries = [0] * len(tasks)
    # Largest first: the last task to end is then a small one.
    waiting = sorted(range(len(tasks)), key=lambda index: (-tasks[index].bytes, index))
    while waiting:
        broken = False
        with ProcessPoolExecutor(workers, get_context("spawn"), initializer=start_worker) as pool:
            flying: dict[Future[Any], int] = {}
            while (waiting or flying) and not broken:
                while waiting and len(flying) < workers:
                    index = waiting.pop(0)
                    tries[index] += 1
                    flying[pool.submit(_timed, tasks[index])] = index
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in finished:
                    index = flying.pop(future)
                    try:
                        results[index], seconds = future.result()
                    except Exception as error:  # noqa: BLE001  as above
                        broken |= isinstance(error, BrokenProcessPool)
                        if tries[index] < ATTEMPTS:
                            waiting.append(index)
                        else:
                            errors[index] = describe(error)
                        continue
                    on_done(Done(tasks[index], results[index], seconds))
            for index in flying.values():
                # In flight when a worker died: perhaps its fault, perhaps not. It runs again.
                (
                    waiting.append(index)
                    if tries[index] < ATTEMPTS
                    else errors.setdefault(index, "its worker died")
                )
    return results, errors


def describe(error: BaseException) -> str:
    """One line of a failure: ours as it stands, anything else with the place it came from."""
    if isinstance(error, TamisError):
        return str(error)
    if isinstance(error, BrokenProcessPool):
        return "its worker process died (killed, or out of memory)"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tamis" in frame.filename]
    place = f" at {frames[-1].filename.rsplit('/tamis/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _report(tasks: Sequence[Any], errors: dict[int, str]) -> str:
    lines = [f"  {tasks[index].label}: {message}" for index, message in sorted(errors.items())]
    return (
        f"{len(errors)} of {len(tasks)} tasks failed after {ATTEMPTS} tries; the others are done and kept:\n"
        + "\n".join(lines[:20])
        + ("\n  ..." if len(lines) > 20 else "")
        + "\nMend the cause and run the same command again: it goes on from here"
    )


def total_bytes(tasks: Iterable[Any]) -> int:
    """Text bytes of all tasks."""
    return sum(task.bytes for task in tasks)
