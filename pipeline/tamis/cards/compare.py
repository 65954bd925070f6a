"""Comparing columns of a release: the first row that differs is named."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tamis.cards.checks import Checks


def compare(found: Any, expected: Any, start: int, place: str, checks: Checks) -> None:
    """Compares two columns; names the first row that differs."""
    type_ = _common(found.type)
    a, b = (pa.chunked_array([c]) if isinstance(c, pa.Array) else c for c in (found.cast(type_), expected.cast(type_)))
    if a.equals(b):
        checks.made += 1
        return
    row = next(i for i, (x, y) in enumerate(zip(a.to_pylist(), b.to_pylist(), strict=True)) if x != y)
    checks.holds(False, place.format(row=start + row), a[row].as_py(), b[row].as_py())


def _common(type_: pa.DataType) -> pa.DataType:
    """What columns of such a type are compared as."""
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pa.string()
    return pa.float64() if pa.types.is_floating(type_) else pa.int64()


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
