"""What an engine runs: independent, idempotent tasks that commit files."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import active_children, connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Protocol

from tamis.engine.memory import reuse_memory
from tamis.engine.worker import (
    environment,
    prepare_workers,
    start_worker,
    uninterrupted,
    worker_context,
    workers_environment,
)
from tamis.errors import TamisError, TaskFailed

ATTEMPTS = 3
"""Tries of a task before it is reported as failed."""
AHEAD = 6
"""Tasks that are made and handed out beyond those that can run: the process that makes them has other work, too, and a
worker shouldn't wait for it."""
LOOK_AFTER = 1.0
"""Seconds without a finished task after which the workers are looked after."""


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


@dataclass(frozen=True)
class _Attempt:
    """What came of one try."""

    result: Any
    seconds: float
    error: str | None = None
    """Told where it happened: not every exception survives the way between processes."""


def _attempt(task: Task) -> _Attempt:
    reuse_memory()
    begin = time.process_time()
    try:
        result = task.run()
    except Exception as error:  # noqa: BLE001  a task may fail in any way; it is retried, then reported
        return _Attempt(None, time.process_time() - begin, describe(error))
    return _Attempt(result, time.process_time() - begin)


def run_tasks(tasks: Sequence[Any], workers: int, on_done: Callable[[Done], None]) -> list[Any]:
    """As `Workers.run`, with workers for this one call."""
    with Workers(workers) as crew:
        return crew.run(tasks, on_done)


def run_here(tasks: Sequence[Any]) -> list[Any]:
    """As `Workers.run`, in this process and unheard."""
    return Workers(1).quietly(tasks)


class Workers:
    """Up to `count` worker processes, started when they are needed and kept from call to call.

    They import the script that comes here: it must stand under `if __name__ == "__main__":`. They
    are killed at the end of the `with` block, also when an exception ends it (KeyboardInterrupt, say): nothing
    is lost but tasks in flight, as those commit whole files.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[BaseProcess] = set()
        """Child processes that aren't ours."""
        self._workers: set[BaseProcess] = set()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def run(self, tasks: Sequence[Any], on_done: Callable[[Done], None]) -> list[Any]:
        """Runs all tasks, the largest first, and returns their results in order.

        A task that fails is tried again; the others are finished before TaskFailed names those that failed
        ATTEMPTS times. A worker that dies takes nothing with it but the tasks in flight; each of those runs
        again alone, so that one that kills its worker every time fails alone, too.
        """
        # The last task to end is then a small one.
        order = sorted(range(len(tasks)), key=lambda index: (-tasks[index].bytes, index))
        results = self.run_in_turn((tasks[index] for index in order), len(tasks), on_done)
        return [result for _, result in sorted(zip(order, results, strict=True), key=lambda pair: pair[0])]

    def run_in_turn(self, tasks: Iterable[Any], count: int, on_done: Callable[[Done], None]) -> list[Any]:
        """As `run`, in their order, for `count` tasks that are made while others are at work."""
        running = _Running(tasks, on_done)
        if self.count == 1 or (count <= 1 and self._pool is None):
            running.here()
        else:
            running.in_workers(self)
        if running.errors:
            raise TaskFailed(_report(running.tasks, running.errors))
        return [running.results[index] for index in range(len(running.tasks))]

    def quietly(self, tasks: Sequence[Any]) -> list[Any]:
        """As `run`, unheard."""
        return self.run(tasks, lambda _: None)

    def meanwhile(self, task: Any) -> None:
        """Hands `task` to each worker, as far as there are any, for nobody to wait for; it may fail."""
        if self._pool is not None:
            for _ in range(self.count):
                # The next one to wait for a task sees to a worker that died.
                with suppress(BrokenProcessPool):
                    self.submit(task)

    @contextmanager
    def beside(self, work: Callable[[], None]) -> Iterator[None]:
        """Does `work` in this process while the block waits for workers; where this process is the only one, before."""
        if self.count == 1:
            work()
            yield
            return
        with ThreadPoolExecutor(1) as aside:
            done = aside.submit(work)
            yield
            done.result()

    def submit(self, task: Task) -> Future[_Attempt]:
        """Hands a task to a worker. Raises BrokenProcessPool when one died since."""
        if self._pool is None:
            self._others, self._workers = set(active_children()), set()
            prepare_workers()
            variables = {**os.environ, **workers_environment()}
            self._pool = ProcessPoolExecutor(
                self.count, worker_context(), initializer=start_worker, initargs=(variables,)
            )
        with uninterrupted(), environment(workers_environment()):
            future = self._pool.submit(_attempt, task)
        self._workers |= set(active_children()) - self._others
        return future

    def look_after(self) -> None:
        """Kills the workers when one of them is dead: the tasks in flight then end as broken.

        The pool itself overlooks the death of one it has just started; and one that dies idle takes along the
        lock of the queue that its siblings wait at.
        """
        if connection.wait([worker.sentinel for worker in self._workers], timeout=0):
            self._kill()

    def dismiss(self) -> None:
        """Has the workers end, without waiting for it: they have memory to give back."""
        if self._pool is not None:
            # Not in the pool's own polite way: it waits for ever for a worker that waits for a lock of a dead one.
            self._kill()

    def release(self) -> None:
        """Ends the workers; new ones take their place when needed."""
        self.dismiss()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _kill(self) -> None:
        for worker in set(active_children()) - self._others:
            worker.kill()


class _Running:
    """The tasks of one call: what came of them, and what is still to do."""

    def __init__(self, tasks: Iterable[Any], on_done: Callable[[Done], None]) -> None:
        self._source, self.on_done = iter(tasks), on_done
        self.tasks: list[Any] = []
        self.results: dict[int, Any] = {}
        self.errors: dict[int, str] = {}
        self.tries: list[int] = []
        self.waiting: list[int] = []
        self.suspects: list[int] = []
        """Tasks that were in flight when a worker died."""

    def _any(self, queue: list[int]) -> bool:
        """Whether a task is left in the queue, one made where need be."""
        if queue is self.waiting and not queue:
            for task in self._source:
                self.waiting.append(len(self.tasks))
                self.tasks.append(task)
                self.tries.append(0)
                break
        return bool(queue)

    def here(self) -> None:
        """Runs the tasks in this process."""
        while self._any(self.waiting):
            index = self.waiting.pop(0)
            self.tries[index] += 1
            self._landed(index, _attempt(self.tasks[index]))

    def in_workers(self, workers: Workers) -> None:
        """Runs the tasks in worker processes."""
        while self.suspects or self._any(self.waiting):
            if self.suspects:
                self._fly(workers, self.suspects, 1)
            else:
                self._fly(workers, self.waiting, workers.count + AHEAD)

    def _fly(self, workers: Workers, queue: list[int], slots: int) -> None:
        """Runs the tasks of `queue`, `slots` at a time, until it is empty or a worker died."""
        flying: dict[Future[_Attempt], int] = {}
        broken = False
        while flying or (not broken and self._any(queue)):
            while not broken and len(flying) < slots and self._any(queue):
                try:
                    flying[workers.submit(self.tasks[queue[0]])] = queue[0]
                except BrokenProcessPool:
                    # It died between two tasks.
                    broken = True
                else:
                    self.tries[queue.pop(0)] += 1
            landed = wait(flying, timeout=LOOK_AFTER, return_when=FIRST_COMPLETED).done
            if not landed:
                workers.look_after()
            for future in landed:
                index = flying.pop(future)
                try:
                    attempt = future.result()
                except BrokenProcessPool:
                    broken = True
                    self._failed(index, "its worker process died (killed, or out of memory)", self.suspects)
                else:
                    self._landed(index, attempt)
        if broken:
            workers.release()

    def _landed(self, index: int, attempt: _Attempt) -> None:
        if attempt.error is not None:
            self._failed(index, attempt.error, self.waiting)
            return
        self.results[index] = attempt.result
        self.on_done(Done(self.tasks[index], attempt.result, attempt.seconds))

    def _failed(self, index: int, error: str, again: list[int]) -> None:
        if self.tries[index] < ATTEMPTS:
            again.append(index)
        else:
            self.errors[index] = error


def describe(error: BaseException) -> str:
    """One line of a failure: ours as it stands, anything else with the place it came from."""
    if isinstance(error, TamisError):
        return str(error)
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
