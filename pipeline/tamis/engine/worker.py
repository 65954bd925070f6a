"""A worker process: one core, quiet, and gone when its parent is."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

ONE_CORE = {"TOKENIZERS_PARALLELISM": "false", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""A worker's environment: the thread pools of its libraries would fight over the cores. Libraries read it
when they are imported, so it must stand before a worker starts; Arrow's pool follows OMP_NUM_THREADS."""
_PR_SET_PDEATHSIG = 1


def start_worker(parent: int) -> None:
    """Initializes a worker of process `parent`, and ties its life to it."""
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
