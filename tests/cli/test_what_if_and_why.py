"""`tamis what-if` and `tamis why`: what people and programs read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from tiny_place import Place

from tamis.engine.what_if import COUNTS

Tamis = Callable[..., Result]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def what_if(tamis: Tamis, place: Place, *settings: str) -> str:
    options = [part for setting in settings for part in ("--set", setting)]
    shown = tamis("what-if", place.recipe, "--work", place.work, *options)
    assert shown.exit_code == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 100
    return shown.stdout


def why(tamis: Tamis, place: Place, document: str, *options: str) -> str:
    shown = tamis("why", document, place.recipe, "--work", place.work, *options)
    assert shown.exit_code == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 100
    return shown.stdout


def cells(shown: str, first: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if line.startswith(first + " ")]
    return line.removeprefix(first).split()


def test_what_is_lost(tamis: Tamis, made: Place) -> None:
    shown = what_if(tamis, made, "gopher_quality.keep_by=off", "gopher_quality.keep.words=30,60")
    assert shown.splitlines()[0] == "gopher_quality.keep_by=off, gopher_quality.keep.words=30,60"
    assert cells(shown, "documents") == ["9", "3", "-6"]
    assert cells(shown, "en")[:2] == ["3", "-6"]
    assert cells(shown, "english")[:2] == ["3", "-6"]
    assert "Lost to: gopher_quality.words 6." in shown
    assert "nknown," not in shown


def test_what_is_gained_but_not_tokenized_yet(tamis: Tamis, made: Place) -> None:
    shown = what_if(tamis, made, "exact_duplicates.keep=off", "gopher_quality.keep_by.language.en.words=10,")
    assert cells(shown, "documents") == ["9", "13", "+4"]
    assert "Gained from: gopher_quality.words 4." in shown
    assert "in no count of tokens: 4 of the 13 documents" in shown
    assert "`tamis run` with the change measures what is missing" in shown


def test_without_token_counts_no_column_is_about_tokens(tamis: Tamis, place: Place) -> None:
    recipe = place.root / "tiny.yaml"
    recipe.write_text(recipe.read_text().partition("  - tokenize")[0])
    assert place.run("--quiet").exit_code == 0
    shown = what_if(tamis, place, "gopher_quality.keep_by=off", "gopher_quality.keep.words=30,60")
    assert cells(shown, "documents") == ["9", "3", "-6"] and cells(shown, "en") == ["3", "-6"]
    assert "token" not in shown and "in the mix" not in shown


def test_what_is_unknown(tamis: Tamis, made: Place) -> None:
    shown = what_if(tamis, made, "exact_duplicates.keep.cluster_size=,1", "gopher_quality.stop_words.en=[the]")
    assert cells(shown, "documents") == ["9", "0", "13"]
    assert "Unknown, as not measured: gopher_quality 13. Of them, 9 (" in " ".join(shown.split())


def test_nothing_changes(tamis: Tamis, made: Place) -> None:
    shown = what_if(tamis, made, "gopher_quality.keep_by.language.fr.words=1,")
    assert "The release would not change." in shown
    assert "english" not in shown


def test_one_json_object(tamis: Tamis, made: Place) -> None:
    asked = tamis("what-if", made.recipe, "--work", made.work, "--set", "gopher_quality.keep_by=off", "--json")
    facts = json.loads(asked.stdout)
    assert facts.keys() == {
        "changes", *COUNTS, "by_language", "by_category", "by_source", "lost_to", "gained_from", "unknown_for_want_of",
        "mix_unsettled",
    }  # fmt: skip
    for key in ("language", "category", "source"):
        assert [row.keys() for row in facts[f"by_{key}"]] == [{key, *COUNTS}]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([], "say what to change: --set gopher_quality.keep.words=30,"),
        (["gopher_qualty.keep.words=30,"], "Did you mean 'gopher_quality'"),
        (["gopher_quality.keep.word=30,"], "Did you mean 'words'"),
        (["gopher_quality.keep.words"], "write PATH=VALUE"),
    ],
)
def test_mistakes(tamis: Tamis, made: Place, settings: list[str], says: str) -> None:
    options = [part for setting in settings for part in ("--set", setting)]
    shown = tamis("what-if", made.recipe, "--work", made.work, *options)
    assert shown.exit_code == 2
    assert says in shown.stderr


def test_the_story_of_a_released_document(tamis: Tamis, made: Place) -> None:
    shown = why(tamis, made, "english:1")
    assert shown.splitlines()[0] == "english:1"
    assert cells(shown, "gopher_quality") == ["words", "40", "[10,", "70]", "as", "language", "is", "en", "passes"]
    assert shown.splitlines()[-1] == "Released: 1 copy at 1 epoch (default 1)."


def test_the_story_of_a_dropped_document(tamis: Tamis, made: Place) -> None:
    shown = why(tamis, made, "english:11")
    assert cells(shown, "gopher_quality")[-1] == "fails"
    assert cells(shown, "tokenize") == ["dropped", "before"]
    assert shown.splitlines()[-1] == "Dropped by gopher_quality.words."


def test_a_story_that_is_not_decided(tamis: Tamis, made: Place) -> None:
    shown = why(tamis, made, "english:1", "--set", "gopher_quality.stop_words.en=[the]")
    assert cells(shown, "gopher_quality") == ["not", "measured"]
    assert "Not decided: gopher_quality has not measured it" in shown


def test_a_story_nobody_knows(tamis: Tamis, made: Place) -> None:
    shown = tamis("why", "english:99", made.recipe, "--work", made.work)
    assert shown.exit_code == 2
    assert "source english has no document 'english:99'. Did you mean english:9" in shown.stderr
