"""Tasks that fail, workers that die, locks, damaged files: what is told, and what is saved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from _pytest.mark import ParameterSet
from probes import Endless, Probe
from small_corpus import Outcome, Place

from tamis.corpus.commit import committing
from tamis.corpus.store import Store
from tamis.engine.tasks import AHEAD, ATTEMPTS, Done, Workers, _Attempt, run_tasks
from tamis.errors import Locked, OptionError, RunError, StoreError, TaskFailed, UserError


def names(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_fails_twice_is_done_at_last(workers: int, tmp_path: Path) -> None:
    tasks = [Probe(name, tmp_path, failures=2 if name == "t1" else 0) for name in names(4)]
    done: list[Done] = []
    assert run_tasks(tasks, workers, done.append) == ["T0", "T1", "T2", "T3"]
    assert [task.tries for task in tasks] == [1, 3, 1, 1]
    assert sorted(one.task.label for one in done) == [f"probe {name}" for name in names(4)]
    assert all(one.seconds >= 0 for one in done)
    if workers == 2:
        assert str(os.getpid()) not in (tmp_path / "t0").read_text()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", ["raise", "odd"])
def test_a_task_that_always_fails_is_told_after_the_others(how: str, workers: int, tmp_path: Path) -> None:
    tasks = [Probe(name, tmp_path, failures=99 if name == "t0" else 0, how=how, bytes=9) for name in names(5)]
    done: list[Done] = []
    with pytest.raises(TaskFailed) as failed:
        run_tasks(tasks, workers, done.append)
    assert [task.tries for task in tasks] == [ATTEMPTS, 1, 1, 1, 1]
    assert len(done) == 4
    told = str(failed.value)
    assert "1 of 5 tasks failed after 3 tries" in told and "goes on from here" in told
    cause = "ValueError: t0 is broken" if how == "raise" else "OddError: very odd"
    assert f"  probe t0: {cause}" in told


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_are_made_in_turn_while_others_are_at_work(workers: int, tmp_path: Path) -> None:
    done: list[Done] = []
    ahead = []

    def made() -> Iterator[Probe]:
        for name in names(24):
            ahead.append(len(ahead) - len(done))
            yield Probe(name, tmp_path, failures=1 if name == "t1" else 0)

    with Workers(workers) as crew:
        results = crew.run_in_turn(made(), 24, done.append)
    assert results == [f"T{number}" for number in range(24)]
    assert sorted(one.task.name for one in done) == sorted(names(24))
    # No more are made than can be in flight: what a task is made of may be large.
    assert max(ahead) <= (workers + AHEAD if workers > 1 else 1)


@pytest.mark.parametrize("how", ["", "raise", "odd", "die"])
def test_what_nobody_waits_for_holds_nothing_up(how: str, tmp_path: Path) -> None:
    prelude = Probe("prelude", tmp_path, failures=99 if how else 0, how=how)
    with Workers(2) as crew:
        crew.meanwhile(prelude)
        assert prelude.tries == 0, "no worker was there"
        crew.quietly([Probe(name, tmp_path) for name in names(2)])
        crew.meanwhile(prelude)
        assert crew.quietly([Probe(name, tmp_path) for name in names(6)]) == [f"T{number}" for number in range(6)]
    assert prelude.tries == 2 or (how == "die" and prelude.tries >= 1)
    with Workers(1) as alone:
        alone.meanwhile(prelude)
    assert str(os.getpid()) not in (tmp_path / "prelude").read_text()


def test_an_error_in_the_making_of_a_task_is_told(tmp_path: Path) -> None:
    def made() -> Iterator[Probe]:
        yield Probe("t0", tmp_path)
        raise UserError("nothing to release")

    with Workers(2) as crew, pytest.raises(UserError, match="nothing to release"):
        crew.run_in_turn(made(), 9, lambda done: None)


def test_a_worker_that_dies_costs_the_task_another_try(tmp_path: Path) -> None:
    tasks = [Probe(name, tmp_path, failures=1 if name == "t1" else 0, how="die") for name in names(5)]
    assert run_tasks(tasks, 2, lambda done: None) == ["T0", "T1", "T2", "T3", "T4"]
    assert tasks[1].tries == 2


def test_a_task_that_kills_every_worker_fails_alone(tmp_path: Path) -> None:
    tasks = [Probe("t0", tmp_path, failures=99, how="die", beside="t1"), Probe("t1", tmp_path, seconds=0.5)]
    with pytest.raises(TaskFailed, match=r"1 of 2 tasks failed.*\n  probe t0: its worker process died"):
        run_tasks(tasks, 2, lambda done: None)
    assert tasks[0].tries == ATTEMPTS
    assert tasks[1].tries <= 2


class Breaking(Workers):
    """Stands for a pool in which the task `killer` ends everything in flight, whenever it comes to it."""

    def __init__(self) -> None:
        super().__init__(2)
        self.flying: list[Future[Any]] = []
        self.submitted: list[str] = []

    def submit(self, task: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.flying.append(future)
        self.submitted.append(task.name)
        if task.name == "killer":
            threading.Timer(0.05, self.end_all).start()
        else:
            threading.Timer(0.2, self.land, [future, task]).start()
        return future

    def end_all(self) -> None:
        for future in self.flying:
            with suppress(InvalidStateError):
                future.set_exception(BrokenProcessPool())

    def land(self, future: Future[Any], task: Any) -> None:
        with suppress(InvalidStateError):
            future.set_result(_Attempt(task.name, 0.0))


def test_what_is_in_flight_with_a_killer_every_time_is_not_blamed(tmp_path: Path) -> None:
    tasks = [Probe("other", tmp_path), Probe("killer", tmp_path)]
    workers, done = Breaking(), []
    with pytest.raises(TaskFailed, match=r"1 of 2 tasks failed.*\n  probe killer: its worker process died"):
        workers.run(tasks, done.append)
    assert [one.result for one in done] == ["other"]
    assert sorted(workers.submitted) == ["killer"] * ATTEMPTS + ["other"] * 2


def test_an_idle_worker_that_dies_holds_nothing_up(tmp_path: Path) -> None:
    """It may take the lock along that the others wait for: at work, and at the end."""
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Workers(2) as workers:
            assert workers.run([Probe(name, folder) for name in names(4)], lambda done: None)
            os.kill(int((folder / "t0").read_text()), signal.SIGKILL)
            if number:
                again = [Probe(name, folder, seconds=0) for name in ("a", "b", "c")]
                assert workers.run(again, lambda done: None) == ["A", "B", "C"]
                with suppress(ProcessLookupError):
                    os.kill(int((folder / "c").read_text().split()[-1]), signal.SIGKILL)


def test_interrupting_the_parent_kills_the_workers(tmp_path: Path) -> None:
    def interrupt(done: Done) -> None:
        while not (tmp_path / "endless").exists():
            time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tasks([Probe("quick", tmp_path), Endless(tmp_path)], 2, interrupt)
    for line in (tmp_path / "endless").read_text().splitlines():
        assert not Path(f"/proc/{line}").exists()


def test_the_work_folder_is_held_by_one_run(tmp_path: Path, small: Path) -> None:
    held = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from tamis.corpus.store import Store\n"
            "with Store(Path(sys.argv[1])).lock():\n    print('held', flush=True); time.sleep(600)",
            tmp_path / "work",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    try:
        assert held.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=rf"process {held.pid}\).*--work"):
            Place(tmp_path, corpus=small).run()
    finally:
        held.kill()
        held.wait()
        held.stdout.close()
    with Store(tmp_path / "work").lock():
        assert (tmp_path / "work/lock").read_text() == str(os.getpid())


def test_half_written_files_are_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        pass
    for left in (
        "corpus/a/.tmp-12-x.parquet",
        "signals/.tmp-3-y",
        ".tamis-scratch/tmpq/keys",
        ".tamis-scratch/what-if.parquet",
    ):
        (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / left).write_text("half")
    (tmp_path / "corpus/a/whole.parquet").write_text("whole")
    with store.lock():
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["lock", "whole.parquet"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/file"
    with committing(path) as temporary:
        temporary.write_text("first")
    with pytest.raises(ZeroDivisionError), committing(path) as temporary:
        temporary.write_text("second")
        raise ZeroDivisionError
    assert path.read_text() == "first"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, small: Path, tokenizer: str) -> tuple[Place, Outcome]:
    place = Place(tmp_path_factory.mktemp("tasks"), tokenizer=tokenizer, corpus=small)
    return place, place.run()


def slow(*values: Any) -> ParameterSet:
    """A case that is left to the full test run."""
    return pytest.param(*values, marks=pytest.mark.slow)


def first(place: Place, pattern: str) -> Path:
    return sorted(place.work.glob(pattern))[0]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path: Path) -> None:
    """Damage that leaves the size as it is."""
    data = bytearray(path.read_bytes())
    data[4 : len(data) - 400] = bytes(len(data) - 404)
    path.write_bytes(data)


def too_few_rows(path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(1), path)


def too_few_columns(path: Path) -> None:
    pq.write_table(pq.read_table(path).select(["measured"]), path)


@pytest.mark.parametrize(
    ("pattern", "damage", "told"),
    [
        ("corpus/news/*/*.parquet", truncate, r"bytes instead of .*Delete .*corpus/news/\w+ and run again"),
        ("corpus/news/*/*.parquet", overwrite, r"damaged.*Delete .*corpus/news/\w+ and run again"),
        slow("corpus/web/*/*.parquet", Path.unlink, "is missing.*Delete .*corpus/web/"),
        ("corpus/web/*/record.json", truncate, "record.json is damaged.*Delete .*corpus/web/"),
        slow("signals/gopher_quality/*/*.parquet", truncate, "damaged.*Delete this signal file and run again"),
        ("signals/gopher_quality/*/*.parquet", too_few_rows, r"it has \d+ rows for a shard of \d+ documents"),
        slow("signals/gopher_quality/*/*.parquet", too_few_columns, "damaged.*Delete this signal file"),
        slow("signals/tokenize/*/*.parquet", too_few_rows, r"it has \d+ rows for a shard of \d+ documents"),
        slow("signals/near_duplicates/*/*.parquet", truncate, "damaged.*Delete this signal file"),
        ("resolved/near_duplicates/*.parquet", truncate, "damaged.*Delete it and run again"),
        slow("resolved/near_duplicates/*.parquet", too_few_rows, r"it has \d+ rows where \d+ are needed"),
        slow("fingerprints.json", truncate, "fingerprints.json is damaged.*Delete it and run again"),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(
    pattern: str, damage: Any, told: str, base: tuple[Place, Outcome], tmp_path: Path
) -> None:
    place = base[0].fork(tmp_path)
    damaged = first(place, pattern)
    damage(damaged)
    # A task that meets the damage fails with the same words.
    with pytest.raises((StoreError, TaskFailed), match=f"(?s){told}") as failed:
        place.run()
    assert str(damaged) in str(failed.value)
    # As it says: deleting it is enough.
    if "corpus/" in pattern:
        for file in damaged.parent.iterdir():
            file.unlink()
        damaged.parent.rmdir()
    else:
        damaged.unlink()
    assert place.run().files == base[1].files


def test_a_lost_file_is_made_again(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    for pattern in ("signals/pii/*/*.parquet", "signals/near_duplicates/*/*.parquet", "resolved/*/*.parquet"):
        place = base[0].fork(tmp_path / pattern.split("/")[1])
        for path in place.work.glob(pattern):
            path.unlink()
        assert place.run().files == base[1].files


def test_a_changed_release_is_not_passed_off_as_done(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    release = place.run().release
    with (release / "tokenizer/tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(RunError, match=r"tokenizer.json: differs.*tamis verify"):
        place.run()


@pytest.mark.parametrize("which", ["work", "out"])
def test_a_folder_that_cannot_be_written(which: str, tmp_path: Path, small: Path) -> None:
    place = Place(tmp_path, corpus=small)
    (tmp_path / "file").write_text("in the way")
    setattr(place, which, tmp_path / "file/folder")
    with pytest.raises(OptionError, match=f"file/folder.*--{which}"):
        place.run()
    assert not (place.work / "corpus").exists(), "told before the work"
