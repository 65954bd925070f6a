"""The policy of which copy stays, scopes, and the columns of a cluster."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from loaded_sketches import LoadedSketches
from tamis.resolve.clusters import cluster_columns
from tamis.resolve.ranking import rank_order, scope_keys


def table(ids: list[str], priority: list[int], chars: list[int]) -> pa.Table:
    return pa.table({"id": ids, "priority": pa.array(priority, pa.int32()), "chars": pa.array(chars, pa.int64())})


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), st.tuples(st.integers(-1, 1), st.integers(0, 2)))
)
def test_rank(documents: dict[str, tuple[int, int]]) -> None:
    ids = list(documents)
    rows = table(ids, [documents[i][0] for i in ids], [documents[i][1] for i in ids])
    expected = sorted(ids, key=lambda i: (-documents[i][0], -documents[i][1], i.encode()))
    assert [ids[row] for row in rank_order(rows)] == expected


def test_scopes() -> None:
    rows = pa.table({"source": ["a", "b", "a", "b"], "language": pa.array(["fr", None, None, ""], pa.string())})
    rows = pa.concat_tables([rows, rows.slice(0, 2)])
    assert scope_keys(rows, "corpus").tolist() == [0] * 6
    source = scope_keys(rows, "source").tolist()
    assert source[0] == source[2] == source[4] != source[1] == source[3] == source[5]
    language = scope_keys(rows, "language").tolist()
    assert language[1] == language[2] == language[5]
    assert language[0] == language[4]
    assert len(set(language)) == 3
    # A value is the name's own: other names around it don't change it.
    assert scope_keys(rows.slice(3, 1), "source").tolist() == [source[3]]


def test_cluster_columns() -> None:
    rows = pa.table({"id": pa.chunked_array([["a", "b"], ["c", "d"]])})
    columns = cluster_columns(rows, np.array([2, 1, 2, 2]))
    assert columns["is_duplicate"].to_pylist() == [True, False, False, True]
    assert columns["duplicate_of"].to_pylist() == ["c", None, None, "c"]
    assert columns["cluster_size"].to_pylist() == [3, 1, 3, 3]


def test_loaded_sketches_subset() -> None:
    reader = LoadedSketches(pa.table({"id": ["a", "b", "c"]}), {"signature": pa.chunked_array([[1, 2, 3]])})
    part = reader.subset(pa.array([True, False, True]))
    assert part.rows["id"].to_pylist() == ["a", "c"]
    assert [value for piece in part.pieces("signature") for value in piece.to_pylist()] == [1, 3]
