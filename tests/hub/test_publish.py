"""Publishing to a Hub on a socket with the Hub's own client; main is looked at after every change of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hub_files import REPO, bytes_of, contents, watched
from hub_server import Hub
from hub_store import Blob, Repo

from tamis.cli.main import cli
from tamis.corpus.manifest import NAME

# The Hub's client uses its HTTP library in a way that this one deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def call(hub: Hub, release: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["publish", str(release), "--repo", REPO, "--endpoint", hub.url, *options])


def published(hub: Hub, release: Path, *options: str) -> Result:
    result = call(hub, release, *options)
    assert result.exit_code == 0, result.output
    return result


def test_a_release_is_on_main_and_tagged(hub: Hub, made: dict[str, Path]) -> None:
    result = published(hub, made["open"], "--json")
    repo = hub.repos[REPO]
    assert contents(repo.tree("main")) == bytes_of(made["open"])
    assert repo.tags == {"1.0.0": repo.head("main")}
    assert [one.status for one in repo.requests.values()] == ["merged"]
    assert len(repo.mains) == 2, "main changed in one step"
    watched(repo, made["open"])
    told = json.loads(result.stdout)
    assert (told["status"], told["tag"], told["commit"]) == ("published", "1.0.0", repo.head("main"))
    assert told["sent_bytes"] == sum(map(len, bytes_of(made["open"]).values()))
    assert "hf_writer" not in result.output


def test_published_again_there_is_nothing_to_do(hub: Hub, made: dict[str, Path]) -> None:
    published(hub, made["open"])
    commits, sent = len(hub.repos[REPO].commits), hub.called("^PUT /objects|/commit/")
    assert "nothing to do" in published(hub, made["open"]).stdout
    assert len(hub.repos[REPO].commits) == commits
    assert hub.called("^PUT /objects|/commit/") == sent


def test_a_version_with_other_bytes_is_refused(hub: Hub, made: dict[str, Path]) -> None:
    published(hub, made["open"])
    result = call(hub, made["again"])
    assert result.exit_code == 2
    assert "version 1.0.0 already, with other bytes" in result.stderr and "new `version`" in result.stderr
    watched(hub.repos[REPO], made["open"])


def test_a_next_version_replaces_the_files_of_the_one_before(hub: Hub, made: dict[str, Path]) -> None:
    published(hub, made["open"])
    result = published(hub, made["next"])
    repo = hub.repos[REPO]
    assert contents(repo.tree("main")) == bytes_of(made["next"])
    assert contents(repo.tree("1.0.0")) == bytes_of(made["open"])
    assert "deleted, as this version has it no more: data/fr/tales-00000-of-00001.parquet" in result.stdout
    watched(repo, made["open"], made["next"])
    # The version before is there: publishing it again doesn't bring it back onto main.
    assert "nothing to do" in published(hub, made["open"]).stdout
    assert contents(repo.tree("main")) == bytes_of(made["next"])


def test_files_that_are_not_of_a_release_are_left_alone(hub: Hub, made: dict[str, Path]) -> None:
    repo = hub.repos[REPO] = Repo(REPO)
    repo.commit("main", {"thesis.pdf": Blob(b"years of work", None, 13)}, [], "mine", None)
    result = call(hub, made["open"])
    assert result.exit_code == 2 and "thesis.pdf" in result.stderr
    assert contents(repo.tree("main")) == {"thesis.pdf": b"years of work"} and not repo.requests


def test_another_dataset_is_not_overwritten(hub: Hub, made: dict[str, Path]) -> None:
    repo = hub.repos[REPO] = Repo(REPO)
    manifest = json.dumps({"name": "other", "files": [{"path": "data.csv"}]}).encode()
    files = {NAME: manifest, "data.csv": b"1"}
    repo.commit("main", {path: Blob(data, None, len(data)) for path, data in files.items()}, [], "other", None)
    result = call(hub, made["open"])
    assert result.exit_code == 2 and "'other'" in result.stderr
    assert contents(repo.tree("main")) == files


def test_people_may_do_the_merge(hub: Hub, made: dict[str, Path]) -> None:
    result = published(hub, made["open"], "--pull-request")
    repo = hub.repos[REPO]
    assert f"{hub.url}/datasets/{REPO}/discussions/1" in result.stdout
    assert len(repo.mains) == 1 and not repo.tags
    assert contents(repo.tree("refs/pr/1")) == bytes_of(made["open"])
    repo.requests[1].status = "open"
    repo.merge(1)
    published(hub, made["open"])
    assert repo.tags == {"1.0.0": repo.head("main")} and len(repo.requests) == 1


def test_a_branch_leaves_main_alone(hub: Hub, made: dict[str, Path]) -> None:
    published(hub, made["open"], "--branch", "next", "--tag", "rc1")
    repo = hub.repos[REPO]
    assert len(repo.mains) == 1 and not repo.requests
    assert contents(repo.tree("next")) == contents(repo.tree("rc1")) == bytes_of(made["open"])


def test_settings_hold_before_any_file_is_there(hub: Hub, made: dict[str, Path]) -> None:
    published(hub, made["open"], "--private", "--gated", "manual")
    repo = hub.repos[REPO]
    assert (repo.visibility, repo.gated) == ("private", "manual")
    lines = [number for number, line in enumerate(hub.log) if "/settings" in line]
    assert lines[0] < min(number for number, line in enumerate(hub.log) if "preupload" in line)


@pytest.mark.parametrize(
    ("token", "said"),
    [("", "set HF_TOKEN"), ("hf_wrong", "doesn't know the token"), ("hf_reader", "the token may not do this")],
)
def test_a_token_that_will_not_do(
    hub: Hub, made: dict[str, Path], token: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    result = call(hub, made["open"])
    assert result.exit_code == 2 and said in result.stderr, result.output
    assert not token or token not in result.output
    assert not hub.repos


def test_a_release_that_does_not_verify_stays(hub: Hub, made: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "toy-1.0.0"
    shutil.copytree(made["open"], copy)
    readme = copy / "README.md"
    readme.write_text(readme.read_text().replace("90", "91", 1))
    result = call(hub, copy)
    assert result.exit_code == 3 and "README.md" in result.stderr
    assert not hub.log


def test_what_a_reader_has_to_know_is_asked_for(hub: Hub, made: dict[str, Path]) -> None:
    result = call(hub, made["bare"])
    assert result.exit_code == 2 and not hub.log
    for key in ("card.contact", "card.limitations", "sources.letters.provider", "sources.letters.license_url"):
        assert key in result.stderr
    assert "card.summary" not in result.stderr


def test_a_card_that_the_hub_refuses(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    hub.fault("POST /api/validate-yaml", status=400, body=b'{"errors": [{"message": "no such licence"}]}', times=99)
    result = call(hub, made["open"])
    assert result.exit_code == 2 and "no such licence" in result.stderr
    assert hub.called("^PUT /objects") == 0 or len(hub.repos[REPO].mains) == 1


def test_a_dry_run_contacts_nobody(hub: Hub, made: dict[str, Path]) -> None:
    told = published(hub, made["held"], "--dry-run", "--gated", "auto").stdout
    assert not hub.log
    files = len(json.loads(published(hub, made["held"], "--dry-run", "--json").stdout)["files"])
    for part in (f"{files} ", "data/de/closed-00000-of-00001.parquet", "LicenseRef-Proprietary", "9 999", "kept",
                 "merge it into main", "tag it 2.0.0", "Nothing has left"):  # fmt: skip
        assert part in told, told


@pytest.mark.parametrize(
    "options", [("--repo", "toy"), ("--repo", "a/b/c"), ("--branch", "x", "--pull-request"), ("--branch", "main")]
)
def test_options_that_make_no_sense(hub: Hub, made: dict[str, Path], options: tuple[str, ...]) -> None:
    result = call(hub, made["open"], *options)
    assert result.exit_code == 2, result.output
    assert all(len(repo.mains) == 1 for repo in hub.repos.values())
