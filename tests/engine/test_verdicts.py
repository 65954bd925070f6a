"""Keep rules over columns, one thing at a time."""

from __future__ import annotations

import dataclasses
import math

import polars as pl
import pytest
from verdict_tables import decide, documents, failed_of, first_of, signals, used

from tamis.engine.verdicts import Verdicts


def test_a_rule_drops_and_its_name_is_the_reason() -> None:
    use = used("one", {"number": [10, None], "flag": False})
    rows = [{"number": 10, "flag": False}, {"number": 9, "flag": False}, {"number": 9, "flag": True}, {}]
    verdicts = decide(documents([None] * 4), [use], {"one": signals([True] * 4, rows)})
    assert verdicts.alive.tolist() == [True, False, False, True]
    assert first_of(verdicts) == [None, "one.number", "one.number", None]
    assert [failed_of(verdicts, row) for row in range(4)] == [[], ["one.number"], ["one.number", "one.flag"], []]
    assert not verdicts.unknown.any()


def test_the_first_reason_is_the_first_stages() -> None:
    uses = [used("one", {"number": [10, None]}), used("two", {"number": [10, None]}, exhaustive=True)]
    table = signals([True], [{"number": 1}])
    verdicts = decide(documents([None]), uses, {"one": table, "two": table})
    assert first_of(verdicts) == ["one.number"]
    assert failed_of(verdicts, 0) == ["one.number", "two.number"]
    assert verdicts.entered["two"].tolist() == [False]


def test_a_row_that_was_dropped_is_not_judged_by_what_an_earlier_run_measured() -> None:
    uses = [used("one", {"number": [10, None]}), used("two", {"number": [10, None]})]
    table = signals([True], [{"number": 1}])
    verdicts = decide(documents([None]), uses, {"one": table, "two": table})
    assert failed_of(verdicts, 0) == ["one.number"]
    assert verdicts.measured["two"].tolist() == [False]
    assert verdicts.frame["two.number"].to_list() == [None]


def test_a_row_that_should_have_been_measured_is_unknown_and_neither_kept_nor_dropped() -> None:
    uses = [used("one", {"number": [10, None]}), used("two", {"number": [10, None]})]
    tables = {"one": signals([True, False], [{"number": 20}, {"number": 1}]), "two": signals([True] * 2, [{}, {}])}
    verdicts = decide(documents([None] * 2), uses, tables)
    assert verdicts.unknown.tolist() == [False, True]
    assert verdicts.alive.tolist() == [True, False]
    assert first_of(verdicts) == [None, None]


def test_nulls_and_nans_pass_unless_the_rule_drops_them() -> None:
    rows = [{"ratio": math.nan}, {"ratio": None}, {"ratio": 0.5}, {"ratio": 0.25}]
    for nulls, kept in (("keep", [True, True, True, False]), ("drop", [False, False, True, False])):
        for written in ({"min": 0.5, "nulls": nulls}, {"in": [0.5], "nulls": nulls}):
            use = used("one", {"ratio": written})
            verdicts = decide(documents([None] * 4), [use], {"one": signals([True] * 4, rows)})
            assert verdicts.alive.tolist() == kept
            assert verdicts.frame["one.ratio"].to_list() == [None, None, 0.5, 0.25]
    use = used("one", {"ratio": {"nulls": "drop"}})
    verdicts = decide(documents([None] * 4), [use], {"one": signals([True] * 4, rows)})
    assert verdicts.alive.tolist() == [False, False, True, True]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.65, 0.7, 0.8, 0.9])
def test_a_float32_ratio_on_the_threshold_passes(threshold: float) -> None:
    table = signals([True], [{"ratio": threshold}])
    for written in ([None, threshold], [threshold, None], {"in": [threshold]}):
        assert decide(documents([None]), [used("one", {"ratio": written})], {"one": table}).alive.all()


def test_keep_by_takes_the_place_of_the_rule_for_its_values() -> None:
    use = used(
        "one",
        {"number": [10, None]},
        keep_by={"language": {"de": {"number": [5, None], "ratio": [0.5, None]}, "code": {"number": [0, None]}}},
    )
    languages = ["fr", "de", "de", "code", None]
    rows = [{"number": 7, "ratio": 0.1}, {"number": 7, "ratio": 0.1}, {"number": 7}, {"number": 1}, {"number": 7}]
    verdicts = decide(documents(languages), [use], {"one": signals([True] * 5, rows)})
    assert first_of(verdicts) == ["one.number", "one.ratio", None, None, "one.number"]
    assert verdicts.reasons == ["one.number", "one.ratio"]


def test_where_two_overrides_apply_the_last_one_written_does() -> None:
    rules = {"language": {"de": {"number": [5, None]}}, "category": {"web": {"number": [20, None]}}}
    frame, table = documents(["de", "de"], ["web", "book"]), signals([True] * 2, [{"number": 7}] * 2)
    assert decide(frame, [used("one", {}, keep_by=rules)], {"one": table}).alive.tolist() == [False, True]
    turned = dict(reversed(rules.items()))
    assert decide(frame, [used("one", {}, keep_by=turned)], {"one": table}).alive.tolist() == [True, True]


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("zero.number", "3", [True, False, False]),
        ("zero.number", "3.0", [True, False, False]),
        ("zero.ratio", "0.3", [True, False, False]),
        ("zero.flag", "true", [True, False, False]),
        ("zero.flag", "false", [False, True, False]),
        ("zero.label", "3", [False, False, False]),
        ("source.edu", "3", [True, False, False]),
        ("source.nobody", "3", [False, False, False]),
    ],
)
def test_values_of_overrides_are_of_their_columns_type(column: str, value: str, kept: list[bool]) -> None:
    before = used("zero", {})
    use = used("one", {"number": [10, None]}, keep_by={column: {value: {"number": [0, None]}}})
    rows = [{"number": 3, "ratio": 0.3, "flag": True}, {"number": 4, "ratio": 0.4, "flag": False}, {}]
    frame = documents([None] * 3).with_columns(pl.Series("source.edu", [3.0, math.nan, None]))
    tables = {"zero": signals([True] * 3, rows), "one": signals([True] * 3, [{"number": 1}] * 3)}
    assert decide(frame, [before, use], tables).alive.tolist() == kept


def test_rows_outside_when_are_passed_through() -> None:
    use = used("one", {"number": [10, None]}, when={"category": ["web"]})
    verdicts = decide(
        documents([None] * 4, ["web", "book", None, "web"]),
        [use],
        {"one": signals([True, True, True, False], [{"number": 1}] * 4)},
    )
    # A null category satisfies the condition, so the rule applies there.
    assert verdicts.alive.tolist() == [False, True, False, False]
    assert verdicts.applies["one"].tolist() == [True, False, True, True]
    assert verdicts.measured["one"].tolist() == [True, False, True, False]
    assert verdicts.unknown.tolist() == [False, False, False, True]


def test_a_signal_that_another_source_brings_is_null_here() -> None:
    for nulls, inside in (("keep", True), ("drop", False)):
        use = used("one", {}, when={"source.edu": {"min": 3, "nulls": nulls}})
        verdicts = Verdicts.start(documents([None] * 2))
        assert verdicts.asked(use).tolist() == [inside] * 2


def test_the_language_stage_decides_where_the_source_left_it_open() -> None:
    language = used("language", {}, provides={"language": "label"})
    after = used("one", {}, when={"language": ["fr"]})
    frame = documents(["de", None, None, None])
    tables = {
        "language": signals([True, True, True, False], [{"label": "fr"}, {"label": "fr"}, {"label": None}, {}]),
        "one": signals([True] * 4, [{}] * 4),
    }
    verdicts = decide(frame, [language, after], tables)
    assert verdicts.frame["language"].to_list() == ["de", "fr", None, None]
    assert verdicts.frame["language.label"].to_list() == ["fr", "fr", None, None]
    assert verdicts.applies["one"].tolist() == [False, True, True, True]
    assert verdicts.unknown.tolist() == [False, False, False, True]


def test_the_first_of_two_that_provide_the_language_has_the_say() -> None:
    uses = [used(name, {}, provides={"language": "label"}) for name in ("one", "two")]
    tables = {
        "one": signals([True] * 2, [{"label": "fr"}, {"label": None}]),
        "two": signals([True] * 2, [{"label": "de"}, {"label": "de"}]),
    }
    assert decide(documents([None] * 2), uses, tables).frame["language"].to_list() == ["fr", "de"]


def test_an_exhaustive_stage_asks_for_dropped_rows_and_a_resolver_does_not() -> None:
    before = used("one", {"number": [10, None]})
    verdicts = decide(documents([None] * 2), [before], {"one": signals([True] * 2, [{"number": 1}, {"number": 20}])})
    measuring = used("two", {}, exhaustive=True)
    resolving = dataclasses.replace(measuring.stage, resolve=lambda config, reader, folder: reader.rows)
    assert verdicts.asked(measuring).tolist() == [True, True]
    assert verdicts.asked(measuring.model_copy(update={"stage": resolving})).tolist() == [False, True]


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows: int) -> None:
    use = used("one", {"number": [1, None]}, keep_by={"language": {"de": {"ratio": [1, None]}}}, when={"category": "a"})
    verdicts = decide(documents([None] * rows), [use], {"one": signals([True] * rows, [{}] * rows)})
    assert verdicts.alive.shape == verdicts.first.shape == verdicts.failed["one.ratio"].shape == (rows,)


def test_a_shard_of_unknown_languages_may_have_a_column_of_no_type() -> None:
    frame = documents([None] * 2).with_columns(pl.lit(None).alias("language"))
    use = used(
        "one", {"number": [9, None]}, keep_by={"language": {"de": {"number": [1, None]}}}, when={"language": "de"}
    )
    verdicts = decide(frame, [use], {"one": signals([True] * 2, [{"number": 5}] * 2)})
    assert verdicts.alive.tolist() == [False, False]
