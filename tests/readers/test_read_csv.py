"""CSV and TSV: quotes, ragged rows, types, encodings, long lines, damage."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Reading = Any


def test_fields_quotes_and_types(reading: Reading) -> None:
    data = (
        '\ufefftext,id,year,web,date\r\n'
        '"He said ""no"", and\nleft.",a,1990,true,2020-01-02\r\n'
        "plain,b,,false,\r\n"
        "\r\n"
        "third,c,x,maybe, \r\n"
    ).encode()  # fmt: skip
    rows, tally = reading(
        data,
        "a.csv",
        columns={"text": "text", "id": "id", "date": "date"},
        signals={"year": {"field": "year"}, "web": {"field": "web", "type": "boolean"}},
    )
    assert [row["text"] for row in rows] == ['He said "no", and\nleft.', "plain", "third"]
    assert [row["line"] for row in rows] == [2, 4, 6]
    assert [row["source.year"] for row in rows] == [1990.0, None, None]
    assert [row["source.web"] for row in rows] == [True, False, None]
    assert [row["date"] for row in rows] == ["2020-01-02", None, None]
    assert tally.causes == {}


def test_ragged_rows_are_rejects_with_their_line(reading: Reading) -> None:
    data = b'id,text\n1,"one\nmore"\n2\n3,three,too many\n4,four\n'
    rows, tally = reading(data, "a.csv.gz".removesuffix(".gz"))
    assert [row["text"] for row in rows] == ["one\nmore", "four"]
    assert [(reject.line, reject.cause) for reject in tally.rejects] == [(4, "wrong_fields"), (5, "wrong_fields")]
    assert tally.rejects[0].detail == "1 fields, the first line names 2"


def test_other_delimiters_and_tabs(reading: Reading) -> None:
    rows, _ = reading(b"id;text\n1;a, b\n", "a.csv", delimiter=";")
    assert rows[0]["text"] == "a, b"
    rows, _ = reading(b'id\ttext\n1\t"quoted" word\n2\t"open\n', "a.tsv", columns={"text": "text", "id": "id"})
    assert [row["text"] for row in rows] == ['"quoted" word', '"open']
    rows, _ = reading(b'id\ttext\n1\t"two\nlines"\n', "a.tsv", format="csv", delimiter="\t")
    assert rows[0]["text"] == "two\nlines"


def test_row_filters_read_numbers(reading: Reading) -> None:
    rows, tally = reading(b"text,year\na,1980\nb,1999\nc,\n", "a.csv", where={"year": [1990, None]})
    assert [row["text"] for row in rows] == ["b", "c"]
    assert tally.filtered == 1


def test_what_is_not_utf8_costs_its_row(reading: Reading) -> None:
    rows, tally = reading(b"text,title\ngood,t\n\xff\xfe,t\nfine,\xff\nlast,t\n", "a.csv", columns={"title": "title"})
    assert [(row["text"], row["title"]) for row in rows] == [("good", "t"), ("fine", None), ("last", "t")]
    assert [(reject.line, reject.cause) for reject in tally.rejects] == [(3, "bad_utf8")]


def test_no_such_field_and_nothing_at_all(reading: Reading) -> None:
    _, tally = reading(b"txt,id\na,1\n", "a.csv")
    assert tally.causes == {"missing_column": 1}
    assert "'txt'" in tally.rejects[0].detail
    assert reading(b"", "a.csv")[1].read == 0


def test_a_long_line_and_an_open_quote_cost_one_reject(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.readers.decompress.READ_BYTES", 500)
    data = b"id,text\n1,one\n2," + b"x" * 5000 + b"\n3,three\n"
    rows, tally = reading(data, "a.csv", max_document_bytes=2000)
    assert [row["text"] for row in rows] == ["one", "three"]
    assert [(reject.line, reject.cause) for reject in tally.rejects] == [(3, "line_too_long")]
    lines = b"".join(b"%d,line\n" % n for n in range(1000))
    rows, tally = reading(b'id,text\n1,"open\n' + lines, "a.csv", max_document_bytes=2000)
    assert tally.causes == {"too_large": 1}
    assert tally.rejects[0].line == 2
    assert rows[-1]["line"] == 1002
    assert len(rows) > 500


def test_cut_off_within_an_archive(reading: Reading) -> None:
    data = gzip.compress(b"id,text\n" + b"".join(b"%d,line %d\n" % (n, n * n) for n in range(2000)), 1, mtime=0)
    rows, tally = reading(data[: len(data) // 2], "a.csv.gz")
    assert tally.causes == {"truncated_archive": 1}
    assert [row["text"] for row in rows] == [f"line {n * n}" for n in range(len(rows))]
    assert len(rows) > 100


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(FIELD, FIELD), max_size=6))
def test_what_python_writes_is_read(reading: Reading, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["text", "title"])
    writer.writerows(rows)
    found, _ = reading(out.getvalue().encode(), "a.csv", columns={"text": "text", "title": "title"})
    expected = [(text, title or None if title.strip() else None) for text, title in rows if text.strip()]
    assert [(row["text"], row["title"]) for row in found] == expected
