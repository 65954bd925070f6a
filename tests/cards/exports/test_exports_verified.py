"""Exports are part of what is verified: a digit changed in one is named by its line, and the sums are right."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tamis.cards import exports
from tamis.cards.exports import checksums
from tamis.cards.verify import verify
from tamis.cards.view import View
from tamis.corpus.commit import read_json, write_json
from tamis.corpus.manifest import NAME
from tamis.engine.release import file_entry

ALL = ("croissant.json", "eu_summary.md", "eu_summary.json", "dmp.json", "pgd.md", "data_provenance.json", "SHA256SUMS")


@pytest.fixture
def copy(declared: Path, tmp_path: Path) -> Path:
    shutil.copytree(declared, tmp_path / "copy")
    return tmp_path / "copy"


def test_all_are_there_and_the_release_holds(declared: Path) -> None:
    assert {path.name for path in declared.iterdir()} >= set(ALL)
    assert verify(declared).problems == []


@pytest.mark.parametrize("covered_up", [False, True])
@pytest.mark.parametrize("path", ALL)
def test_a_changed_digit_is_named(copy: Path, path: str, covered_up: bool) -> None:
    text = (copy / path).read_text(encoding="utf-8")
    digits = list(re.finditer(r"\d", text))
    digit = digits[len(digits) * 2 // 3]
    (copy / path).write_text(text[: digit.start()] + str((int(digit[0]) + 1) % 10) + text[digit.end() :], "utf-8")
    if covered_up:
        manifest = read_json(copy / NAME)
        entry = next(entry for entry in manifest["files"] if entry["path"] == path)
        entry |= {"rows": None} | file_entry(copy, copy / path)
        write_json(copy / NAME, manifest)
    line = text[: digit.start()].count("\n") + 1
    assert f"{path}:{line}" in [problem.place for problem in verify(copy).problems]


def test_sha256sum_agrees(copy: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", checksums.NAME], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    checked = {line.rpartition(": ")[0] for line in done.stdout.splitlines()}
    there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert checked == there - {NAME, checksums.NAME}
    (copy / "README.md").write_text("spoilt")
    done = subprocess.run(["sha256sum", "-c", checksums.NAME], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "README.md: FAILED" in done.stdout


def test_no_text_of_a_document_is_in_them(view: View, declared: Path) -> None:
    import polars as pl

    texts = pl.read_parquet(declared / "data/*/*.parquet")["text"]
    for content in exports.render(view).values():
        written = content.decode()
        assert not any(text[:40] in written for text in texts if len(text) >= 40)
        assert "secret" not in written
