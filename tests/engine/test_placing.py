"""A release takes its place whole, and what a killed run left there is put right."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_corpus import Outcome, Place, hashes

from tamis.engine.placing import building, clear, recover
from tamis.errors import Locked, UserError

IDENTITY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, small: Path, tokenizer: str) -> tuple[Place, Outcome]:
    place = Place(tmp_path_factory.mktemp("placing"), tokenizer=tokenizer, corpus=small)
    return place, place.run()


def beside(place: Place) -> list[str]:
    return sorted(path.name for path in place.out.iterdir())


def test_a_release_lost_between_two_renames_is_brought_back(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    release = place.run().release
    release.rename(place.out / ".building-small-1-old")
    assert place.run().summary.nothing_to_do
    assert hashes(release) == base[1].files
    assert beside(place) == ["small-1"]


def test_it_is_brought_back_even_when_the_new_run_fails(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    release = place.run().release
    release.rename(place.out / ".building-small-1-old")
    with pytest.raises(UserError, match="nothing to release"):
        place.run("gopher_quality.keep.words=100000,")
    assert hashes(release) == base[1].files
    assert beside(place) == ["small-1"]


def test_leftovers_of_killed_runs_are_gone_and_never_in_the_release(
    base: tuple[Place, Outcome], tmp_path: Path
) -> None:
    place = base[0].fork(tmp_path)
    identity = base[1].manifest.identity[:12]
    others = (".building-small-1-ffffffffffff", ".building-small-1-rc1-ffffffffffff")
    for folder in (f".building-small-1-{identity}", *others):
        (place.out / folder / "data/fr").mkdir(parents=True)
        (place.out / folder / "data/fr/.tmp-12-notes.parquet").write_text("half")
        (place.out / folder / "data/fr/news-00000-of-00009.parquet").write_text("of another attempt")
    assert place.run().files == base[1].files
    assert beside(place) == [".building-small-1-rc1-ffffffffffff", "small-1"], "another release's is left alone"
    (place.out / ".building-small-1-old").mkdir()
    (place.out / ".building-small-1-ffffffffffff").mkdir()
    assert place.run().summary.nothing_to_do
    assert beside(place) == [".building-small-1-rc1-ffffffffffff", "small-1"]


def test_an_unreadable_manifest_is_no_finished_release(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    place = base[0].fork(tmp_path)
    release = place.run().release
    (release / "manifest.json").write_text('{"format": 99}')
    assert place.run().files == base[1].files


@pytest.mark.parametrize("moment", ["release.rename(old)", "folder.rename(release)", "shutil.rmtree(old, "])
def test_killed_while_it_takes_its_place(moment: str, tmp_path: Path) -> None:
    """A process that dies right after each step of the exchange; then what the next run finds."""
    script = f"""
import os, signal, sys
from pathlib import Path
from tamis.engine import placing
source = Path(placing.__file__).read_text()
head, tail = source.split({moment!r}, 1)
line, rest = tail.split("\\n", 1)
indent = len(head) - len(head.rstrip(" "))
dies = head + {moment!r} + line + "\\n" + " " * indent + "os.kill(os.getpid(), 9)\\n" + rest
exec(compile(dies, "placing", "exec"), globals())
import os
with building(Path(sys.argv[1]), {IDENTITY!r}) as folder:
    (folder / "manifest.json").write_text("new")
"""
    release = tmp_path / "small-1"
    release.mkdir()
    (release / "manifest.json").write_text("before")
    done = subprocess.run([sys.executable, "-c", script, release], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    recover(release)
    clear(release)
    expected = "before" if moment == "release.rename(old)" else "new"
    assert (release / "manifest.json").read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["small-1"]


def test_two_runs_do_not_make_the_same_release(base: tuple[Place, Outcome], tmp_path: Path) -> None:
    """Two work folders, one folder for releases."""
    place = base[0].fork(tmp_path)
    place.out.mkdir()
    with (
        building(place.out / "small-1", IDENTITY),
        pytest.raises(Locked, match="another run is making this release"),
    ):
        place.run()
    assert beside(place) == ["small-1"], "the first one's"
    (place.out / "small-1").rmdir()
    assert place.run().files == base[1].files


def test_what_a_dead_worker_left_is_not_released(tmp_path: Path) -> None:
    with building(tmp_path / "small-1", IDENTITY) as folder:
        (folder / "tokens/fr").mkdir(parents=True)
        (folder / "tokens/fr/.tmp-41ca-news.parquet").write_text("half")
        (folder / "tokens/fr/news.parquet").write_text("whole")
    assert list(hashes(tmp_path)) == ["small-1/tokens/fr/news.parquet"]


def test_a_failure_leaves_the_release_and_nothing_beside_it(tmp_path: Path) -> None:
    release = tmp_path / "small-1"
    release.mkdir()
    (release / "manifest.json").write_text("before")
    with pytest.raises(KeyboardInterrupt), building(release, IDENTITY) as folder:
        (folder / "manifest.json").write_text("new")
        raise KeyboardInterrupt
    assert (release / "manifest.json").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["small-1"]
