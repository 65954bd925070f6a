"""Tar and zip: members as documents, names that lead elsewhere, bombs, damage."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from typing import Any

import pytest
import zstandard

Reading = Any
MEMBERS = {
    "docs/one.txt": b"Eins.",
    "docs/page.html": b"<html><head><title>Seite</title></head><body><p>Ein Absatz mit einem Satz.</p></body></html>",
    "docs/picture.png": b"\x89PNG",
    "docs/bad.txt": b"line\n\xff\xfe",
    "docs/empty.md": b"",
    "../../etc/two.txt": b"Zwei.",
}


def tar(members: dict[str, bytes], **options: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:
        folder = tarfile.TarInfo("docs")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("docs/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("docs/", b"")
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


ARCHIVES = {
    "a.tar": tar(MEMBERS),
    "a.tar.gz": gzip.compress(tar(MEMBERS)),
    "a.tgz": gzip.compress(tar(MEMBERS, format=tarfile.GNU_FORMAT)),
    "a.tar.zst": zstandard.ZstdCompressor().compress(tar(MEMBERS, format=tarfile.PAX_FORMAT)),
    "a.zip": zipped(MEMBERS),
    "b.zip": zipped(MEMBERS, zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_text_member_is_a_document(reading: Reading, name: str) -> None:
    rows, tally = reading(ARCHIVES[name], name)
    assert [(row["own_id"], row["text"], row["title"]) for row in rows] == [
        (f"{name}/docs/one.txt", "Eins.", None),
        (f"{name}/docs/page.html", "Ein Absatz mit einem Satz.", "Seite"),
        (f"{name}/../../etc/two.txt", "Zwei.", None),
    ]
    assert {reject.cause: reject.detail for reject in tally.rejects} == {
        "bad_utf8": "docs/bad.txt: line 2: invalid start byte", "empty_text": "docs/empty.md: the text is empty",
    }  # fmt: skip
    assert (tally.read, tally.filtered, tally.notes) == (6, 1, {"other_member": 1})


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_members_are_chosen_by_name_and_size(reading: Reading, name: str) -> None:
    rows, tally = reading(ARCHIVES[name], name, where={"member": ["docs/one.txt", "docs/empty.md"], "size": [1, None]})
    assert [row["text"] for row in rows] == ["Eins."]
    assert (tally.filtered, tally.causes) == (5, {})
    data = tar({"README": b"Lies mich."}) if name.startswith("a.tar") else zipped({"README": b"Lies mich."})
    name = name.removesuffix(".gz")
    assert reading(data, name)[0] == []
    assert reading(data, name, where={"member": "README"})[0][0]["text"] == "Lies mich."


MANY = {f"{n}.txt": (f"Text {n}. " * 200).encode() for n in range(6)}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_a_tar_cut_off_anywhere(reading: Reading, name: str) -> None:
    whole = tar(MANY)
    whole = gzip.compress(whole, mtime=0) if name.endswith("gz") else whole
    for end in range(0, len(whole), max(len(whole) // 60, 1)):
        rows, tally = reading(whole[:end], name)
        texts = [row["text"] for row in rows]
        assert texts == [text.decode() for text in list(MANY.values())[: len(texts)]]
        if len(rows) < len(MANY):
            cuts = (end == 0, name == "a.tar" and end % 512 == 0)
            assert sum(tally.causes.values()) >= (0 if any(cuts) else 1), end


def test_a_broken_tar_header_is_one_reject(reading: Reading) -> None:
    whole = bytearray(tar(MANY))
    at = bytes(whole).index(b"3.txt")
    whole[at] ^= 0x55
    rows, tally = reading(bytes(whole), "a.tar")
    assert len(rows) == 3
    assert tally.causes == {"bad_archive": 1}
    assert "after '2.txt'" in tally.rejects[0].detail


def test_a_broken_zip_member_leaves_the_others(reading: Reading) -> None:
    whole = bytearray(zipped(MANY))
    with zipfile.ZipFile(io.BytesIO(bytes(whole))) as archive:
        start = archive.getinfo("2.txt").header_offset + 40
    whole[start] ^= 0xFF
    rows, tally = reading(bytes(whole), "a.zip")
    assert len(rows) == 5
    assert tally.causes == {"bad_archive": 1}
    assert tally.rejects[0].detail.startswith("2.txt: ")
    assert reading(bytes(whole[:-30]), "a.zip")[1].causes == {"bad_archive": 1}
    locked = bytearray(zipped({"a.txt": b"x"}))
    locked[6] |= 1
    locked[bytes(locked).rindex(b"PK\x01\x02") + 8] |= 1
    assert reading(bytes(locked), "a.zip")[1].causes == {"encrypted": 1}


@pytest.mark.slow
def test_bombs_take_little_memory(reading: Reading) -> None:
    bomb = {"bomb.txt": bytes(150_000_000), "good.txt": b"Gut."}
    header = tarfile.TarInfo("name")
    header.type, header.size = tarfile.XHDTYPE, 70_000_000
    names = header.tobuf() + bytes(70_000_000)
    made = {
        "a.tar.gz": (gzip.compress(tar(bomb)), "too_large", 1),
        "a.zip": (zipped(bomb), "too_large", 1),
        "b.tar.gz": (gzip.compress(tar({"good.txt": b"Gut."})[:-10240] + names), "bad_archive", None),
    }
    del names, bomb
    for name, (data, cause, rows) in made.items():
        tracemalloc.start()
        found, tally = reading(data, name, max_document_bytes=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert tally.causes == {cause: 1}, name
        assert rows is None or len(found) == rows
        assert peak < 100_000_000, name


@pytest.mark.parametrize("name", ["a.tar", "a.zip", "a.tar.gz"])
def test_what_is_no_archive(reading: Reading, name: str) -> None:
    rows, tally = reading(b"this is no archive at all" * 40, name)
    assert (rows, dict(tally.causes)) == ([], {"bad_archive": 1})
