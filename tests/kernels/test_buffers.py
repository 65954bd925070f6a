"""Columns as the buffers of the compiled loops, and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.buffers import packed_lists, unpacked_lists

LISTS = st.lists(st.lists(st.integers(0, 65535), max_size=6), max_size=6)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.sampled_from([np.uint16, np.uint32]))
def test_packed_lists_come_back(lists: list[list[int]], dtype: type) -> None:
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    packed = packed_lists(np.array([i for row in lists for i in row], dtype), offsets)
    packed.validate(full=True)
    found = unpacked_lists(packed, dtype)
    assert found.type == pa.large_list(pa.from_numpy_dtype(dtype))
    assert found.to_pylist() == lists


@pytest.mark.parametrize("start", [0, 1, 3])
def test_a_slice_of_packed_lists(start: int) -> None:
    lists = [[1, 2], [], [3], [65535]]
    packed = packed_lists(np.array([1, 2, 3, 65535], np.uint16), np.array([0, 2, 2, 3, 4]))
    assert unpacked_lists(packed.slice(start, 2), np.uint16).to_pylist() == lists[start : start + 2]
    assert unpacked_lists(packed.take(pa.array([3, 0])), np.uint16).to_pylist() == [[65535], [1, 2]]
