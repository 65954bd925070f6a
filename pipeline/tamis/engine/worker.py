"""A worker process: one core, quiet, and gone when its parent is."""

from __future__ import annotations

import os
import signal
import threading
import time


def start_worker() -> None:
    """Initializes a worker: single-threaded libraries, and an eye on the parent."""
    # One core a worker: the libraries' own thread pools would fight over the cores.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    # Ctrl-C reaches the parent, which stops the workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()


def _die_with(parent: int) -> None:
    """Ends this process soon after its parent ended, even by SIGKILL."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
