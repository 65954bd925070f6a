"""`tamis diff`, and releases that name the one before."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from tiny_place import Place

from tamis.cards.verify import verify
from tamis.corpus.commit import read_json, write_json
from tamis.corpus.manifest import NAME, read_manifest

Tamis = Callable[..., Result]


@pytest.fixture(scope="module")
def chain(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three releases: the second lets longer documents in, the third shorter ones alone."""
    root = tmp_path_factory.mktemp("chain")
    place = Place(root / "place")
    shutil.copytree(made.root, place.root)
    for version, words in (("2", "10,200"), ("3", "10,30")):
        result = place.run(
            "--quiet", "--set", f"version={version}", "--set", f"release.previous={int(version) - 1}",
            "--set", f"gopher_quality.keep.words={words}", "--set", f"gopher_quality.keep_by.language.en.words={words}",
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
    return place.root / "out"


def printed(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def released(release: Path) -> dict[str, int]:
    frame = pl.concat(
        [pl.read_parquet(path, columns=["id", "copies", "tokenize.tokens"]) for path in (release / "ledger").iterdir()]
    ).filter(pl.col("copies") > 0)
    return dict(zip(frame["id"], frame["tokenize.tokens"], strict=True))


def test_json_says_what_the_ledgers_say(chain: Path, tamis: Tamis, tmp_path: Path) -> None:
    ids = tmp_path / "ids.csv"
    found = printed(tamis("diff", str(chain / "tiny-1"), str(chain / "tiny-2"), "--json", "--ids", str(ids)))
    before, after = released(chain / "tiny-1"), released(chain / "tiny-2")
    assert not found["same"] and len(after) > len(before)
    assert found["documents"]["now_kept"] == found["documents"]["added"] == len(after.keys() - before.keys()) > 0
    assert found["documents"]["removed"] == len(before.keys() - after.keys())
    assert found["after"]["totals"]["tokens"] == sum(after.values())
    assert {"area": "rule", "name": "gopher_quality.words", "before": "[10, 60]", "after": "[10, 200]"} in found[
        "settings"
    ]
    listed = {row["id"]: row for row in csv.DictReader(ids.open(encoding="utf-8"))}
    assert {id_ for id_, row in listed.items() if row["change"] == "now kept"} == after.keys() - before.keys()
    came = next(row for row in found["moves"] if row["after"] == "released")
    assert came["documents"] == len(after.keys() - before.keys())


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv"])
def test_ids_are_the_same_in_every_format(chain: Path, tamis: Tamis, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ids{ending}"
    assert tamis("diff", str(chain / "tiny-2"), str(chain / "tiny-3"), "--ids", str(path)).exit_code == 0
    read = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson, ".csv": pl.read_csv}[ending]
    frame = read(path)
    gone = released(chain / "tiny-2").keys() - released(chain / "tiny-3").keys()
    assert set(frame.filter(pl.col("change") == "now dropped")["id"]) == gone
    assert frame.columns[:4] == ["id", "change", "before", "after"]


def test_exit_codes(chain: Path, tamis: Tamis, tmp_path: Path) -> None:
    one, two = str(chain / "tiny-1"), str(chain / "tiny-2")
    assert tamis("diff", one, two).exit_code == 0
    assert tamis("diff", one, two, "--exit-code").exit_code == 3
    assert tamis("diff", one, one, "--exit-code").exit_code == 0
    assert "no difference" in tamis("diff", one, one).stdout
    wrong = tamis("diff", one, two, "--ids", str(tmp_path / "ids.txt"))
    assert wrong.exit_code == 2 and ".parquet, .csv, .jsonl" in wrong.stderr
    assert tamis("diff", one, str(tmp_path)).exit_code == 2


def test_people_see_signs_rules_and_reasons(chain: Path, tamis: Tamis) -> None:
    shown = tamis("diff", str(chain / "tiny-1"), str(chain / "tiny-2")).stdout
    came = len(released(chain / "tiny-2").keys() - released(chain / "tiny-1").keys())
    assert f"+{came} documents: 0 new, {came} dropped before" in shown
    assert "[10, 60]" in shown and "gopher_quality.words" in shown


def test_the_changelog_goes_back_to_the_first_release(chain: Path) -> None:
    told = (chain / "tiny-3/CHANGELOG.md").read_text(encoding="utf-8")
    assert [line for line in told.splitlines() if line.startswith("## ")] == ["## 3", "## 2", "## 1"]
    identities = [read_manifest(chain / f"tiny-{n}").identity for n in (3, 2, 1)]
    assert all(identity in told for identity in identities)
    assert told.partition("## 2")[2] == (chain / "tiny-2/CHANGELOG.md").read_text(encoding="utf-8").partition("## 2")[2]
    card = (chain / "tiny-3/README.md").read_text(encoding="utf-8")
    assert "## Changes since the previous release" in card and "`gopher_quality.words`" in card
    assert not (chain / "tiny-1/CHANGELOG.md").exists()


def test_verify_counts_the_changes_anew(chain: Path, tmp_path: Path) -> None:
    found = verify(chain / "tiny-2")
    assert found.problems == [] and found.notes == []
    for name in ("tiny-1", "tiny-2"):
        shutil.copytree(chain / name, tmp_path / name)
    manifest = read_json(tmp_path / "tiny-2" / NAME)
    manifest["changes"]["summary"]["documents"]["now_kept"] += 1
    write_json(tmp_path / "tiny-2" / NAME, manifest)
    assert f"{NAME}: changes.summary.documents.now_kept" in [p.place for p in verify(tmp_path / "tiny-2").problems]


def test_verify_notes_an_absent_previous_release(chain: Path, tmp_path: Path) -> None:
    shutil.copytree(chain / "tiny-2", tmp_path / "tiny-2")
    found = verify(tmp_path / "tiny-2")
    assert found.problems == [] and len(found.notes) == 1 and "tiny-1 does not lie beside" in found.notes[0]
    shutil.copytree(chain / "tiny-3", tmp_path / "tiny-1")
    assert "has identity" in verify(tmp_path / "tiny-2").notes[0]


def test_the_previous_release_must_be_there_before_any_work(place: Place) -> None:
    result = place.run("--quiet", "--set", "release.previous=0.9")
    assert result.exit_code == 2
    assert "release.previous is 0.9, but" in result.stderr and "Put that release there" in result.stderr
    assert not Path(place.work).exists()
    itself = place.run("--quiet", "--set", "release.previous=1")
    assert itself.exit_code == 2 and "the recipe itself" in itself.stderr


def test_the_identity_holds_that_of_the_previous_release(chain: Path, place: Place) -> None:
    """The same recipe after another release is another release."""
    shutil.copytree(chain / "tiny-1", Path(place.out) / "tiny-1")
    manifest = read_json(Path(place.out) / "tiny-1" / NAME)
    write_json(Path(place.out) / "tiny-1" / NAME, manifest | {"identity": "0" * 32})
    options = ("--quiet", "--set", "version=2", "--set", "release.previous=1",
               "--set", "gopher_quality.keep.words=10,200",
               "--set", "gopher_quality.keep_by.language.en.words=10,200")  # fmt: skip
    assert place.run(*options).exit_code == 0
    mine, other = (read_manifest(out / "tiny-2") for out in (Path(place.out), chain))
    assert mine.identity != other.identity and mine.recipe == other.recipe
    assert json.loads(place.run(*options, "--json").stdout)["nothing_to_do"]
