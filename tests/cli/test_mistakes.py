"""What goes wrong: a message without traceback on stderr, nothing on stdout, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tiny_place import RECIPE, Place

from tamis.engine.ingest import IngestTask

Tamis = Callable[..., Result]


def check(result: Result, code: int, *said: str) -> None:
    """A mistake told well."""
    assert result.exit_code == code, result.output
    assert result.stdout == "", "programs read stdout"
    assert "Traceback" not in result.stderr
    for part in said:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], ["no command is called 'frobnicate'", "what-if"]),
        (["runn"], ["Did you mean 'run'?"]),
        (["run", "--nope"], ["No such option", "--nope"]),
        (["run", "none.yaml"], ["none.yaml: no such recipe", "tamis init"]),
        (["run", "."], [".: can't be read"]),
        (["run", "--workers", "0"], ["--workers", "x>=1"]),
        (["run", "--workers", "two"], ["--workers", "not a valid integer"]),
        (["run", "--max-rejects", "-1"], ["--max-rejects", "x>=0"]),
        (["run", "a", "b"], ["unexpected extra argument"]),
        (["stages", "near_dup"], ["no stage is called 'near_dup'", "Did you mean 'near_duplicates'?"]),
        (["verify"], ["Missing argument 'RELEASE'"]),
        (["verify", "nowhere"], ["'nowhere' does not exist"]),
        (["verify", "."], [".: no release here"]),
        (["card", "."], [".: no release here"]),
        (["what-if"], ["say what to change"]),
        (["why"], ["Missing argument 'ID'"]),
    ],
)
def test_a_mistake_is_told_and_exits_2(
    tamis: Tamis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    check(tamis(*arguments), 2, *said)
    assert not (tmp_path / ".tamis").exists() and not (tmp_path / "releases").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("gopher_quality", "PATH=VALUE"),
        ("gopher_quality.keep.wrds=30,", "Did you mean 'words'?"),
        ("gophr_quality.keep.words=30,", "gopher_quality"),
        ("tokenize.tokenizer.train.vocabulary_size=3", "512"),
        ("name=..", "name"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan", "what-if"])
def test_a_wrong_setting_is_told(tamis: Tamis, made: Place, command: str, setting: str, said: str) -> None:
    check(tamis(command, made.recipe, "--work", made.work, "--set", setting), 2, said)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("  - gopher_quality:", "  - gopher_qualty:", "gopher_quality"),
        ("license: CC0-1.0", "license: FREE", "FREE"),
        ("language: en}", "language: zzzz}", "zzzz"),
        ("data/*.jsonl", "data/*.csv", "data/*.csv"),
        ("sources:", "sources: [", ""),
        ("vocabulary_size: 512", "vocabulary_size: many", "vocabulary_size"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan", "status"])
def test_a_wrong_recipe_is_told(tamis: Tamis, place: Place, command: str, wrong: str, right: str, said: str) -> None:
    Path(place.recipe).write_text(RECIPE.replace(wrong, right))
    # A look at a folder that isn't there makes none, and reads no input.
    Path(place.work).mkdir()
    check(tamis(command, place.recipe, "--work", place.work), 2, said)


def test_what_comes_before_a_run_says_so(tamis: Tamis, place: Place) -> None:
    setting = ("--set", "gopher_quality.keep.words=30,")
    check(tamis("what-if", place.recipe, "--work", place.work, *setting), 2, "`tamis run` comes first")
    check(tamis("why", "english:1", place.recipe, "--work", place.work), 2, "`tamis run` comes first")
    status = tamis("status", place.recipe, "--work", str(place.root / "other"))
    assert status.exit_code == 0 and "no run yet" in status.stdout
    assert not (place.root / "other").exists(), "a look makes no folder"


@pytest.mark.slow
def test_places_that_cannot_be_written(tamis: Tamis, made: Place, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    inside = str(file / "inside")
    check(made.run("--out", inside), 2, f"{inside} can't be written", "--out")
    check(tamis("run", made.recipe, "--work", inside), 2, f"{inside} can't be used as work folder", "--work")
    check(tamis("run", made.recipe, "--work", str(file)), 2, "is a file")
    check(tamis("plan", made.recipe, "--work", inside), 1, "file")
    check(tamis("init", str(file / "r.yaml")), 2, "can't be written")
    check(tamis("schema", "--out", inside), 2, "can't be written")
    check(tamis("card", str(made.release), "--to", inside), 2, "can't be written")
    assert file.read_text() == ""


def test_too_many_rejects_stop_a_run(tamis: Tamis, place: Place) -> None:
    check(
        place.run("--quiet", "--max-rejects", "0.05"),
        1,
        "1 of 14 rows can't be read",
        "--max-rejects 0.05",
        "tamis status",
    )
    assert not place.release.exists()
    shown = tamis("status", place.recipe, "--work", place.work, "--rejects")
    assert "tiny: failed " in shown.stdout and "--max-rejects 0.05" in shown.stdout
    assert "a.jsonl:7" in shown.stdout
    assert place.run("--max-rejects", "1").exit_code == 0, "one row is one row"


def test_a_failed_run_names_what_failed_and_goes_on(
    tamis: Tamis, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = IngestTask.run

    def broken(task: IngestTask) -> object:
        if task.files[0].name == "a.jsonl":
            raise MemoryError("too big [b]")
        return whole(task)

    monkeypatch.setattr(IngestTask, "run", broken)
    result = place.run("--quiet")
    check(result, 1, "1 of 2 tasks failed after 3 tries", "ingest english a.jsonl", "MemoryError: too big [b]")
    last = json.loads(tamis("status", place.recipe, "--work", place.work, "--json").stdout)["last_run"]
    assert (last["state"], last["phase"], last["tasks"], last["done"]) == ("failed", "ingest", 2, 1)
    assert last["error"] in result.stderr
    shown = tamis("status", place.recipe, "--work", place.work)
    assert shown.exit_code == 0
    assert "in phase 'ingest', 1 of 2 tasks done" in shown.stdout and "MemoryError: too big [b]" in shown.stdout
    assert "1 of 2" in shown.stdout.splitlines()[-1], "the other one is done and kept"
    monkeypatch.undo()
    assert place.run().exit_code == 0
    assert "tiny: finished " in tamis("status", place.recipe, "--work", place.work).stdout


def test_a_run_that_fails_before_it_begins_is_forgotten_by_one_with_nothing_to_do(tamis: Tamis, place: Place) -> None:
    assert place.run().exit_code == 0
    moved = (place.root / "data").rename(place.root / "elsewhere")
    check(place.run("--quiet"), 2, "data/*.jsonl")
    moved.rename(place.root / "data")
    assert place.run().stdout.startswith("nothing to do")
    assert "tiny: finished " in tamis("status", place.recipe, "--work", place.work).stdout


def test_a_damaged_record_is_told(tamis: Tamis, place: Place) -> None:
    (place.root / "work/runs").mkdir(parents=True)
    (place.root / "work/runs/tiny.json").write_text("{")
    check(tamis("status", place.recipe, "--work", place.work), 1, "tiny.json is damaged", "Delete it")


def test_a_killed_run_is_told_from_a_running_one(tamis: Tamis, made: Place, place: Place) -> None:
    work = Path(place.work)
    (work / "runs").mkdir(parents=True)
    record = {"state": "running", "begin": "2000-01-01T00:00:00+00:00", "process": 1, "phase": "ingest", "tasks": 0}
    (work / "runs/tiny.json").write_text(json.dumps(record))
    assert (
        "killed in phase 'ingest'; the same command goes on"
        in tamis("status", place.recipe, "--work", place.work).stdout
    )
    from tamis.corpus.store import Store

    with Store(work).lock():
        shown = tamis("status", place.recipe, "--work", place.work)
        assert "running since 2000-01-01T00:00:00+00:00 as process 1, in phase 'ingest'" in shown.stdout
        check(place.run(), 1, "another run", "--work")


@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_adds_the_traceback(tamis: Tamis, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    arguments = ["--debug", "run", "none.yaml"]
    if how == "variable":
        monkeypatch.setenv("TAMIS_DEBUG", "1")
        arguments.pop(0)
    result = tamis(*arguments)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr and "in read_yaml" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: none.yaml: ")
