"""Files on a store: known by their content, hashed once, seen to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tamis.corpus.documents import InputFile
from tamis.corpus.hashing import file_fingerprint
from tamis.engine.ingest import _changed
from tamis.errors import InputError
from tamis.readers import remote
from tamis.readers.hub_paths import pinned
from tamis.readers.locate import UNREADABLE, locate
from tamis.recipe.model import Source

MakeSource = Callable[..., Source]
LINES = [b'{"text": "eins"}\n', b'{"text": "zwei"}\n', b'{"text": "drei"}\n']


@pytest.fixture
def store() -> Iterator[Any]:
    """A store in memory with three files."""
    memory = fsspec.filesystem("memory")
    for number, line in enumerate(LINES):
        memory.pipe(f"/store/{number}.jsonl", line)
    yield memory
    memory.rm("/store", recursive=True)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Places of the files that are read to be hashed."""
    found: list[str] = []
    hash_ = remote._hash

    def watched(file: remote.Stored) -> str | None:
        found.append(file.place)
        return hash_(file)

    monkeypatch.setattr(remote, "_hash", watched)
    return found


def listed(source: Source, known: dict[str, Any]) -> list[InputFile]:
    return locate(source, Path("/nowhere"), known)


def test_a_file_has_one_fingerprint_wherever_it_lies(
    store: Any, hashed: list[str], make_source: MakeSource, tmp_path: Path
) -> None:
    known: dict[str, Any] = {}
    source = make_source(path="memory://store/*.jsonl")
    files = listed(source, known)
    for file, line in zip(files, LINES, strict=True):
        (tmp_path / file.name).write_bytes(line)
        assert file.fingerprint == file_fingerprint(tmp_path / file.name)
    assert sorted(hashed) == [f"/store/{number}.jsonl" for number in range(3)]
    assert listed(source, known) == files
    assert len(hashed) == 3, "what is known is not read again"
    store.pipe("/store/1.jsonl", b'{"text": "neue"}\n')
    again = listed(source, known)
    assert hashed[3:] == ["/store/1.jsonl"]
    assert [one == other for one, other in zip(files, again, strict=True)] == [True, False, True]
    store.pipe("/store/1.jsonl", LINES[1])
    assert [file.fingerprint for file in listed(source, known)] == [file.fingerprint for file in files]


def test_a_store_without_tags_is_asked_every_time(
    store: Any, hashed: list[str], make_source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_tag", lambda *_: "")
    known: dict[str, Any] = {}
    source = make_source(path="memory://store/0.jsonl")
    (file,) = listed(source, known)
    assert listed(source, known) == [file]
    assert (hashed, known) == (["/store/0.jsonl"] * 2, {})
    assert not _changed(file)


def test_a_change_on_the_store_is_seen(store: Any, make_source: MakeSource) -> None:
    (file,) = listed(make_source(path="memory://store/0.jsonl"), {})
    assert not _changed(file)
    store.pipe("/store/0.jsonl", LINES[1])
    assert _changed(file)
    store.rm("/store/0.jsonl")
    assert _changed(file)


def test_a_file_that_may_not_be_read_and_a_network_that_fails(
    store: Any, make_source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(error: Exception) -> Callable[..., Any]:
        def fail(filesystem: Any, path: str, *_: Any, **__: Any) -> Any:
            if path.endswith("1.jsonl"):
                raise error
            return open_(filesystem, path)

        return fail

    open_ = type(store).open
    source, known = make_source(path="memory://store/*.jsonl"), {}  # type: tuple[Source, dict[str, Any]]
    monkeypatch.setattr(type(store), "open", opened(PermissionError("forbidden")))
    assert [file.fingerprint == UNREADABLE for file in listed(source, known)] == [False, True, False]
    assert len(known) == 2
    known.clear()
    monkeypatch.setattr(type(store), "open", opened(ConnectionResetError("cut")))
    with pytest.raises(InputError, match=r"source s: .*ConnectionResetError: cut.*not read again"):
        listed(source, known)
    assert "memory:///store/0.jsonl" in known, "what was hashed before the failure is remembered"


def test_other_addresses_are_left_as_they_are(make_source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT", "s3://bucket")
    commit = "0123456789" * 4
    for path in (
        "a/*.jsonl",
        "s3://b/*",
        "${ROOT}/x.jsonl",
        "hf://buckets/a/b/c.jsonl",
        f"hf://datasets/a/b@{commit}/c",
    ):
        source = make_source(path=path)
        assert pinned(source) is source
