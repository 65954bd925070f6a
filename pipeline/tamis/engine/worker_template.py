"""What worker processes have in common, loaded once: they are forked from a process that has imported this module.

It gives Arrow and Polars no work: their threads, which a fork would not take along, are made when they first have
some. Those of memory allocators begin anew in a forked process.
"""

from __future__ import annotations

import gc
import signal

from tamis.engine.worker import collect_seldom, die_with_parent

# Before what takes time: Ctrl-C is for the parent, and so is this process's life.
signal.signal(signal.SIGINT, signal.SIG_IGN)
die_with_parent()
collect_seldom()

import pyarrow as pa  # noqa: E402

import tamis.engine.partners  # noqa: E402
import tamis.engine.release  # noqa: E402
import tamis.engine.resolving  # noqa: E402
import tamis.stages  # noqa: E402, F401
from tamis.engine.memory import reuse_memory  # noqa: E402
from tamis.kernels.normalize import normalize  # noqa: E402

reuse_memory()
# Any kernel has Numba fill its tables; every run needs this one.
normalize(pa.array(["e\u0301\r\n"], pa.large_string()))
# Collections would write to the pages that workers share.
gc.freeze()
