"""The four filters that datatrove has, too: the plain definitions are both sides' own, and agreement is as stated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tamis.sample
from debian_pages import fetch, rows
from parity import Text, compare
from parity_report import ALL, BY_TOKENS, FILTERS, WHOLE, agreement, page
from parity_rules import RULES

ROOT = Path(__file__).parents[2]
STATED: dict[str, Any] = json.loads((ROOT / "bench/parity.json").read_bytes())
LANGUAGES = ("en", "fr", "de", "es", "it")
LEAST = {
    ("gopher_quality", BY_TOKENS): 0.9,
    ("gopher_repetition", ALL): 0.85,
    ("c4", ALL): 0.95,
    ("fineweb", ALL): 0.97,
}
"""Agreement of whole filters that no choice of texts should go below."""
OF_THE_TEXT = ("alpha_word_ratio", "stop_words_english")
"""Rules that differ by what they ask, so that agreement tells of the texts alone."""
SAME = {
    ("c4", "lorem_ipsum"), ("c4", "curly_bracket"), ("fineweb", "terminal_line_ratio"), ("fineweb", "short_line_ratio"),
    ("fineweb", "duplicate_line_char_ratio"),
}  # fmt: skip
"""Rules without any difference in Latin script."""
PIECES = [
    "The", "the", "of", "and", "maison", "l’eau", "Wörter,", "(see", "below).", "…", "...", "#tag", "--option", "a/b/c",
    "3,14", "2024", "=", "|", "« oui »", "E. coli", "z. B.", "{", "Lorem ipsum", "x" * 40, "- ", "• ", "javascript",
]  # fmt: skip
SEPARATORS = [" ", " ", " ", " ", "\n", ".\n", "\n\n", ". ", "\n \n", "\n- ", "\u00a0"]
documents = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), min_size=3, max_size=60).map(
    lambda parts: "The word " + "".join(piece + separator for piece, separator in parts).strip()
)


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    """The sample corpus, which has a text for every fault."""
    folder = Path(tamis.sample.__file__).parent / "documents"
    return compare(
        [
            Text(row["text"], language)
            for language in LANGUAGES
            for row in map(json.loads, (folder / f"{language}.jsonl").read_text(encoding="utf-8").splitlines())
            if any(char.isalpha() for char in row["text"])
        ]
    )


def check(found: dict[str, Any]) -> None:
    """What holds of any texts."""
    assert not sum(found["strays"].values())
    assert [cells for cells in found["causes"] if cells[2] in ("unexplained", "lines")] == []
    for (stage, rule), least in LEAST.items():
        assert agreement(found["decisions"], stage, rule) >= least, stage
    for stage, rule in SAME:
        assert agreement(found["decisions"], stage, rule) == 1, rule
    assert all(both == equal for both, equal in found["texts"].values())


@pytest.mark.slow
def test_the_sample_is_decided_as_stated(sample: dict[str, Any]) -> None:
    check(sample)
    assert min(sample["documents"].values()) > 60
    # Both say yes and no: else agreement says little.
    for stage in FILTERS:
        cells = [
            sum(column) for column in zip(*(c[3:] for c in sample["decisions"] if c[:2] == [stage, ALL]), strict=True)
        ]
        assert cells[0] > 0 and cells[3] > 0, stage


@pytest.mark.slow
@given(documents, st.sampled_from(LANGUAGES))
@settings(max_examples=40, deadline=None)
def test_the_plain_definitions_are_the_libraries(text: str, language: str) -> None:
    found = compare([Text(text, language)])
    assert not sum(found["strays"].values()), text
    assert all(cells[2] != "unexplained" for cells in found["causes"])


def test_every_rule_is_compared() -> None:
    asked = {(cells[0], cells[1]) for cells in STATED["decisions"]}
    assert asked == {(rule.stage, rule.name) for rule in RULES} | {(stage, ALL) for stage in FILTERS} | {
        ("gopher_quality", BY_TOKENS)
    }
    counts: dict[tuple[str, str], int] = {}
    for stage, rule, _, *cells in STATED["decisions"]:
        counts[stage, rule] = counts.get((stage, rule), 0) + sum(cells)
    assert set(counts.values()) == {sum(STATED["documents"].values())} == {2000}
    assert STATED["documents"] == dict.fromkeys(LANGUAGES, 400)


def test_every_difference_has_its_cause() -> None:
    check(STATED)
    differ = {(stage, rule): 0 for stage, rule, *_ in STATED["decisions"] if rule not in WHOLE}
    for stage, rule, _, _, ours, theirs, _ in STATED["decisions"]:
        if rule not in WHOLE:
            differ[stage, rule] += ours + theirs
    for stage, rule, _, ours, theirs in STATED["causes"]:
        differ[stage, rule] -= ours + theirs
    assert set(differ.values()) == {0}


def test_the_page_is_current() -> None:
    written = (ROOT / "docs/parity.md").read_text(encoding="utf-8")
    assert written == page(STATED), "run `python bench/parity.py --report`"


EACH = 400
"""Fetched texts of each language."""
CHARS = 4000
"""Of a longer one, the beginning."""
GUIDES = "gnome-user-docs"
"""Help pages in all of them."""
CHOICE = 0.04
"""By how much the choice of texts may lower an agreement; two hundredths were seen."""
MANUALS = {
    "en": ("manpages-dev",), "fr": ("manpages-fr-dev",), "de": ("manpages-de-dev",),
    "es": ("manpages-es", "manpages-es-dev"), "it": ("manpages-it", "manpages-it-dev"),
}  # fmt: skip


def manuals_and_guides(folder: Path) -> Iterator[Text]:
    """Manual pages and help pages, EACH of a language, out of Debian's packages."""
    fetch(folder, [GUIDES, *(name for names in MANUALS.values() for name in names)])
    for language, names in MANUALS.items():
        found = [row for name in (GUIDES, *names) for row in rows(folder, name, "text") if row["language"] == language]
        found.sort(key=lambda row: row["id"])
        for number in range(EACH):
            yield Text(found[number * len(found) // EACH]["text"][:CHARS].strip(), language)


@pytest.mark.service
@pytest.mark.slow
def test_agreement_on_pages_fetched_now(tmp_path: Path) -> None:
    """Other texts than those of the stated figures: eight packages, 18 MB."""
    found = compare(list(manuals_and_guides(tmp_path / "pages")))
    assert found["documents"] == dict.fromkeys(LANGUAGES, EACH)
    check(found)
    compared = [(rule.stage, rule.name) for rule in RULES if rule.name not in OF_THE_TEXT]
    for stage, rule in [*compared, *LEAST]:
        stated = agreement(STATED["decisions"], stage, rule)
        assert agreement(found["decisions"], stage, rule) >= stated - CHOICE, (stage, rule)
