"""From samples to the card: verdicts of two reviewers, counted without names, and verified."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tiny_place import Place

from tamis.cards.verify import verify
from tamis.corpus.commit import read_json, write_json
from tamis.corpus.manifest import NAME
from tamis.engine.release import file_entry
from tamis.review.samples import Sample, read_samples
from tamis.review.verdicts import REVIEW, Verdict, append, log_of

Tamis = Callable[..., Result]


@pytest.fixture
def release(made: Place, tmp_path: Path) -> Path:
    shutil.copytree(made.release, tmp_path / "tiny-1")
    return tmp_path / "tiny-1"


def say(release: Path, sample: Sample, reviewer: str, verdict: str) -> None:
    stratum = ", ".join(sample.stratum)
    append(log_of(release), Verdict(sample.id, stratum, verdict, reviewer, "2026-01-02T03:04:05Z", sample.shown))


def places(release: Path) -> list[str]:
    return [problem.place for problem in verify(release).problems]


def accept(release: Path, path: str) -> None:
    """Covers up a change, checksum and all."""
    manifest = read_json(release / NAME)
    entry = next(entry for entry in manifest["files"] if entry["path"] == path)
    entry |= {"rows": None} | file_entry(release, release / path)
    write_json(release / NAME, manifest)


def reviewed(release: Path) -> list[Sample]:
    """Two reviewers on four samples: they agree on three."""
    samples = read_samples(release)[:4]
    for reviewer, verdicts in (("zoe", "keep keep drop drop"), ("adam", "keep drop drop drop")):
        for sample, verdict in zip(samples, verdicts.split(), strict=True):
            say(release, sample, reviewer, verdict)
    return samples


def test_an_unreviewed_card_says_so(release: Path) -> None:
    card = (release / "README.md").read_text(encoding="utf-8")
    assert "## Samples and their review" in card and "Nobody has reviewed them yet." in card
    assert verify(release).problems == [] and verify(release).notes == []


def test_the_card_counts_verdicts_without_names(release: Path, tamis: Tamis) -> None:
    reviewed(release)
    assert tamis("card", str(release)).exit_code == 0
    card = (release / "README.md").read_text(encoding="utf-8")
    # Observed 3/4; by chance (2*1 + 2*3)/16 = 1/2; kappa 1/2.
    assert "2 reviewers judged 4 documents in common: 75\u202f% of their verdicts agree, Cohen's kappa is 0.50." in card
    for path in (release / "stats").iterdir():
        assert b"zoe" not in path.read_bytes() and b"adam" not in path.read_bytes()
    assert "zoe" not in card and "adam" not in card
    assert len((release / REVIEW).read_text().splitlines()) == 9
    found = verify(release)
    assert found.problems == [] and found.notes == []
    again = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    tamis("card", str(release))
    assert again == {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}


def test_verify_knows_the_log(release: Path, tamis: Tamis) -> None:
    samples = reviewed(release)
    tamis("card", str(release))
    say(release, read_samples(release)[4], "zoe", "unsure")
    found = verify(release)
    assert found.problems == [] and len(found.notes) == 1 and "tamis card" in found.notes[0]
    log_of(release).rename(release.parent / "aside")
    found = verify(release)
    assert found.problems == [] and "does not lie beside" in found.notes[0]
    # Without the log, the card keeps what it has.
    before = (release / REVIEW).read_bytes()
    tamis("card", str(release))
    assert (release / REVIEW).read_bytes() == before and samples[0].id.encode() in before


@pytest.mark.parametrize("covered_up", [False, True])
def test_a_changed_verdict_is_named(release: Path, tamis: Tamis, covered_up: bool) -> None:
    reviewed(release)
    tamis("card", str(release))
    text = (release / REVIEW).read_text()
    (release / REVIEW).write_text(text.replace(",drop", ",keep", 1))
    if covered_up:
        accept(release, REVIEW)
    found = places(release)
    assert (any(place.startswith("README.md:") for place in found)) if covered_up else REVIEW in found


@pytest.mark.parametrize(
    ("field", "value"), [("text", "Another text."), ("id", "english:99"), ("reason", "pii.found"), ("chars", 1)]
)
def test_a_changed_sample_is_named_though_covered_up(release: Path, field: str, value: object) -> None:
    path = "samples/kept.jsonl"
    lines = [json.loads(line) for line in (release / path).read_bytes().splitlines()]
    lines[0][field] = value
    (release / path).write_text("".join(json.dumps(line) + "\n" for line in lines))
    accept(release, path)
    assert f"{path}:1, {field}" in places(release)


def test_personal_data_in_a_sample_is_named(release: Path) -> None:
    path = "samples/dropped.jsonl"
    lines = [json.loads(line) for line in (release / path).read_bytes().splitlines()]
    lines[0]["text"] += " marie@univ-exemple.fr"
    (release / path).write_text("".join(json.dumps(line) + "\n" for line in lines))
    accept(release, path)
    assert f"{path}:1, text" in places(release)
