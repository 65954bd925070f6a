from __future__ import annotations

from typing import Any

import pytest
from small_recipes import load

from tamis.corpus.conditions import Condition
from tamis.errors import OptionError
from tamis.recipe.model import Recipe, Source, StageUse
from tamis.recipe.rules import default_rules
from tamis.stages import STAGES

TEXT = """\
name: tiny
version: "1"
defaults: {license: MIT}
sources:
  - {name: python-3.11, path: a, columns: &columns {text: body}, signals: {edu: {field: q.edu}}}
  - {name: python-3, path: b, columns: *columns}
  - name: letters-{lang}
    for_each: {lang: [fr, en]}
    path: x/{lang}
  - &last {name: last, path: z, columns: {text: body}}
  - <<: *last
    name: merged
stages:
  - language: {keep: {label: [fr, en]}}
  - gopher_quality: {keep_by: {language: {de: {words: [1, 2]}}}}
  - category: {rules: [{category: web, url: x}]}
  - near_duplicates
  - tokenize: {tokenizer: {train: {vocabulary_size: 600}}}
"""


def changed(*settings: str) -> Recipe:
    return load(TEXT, *settings)


def use(recipe: Recipe, name: str) -> StageUse:
    return next(use for use in recipe.stages if use.name == name)


def source(recipe: Recipe, name: str) -> Source:
    return next(source for source in recipe.sources if source.name == name)


def refused(*settings: str) -> str:
    with pytest.raises(OptionError) as caught:
        changed(*settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ("30,", Condition(min=30)),
        (",0.1", Condition(max=0.1)),
        ("30,100", Condition(min=30, max=100)),
        (" 30 , 100 ", Condition(min=30, max=100)),
        ("-1,+2", Condition(min=-1, max=2)),
        (".5,1e3", Condition(min=0.5, max=1000)),
        ("[30, null]", Condition(min=30)),
        ("[30,100]", Condition(min=30, max=100)),
        ("{min: 30, nulls: drop}", Condition(min=30, nulls="drop")),
        ("{in: [1, 2]}", Condition(in_=(1, 2))),
    ],
)
def test_ranges(value: str, condition: Condition) -> None:
    gopher = use(changed(f"gopher_quality.keep.words={value}"), "gopher_quality")
    assert gopher.keep["words"] == condition
    # All other rules stay.
    before = use(changed(), "gopher_quality")
    assert {**gopher.keep, "words": None} == {**before.keep, "words": None}
    assert gopher.keep_by == before.keep_by


@pytest.mark.parametrize(
    ("setting", "stage", "signal", "condition"),
    [
        ("language.keep.label=[fr,it]", "language", "label", Condition(in_=("fr", "it"))),
        ("language.keep.label=no", "language", "label", Condition(in_=("no",))),
        ("language.keep.label={not_in: [fr]}", "language", "label", Condition(not_in=("fr",))),
        ("near_duplicates.keep.is_duplicate=true", "near_duplicates", "is_duplicate", Condition(is_=True)),
        ("near_duplicates.keep.is_duplicate=false", "near_duplicates", "is_duplicate", Condition(is_=False)),
    ],
)
def test_sets_and_booleans(setting: str, stage: str, signal: str, condition: Condition) -> None:
    assert use(changed(setting), stage).keep[signal] == condition


def test_a_stage_without_keep_has_its_defaults_spelled_out() -> None:
    near = use(changed("near_duplicates.keep.cluster_size=,100"), "near_duplicates")
    assert near.keep == {"is_duplicate": Condition(is_=False), "cluster_size": Condition(max=100)}
    # Here the recipe has a keep_by of its own: only the default `keep` is spelled out.
    gopher = use(changed("gopher_quality.keep_by.language.fr.words=20,"), "gopher_quality")
    assert gopher.keep == use(changed(), "gopher_quality").keep
    assert gopher.keep_by["language"]["fr"] == {"words": Condition(min=20)}
    bare = load(TEXT.replace(": {keep_by: {language: {de: {words: [1, 2]}}}}", ""), "gopher_quality.keep.words=20,")
    written = default_rules(STAGES.get("gopher_quality"))
    assert set(use(bare, "gopher_quality").keep_by["language"]) == set(written["keep_by"]["language"])


def test_off_takes_rules_away_and_brings_options_back_to_their_defaults() -> None:
    assert "words" not in use(changed("gopher_quality.keep.words=off"), "gopher_quality").keep
    assert use(changed("gopher_quality.keep=off"), "gopher_quality").keep == {}
    assert use(changed("near_duplicates.keep=off"), "near_duplicates").keep == {}
    assert use(changed("near_duplicates.keep.is_duplicate=off"), "near_duplicates").keep == {}
    assert use(changed("gopher_quality.keep_by=off"), "gopher_quality").keep_by == {}
    assert use(changed("gopher_quality.keep_by.language.de=off"), "gopher_quality").keep_by == {}
    assert use(changed("gopher_quality.keep_by.language.de.words=off"), "gopher_quality").keep_by == {}
    assert use(changed("gopher_quality.keep.lines=off"), "gopher_quality") == use(changed(), "gopher_quality")
    assert source(changed("sources.last.columns=off"), "last").columns == {}
    assert source(changed("sources.merged.columns=off"), "merged").columns == {}


@pytest.mark.parametrize(
    ("path", "column", "value"),
    [
        ("language.de", "language", "de"),
        ("language.label.de", "language.label", "de"),
        ("source.python-3.11", "source", "python-3.11"),
        ('source."python-3.11"', "source", "python-3.11"),
        ("source.edu.3", "source.edu", "3"),
        ("source.letters-fr", "source", "letters-fr"),
        ("'language.label'.de", "language.label", "de"),
    ],
)
def test_columns_and_values_may_have_dots(path: str, column: str, value: str) -> None:
    gopher = use(changed(f"gopher_quality.keep_by.{path}.words=7,"), "gopher_quality")
    assert gopher.keep_by[column][value]["words"] == Condition(min=7)


def test_when_and_exhaustive() -> None:
    recipe = changed("gopher_quality.when.language.label=[fr]", "gopher_quality.when.source.edu=3,")
    assert use(recipe, "gopher_quality").when == {
        "language.label": Condition(in_=("fr",)),
        "source.edu": Condition(min=3),
    }
    assert use(changed("near_duplicates.exhaustive=true"), "near_duplicates").exhaustive


@pytest.mark.parametrize(
    ("setting", "stage", "config"),
    [
        ("near_duplicates.min_similarity=0.8", "near_duplicates", {"min_similarity": 0.8}),
        ("tokenize.tokenizer.train.vocabulary_size=1024", "tokenize",
         {"tokenizer": {"train": {"vocabulary_size": 1024}}}),
        ("tokenize.tokenizer.train.characters=1e6", "tokenize",
         {"tokenizer": {"train": {"vocabulary_size": 600, "characters": 1_000_000}}}),
        ("tokenize.tokenizer=a.json", "tokenize", {"tokenizer": "a.json"}),
        ("category.rules.0.category=book", "category", {"rules": [{"category": "book", "url": "x"}]}),
        ("pii.tags.email=<MAIL>", "pii", {"tags": {"email": "<MAIL>"}}),
    ],
)  # fmt: skip
def test_options_of_stages(setting: str, stage: str, config: dict[str, Any]) -> None:
    recipe = load(TEXT + "  - pii\n", setting)
    assert use(recipe, stage).config.model_dump(mode="json", exclude_defaults=True) == config


@pytest.mark.parametrize(
    ("setting", "part", "value"),
    [
        ("seed=7", "seed", 7),
        ("version=1.10", "version", "1.10"),
        ("name=other", "name", "other"),
        ("title=a, b: off", "title", "a, b: off"),
        ("mix.default=0.5", "mix", {"default": 0.5}),
        ("mix.epochs.fr--book=2", "mix", {"epochs": {"fr--book": 2}}),
        ("mix.epochs.fr--my.book=2", "mix", {"epochs": {"fr--my.book": 2}}),
        ("mix.languages.pt-BR=2", "mix", {"languages": {"pt-BR": 2}}),
        ("mix.sources.python-3.11=2", "mix", {"sources": {"python-3.11": 2}}),
        ('mix.sources."python-3.11"=2', "mix", {"sources": {"python-3.11": 2}}),
        ("mix.sources.letters-en=2", "mix", {"sources": {"letters-en": 2}}),
        ("mix.epochs={fr--book: 2}", "mix", {"epochs": {"fr--book": 2}}),
        ("release.tokens=false", "release", {"tokens": False}),
        ("card.contact=12", "card", {"contact": "12"}),
        ("card.summary=one, two", "card", {"summary": "one, two"}),
    ],
)
def test_the_rest_of_the_recipe(setting: str, part: str, value: Any) -> None:
    assert changed(setting).model_dump(exclude_defaults=True)[part] == value


@pytest.mark.parametrize(
    ("setting", "name", "field", "value"),
    [
        ("sources.python-3.11.priority=3", "python-3.11", "priority", 3),
        ("sources.python-3.priority=3", "python-3", "priority", 3),
        ('sources."python-3.11".priority=3', "python-3.11", "priority", 3),
        ("sources.letters-{lang}.priority=3", "letters-fr", "priority", 3),
        ("sources.letters-{lang}.for_each.lang=[de]", "letters-de", "path", ("x/de",)),
        ("sources.last.columns.title=t", "last", "columns", {"text": "body", "title": "t"}),
        ("sources.last.where.meta.year=1990,", "last", "where", {"meta.year": Condition(min=1990)}),
        ("sources.last.where.kind=[a,b]", "last", "where", {"kind": Condition(in_=("a", "b"))}),
        ("sources.last.version=1.10", "last", "version", "1.10"),
        ("sources.last.selection=1.5", "last", "selection", "1.5"),
        ("sources.last.language=no", "last", "language", "no"),
        ("defaults.category=web", "last", "category", "web"),
        ("defaults.license=ISC", "last", "license", "ISC"),
    ],
)
def test_sources(setting: str, name: str, field: str, value: Any) -> None:
    assert getattr(source(changed(setting), name), field) == value


def test_what_is_shared_by_an_alias_changes_in_one_place() -> None:
    recipe = changed("sources.python-3.columns.text=other", "sources.merged.columns.title=t")
    assert source(recipe, "python-3").columns == {"text": "other"}
    assert source(recipe, "python-3.11").columns == {"text": "body"}
    assert source(recipe, "merged").columns == {"text": "body", "title": "t"}
    assert source(recipe, "last").columns == {"text": "body"}


def test_later_settings_win() -> None:
    recipe = changed("gopher_quality.keep.words=30,", "gopher_quality.keep.words=40,", "seed=1", "seed=2")
    assert use(recipe, "gopher_quality").keep["words"] == Condition(min=40)
    assert recipe.seed == 2


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("gopher_quality.keep.words", "write PATH=VALUE"),
        ("=3", "write PATH=VALUE"),
        ("language..x=1", "the steps of PATH have dots between them"),
        ('a"b=1', "the steps of PATH have dots between them"),
        ("gopher_qality.keep.words=1,", "no stage 'gopher_qality'. Did you mean 'gopher_quality'?"),
        ("pii.replacement=fake", "the recipe has no stage 'pii'"),
        ("mx.default=1", "no stage 'mx'. Did you mean 'mix'?"),
        ("gopher_quality=off", "name what to set of stage gopher_quality"),
        ("gopher_quality.kep.words=1,", "has no option 'kep'. Did you mean 'keep'?"),
        ("gopher_quality.keep.wrods=1,", "measures no 'wrods'. Did you mean 'words'?"),
        ("gopher_quality.keep.wrods=off", "measures no 'wrods'. Did you mean 'words'?"),
        ("gopher_quality.keep_by.langage.de.words=1,", "no column 'langage'. Did you mean 'language'?"),
        ("gopher_quality.keep_by.language.de.wrods=1,", "measures no 'wrods'. Did you mean 'words'?"),
        ("gopher_quality.keep_by.language.deu.words=1,", "'deu' has the canonical code 'de'"),
        ("gopher_quality.keep_by.language=off", "keep_by takes COLUMN.VALUE.SIGNAL"),
        ("gopher_quality.when.categroy=web", "no column 'categroy'. Did you mean 'category'?"),
        ("gopher_quality.when.near_duplicates.is_duplicate=true", "no earlier stage or source adds a column"),
        ("gopher_quality.exhaustive=yes", "exhaustive must be true or false (got 'yes')"),
        ("gopher_quality.keep.words=", "'' is no condition"),
        ("gopher_quality.keep.words=30", "30 is no condition"),
        ("gopher_quality.keep.words=,", "a range needs a bound"),
        ("gopher_quality.keep.words=100,30", "[100, 30] is empty"),
        ("gopher_quality.keep.words=1e999,", "no number a recipe can hold"),
        ("gopher_quality.keep.words=a,b", "'a,b' is no condition: write a range 30,100 or a set [fr,en]"),
        ("gopher_quality.keep.words={", "is no YAML value"),
        ("gopher_quality.keep.words=[a]", "is a number: write a range"),
        ("near_duplicates.min_similarity=8", "min_similarity: must be at most 1 (got 8)"),
        ("near_duplicates.bnds=8", "has no option 'bnds'. Did you mean 'bands'?"),
        ("tokenize.tokenizer.train.vocabulry_size=512", "Did you mean 'vocabulary_size'?"),
        ("category.rules.5.category=a", "there is no '5' in it"),
        ("category.rules.0=off", "set the whole list"),
        ("mix.epochs.fr-book=2", "'fr-book' must be `language--category`"),
        ("mix.epoch.fr--book=2", "mix has no option 'epoch'. Did you mean 'epochs'?"),
        ("mix.sources.python-3.12=2", "no source is called 'python-3.12'. Did you mean 'python-3.11'?"),
        ("mix=3", "name what to set of mix"),
        ("seed=1.5", "seed: must be a whole number (got 1.5)"),
        ("seed.x=1", "`seed` holds no options"),
        ("name=../x", "name: must match"),
        ("card.sumary=x", "card has no option 'sumary'. Did you mean 'summary'?"),
        ("sources=3", "name a source"),
        ("sources.last=3", "name what to set of source last"),
        ("sources.lst.priority=3", "no source is called 'lst'. Did you mean 'last'?"),
        ("sources.last.prority=3", "a source has no field 'prority'. Did you mean 'priority'?"),
        ("sources.letters-fr.priority=3", "set together: sources.letters-{lang}.priority"),
        ("sources.last.columns.txt=b", "'txt' is no document column. Did you mean 'text'?"),
        ("sources.last.license=mit", "SPDX writes it 'MIT'"),
        ("defaults.path=x", "a source has no field 'path'"),
        ("defaults.license=mit", "SPDX writes it 'MIT'"),
    ],
)
def test_mistakes_are_told_with_the_setting_and_a_near_match(setting: str, complaint: str) -> None:
    message = refused(setting)
    assert message.startswith(f"--set {setting}: ")
    assert complaint in message


def test_a_mistake_names_the_setting_it_is_in() -> None:
    assert refused("gopher_quality.keep.words=30,", "near_duplicates.bands=x").startswith(
        "--set near_duplicates.bands=x"
    )
    message = refused("mix.epochs.fr--book=-1", "mix.epochs.de--book=-2")
    assert [line.partition(": ")[0] for line in message.splitlines()] == [
        "--set mix.epochs.de--book=-2",
        "--set mix.epochs.fr--book=-1",
    ]


def test_a_setting_of_a_stage_that_is_no_mapping_waits_for_the_recipe_to_be_right() -> None:
    with pytest.raises(OptionError, match="options are a mapping, and the recipe has 3"):
        load(TEXT.replace("  - near_duplicates\n", "  - near_duplicates: 3\n"), "near_duplicates.bands=3")
