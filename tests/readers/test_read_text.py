"""Plain text by file and by paragraph."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.readers import jsonl

Reading = Any


def test_a_file_is_a_document(reading: Reading) -> None:
    rows, tally = reading("Où l'été déçoit.\n\nEncore.\n".encode(), "été.txt")
    assert rows[0]["text"] == "Où l'été déçoit.\n\nEncore.\n"
    assert (rows[0]["own_id"], rows[0]["line"], tally.read) == ("été.txt", None, 1)


@pytest.mark.parametrize(
    ("data", "cause"), [(b"", "empty_text"), (b" \n\n", "empty_text"), (b"one\ntwo \xff\n", "bad_utf8")]
)
def test_whole_file_rejects(reading: Reading, data: bytes, cause: str) -> None:
    rows, tally = reading(data, "a.md")
    assert (rows, dict(tally.causes), tally.read) == ([], {cause: 1}, 1)


def test_where_the_bytes_are_wrong_is_told(reading: Reading) -> None:
    _, tally = reading(b"one\ntwo \xff\n", "a.md")
    assert tally.rejects[0].detail == "line 2: invalid start byte"


def test_too_large_a_file(reading: Reading) -> None:
    assert reading(b"x" * 1001, "a.txt", max_document_bytes=1000)[1].causes == {"too_large": 1}
    assert reading(b"x" * 1000, "a.txt", max_document_bytes=1000)[1].causes == {}


def test_a_paragraph_is_a_document(reading: Reading) -> None:
    data = b"\n\none\nmore\n \t\n\ntwo\r\n\r\n\nbad \xff\nhere\n\n  three"
    rows, tally = reading(data, "a.txt", split="paragraph")
    assert [(row["text"].strip(), row["line"]) for row in rows] == [("one\nmore", 3), ("two", 7), ("three", 13)]
    assert all(row["own_id"] is None for row in rows)
    assert (tally.read, dict(tally.causes)) == (4, {"bad_utf8": 1})
    assert (tally.rejects[0].line, tally.rejects[0].detail) == (10, "line 10: invalid start byte")


def test_paragraphs_before_damage_stay(reading: Reading) -> None:
    data = gzip.compress(b"".join(b"paragraph %d\n\n" % number for number in range(3000)), mtime=0)
    rows, tally = reading(data[:-100], "a.txt.gz", split="paragraph")
    assert len(rows) > 1000
    assert [row["text"].strip() for row in rows[:-1]] == [f"paragraph {number}" for number in range(len(rows) - 1)]
    assert tally.causes == {"truncated_archive": 1}
    assert tally.rejects[0].line >= 2 * (len(rows) - 1)


def test_too_long_lines_and_paragraphs(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 200)
    monkeypatch.setattr("tamis.readers.decompress.READ_BYTES", 100)
    data = b"one\n\n" + b"x" * 5000 + b"\n\ntwo\n\n" + b"some words\n" * 300 + b"\nthree\n"
    rows, tally = reading(data, "a.txt", split="paragraph", max_document_bytes=1000)
    texts = [(row["text"].strip(), row["line"]) for row in rows]
    assert texts == [("one", 1), ("two", 5), ("three", 308)]
    assert [(reject.line, reject.cause) for reject in tally.rejects] == [(3, "line_too_long"), (7, "too_large")]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"b c", b"\xc3\xa9", b"\n", b"\n\n", b"\r\n", b" ", b"\t\n", b"\xff"]), max_size=30)
)
def test_paragraphs_do_not_depend_on_blocks(reading: Reading, parts: list[bytes]) -> None:
    data = b"".join(parts)
    found = []
    for size in (1, 3, 1_000_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonl, "BLOCK_BYTES", size)
            patch.setattr("tamis.readers.decompress.READ_BYTES", size)
            rows, tally = reading(data, "p.txt", split="paragraph")
        found.append(([(row["text"].strip(), row["line"]) for row in rows], tally.causes, tally.rejects))
    assert found[0] == found[1] == found[2]
    assert sum(len(text) for text, _ in found[0][0]) <= len(data)
