from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from small_recipes import HEAD, SOURCE, STAGE, complaints, load

from tamis.corpus.commit import canonical_json
from tamis.recipe.schema import recipe_schema
from tamis.recipe.yaml_lines import parse_yaml, plain, read_yaml
from tamis.stages import STAGES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "schemas" / "recipe.schema.json"
SCHEMA = recipe_schema(STAGES)
VALIDATOR = Draft202012Validator(SCHEMA)
USE = HEAD + SOURCE + "stages: "


def errors(text: str) -> list[str]:
    """What an editor underlines in the recipe `text`: paths."""
    return ["/".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(plain(parse_yaml(text, "r")))]


def test_the_schema_is_valid_and_all_its_references_lead_somewhere() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    references = [value for key, value in _walk(SCHEMA) if key == "$ref"]
    assert references
    assert {reference.removeprefix("#/$defs/") for reference in references} <= set(SCHEMA["$defs"])


def test_the_committed_schema_is_current() -> None:
    current = canonical_json(SCHEMA, indent=True) + b"\n"
    assert FILE.read_bytes() == current, "run: tamis schema --out schemas/recipe.schema.json"


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda file: file.name)
def test_the_recipes_here_are_valid(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(read_yaml(file)))] == []
    assert "$schema=" in file.read_text(encoding="utf-8").splitlines()[0]


def test_a_recipe_written_by_init_is_valid() -> None:
    from tamis.cli.init import TEMPLATE

    assert errors(TEMPLATE.format(name="mine")) == []


@pytest.mark.parametrize(
    "tail",
    [
        "mix: {epochs: {fr--book: 2.5}, languages: {fr: 1}, sources: {web: 2}, default: 0}",
        "release: {shard_size: 256e6, tokens: false}",
        "card: {summary: x}",
        "title: A title",
        "seed: 3",
        "defaults: {license: CC-BY-4.0, category: web, version: 1.10, period: 2019, priority: 2}",
    ],
)
def test_what_loads_is_valid(tail: str) -> None:
    text = HEAD + SOURCE + STAGE + tail + "\n"
    load(text)
    assert errors(text) == []


@pytest.mark.parametrize(
    "stage",
    [
        "language",
        "language:",
        "gopher_quality: {keep: {words: [50, null], symbol_word_ratio: {max: 0.1, nulls: drop}, lines: {in: [1, 2]}}}",
        "gopher_quality: {keep_by: {language: {de: {mean_word_length: [3, 12]}}, source: {web: {}}}, exhaustive: true}",
        "language: {keep: {label: [fr, en]}, when: {category: {not_in: [code]}, source: web}}",
        "language: {keep: {label: fr}, max_bytes: 2000}",
        "exact_duplicates: {keep: {is_duplicate: false, cluster_size: {max: 3}}}",
        "exact_duplicates: {keep: {is_duplicate: {is: false, nulls: drop}}}",
        "exact_duplicates: {keep: }",
        "tokenize: {tokenizer: a.json}",
        "tokenize: {tokenizer: {train: {vocabulary_size: 1024}}}",
        "category: {rules: [{category: web, url: x, title: t}]}",
        "pii: {tags: {email: <MAIL>}}",
    ],
)
def test_stages_that_load_are_valid(stage: str) -> None:
    text = f"{HEAD}{SOURCE}stages:\n  - {stage}\n"
    load(text)
    assert errors(text) == []


@pytest.mark.parametrize(
    "source",
    [
        "name: a\n    path: [a, b]\n    license: MIT AND ISC",
        "name: a-{l}\n    path: x/{l}\n    license: MIT\n    for_each: {l: [fr, 2019, 01]}\n    category: '{l}'",
        "name: a\n    path: x\n    license: LicenseRef-Ours\n    license_url: https://example.org",
        "name: a\n    path: x\n    columns: {title: t, license: l}\n    signals: {edu: {field: e, type: number}}",
        "name: a\n    path: x\n    license: MIT\n    where: {year: [1990, null], kind: [a, b], n: {in: [1, 2]}}",
    ],
)  # fmt: skip
def test_sources_that_load_are_valid(source: str) -> None:
    text = f"{HEAD}sources:\n  - {source}\n{STAGE}"
    load(text)
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (HEAD + SOURCE, ""),
        (HEAD + SOURCE + STAGE + "titel: x\n", ""),
        (HEAD + SOURCE + STAGE + "seed: x\n", "seed"),
        (HEAD + SOURCE + STAGE + "seed: -1\n", "seed"),
        (HEAD + SOURCE + STAGE + f"title: {'x' * 61}\n", "title"),
        (HEAD.replace("tiny", "a/b") + SOURCE + STAGE, "name"),
        (HEAD + "sources: []\n" + STAGE, "sources"),
        (HEAD + SOURCE + "stages: []\n", "stages"),
        (HEAD + SOURCE + "stages: [languag]\n", "stages/0"),
        (HEAD + SOURCE + "stages: [tokenize]\n", "stages/0"),
        (USE + "[{language: {kep: {}}}]\n", "stages/0/language"),
        (USE + "[{language: {keep: {scor: [1, 2]}}}]\n", "stages/0/language/keep"),
        (USE + "[{language: {keep: {score: 0.5}}}]\n", "stages/0/language/keep/score"),
        (USE + "[{language: {keep: {score: true}}}]\n", "stages/0/language/keep/score"),
        (USE + "[{language: {keep: {score: [null, null]}}}]\n", "stages/0/language/keep/score"),
        (USE + "[{language: {keep: {score: [1, 2, 3]}}}]\n", "stages/0/language/keep/score"),
        (USE + "[{language: {keep: {score: {in: []}}}}]\n", "stages/0/language/keep/score"),
        (USE + "[{language: {keep: {label: [0, 1]}}}]\n", "stages/0/language/keep/label"),
        (USE + "[{language: {keep_by: {language: {de: {scor: [1, 2]}}}}}]\n", "stages/0/language/keep_by/language/de"),
        (USE + "[{exact_duplicates: {keep: {is_duplicate: [0, 1]}}}]\n", "stages/0/exact_duplicates/keep/is_duplicate"),
        (USE + "[{language: {exhaustive: maybe}}]\n", "stages/0/language/exhaustive"),
        (USE + "[{near_duplicates: {threshold: 2}}]\n", "stages/0/near_duplicates/threshold"),
        (HEAD + SOURCE + STAGE + "mix: {epoch: {}}\n", "mix"),
        (HEAD + SOURCE + STAGE + "mix: {epochs: {fr-book: 1}}\n", "mix/epochs"),
        (HEAD + SOURCE + STAGE + "mix: {epochs: {fr--book: -1}}\n", "mix/epochs/fr--book"),
        (HEAD + SOURCE + STAGE + "mix: {epochs: {fr--book: true}}\n", "mix/epochs/fr--book"),
        (HEAD + SOURCE + STAGE + "release: {shard_size: 10}\n", "release/shard_size"),
        (HEAD + SOURCE + STAGE + "card: {sumary: x}\n", "card"),
        (HEAD + SOURCE + STAGE + "defaults: {licence: MIT}\n", "defaults"),
        (HEAD + SOURCE + STAGE + "defaults: {license: mit}\n", "defaults/license"),
        (HEAD + "sources: [{name: a, license: MIT}]\n" + STAGE, "sources/0"),
        (HEAD + "sources: [{name: A, path: x, license: MIT}]\n" + STAGE, "sources/0/name"),
        (HEAD + "sources: [{name: a, path: [], license: MIT}]\n" + STAGE, "sources/0/path"),
        (HEAD + "sources: [{name: a, path: x, license: GPL-2.0}]\n" + STAGE, "sources/0/license"),
        (HEAD + "sources: [{name: a, path: x, license: MIT, columns: {txt: t}}]\n" + STAGE, "sources/0/columns"),
        (HEAD + "sources: [{name: a, path: x, license: MIT, signals: {e: {f: t}}}]\n" + STAGE, "sources/0/signals/e"),
        (HEAD + "sources: [{name: a, path: x, license: MIT, format: xlsx}]\n" + STAGE, "sources/0/format"),
        (HEAD + "sources: [{name: 'a{x}', path: x, license: MIT, for_each: {x: 3}}]\n" + STAGE, "sources/0/for_each/x"),
    ],
)  # fmt: skip
def test_an_editor_underlines_what_does_not_load(text: str, path: str) -> None:
    assert set(errors(text)) == {path}
    assert complaints(text)


def test_options_keep_their_descriptions_and_the_one_called_title() -> None:
    fields = SCHEMA["properties"]
    assert fields["title"]["description"].startswith("Human name")
    assert "title" in SCHEMA["$defs"]["CategoryRule"]["properties"]
    assert "title" in SCHEMA["$defs"]["Source"]["properties"]["columns"]["propertyNames"]["enum"]
    for stage in STAGES:
        options = SCHEMA["$defs"][f"stage.{stage.name}"]
        assert options["description"] == stage.title
        named = set() if stage.once else {"as"}
        assert set(options["properties"]) == {
            *stage.config.model_fields,
            "keep",
            "keep_by",
            "when",
            "exhaustive",
            *named,
        }
        assert all(option.get("description") for option in options["properties"].values()), stage.name
        assert set(options["properties"]["keep"]["properties"]) == set(stage.signals)
    for name in ("Source", "Defaults", "TrainTokenizer"):
        assert all(field.get("description") for field in SCHEMA["$defs"][name]["properties"].values()), name


def test_no_title_is_left_that_says_nothing_new() -> None:
    titles = [value for key, value in _walk(SCHEMA) if key == "title" and isinstance(value, str)]
    assert titles == ["Tamis recipe"]


def test_it_is_plain_json() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def _walk(schema: Any) -> list[tuple[str, Any]]:
    if isinstance(schema, dict):
        return [pair for key, value in schema.items() for pair in [(key, value), *_walk(value)]]
    return [pair for item in schema for pair in _walk(item)] if isinstance(schema, list) else []
