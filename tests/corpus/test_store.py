"""The work folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tamis.corpus.store import Store
from tamis.errors import OptionError


def test_only_its_own_intermediate_files_are_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "work")
    with store.lock():
        mine = store.root / "scratch" / "thesis.txt"
        mine.parent.mkdir()
        mine.write_text("Years of work.")
        (store.scratch() / "left").write_text("by a killed run")
    with store.lock():
        assert mine.read_text() == "Years of work."
        assert list(store.scratch().iterdir()) == []


def test_somebody_elses_folder_is_no_work_folder(tmp_path: Path) -> None:
    mine = tmp_path / "home" / ".tmp-thesis"
    mine.parent.mkdir()
    mine.write_text("Years of work.")
    with pytest.raises(OptionError, match=r"is no work folder: it holds '\.tmp-thesis'"), Store(mine.parent).lock():
        pass
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]
    (tmp_path / "empty").mkdir()
    with Store(tmp_path / "empty").lock():
        pass
