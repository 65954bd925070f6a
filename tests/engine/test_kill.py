"""Processes that are killed at any moment: the next run goes on, and the release is the undisturbed one's."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from small_corpus import Outcome, Place, hashes, write_corpus

pytestmark = pytest.mark.slow

GONE_WITHIN = 3.0
"""Seconds that a worker may outlive its parent."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Outcome]:
    place = Place(tmp_path_factory.mktemp("undisturbed"))
    write_corpus(place.corpus, scale=4)
    return place, place.run()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Seeded by the clock; a failure shows the seed."""
    seed = int(os.environ.get("TAMIS_KILL_SEED", time.time_ns()))
    print(f"TAMIS_KILL_SEED={seed}")  # noqa: T201
    return random.Random(seed)


def whole_files(place: Place) -> int:
    """Files that are finished in the work folder and in the release: how far a run has come."""
    names = [name for root in (place.work, place.out) for _, _, names in os.walk(root) for name in names]
    return sum(not name.startswith(".tmp-") for name in names)


def workers_of(run: int) -> list[int]:
    """Worker processes of a run, from the process table: what its children have forked."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (folder / "status").read_text()
            parents[int(folder.name)] = int(status.partition("\nPPid:\t")[2].split()[0])
    children = {process for process, parent in parents.items() if parent == run}
    return [process for process, parent in parents.items() if parent in children]


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@contextmanager
def running(place: Place) -> Iterator[subprocess.Popen[str]]:
    """The run in a process group of its own, as a terminal starts it."""
    with subprocess.Popen(
        place.command(workers=2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(place: Place, files: int, process: subprocess.Popen[str]) -> bool:
    """Waits until the run has so many files; False when it ended before."""
    while process.poll() is None:
        if whole_files(place) >= files:
            return True
        time.sleep(0.005)
    return False


def moments(chance: random.Random, total: int) -> list[int]:
    """Five numbers of files, spread over a whole run."""
    fifths = [total * k // 5 for k in range(6)]
    return [chance.randint(low, max(low, high - 1)) for low, high in pairwise(fifths)]


def check(place: Place, expected: Outcome) -> None:
    """Finishes the run in this process."""
    after = place.run()
    assert after.files == expected.files
    assert [path.name for path in place.out.iterdir()] == ["small-1"]
    assert not list(place.work.rglob(".tmp-*")) and not list(place.work.glob("scratch/*"))


def test_killing_the_parent(undisturbed: tuple[Place, Outcome], chance: random.Random, tmp_path: Path) -> None:
    place = Place(tmp_path, corpus=undisturbed[0].corpus)
    killed = 0
    for files in moments(chance, whole_files(undisturbed[0])):
        with running(place) as process:
            if not wait_for(place, files, process):
                continue
            time.sleep(chance.random() * 0.2)
            workers = workers_of(process.pid)
            process.kill()
            process.wait()
            died = time.monotonic()
            while any(map(alive, workers)):
                assert time.monotonic() - died < GONE_WITHIN, f"workers {workers} outlive their parent"
                time.sleep(0.02)
            killed += 1
    assert killed >= 4
    check(place, undisturbed[1])


def test_killing_a_worker(undisturbed: tuple[Place, Outcome], chance: random.Random, tmp_path: Path) -> None:
    place = Place(tmp_path, corpus=undisturbed[0].corpus)
    left = moments(chance, whole_files(undisturbed[0]))
    killed = 0
    for _ in range(3):
        with running(place) as process:
            while left and wait_for(place, left[0], process):
                workers = workers_of(process.pid)
                if workers:
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    killed += 1
                    left.pop(0)
            errors = process.communicate()[1]
            assert process.returncode in (0, 1)
        if process.returncode == 0:
            break
        assert "its worker process died" in errors, errors
    assert process.returncode == 0 and killed >= 3
    assert hashes(place.out / "small-1") == undisturbed[1].files
    check(place, undisturbed[1])


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7])
def test_interrupting_as_a_terminal_does(
    part: float, undisturbed: tuple[Place, Outcome], chance: random.Random, tmp_path: Path
) -> None:
    """SIGINT to the whole process group, workers in the midst of their imports included."""
    place = Place(tmp_path, corpus=undisturbed[0].corpus)
    with running(place) as process:
        assert wait_for(place, max(2, int(part * whole_files(undisturbed[0]))), process)
        while part == 0.0 and not workers_of(process.pid):
            time.sleep(0.005)
        time.sleep(chance.random() * 0.3)
        workers = workers_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        begin = time.monotonic()
        output, errors = process.communicate(timeout=60)
        took = time.monotonic() - begin
    assert errors == "", "no worker says a word"
    assert process.returncode == 130 or output, "interrupted, unless it was over before"
    assert took < 5
    assert not any(map(alive, workers))
    check(place, undisturbed[1])
