"""A stage under another name (`as`): several uses in a recipe, rules and settings by name, what is wrong in names."""

from __future__ import annotations

import jsonschema
import pytest
from small_recipes import HEAD, SOURCE, complaints, load, stages, write

from tamis.errors import OptionError
from tamis.recipe.schema import recipe_schema
from tamis.stages import STAGES

TWO = """\
  - classifier: {as: edu, model: m.ftz, scale: {"0": 0, "1": 5}, keep: {value: [2, null]}}
  - classifier: {as: spam, model: s.ftz, scores: {bad: __label__1}, keep: {bad: [null, 0.5]}}
  - classifier: {model: t.ftz}
  - gopher_quality: {when: {edu.value: [3, null]}, keep_by: {classifier.label: {poem: {words: [5, null]}}}}
"""


def test_a_stage_stands_several_times_under_other_names() -> None:
    recipe = stages(TWO)
    assert [(use.name, use.stage.name) for use in recipe.stages] == [
        ("edu", "classifier"),
        ("spam", "classifier"),
        ("classifier", "classifier"),
        ("gopher_quality", "gopher_quality"),
    ]
    assert list(recipe.stages[0].stage.signals) == ["label", "score", "value"]
    assert list(recipe.stages[1].stage.signals) == ["label", "score", "bad"]
    assert list(recipe.stages[2].stage.signals) == ["label", "score"]


def test_the_canonical_recipe_is_read_again() -> None:
    recipe = stages(TWO)
    written = recipe.to_recipe()
    assert written["stages"][0]["classifier"]["as"] == "edu"
    assert "as" not in written["stages"][2]["classifier"]
    assert load(write(written)).to_recipe() == written


def test_the_schema_knows_names() -> None:
    schema = jsonschema.Draft202012Validator(recipe_schema(STAGES))
    assert not list(schema.iter_errors(stages(TWO).to_recipe()))
    for wrong in ({"classifier": {"as": "Edu", "model": "m"}}, {"tokenize": {"as": "t", "tokenizer": "t.json"}}):
        assert list(schema.iter_errors({**stages(TWO).to_recipe(), "stages": [wrong]}))


def test_settings_go_by_the_name() -> None:
    recipe = stages(TWO, "edu.keep.value=3,", "spam.keep.bad=off", "classifier.model=u.ftz", "edu.max_bytes=100",
                    "gopher_quality.when.spam.bad=,0.1")  # fmt: skip
    edu, spam, plain, gopher = recipe.stages
    assert edu.keep["value"].min == 3 and edu.config.model_dump()["max_bytes"] == 100
    assert spam.keep == {} and plain.config.model_dump()["model"] == "u.ftz"
    assert gopher.when["spam.bad"].max == 0.1


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("edu.keep.bad=1,", "stage edu measures no 'bad'"),
        ("eduu.keep.value=1,", "no stage 'eduu'. Did you mean 'edu'"),
        ("spam.keeep=1", "stage spam has no option 'keeep'"),
    ],
)
def test_wrong_settings(setting: str, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        stages(TWO, setting)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("classifier: {as: Edu, model: m}", "`as` names the stage's signals: a-z, 0-9 and _"),
        ("classifier: {as: 3, model: m}", "(got 3)"),
        ("classifier: {as: a.b, model: m}", "`as` names the stage's signals"),
        ("classifier: {as: first, model: m}", "another stage is called 'first'"),
        ("classifier: {as: pii, model: m}", "'pii' is the name of something else"),
        ("classifier: {as: mix, model: m}", "'mix' is the name of something else"),
        ("pii: {as: mine}", "stage pii stands in a recipe once, under its own name"),
        ("language", "stage language stands twice: its signals would share a name. Give one of them another"),
        ("classifier: {as: b, model: m, keep: {value: [1, 2]}}", "stage b measures no 'value'"),
    ],
)
def test_wrong_names(entry: str, complaint: str) -> None:
    found = complaints(f"{HEAD}{SOURCE}stages:\n  - language\n  - language: {{as: first}}\n  - {entry}\n")
    assert len(found) == 1 and found[0].startswith("8: ") and complaint in found[0], found


def test_a_second_opinion_may_take_the_stages_own_name() -> None:
    assert [use.name for use in stages("  - language: {as: other}\n  - language: {as: language}\n").stages] == [
        "other",
        "language",
    ]
