"""The work folder."""

from __future__ import annotations

from pathlib import Path

from tamis.corpus.store import Store


def test_only_its_own_intermediate_files_are_removed(tmp_path: Path) -> None:
    mine = tmp_path / "scratch" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("Years of work.")
    store = Store(tmp_path)
    (store.scratch() / "left").write_text("by a killed run")
    with store.lock():
        assert mine.read_text() == "Years of work."
        assert list(store.scratch().iterdir()) == []
