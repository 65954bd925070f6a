"""`tamis mix`: tables for people, JSON for programs, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tiny_place import Place

Tamis = Callable[..., Result]
LUCIE = Path(__file__).parents[2] / "recipes" / "lucie"
COUNTS = "dataset,language,category,tokens\nweb--fr,fr,web,8000\nbooks,fr,book,1000\nbooks,en,book,3000\n"
RECIPE = """\
name: tiny
version: "1"
mix:
  counts: counts.csv
  epochs: {fr--book: 2}
  phases:
    - name: main
      sequence_length: 10
    - name: end
      tokens: 4000
      language: {shares: {en: 1/2}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "counts.csv").write_text(COUNTS, encoding="utf-8")
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_the_json_of_a_plan(tamis: Tamis, recipe: Path) -> None:
    result = tamis("mix", str(recipe), "--json")
    assert result.exit_code == 0 and result.stderr == ""
    main, end = json.loads(result.stdout)["phases"]
    assert (main["name"], main["tokens"], main["samples"], main["constraints"]) == ("main", 13_000, 1300, [])
    assert (end["tokens"], end["samples"]) == (4000, None)
    wanted = ("source", "language", "category", "tokens", "weighted_tokens", "epochs", "share")
    assert [{name: row[name] for name in wanted} for row in end["sources"]] == [
        dict(zip(wanted, row, strict=True))
        for row in (
            ("books", "en", "book", 3000, 2000, 2000 / 3000, 0.5),
            ("books", "fr", "book", 1000, 400, 0.4, 0.1),
            ("web--fr", "fr", "web", 8000, 1600, 0.2, 0.4),
        )
    ]
    assert end["constraints"] == ["language en is held at 50.00 % (2,000 tokens); its weight alone gives 23.08 %"]


def test_tables_for_people(tamis: Tamis, recipe: Path) -> None:
    result = tamis("mix", str(recipe))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "tiny 1"
    assert "phase main: 13 000 tokens, 1 300 samples of 10" in lines and "phase end: 4 000 tokens" in lines
    assert any(line.split() == ["books", "en", "book", "3", "000", "2", "000", "0.6667", "50.00", "%", "50.00", "%"]
               for line in lines)  # fmt: skip
    assert "language en is held at 50.00 % (2,000 tokens); its weight alone gives 23.08 %" in lines


def test_one_phase(tamis: Tamis, recipe: Path) -> None:
    result = tamis("mix", str(recipe), "--phase", "end", "--json")
    assert [phase["name"] for phase in json.loads(result.stdout)["phases"]] == ["end"]


def test_other_counts_and_settings(tamis: Tamis, recipe: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(COUNTS.replace("8000", "80000"), encoding="utf-8")
    result = tamis("mix", str(recipe), "--counts", str(other), "--set", "mix.phases.end.tokens=100", "--json")
    main, end = json.loads(result.stdout)["phases"]
    assert (main["tokens"], end["tokens"]) == (85_000, 100)


def test_lucie(tamis: Tamis) -> None:
    result = tamis("mix", str(LUCIE / "mix.yaml"), "--counts", str(LUCIE / "counts.csv"), "--json")
    phases = {phase["name"]: phase for phase in json.loads(result.stdout)["phases"]}
    assert list(phases) == ["main", "extension", "annealing"]
    for phase in phases.values():
        assert sum(row["weighted_tokens"] for row in phase["sources"]) == phase["tokens"]
        assert sum(row["share"] for row in phase["sources"]) == pytest.approx(1)
    assert phases["main"]["samples"] == 762_144_585


def test_a_recipe_with_sources_says_how_to_give_counts(tamis: Tamis, made: Place) -> None:
    result = tamis("mix", made.recipe)
    assert result.exit_code == 2 and result.stdout == ""
    assert f"{made.recipe}: there are no counts to plan from" in result.stderr and "--counts FILE" in result.stderr


def test_the_counts_of_a_release(tamis: Tamis, made: Place) -> None:
    result = tamis("mix", made.recipe, "--counts", str(made.release), "--json")
    assert result.exit_code == 0, result.stderr
    (phase,) = json.loads(result.stdout)["phases"]
    (row,) = phase["sources"]
    manifest = json.loads((made.release / "manifest.json").read_bytes())
    assert (row["source"], row["tokens"]) == ("english", manifest["totals"]["tokens"])


@pytest.mark.parametrize("command", ["run", "plan", "status", "what-if"])
def test_a_plan_alone_is_nothing_to_run(tamis: Tamis, recipe: Path, command: str) -> None:
    settings = ["--set", "seed=1"] if command == "what-if" else []
    result = tamis(command, str(recipe), *settings)
    assert result.exit_code == 2 and result.stdout == ""
    assert "it has no sources, so there is nothing to run. See the plan: tamis mix" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--counts", "none.csv"], "'none.csv' does not exist"),
        (["--phase", "ende"], "the mix has no phase 'ende'. Did you mean 'end'?"),
        (["--set", "mix.phases.end.tokens=1e9"], "tiny.yaml:9: phase end: the phase has 1.000 B tokens"),
        (["--set", "mix.phases.end.language.shares.it=0.1"], "tiny.yaml:11: phase end: language it: exactly 10.00 %"),
        (["--set", "mix.language.shares.it=0.1"], "phase main: language it: exactly 10.00 %"),
        (["--set", "mix.phases.end.nam=x"], "has no option 'nam'"),
    ],
)
def test_mistakes(tamis: Tamis, recipe: Path, arguments: list[str], said: str) -> None:
    result = tamis("mix", str(recipe), *arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ("dataset,language,category\n", "counts.csv:1: there is no column tokens."),
        (COUNTS + "x,fr,web,many\n", "counts.csv:5: column tokens: 'many' is not a whole number from 0 up"),
        (COUNTS + "x,fr\n", "counts.csv:5: 2 values, and the header names 4 columns"),
    ],
)
def test_wrong_counts_are_told_with_their_line(tamis: Tamis, recipe: Path, counts: str, said: str) -> None:
    (recipe.parent / "counts.csv").write_text(counts, encoding="utf-8")
    result = tamis("mix", str(recipe), "--json")
    assert result.exit_code == 2 and result.stdout == ""
    assert said in result.stderr


def test_what_the_mix_shares_with_its_phases_is_told_at_its_line(tamis: Tamis, recipe: Path) -> None:
    recipe.write_text(RECIPE + "  category: {floors: {web: 0.7, book: 0.6}}\n", encoding="utf-8")
    result = tamis("mix", str(recipe))
    assert "tiny.yaml:12: phase main: the shares and floors of category sum to 130.00 %" in result.stderr
