"""Rewriting by spans: the compiled loop against a plain-Python twin, and what it refuses."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.stage import SPANS
from tamis.kernels.edits import apply_edits

texts = st.text(max_size=30)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[dict] | None]:
    """A text and sorted, disjoint spans over it, which may touch, be empty or be missing."""
    text = draw(texts)
    if draw(st.integers(0, 3)) == 0:
        return text, draw(st.sampled_from([None, []]))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = []
    for a, b in zip(cuts[::2], cuts[1::2], strict=False):
        start, end = len(text[:a].encode()), len(text[:b].encode())
        spans.append({"start": start, "end": end, "replacement": draw(st.text(max_size=8)), "kind": "k"})
    return text, spans


def twin(text: str, spans: list[dict] | None) -> str:
    data = text.encode()
    for span in reversed(spans or []):
        data = data[: span["start"]] + span["replacement"].encode() + data[span["end"] :]
    return data.decode()


def arrays(rows: list[tuple[str, list[dict] | None]]) -> tuple[pa.Array, pa.Array]:
    return pa.array([t for t, _ in rows], pa.large_string()), pa.array([s for _, s in rows], SPANS)


@settings(max_examples=100, deadline=None)
@given(st.lists(edited(), max_size=6), st.integers(0, 2))
def test_same_as_twin(rows: list[tuple[str, list[dict] | None]], skip: int) -> None:
    text, spans = arrays(rows)
    expected = [twin(t, s) for t, s in rows]
    assert apply_edits(text, spans).to_pylist() == expected
    assert apply_edits(text.slice(skip), spans.slice(skip)).to_pylist() == expected[skip:]


def test_type_and_empty_batch() -> None:
    text, spans = arrays([("héé", [{"start": 1, "end": 3, "replacement": "e", "kind": "k"}])])
    result = apply_edits(text, spans)
    assert result.type == pa.large_string()
    assert result.to_pylist() == ["heé"]
    assert apply_edits(text[:0], spans[:0]).to_pylist() == []


def test_untouched_batch_is_the_very_array() -> None:
    text, spans = arrays([("a", None), ("b", [])])
    assert apply_edits(text, spans) is text


@pytest.mark.parametrize(
    "spans",
    [
        [(2, 3), (0, 1)],
        [(0, 2), (1, 3)],
        [(0, 99)],
        [(-1, 1)],
        [(2, 1)],
        [(0, 5)],  # between the two bytes of é
    ],
)
def test_wrong_spans_are_refused(spans: list[tuple[int, int]]) -> None:
    rows = [
        ("fine", None),
        ("abcdé", [{"start": a, "end": b, "replacement": "", "kind": "k"} for a, b in spans]),
    ]
    with pytest.raises(ValueError, match="row 1"):
        apply_edits(*arrays(rows))


def test_rows_must_agree() -> None:
    text, spans = arrays([("a", None), ("b", None)])
    with pytest.raises(ValueError, match="1 rows of spans for 2 texts"):
        apply_edits(text, spans[:1])
