from __future__ import annotations

import textwrap

import pytest
from pydantic import ValidationError
from small_recipes import HEAD, SOURCE, STAGE, complaints, load, stages, write

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Stage
from tamis.recipe.rules import default_rules
from tamis.stages import STAGES


@pytest.mark.parametrize(
    "spelling", ["gopher_quality", "gopher_quality:", "gopher_quality: {}", "gopher_quality: null"]
)
def test_a_stage_without_keep_takes_its_defaults(spelling: str) -> None:
    (use,) = stages(f"  - {spelling}\n").stages
    signals = STAGES.get("gopher_quality").signals
    assert use.keep == {name: column.default for name, column in signals.items() if column.default}
    assert use.keep["words"] == Condition(min=50, max=100_000)
    assert use.keep_by["language"]["de"] == {"mean_word_length": Condition(min=3, max=12)}


@pytest.mark.parametrize("keep", ["{}", "", "null"])
def test_a_stage_with_an_empty_keep_has_no_rule(keep: str) -> None:
    (use,) = stages(f"  - gopher_quality: {{keep: {keep}}}\n").stages
    assert (use.keep, use.keep_by) == ({}, {})


def test_one_rule_of_its_own_takes_the_place_of_all_defaults() -> None:
    (use,) = stages("  - gopher_quality: {keep: {lines: [2, null]}}\n").stages
    assert use.keep == {"lines": Condition(min=2)}
    assert use.keep_by == {}


def test_a_keep_by_alone_keeps_the_default_rules_but_not_their_overrides() -> None:
    (use,) = stages("  - gopher_quality: {keep_by: {language: {fr: {words: [20, null]}}}}\n").stages
    assert use.keep["words"] == Condition(min=50, max=100_000)
    assert use.keep_by == {"language": {"fr": {"words": Condition(min=20)}}}


def _works_alone(stage: Stage) -> bool:
    try:
        stage.config()
    except ValidationError:
        return False
    return True


def test_default_rules_are_a_recipe_of_the_stage_alone() -> None:
    for stage in STAGES:
        if stage.from_sources or not _works_alone(stage):
            continue
        written = {stage.name: default_rules(stage)}
        data = {"name": "a", "version": "1", "sources": [{"name": "a", "path": "a", "license": "MIT"}]}
        recipe = load(write({**data, "stages": [written]}))
        bare = load(write({**data, "stages": [stage.name]}))
        assert recipe.stages == bare.stages


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("languag", "no stage is called 'languag'. Did you mean 'language'?"),
        ("12", "a stage is its name, or one `name: {options}`"),
        ("[language]", "a stage is its name, or one `name: {options}`"),
        ("{language: {}, pii: {}}", "a stage is its name, or one `name: {options}`"),
        ("{}", "a stage is its name, or one `name: {options}`"),
        ("language: 3", "stage language: options are a mapping"),
        ("language: [fr]", "stage language: options are a mapping"),
        ("language > kep: {}", "stage language has no option 'kep'. Did you mean 'keep'?"),
        ("language > max_bytes: 0", "max_bytes: must be above 0 (got 0)"),
        ("language > max_bytes: true", "max_bytes: must be a whole number (got true)"),
        ("language > exhaustive: maybe", "exhaustive must be true or false (got 'maybe')"),
        ("language > keep: 3", "keep maps signals to conditions: {words: [50, 100000]} (got 3)"),
        ("language > keep: [score]", "keep maps signals to conditions"),
        ("language > keep > scor: [1, 2]", "stage language measures no 'scor'. Did you mean 'score'?"),
        ("language > keep > score: 0.5", "language.score: 0.5 is no condition"),
        ("language > keep > score: null", "language.score: null is no condition"),
        ("language > keep > score: [null, null]", "it allows everything"),
        ("language > keep > score: {min: 0.5, null: drop}", "no 'null'. Did you mean 'nulls'?"),
        ("language > keep > score: {min: 0.5, nulls: ignore}", "nulls: Input should be 'keep' or"),
        ("language > keep > score: fr", "language.score is a number: write a range"),
        ("language > keep > score: true", "language.score is a number: write a range"),
        ("language > keep > score: {in: [true]}", "language.score is a number: write a range"),
        ("language > keep > label: [0, 3]", "language.label is a name: write a set such as [fr, en]"),
        ("language > keep > label: true", "language.label is a name: write a set such as [fr, en]"),
        ("language > keep > label: {in: [1, fr]}", "language.label is a name: write a set"),
        ("exact_duplicates > keep > is_duplicate: [0, 1]", "is a boolean: write true or false"),
        ("exact_duplicates > keep > is_duplicate: no", "is a boolean: write true or false (got 'no')"),
        ("language > keep_by: [3]", "keep_by maps columns to values to rules"),
        ("language > keep_by > language: [3]", "keep_by.language maps columns to values to rules"),
        ("language > keep_by > language > fra: {}", "'fra' has the canonical code 'fr'"),
        ("language > keep_by > language > 12: {}", "'12' is no language code"),
        ("language > keep_by > language > true: {}", "'true' is no language code"),
        ("language > keep_by > source > wbe: {}", "'wbe'. Did you mean 'web'?"),
        ("language > keep_by > license > mit: {}", "SPDX writes it 'MIT'"),
        ("language > keep_by > language > de: 3", "keep_by.language.de maps signals to conditions"),
        ("language > keep_by > language > de > scor: [1, 2]", "Did you mean 'score'?"),
        ("language > keep_by > language > de > score: [2, 1]", "[2, 1] is empty"),
        ("language > keep_by > language > de > score: [a, b]", "is a number"),
        ("language > when: web", "when maps columns to conditions"),
        ("language > when > categroy: web", "column 'categroy'. Did you mean 'category'?"),
        ("language > when > category: [1, 2]", "category is a name: write a set"),
        ("language > when > language: {not_in: [fra]}", "'fra' has the canonical code 'fr'"),
        ("language > when > source: wbe", "'wbe'. Did you mean 'web'?"),
        ("language > when > language.score: [0.5, 1]", "no earlier stage or source adds a column"),
        ("gopher_quality > keep_by > language.label: {de: {words: [1, 2]}}", "no earlier stage"),
        ("tokenize", "tokenizer is missing"),
        ("tokenize > tokenizer: 3", "tokenizer: must be text or a mapping of options (got 3)"),
        ("tokenize > tokenizer > trai: {}", "tokenizer: unknown option 'trai'. Did you mean 'train'?"),
        ("tokenize > tokenizer > train > vocabulry_size: 1", "Did you mean 'vocabulary_size'?"),
        ("tokenize > tokenizer > train > vocabulary_size: x", "vocabulary_size: must be a whole number"),
        ("near_duplicates > scope: corpsu", "'corpsu' is not allowed. Did you mean 'corpus'?"),
    ],
)
def test_wrong_stages(place: str, complaint: str) -> None:
    # `a > b > c: 1` is `c: 1` inside `b` inside `a`, each on a line of its own: the last one is the wrong one.
    *outer, last = place.split(" > ")
    nested = [f"{6 * (depth > 0) * ' '}{max(depth - 1, 0) * 2 * ' '}{key}:" for depth, key in enumerate(outer)]
    nested.append(f"{(4 + 2 * len(outer)) * ' ' if outer else ''}{last}")
    found = complaints(f"{HEAD}{SOURCE}stages:\n  - {chr(10).join(nested)}\n")
    assert any(one.startswith(f"{6 + len(outer)}: ") and complaint in one for one in found), found


def test_wrong_stages_as_a_whole_and_in_lists() -> None:
    found = complaints(HEAD + SOURCE + "stages:\n  - near_duplicates:\n      threshold: 0.8\n      bands: 3\n")
    assert [one.partition(" chooses")[0] for one in found] == ["6: `threshold`"]
    rules = "rules:\n        - {category: a, url: x}\n        - {category: b, ulr: x}\n"
    found = complaints(f"{HEAD}{SOURCE}stages:\n  - category:\n      {rules}")
    assert [one.partition(" (")[0] for one in found] == ["9: rules.1: unknown option 'ulr'. Did you mean 'url'?"]


def test_a_stage_stands_once() -> None:
    assert complaints(HEAD + SOURCE + "stages:\n  - pii\n  - language\n  - pii: {}\n") == [
        "8: stage pii stands twice: its signals would share a name"
    ]


def test_columns_of_earlier_stages_may_be_named() -> None:
    recipe = stages("""\
          - language
          - gopher_quality:
              keep_by:
                language.label: {de: {words: [20, null]}}
              when: {language.score: [0.5, null], category: {not_in: [code]}}
          - exact_duplicates
          - near_duplicates:
              keep: {is_duplicate: false}
              keep_by: {exact_duplicates.is_duplicate: {true: {is_duplicate: true}}}
              when: {gopher_quality.words: {in: [1, 2, 3]}}
        """)
    near = recipe.stages[3]
    assert near.keep_by == {"exact_duplicates.is_duplicate": {"true": {"is_duplicate": Condition(is_=True)}}}
    assert near.when == {"gopher_quality.words": Condition(in_=(1, 2, 3))}


def test_columns_of_a_stage_that_is_wrong_are_known_all_the_same() -> None:
    text = HEAD + SOURCE + "stages:\n  - language: {kep: 3}\n  - pii: {when: {language.label: fr}}\n"
    assert [one.partition(".")[0] for one in complaints(text)] == ["6: stage language has no option 'kep'"]


def test_signals_of_sources_are_columns_with_their_types() -> None:
    sources = textwrap.dedent("""\
        sources:
          - name: web
            path: x
            license: MIT
            signals: {edu: {field: meta.edu}, tier: {field: t, type: string}, adult: {field: a, type: boolean}}
        """)
    good = """\
        stages:
          - language:
              when: {source.edu: [3, null], source.tier: [head], source.adult: false}
              keep_by:
                source.edu: {3: {score: [0.5, null]}}
                source.adult: {false: {score: [0.5, null]}}
        """
    (use,) = load(HEAD + sources + textwrap.dedent(good)).stages
    assert use.when["source.adult"] == Condition(is_=False)
    assert set(use.keep_by) == {"source.edu", "source.adult"}
    bad = """\
        stages:
          - language:
              when:
                source.edu: true
                source.teir: [head]
              keep_by:
                source.edu: {high: {}}
                source.adult: {maybe: {}}
        """
    found = complaints(HEAD + sources + textwrap.dedent(bad))
    assert [int(one.partition(":")[0]) for one in found] == [11, 12, 14, 15]
    assert "source.edu is a number" in found[0]
    assert "Did you mean 'source.tier'?" in found[1]
    assert "source.edu is a number, and 'high' is none" in found[2]
    assert "its values are true and false (got 'maybe')" in found[3]


def test_a_signal_has_one_type_in_all_sources() -> None:
    text = HEAD + textwrap.dedent("""\
        sources:
          - {name: a, path: x, license: MIT, signals: {edu: {field: e}}}
          - name: b
            path: x
            license: MIT
            signals:
              edu: {field: e, type: string}
        """)
    assert complaints(text + STAGE) == ["9: signal 'edu' has another type in another source"]
