"""After any change, only what it concerns is measured, and the release is that of a clean run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from _pytest.mark import ParameterSet
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpus import Outcome, Place, corpus_files, documents, jsonl

from tamis.corpus.documents import InputFile
from tamis.engine.ingest import group_files
from tamis.recipe.model import Source

MEASURING = ("category", "language", "gopher_quality", "gopher_repetition", "pii", "tokenize")
SKETCHING = "near_duplicates"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, small: Path, tokenizer: str) -> tuple[Place, Outcome]:
    """The recipe as it stands, run once. Tests fork it."""
    place = Place(tmp_path_factory.mktemp("incremental"), tokenizer=tokenizer, corpus=small)
    return place, place.run()


def measured(outcome: Outcome, stage: str) -> set[str]:
    """Ids of the documents that the ledger shows as measured by a stage."""
    ledger = outcome.ledger()
    column = f"{stage}.measured"
    return set(ledger.filter(pl.col(column))["id"]) if column in ledger.columns else set()


def revived(before: Outcome, after: Outcome) -> dict[str, int]:
    """How many documents each stage must have measured in between, told by the two ledgers."""
    found = {stage: len(measured(after, stage) - measured(before, stage)) for stage in MEASURING}
    return {stage: count for stage, count in found.items() if count}


def slow(*values: object) -> ParameterSet:
    """A case that is left to the full test run: a quick one does with fewer of its kind."""
    return pytest.param(*values, marks=pytest.mark.slow)


LOOSER = [
    "gopher_quality.keep.words=10,120",
    "near_duplicates.keep={}",
    "gopher_quality.keep.words=20,",
    "gopher_quality.keep.symbol_word_ratio=,9",
    "gopher_quality.keep={}",
    "gopher_repetition.keep={}",
]
TIGHTER = [
    "gopher_quality.keep.words=40,110",
    "language.keep={label: [fr, en], score: [0.9, null]}",
    "tokenize.keep={tokens: [null, 400]}",
    "gopher_quality.keep_by={language: {de: {words: [60, 120]}}}",
    "exact_duplicates.keep={}",  # what it revives is a near duplicate, too
]


@pytest.mark.parametrize("change", [*LOOSER[:2], *map(slow, LOOSER[2:]), TIGHTER[0], *map(slow, TIGHTER[1:])])
def test_a_changed_threshold_measures_only_what_it_revives(
    change: str, base: tuple[Place, Outcome], tmp_path: Path
) -> None:
    place, before = base
    after = place.fork(tmp_path).run(change)
    assert after.measured == revived(before, after)
    assert bool(after.measured) == (change in LOOSER)
    assert after.files != before.files, "the change shows"
    assert after.files == place.clean(change).files


@pytest.mark.slow
def test_ten_changes_in_a_row_leave_no_trace(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    for change in [*LOOSER, *TIGHTER]:
        place.run(change)
    last = place.run(LOOSER[0], TIGHTER[2], "near_duplicates.min_similarity=0.9")
    assert last.files == place.clean(LOOSER[0], TIGHTER[2], "near_duplicates.min_similarity=0.9").files
    back = place.run()
    assert back.measured == {}
    assert back.files == base[1].files


def with_text(old: str, new: str) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        assert old in place.text
        place.text = place.text.replace(old, new)

    return change


@pytest.mark.parametrize(
    "change",
    [
        with_text("priority: 1", "priority: -1"),
        with_text("category: news,", "category: press,"),
        with_text("- near_duplicates", "- near_duplicates: {min_similarity: 0.95}"),
        slow(with_text("seed: 7", "seed: 8")),
        slow(with_text("default: 1\n", "default: 3\n")),
        slow(with_text("- near_duplicates", "- near_duplicates: {scope: source}")),
        slow(with_text("- exact_duplicates", "- exact_duplicates: {scope: language}")),
    ],
)
def test_what_decides_measures_nothing_again(
    change: Callable[[Place], None], base: tuple[Place, Outcome], tmp_path: Path
) -> None:
    place = base[0].fork(tmp_path)
    change(place)
    after = place.run()
    assert after.measured == revived(base[1], after)
    assert "ingest" not in after.rows
    assert after.files == place.clean().files


def test_a_licence_is_measured_by_category_alone(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    """Its rules may name the licence; no other stage reads it."""
    place = base[0].fork(tmp_path)
    place.text = place.text.replace("CC0-1.0", "CC-BY-4.0")
    after = place.run()
    assert after.measured == {"category": 252}
    assert after.files == place.clean().files


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ("near_duplicates.ngram=3", {SKETCHING}),
        ("pii.replacement=fake", {"pii", "tokenize"}),
        slow("near_duplicates.bands=20", {SKETCHING}),
        slow("language.max_bytes=40", {"language", "gopher_quality", "pii", "tokenize"}),
        slow("category.default=misc", {"category"}),
    ],
)
def test_a_measuring_option_concerns_its_stage_and_those_that_depend_on_it(
    change: str, stages: set[str], base: tuple[Place, Outcome], tmp_path: Path
) -> None:
    place = base[0].fork(tmp_path)
    after = place.run(change)
    expected = revived(base[1], after)
    for stage in stages:
        again = measured(after, stage)
        if stage == SKETCHING:
            again = set(after.ledger()["id"])
        elif change.startswith("language.") and stage != "language":
            # `notes` declares its language: whatever the model says, it stays.
            again = {id_ for id_ in again if not id_.startswith("notes:")} | (again - measured(base[1], stage))
        expected[stage] = len(again)
    assert after.measured == expected
    assert after.files == place.clean(change).files


def editable(base: tuple[Place, Outcome], tmp_path: Path) -> Place:
    """A fork with a corpus of its own. Its files are as old as the others': only their contents tell."""
    place = base[0].fork(tmp_path)
    place.corpus = tmp_path / "corpus"
    shutil.copytree(base[0].corpus, place.corpus)
    return place


def test_an_added_file_leaves_the_others_alone(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = editable(base, tmp_path)
    shards = corpus_files(place)
    jsonl(place.corpus / "web/c.jsonl.gz", documents(5, 36))
    after = place.run()
    assert after.rows["ingest"] == 36
    assert {name: corpus_files(place)[name] for name in shards} == shards, "same names, bytes and times"
    assert len(corpus_files(place)) == len(shards) + 1
    assert after.measured == revived(base[1], after) | {SKETCHING: 36}
    assert after.measured["language"] == 36
    assert after.files == place.clean().files


@pytest.mark.slow
def test_a_removed_file_is_gone(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = editable(base, tmp_path)
    (place.corpus / "web/b.jsonl.gz").unlink()
    after = place.run()
    assert "ingest" not in after.rows
    assert after.measured == revived(base[1], after)
    assert after.ledger().height == base[1].ledger().height - 60
    assert after.files == place.clean().files


def test_an_edited_file_is_read_anew(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = editable(base, tmp_path)
    rows = documents(2, 72)
    rows[10] |= documents(6, 1)[0] | {"id": rows[10]["id"]}
    jsonl(place.corpus / "web/a.jsonl.gz", rows)
    after = place.run()
    assert after.rows["ingest"] == after.measured["language"] == after.measured[SKETCHING] == 72
    assert after.files == place.clean().files
    assert after.files != base[1].files


@pytest.mark.slow
def test_a_trained_tokenizer_is_trained_on_what_there_is(small: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "a")
    shutil.copytree(small, place.corpus)
    before = place.run()
    tight = place.run("gopher_quality.keep.words=40,110")
    assert tight.measured == {}, "the rules don't touch the tokenizer"
    jsonl(place.corpus / "web/c.jsonl.gz", documents(5, 36))
    after = place.run()
    assert after.manifest.tokenizer != before.manifest.tokenizer
    assert after.measured["tokenize"] == len(measured(after, "tokenize"))
    assert after.files == place.clean().files


def stages(place: Place, text: str) -> None:
    head, _, rest = place.text.partition("stages:\n")
    place.text = head + "stages:\n" + text + rest[rest.index("mix:") :]


EXHAUSTIVE = """
  - gopher_repetition: {keep: {duplicate_line_ratio: [null, 0.3]}}
  - language
  - category: {rules: [{category: forum, url: forum}], default: web}
  - gopher_quality: {keep: {words: [10, 120]}, exhaustive: true}
  - pii
  - near_duplicates
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", ["1", "0.3", "0.01"])
def test_exhaustive_stages_measure_what_they_can_and_show_no_history(first: str, small: Path, tmp_path: Path) -> None:
    """A dropped document has no language yet: measured without, it would be measured wrong."""
    place = Place(tmp_path, corpus=small)
    stages(place, EXHAUSTIVE)
    place.run(f"gopher_repetition.keep.duplicate_line_ratio=,{first}")
    for bound in ("1", "0.3", "0.01", "0.5"):
        change = f"gopher_repetition.keep.duplicate_line_ratio=,{bound}"
        after = place.run(change)
        assert after.files == place.clean(change).files
        again = place.run(change)
        assert again.summary.nothing_to_do


@pytest.mark.slow
def test_exhaustive_changes_no_verdict(base: tuple[Place, Outcome], small: Path, tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    deciding = ["id", "dropped_by", "copies", "language", "category"]
    for stage in ("gopher_repetition", "pii", "exact_duplicates", "near_duplicates", "tokenize"):
        after = place.run(f"{stage}.exhaustive=true")
        assert after.ledger().select(deciding).equals(base[1].ledger().select(deciding)), stage
        assert after.files == place.clean(f"{stage}.exhaustive=true").files
        if stage == "gopher_repetition":
            assert after.measured[stage] == 252 - len(measured(base[1], stage))


WHENS = [
    "pii.when={category: [forum]}",
    "language.when={category: [forum, web]}",
    slow("pii.when={language: [fr]}"),
    slow("pii.when={gopher_quality.words: [60, null]}"),
    slow("gopher_quality.when={language: [fr]}"),
    slow("near_duplicates.when={category: [forum]}"),
]


@pytest.mark.slow
@pytest.mark.parametrize("change", WHENS)
def test_when_reaches_as_far_as_it_says(change: str, base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    after = place.run(change)
    assert after.files != base[1].files
    clean = place.clean(change)
    assert after.files == clean.files
    # And back: what was measured within it is known, what was outside is not.
    other = clean.release.parent.parent
    narrow = Place(other, corpus=place.corpus)
    narrow.text = place.text
    assert narrow.run().files == base[1].files


@pytest.mark.slow
def test_what_a_when_looks_at_counts(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    """Another category, another text, other tokens."""
    place = base[0].fork(tmp_path)
    place.run("pii.when={category: [forum]}")
    changes = ["pii.when={category: [forum]}", "category.rules=[{category: forum, url: news}]"]
    assert place.run(*changes).files == place.clean(*changes).files
    place.text = place.text.replace("category: notes", "category: forum").replace("category: news,", "category: forum,")
    assert place.run(changes[0]).files == place.clean(changes[0]).files


@pytest.mark.slow
def test_an_edit_before_a_sketch(small: Path, tokenizer: str, tmp_path: Path) -> None:
    """The sketch is of the edited text; a document dropped before the edit has none yet."""
    place = Place(tmp_path, tokenizer=tokenizer, corpus=small)
    place.text = place.text.replace("  - pii\n", "").replace("  - exact_dup", "  - pii\n  - exact_dup")
    before = place.run()
    assert before.measured["near_duplicates"] == before.measured["pii"] < 252
    for change in ("gopher_quality.keep.words=30,100", "gopher_quality.keep={}", "pii.replacement=fake"):
        after = place.run(change)
        assert after.files == place.clean(change).files
    assert after.measured["near_duplicates"] == after.measured["pii"] >= before.measured["pii"]


@pytest.mark.slow
def test_two_gaps(small: Path, tokenizer: str, tmp_path: Path) -> None:
    place = Place(tmp_path, tokenizer=tokenizer, corpus=small)
    place.text = place.text.replace("  - exact_duplicates\n", "").replace(
        "  - language:", "  - exact_duplicates\n  - language:"
    )
    before = place.run()
    assert before.measured["language"] == 252 - before.manifest.duplicates["exact_duplicates"]["duplicates"]
    for change in (
        "exact_duplicates.keep={}",
        "gopher_quality.keep={}",
        "near_duplicates.keep={}",
        "exact_duplicates.scope=source",
    ):
        after = place.run(change)
        assert after.files == place.clean(change).files


def test_a_resolver_knows_the_languages_that_a_stage_told(tmp_path: Path, tokenizer: str) -> None:
    """Equal texts, one source declares the language, one leaves it to be told: copies within one language."""
    place = Place(tmp_path, tokenizer=tokenizer)
    english = [row for row in documents(1, 40) if "the" in row["text"].split()][:6]
    jsonl(place.corpus / "told/a.jsonl", english)
    jsonl(place.corpus / "open/a.jsonl", english)
    place.text = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: told, path: told/*.jsonl, language: en}
  - {name: open, path: open/*.jsonl}
stages:
  - language
  - exact_duplicates: {scope: language}
"""
    assert place.run().manifest.duplicates["exact_duplicates"]["duplicates"] == 6
    # Left unknown, they are no copies any more: a `when` of the language stage counts, too.
    change = "language.when={source: [told]}"
    assert place.run(change).manifest.duplicates["exact_duplicates"]["duplicates"] == 0
    assert place.run(change).files == place.clean(change).files


def test_a_signal_of_one_source_may_stand_in_a_when(tmp_path: Path, tokenizer: str) -> None:
    place = Place(tmp_path, tokenizer=tokenizer)
    jsonl(place.corpus / "a/a.jsonl", documents(1, 24))
    jsonl(place.corpus / "b/a.jsonl", documents(2, 24))
    place.text = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: a, path: a/*.jsonl, signals: {year: {field: year}}}
  - {name: b, path: b/*.jsonl}
stages:
  - language
  - gopher_quality: {keep: {words: [40, null]}, when: {source.year: {min: 2000, nulls: drop}}}
"""
    ledger = place.run().ledger()
    assert ledger.filter(pl.col("source") == "b")["source.year"].is_null().all()
    asked = ledger["gopher_quality.measured"]
    assert asked.to_list() == (ledger["source.year"] >= 2000).fill_null(False).to_list()
    assert asked.any()


def names(count: int) -> list[str]:
    return [f"{number:05d}.txt" for number in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(0, 2**32), st.sampled_from([10, 400_000, 9_000_000]))
def test_a_new_name_changes_the_group_it_falls_into_alone(at: int, salt: int, size: int) -> None:
    source = Source(name="s", path=("x",), license="CC0-1.0", format="text")
    before = [InputFile(f"{salt}-{name}", name, 200_000, name) for name in names(400)]
    new = InputFile(f"{salt}-{at:05d}.txt+", "new", size, "new")
    after = sorted([*before, new], key=lambda file: file.name)
    old, now = set(group_files(source, before)), set(group_files(source, after))
    assert [file for group in group_files(source, after) for file in group] == after
    assert len(old - now) <= 1
    assert len(now - old) <= 2
    assert len(old) > 1
