"""What-if: its numbers, its errors, and on the sample the answer of a real rerun to every threshold."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from outlook_checks import (
    Corpus,
    Plain,
    check_counts,
    compare,
    foreseen,
    measured,
    recipe_of,
    rerun,
    session_of,
    told_in_parts,
)  # fmt: skip
from ruamel.yaml import YAML
from small_corpus import RECIPE, Place

from tamis.cli.options import sample_recipe
from tamis.corpus.store import Store
from tamis.engine.outlook import outlook
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.engine.session import Session
from tamis.engine.what_if import what_if
from tamis.errors import InputError, UserError

# --- a small corpus -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(small: Path, tokenizer: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("what-if"), RECIPE, tokenizer, small)
    found.run()
    return found


def ask(place: Place, *changes: str) -> Plain:
    sessions = [
        Session(place.recipe(*settings), place.corpus, Store(place.work), 1, Silent()) for settings in ((), changes)
    ]
    return what_if(*sessions)


def test_what_the_last_run_decided_is_what_is_found_anew(place: Place) -> None:
    known = Store(place.work).decided(place.recipe().name)
    with_it = ask(place, "gopher_quality.keep.words=50,120")
    away = known.rename(known.with_suffix(".away"))
    without = ask(place, "gopher_quality.keep.words=50,120")
    away.rename(known)
    assert with_it == without
    other = ask(place, "gopher_quality.keep.words=1,", "seed=8")
    assert other["documents_before"] == with_it["documents_before"]


@pytest.mark.parametrize(
    ("change", "in_parts"),
    [
        ("gopher_quality.keep.words=50,120", True), ("gopher_quality.keep.words=1,", True),
        ("gopher_quality.keep=off", True), ("gopher_quality.keep_by.language.de.words=60,", True),
        ("gopher_repetition.keep.top_2gram_char_ratio=,0.1", True), ("language.keep.score=0.9,", True),
        ("language.keep.label=[fr]", True), ("near_duplicates.keep=off", True), ("exact_duplicates.keep=off", True),
        ("near_duplicates.min_similarity=0.4", True), ("near_duplicates.scope=source", True),
        ("near_duplicates.keep.cluster_size=,2", True), ("near_duplicates.keep.cluster_size=2,", False),
        ("tokenize.keep.tokens=100,", True), ("mix.sources.web=0.5", True), ("mix.epochs=off", True),
        ("mix.default=0", True), ("seed=8", False), ("gopher_quality.when.source=[web]", False),
        ("near_duplicates.ngram=3", False), ("category.rules=[]", False), ("sources.web.priority=3", False),
    ],
)  # fmt: skip
def test_what_a_change_touches_is_enough_to_tell(place: Place, change: str, in_parts: bool) -> None:
    """The answer is that of looking at all documents."""
    sessions = [
        Session(place.recipe(*changes), place.corpus, Store(place.work), 1, Silent()) for changes in ((), (change,))
    ]
    facts = told_in_parts(*sessions)
    assert (facts is not None) == in_parts
    if facts is not None:
        check_counts(facts)


def test_only_what_the_last_run_measured_counts(place: Place, tmp_path: Path) -> None:
    """Rows that another recipe measured since could be kin, or tell more."""
    fork = place.fork(tmp_path / "fork")
    fork.run()
    other = fork.recipe("gopher_quality.keep.words=1,", "version=2")
    run(other, fork.corpus, RunOptions(fork.work, tmp_path / "out", 1), Silent(), lambda manifest, ledger, folder: [])
    facts = ask(fork, "gopher_quality.keep.words=1,")
    assert facts["documents_unknown"] == 0
    assert facts["after_without_tokens"] == 0


@pytest.mark.parametrize(
    "change",
    [
        "gopher_quality.keep.words=50,120", "gopher_quality.keep.words=1,", "language.keep.label=[fr]",
        "mix.epochs=off", "near_duplicates.keep=off", "near_duplicates.ngram=3", "category.rules=[]",
        "mix.sources.web=0", "seed=8",
    ],
)  # fmt: skip
def test_the_numbers_add_up(place: Place, change: str) -> None:
    facts = ask(place, change)
    check_counts(facts)
    if change == "gopher_quality.keep.words=50,120":
        assert facts["lost_to"].keys() == {"gopher_quality.words"}
        assert facts["tokens_lost"] > 0
        assert facts["documents_unknown"] == 0
    if change == "gopher_quality.keep.words=1,":
        assert facts["unknown_for_want_of"].keys() == {"gopher_repetition"}
        assert facts["released_unknown"] == 0
    if change == "category.rules=[]":
        by = {row["category"]: row for row in facts["by_category"]}
        assert by["forum"]["documents_before"] > 0
        assert by["forum"]["documents_after"] == 0
    if change == "mix.sources.web=0":
        assert facts["lost_to"].keys() == {"mix.epochs"}
        assert {row["source"] for row in facts["by_source"] if row["documents_lost"]} == {"web"}


def test_the_numbers_are_those_of_the_two_releases(place: Place, tmp_path: Path) -> None:
    """Documents, tokens and copies before and after, from the manifests of real runs."""
    change = ["gopher_quality.keep.words=45,80", "mix.languages.fr=2", "near_duplicates.min_similarity=0.8"]
    facts = ask(place, *change)
    fork = place.fork(tmp_path / "fork")
    fork.out = place.out
    before = fork.run().manifest.totals
    fork.out = tmp_path / "after"
    after = fork.run(*change).manifest.totals
    assert facts["documents_unknown"] == 0
    for name in ("documents", "tokens", "mixed_tokens"):
        assert facts[f"{name}_before"] == before[name]
    assert facts["documents_after"] == after["documents"]
    missing = facts["after_without_tokens"]
    assert missing == facts["gained_without_tokens"]
    assert (facts["tokens_after"] == after["tokens"]) == (missing == 0)
    again = ask(fork, *change)
    assert again["after_without_tokens"] == 0
    for name in ("documents", "tokens", "mixed_tokens"):
        assert again[f"{name}_after"] == after[name]


def test_documents_of_unknown_language_are_counted_as_such(small: Path, tokenizer: str, tmp_path: Path) -> None:
    """The language stage comes after the rule that drops them: nothing is known of their language."""
    quality = "  - gopher_quality: {keep: {words: [20, 120], symbol_word_ratio: [null, 0.1]}}\n"
    language = "  - language: {keep: {label: [fr, en, de], score: [0.5, null]}}\n"
    place = Place(tmp_path, RECIPE.replace(language + quality, quality + language), tokenizer, small)
    place.run()
    facts = ask(place, "gopher_quality.keep.words=1,")
    check_counts(facts)
    by = {row["language"]: row["documents_unknown"] for row in facts["by_language"]}
    assert by["und"] > 0
    assert facts["unknown_for_want_of"].keys() == {"language"}
    assert by["und"] + by["fr"] == facts["documents_unknown"]  # one source declares its language


def test_an_option_that_measures_otherwise_leaves_all_it_touches_unknown(place: Place) -> None:
    ledger = place.run().ledger()
    facts = ask(place, "gopher_repetition.keep.top_2gram_char_ratio=,0.2", "near_duplicates.ngram=3")
    alive = int(ledger["near_duplicates.measured"].sum())
    assert facts["unknown_for_want_of"].keys() == {"near_duplicates"}
    # All that reach the stage, but those of which the mix draws no copy in any case.
    not_drawn = int((ledger["dropped_by"] == "mix.epochs").sum())
    assert facts["documents_before"] < facts["documents_unknown"] <= alive - not_drawn < alive
    assert facts["released_unknown"] == facts["documents_before"]
    assert facts["released_unknown_tokens"] == facts["tokens_before"]
    # Nothing hangs on personal data and on tokens: verdicts are known, token counts aren't.
    facts = ask(place, "pii.kinds=[email]")
    assert facts["documents_unknown"] == 0
    assert facts["documents_after"] == facts["after_without_tokens"] == facts["documents_before"]
    assert facts["tokens_after"] == 0


def test_a_model_of_the_corpus_is_not_made_for_an_answer(small: Path, tmp_path: Path) -> None:
    place = Place(tmp_path, RECIPE, corpus=small)
    place.run()
    before = sorted(path for path in place.work.rglob("*") if path.is_file())
    facts = ask(place, "tokenize.tokenizer.train.vocabulary_size=600")
    assert facts["after_without_tokens"] == facts["documents_after"] == facts["documents_before"]
    assert sorted(path for path in place.work.rglob("*") if path.is_file()) == before


def test_errors_say_what_to_do(place: Place, small: Path, tokenizer: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not ingested yet.*`tamis run` comes first"):
        ask(Place(tmp_path / "new", RECIPE, tokenizer, small), "seed=3")
    with pytest.raises(UserError, match=r"with these settings: .* not ingested yet"):
        ask(place, "sources.news.columns.title=url")
    with pytest.raises(InputError, match="with these settings: source news: no file matches"):
        ask(place, "sources.news.path=nowhere/*.jsonl")
    fork = place.fork(tmp_path / "fork")
    fork.run("sources.web.path=web/a.jsonl.gz")
    with pytest.raises(UserError, match=r"read other documents \(of web\).*`tamis run`"):
        ask(fork, "sources.web.path=web/a.jsonl.gz")
    fork.text = fork.text.replace("words: [20, 120]", "words: [5, 120]")
    with pytest.raises(UserError, match=r"\d+ documents of small are not measured .*`tamis run` comes first"):
        ask(fork, "seed=3")


# --- the sample -----------------------------------------------------------------------------------------------------

OTHER_CHANGES = [
    ["exact_duplicates.scope=source"],
    ["exact_duplicates.scope=language", "gopher_quality.keep.words=20,"],
    ["near_duplicates.scope=language"],
    ["near_duplicates.scope=source", "language.keep.score=0.3,"],
    ["near_duplicates.min_similarity=0.9"],
    ["near_duplicates.min_similarity=0.4"],
    ["near_duplicates.min_similarity=0.5", "gopher_quality.keep.words=off"],
    ["near_duplicates.when.language=[fr, en]"],
    ["near_duplicates.keep.cluster_size=,2"],
    ["exact_duplicates.keep.cluster_size=,2", "gopher_quality.keep.words=5,"],
    ["exact_duplicates.keep.is_duplicate=true"],
    ["mix.epochs.fr--story=0"],
    ["mix.epochs.de--story=0.25", "mix.languages.fr=0.5"],
    ["mix.languages.en=0", "gopher_quality.keep.words=10,"],
    ["mix.sources.python-distributions=0.5"],
    ["sources.python-distributions.priority=20"],
    ["sources.python-distributions.priority=20", "language.keep.score=0.2,"],
    ["sources.python-distributions.category=web"],
    ["gopher_quality.when.category=[docs]"],
    ["gopher_repetition.when=off", "gopher_quality.keep.alpha_word_ratio=off"],
    ["gopher_repetition.when.language=[fr]"],
    ["gopher_quality.keep_by.language.de.mean_word_length=,4.6"],
    ["gopher_quality.keep_by.language.de=off"],
    ["gopher_quality.keep_by.language.en.words=150,"],
    ["gopher_repetition.exhaustive=true"],
    ["pii.keep.found=,0"],
    ["tokenize.keep.tokens=,300"],
    ["gopher_quality.keep.words=1,", "gopher_quality.keep.stop_words=off", "language.keep.score=0.1,"],
]
REAL_RUNS = [
    ["gopher_quality.keep.words=30,"],
    ["near_duplicates.min_similarity=0.85", "gopher_quality.keep.words=70,"],
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plain, Path]:
    """The sample without the standard library, and a work folder in which it was run."""
    data = YAML(typ="safe").load(sample_recipe().read_text())
    data["sources"] = [source for source in data["sources"] if source["name"] != "python-stdlib"]
    for stage in data["stages"]:
        if "tokenize" in stage:
            stage["tokenize"]["tokenizer"]["train"] = {"vocabulary_size": 1024, "characters": 200_000}
    folder = tmp_path_factory.mktemp("sample")
    rerun(session_of(data, folder))
    return data, folder


def thresholds(data: Plain, ledger: pl.DataFrame, chance: random.Random) -> list[list[str]]:
    """For every keep rule: switched off, and each side tighter and looser by a quantile of its signal."""
    changes = []
    for use in recipe_of(data).stages:
        for signal, rule in use.keep.items():
            name = f"{use.name}.{signal}"
            setting = f"{use.name}.keep.{signal}"
            changes.append([f"{setting}=off"])
            fails = ledger["failed"].list.contains(name)
            inside, outside = ledger.filter(~fails)[name].drop_nulls(), ledger.filter(fails)[name].drop_nulls()
            if rule.in_ is not None:
                labels = [str(label) for label in rule.in_]
                changes.append([f"{setting}=[{', '.join(labels[1:])}]"])
                changes.append([f"{setting}=[{', '.join([*labels, *outside.unique().sort().to_list()[:2]])}]"])
            if rule.min is not None or rule.max is not None:
                low = "" if rule.min is None else f"{rule.min:g}"
                high = "" if rule.max is None else f"{rule.max:g}"
                share = chance.uniform(0.05, 0.3)
                beyond = np.array(outside.to_list() or [0.0])
                if rule.min is not None:
                    below = beyond[beyond < rule.min]
                    looser = float(np.quantile(below, 1 - share)) if len(below) else rule.min / 2
                    changes += [[f"{setting}={inside.quantile(share):.9g},{high}"], [f"{setting}={looser:.9g},{high}"]]
                if rule.max is not None:
                    above = beyond[beyond > rule.max]
                    looser = float(np.quantile(above, share)) if len(above) else rule.max * 2
                    changes += [
                        [f"{setting}={low},{inside.quantile(1 - share):.9g}"],
                        [f"{setting}={low},{looser:.9g}"],
                    ]
    return changes


@pytest.mark.slow
def test_every_threshold_of_the_sample_as_a_rerun_finds_it(sample: tuple[Plain, Path], tmp_path: Path) -> None:
    """Told twice: from what the original recipe measured, and from what all the reruns so far did, too."""
    data, folder = sample
    shutil.copytree(folder, tmp_path / "used")
    untouched, used = Corpus(data, folder), Corpus(data, tmp_path / "used")
    ledger = outlook(untouched.session()).ledger
    changes = [*thresholds(data, ledger, random.Random(2)), *OTHER_CHANGES]
    assert len(changes) > 90
    random.Random(3).shuffle(changes)
    total = 0
    for change in changes:
        first, later = outlook(untouched.session(*change)), outlook(used.session(*change))
        real = measured(used.session(*change))
        compare(first, real, change)
        compare(later, real, change)
        assert not (later.unknown & ~first.unknown).any(), change
        assert not outlook(used.session(*change)).unmeasured.any(), change
        total += int(first.unknown.sum())
    assert 0 < total < 0.05 * len(changes) * ledger.height


@pytest.mark.slow
@pytest.mark.parametrize("change", REAL_RUNS, ids=lambda change: change[0])
def test_the_ledger_of_a_release_is_as_foreseen(sample: tuple[Plain, Path], tmp_path: Path, change: list[str]) -> None:
    data, untouched = sample
    shutil.copytree(untouched, tmp_path / "copy")
    told = foreseen(session_of(data, untouched, *change))
    options = RunOptions(tmp_path / "copy" / "work", tmp_path / "out", 1)
    summary = run(recipe_of(data, *change), untouched, options, Silent(), lambda manifest, ledger, folder: [])
    parts = [pl.read_parquet(path) for path in sorted((summary.release / "ledger").glob("*.parquet"))]
    real = pl.concat(parts, how="diagonal_relaxed")
    compare(told, told.ledger.select("id").join(real, on="id", how="left", maintain_order="left"), change)


@pytest.mark.slow
def test_tighter_thresholds_of_the_sample_leave_nothing_unknown(sample: tuple[Plain, Path]) -> None:
    data, folder = sample
    for change in (
        "gopher_quality.keep.words=120,", "gopher_repetition.keep.top_2gram_char_ratio=,0.05",
        "language.keep.score=0.9,", "near_duplicates.min_similarity=0.5", "exact_duplicates.keep.cluster_size=,1",
    ):  # fmt: skip
        assert not foreseen(session_of(data, folder, change)).unknown.any(), change
