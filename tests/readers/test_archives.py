"""Compressed input: members and frames, damage at every place, bombs, files that change or can't be opened."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zstandard

from tamis.corpus.documents import InputFile
from tamis.errors import InputError
from tamis.readers import decompress
from tamis.readers.decompress import Damage, pieces

Reading = Any
LINES = [b'{"text": "line %d"}\n' % number for number in range(1, 9)]
HALVES = [b"".join(LINES[:4]), b"".join(LINES[4:])]


def zstd(data: bytes, size_known: bool = True) -> bytes:
    writer = zstandard.ZstdCompressor(write_checksum=True)
    if size_known:
        return writer.compress(data)
    out = io.BytesIO()
    with writer.stream_writer(out, closefd=False) as stream:
        stream.write(data)
    return out.getvalue()


ARCHIVES = {
    "one.jsonl.gz": gzip.compress(b"".join(HALVES), mtime=0),
    "two.jsonl.gz": b"".join(gzip.compress(half, mtime=0) for half in HALVES),
    "padded.jsonl.gz": gzip.compress(b"".join(HALVES), mtime=0) + b"\0" * 512,
    "one.jsonl.zst": zstd(b"".join(HALVES)),
    "two.jsonl.zst": b"".join(zstd(half, size_known=False) for half in HALVES),
    "skippable.jsonl.zst": zstd(HALVES[0]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd(HALVES[1]),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_members_and_frames_are_read_one_after_another(reading: Reading, name: str) -> None:
    rows, tally = reading(ARCHIVES[name], name)
    assert [row["text"] for row in rows] == [f"line {number}" for number in range(1, 9)]
    assert tally.causes == {}


@pytest.mark.parametrize("name", ["one.jsonl.gz", "two.jsonl.gz", "one.jsonl.zst", "two.jsonl.zst"])
def test_cut_off_anywhere(reading: Reading, name: str) -> None:
    """Every line before the cut stays; the cut is one reject, unless it falls between two members."""
    whole = ARCHIVES[name]
    kept = 0
    boundaries = {0, len(whole)}
    if name.startswith("two"):
        first = gzip.compress(HALVES[0], mtime=0) if name.endswith("gz") else zstd(HALVES[0], size_known=False)
        boundaries.add(len(first))
    for end in range(len(whole) + 1):
        rows, tally = reading(whole[:end], name)
        assert [row["line"] for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) >= kept
        kept = len(rows)
        assert tally.causes == ({} if end in boundaries else {"truncated_archive": 1})
    assert kept == 8


@pytest.mark.parametrize("name", ["one.jsonl.gz", "two.jsonl.gz", "one.jsonl.zst", "two.jsonl.zst"])
def test_a_wrong_byte_anywhere(reading: Reading, name: str) -> None:
    whole = ARCHIVES[name]
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        rows, tally = reading(bytes(damaged), name)
        assert len(rows) <= 8
        if not tally.causes:  # bytes without meaning: the time in gzip's header, say
            assert len(rows) == 8


def test_what_comes_before_the_damage_is_kept_to_the_last_byte(tmp_path: Path) -> None:
    """Stored blocks, so that the content before the damage is known exactly."""
    content = os.urandom(200_000)
    data = gzip.compress(content, 0, mtime=0)
    path = tmp_path / "x.gz"
    path.write_bytes(data[:-8] + b"\0" * 8)
    file = InputFile("x.gz", str(path), len(data), "f")
    found = []
    with pytest.raises(Damage, match="bad_archive"):
        found.extend(pieces(file))
    assert b"".join(found) == content


def test_garbage_after_a_member_is_one_reject(reading: Reading) -> None:
    for name in ("one.jsonl.gz", "one.jsonl.zst"):
        rows, tally = reading(ARCHIVES[name] + b"garbage that is no member", name)
        assert len(rows) == 8
        assert tally.causes == {"bad_archive": 1}
        assert tally.rejects[0].line == 9


def test_not_an_archive_at_all(reading: Reading) -> None:
    for name in ("plain.jsonl.gz", "plain.jsonl.zst", "plain.txt.gz"):
        rows, tally = reading(b'{"text": "plain"}\n', name)
        assert (rows, dict(tally.causes)) == ([], {"bad_archive": 1})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_bomb_stays_within_bounds(tmp_path: Path, reading_file: Reading, kind: str) -> None:
    """400 MB without a line end in under half a megabyte."""
    path = tmp_path / f"bomb.jsonl.{kind}"
    block = b"\0" * 4_000_000
    if kind == "gz":
        with gzip.open(path, "wb", compresslevel=9) as stream:
            for _ in range(100):
                stream.write(block)
    else:
        with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as stream:
            for _ in range(100):
                stream.write(block)
    assert path.stat().st_size < 500_000
    tracemalloc.start()
    rows, tally = reading_file(InputFile(path.name, str(path), path.stat().st_size, "f"), max_document_bytes=40_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (rows, dict(tally.causes)) == ([], {"line_too_long": 1})
    assert peak < 250_000_000


def test_no_piece_is_larger_than_promised(tmp_path: Path) -> None:
    path = tmp_path / "zeros.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"\0" * 300_000_000))
    file = InputFile("zeros.zst", str(path), path.stat().st_size, "f")
    sizes = [len(piece) for piece in pieces(file)]
    assert sum(sizes) == 300_000_000
    assert max(sizes) <= decompress.MAX_PIECE


def test_a_truncated_document_is_a_reject(reading: Reading) -> None:
    data = gzip.compress(b"Half of a book.\n" * 100, mtime=0)
    rows, tally = reading(data[:-20], "book.txt.gz")
    assert (rows, dict(tally.causes)) == ([], {"truncated_archive": 1})
    rows, tally = reading(data, "book.txt.gz")
    assert rows[0]["own_id"] == "book.txt.gz"


def test_an_unreadable_file_is_a_reject(tmp_path: Path, reading_file: Reading) -> None:
    for name in ("gone.jsonl", "gone.jsonl.gz", "gone.txt", "gone.parquet", "gone.html"):
        link = tmp_path / name
        link.symlink_to("/nowhere/at/all")
        rows, tally = reading_file(InputFile(name, str(link), 0, "unreadable"))
        assert (rows, dict(tally.causes)) == ([], {"unreadable": 1})
        assert tally.rejects[0].line is None
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    assert reading_file(InputFile("folder.txt", str(folder), 0, "f"))[1].causes == {"unreadable": 1}


def test_a_file_that_changed_is_refused(tmp_path: Path, reading_file: Reading) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n')
    with pytest.raises(InputError, match="changed while it was read"):
        reading_file(InputFile("a.jsonl", str(path), 13, "f"))
    stream = pieces(InputFile("a.jsonl", str(path), 14, "f"))
    next(stream)
    path.write_bytes(b'{"text": "other"}\n')
    with pytest.raises(InputError, match="Run again"):
        list(stream)


def test_a_network_failure_is_raised_for_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/net/a.jsonl", b'{"text": "a"}\n')
    file = InputFile("a.jsonl", "memory://net/a.jsonl", 14, "f")
    assert b"".join(pieces(file)) == b'{"text": "a"}\n'

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionResetError("the line is down")

    monkeypatch.setattr(type(memory), "open", fail)
    with pytest.raises(ConnectionResetError):
        list(pieces(file))
    monkeypatch.undo()
    with pytest.raises(Damage, match="unreadable"):
        list(pieces(InputFile("b.jsonl", "memory://net/b.jsonl", 14, "f")))
    memory.rm("/net", recursive=True)
