"""A worker process: one core, quiet, and gone when its parent is."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time

ONE_CORE = {"TOKENIZERS_PARALLELISM": "false", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A worker's environment: the thread pools of its libraries would fight over the cores. Libraries read it
when they are imported, so it must stand before a worker starts; Arrow's pool follows OMP_NUM_THREADS."""
_PR_SET_PDEATHSIG = 1
_YOUNG_OBJECTS = 100_000
"""Containers made, and not freed, between two collections of garbage; Python's own 700 suit smaller programs."""


def collect_seldom() -> None:
    """Has Python look for garbage in cycles less often, in this process: imports, tables and schemas make a lot
    of objects that stay, and looking through them took a seventh of the time of a short run."""
    gc.set_threshold(_YOUNG_OBJECTS)


def start_worker(parent: int) -> None:
    """Initializes a worker of process `parent`, and ties its life to it."""
    collect_seldom()
    # Ctrl-C reaches the parent, which stops the workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # The kernel ends this process with the thread that started it. So no worker of a killed run still
        # writes when the next run begins.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """Ends this process soon after its parent ended, even before this one was ready."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
