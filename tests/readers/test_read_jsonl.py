"""JSONL: what is read, what is rejected and why, and that no bytes can crash it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.readers import jsonl
from tamis.readers.fields import roles_of

Reading = Any


def lines(*rows: Any) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def test_fields_reach_their_columns(reading: Reading) -> None:
    data = lines(
        {"body": "Un", "meta": {"lang": "fr", "year": 1990, "ok": True}, "n": 1, "q": 0.5, "lic": "MIT"},
        {"body": "Two", "meta": {"lang": "eng_Latn", "year": 2001}, "n": 2, "q": "x", "lic": "cc-by-4.0"},
        {"body": "Drei", "meta": None, "lic": "https://creativecommons.org/licenses/by-sa/3.0/de/"},
        {"body": "Vier", "meta": {"lang": "klingonisch"}, "lic": "do what you like"},
    )
    columns = {"text": "body", "id": "n", "language": "meta.lang", "date": "meta.year", "license": "lic"}
    signals = {"quality": {"field": "q"}, "ok": {"field": "meta.ok", "type": "boolean"}}
    rows, tally = reading(data, "a.jsonl", columns=columns, signals=signals)
    assert [row["text"] for row in rows] == ["Un", "Two", "Drei", "Vier"]
    assert [row["own_id"] for row in rows] == ["1", "2", None, None]
    assert [row["line"] for row in rows] == [1, 2, 3, 4]
    assert [row["language"] for row in rows] == ["fr", "en", None, None]
    assert [row["date"] for row in rows] == ["1990", "2001", None, None]
    assert [row["license"] for row in rows] == ["MIT", "CC-BY-4.0", "CC-BY-SA-3.0", "LicenseRef-Unknown"]
    assert [row["source.quality"] for row in rows] == [0.5, None, None, None]
    assert [row["source.ok"] for row in rows] == [True, None, None, None]
    assert tally.notes == {"bad_language": 1, "bad_license": 1}
    assert tally.causes == {}


HOSTILE = [
    (b"not json\n", "bad_json"),
    (b'{"text": "cut\n', "bad_json"),
    (b'{"text": "a"} {"text": "b"}\n', "bad_json"),
    (b'{"text": "raw \x00 NUL"}\n', "bad_json"),
    (b'{"text": "\xff"}\n', "bad_utf8"),
    (b'{"text": "x", "other": "\xff"}\n', "bad_utf8"),
    (b'{"text": "\\ud800"}\n', "bad_unicode"),
    (b'{"text": "\\udc00 lone", "n": NaN}\n', "bad_unicode"),
    (b'{"text": 12}\n', "wrong_type"),
    (b'{"text": ["a"]}\n', "wrong_type"),
    (b"[1, 2]\n", "wrong_type"),
    (b'"a string"\n', "wrong_type"),
    (b'{"text": null}\n', "missing_text"),
    (b'{"other": "a"}\n', "missing_text"),
    (b'{"text": ""}\n', "empty_text"),
    (b'{"text": " \\n\\t\\u3000"}\n', "empty_text"),
    (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "too_deep"),
]


def test_bad_lines_are_rejected_with_their_line_and_the_others_stay(reading: Reading) -> None:
    good = b'{"text": "good", "n": 1}\n'
    data = b"".join(line + good for line, _ in HOSTILE)
    rows, tally = reading(data, "a.jsonl")
    assert [row["line"] for row in rows] == [2 * (at + 1) for at in range(len(HOSTILE))]
    found = {reject.line: reject.cause for reject in tally.rejects}
    assert found == {2 * at + 1: cause for at, (_, cause) in enumerate(HOSTILE)}
    assert tally.read == 2 * len(HOSTILE)


@pytest.mark.parametrize(("line", "cause"), HOSTILE)
def test_a_line_fares_the_same_alone(reading: Reading, line: bytes, cause: str) -> None:
    rows, tally = reading(line, "a.jsonl")
    assert (rows, dict(tally.causes)) == ([], {cause: 1})


LENIENT = [
    b'{"text": "kept", "n": NaN, "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    b'{"text": "kept", "n": Infinity}\r\n',
    b'{"text": "kept", "n": 1e999, "n": 3}\n',
    b'{"text": "first", "text": "kept"}\n',
    b' {"text": "kept"}\t\n',
    b'{"te\\u0078t": "kept", "n": 123456789012345678901234567890}\n',
]


@pytest.mark.parametrize("line", LENIENT)
@pytest.mark.parametrize("company", [b"", b'{"text": 5}\n'])
def test_odd_lines_are_kept_in_any_company(reading: Reading, line: bytes, company: bytes) -> None:
    rows, tally = reading(line + company, "a.jsonl", signals={"other": {"field": "m"}})
    assert [row["text"] for row in rows] == ["kept"]
    assert tally.causes == ({"wrong_type": 1} if company else {})


def test_numbers_that_are_none_become_null(reading: Reading) -> None:
    data = b'{"text": "a", "n": NaN}\n{"text": "b", "n": 2}\n'
    for tail in (b"", b"x\n"):
        rows, _ = reading(data + tail, "a.jsonl", signals={"n": {"field": "n"}})
        assert [row["source.n"] for row in rows] == [None, 2.0]


def test_empty_lines_are_no_rows_and_count_as_lines(reading: Reading) -> None:
    rows, tally = reading(b'\xef\xbb\xbf\n\r\n{"text": "a"}\r\n   \n\n{"text": "b"}', "a.jsonl")
    assert [(row["text"], row["line"]) for row in rows] == [("a", 3), ("b", 6)]
    assert tally.read == 2
    assert reading(b"", "a.jsonl")[1].read == 0


def test_objects_over_several_lines_are_no_rows(reading: Reading) -> None:
    # Two objects on one line and one on two lines: as many objects as lines, but not one a line.
    data = b'{"text": "a"}{"text": "b"}\n{"text":\n"c"}\n'
    rows, tally = reading(data, "a.jsonl")
    assert rows == []
    assert tally.causes == {"bad_json": 3}


def test_row_filters(reading: Reading) -> None:
    data = lines(
        {"text": "a", "year": 1950, "ext": "tex", "ok": True},
        {"text": "b", "year": "1995", "ext": "tex", "ok": True},
        {"text": "c", "year": 2000, "ext": "txt", "ok": True},
        {"text": "d", "year": None, "ext": "tex", "ok": True},
        {"text": "e", "year": 2000, "ext": "tex", "ok": False},
        {"text": 7, "year": 2000, "ext": "tex", "ok": True},
        {"text": 7, "year": 1900, "ext": "tex", "ok": True},
    )
    where = {"year": [1990, None], "ext": ["tex"], "ok": True}
    rows, tally = reading(data, "a.jsonl", where=where)
    assert [row["text"] for row in rows] == ["b", "d"]
    assert (tally.read, tally.filtered, dict(tally.causes)) == (7, 4, {"wrong_type": 1})
    assert tally.rejects[0].line == 6
    rows, tally = reading(data, "a.jsonl", where={"year": {"min": 1990, "nulls": "drop"}})
    assert [row["text"] for row in rows] == ["b", "c", "e"]
    rows, tally = reading(data, "a.jsonl", where={"year": {"in": [2000, 1950]}, "ok": {"is": True}})
    assert [row["text"] for row in rows] == ["a", "c", "d"]


def test_integer_ids_stay_on_the_fast_path(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 1000)
    monkeypatch.setattr("tamis.readers.decompress.READ_BYTES", 500)
    calls = []
    original = jsonl._Parser._line_by_line
    monkeypatch.setattr(jsonl._Parser, "_line_by_line", lambda *args: calls.append(1) or original(*args))
    data = lines(*({"text": f"t{n}", "id": n, "year": 1900 + n} for n in range(500)))
    fields = {
        "columns": {"text": "text", "id": "id", "date": "year"},
        "signals": {"year": {"field": "year"}},
        "where": {"year": [1910, None]},
    }
    rows, tally = reading(data, "a.jsonl", **fields)
    assert len(calls) == 1
    assert [row["own_id"] for row in rows] == [str(n) for n in range(10, 500)]
    assert [row["line"] for row in rows] == list(range(11, 501))
    assert rows[-1]["date"] == "2399"
    assert rows[-1]["source.year"] == 2399.0
    assert (tally.read, tally.filtered) == (500, 10)


def test_a_mapping_within_another(reading: Reading) -> None:
    data = lines({"text": "a", "meta": {"x": 1}}, {"text": "b", "meta": "plain"})
    rows, _ = reading(data, "a.jsonl", columns={"text": "text", "title": "meta", "date": "meta.x"})
    assert [(row["title"], row["date"]) for row in rows] == [(None, "1"), ("plain", None)]


def test_too_long_lines_are_passed_over_in_bounded_memory(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 3000)
    good = b'{"text": "good"}\n'
    long = b'{"text": "' + b"x" * 50_000 + b'"}\n'
    for size in (700, 3000, 9_999, 120_000):
        monkeypatch.setattr("tamis.readers.decompress.READ_BYTES", size)
        data = good + long + good + good + long + long + good + long[:-1]
        rows, tally = reading(data, "a.jsonl", max_document_bytes=10_000)
        assert [row["line"] for row in rows] == [1, 3, 4, 7]
        assert [(reject.line, reject.cause) for reject in tally.rejects] == [
            (line, "line_too_long") for line in (2, 5, 6, 8)
        ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(["text", "n", "m"]), children),
    max_leaves=6,
)
json_lines = json_values.map(lambda value: json.dumps(value).encode())
broken_lines = st.tuples(json_lines, st.integers(0, 30), st.binary(max_size=2)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)
files = st.one_of(
    st.binary(max_size=200),
    st.lists(json_lines | broken_lines | st.just(b'{"text": "ok"}'), max_size=8).map(b"\n".join),
)


@settings(max_examples=100, deadline=None)
@given(data=files, block=st.sampled_from([10, 16_000_000]))
def test_any_bytes_are_read_and_accounted_for(reading: Reading, data: bytes, block: int) -> None:
    fields = {
        "columns": {"text": "text", "id": "n", "date": "m.n", "language": "m.m"},
        "signals": {"n": {"field": "n"}},
        "where": {"m": {"not_in": ["no"]}},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "BLOCK_BYTES", block)
        patch.setattr("tamis.readers.decompress.READ_BYTES", block)
        _, tally = reading(data, "any.jsonl", **fields)
    filled = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r")]
    assert tally.read == len(filled)


@settings(max_examples=100, deadline=None)
@given(st.lists(json_values.filter(lambda v: isinstance(v, dict)), min_size=1, max_size=5))
def test_the_fast_path_and_the_slow_path_agree(make_source: Any, rows: list[Any]) -> None:
    source = make_source(
        columns={"text": "text", "id": "n", "date": "m.n"}, signals={"n": {"field": "n"}}, where={"m": [None, 5]}
    )
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    outcomes = []
    for slow in (False, True):
        tally = jsonl.Tally()
        parser = jsonl._Parser(source, jsonl.InputFile("f", "f", 0, ""), tally)
        parse = parser._line_by_line if slow else parser._at_once
        batch = parse(data, 1)
        outcomes.append((batch.to_pylist() if batch is not None else None, tally))
    fast, slow_ = outcomes
    if fast[0] is not None:
        assert repr(fast) == repr(slow_ if slow_[0] is not None else ([], slow_[1]))


def test_text_stands_for_itself_unless_mapped(make_source: Any) -> None:
    assert [role.name for role in roles_of(make_source())] == ["text"]
    assert [role.name for role in roles_of(make_source(columns={"html": "page"}))] == ["html"]


def test_columns_are_repaired_in_order(reading: Reading) -> None:
    data = b'{"text": "a", "u": "//x.org/a b", "d": "12.05.2020"}\n{"text": "b", "d": "2020"}'
    repair = {
        "url": [{"pattern": " ", "by": "_", "literal": True}, {"pattern": "^//", "by": "https://"}],
        "date": [{"pattern": r"^(\d\d)\.(\d\d)\.(\d{4})$", "by": r"\3-\2-\1"}],
    }
    rows, _ = reading(data, "a.jsonl", columns={"url": "u", "date": "d"}, repair=repair)
    assert [(row["url"], row["date"]) for row in rows] == [("https://x.org/a_b", "2020-05-12"), (None, "2020")]
