"""The decorator of compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from tamis.kernels.cache_folder import cache_folder

_config: Any = numba.config


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator of a compiled loop; `options` go to `numba.njit` beside those that all kernels have."""

    def compiled(function: Callable[..., Any]) -> Any:
        before = _config.CACHE_DIR
        _config.CACHE_DIR = str(cache_folder())
        try:
            return numba.njit(nogil=True, cache=True, boundscheck=False, **options)(function)
        finally:
            _config.CACHE_DIR = before

    return compiled
