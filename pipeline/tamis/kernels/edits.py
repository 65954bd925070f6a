"""Rewrites texts by spans: the edit mechanism of every stage that changes a text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.kernels.buffers import Bytes, Offsets, text_array, text_buffers
from tamis.kernels.jit import kernel
from tamis.kernels.simd import pointer


@kernel()
def _sizes(data, offsets, first, starts, ends, new_offsets, sizes):  # type: ignore[no-untyped-def]
    """Fills `sizes` with the bytes of each rewritten row; the first row whose spans are wrong, or -1.

    A cut inside a character would leave invalid UTF-8 behind, so a span must begin and end between two.
    """
    for row in range(len(sizes)):
        length = offsets[row + 1] - offsets[row]
        size = length
        done = 0
        for k in range(first[row], first[row + 1]):
            start, end = starts[k], ends[k]
            if start < done or end < start or end > length:
                return row
            for cut in (start, end):
                if cut < length and (data[offsets[row] + cut] & 0xC0) == 0x80:
                    return row
            size += new_offsets[k + 1] - new_offsets[k] - (end - start)
            done = end
        sizes[row] = size
    return -1


@kernel()
def _copied(source, begin, end, target, at):  # type: ignore[no-untyped-def]
    """Copies source[begin:end] to `target` from `at` on; one past the last byte there."""
    for i in range(end - begin):
        target[at + i] = source[begin + i]
    return at + max(end - begin, 0)


@kernel()
def _rewrite(data, offsets, first, starts, ends, new_data, new_offsets, out_offsets, out):  # type: ignore[no-untyped-def]
    """Copies every row into `out`, each span's bytes replaced by its replacement's."""
    text, new, target = pointer(data), pointer(new_data), pointer(out)
    for row in range(len(offsets) - 1):
        at = out_offsets[row]
        base = offsets[row]
        done = base
        for k in range(first[row], first[row + 1]):
            at = _copied(text, done, base + starts[k], target, at)
            at = _copied(new, new_offsets[k], new_offsets[k + 1], target, at)
            done = base + ends[k]
        _copied(text, done, offsets[row + 1], target, at)


def _row_bounds(spans: pa.Array) -> npt.NDArray[np.int64]:
    """Row i's spans are `flattened[bounds[i]:bounds[i + 1]]`; a null row has none."""
    counts = pc.fill_null(pc.list_value_length(spans), 0).to_numpy(zero_copy_only=False)
    bounds: Offsets = np.zeros(len(spans) + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    return bounds


def apply_edits(text: pa.Array, spans: pa.Array) -> pa.Array:
    """The texts with every span's bytes replaced by its `replacement`.

    Args:
        text: large_string, n rows, none of them null.
        spans: `tamis.corpus.stage.SPANS`, n rows: byte positions, sorted and disjoint within a row. A
            null or empty row leaves its text as it is.

    Returns:
        large_string, n rows; `text` itself when no row has a span.

    Raises:
        ValueError: a row's spans overlap, are out of order, leave the text or cut a character in two.
    """
    if len(text) != len(spans):
        raise ValueError(f"{len(spans)} rows of spans for {len(text)} texts")
    bounds = _row_bounds(spans)
    if bounds[-1] == 0:
        return text
    values = spans.flatten()
    starts = values.field("start").to_numpy(zero_copy_only=False)
    ends = values.field("end").to_numpy(zero_copy_only=False)
    new_data, new_offsets = text_buffers(values.field("replacement"))
    data, offsets = text_buffers(text)
    out_offsets: Offsets = np.zeros(len(text) + 1, np.int64)
    wrong = _sizes(data, offsets, bounds, starts, ends, new_offsets, out_offsets[1:])
    if wrong >= 0:
        raise ValueError(f"the spans of row {wrong} are not sorted, disjoint, inside the text and at character bounds")
    np.cumsum(out_offsets, out=out_offsets)
    out: Bytes = np.empty(int(out_offsets[-1]), np.uint8)
    _rewrite(data, offsets, bounds, starts, ends, new_data, new_offsets, out_offsets, out)
    return text_array(out, out_offsets)
