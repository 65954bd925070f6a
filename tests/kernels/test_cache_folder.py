"""Where compiled kernels are kept: one folder for each state of all their sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tamis.kernels import cache_folder

CALLER = "from tamis_kernels.callee import number\nfrom tamis.kernels.jit import kernel\n\n\n"
CALLER += "@kernel()\ndef twice():\n    return 2 * number()\n"
CALLEE = "from tamis.kernels.jit import kernel\n\n\n@kernel()\ndef number():\n    return {}\n"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of kernels, and no other place to keep their code."""
    folder = tmp_path / "tamis_kernels"
    folder.mkdir()
    (folder / "a.py").write_text("one")
    monkeypatch.setattr(cache_folder, "_SOURCES", folder)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return folder


def test_a_changed_source_gets_a_new_folder_and_the_old_one_goes(sources: Path) -> None:
    find = cache_folder.cache_folder.__wrapped__
    first = find()
    assert first == find() and first.parent == sources / "__pycache__"
    (sources / "b.py").write_text("two")
    second = find()
    assert second != first and second.is_dir() and not first.exists()


def test_the_folder_that_the_environment_names(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    assert cache_folder.cache_folder.__wrapped__().parent == tmp_path / "given"


def test_a_package_that_cannot_be_written(sources: Path, tmp_path: Path) -> None:
    (sources / "__pycache__").write_text("a file in its place")
    assert cache_folder.cache_folder.__wrapped__().parent == tmp_path / "user" / "tamis"
    (tmp_path / "user" / "tamis").rename(tmp_path / "user" / "gone")
    (tmp_path / "user" / "tamis").write_text("another")
    with pytest.raises(OSError, match="no folder for compiled kernels"):
        cache_folder.cache_folder.__wrapped__()


@pytest.mark.slow
def test_a_caller_is_compiled_anew_when_what_it_calls_changes(sources: Path, tmp_path: Path) -> None:
    """Numba alone would go on with the caller's old code."""
    (sources / "caller.py").write_text(CALLER)
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from tamis.kernels import cache_folder as c;"
        "c._SOURCES = pathlib.Path(sys.argv[1]) / 'tamis_kernels';"
        "from tamis_kernels.caller import twice; print(twice())"
    )
    for number in (1, 5):
        (sources / "callee.py").write_text(CALLEE.format(number))
        command = [sys.executable, "-c", program, str(tmp_path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert int(said) == 2 * number
