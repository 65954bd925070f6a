"""The mix as a recipe writes it: what loads, what is told at its line, what `--set` reaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from tamis.described import docstrings
from tamis.errors import OptionError, RecipeError
from tamis.recipe import mix as models
from tamis.recipe.load import load_recipe, load_recipe_text
from tamis.recipe.mix import Mix, fraction
from tamis.recipe.model import Recipe
from tamis.recipe.schema import recipe_schema
from tamis.recipe.yaml_lines import parse_yaml, plain, read_yaml
from tamis.stages import STAGES

PLAN = 'name: tiny\nversion: "1"\nmix:\n  counts: counts.csv\n'
SOURCES = "sources: [{name: web, path: x, license: MIT}]\nstages: [language]\n"
LUCIE = Path(__file__).parents[2] / "recipes" / "lucie" / "mix.yaml"
VALIDATOR = Draft202012Validator(recipe_schema(STAGES))


def load(text: str, *settings: str) -> Recipe:
    return load_recipe_text(text, "r.yaml", STAGES, settings)


def wrong(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(text)
    return str(caught.value).splitlines()


def invalid(text: str) -> list[str]:
    data = plain(parse_yaml(text, "r"))
    return ["/".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(data)]


WHOLE = """\
  language: {method: unimax, max_epochs: 2, floors: {en: 0.25}, caps: {de: 1/5}}
  category: {method: temperature, temperature: 3.3, hold: true}
  source: {method: fitted, weights_from: fit.csv, shares: {a: 1/3}, shares_from: s.csv}
  quality: {discard_below: 0.4, lowest: 1, highest: 7, power: 2}
  max_epochs: {default: 8, sources: {a: 16}, cells: {fr-en--aligned: 2}, warn: 2, error: null}
  epochs: {fr-en--aligned: 3, fr--web: 2}
  parameters: 7e9
  on_infeasible: relax
  phases:
    - {name: main, sequence_length: 4096, year_order: true}
    - name: extension
      from: main
      samples: 156250
      sequence_length: 32000
      collapse_years: true
      years: [2020, null]
      long_documents: {lengths: l.csv, multiplier: 10, threshold: 4096}
      rehearsal: {release: ../old, share: 0.05}
    - {name: end, tokens: 5e9, counts: end.csv, language: {method: weights, weights: {fr: 2}, default: 0}}
"""


def test_a_plan_alone_needs_neither_sources_nor_stages() -> None:
    recipe = load(PLAN + WHOLE)
    assert recipe.sources == () and recipe.stages == ()
    assert recipe.mix.phases[1].from_ == "main" and recipe.mix.phases[2].tokens == 5 * 10**9
    assert invalid(PLAN + WHOLE) == []


def test_its_canonical_form_reads_back() -> None:
    recipe = load(PLAN + WHOLE)
    data = recipe.to_recipe()
    assert "sources" not in data and data["mix"]["phases"][1]["from"] == "main"
    assert load(json.dumps(data)) == recipe
    assert Mix.model_validate(data["mix"]) == recipe.mix


def test_the_plan_of_lucie_is_valid() -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(read_yaml(LUCIE)))] == []
    assert load_recipe(LUCIE, STAGES).name == "lucie-mix"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("name: a\nversion: 1\nmix: {default: 2}\n", ["1: sources is missing", "1: stages is missing"]),
        (PLAN + "stages: [language]\n", ["1: sources is missing"]),
        (PLAN + "sources: [{name: web, path: x, license: MIT}]\n", ["1: stages is missing"]),
    ],
)
def test_what_is_no_plan_alone_needs_both(text: str, lines: list[str]) -> None:
    assert wrong(text) == [f"r.yaml:{line}" for line in lines]
    assert invalid(text) != []


@pytest.mark.parametrize(
    ("part", "line", "said"),
    [
        ("language: {method: unimx}", 5, "language.method: 'unimx' is not allowed. Did you mean 'unimax'?"),
        ("language: {shares: {fr: 1/x}}", 5, "language.shares.fr: '1/x' is no share: write a number from 0 to 1"),
        ("language: {shares: {fr: 1/0}}", 5, "language.shares.fr: '1/0' is no share"),
        ("language: {shares: {fr: 4/3}}", 5, "language.shares.fr: a share is from 0 to 1 (got 4/3)"),
        ("language: {shares: {fr: -0.1}}", 5, "language.shares.fr: a share is from 0 to 1 (got -0.1)"),
        ("language: {shares: {fr: [1]}}", 5, "language.shares.fr: must be a number or text (got [1])"),
        ("language: {shares: {fr: 0.1}, caps: {fr: 0.2}}", 5, "language: fr has a share, and a floor or cap"),
        ("language: {floors: {fr: 1/2}, caps: {fr: 1/3}}", 5, "language: the floor of fr (1/2) is above its cap (1/3)"),
        ("language: {method: temperature}", 5, "`temperature` goes with method: temperature"),
        ("language: {temperature: 2}", 5, "`temperature` goes with method: temperature"),
        ("language: {method: fitted}", 5, "`weights_from` goes with method: fitted"),
        ("language: {weights: {fr: 2}}", 5, "`weights` go with method: weights"),
        ("language: {share: {fr: 2}}", 5, "unknown option 'share'. Did you mean 'shares'?"),
        ("quality: {lowest: 3, highest: 2}", 5, "the curve falls from 3 to 2"),
        ("quality: {discard_below: 1}", 5, "quality.discard_below: must be below 1 (got 1)"),
        ("max_epochs: 4", 5, "max_epochs: must be a mapping of options (got 4)"),
        ("max_epochs: {cells: {fr: 1}}", 5, "'fr' must be `language--category`"),
        ("parameters: 7B", 5, "parameters: must be a whole number (got '7B')"),
        ("phases: [{tokens: 1}]", 5, "phases.0.name is missing"),
        ("phases: [{name: a, tokens: 1, samples: 1}]", 5, "phases.0: write `tokens` or `samples`, not both"),
        ("phases: [{name: a, samples: 1}]", 5, "phases.0: `samples` need a `sequence_length`"),
        ("phases: [{name: a, tokens: 0}]", 5, "phases.0.tokens: must be at least 1 (got 0)"),
        ("phases: [{name: a, years: [2020, 2019]}]", 5, "phases.0: years: 2020 is after 2019"),
        ("phases: [{name: a, years: 2020}]", 5, "phases.0.years: must be a list (got 2020)"),
        ("phases: [{name: a}, {name: a}]", 4, "two phases are called 'a'"),
        ("phases: [{name: a, from: b}, {name: b}]", 4, "phase a starts from 'b': no earlier phase is called so (none)"),
        ("phases:\n    - name: a\n      yeers: [1, 2]", 7, "phases.0: unknown option 'yeers'. Did you mean 'years'?"),
        ("phases: [{name: a, rehearsal: {release: x}}]", 5, "phases.0.rehearsal.share is missing"),
        ("phases: [{name: a, epochs: {fra--web: 2}}]", 5, "'fra' has the canonical code 'fr'"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(part: str, line: int, said: str) -> None:
    (found,) = wrong(f"{PLAN}  {part}\n")
    place = 3 if line == 4 else line
    assert found.startswith(f"r.yaml:{place}: ")
    assert said in found


def test_pairs_of_languages_are_for_counts() -> None:
    """Beside sources, what looks like a pair is a language tag that is wrong."""
    assert load(PLAN + "  epochs: {fr-en--aligned: 3}\n  languages: {it-en: 2}\n").mix.languages == {"it-en": 2}
    tags = "mix: {epochs: {pt-br--web: 2}, languages: {zh-tw: 2}, phases: [{name: a, epochs: {en-us--web: 1}}]}\n"
    found = wrong('name: a\nversion: "1"\n' + SOURCES + tags)
    assert len(found) == 3 and all("has the canonical code" in line for line in found)
    (found_,) = wrong(PLAN + "  epochs: {fr-xx--aligned: 3}\n")
    assert "'fr-xx'" in found_


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("mix.language.shares.fr=1/3", {"language": {"shares": {"fr": "1/3"}}}),
        ("mix.source.caps.wiki-3.11=0.5", {"source": {"caps": {"wiki-3.11": 0.5}}}),
        ("mix.max_epochs.cells.fr--my.book=2", {"max_epochs": {"cells": {"fr--my.book": 2}}}),
        ("mix.on_infeasible=relax", {"on_infeasible": "relax"}),
        ("mix.phases.a.tokens=7", {"phases": [{"name": "a", "tokens": 7}, {"name": "b.2", "from": "a"}]}),
        ("mix.phases.b.2.quality.highest=3",
         {"phases": [{"name": "a"}, {"name": "b.2", "from": "a", "quality": {"highest": 3}}]}),
    ],
)  # fmt: skip
def test_settings_reach_into_the_mix(setting: str, found: dict[str, Any]) -> None:
    text = PLAN + "  phases: [{name: a}, {name: b.2, from: a}]\n"
    written = load(text, setting).to_recipe()["mix"]
    assert {name: written[name] for name in found} == found


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("mix.language.share.fr=1", "mix.language has no option 'share'. Did you mean 'shares'?"),
        ("mix.phases.c.tokens=1", "no phase is called 'c'"),
        ("mix.phases.a.token=1", "mix.phases.0 has no option 'token'. Did you mean 'tokens'?"),
        ("mix.language.shares.fr=x", "language.shares.fr: 'x' is no share"),
    ],
)
def test_wrong_settings_are_told(setting: str, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        load(PLAN + "  phases: [{name: a}]\n", setting)
    assert str(caught.value).startswith(f"--set {setting}: ") and said in str(caught.value)


def test_every_field_says_what_it_is() -> None:
    found = [one for one in vars(models).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    parts = [one for one in found if one.model_fields]
    assert len(parts) >= 8
    for one in parts:
        for name, field in one.model_fields.items():
            assert docstrings(one).get(name) or field.description, f"{one.__name__}.{name}"
        for part in one.model_json_schema().get("properties", {}).values():
            assert part["description"]


@pytest.mark.parametrize(
    ("share", "exact"),
    [(0.1, "1/10"), ("1/3", "1/3"), (" 2 / 3 ", "2/3"), ("0.052346326", "26173163/500000000"), (1, "1")],
)
def test_shares_are_exact(share: float | str, exact: str) -> None:
    assert str(fraction(share)) == exact
