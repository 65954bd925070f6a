"""Plans of whole mixes: what each part of a recipe's mix does to the tokens."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError
from tamis.mix.counts import Counts, counts_of
from tamis.mix.epochs import weight
from tamis.mix.plan import MixPlan, PhasePlan, counts_for, plan
from tamis.mix.words import Unplannable
from tamis.recipe.mix import Mix

ROWS = [
    ("web-fr", "fr", "web", 1_000_000),
    ("web-en", "en", "web", 8_000_000),
    ("books", "fr", "book", 200_000),
    ("books", "en", "book", 500_000),
    ("wiki", "de", "wiki", 300_000),
]


def counts(rows: list[Any] = ROWS, **more: list[Any]) -> Counts:
    frame = pl.DataFrame(rows, schema=["source", "language", "category", "tokens"], orient="row")
    return counts_of(frame.with_columns(**{name: pl.Series(values) for name, values in more.items()}))


def made(mix: dict[str, Any], given_: Counts | None = None, base: Path = Path()) -> MixPlan:
    return plan(Mix.model_validate(mix), given_ or counts(), base)


def only(mix: dict[str, Any], given_: Counts | None = None, base: Path = Path()) -> PhasePlan:
    (phase,) = made(mix, given_, base).phases
    return phase


def sized(tokens: int, **more: Any) -> dict[str, Any]:
    return {"phases": [{"name": "main", "tokens": tokens}], **more}


def tokens(phase: PhasePlan, axis: str = "name") -> dict[str, int]:
    found: dict[str, int] = {}
    for name, amount in phase.cells.select(axis, "weighted_tokens").iter_rows():
        found[name] = found.get(name, 0) + amount
    return found


# Explicit epochs


def test_without_phases_every_cell_has_exactly_its_epochs() -> None:
    mix = Mix(default=0.5, epochs={"fr--web": 2, "en--book": 2.5}, languages={"fr": 1.5}, sources={"wiki": 6})
    (phase,) = plan(mix, counts()).phases
    assert phase.name == "main" and phase.samples is None
    for row in phase.cells.iter_rows(named=True):
        expected = weight(mix, row["source"], row["language"], row["category"])
        assert row["epochs"] == expected
        assert row["weighted_tokens"] == row["tokens"] * expected
    assert phase.tokens == phase.cells["weighted_tokens"].sum()
    assert phase.report.constraints == ()
    assert "wiki 6" in phase.report.warnings[0] and "Muennighoff" in phase.report.warnings[0]


fractions = st.sampled_from([0, 0.05, 0.5, 1, 1.1, 1.5, 2.3, 3, 7.7])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**12), fractions), min_size=1, max_size=10))
def test_epochs_that_make_no_whole_tokens_are_rounded_and_the_total_is_exact(cells: list[tuple[int, float]]) -> None:
    rows = [(f"s{at}", "fr", "web", amount) for at, (amount, _) in enumerate(cells)]
    mix = Mix(sources={f"s{at}": epochs for at, (_, epochs) in enumerate(cells)})
    wanted = [amount * epochs for amount, epochs in cells]
    if sum(wanted) < 1:
        with pytest.raises(Unplannable, match="nothing to plan"):
            plan(mix, counts(rows))
        return
    (phase,) = plan(mix, counts(rows)).phases
    assert phase.tokens == phase.cells["weighted_tokens"].sum()
    assert abs(phase.tokens - sum(wanted)) <= 1 + sum(wanted) * 1e-14
    by_source = tokens(phase)
    for at, one in enumerate(wanted):
        # One for its own rounding, and one for what rounding leaves of the total.
        assert abs(by_source[f"s{at}"] - one) < 2 + one * 1e-14


def test_with_a_size_epochs_are_weights() -> None:
    phase = only(sized(1_000_000, epochs={"fr--book": 3}, sources={"web-en": 0.5}))
    weights = {"web-fr": 1e6, "web-en": 4e6, "books": 6e5 + 5e5, "wiki": 3e5}
    for name, amount in tokens(phase).items():
        assert amount == pytest.approx(1e6 * weights[name] / sum(weights.values()), abs=1)


def test_explicit_epochs_above_a_cap_that_is_written_are_cut() -> None:
    phase = only({"sources": {"wiki": 6}, "max_epochs": {"default": 5}})
    assert tokens(phase)["wiki"] == 5 * 300_000
    assert phase.tokens == 9_700_000 + 5 * 300_000
    assert only({"sources": {"wiki": 6}, "max_epochs": {"sources": {"wiki": 2}}}).cells["epochs"].max() == 2


# Shares, floors and caps


def test_french_and_english_a_third_each() -> None:
    phase = only(sized(3_000_001, language={"shares": {"fr": "1/3", "en": "1/3"}}))
    assert phase.tokens == 3_000_001
    by = tokens(phase, "language")
    assert {by["fr"], by["en"]} <= {1_000_000, 1_000_001} and sum(by.values()) == 3_000_001
    first = phase.report.constraints[0]
    assert first == "language fr is held at 33.33 % (1.000 M tokens); its weight alone gives 12.00 %"
    # French gives what it has: within it, the cells keep their proportions.
    names = tokens(phase)
    assert names["wiki"] == by["de"]


def test_the_cap_of_four_epochs_holds_and_says_what_it_does() -> None:
    phase = only(sized(4_000_000, language={"shares": {"de": "1/4", "fr": "1/2"}}))
    assert tokens(phase, "language") == {"de": 1_000_000, "en": 1_000_000, "fr": 2_000_000}
    phase = only(sized(5_000_000, epochs={"fr--book": 40}))
    assert tokens(phase)["books"] > 800_000
    assert phase.cells.filter(pl.col("language") == "fr", pl.col("source") == "books")["epochs"].item() == 4
    (sentence,) = phase.report.constraints
    assert sentence.startswith("books (fr, book) is seen 4 times at most: it has 800,000 tokens, and its weight asks")


def test_caps_by_source_and_cell() -> None:
    mix = sized(5_000_000, epochs={"fr--book": 40, "de--wiki": 40})
    mix["max_epochs"] = {"default": 2, "sources": {"wiki": 1}, "cells": {"fr--book": 8, "de--wiki": 9}}
    epochs = {(s, lang): e for s, lang, e in only(mix).cells.select("source", "language", "epochs").iter_rows()}
    assert epochs["books", "fr"] == 8 and epochs["wiki", "de"] == 1


def test_floors_and_caps_by_language_and_category() -> None:
    phase = only(sized(2_000_000, language={"floors": {"de": 0.2}}, category={"caps": {"web": "1/2"}}))
    assert abs(tokens(phase, "language")["de"] - 400_000) <= 1
    assert abs(tokens(phase, "category")["web"] - 1_000_000) <= 1
    assert [sentence.split(" (")[0] for sentence in phase.report.constraints[:2]] == [
        "language de is lifted to its floor of 20.00 %",
        "category web is kept to its cap of 50.00 %",
    ]


def test_what_does_not_bind_is_not_told() -> None:
    phase = only(sized(2_000_000, language={"floors": {"en": 0.1}, "caps": {"fr": 0.9}}))
    assert phase.report.constraints == ()


def test_requested_beside_achieved() -> None:
    """Requested is what there would be without epoch caps."""
    phase = only(sized(5_000_000, language={"method": "uniform"}))
    rows = {row["value"]: row for row in phase.report.by["language"]}
    assert {name: round(row["requested"], 3) for name, row in rows.items()} == {"de": 0.333, "en": 0.333, "fr": 0.333}
    assert rows["de"]["share"] == 0.24 and rows["de"]["epochs"] == 4
    assert rows["fr"]["share"] == pytest.approx(0.38)


# Methods


def test_methods_by_language() -> None:
    by = tokens(only(sized(900_000, language={"method": "uniform"})), "language")
    assert by == {"de": 300_000, "en": 300_000, "fr": 300_000}
    by = tokens(only(sized(4_500_000, language={"method": "unimax", "max_epochs": 1})), "language")
    assert by == {"de": 300_000, "fr": 1_200_000, "en": 3_000_000}
    by = tokens(only(sized(1_000_000, language={"method": "temperature", "temperature": 2})), "language")
    roots = {"de": 300_000**0.5, "fr": 1_200_000**0.5, "en": 8_500_000**0.5}
    assert by == pytest.approx({name: 1e6 * root / sum(roots.values()) for name, root in roots.items()}, abs=2)
    by = tokens(only(sized(1_000_000, language={"method": "weights", "weights": {"fr": 2}})), "language")
    assert by["fr"] / by["en"] == pytest.approx(2 * 1_200_000 / 8_500_000, rel=1e-4)


def test_fitted_weights_by_category(tmp_path: Path) -> None:
    (tmp_path / "fit.csv").write_text("domain,weight\nweb,0.5\nbook,0.5\n", encoding="utf-8")
    mix = sized(1_000_000, category={"method": "fitted", "weights_from": "fit.csv"})
    assert tokens(only(mix, base=tmp_path), "category") == {"web": 500_000, "book": 500_000, "wiki": 0}
    # Fitted ratios give way to epoch caps.
    phase = only(sized(8_000_000, category=mix["category"]), base=tmp_path)
    assert tokens(phase, "category") == {"web": 5_200_000, "book": 2_800_000, "wiki": 0}
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        only(sized(1, category={"method": "fitted", "weights_from": "none.csv"}), base=tmp_path)


def test_two_methods_that_are_held_are_raked_to_both() -> None:
    rows = [("a", "fr", "web", 400), ("b", "fr", "book", 300), ("c", "en", "web", 900), ("d", "en", "book", 400)]
    mix = sized(600, language={"method": "uniform", "hold": True}, category={"method": "uniform", "hold": True})
    phase = only(mix, counts(rows))
    assert tokens(phase, "language") == {"fr": 300, "en": 300}
    assert tokens(phase, "category") == {"web": 300, "book": 300}


def test_held_shares_leave_what_is_said() -> None:
    mix = sized(1_200_000, language={"method": "uniform", "hold": True, "shares": {"de": 0.1}})
    assert tokens(only(mix), "language") == {"de": 120_000, "en": 540_000, "fr": 540_000}


def test_shares_of_a_table_that_miss_one_by_rounding(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("dataset,share\nweb-fr,0.333333333\nweb-en,0.333333333\nbooks,0.333333333\n")
    mix = sized(300_000, source={"shares_from": "s.csv"})
    phase = only(mix, counts(ROWS[:4]), tmp_path)
    assert tokens(phase) == {"web-fr": 100_000, "web-en": 100_000, "books": 100_000}


# Quality


def test_a_quality_curve() -> None:
    rows = [("web", "fr", "web", 1000)] * 4
    table = counts(rows, quality=[0.25, 0.5, 0.75, 1.0])
    curve = {"discard_below": 0.5, "lowest": 1, "highest": 3}
    phase = only({"quality": curve}, table)
    assert phase.cells.sort("quality")["weighted_tokens"].to_list() == [0, 0, 1500, 2500]
    phase = only(sized(2000, quality=curve), table)
    assert phase.cells.sort("quality")["weighted_tokens"].to_list() == [0, 0, 750, 1250]
    with pytest.raises(Unplannable, match="no column `quality`"):
        only({"quality": curve})


# Phases


def years() -> Counts:
    rows = [(f"web--{year}", "fr", "web", 1000 * (year - 2018)) for year in range(2019, 2024)]
    return counts([*rows, ("wiki", "fr", "wiki", 3000)])


def test_samples_are_whole_sequences() -> None:
    mix = {"phases": [{"name": "a", "sequence_length": 4096}, {"name": "b", "samples": 10, "sequence_length": 512}]}
    a, b = made(mix).phases
    assert (a.tokens, a.samples) == (10_000_000, 10_000_000 // 4096)
    assert (b.tokens, b.samples) == (5120, 10)


def test_a_phase_takes_from_the_mix_what_it_does_not_say() -> None:
    phases = [{"name": "a"}, {"name": "b", "default": 2, "sources": {}}]
    a, b = made({"sources": {"wiki": 3}, "epochs": {"fr--book": 2}, "phases": phases}).phases
    assert tokens(a)["wiki"] == 900_000 and tokens(a)["books"] == 900_000
    assert tokens(b)["wiki"] == 600_000 and tokens(b)["web-en"] == 16_000_000 and tokens(b)["books"] == 1_400_000


def test_a_phase_may_start_from_another() -> None:
    first = {"name": "a", "language": {"shares": {"fr": "1/2"}}, "tokens": 1_000_000}
    phases = [first, {"name": "b", "from": "a", "tokens": 100_000}, {"name": "c", "from": "a", "sources": {"wiki": 2}}]
    a, b, c = made({"default": 3, "phases": phases}).phases
    assert b.cells["share"].to_list() == pytest.approx(a.cells["share"].to_list(), abs=1e-5)
    assert c.tokens == a.tokens
    assert tokens(c)["wiki"] / tokens(c)["books"] == pytest.approx(2 * tokens(a)["wiki"] / tokens(a)["books"], rel=1e-4)


def test_only_some_years() -> None:
    phase = only({"phases": [{"name": "a", "years": [2021, None]}]}, years())
    assert tokens(phase) == {"web--2021": 3000, "web--2022": 4000, "web--2023": 5000, "wiki": 3000}
    assert set(tokens(only({"phases": [{"name": "a", "years": [None, 2019]}]}, years()))) == {"web--2019", "wiki"}


def test_years_collapse_on_the_last_one() -> None:
    phase = only({"phases": [{"name": "a", "collapse_years": True}]}, years())
    # Five years of weight on the last: three epochs of it.
    assert tokens(phase) == {"web--2023": 15_000, "wiki": 3000}
    assert "web--*: 5 years collapsed on 2023" in phase.report.notes
    within = only({"phases": [{"name": "a", "collapse_years": True, "years": [None, 2021], "tokens": 1800}]}, years())
    assert tokens(within) == {"web--2021": 1500, "wiki": 300}


def test_years_in_their_order() -> None:
    phase = only({"phases": [{"name": "a", "year_order": True, "years": [2020, 2022]}]}, years())
    assert phase.report.year_order == [["web--2020", "web--2021", "web--2022"]]


def test_long_documents(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("dataset,tokens_long,tokens_short\nwiki,1000,2000\nweb--2019,,1000\n")
    phase = only(
        {"phases": [{"name": "a", "tokens": 4000, "years": [None, 2019],
                     "long_documents": {"lengths": "l.csv", "multiplier": 10}}]},
        years(), tmp_path,
    )  # fmt: skip
    # What a source gets stays: 3000 of 4000 tokens; short ones get S / (S + 10 L).
    assert tokens(phase) == {"web--2019:long": 0, "web--2019:short": 1000, "wiki:long": 2500, "wiki:short": 500}
    assert phase.cells.filter(pl.col("name") == "wiki:long")["tokens"].item() == 1000


def test_long_documents_of_counts_with_parts() -> None:
    rows = [("wiki", "fr", "wiki", 1000), ("wiki", "fr", "wiki", 2000), ("web", "fr", "web", 3000)]
    table = counts(rows, part=["long", "short", None])
    phase = only({"phases": [{"name": "a", "tokens": 3000, "long_documents": {"multiplier": 10}}]}, table)
    assert tokens(phase) == {"wiki:long": 1250, "wiki:short": 250, "web": 1500}
    with pytest.raises(Unplannable, match="no long documents"):
        only({"phases": [{"name": "a", "long_documents": {}}]})


def test_lengths_that_do_not_fit_the_counts_are_told(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("dataset,tokens_long,tokens_short\nwiki,1000,1000\n")
    phase = only({"phases": [{"name": "a", "long_documents": {"lengths": "l.csv"}}]}, years(), tmp_path)
    notes = " ".join(phase.report.notes)
    assert "l.csv counts other tokens than there are, by more than 1 %: wiki 2,000 for 3,000" in notes
    assert "l.csv has no lengths of web--2019" in notes


def test_a_share_of_an_earlier_release(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("dataset,language,category,tokens\nweb,fr,web,6000\nbook,en,book,2000\n")
    part = {"rehearsal": {"release": "old.csv", "share": "1/4"}}
    phase = only({"phases": [{"name": "a", "tokens": 4000, **part}]}, years(), tmp_path)
    by = tokens(phase)
    assert (by["rehearsal:web"], by["rehearsal:book"]) == (750, 250)
    assert sum(amount for name, amount in by.items() if not name.startswith("rehearsal:")) == 3000
    assert phase.cells.filter("rehearsal").height == 2
    # Without a size, the new corpus has its epochs, and the old one comes on top.
    phase = only({"sources": {"wiki": 2}, "phases": [{"name": "a", **part}]}, years(), tmp_path)
    assert phase.tokens == 28_000 and tokens(phase)["wiki"] == 6000
    assert "the rehearsal is held at 25.00 %" in phase.report.constraints[0]


def test_a_phase_of_sources_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "end.csv").write_text(
        "dataset,language,category,tokens,share\nmath,en,math,,0.75\nwiki,fr,wiki,3000,0.25\n"
    )
    phase = {"name": "end", "tokens": 1000, "counts": "end.csv", "source": {"shares_from": "end.csv"}}
    end = made({"phases": [{"name": "main"}, phase]}, years(), tmp_path).phase("end")
    assert tokens(end) == {"math": 750, "wiki": 250}
    assert end.to_json()["sources"][0] | {"requested": 0} == {
        "source": "math", "language": "en", "category": "math", "tokens": None, "weighted_tokens": 750, "epochs": None,
        "share": 0.75, "requested": 0, "part": None, "year": None, "quality": None, "documents": None,
    }  # fmt: skip
    assert "the tokens of math are not known" in end.report.notes[0]
    with pytest.raises(Unplannable, match="phase end: the tokens of source math are not known, so it has no weight"):
        made({"phases": [{key: phase[key] for key in ("name", "tokens", "counts")}]}, years(), tmp_path)
    with pytest.raises(Unplannable, match="give the phase a size"):
        made({"phases": [{"name": "end", "counts": "end.csv"}]}, years(), tmp_path)


# What can't be


@pytest.mark.parametrize(
    ("mix", "path", "said"),
    [
        (sized(10**9), ("phases", 0), "the phase has 1.000 B tokens, and its cells give 40.000 M at most"),
        (sized(1000, language={"shares": {"it": 0.1}}), ("phases", 0, "language"), "no cell of it has tokens"),
        (sized(1000, language={"floors": {"fr": 0.6, "en": 0.6}}), ("phases", 0, "language"), "sum to 120.00 %"),
        (sized(30_000_000, language={"shares": {"de": 0.1}}), ("phases", 0, "language"), "give 1.200 M at most"),
        ({"default": 0}, (), "there is nothing to plan"),
        (sized(10, default=0, on_infeasible="relax"), ("phases", 0), "there is nothing to plan"),
        ({"sources": {"wiki": 20}}, ("max_epochs",), "more than 16 times: wiki 20 epochs"),
    ],
)
def test_what_can_not_be_planned_names_its_place(mix: dict[str, Any], path: tuple[Any, ...], said: str) -> None:
    with pytest.raises(Unplannable) as caught:
        made(mix)
    assert caught.value.path == path
    assert str(caught.value).startswith("phase main: ") and said in str(caught.value)


def test_many_epochs_may_be_allowed() -> None:
    assert only({"sources": {"wiki": 20}, "max_epochs": {"sources": {"wiki": 20}}}).cells["epochs"].max() == 20
    assert only({"sources": {"wiki": 20}, "max_epochs": {"error": None}}).cells["epochs"].max() == 20


def test_relaxed_the_nearest_plan_is_made() -> None:
    phase = only(sized(30_000_000, language={"shares": {"de": 0.1}}, on_infeasible="relax"))
    assert tokens(phase)["wiki"] == 1_200_000 and phase.tokens == 30_000_000
    assert phase.report.constraints[0].startswith("relaxed: language de: exactly 10.00 % (3.000 M tokens)")
    phase = only(sized(10**9, on_infeasible="relax"))
    assert phase.tokens == 40_000_000
    assert phase.report.constraints[0].endswith("it has 40.000 M tokens")


def test_without_counts_the_way_to_give_them_is_told() -> None:
    with pytest.raises(InputError, match=r"--counts FILE, or name one in the recipe"):
        counts_for(Mix(), Path(), None)


# Order


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_neither_the_order_of_counts_nor_their_shards_change_the_plan(order: random.Random, shards: int) -> None:
    rows = []
    for source, language, category, amount in ROWS:
        cuts = sorted(order.randint(0, amount) for _ in range(shards - 1))
        rows += [
            (source, language, category, b - a) for a, b in zip([0, *cuts], [*cuts, amount], strict=True)
        ]  # fmt: skip
    order.shuffle(rows)
    mix = sized(4_321_987, epochs={"fr--book": 3}, language={"method": "unimax", "shares": {"fr": "1/3"}})
    assert only(mix, counts(rows)).to_json() == only(mix).to_json()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["fr--book", "en--web", "de--wiki"]), st.floats(0.1, 6), st.floats(1.01, 3))
def test_raising_the_epochs_of_a_cell_never_lowers_its_tokens(cell: str, epochs: float, times: float) -> None:
    language, category = cell.split("--")
    more = {
        "language": {"method": "temperature", "temperature": 3, "floors": {"en": 0.3}},
        "max_epochs": {"error": None},
    }
    found = []
    for one in (epochs, epochs * times):
        cells = only(sized(3_000_000, epochs={cell: one}, **more)).cells
        mine = (pl.col("language") == language) & (pl.col("category") == category)
        found.append(cells.filter(mine)["weighted_tokens"].sum())
    assert found[0] <= found[1]


def test_shares_of_tokens_and_of_documents() -> None:
    table = counts([("a", "fr", "web", 100), ("b", "en", "web", 300)], documents=[30, 10])
    rows = {row["value"]: row for row in only({"epochs": {"fr--web": 3}}, table).report.by["language"]}
    assert rows["fr"]["share"] == 0.5 and rows["fr"]["document_share"] == 0.9 and rows["en"]["documents"] == 10
    assert only({}).report.by["language"][0]["document_share"] is None


def test_shares_sum_to_one() -> None:
    phase = only(sized(1_234_567, language={"method": "uniform"}))
    assert np.isclose(phase.cells["share"].sum(), 1)
    for rows in phase.report.by.values():
        assert sum(row["weighted_tokens"] for row in rows) == 1_234_567
