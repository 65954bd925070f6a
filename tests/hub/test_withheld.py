"""What may not be handed on stays at home, and what leaves is a release that verifies."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub_files import REPO, SECRET, bytes_of, deliver
from hub_server import Hub
from huggingface_hub import DatasetCard, snapshot_download

from tamis.cards.verify import verify
from tamis.corpus.commit import write_json
from tamis.corpus.manifest import NAME, FileFacts, read_manifest
from tamis.engine.release import file_entry
from tamis.errors import InputError
from tamis.hub.outgoing import outgoing
from tamis.tokens.release import open_release

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def copy(hub: Hub, made: dict[str, Path], tmp_path: Path) -> Path:
    """The release with closed texts, published and downloaded."""
    deliver(hub, made["held"])
    return Path(snapshot_download(REPO, repo_type="dataset", endpoint=hub.url, local_dir=tmp_path / "copy"))


def test_a_downloaded_copy_verifies_and_names_what_is_withheld(copy: Path) -> None:
    found = verify(copy)
    assert found.problems == []
    assert any("data/de/closed-00000-of-00001.parquet" in note and "30 documents" in note for note in found.notes)


def test_no_word_of_the_closed_texts_leaves(hub: Hub, made: dict[str, Path], copy: Path) -> None:
    assert SECRET in "".join(pq.read_table(made["held"] / "data/de")["text"].to_pylist())
    names = [path for repo in hub.repos.values() for commit in repo.commits.values() for path in commit.tree]
    assert not [path for path in names if "/closed" in path and not path.startswith(("ledger/", "withheld/"))]
    for path in copy.rglob("*.parquet"):
        for column in pq.read_table(path).columns:
            assert SECRET not in str(column.to_pylist()), path
    for name, content in bytes_of(copy).items():
        assert name.endswith("tokenizer.json") or SECRET.encode() not in content, name


def test_the_id_list_is_the_ledger_s(copy: Path) -> None:
    with (copy / "withheld/closed.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 30
    assert {row["url"] for row in rows} == {f"https://example.org/closed/{number}" for number in range(30)}
    assert {row["license"] for row in rows} == {"LicenseRef-Proprietary"}


def test_every_config_of_the_copy_reads(copy: Path) -> None:
    data = DatasetCard.load(copy / "README.md").data
    assert data.license == "cc0-1.0" and data.language == ["en"]
    configs = {config["config_name"]: config["data_files"][0]["path"] for config in data.configs}
    assert set(configs) == {"default", "en", "letters", "category-letters", "tokens"}
    for glob in configs.values():
        assert sum(pq.read_table(path).num_rows for path in copy.glob(glob)) == 90
    assert data.dataset_info["splits"][0]["num_examples"] == 90


def test_trainers_read_the_copy(copy: Path) -> None:
    assert set(open_release(copy).cells) == {"en/letters--letters"}


@pytest.mark.parametrize(
    ("path", "place"),
    [("withheld/closed.csv", "withheld/closed.csv"), ("withheld.json", "withheld.json"), ("README.md", "README.md")],
)
def test_a_changed_digit_is_named(copy: Path, path: str, place: str) -> None:
    text = (copy / path).read_text()
    at = next(number for number, letter in enumerate(text) if letter.isdigit())
    (copy / path).write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
    assert any(problem.place.startswith(place) for problem in verify(copy).problems)


def test_a_withheld_file_that_is_there_is_named(copy: Path, made: dict[str, Path]) -> None:
    shutil.copy(made["held"] / "data/de/closed-00000-of-00001.parquet", copy / "data/en/")
    (copy / "data/de").mkdir()
    shutil.copy(made["held"] / "data/de/closed-00000-of-00001.parquet", copy / "data/de/")
    places = [problem.place for problem in verify(copy).problems]
    assert "data/de/closed-00000-of-00001.parquet" in places


def test_the_release_itself_stays_as_it_is(hub: Hub, made: dict[str, Path]) -> None:
    before = bytes_of(made["held"])
    deliver(hub, made["held"])
    assert bytes_of(made["held"]) == before
    assert verify(made["held"]).problems == []


def test_publishing_it_again_makes_the_same_bytes(hub: Hub, made: dict[str, Path]) -> None:
    deliver(hub, made["held"])
    assert deliver(hub, made["held"])[0].status == "nothing to do"


def test_files_that_mix_both_are_refused_with_the_change_that_helps(hub: Hub, made: dict[str, Path]) -> None:
    with pytest.raises(InputError) as refused:
        deliver(hub, made["mixed"])
    assert not hub.log
    composition = read_manifest(made["mixed"]).composition
    held = next(row.documents for row in composition if row.license == "LicenseRef-Unknown")
    assert f"letters in en: {held} of 90 documents (LicenseRef-Unknown)" in str(refused.value)
    assert "`where: {licence: {not_in: [LicenseRef-Unknown], nulls: drop}}`" in str(refused.value)


def test_where_nothing_may_leave_nothing_does(hub: Hub, made: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="nothing to publish"):
        deliver(hub, made["shut"])
    assert not hub.log


def test_folders_of_unknown_content_stay_beside_closed_texts(made: dict[str, Path], tmp_path: Path) -> None:
    release = tmp_path / "toy-2.0.0"
    shutil.copytree(made["held"], release)
    (release / "extra").mkdir()
    rows = {
        "open": {"source": "letters", "license": "CC0-1.0", "text": "an old mill"},
        "shut": {"source": "closed", "license": "LicenseRef-Proprietary", "text": SECRET},
        "untold": {"text": SECRET},
    }
    manifest, entries = read_manifest(release), []
    for name, row in rows.items():
        path = release / f"extra/{name}.jsonl"
        path.write_text(json.dumps(row) + "\n")
        entries.append(FileFacts(**file_entry(release, path)))
    files = (*manifest.files, *entries)
    write_json(release / NAME, manifest.model_copy(update={"files": files}).model_dump(mode="json"))
    with outgoing(release) as leaving:
        kept = {file.path for file in leaving.withheld}
        left = {file.path for file in leaving.files}
    assert {path for path in kept if path.startswith("extra/")} == {"extra/shut.jsonl", "extra/untold.jsonl"}
    assert {path for path in left if path.startswith("extra/")} == {"extra/open.jsonl"}
