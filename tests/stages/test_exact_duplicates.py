"""Which identical copy stays, within which scope, whatever the order of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaded_sketches import LoadedSketches
from tamis.stages.exact_duplicates import STAGE, ExactDuplicatesConfig

TYPES = {
    "id": pa.string(),
    "source": pa.string(),
    "language": pa.string(),
    "content_hash": pa.binary(16),
    "priority": pa.int32(),
    "chars": pa.int64(),
}


def ledger(documents: list[dict[str, Any]]) -> pa.Table:
    usual = {"source": "web", "language": None, "priority": 0, "chars": 10}
    full = [{**usual, **document} for document in documents]
    return pa.table({name: pa.array([d[name] for d in full], kind) for name, kind in TYPES.items()})


def resolve(rows: pa.Table, **options: Any) -> pa.Table:
    assert STAGE.resolve is not None
    return STAGE.resolve(ExactDuplicatesConfig(**options), LoadedSketches(rows), Path())


def digest(n: int) -> bytes:
    return n.to_bytes(16, "big")


def test_priority_then_id_decides() -> None:
    rows = ledger(
        [
            {"id": "a", "content_hash": digest(1)},
            {"id": "c", "content_hash": digest(1), "priority": 2},
            {"id": "b", "content_hash": digest(1), "priority": 2},
            {"id": "d", "content_hash": digest(2)},
        ]
    )
    assert resolve(rows).to_pydict() == {
        "is_duplicate": [True, True, False, False],
        "duplicate_of": ["b", "b", None, None],
        "cluster_size": [3, 3, 3, 1],
    }


def test_all_128_bits_count() -> None:
    hashes = [1, 1 << 64, 1 << 127, (1 << 64) + 1]
    rows = ledger([{"id": str(i), "content_hash": digest(h)} for i, h in enumerate(hashes)])
    assert resolve(rows)["cluster_size"].to_pylist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("scope", "sizes"), [("corpus", [5] * 5), ("source", [2, 3, 3, 2, 3]), ("language", [2, 2, 2, 2, 1])]
)
def test_scope(scope: str, sizes: list[int]) -> None:
    places = [("x", "fr"), ("y", "fr"), ("y", None), ("x", None), ("y", "de")]
    rows = ledger(
        [
            {"id": str(i), "content_hash": digest(7), "source": source, "language": language}
            for i, (source, language) in enumerate(places)
        ]
    )
    assert resolve(rows, scope=scope)["cluster_size"].to_pylist() == sizes


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.sampled_from("xy")), max_size=12),
    st.randoms(),
)
def test_order_and_chunks_of_rows_change_nothing(documents: list[tuple[int, int, str]], rng: Any) -> None:
    rows = ledger(
        [
            {"id": f"d{i}", "content_hash": digest(h), "priority": p, "source": s}
            for i, (h, p, s) in enumerate(documents)
        ]
    )
    expected = resolve(rows, scope="source")
    order = list(range(len(documents)))
    rng.shuffle(order)
    shuffled = rows.take(pa.array(order, pa.int64()))
    cut = len(order) // 3
    shuffled = pa.concat_tables([shuffled.slice(0, cut), shuffled.slice(cut)])
    assert resolve(shuffled, scope="source").to_pydict() == expected.take(pa.array(order, pa.int64())).to_pydict()
    stays = expected["is_duplicate"].to_numpy(zero_copy_only=False)
    assert (~stays).sum() == len({(h, s) for h, _, s in documents})


def test_types_also_without_rows() -> None:
    for rows in (ledger([]), ledger([{"id": "a", "content_hash": digest(1)}])):
        out = resolve(rows)
        assert out.num_rows == rows.num_rows
        assert {f.name: f.type for f in out.schema} == {c.name: c.type for c in STAGE.adds}


def test_default_rule_keeps_one_copy() -> None:
    rule = STAGE.signals["is_duplicate"].default
    assert rule is not None
    assert rule.is_ is False


def test_a_million_rows_in_seconds() -> None:
    n = 1_000_000
    numbers = np.arange(n) // 2
    rows = pa.table(
        {
            "id": pa.array(np.char.mod("%d", np.arange(n))),
            "content_hash": pa.Array.from_buffers(
                pa.binary(16), n, [None, pa.py_buffer(np.repeat(numbers[:, None], 2, axis=1))]
            ),
            "priority": pa.array(np.zeros(n, np.int32)),
            "chars": pa.array(np.zeros(n, np.int64)),
        }
    )
    assert sum(resolve(rows)["is_duplicate"].to_pylist()) == n // 2
