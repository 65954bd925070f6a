"""Buckets of quality and parts by length, against a slow twin: tied values together, no matter how rows are cut."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.mix.counts import counts_of
from tamis.mix.cuts import TOKENS, Cuts, cut_name, cut_names, cuts_of
from tamis.mix.plan import plan
from tamis.mix.words import Unplannable
from tamis.recipe.mix import Mix

SCHEMA = {
    "source": pl.String, "language": pl.String, "category": pl.String, TOKENS: pl.Int64, "s.score": pl.Float32,
}  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["fr", "en", None]),
        st.sampled_from(["web", None]),
        st.integers(1, 50),
        st.one_of(st.none(), st.floats(-3, 3, width=16), st.sampled_from([0.0, 0.5, 1.0])),
    ),
    min_size=1,
    max_size=40,
)

TENTHS = st.integers(0, 50).map(lambda tenths: tenths / 10)


def mix_of(**quality: Any) -> Mix:
    phase = {"name": "main", "long_documents": {"multiplier": 2, "threshold": 20}}
    return Mix.model_validate({"quality": {"signal": "s.score", **quality}, "phases": [phase]})


def frame_of(rows: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def bucket(row: Any, rows: list[Any], buckets: int, within: int | None, sign: int) -> float | None:
    """The definition, document by document."""
    if row[4] is None:
        return None
    mine = [one for one in rows if one[4] is not None and (within is None or one[within] == row[within])]
    no_better = sum(one[3] for one in mine if sign * one[4] <= sign * row[4])
    return math.ceil(Fraction(no_better, sum(one[3] for one in mine)) * buckets) / buckets


@settings(max_examples=80, deadline=None)
@given(ROWS, st.integers(1, 30), st.sampled_from(["language", "source", "category", "corpus"]), st.booleans())
def test_a_document_is_in_the_bucket_of_its_quantile(rows: list[Any], buckets: int, within: str, lower: bool) -> None:
    mix = mix_of(buckets=buckets, within=within, better="lower" if lower else "higher")
    frame = frame_of(rows)
    found = cuts_of(mix, [frame]).of(frame)
    place = {"language": 1, "source": 0, "category": 2, "corpus": None}[within]
    assert found["quality"].to_list() == [bucket(row, rows, buckets, place, -1 if lower else 1) for row in rows]
    assert found["part"].to_list() == ["long" if row[3] > 20 else "short" for row in rows]


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(0, 40), st.randoms())
def test_neither_shards_nor_order_matter(rows: list[Any], at: int, rng: Any) -> None:
    mix, frame = mix_of(), frame_of(rows)
    whole = cuts_of(mix, [frame]).of(frame)
    order = rng.sample(range(len(rows)), len(rows))
    mixed = frame[order]
    parts = [mixed[:at], mixed[at:]]
    cuts = cuts_of(mix, parts)
    assert pl.concat([cuts.of(part) for part in parts]).equals(whole[order])


@settings(max_examples=50, deadline=None)
@given(ROWS, st.floats(0, 0.9), TENTHS, TENTHS, st.integers(100, 5000))
def test_better_documents_are_never_seen_less(
    rows: list[Any], below: float, lowest: float, more: float, size: int
) -> None:
    quality = {"signal": "s.score", "discard_below": below, "lowest": lowest, "highest": lowest + more}
    phases = [{"name": "main", "tokens": size}]
    mix = Mix.model_validate({"quality": quality, "phases": phases, "on_infeasible": "relax"})
    frame = frame_of(rows)
    cuts = cuts_of(mix, [frame])
    cells = cuts.of(frame).with_columns(tokens=frame[TOKENS]).group_by(cuts.key).agg(pl.col("tokens").sum())
    try:
        planned = plan(mix, counts_of(cells)).phases[0]
    except Unplannable as error:
        assert "no cell has" in str(error) or "no column `quality`" in str(error)
        return
    assert planned.tokens == planned.cells["weighted_tokens"].sum()
    assert (planned.cells["weighted_tokens"] <= 4 * planned.cells["tokens"]).all()
    for _, same in planned.cells.drop_nulls("quality").group_by("source", "language", "category"):
        ordered = same.sort("quality")
        # Whole tokens: one more or less is rounding.
        slack = 1 / ordered["tokens"].to_numpy()
        epochs = ordered["epochs"].to_numpy()
        assert (np.diff(epochs) >= -(slack[1:] + slack[:-1]) - 1e-9).all(), ordered


def test_one_recipe_cuts_in_one_way() -> None:
    with pytest.raises(ValueError, match="two curves of quality cut differently"):
        Mix.model_validate({"quality": {"signal": "a.b"}, "phases": [{"name": "x", "quality": {"signal": "a.c"}}]})
    long = [{"name": str(size), "long_documents": {"threshold": size}} for size in (1, 2)]
    with pytest.raises(ValueError, match="threshold is 1 and 2: it is the same in all phases"):
        Mix.model_validate({"phases": long})
    shared = Mix.model_validate({"quality": {"signal": "a.b"}, "phases": [{"name": "x", "quality": {"highest": 3}}]})
    assert shared.quality_cut is not None and shared.quality_cut.signal == "a.b"
    other = [{"name": "x", "counts": "c.csv", "long_documents": {}}, {"name": "y", "from": "x"}]
    assert Cuts.by(Mix.model_validate({"phases": other})).columns == ()


@pytest.mark.parametrize(
    ("cut", "name"),
    [
        ({}, ""),
        ({"part": "long"}, "long"),
        ({"quality": 0.85}, "q0.85"),
        ({"quality": None}, "q-none"),
        ({"part": "short", "quality": None}, "short-q-none"),
        ({"part": "long", "quality": 1.0}, "long-q1"),
    ],
)
def test_names_of_cuts(cut: dict[str, Any], name: str) -> None:
    assert cut_name(cut) == name
    assert cut_names([name]) == tuple(cut)
