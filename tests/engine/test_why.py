"""The story of one document against the ledger of its release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_corpus import RECIPE, Place

from tamis.corpus.store import Store
from tamis.engine.reporting import Silent
from tamis.engine.session import Session
from tamis.engine.why import why
from tamis.errors import InputError, UserError

Story = dict[str, Any]

STRICT = RECIPE.replace(
    "gopher_quality: {keep: {words: [20, 120], symbol_word_ratio: [null, 0.1]}}",
    "gopher_quality: {keep: {words: [20, 120], symbol_word_ratio: [null, 0.1]},"
    " keep_by: {language: {de: {words: [30, 110], stop_words: [4, null]}}, category: {forum: {words: [25, null]}}},"
    " when: {category: {not_in: [notes]}}}",
)


@pytest.fixture(scope="module")
def place(small: Path, tokenizer: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("why"), STRICT, tokenizer, small)


@pytest.fixture(scope="module")
def ledger(place: Place) -> pl.DataFrame:
    return place.run().ledger()


def story(place: Place, document: str, *changes: str) -> Story:
    return why(Session(place.recipe(*changes), place.corpus, Store(place.work), 1, Silent()), document)


def stage(told: Story, name: str) -> Story:
    (found,) = [one for one in told["stages"] if one["stage"] == name]
    return found


def first(ledger: pl.DataFrame, *conditions: Any) -> str:
    found: str = ledger.filter(*conditions)["id"][0]
    return found


def test_stories_agree_with_the_ledger(place: Place, ledger: pl.DataFrame) -> None:
    """For a document of every fate: the same facts, signals, failed rules, copies."""
    fates = ledger.group_by("dropped_by", "copies", maintain_order=True).agg(pl.col("id").first())["id"].to_list()
    assert len(fates) > 6
    for document in fates:
        told, entry = story(place, document), ledger.row(by_predicate=pl.col("id") == document, named=True)
        for name in ("source", "language", "category", "license", "chars", "failed", "dropped_by", "copies"):
            assert told[name] == entry[name], (document, name)
        assert told["released"] == (entry["copies"] > 0)
        assert told["unknown_for_want_of"] is None
        assert told["mix"]["epochs"] == entry["epochs"]
        for one in told["stages"]:
            assert (one["state"] == "measured") == entry[f"{one['stage']}.measured"], (document, one)
            for signal, value in one["signals"].items():
                assert value == pytest.approx(entry[f"{one['stage']}.{signal}"], abs=1e-6)
        failed = [f"{one['stage']}.{r['signal']}" for one in told["stages"] for r in one["rules"] if not r["passed"]]
        assert failed == entry["failed"]


def test_a_kept_document(place: Place, ledger: pl.DataFrame) -> None:
    kept = first(ledger, pl.col("copies") == 3, pl.col("category") == "news")
    told = story(place, kept)
    assert told["released"]
    assert told["mix"] == {"epochs": 2.5, "from": "fr--news 2.5"}
    assert told["duplicate"] is None
    assert [one["state"] for one in told["stages"]] == ["measured"] * 8
    words = stage(told, "gopher_quality")["rules"][0]
    assert words["signal"] == "words"
    assert words["allowed"] == "[20, 120]"
    assert words["passed"]


def test_a_dropped_document_shows_the_rule_with_its_value(place: Place, ledger: pl.DataFrame) -> None:
    dropped = first(
        ledger, pl.col("dropped_by") == "gopher_quality.words", pl.col("language") == "fr", pl.col("category") == "web"
    )
    told = story(place, dropped)
    entry = ledger.row(by_predicate=pl.col("id") == dropped, named=True)
    assert stage(told, "gopher_quality")["rules"][0] == {
        "signal": "words", "value": entry["gopher_quality.words"], "allowed": "[20, 120]", "where": None,
        "passed": False,
    }  # fmt: skip
    assert stage(told, "gopher_repetition")["state"] == "dropped before"
    assert not told["released"]


def test_the_override_that_applies_is_shown(place: Place, ledger: pl.DataFrame) -> None:
    measured = pl.col("gopher_quality.measured")
    for language, category, allowed, where in (
        ("de", "news", "[30, 110]", "language is de"),
        ("de", "forum", "[30, 110]", "language is de"),  # of two that match, by the column's name
        ("en", "forum", "[25, ]", "category is forum"),
        ("en", "web", "[20, 120]", None),
    ):
        document = first(ledger, measured, pl.col("language") == language, pl.col("category") == category)
        rules = {rule["signal"]: rule for rule in stage(story(place, document), "gopher_quality")["rules"]}
        assert (rules["words"]["allowed"], rules["words"]["where"]) == (allowed, where)
        # A rule that only an override has doesn't hold for the others.
        assert ("stop_words" in rules) == (language == "de")


def test_a_document_outside_a_when(place: Place, ledger: pl.DataFrame) -> None:
    outside = stage(story(place, first(ledger, pl.col("source") == "notes")), "gopher_quality")
    assert outside["state"] == "outside when"
    assert outside["when"] == {"category": "not {notes}"}
    assert outside["signals"] == {}
    assert outside["rules"] == []


@pytest.mark.parametrize("resolver", ["exact_duplicates", "near_duplicates"])
def test_a_duplicate_names_the_one_that_stays(place: Place, ledger: pl.DataFrame, resolver: str) -> None:
    lost = ledger.filter(pl.col("dropped_by") == f"{resolver}.is_duplicate").row(0, named=True)
    other = ledger.row(by_predicate=pl.col("id") == lost[f"{resolver}.duplicate_of"], named=True)
    found = story(place, lost["id"])["duplicate"]
    assert found["stage"] == resolver
    assert found["id"] == other["id"]
    assert found["chars"] == other["chars"]
    assert found["priority"] == (1 if other["source"] == "web" else 0)
    assert found["copies"] == other["copies"]
    assert found["dropped_by"] == other["dropped_by"]
    assert found["cluster_size"] == lost[f"{resolver}.cluster_size"]
    assert found["similarity"] == pytest.approx(lost.get(f"{resolver}.similarity"), abs=1e-6)


def test_a_document_that_is_not_drawn(place: Place, ledger: pl.DataFrame) -> None:
    told = story(place, first(ledger, pl.col("dropped_by") == "mix.epochs"))
    assert told["mix"] == {"epochs": 0.5, "from": "de--forum 0.5"}
    assert told["copies"] == 0
    assert told["failed"] == []
    assert {one["state"] for one in told["stages"]} == {"measured"}


def test_with_a_change_it_says_what_is_not_known(place: Place, ledger: pl.DataFrame) -> None:
    short = ledger.filter(
        pl.col("dropped_by") == "gopher_quality.words",
        pl.col("gopher_quality.words") < 20,
        pl.col("failed").list.len() == 1,
    ).row(0, named=True)
    told = story(place, short["id"], "gopher_quality.keep.words=1,", "gopher_quality.keep_by=off")
    assert told["released"] is None
    assert told["copies"] is None
    assert told["unknown_for_want_of"] == "gopher_repetition"
    assert stage(told, "gopher_quality")["rules"][0]["passed"]
    assert stage(told, "gopher_repetition")["state"] == "not measured"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("news:1-0x", "source news has no document 'news:1-0x'. Did you mean news:1-0 "),
        ("news:quite something else", "Its first one is news:1-"),
        ("nws:1-0", "Did you mean 'news'"),
        ("1-0", "an id starts with its source: did you mean news:1-0?"),
        ("", "starts with its source"),
    ],
)
def test_an_unknown_document(place: Place, ledger: pl.DataFrame, wrong: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        story(place, wrong)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_id_of_another_source(place: Place, ledger: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="source notes has no document 'notes:1-0'"):
        story(place, "notes:1-0")


def test_before_any_run(small: Path, tokenizer: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`tamis run` comes first"):
        story(Place(tmp_path, STRICT, tokenizer, small), "news:1-0")
