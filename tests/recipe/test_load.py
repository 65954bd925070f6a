from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from small_recipes import HEAD, SOURCE, STAGE, complaints, line_with, load, stages, write

from tamis.corpus.conditions import Condition
from tamis.errors import InputError, OptionError, RecipeError
from tamis.recipe.load import expand, load_recipe
from tamis.stages import STAGES

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def test_a_missing_file_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml", STAGES)


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        load_recipe(tmp_path, STAGES)


def test_bytes_that_are_not_utf8_have_their_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: a\ntitle: caf\xe9\n")
    with pytest.raises(RecipeError, match=r"latin\.yaml:2: not UTF-8 \(byte 0xe9\)"):
        load_recipe(file, STAGES)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (HEAD + SOURCE + STAGE).encode())
    assert load_recipe(file, STAGES).name == "tiny"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1: the file is empty"),
        ("# nothing\n", "1: the file is empty"),
        ("- a\n", "1: a recipe is a mapping"),
        ("just words\n", "1: a recipe is a mapping"),
        ("name: a\n  b: c\n", "2: not valid YAML"),
        ("name: a\ntitle: {\n", "3: not valid YAML"),
        ("name: a\n\ttitle: b\n", "2: not valid YAML"),
        ("name: a\ntitle: \x07\n", "2: not valid YAML: a control character"),
        ("name: *nobody\n", "1: not valid YAML: found undefined alias 'nobody'"),
        ("name: a\nname: b\n", "2: not valid YAML: 'name' stands twice"),
        ("name: a\nmix:\n  epochs: {fr--web: 1}\n  epochs: {}\n", "4: not valid YAML: 'epochs' stands twice"),
        ("name: a\n---\nname: b\n", "2: not valid YAML: a second document begins here"),
        ("seed: 1" + 5000 * "0", "1: not valid YAML: this is no number"),
        ("name: " + 1100 * "[", "1: not a recipe: it is nested too deeply"),
    ],
)
def test_what_is_no_yaml_recipe(text: str, complaint: str) -> None:
    (found,) = complaints(text)
    assert found.startswith(complaint)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (".nan", "nan is no number a recipe can hold"),
        (".inf", "null leaves a side of a range open"),
        ("99999999999999999999", "beyond 64 bits"),
        ('"\\ud800"', "surrogate"),
        ("!custom x", "without a tag"),
        ("!!binary aGVsbG8=", "without a tag"),
        ("!!set {a, b}", "without a tag"),
    ],
)
def test_values_that_nothing_can_hold(value: str, complaint: str) -> None:
    (found,) = complaints(f"{HEAD}{SOURCE}{STAGE}card:\n  summary: {value}\n")
    assert found.startswith("7: ")
    assert complaint in found


def test_the_smallest_recipe() -> None:
    recipe = load(HEAD + SOURCE + STAGE)
    assert (recipe.name, recipe.version, recipe.seed) == ("tiny", "1", 0)
    assert [source.name for source in recipe.sources] == ["web"]
    assert recipe.sources[0].path == ("web/*.jsonl",)
    assert [use.name for use in recipe.stages] == ["language"]


def test_everything_wrong_is_told_at_once_each_at_its_line() -> None:
    text = """\
        name: a/b
        titel: x
        seed: x
        defaults:
          licence: MIT
          language: fra
        sources:
          - name: A
            path: a
            license: mit
          - name: b
            priority: high
          - 3
        stages:
          - languag
          - gopher_quality:
              keep:
                wrods: [1, 2]
                words: [9, 1]
              keep_by:
                language:
                  deu: {words: [1, 2]}
              when: {kategory: web}
          - near_duplicates: {threshold: 2, bnds: 3}
        mix:
          epochs:
            fr-book: 2
            en--book: -1
          sources: {c: 1}
        release: {tokens: maybe}
        card: {sumary: x}
        """
    found = complaints(text)
    expected = [
        ("name: a/b", "name: must match"),
        ("name: a/b", "version is missing"),
        ("titel", "Did you mean 'title'?"),
        ("seed", "must be a whole number (got 'x')"),
        ("licence", "Did you mean 'license'?"),
        ("fra", "'fr': write that"),
        ("name: A", "'A' can't name a source"),
        ("license: mit", "SPDX writes it 'MIT'"),
        ("name: b", "path is missing"),
        ("priority: high", "must be a whole number (got 'high')"),
        ("- 3", "a source is a mapping"),
        ("- languag", "Did you mean 'language'?"),
        ("wrods", "Did you mean 'words'?"),
        ("words: [9, 1]", "[9, 1] is empty"),
        ("deu", "'de': write that"),
        ("kategory", "Did you mean 'category'?"),
        ("bnds", "Did you mean 'bands'?"),
        ("bnds", "threshold: must be below 1 (got 2)"),
        ("fr-book", "must be `language--category`"),
        ("en--book", "must be at least 0 (got -1)"),
        ("sources: {c: 1}", "no source is called 'c'"),
        ("tokens: maybe", "must be true or false"),
        ("sumary", "Did you mean 'summary'?"),
    ]
    for place, message in expected:
        number = 1 if place == "name: a/b" else line_with(text, place)
        assert [line for line in found if line.startswith(f"{number}: ") and message in line], (place, message)
    assert len(found) == len(expected), found
    assert [int(line.partition(":")[0]) for line in found] == sorted(int(f.partition(":")[0]) for f in found)


def test_what_is_missing_is_named() -> None:
    assert complaints("seed: 3\n") == [
        "1: name is missing",
        "1: sources is missing",
        "1: stages is missing",
        "1: version is missing",
    ]
    assert complaints(HEAD + "sources: []\n" + STAGE) == ["3: sources is empty: name at least one"]


@pytest.mark.parametrize(
    ("written", "version"),
    [("1.0", "1.0"), ("1.10", "1.10"), ('"1.10"', "1.10"), ("2", "2"), ("0", "0"), ("007", "007"),
     ("2024-05-01", "2024-05-01"), ("1.2.3", "1.2.3"), ("2020_05", "2020_05"), ("1e3", "1e3")],
)  # fmt: skip
def test_a_version_is_what_is_written(written: str, version: str) -> None:
    source = f"sources:\n  - {{name: web, path: x, license: MIT, version: {written}, period: {written}}}\n"
    recipe = load(f"name: tiny\nversion: {written}\n{source}{STAGE}")
    assert (recipe.version, recipe.sources[0].version, recipe.sources[0].period) == (version, version, version)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("version: [1]", "version: must be text (got [1])"),
        ("version: true", "version: must be text (got true): write it in quotes"),
        ('version: ""', "version: must match"),
        ("version: a/b", "version: must match"),
        ("seed: 1.5", "seed: must be a whole number (got 1.5)"),
        ("seed: true", "seed: must be a whole number (got true)"),
        ("seed: '3'", "seed: must be a whole number (got '3')"),
        ("seed: -1", "seed: must be at least 0 (got -1)"),
        (f"title: {61 * 'x'}", "title: may have at most 60 characters"),
        ("mix: 3", "must be a mapping of options (got 3)"),
        ("release: {shard_size: 10}", "shard_size: must be at least 1000000 (got 10)"),
    ],
)
def test_wrong_values_say_what_is_allowed(line: str, complaint: str) -> None:
    key = line.partition(":")[0]
    head = "".join(part + "\n" for part in HEAD.splitlines() if not part.startswith(f"{key}:"))
    text = f"{head}{SOURCE}{STAGE}{line}\n"
    (found,) = complaints(text)
    assert found.startswith(f"{line_with(text, line)}: {complaint}")


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert load(HEAD + SOURCE + STAGE + "release: {shard_size: 256e6}\n").release.shard_size == 256_000_000


def test_every_wrong_key_of_the_mix_has_its_line() -> None:
    mix = """\
        mix:
          default: -1
          epochs:
            fr-book: 2
            zz--book: 2
            --book: 2
            fr--: 2
            de--web: "2"
            en--web: true
            it--web: 2000
          languages:
            fra: 2
            en: x
          sources: {wbe: 2}
          epoch: {}
        """
    found = complaints(HEAD + SOURCE + STAGE + textwrap.dedent(mix))
    assert [int(one.partition(":")[0]) for one in found] == [7, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20]
    assert "must be `language--category`, e.g. `fr--book`" in found[1]
    assert "Did you mean 'web'?" in found[10]
    assert "Did you mean 'epochs'?" in found[11]


def test_the_mix_may_name_what_is_unknown_and_what_is_fanned_out() -> None:
    sources = "sources:\n  - {name: 'w-{l}', for_each: {l: [fr]}, path: x, license: MIT}\n"
    mix = "mix: {epochs: {und--web: 0.5, fr--none: 2, pt-BR--my--web: 1}, languages: {code: 0.5}, sources: {w-fr: 2}}\n"
    recipe = load(HEAD + sources + STAGE + mix)
    assert recipe.mix.epochs == {"und--web": 0.5, "fr--none": 2, "pt-BR--my--web": 1}
    assert recipe.mix.sources == {"w-fr": 2}


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_the_recipes_here_load_and_their_canonical_form_reads_back(file: Path) -> None:
    recipe = load_recipe(file, STAGES)
    again = load(write(recipe.to_recipe()))
    assert again == recipe
    assert again.to_recipe() == recipe.to_recipe()


def test_the_canonical_form_reads_back_with_every_kind_of_rule() -> None:
    recipe = stages("""\
          - language: {exhaustive: true, keep: {score: {min: 0.5, nulls: drop}, label: {not_in: [fr]}}}
          - gopher_quality:
              keep: {words: {in: [1, 2]}}
              keep_by: {language: {no: {words: [1, null]}, de: {}}, source: {}}
              when: {category: {in: [web, book], nulls: drop}}
        """)
    assert recipe.stages[1].keep_by == {"language": {"no": {"words": Condition(min=1)}}}
    assert load(write(recipe.to_recipe())) == recipe


def test_mistakes_on_the_command_line_are_told_with_those_of_the_file() -> None:
    text = HEAD + SOURCE + STAGE + "titel: x\n"
    found = complaints(text, "language.keep.score=2,1")
    assert found[0].startswith("--set language.keep.score=2,1: language.score: the range [2, 1] is empty")
    assert found[1].startswith("6: unknown option 'titel'")
    with pytest.raises(OptionError):
        load(HEAD + SOURCE + STAGE, "language.keep.score=2,1")


def test_variables_are_filled_in_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_TEST_DATA", "/data")
    assert expand("${TAMIS_TEST_DATA}/{lang}/x") == "/data/{lang}/x"
    assert expand("${A}/${B:-b}/${C:-}", {"A": "a"}) == "a/b/"
    assert expand("$A {A} ${1}", {"A": "a"}) == "$A {A} ${1}"
    # What a variable holds is taken as it is.
    assert expand("${A}", {"A": "${B}", "B": "b"}) == "${B}"


def test_an_unset_variable_is_an_error_that_names_it() -> None:
    with pytest.raises(
        RecipeError, match=r"\$\{A\}/x: the environment variable A is not set: export it, or write \$\{A:-"
    ):
        expand("${A}/x", {})


def test_loading_leaves_variables_alone() -> None:
    recipe = load(HEAD + "sources:\n  - {name: a, path: '${NOT_SET}/x', license: MIT}\n" + STAGE)
    assert recipe.sources[0].path == ("${NOT_SET}/x",)
