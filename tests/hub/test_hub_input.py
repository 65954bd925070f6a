"""Data sets on the Hub as input: `hf://` paths over a real socket, at one commit."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import Hub
from hub_store import Blob, Repo

import tamis as package
from tamis.corpus.manifest import Manifest, read_manifest

NAME = "ada/letters"
RECIPE = """
name: letters
version: "1"
defaults: {{license: CC0-1.0}}
sources:
  - {{name: rows, path: "{root}/data/**/*.parquet"}}
  - {{name: lines, path: "{root}/lines-*.jsonl.gz"}}
stages:
  - language: {{keep: {{}}}}
"""


def parquet(words: str, count: int) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"text": [f"Das Mühlrad Nummer {n} dreht sich {words}." for n in range(count)]})
    pq.write_table(table, sink, row_group_size=100)
    return sink.getvalue()


def files(words: str) -> dict[str, bytes]:
    lines = "\n".join(json.dumps({"text": f"The wheel number {n} turns {words}."}) for n in range(40))
    tables = {f"data/{part}/train-{n:05}.parquet": parquet(f"{words}, {part}", 300) for part in "ab" for n in range(15)}
    return {**tables, "lines-0.jsonl.gz": gzip.compress(lines.encode(), mtime=0), "README.md": b"A data set.\n"}


def commit(repo: Repo, words: str) -> str:
    """A commit on main with files of other words."""
    return repo.commit("main", {path: Blob(data) for path, data in files(words).items()}, [], words, None)


@pytest.fixture
def letters(hub: Hub) -> Repo:
    """A data set with a first commit, which is tagged."""
    hub.repos[NAME] = Repo(NAME)
    repo = hub.repos[NAME]
    repo.tag("v1", commit(repo, "in the stream"))
    return repo


def tamis(place: Path, hub: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(Path(package.__file__).parents[1])}
    command = [sys.executable, "-m", "tamis", *arguments]
    return subprocess.run(command, cwd=place, env=os.environ | told, capture_output=True, text=True, check=False)


def made(place: Path, hub: Hub, root: str) -> Manifest:
    place.mkdir(exist_ok=True)
    (place / "recipe.yaml").write_text(RECIPE.format(root=root))
    done = tamis(place, hub, "run", "recipe.yaml", "--quiet", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return read_manifest(place / "releases/letters-1")


def paths(manifest: Manifest) -> list[str]:
    return [path for source in manifest.recipe["sources"] for path in source["path"]]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_tag_is_read_at_its_commit_and_the_manifest_names_it(letters: Repo, hub: Hub, tmp_path: Path) -> None:
    oid = letters.head("v1")
    manifest = made(tmp_path / "tag", hub, f"hf://datasets/{NAME}@v1")
    assert [source.documents for source in manifest.sources] == [9000, 40]
    assert [source.files for source in manifest.sources] == [30, 1]
    pinned = f"hf://datasets/{NAME}@{oid}"
    assert paths(manifest) == [f"{pinned}/data/**/*.parquet", f"{pinned}/lines-*.jsonl.gz"]
    # Main goes on. The commit itself, which the manifest names, gives the same release to the byte.
    commit(letters, "no longer")
    again = made(tmp_path / "commit", hub, pinned)
    assert again.identity == manifest.identity
    assert contents(tmp_path / "tag/releases/letters-1") == contents(tmp_path / "commit/releases/letters-1")
    other = made(tmp_path / "main", hub, f"hf://datasets/{NAME}@main")
    assert other.identity != manifest.identity
    assert paths(other)[0].startswith(f"hf://datasets/{NAME}@{letters.head('main')}/")


@pytest.mark.slow
def test_a_pinned_path_is_hashed_once(letters: Repo, hub: Hub, tmp_path: Path) -> None:
    tmp_path.joinpath("recipe.yaml").write_text(RECIPE.format(root=f"hf://datasets/{NAME}@{letters.head('v1')}"))
    assert tamis(tmp_path, hub, "plan", "recipe.yaml").returncode == 0
    fetched = hub.called("^GET /datasets/.*/resolve/")
    assert fetched >= 31
    assert tamis(tmp_path, hub, "plan", "recipe.yaml").returncode == 0
    assert hub.called("^GET /datasets/.*/resolve/") == fetched


@pytest.mark.parametrize(
    ("root", "told"),
    [
        (
            "hf://datasets/ada/letters",
            "names no revision.*hf://datasets/ada/letters@{main}/data/.*main branch as it is",
        ),
        ("hf://datasets/ada/letters@v2", "has no revision 'v2'"),
        ("hf://datasets/ada/nothing@v1", "the Hub has no data set ada/nothing"),
        ("hf://ada/letters", "is no address of a data set on the Hub.*hf://datasets/ORG/NAME@COMMIT"),
        ("hf://datasets/ada/letters@v1/none", "no file matches"),
    ],
)
def test_what_is_no_address(root: str, told: str, letters: Repo, hub: Hub, tmp_path: Path) -> None:
    tmp_path.joinpath("recipe.yaml").write_text(RECIPE.format(root=root))
    done = tamis(tmp_path, hub, "plan", "recipe.yaml")
    assert done.returncode == 2, done.stderr
    assert "source rows: " in done.stderr and "Traceback" not in done.stderr
    assert re.search(told.format(main=letters.head("main")), " ".join(done.stderr.split())), done.stderr


def test_without_a_network_a_branch_is_told_to_be_pinned(letters: Repo, hub: Hub, tmp_path: Path) -> None:
    tmp_path.joinpath("recipe.yaml").write_text(RECIPE.format(root=f"hf://datasets/{NAME}@main"))
    hub.fault(r"^GET /api/datasets/.*/revision/main", status=503, times=99)
    done = tamis(tmp_path, hub, "plan", "recipe.yaml")
    assert done.returncode == 2, done.stderr
    assert "Write the commit itself (40 hex digits) after the @" in " ".join(done.stderr.split())
