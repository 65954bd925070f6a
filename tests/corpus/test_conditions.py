from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.corpus.conditions import Condition, parse_condition

FEW = settings(max_examples=60, deadline=None)
THRESHOLDS = (0.1, 0.2, 0.3, 0.65, 0.7, 0.9, 1 / 3, 1e-5, 2.675, 100_000)


def kept(condition: Condition, values: list[Any], dtype: Any) -> list[bool]:
    frame = pl.DataFrame({"c": pl.Series(values, dtype=dtype)})
    passed = frame.select(condition.passes("c").alias("_")).to_series()
    assert passed.null_count() == 0
    if condition.is_range and dtype.is_numeric():
        numbers = frame["c"].fill_nan(None) if dtype.is_float() else frame["c"]
        assert condition.holds(numbers).tolist() == passed.to_list()
    return passed.to_list()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([50, 100000], Condition(min=50, max=100000)),
        ([None, 0.1], Condition(max=0.1)),
        ([50, None], Condition(min=50)),
        (["fr", "en"], Condition(in_=("fr", "en"))),
        ("fr", Condition(in_=("fr",))),
        (True, Condition(is_=True)),
        (False, Condition(is_=False)),
        ({"min": 3}, Condition(min=3)),
        ({"in": ["fr"]}, Condition(in_=("fr",))),
        ({"in": "fr"}, Condition(in_=("fr",))),
        ({"in": [1, 2, 3]}, Condition(in_=(1, 2, 3))),
        ({"in": 7}, Condition(in_=(7,))),
        ({"not_in": ["code"]}, Condition(not_in=("code",))),
        ({"is": False, "nulls": "drop"}, Condition(is_=False, nulls="drop")),
        ({"nulls": "drop"}, Condition(nulls="drop")),
    ],
)
def test_every_spelling_means_what_it_says(written: Any, meant: Condition) -> None:
    assert Condition.model_validate(written) == meant


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (50, "is no condition"),
        (None, "null is no condition"),
        ([], "neither a range"),
        ([1], "neither a range"),
        ([1, 2, 3], r"other sets as \{in: \[1, 2, 3\]\}"),
        ([True, False], "neither a range"),
        (["fr", 3], "neither a range"),
        ([[1, 2], [3, 4]], "neither a range"),
        ([3, 1], r"\[3, 1\] is empty"),
        ([None, None], "allows everything"),
        ({}, "allows everything"),
        ({"nulls": "keep"}, "allows everything"),
        ({"in": []}, "`in` lists nothing"),
        ({"min": True}, "min is a number"),
        ({"max": "3"}, "max is a number"),
        ({"min": math.nan}, "min is a number"),
        ([-math.inf, 3], "min is a number"),
        ({"inn": ["fr"]}, "Extra inputs"),
        ({"nulls": "ignore"}, "'keep' or 'drop'"),
    ],
)
def test_what_is_no_condition_is_refused(written: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Condition.model_validate(written)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_bound_lies_inside_in_both_float_types(threshold: float) -> None:
    near = Condition(min=threshold, max=threshold)
    listed = Condition(in_=(threshold,))
    forbidden = Condition(not_in=(threshold,))
    for dtype, kind in ((pl.Float32, np.float32), (pl.Float64, np.float64)):
        value = kind(threshold)
        above, below = np.nextafter(value, kind(np.inf)), np.nextafter(value, kind(-np.inf))
        column = [float(below), float(value), float(above)]
        assert kept(Condition(max=threshold), column, dtype) == [True, True, False]
        assert kept(Condition(min=threshold), column, dtype) == [False, True, True]
        assert kept(near, column, dtype) == [False, True, False]
        assert kept(listed, column, dtype) == [False, True, False]
        assert kept(forbidden, column, dtype) == [True, False, True]


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
@pytest.mark.parametrize(
    "fields", [{"min": 1}, {"max": 1}, {"min": 0, "max": 1}, {"in_": (1,)}, {"not_in": (1.5,)}], ids=str
)
def test_a_nan_is_a_null(dtype: Any, fields: dict[str, Any]) -> None:
    column = [math.nan, None]
    assert kept(Condition(**fields), column, dtype) == [True, True]
    assert kept(Condition(**fields, nulls="drop"), column, dtype) == [False, False]


def test_nulls_pass_unless_told_to_drop() -> None:
    assert kept(Condition(in_=("fr",)), ["fr", "de", None], pl.String) == [True, False, True]
    assert kept(Condition(in_=("fr",), nulls="drop"), ["fr", "de", None], pl.String) == [True, False, False]
    assert kept(Condition(not_in=("fr",)), ["fr", "de", None], pl.String) == [False, True, True]
    assert kept(Condition(is_=True), [True, False, None], pl.Boolean) == [True, False, True]
    assert kept(Condition(nulls="drop"), ["fr", None], pl.String) == [True, False]


@pytest.mark.parametrize("dtype", [pl.Int16, pl.Int32, pl.Int64, pl.UInt32, pl.Float32])
def test_sets_of_numbers_fit_every_numeric_column(dtype: Any) -> None:
    column = [1, 2, 3, None]
    assert kept(Condition(in_=(1, 3)), column, dtype) == [True, False, True, True]
    assert kept(Condition(in_=(1, 2.5)), column, dtype) == [True, False, False, True]
    assert kept(Condition(not_in=(2,)), column, dtype) == [True, False, True, True]
    assert kept(Condition(in_=(2**40,)), column, dtype) == [False, False, False, True]


def test_a_text_called_nan_is_a_text() -> None:
    assert kept(Condition(in_=("NaN",)), ["NaN", "x"], pl.String) == [True, False]
    assert kept(Condition(nulls="drop"), ["NaN"], pl.String) == [True]


def test_no_row_in_no_row_out() -> None:
    for condition, dtype in ((Condition(min=1), pl.Int64), (Condition(in_=("a",)), pl.String)):
        assert kept(condition, [], dtype) == []


bounds = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6).map(lambda x: x + 0.0))


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted((draw(bounds), draw(bounds)))
    return draw(st.sampled_from([{"min": low}, {"max": high}, {"min": low, "max": high}]))


numeric = st.one_of(
    ranges(),
    st.lists(bounds, min_size=1, max_size=4).map(lambda values: {"in_": tuple(values)}),
    st.lists(bounds, min_size=1, max_size=4).map(lambda values: {"not_in": tuple(values)}),
)
named = st.tuples(st.sampled_from(["in_", "not_in"]), st.lists(st.sampled_from("abc"), min_size=1, max_size=3)).map(
    lambda pair: {pair[0]: tuple(pair[1])}
)
nulls = st.sampled_from(["keep", "drop"])


def allows(condition: Condition, value: Any, kind: Any = lambda number: number) -> bool:
    """The condition on one value, in plain Python; `kind` rounds a number to the column's type."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return condition.nulls == "keep"
    return (
        (condition.min is None or value >= kind(condition.min))
        and (condition.max is None or value <= kind(condition.max))
        and (condition.in_ is None or value in [kind(one) for one in condition.in_])
        and (condition.not_in is None or value not in [kind(one) for one in condition.not_in])
        and (condition.is_ is None or value == condition.is_)
    )


@FEW
@given(numeric, nulls, st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.just(math.nan))))
def test_float32_columns_as_plain_python(fields: dict[str, Any], null: Any, column: list[Any]) -> None:
    condition = Condition(**fields, nulls=null)
    assert kept(condition, column, pl.Float32) == [allows(condition, v, np.float32) for v in column]


@FEW
@given(numeric, nulls, st.lists(st.one_of(st.none(), st.integers(-(10**6), 10**6))))
def test_integer_columns_as_plain_python(fields: dict[str, Any], null: Any, column: list[Any]) -> None:
    condition = Condition(**fields, nulls=null)
    for dtype in (pl.Int32, pl.Int64):
        assert kept(condition, column, dtype) == [allows(condition, v) for v in column]


@FEW
@given(named, nulls, st.lists(st.sampled_from(["a", "b", "d", "", None])))
def test_text_columns_as_plain_python(fields: dict[str, Any], null: Any, column: list[Any]) -> None:
    condition = Condition(**fields, nulls=null)
    assert kept(condition, column, pl.String) == [allows(condition, v) for v in column]


@FEW
@given(st.one_of(numeric, named, st.booleans().map(lambda is_: {"is_": is_})), nulls)
def test_the_recipe_spelling_reads_back(fields: dict[str, Any], null: Any) -> None:
    condition = Condition(**fields, nulls=null)
    again = Condition.model_validate(condition.to_recipe())
    assert again == condition
    assert again.to_recipe() == condition.to_recipe()


def test_recipe_spellings_are_short_and_plain() -> None:
    assert Condition(min=50, max=100_000).to_recipe() == [50, 100_000]
    assert Condition(max=0.1).to_recipe() == [None, 0.1]
    assert Condition(in_=("fr", "en")).to_recipe() == ["fr", "en"]
    assert Condition(in_=(1, 2)).to_recipe() == {"in": [1, 2]}
    assert Condition(is_=False).to_recipe() is False
    assert Condition(min=0.65, nulls="drop").to_recipe() == {"min": 0.65, "nulls": "drop"}
    assert Condition(max=1e308).to_recipe() == [None, 1e308]


def test_shown_numbers_are_exact() -> None:
    assert str(Condition(min=50, max=1_234_567)) == "[50, 1234567]"
    assert str(Condition(max=0.123456789)) == "[, 0.123456789]"
    assert str(Condition(in_=(True,), nulls="drop")) == "{true} not null"
    assert str(Condition(not_in=("fr", "en"))) == "not {fr, en}"
    assert str(Condition(is_=True)) == "true"


def test_a_condition_is_its_own_spelling() -> None:
    condition = Condition(min=3, nulls="drop")
    assert Condition.model_validate(condition) == condition
    assert parse_condition(condition)["min"] == 3
