"""Variants of a recipe: settings under a name, each complaint at its line, and an identity of their own."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from small_recipes import complaints, line_with

from tamis.corpus.conditions import Condition
from tamis.errors import OptionError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.recipe.schema import recipe_schema
from tamis.recipe.yaml_lines import parse_yaml, plain
from tamis.stages import STAGES

PLAIN = """\
name: tiny
version: "1.10"
sources:
  - {name: web, path: web/*.jsonl, license: MIT}
stages:
  - language
  - gopher_quality: {keep: {words: [50, 1000]}}
  - tokenize: {tokenizer: {train: {vocabulary_size: 600}}}
mix: {language: {shares: {fr: 1/3}}}
"""
VARIANTS = """\
variants:
  french: {mix.language.shares.fr: 1/2}
  strict:
    gopher_quality.keep.words: [60, null]
    gopher_quality.keep.mean_word_length: 3,10
    tokenize.tokenizer.train.vocabulary_size: 700
  loose: {gopher_quality.keep.words: off, seed: 4, sources.web.version: 2.10, card.summary: off}
"""
TEXT = PLAIN + VARIANTS


def load(text: str = TEXT, variant: str = "", *settings: str) -> Recipe:
    return load_recipe_text(text, "r.yaml", STAGES, settings, variant)


def keep(recipe: Recipe) -> dict[str, Condition]:
    return recipe.stages[1].keep


def test_a_variant_is_the_recipe_with_its_settings() -> None:
    recipe, french, strict, loose = (load(variant=name) for name in ("", "french", "strict", "loose"))
    assert recipe.variants == strict.variants == ("french", "strict", "loose")
    assert [one.version for one in (recipe, french, loose)] == ["1.10", "1.10+french", "1.10+loose"]
    assert french.mix.language.shares["fr"] == "1/2"
    assert keep(french) == keep(recipe)
    assert keep(strict) == {"words": Condition(min=60), "mean_word_length": Condition(min=3, max=10)}
    assert strict.stages[2].to_recipe()["tokenize"]["tokenizer"]["train"]["vocabulary_size"] == 700
    assert "words" not in keep(loose)
    assert (loose.seed, loose.sources[0].version, loose.card.summary) == (4, "2.10", "off")
    assert len({one.run_name for one in (recipe, french, strict, loose)}) == 4


def test_what_a_release_is_made_of_knows_no_other_variant() -> None:
    assert load().to_recipe() == load(PLAIN).to_recipe()
    alone = PLAIN + "variants: {french: {mix.language.shares.fr: 1/2}}\n"
    assert load(variant="french").to_recipe() == load(alone, "french").to_recipe()
    assert load(variant="french").to_recipe() != load().to_recipe()


def test_set_goes_before_the_variant() -> None:
    assert keep(load(TEXT, "strict", "gopher_quality.keep.words=70,"))["words"] == Condition(min=70)
    # One that only this variant has a place for is no complaint about the others.
    added = TEXT + "  phased: {mix.phases: [{name: late, tokens: 900}]}\n"
    assert load(added, "phased", "mix.phases.late.tokens=800").mix.phases[0].tokens == 800


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "  a: {gopher_qualty.keep.words: [1, 2]}",
            "the recipe has no stage 'gopher_qualty'. Did you mean 'gopher_qual",
        ),
        ("  a: {gopher_quality.keep.word: [1, 2]}", "stage gopher_quality measures no 'word'. Did you mean 'words'?"),
        ("  a: {gopher_quality.keep.words: [2, 1]}", "variant a: "),
        ("  a: {gopher_quality.keep.words: null}", "'null' is no condition"),
        ("  a: {mix.language.shares.fr: 3}", "variant a: "),
        ("  a: {mix.language.shars: {fr: 1/2}}", "Did you mean 'shares'?"),
        ("  a: {seed: -1}", "variant a: seed: must be at least 0"),
        ("  a: {mix.sources: {wep: 2}}", "variant a: no source is called 'wep'. Did you mean 'web'?"),
        ("  a: {version: 2}", "variant a: version: a variant has the recipe's own"),
        ("  a: {}", "variant a: write what it sets"),
        ("  a: 3", "variant a: write what it sets"),
        ("  a+b: {seed: 1}", "'a+b' can't name a variant"),
        ("  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {seed: 1}", "can't name a variant"),
        ('  a: {"": 1}', "write PATH: VALUE"),
    ],
)
def test_a_wrong_variant_is_told_at_its_line(line: str, complaint: str) -> None:
    text = f"{TEXT}{line}\n"
    found = complaints(text)
    assert len(found) == 1, found
    assert found[0].startswith(f"{line_with(text, line)}: "), found
    assert complaint in found[0]


def test_all_complaints_come_at_once() -> None:
    text = TEXT + "  a: {seet: 1}\n  a-b: 3\n"
    assert [found.split(":")[0] for found in complaints(text)] == ["17", "18"]
    # What is wrong with the recipe is not told again of each variant.
    assert [found.split(":")[0] for found in complaints(text.replace("1/3", "4/3"))] == ["9", "18"]
    assert "variants maps names to settings" in complaints(PLAIN + "variants: [a]\n")[0]
    long = TEXT.replace('"1.10"', '"1.' + "0" * 56 + '"')
    assert [f.partition(" its")[0] for f in complaints(long)] == ["11: variant french:", "12: variant strict:"]
    with pytest.raises(OptionError, match=r"r\.yaml has no variant 'fench'\. Did you mean 'french'\?"):
        load(variant="fench")
    secret = PLAIN + "variants: {a: {sources.web.url: 'https://u:hunter2@example.org'}}\n"
    assert "hunter2" not in complaints(secret)[0]


def test_the_schema_knows_variants() -> None:
    validator = Draft202012Validator(recipe_schema(STAGES))
    assert list(validator.iter_errors(plain(parse_yaml(TEXT, "r")))) == []
    for wrong in ("a: {}", "a+b: {seed: 1}", "a: {version: 2}", "a: 3"):
        assert list(validator.iter_errors(plain(parse_yaml(f"{PLAIN}variants:\n  {wrong}\n", "r")))), wrong
