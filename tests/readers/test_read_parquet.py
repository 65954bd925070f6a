"""Parquet: projection, nested fields, types of every kind, damage."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.readers import parquet

Reading = Any


def stored(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def test_fields_reach_their_columns(reading: Reading) -> None:
    table = pa.table(
        {
            "content": ["un", "two", None, "", "drei"],
            "meta": [
                {"lang": "fr", "year": 1990},
                {"lang": "eng", "year": 2000},
                None,
                None,
                {"lang": "xx-bad-", "year": 1},
            ],
            "id": pa.array([10, 11, 12, 13, 14], pa.int64()),
            "day": pa.array([datetime.date(2020, 1, 2)] * 5),
            "score": pa.array([decimal.Decimal("1.5")] * 5),
            "a.b": ["dotted"] * 5,
            "unused": [[1]] * 5,
        }
    )
    columns = {"text": "content", "id": "id", "language": "meta.lang", "date": "day", "title": "a.b", "url": "absent"}
    signals = {"score": {"field": "score"}, "name": {"field": "meta.lang", "type": "string"}, "id": {"field": "a.b"}}
    rows, tally = reading(stored(table), "a.parquet", columns=columns, signals=signals)
    assert [row["text"] for row in rows] == ["un", "two", "drei"]
    assert [row["own_id"] for row in rows] == ["10", "11", "14"]
    assert [row["line"] for row in rows] == [1, 2, 5]
    assert [row["language"] for row in rows] == ["fr", "en", None]
    assert rows[0]["date"] == "2020-01-02"
    assert rows[0]["title"] == "dotted"
    assert rows[0]["url"] is None
    assert (rows[0]["source.score"], rows[0]["source.name"], rows[0]["source.id"]) == (1.5, "fr", None)
    assert tally.causes == {"missing_text": 1, "empty_text": 1}
    assert {reject.line for reject in tally.rejects} == {3, 4}
    assert tally.notes == {"bad_language": 1}


def test_row_filters_come_before_rejects(reading: Reading) -> None:
    table = pa.table({"text": ["a", None, "c", None], "year": pa.array([1990, 1990, 2000, 2000], pa.uint16())})
    rows, tally = reading(stored(table), "a.parquet", where={"year": [2000, None]})
    assert [row["text"] for row in rows] == ["c"]
    assert (tally.read, tally.filtered, dict(tally.causes)) == (4, 2, {"missing_text": 1})
    assert tally.rejects[0].line == 4


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"], pa.string_view()),
        pa.array([b"a", b"b"], pa.binary()),
        pa.array(["a", "b"]).dictionary_encode(),
    ],
)
def test_text_of_any_string_type(reading: Reading, column: pa.Array) -> None:
    rows, _ = reading(stored(pa.table({"text": column})), "a.parquet")
    assert [row["text"] for row in rows] == ["a", "b"]


def test_bytes_that_are_no_utf8_and_columns_that_are_no_text(reading: Reading) -> None:
    for type_ in (pa.binary(), pa.string()):
        raw = pa.array([b"good", b"\xff\xfe", b"fine"], pa.binary())
        column = raw if type_ == pa.binary() else pa.Array.from_buffers(type_, 3, raw.buffers())
        rows, tally = reading(stored(pa.table({"text": column})), "a.parquet")
        assert [row["line"] for row in rows] == [1, 3]
        assert (dict(tally.causes), tally.rejects[0].line) == ({"bad_utf8": 1}, 2)
    rows, tally = reading(stored(pa.table({"text": [1, None]})), "a.parquet")
    assert (rows, dict(tally.causes)) == ([], {"wrong_type": 1, "missing_text": 1})


def test_a_file_without_the_text_column_is_one_reject(reading: Reading) -> None:
    rows, tally = reading(stored(pa.table({"texte": ["a"]})), "a.parquet")
    assert (rows, dict(tally.causes)) == ([], {"missing_column": 1})
    assert "Did you mean 'texte'?" in tally.rejects[0].detail


def test_batches_are_cut_by_size(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_BYTES", 10_000)
    table = pa.table({"text": [f"{number} " + "x" * 1000 for number in range(100)]})
    rows, tally = reading(stored(table, row_group_size=30, compression="zstd"), "a.parquet")
    assert [row["line"] for row in rows] == list(range(1, 101))
    assert [row["text"].split()[0] for row in rows] == [str(number) for number in range(100)]
    assert tally.read == 100


def test_damage_in_a_row_group_keeps_the_others(reading: Reading, tmp_path: Path) -> None:
    table = pa.table({"text": [f"row {number} " + "x" * 100 for number in range(300)]})
    data = bytearray(stored(table, row_group_size=100, compression="zstd", use_dictionary=False))
    offset = pq.ParquetFile(pa.BufferReader(bytes(data))).metadata.row_group(1).column(0).data_page_offset
    data[offset : offset + 40] = b"\xff" * 40
    rows, tally = reading(bytes(data), "a.parquet")
    assert [row["line"] for row in rows] == [*range(1, 101), *range(201, 301)]
    assert (dict(tally.causes), tally.rejects[0].line) == ({"bad_parquet": 1}, 101)


def test_cut_off_or_no_parquet_at_all(reading: Reading) -> None:
    data = stored(pa.table({"text": ["a"]}))
    for damaged in (b"", b"PAR1", b"hello", data[:-1], data[: len(data) // 2]):
        rows, tally = reading(damaged, "a.parquet")
        assert (rows, dict(tally.causes)) == ([], {"bad_parquet": 1})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
@example(92, b"\x02\x00\x80\x02")
def test_wrong_bytes_anywhere_never_crash(reading: Reading, at: int, garbage: bytes) -> None:
    data = bytearray(stored(pa.table({"text": ["some text", "more"] * 50, "n": list(range(100))})))
    at %= len(data)
    data[at : at + len(garbage)] = garbage
    reading(bytes(data), "a.parquet", signals={"n": {"field": "n"}})


def test_main_text_of_mapped_pages(reading: Reading) -> None:
    page = "<html><head><title>Titel</title></head><body><nav>Menu</nav><p>{}</p></body></html>"
    table = pa.table(
        {"page": [page.format("Ein langer Absatz."), "<nav>x</nav>", None, page.format("Zwei")], "k": [1, 1, 1, 2]}
    )
    rows, tally = reading(stored(table), "a.parquet", columns={"html": "page"}, where={"k": [None, 1]})
    assert [(row["text"], row["title"]) for row in rows] == [("Ein langer Absatz.", "Titel")]
    assert (tally.filtered, dict(tally.causes)) == (1, {"no_main_text": 1, "missing_text": 1})
