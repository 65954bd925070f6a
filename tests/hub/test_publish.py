"""Publishing to a Hub on a socket with the Hub's own client; main is looked at after every change of it."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hub_server import Hub
from hub_store import Repo, Tree

from tamis.cli.main import cli
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import NAME, read_manifest

# The Hub's client uses its HTTP library in a way that this one deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "ada/toy"


def call(hub: Hub, release: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["publish", str(release), "--repo", REPO, "--endpoint", hub.url, *options])


def published(hub: Hub, release: Path, *options: str) -> Result:
    result = call(hub, release, *options)
    assert result.exit_code == 0, result.output + "".join(traceback.format_exception(result.exception)) if result.exception else ""
    return result


def bytes_of(release: Path) -> dict[str, bytes]:
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in release.rglob("*") if path.is_file()}


def contents(tree: Tree) -> dict[str, bytes | None]:
    return {path: blob.data for path, blob in tree.items() if path != ".gitattributes"}


def watched(repo: Repo, *releases: Path) -> None:
    """Main was empty, or one of the releases to the byte, after every change."""
    allowed = [{}, *map(bytes_of, releases)]
    for tree in repo.mains:
        assert contents(tree) in allowed


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
