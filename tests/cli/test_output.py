"""Tables, numbers and sizes as commands print them."""

from __future__ import annotations

import pytest
from rich.text import Text

from tamis.cli.output import duration, number, size, table


def test_a_table_shows_data_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("tamis[s3]", 12, None), ("[red]:smile:[/red]", 3.5, Text("bad", "red"))]
    table("T [x]", ("name", "n", "verdict"), rows, right=(1,))
    assert capsys.readouterr().out.splitlines() == [
        "T [x]",
        "name                  n  verdict",
        "tamis[s3]            12",
        "[red]:smile:[/red]  3.5  bad",
    ]


def test_a_title_is_not_as_narrow_as_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    table("Tokens per word, held out", ("a", "b"), [("x", 1)])
    assert capsys.readouterr().out.splitlines()[0] == "Tokens per word, held out"


def test_a_pipe_gets_whole_lines_and_a_terminal_wrapped_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table("", ("name", "meaning"), [("a", "word " * 60)])
    assert len(capsys.readouterr().out.splitlines()) == 2
    monkeypatch.setenv("COLUMNS", "80")
    table("", ("name", "meaning"), [("a", "word " * 60)])
    wrapped = capsys.readouterr().out.splitlines()
    assert len(wrapped) > 4 and all(len(line) <= 80 for line in wrapped)


def test_numbers_sizes_and_spans() -> None:
    assert [number(n) for n in (7, 1234567)] == ["7", "1 234 567"]
    assert [size(n) for n in (0, 999, 1000, 12_345_678, 5e12, 5e15)] == [
        "0 B", "999 B", "1.0 kB", "12.3 MB", "5.0 TB", "5000.0 TB",
    ]  # fmt: skip
    assert [duration(s) for s in (0.04, 59.9, 60, 4000)] == ["0.0 s", "59.9 s", "0:01:00", "1:06:40"]
