"""Where a process that does the work gets its memory from.

A row group's texts, and what is made of them, are some megabytes that are soon free again. With a heap of
Arrow's own, and glibc's thresholds as they are, they go back to the system each time, and a tenth of a run is
spent on its zeroing of pages. So Arrow and NumPy take turns on one heap, which keeps some of what is freed.
"""

from __future__ import annotations

import ctypes
import functools
import os

import pyarrow as pa

from tamis.engine.worker import ARROW_POOL

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`mallopt`'s names of them, in glibc's malloc.h."""
_KEPT_BYTES = 256_000_000
"""Freed memory at the end of the heap that a process keeps for its next row group."""
_OWN_PAGES_BYTES = 32_000_000
"""Blocks from here on are mapped, and given back, one by one."""


def share_heap() -> None:
    """Has Arrow use the heap of this process, as far as that can be had once it is imported: what it reads of many
    small files leaves no holes there that only Arrow could fill."""
    if ARROW_POOL not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Has this process give free memory back to the system: what it did was large, and won't come again soon."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@functools.cache
def reuse_memory() -> None:
    """Has this process use one heap and keep it."""
    share_heap()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
