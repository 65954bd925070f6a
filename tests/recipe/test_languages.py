from __future__ import annotations

import subprocess
import sys
from itertools import product
from string import ascii_lowercase

import langcodes
import pytest

from tamis.errors import RecipeError
from tamis.recipe.languages import check_language, languages_of
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES


@pytest.mark.parametrize(
    "tag", ["fr", "en", "no", "nb", "br", "gsw", "pt-BR", "zh-Hant", "sr-Latn", "ca-valencia", "und", "mul", "code"]
)
def test_canonical_codes_are_taken_as_they_are(tag: str) -> None:
    assert check_language(tag) == tag


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [("fra", "fr"), ("fre", "fr"), ("deu", "de"), ("FR", "fr"), ("pt_BR", "pt-BR"), ("pt-br", "pt-BR"), ("iw", "he")],
)
def test_other_spellings_name_the_canonical_one(tag: str, canonical: str) -> None:
    with pytest.raises(ValueError, match=f"'{tag}' has the canonical code '{canonical}': write that"):
        check_language(tag)


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("french", "Did you mean 'fr'?"),
        ("français", "Did you mean 'fr'?"),
        ("Deutsch", "Did you mean 'de'?"),
        ("zz", "Allowed are BCP-47 tags"),
        ("a", "Allowed are BCP-47 tags"),
        ("", "Allowed are BCP-47 tags"),
        ("fr-", "Allowed are BCP-47 tags"),
        ("Code", "`code` for source code"),
        ("true", "Allowed are BCP-47 tags"),
        ("2024", "Allowed are BCP-47 tags"),
        ("x" * 500, "Allowed are BCP-47 tags"),
    ],
)
def test_what_is_no_language_is_refused(tag: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is no language code") as caught:
        check_language(tag)
    assert hint in str(caught.value)


def test_codes_of_two_letters_are_those_of_the_standard() -> None:
    for tag in map("".join, product(ascii_lowercase, repeat=2)):
        if langcodes.tag_is_valid(tag) and str(langcodes.standardize_tag(tag)) == tag:
            assert check_language(tag) == tag
        else:
            with pytest.raises(ValueError, match=f"'{tag}'"):
                check_language(tag)


def test_rules_that_stages_bring_along_need_no_tables() -> None:
    script = "import sys; from tamis.recipe.rules import default_rules; from tamis.stages import STAGES\n"
    script += "from tamis.recipe.languages import check_language\n"
    script += "codes = [code for s in STAGES for code in default_rules(s).get('keep_by', {}).get('language', {})]\n"
    script += "assert codes and all(check_language(code) for code in codes)\n"
    script += "assert 'langcodes' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


ALIGNED = """\
name: tiny
version: "1"
sources:
  - {name: al, path: a.jsonl, license: MIT, pairs: {columns: {fr: a, en: b}}}
stages:
  - gopher_quality: {keep: {}, when: {language: [%s]}}
mix: {epochs: {%s--aligned: 2}}
"""


def test_rules_and_mix_name_the_pairs_of_aligned_texts() -> None:
    recipe = load_recipe_text(ALIGNED % ("fr-en", "fr-en"), "r.yaml", STAGES)
    assert recipe.sources[0].pairs is not None and recipe.sources[0].pairs.tag == "fr-en"


@pytest.mark.parametrize("pair", ["de-fr", "en-fr", "pt-br"])
def test_other_pairs_are_told(pair: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe_text(ALIGNED % (pair, pair), "r.yaml", STAGES)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["6", "7"]


def test_a_pair_stands_for_two_languages() -> None:
    assert languages_of("fr-en") == ("fr", "en")
    assert languages_of("pt-BR") == ("pt-BR",) and languages_of("fr") == ("fr",) and languages_of("code") == ("code",)
