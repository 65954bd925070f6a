"""Arrow text columns as the NumPy arrays that the compiled loops read, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def text_buffers(column: pa.Array) -> tuple[Bytes, Offsets]:
    """UTF-8 bytes and int64 offsets (rows + 1 of them) of a text column, without a copy.

    Row i is `data[offsets[i]:offsets[i + 1]]`; `offsets[0]` needn't be 0 on a slice. A null row must
    already be an empty one (`fill_null("")`): ingest never writes a null text.
    """
    if column.type != pa.large_string():
        column = column.cast(pa.large_string())
    _, offset_buffer, data_buffer = column.buffers()
    if len(column) == 0 or offset_buffer is None:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(offset_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    return data, offsets


def cut_ends(data: Bytes, starts: Offsets, ends: Offsets, size: int) -> Offsets:
    """Ends of the documents after at most `size` bytes, moved back to where a character begins."""
    cut: Offsets = np.minimum(ends, starts + size)
    inside = np.flatnonzero(cut < ends)
    for _ in range(3):
        inside = inside[(data[cut[inside]] & 0xC0) == 0x80]
        cut[inside] -= 1
    return cut


def text_array(data: Bytes, offsets: Offsets) -> pa.Array:
    """A large_string array over UTF-8 `data` cut at `offsets`, without a copy."""
    return pa.Array.from_buffers(
        pa.large_string(),
        len(offsets) - 1,
        [None, pa.py_buffer(np.ascontiguousarray(offsets, np.int64)), pa.py_buffer(data)],
    )


def list_array(values: pa.Array, offsets: npt.NDArray[Any], large: bool = False) -> pa.Array:
    """A list column whose row i is `values[offsets[i]:offsets[i + 1]]`."""
    if large:
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def packed_lists(values: npt.NDArray[Any], offsets: Offsets) -> pa.Array:
    """A list column of numbers as a binary column, whose row i is the little-endian bytes of
    `values[offsets[i]:offsets[i + 1]]`; without a copy. Parquet reads and writes it some ten times as fast as a
    list, of which it keeps a level per element."""
    packed = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    ends = np.ascontiguousarray(offsets, np.int64) * packed.itemsize
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(packed)])


def unpacked_lists(column: pa.Array, dtype: npt.DTypeLike) -> pa.Array:
    """The list column of `dtype` that was packed, without a copy; of `column` without nulls."""
    if not len(column):
        return pa.array([], pa.large_list(pa.from_numpy_dtype(dtype)))
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    size = np.dtype(dtype).itemsize
    values = np.frombuffer(data, dtype, (ends[-1] - ends[0]) // size, ends[0]) if data else np.zeros(0, dtype)
    return list_array(pa.array(values), (ends - ends[0]) // size, large=True)


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array; without a copy when it is one already."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
