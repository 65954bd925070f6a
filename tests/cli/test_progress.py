"""What a run draws on a terminal, and what it writes where there is none."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pytest

from tamis.cli import output, progress
from tamis.cli.progress import Bars
from tamis.engine.tasks import Done


@dataclass(frozen=True)
class Task:
    """A task of some size."""

    bytes: int
    label: str = "task"

    def run(self) -> None:
        """Does nothing."""


class Clock:
    """A clock that stands still until it is turned."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


def console(monkeypatch: pytest.MonkeyPatch, terminal: bool, width: int = 80) -> io.StringIO:
    """Replaces stderr by one whose output is kept."""
    kept = io.StringIO()
    made = output._Output(
        file=kept, force_terminal=terminal, force_interactive=terminal, width=width, highlight=False, emoji=False,
        color_system=None, legacy_windows=False,
    )  # fmt: skip
    monkeypatch.setattr(progress, "errors", made)
    monkeypatch.setattr(progress, "any_compiled", lambda: True)
    return kept


def drawn(kept: io.StringIO) -> list[str]:
    """The lines of the last picture."""
    frames = re.split(r"\x1b\[\?25[lh]|\x1b\[2K", kept.getvalue())
    return [
        line for frame in frames for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", frame).splitlines() if line.strip()
    ]


def test_a_line_a_phase_without_a_terminal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=False)
    with Bars() as bars:
        bars.phase("find inputs", 0, 0)
        clock.now += 0.2
        bars.phase("ingest", 2, 3_000_000)
        for size in (1_000_000, 2_000_000):
            clock.now += 1
            bars.done(Done(Task(size), None, 0.1))
        clock.now += 50  # what comes between two phases is no part of a rate
        bars.phase("resolve [x]", 0, 0)
        clock.now += 75
    assert kept.getvalue().splitlines() == ["ingest: 2 tasks, 3.0 MB in 2.0 s, 1.5 MB/s", "resolve [x]: 0:01:15"]


def test_a_long_phase_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=False)
    with Bars() as bars:
        bars.phase("ingest", 100, 100_000)
        for _ in range(100):
            clock.now += 10
            bars.done(Done(Task(1000), None, 0.1))
    said = kept.getvalue().splitlines()
    assert said[0] == "ingest: 31 of 100 tasks, 100 B/s"
    assert len(said) == 4 and said[-1] == "ingest: 100 tasks, 100.0 kB in 0:16:40, 100 B/s"


def test_a_phase_that_fails_is_not_told_as_done(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=False)
    with pytest.raises(ValueError, match="broken"), Bars() as bars:
        bars.phase("ingest", 2, 10)
        clock.now += 10
        raise ValueError("broken")
    assert kept.getvalue() == ""


def test_a_terminal_shows_phases_rates_and_the_time_left(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=True)
    bars = Bars()
    assert bars._progress is not None
    # Drawn by hand: no thread draws in between.
    bars._progress.live.auto_refresh = False
    with bars:
        bars.phase("find inputs", 0, 0)
        bars._progress.refresh()
        assert "find inputs" in drawn(kept)[-1], "a phase without tasks is shown while it goes on"
        bars.phase("measure 1/2", 4, 4_000_000)
        bars._progress.refresh()
        assert "find inputs" not in drawn(kept)[-1]
        assert "measure 1/2" in drawn(kept)[-1] and "0/4" in drawn(kept)[-1]
        clock.now += 2
        bars.done(Done(Task(1_000_000), None, 0.1))
        bars._progress.refresh()
        line = drawn(kept)[-1]
        assert "1/4" in line and "500.0 kB/s" in line and "0:06 left" in line
        clock.now += 2
        bars._progress.refresh()
        assert "0:04 left" in drawn(kept)[-1], "the clock goes on between two tasks"
        bars.warn("mind [this]")
        bars.phase("resolve near_duplicates", 0, 0)
        clock.now += 3
        bars.phase("card", 0, 0)
    last = drawn(kept)[-2:]
    assert last[0].startswith("✓ measure 1/2") and "left" not in last[0]
    assert last[1].startswith("✓ resolve near_duplicates") and last[1].rstrip().endswith("3.0 s")
    assert "note: mind [this]" in kept.getvalue()
    assert all(len(line) <= 80 for line in drawn(kept))


def test_quiet_draws_nothing(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=True)
    with Bars(quiet=True) as bars:
        bars.phase("ingest", 1, 10)
        clock.now += 1000
        bars.done(Done(Task(10), None, 0.1))
    assert kept.getvalue() == ""


def test_a_first_run_says_why_it_is_slow(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    kept = console(monkeypatch, terminal=False)
    monkeypatch.setattr(progress, "any_compiled", lambda: False)
    with Bars() as bars:
        bars.phase("find inputs", 0, 0)
        assert kept.getvalue() == "", "a run with nothing to do compiles nothing"
        bars.phase("ingest", 1, 10)
        bars.phase("measure", 1, 10)
    assert kept.getvalue().count("compiles the kernels") == 1
