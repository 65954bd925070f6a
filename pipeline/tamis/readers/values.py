"""Single values of a source's fields as what a document needs: text, string, number or boolean.

`as_kind` brings an Arrow column of any type into a kind, `value_as` one JSON value; a value of another type is null.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["text", "string", "number", "boolean"]
TYPES = {"text": pa.large_string(), "string": pa.string(), "number": pa.float64(), "boolean": pa.bool_()}


def aggregated(value: Any, how: str, kind: Kind) -> Any:
    """One value of a list of values, or of [start, end, value]; anything else is a list of one."""
    items = value if isinstance(value, list) else [value]
    if how == "join":
        return "\n\n".join(item for item in items if isinstance(item, str) and item.strip()) or None
    found = [item[-1] if isinstance(item, list) and item else item for item in items]
    found = [item for item in found if item is not None and not isinstance(item, (list, dict))]
    if not found:
        return None
    if how == "first":
        return bool(found[0]) if kind == "boolean" and isinstance(found[0], (int, float)) else found[0]
    numbers = [float(item) for item in found if isinstance(item, (bool, int, float))]
    if not numbers:
        return None
    if how == "any":
        return any(numbers) if kind == "boolean" else float(any(numbers))
    try:
        return _AGGREGATES[how](numbers)
    except (OverflowError, ValueError):
        # No number is the sum of those of opposite infinities, or of more than a float holds.
        return None


_AGGREGATES: Mapping[str, Callable[[list[float]], float]] = {
    "sum": math.fsum, "mean": statistics.fmean, "median": statistics.median, "min": min, "max": max,
    "mean_or_median": lambda numbers: min(statistics.fmean(numbers), statistics.median(numbers)),
}  # fmt: skip


def at_path(row: Any, path: tuple[str, ...], parsed: dict[tuple[str, ...], Any] | None = None) -> Any:
    """The value at `path` of a JSON value; a string on the way is read as JSON (and kept in `parsed`). Of a list on the
    way, the values of all its items."""
    for at, step in enumerate(path):
        if isinstance(row, str):
            key = path[:at]
            if parsed is None or key not in parsed:
                row = from_json(row)
                if parsed is not None:
                    parsed[key] = row
            else:
                row = parsed[key]
        if isinstance(row, list):
            return [at_path(item, path[at:]) for item in row]
        if not isinstance(row, dict):
            return None
        row = row.get(step)
    return row


def from_json(text: str) -> Any:
    """The value that a string holds as JSON; None where it holds none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def value_as(value: Any, kind: Kind, lenient: bool = False) -> Any:
    """One JSON value as `kind`, or None when it is of another type. A number or boolean may become a string."""
    if value is None:
        return None
    if kind == "text":
        return value if isinstance(value, str) else None
    if kind == "string":
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if abs(value) < 1 << 63 else None
        return orjson.dumps(value).decode() if isinstance(value, (bool, float)) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not lenient:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_kind(array: pa.Array, kind: Kind, lenient: bool = False) -> pa.Array:
    """An Arrow column as `TYPES[kind]`; null where a value is of another type or no valid UTF-8."""
    target = TYPES[kind]
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    of = array.type
    if pa.types.is_null(of):
        return pa.nulls(len(array), target)
    textual = pa.types.is_string(of) or pa.types.is_large_string(of) or pa.types.is_string_view(of)
    numeric = pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of)
    if kind in ("text", "string"):
        if textual or pa.types.is_binary(of) or pa.types.is_large_binary(of) or pa.types.is_binary_view(of):
            return _valid_text(array, target)
        writable = numeric or pa.types.is_boolean(of) or pa.types.is_temporal(of)
        return _written(array) if writable and kind == "string" else pa.nulls(len(array), target)
    if kind == "boolean":
        return array if pa.types.is_boolean(of) else pa.nulls(len(array), target)
    if textual and lenient:
        values = [value_as(value, "number", True) for value in _valid_text(array, pa.large_string()).to_pylist()]
        return pa.array(values, target)
    if not numeric:
        return pa.nulls(len(array), target)
    numbers = array.cast(target, safe=False)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, target))


def is_list(array: pa.Array) -> bool:
    """Whether each value is a list."""
    return bool(pa.types.is_list(array.type) or pa.types.is_large_list(array.type))


def texts_in(lists: pa.Array, path: tuple[str, ...] = ()) -> list[list[str | None]]:
    """The texts of each list, at `path` of its items; null for what is none, or no valid UTF-8. A null is an empty
    list."""
    items = lists.flatten()
    for step in path:
        if not pa.types.is_struct(items.type) or items.type.get_field_index(step) < 0:
            items = pa.nulls(len(items), pa.string())
            break
        items = pc.struct_field(items, step)
    texts = iter(as_kind(items, "text").to_pylist())
    return [[next(texts) for _ in range(size or 0)] for size in pc.list_value_length(lists).to_pylist()]


def _written(array: pa.Array) -> pa.Array:
    """Numbers, booleans and times as strings."""
    try:
        return array.cast(pa.string())
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(array), pa.string())


def _valid_text(array: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        array = array.cast(target)
        array.validate(full=True)
    except pa.ArrowInvalid:
        raw = array.cast(pa.large_binary()).to_pylist()
        return pa.array([None if value is None else _decoded(value) for value in raw], target)
    return array


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
