"""A worker process: one core, quiet, and gone when its parent is."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, get_context, parent_process, resource_tracker
from multiprocessing.context import BaseContext
from typing import Any

TEMPLATE = "tamis.engine.worker_template"
"""Module that the workers' common parent imports before they are forked."""
ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"
_PR_SET_PDEATHSIG = 1
_YOUNG_OBJECTS = 100_000
"""Containers made, and not freed, between two collections of garbage; Python's own 700 suit smaller programs."""


def collect_seldom() -> None:
    """Has Python look for garbage in cycles less often, in this process: imports, tables and schemas make a lot
    of objects that stay, and looking through them took a seventh of the time of a short run."""
    gc.set_threshold(_YOUNG_OBJECTS)


def workers_environment() -> dict[str, str]:
    """Environment variables of a worker. Libraries read them when they are imported, so they must stand before."""
    return {
        # The thread pools of its libraries would fight over the cores. Arrow's pool follows OMP_NUM_THREADS.
        "TOKENIZERS_PARALLELISM": "false",
        "POLARS_MAX_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # See `tamis.engine.memory`; whoever chose a pool keeps it.
        ARROW_POOL: os.environ.get(ARROW_POOL, "system"),
    }


def worker_context() -> BaseContext:
    """How workers are started: forked from a process that has loaded what they need (`TEMPLATE`), where that is sound;
    else each loads it."""
    return get_context("forkserver" if sys.platform == "linux" else "spawn")


def prepare_workers() -> None:
    """Has that process start and load, while this one does something else; where it runs, nothing happens."""
    if sys.platform != "linux":
        return
    with uninterrupted(), environment(workers_environment()):
        forkserver.set_forkserver_preload([TEMPLATE])
        forkserver.ensure_running()
    atexit.unregister(end_template)
    atexit.register(end_template)


def end_template() -> None:
    """Ends that process, and waits for it: the time that it and its workers took counts as this process's."""
    process = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    if process is not None:
        # All is done: who interrupts now needn't be told of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def start_worker(variables: Mapping[str, str]) -> None:
    """Initializes a worker with the environment variables of the process that has it at work, and ties its life to
    that process: the one it was forked from may have started earlier."""
    os.environ.clear()
    os.environ.update(variables)
    collect_seldom()
    # Ctrl-C reaches the parent, which stops the workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    threading.Thread(target=_die_with_employer, daemon=True).start()


def die_with_parent() -> None:
    """Has the kernel end this process with the thread that started it, where it can. So no worker of a killed run
    still writes when the next run begins."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _die_with_employer() -> None:
    """Ends this process when the one that has it at work ends, even if it did before this one was ready."""
    employer = parent_process()
    assert employer is not None
    employer.join()
    os._exit(1)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: it would leave the pool half made. A process started in the block
    never hears of it, not even while it is still importing."""
    # Started now: when it is, it lets Ctrl-C through.
    resource_tracker.ensure_running()
    caught: list[tuple[Any, ...]] = []
    # Another thread may take the signal that this one blocks; Python handles it in the main thread then.
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *signal_: caught.append(signal_)) if main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, handler)
    if caught and callable(handler):
        handler(*caught[0])
