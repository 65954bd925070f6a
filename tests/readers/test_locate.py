"""Finding input files: globs, remote stores, packages, the Python installation; names and fingerprints."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tamis.corpus.documents import InputFile
from tamis.errors import InputError, RecipeError
from tamis.readers import reader_of
from tamis.readers.locate import UNREADABLE, locate
from tamis.recipe.model import Source

MakeSource = Callable[..., Source]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in (
        "data/b.jsonl",
        "data/a.jsonl",
        "data/fr/c.jsonl",
        "data/fr/deep/d.jsonl",
        "other/a.jsonl",
        "data/note.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"text": "{name}"}}\n')
    return tmp_path


def names(files: list[InputFile]) -> list[str]:
    return [file.name for file in files]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/a.jsonl", ["a.jsonl"]),
        ("data/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("data/**/*.jsonl", ["a.jsonl", "b.jsonl", "fr/c.jsonl", "fr/deep/d.jsonl"]),
        ("./data/fr/**", ["c.jsonl", "deep/d.jsonl"]),
        ("*/a.jsonl", ["data/a.jsonl", "other/a.jsonl"]),
        (["data/[ab].jsonl", "data/a.jsonl"], ["a.jsonl", "b.jsonl"]),
        (["data/a.jsonl", "other/a.jsonl", "data/b.jsonl"], ["b.jsonl", "data/a.jsonl", "other/a.jsonl"]),
    ],
)
def test_globs_and_names(base: Path, make_source: MakeSource, path: Any, expected: list[str]) -> None:
    assert names(locate(make_source(path=path), base, {})) == expected


@pytest.mark.parametrize("path", ["data/**/*.jsonl", "data/*/deep/*.jsonl", "data/fr/deep/*.jsonl", "data/**"])
def test_a_folder_that_can_not_be_listed_is_told(
    base: Path, make_source: MakeSource, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `glob` passes over it, its files would be missing without a word."""
    scandir = os.scandir

    def guarded(folder: Any = ".") -> Any:
        if str(folder).endswith("fr/deep"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    locate(make_source(path=path), base, {})
    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(
        InputError, match=r"source s: .*fr/deep can't be listed for .*Permission denied\. Mend its rights"
    ):
        locate(make_source(path=path), base, {})
    assert names(locate(make_source(path="data/*.jsonl"), base, {})) == ["a.jsonl", "b.jsonl"]


def test_variables_and_absolute_paths(base: Path, make_source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUS", str(base))
    files = locate(make_source(path=["${CORPUS}/data/a.jsonl", "${CORPUS}/other/a.jsonl"]), Path("/nowhere"), {})
    assert names(files) == ["${CORPUS}/data/a.jsonl", "${CORPUS}/other/a.jsonl"]
    with pytest.raises(RecipeError, match="NOT_SET"):
        locate(make_source(path="${NOT_SET}/x.jsonl"), base, {})


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("data/*.jsn", ["data/*.jsn", "a.jsonl"]),
        ("dta/*.jsonl", ["In ", "data"]),
        ("data/aa.jsonl", ["a.jsonl"]),
        ("data", ["is a folder", "data/**/*.jsonl"]),
        ("package:no_such_package_at_all/x.txt", ["no_such_package_at_all", "Install"]),
        ("package:json", ["package:NAME/GLOB"]),
        ("python:stdlb", ["Did you mean 'python:stdlib'?"]),
        ("memory://empty/*.jsonl", ["memory://empty", "no file matches"]),
        ("nostore://bucket/x", ["nostore"]),
    ],
)
def test_a_path_that_leads_nowhere(base: Path, make_source: MakeSource, path: str, told: list[str]) -> None:
    with pytest.raises(InputError) as error:
        locate(make_source(path=path), base, {})
    for part in ["source s", *told]:
        assert part in str(error.value)


def test_fingerprints_are_of_the_content_and_remembered(base: Path, make_source: MakeSource) -> None:
    source, known = make_source(path="data/*.jsonl"), {}  # type: tuple[Source, dict[str, Any]]
    before = locate(source, base, known)
    assert len(known) == 2
    location = before[0].location
    stat = Path(location).stat()
    assert known[location] == [stat.st_size, stat.st_mtime_ns, before[0].fingerprint]
    known[location] = [stat.st_size, stat.st_mtime_ns, "remembered"]
    assert locate(source, base, known)[0].fingerprint == "remembered"
    os.utime(location, ns=(0, 0))
    assert locate(source, base, known) == before
    Path(location).write_text('{"text": "data/x.jsonl"}\n')
    assert locate(source, base, known)[0].fingerprint != before[0].fingerprint


def test_odd_entries(base: Path, make_source: MakeSource) -> None:
    (base / "data" / "broken.jsonl").symlink_to("/nowhere/at/all")
    os.mkfifo(base / "data" / "pipe.jsonl")
    (base / "data" / "folder.jsonl").mkdir()
    (base / "data" / os.fsdecode(b"\xff.jsonl")).write_text("{}")
    known: dict[str, Any] = {}
    files = {file.name: file for file in locate(make_source(path="data/*.jsonl"), base, known)}
    assert sorted(files) == ["\\xff.jsonl", "a.jsonl", "b.jsonl", "broken.jsonl"]
    assert files["broken.jsonl"].fingerprint == UNREADABLE
    assert all(location.isprintable() for location in known)


def test_remote_files(make_source: MakeSource, reading_file: Any, base: Path) -> None:
    memory = fsspec.filesystem("memory")
    for name in ("a.jsonl", "fr/b.jsonl", "note.txt"):
        memory.pipe(f"/corpus/{name}", f'{{"text": "remote {name}"}}\n'.encode())
    known: dict[str, Any] = {}
    files = locate(make_source(path="memory://corpus/**/*.jsonl"), base, known)
    assert names(files) == ["a.jsonl", "fr/b.jsonl"]
    assert sorted(known) == ["memory:///corpus/a.jsonl", "memory:///corpus/fr/b.jsonl"]
    assert [reading_file(file)[0][0]["text"] for file in files] == ["remote a.jsonl", "remote fr/b.jsonl"]
    assert locate(make_source(path="memory://corpus/**/*.jsonl"), base, {}) == files
    (one,) = locate(make_source(path="memory://corpus/a.jsonl"), base, {})
    assert (one.name, one.fingerprint, one.size) == ("a.jsonl", files[0].fingerprint, 27)
    memory.pipe("/corpus/a.jsonl", b'{"text": "changed a.jsonl"}\n')
    assert locate(make_source(path="memory://corpus/a.jsonl"), base, {})[0].fingerprint != one.fingerprint
    memory.rm("/corpus", recursive=True)


def test_package_data(make_source: MakeSource, base: Path) -> None:
    files = locate(make_source(path="package:json/*.py", format="text"), base, {})
    assert "decoder.py" in names(files)
    assert names(locate(make_source(path="package:email/mime/t*.py"), base, {})) == ["text.py"]


@pytest.mark.parametrize(
    ("name", "format_", "module"),
    [
        ("a.jsonl", "auto", "jsonl"),
        ("a.NDJSON.gz", "auto", "jsonl"),
        ("a.jsonl.zst", "auto", "jsonl"),
        ("x/a.parquet", "auto", "parquet"),
        ("a.htm", "auto", "html"),
        ("a.txt.gz", "auto", "text"),
        ("a.py", "auto", "text"),
        ("noextension", "jsonl", "jsonl"),
        ("a.jsonl", "text", "text"),
    ],
)
def test_readers_by_name_and_format(make_source: MakeSource, name: str, format_: str, module: str) -> None:
    reader = reader_of(make_source(format=format_), InputFile(name, f"/x/{name}", 1, "f"))
    assert reader.__module__ == f"tamis.readers.{module}"


@pytest.mark.parametrize("name", ["a.json", "a.djvu", "LICENSE", "a.parquet.gz.bak"])
def test_an_unknown_extension_is_an_error(make_source: MakeSource, name: str) -> None:
    with pytest.raises(InputError) as error:
        reader_of(make_source(), InputFile(name, f"/x/{name}", 1, "f"))
    for part in (name, "format", ".jsonl", ".parquet"):
        assert part in str(error.value)
