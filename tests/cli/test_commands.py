"""Every command: what it prints for people, the one JSON object it prints for programs, what it writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from tiny_place import Place

from tamis.cli.main import COMMANDS
from tamis.cli.options import sample_recipe
from tamis.recipe.load import load_recipe
from tamis.stages import STAGES

Tamis = Callable[..., Result]


def printed(result: Result) -> Any:
    """The one JSON object on stdout."""
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, dict), "one object, not a list"
    return found


def lines_with(result: Result, start: str) -> list[list[str]]:
    """The cells of the table rows that start with a word."""
    return [line.split() for line in result.stdout.splitlines() if line.split()[:1] == [start]]


def test_help_names_every_command_and_exit_code(tamis: Tamis) -> None:
    result = tamis("--help")
    assert result.exit_code == 0
    for name, meaning in COMMANDS.items():
        assert f"  {name} " in result.stdout
        assert meaning.split(":")[0] in " ".join(result.stdout.split())
    codes = result.stdout.partition("Exit codes:\n")[2]
    assert [line.split()[0] for line in codes.splitlines() if line[2] != " "] == ["0", "1", "2", "3", "130", "141"]
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_describes_every_option(tamis: Tamis, name: str) -> None:
    result = tamis(name, "--help")
    assert result.exit_code == 0
    options = result.stdout.partition("Options:\n")[2]
    for line in options.splitlines():
        if line.startswith("  -"):
            assert len(line.split("  ")) > 2 or len(line) > 20, f"{line!r} has no description"


# init


def test_init_writes_a_recipe_that_only_lacks_data(tamis: Tamis, tmp_path: Path) -> None:
    path = tmp_path / "My Corpus.yaml"
    result = tamis("init", str(path))
    assert result.exit_code == 0 and f"tamis plan {path}" in result.stdout
    recipe = load_recipe(path, STAGES)
    assert recipe.name == "my-corpus"
    sample = load_recipe(sample_recipe(), STAGES)
    assert [use.name for use in recipe.stages] == [use.name for use in sample.stages]
    assert path.read_text().startswith("# yaml-language-server: $schema=recipe.schema.json\n")
    plan = tamis("plan", str(path), "--work", str(tmp_path / "work"))
    assert plan.exit_code == 2 and "data/*.jsonl" in plan.stderr


def test_init_writes_the_sample_which_loads_anywhere(tamis: Tamis, tmp_path: Path) -> None:
    path = tmp_path / "copy.yaml"
    assert printed(tamis("init", str(path), "--sample", "--json")) == {
        "recipe": str(path),
        "schema": str(tmp_path / "recipe.schema.json"),
    }
    assert path.read_text().startswith("# yaml-language-server: $schema=recipe.schema.json\n# The sample:")
    assert load_recipe(path, STAGES).name == "sample"


def test_init_overwrites_nothing_unless_told(tamis: Tamis, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("mine")
    result = tamis("init", str(path))
    assert result.exit_code == 2 and "--force" in result.stderr
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]
    assert tamis("init", str(path), "--force").exit_code == 0
    assert path.read_text() != "mine"


# plan


def test_plan_before_and_after_a_run(tamis: Tamis, place: Place, made: Place) -> None:
    before = printed(tamis("plan", place.recipe, "--work", place.work, "--json"))
    assert before["name"] == "tiny" and before["readings_of_text"] == 3 and before["fitted"] == ["tokenize"]
    assert not before["ingested"]
    assert [(s["source"], s["files"], s["groups"], s["to_ingest"], s["documents"]) for s in before["sources"]] == [
        ("english", 2, 2, 2, 0)
    ]
    assert not (place.root / "work" / "corpus").exists(), "a plan ingests nothing"
    after = printed(tamis("plan", made.recipe, "--work", made.work, "--json"))
    assert after["ingested"] and after["sources"][0]["documents"] == 13 and after["sources"][0]["to_ingest"] == 0
    stages = {stage["stage"]: stage for stage in after["stages"]}
    assert list(stages) == ["gopher_quality", "exact_duplicates", "tokenize"]
    assert stages["gopher_quality"]["signal_files"] == {"cached": 2, "of": 2}
    assert stages["gopher_quality"]["keep"].keys() == {"words"}
    assert stages["gopher_quality"]["keep_by"]["language"]["en"].keys() == {"words"}
    assert [stage["reading"] for stage in stages.values()] == [1, None, 2]


def test_plan_counts_rules_and_lists_them_when_asked(tamis: Tamis, made: Place) -> None:
    short = tamis("plan", made.recipe, "--work", made.work)
    assert [row[-3:] for row in lines_with(short, "english")] == [["en,", "letters,", "CC0-1.0"]]
    assert lines_with(short, "gopher_quality") == [["gopher_quality", "1", "1", "2", "of", "2", "1"]]
    assert "language en" not in short.stdout and "--rules" in short.stdout
    long = tamis("plan", made.recipe, "--work", made.work, "--rules", "--set", "gopher_quality.when={category: [web]}")
    rules = long.stdout.partition("Rules\n")[2]
    assert "when category" in rules and "language en: " in rules and "is_duplicate" in rules


# run


def test_run_tells_what_it_made(tamis: Tamis, place: Place) -> None:
    result = place.run()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith(f"{place.release}: 9 of 13 documents, ")
    assert "1 piece of input could not be read: tamis status" in result.stdout
    assert f"tamis verify {place.release}" in result.stdout
    phases = [line.split(":")[0] for line in result.stderr.splitlines()]
    assert len(phases) == len(set(phases)), "where there is no terminal, a line a phase"
    assert {"ingest", "measure 1/2", "measure 2/2", "release"} <= set(phases)


def test_run_prints_one_json_object(tamis: Tamis, place: Place) -> None:
    first = place.run("--json")
    assert first.stderr == ""
    facts = printed(first)
    assert facts["release"] == str(place.release) and Path(facts["release"], "manifest.json").exists()
    # Two shards, and two stages that measure.
    assert (facts["measured"], facts["reused"]) == (4, 0)
    assert facts["documents"] == 9 and facts["tokens"] > 100 and not facts["nothing_to_do"]
    again = printed(place.run("--json"))
    assert (again["measured"], again["reused"], again["nothing_to_do"]) == (0, 4, True)
    assert {key: again[key] for key in ("release", "identity", "documents", "tokens")} == {
        key: facts[key] for key in ("release", "identity", "documents", "tokens")
    }
    changed = printed(place.run("--json", "--set", "gopher_quality.keep_by.language.en.words=[10, 1000]"))
    assert changed["documents"] == 12 and changed["reused"] > 0


def test_run_a_second_time_says_that_nothing_is_to_do(tamis: Tamis, made: Place) -> None:
    result = made.run()
    assert result.exit_code == 0
    assert result.stdout.startswith(f"nothing to do: {made.release} is up to date (")
    assert result.stderr == ""


def test_run_quiet_says_nothing_on_the_way(tamis: Tamis, place: Place) -> None:
    result = place.run("--quiet")
    assert result.exit_code == 0 and result.stderr == "" and str(place.release) in result.stdout


# status


def test_status_shows_rates_and_rejects(tamis: Tamis, made: Place) -> None:
    facts = printed(tamis("status", made.recipe, "--work", made.work, "--json"))
    last = facts["last_run"]
    assert last["state"] == "finished" and last["error"] is None and last["release"] == str(made.release)
    assert last["begin"] <= last["end"]
    assert {stage["stage"]: stage["documents"] for stage in last["stages"]} == {
        "ingest": 13, "gopher_quality": 13, "tokenize": 9, "release": 9,
    }  # fmt: skip
    (source,) = facts["sources"]
    assert (source["read"], source["documents"], source["filtered"], source["rejected"]) == (14, 13, 0, 1)
    assert source["causes"] == {"bad_json": 1}
    (reject,) = source["rejects"]
    assert (reject["file"], reject["line"], reject["cause"]) == ("a.jsonl", 7, "bad_json")
    shown = tamis("status", made.recipe, "--work", made.work)
    assert "tiny: finished " in shown.stdout and "a.jsonl" not in shown.stdout
    assert [row[1] for row in lines_with(shown, "tokenize")] == ["9"]
    assert "english: a.jsonl:7: bad_json: " in tamis("status", made.recipe, "--work", made.work, "--rejects").stdout


# what-if, why


def test_what_if_and_why_print_one_json_object(tamis: Tamis, made: Place) -> None:
    change = "gopher_quality.keep_by.language.en.words=[10, 1000]"
    facts = printed(tamis("what-if", made.recipe, "--work", made.work, "--set", change, "--json"))
    assert facts["documents_before"] == 9 and facts["changes"] == [change]
    story = printed(tamis("why", "english:11", made.recipe, "--work", made.work, "--json"))
    assert story["dropped_by"] == "gopher_quality.words"
    for shown in (
        tamis("what-if", made.recipe, "--work", made.work, "--set", change),
        tamis("why", "english:11", made.recipe, "--work", made.work),
    ):
        assert shown.exit_code == 0 and "[red]" not in shown.stdout


# stages


def test_stages_lists_and_documents_every_stage(tamis: Tamis) -> None:
    listed = tamis("stages")
    facts = printed(tamis("stages", "--json"))
    assert [stage["name"] for stage in facts["stages"]] == STAGES.names()
    for stage in facts["stages"]:
        assert lines_with(listed, stage["name"])
        assert printed(tamis("stages", stage["name"], "--json")) == stage
        shown = tamis("stages", stage["name"])
        assert shown.exit_code == 0 and stage["title"] in shown.stdout
        for name in [signal["name"] for signal in stage["signals"]] + [option["name"] for option in stage["options"]]:
            assert lines_with(shown, name), f"{stage['name']}: {name} is not shown"
    assert "tamis[presidio]" in tamis("stages", "pii").stdout, "data is no markup"
    # What stands inside an option is documented, too.
    assert lines_with(tamis("stages", "tokenize"), "tokenizer.train.vocabulary_size")


# card, verify


def test_card_is_written_again_as_it_was(tamis: Tamis, made: Place, tmp_path: Path) -> None:
    facts = printed(tamis("card", str(made.release), "--to", str(tmp_path / "card"), "--json"))
    written = [Path(path) for path in facts["files"]]
    assert tmp_path / "card" / "README.md" in written
    for path in written:
        assert path.read_bytes() == (made.release / path.relative_to(tmp_path / "card")).read_bytes()


def test_card_in_place_keeps_the_release_whole(tamis: Tamis, made: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.release, copy)
    (copy / "README.md").write_text("lost")
    result = tamis("card", str(copy))
    assert result.exit_code == 0 and "files, first " in result.stdout
    assert (copy / "README.md").read_bytes() == (made.release / "README.md").read_bytes()
    assert (copy / "manifest.json").read_bytes() == (made.release / "manifest.json").read_bytes()


def test_verify_of_a_whole_release(tamis: Tamis, made: Place) -> None:
    facts = printed(tamis("verify", str(made.release), "--json"))
    assert facts["problems"] == [] and facts["checks"] > 100
    shown = tamis("verify", str(made.release))
    assert shown.exit_code == 0 and "every one holds" in shown.stdout
    assert [line for line in shown.stdout.splitlines() if line.startswith("note: ")] == [
        f"note: {note}" for note in facts["notes"]
    ]


def test_verify_names_what_differs(tamis: Tamis, made: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.release, copy)
    with (copy / "LICENSES.md").open("a") as file:
        file.write("more\n")
    shown = tamis("verify", str(copy))
    assert shown.exit_code == 3
    assert any(line.startswith("LICENSES.md") and ", expected " in line for line in shown.stdout.splitlines())
    result = tamis("verify", str(copy), "--json")
    assert result.exit_code == 3
    facts = json.loads(result.stdout)
    assert {problem.keys() == {"place", "found", "expected"} for problem in facts["problems"]} == {True}
    count = len(facts["problems"])
    assert shown.stdout.endswith("1 does not hold\n" if count == 1 else f"{count} do not hold\n")


def test_verify_prints_a_screenful_of_problems(tamis: Tamis, made: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.release, copy)
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["files"] += [{"path": f"data/lost-{n}", "sha256": "0", "bytes": 1, "rows": None} for n in range(99)]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    shown = tamis("verify", str(copy))
    assert shown.exit_code == 3 and "--json lists all" in shown.stdout
    assert shown.stdout.count(", expected ") == 50


# schema, doctor


@pytest.mark.slow
def test_schema_takes_what_init_writes(tamis: Tamis, tmp_path: Path) -> None:
    schema = printed(tamis("schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    path = tmp_path / "schema.json"
    assert tamis("schema", "--out", str(path)).stdout == f"wrote {path}\n"
    assert json.loads(path.read_bytes()) == schema


def test_doctor_examines_and_leaves_nothing(tamis: Tamis, tmp_path: Path) -> None:
    work = tmp_path / "new" / "work"
    facts = printed(tamis("doctor", "--work", str(work), "--json"))
    assert facts["ok"] and list(tmp_path.iterdir()) == []
    found = {check["what"]: check for check in facts["checks"]}
    assert {"tamis", "polars", "numba", "compiled kernels", "language model", "work folder", "s3fs"} <= found.keys()
    shown = tamis("doctor", "--work", str(work))
    assert shown.exit_code == 0
    for what, check in found.items():
        assert any(what in line and check["found"].split(",")[0] in line for line in shown.stdout.splitlines())


def test_doctor_says_what_is_broken_and_how_to_mend_it(
    tamis: Tamis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.engine.doctor.requires", lambda _: ["polars>=1", "no-such-thing>=3; python_version>'3'"])
    monkeypatch.setattr("tamis.engine.doctor.OPTIONAL", {"no_such_module": "pip install 'tamis[extra]'"})
    (tmp_path / "file").write_text("")
    result = tamis("doctor", "--work", str(tmp_path / "file" / "work"))
    assert result.exit_code == 1
    assert "no  no-such-thing: missing: pip install 'no-such-thing>=3" in result.stdout
    assert "-   no_such_module: optional: pip install 'tamis[extra]'" in result.stdout
    assert "no  work folder: " in result.stdout and "--work" in result.stdout
    assert "2 of " in result.stdout.splitlines()[-1]


@pytest.mark.slow
def test_doctor_warm_compiles_all_that_a_run_needs(tmp_path: Path) -> None:
    cache = tmp_path / "kernels"

    def compiled_after(*arguments: str) -> set[str]:
        env = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
        command = [sys.executable, "-m", "tamis", *arguments]
        subprocess.run(command, check=True, cwd=tmp_path, env=env, capture_output=True)
        return {path.name for path in cache.rglob("*.nbc")}

    warmed = compiled_after("doctor", "--warm")
    assert warmed
    # The sample has every stage.
    assert compiled_after("run") == warmed
