"""The report beside a model: what is taken from it, and reports that aren't ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tamis.corpus.training_reports import drawn_by

TOKENIZER = {"tokenizers": [{"sha256": "a"}, {"sha256": "b"}], "draw": {"training": {"digest": "d"}}}
CLASSIFIER = {"model": {"sha256": "a"}, "quantized": None, "examples_hash": "e"}
SMALL = {"model": {"sha256": "b"}, "quantized": {"sha256": "a"}, "examples_hash": "e"}


@pytest.mark.parametrize(
    ("report", "drawn"),
    [
        (TOKENIZER, "d"),
        (CLASSIFIER, "e"),
        (SMALL, "e"),
        ({**TOKENIZER, "tokenizers": [{"sha256": "b"}, {"sha256": "a"}]}, ""),  # a reference it was compared with
        ({**CLASSIFIER, "model": {"sha256": "b"}}, ""),  # of another model
        ({"tokenizers": [{"sha256": "a"}]}, ""),
        ({"model": "a"}, ""),
        ([], ""),
        ("text", ""),
    ],
)
def test_the_report_tells_of_its_own_model(report: Any, drawn: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert drawn_by(tmp_path / "model.bin", "a") == drawn


def test_no_report_and_no_json(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    assert drawn_by(tmp_path / "model.bin", "a") == ""
    (tmp_path / "report.json").write_bytes(b"\xff{")
    assert drawn_by(tmp_path / "model.bin", "a") == ""
    assert drawn_by(tmp_path, "a") == ""
