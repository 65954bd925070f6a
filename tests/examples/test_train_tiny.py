"""The trainer of examples/: it overfits a few documents, and stopped anywhere goes on along the same curve."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch", reason="the trainer needs `pip install tamis[torch]`")
SMALL = ("--length", "32", "--batch", "8", "--width", "64", "--layers", "2")


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    path = Path(__file__).parents[2] / "examples" / "train_tiny.py"
    spec = importlib.util.spec_from_file_location("train_tiny", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["train_tiny"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module


@pytest.mark.slow
def test_it_overfits_a_few_documents(trainer: ModuleType, tiny_release: Path, tmp_path: Path) -> None:
    options = ("--steps", "150", "--documents", "1", "--learning-rate", "0.01")
    log = trainer.main([str(tiny_release), *SMALL, *options, "--out", str(tmp_path)])
    assert log[0]["loss"] > 5
    assert log[-1]["loss"] < 0.15
    assert log[0]["by_cell"].keys() <= {"en/letters--letters", "en/tales--long", "en/tales--short"}


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_along_the_same_curve(
    trainer: ModuleType, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [str(tiny_release), *SMALL, "--steps", "12", "--every", "5"]
    whole = trainer.main([*run, "--out", str(tmp_path / "whole")])
    assert len(whole) == 12
    trainer.main([*run, "--out", str(tmp_path / "parts"), "--stop-at", "7"])
    parts = trainer.main([*run, "--out", str(tmp_path / "parts"), "--workers", "1"])
    assert "goes on after step 7" in capsys.readouterr().out
    assert parts == whole
    logs = [(tmp_path / name / "log.jsonl").read_bytes() for name in ("whole", "parts")]
    assert logs[0] == logs[1]
    assert trainer.main([*run, "--out", str(tmp_path / "whole")]) == whole
