"""Fields within JSON in a string, and signals made of lists: alike in JSONL, Parquet, Arrow and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tamis.readers import jsonl
from tamis.readers.values import aggregated
from tamis.recipe.model import SourceSignal

Reading = Any

RECORDS = [
    {
        "raw_content": f"Document {n} of a crawl.",
        "doc_id": f"2023-06/0000/en_head.json.gz/{n}",
        "meta": json.dumps(
            {"url": f"https://a.example/{n}", "date_download": "2023-01-26T22:21:51Z", "language": "en"}
        ),
        "quality_signals": json.dumps(
            {
                "ccnet_perplexity": [[0, 24, 300.5 + n]],
                "rps_doc_word_count": [[0, 24, 5]],
                "rps_doc_ml_wikiref_score": [[0, 24, None]],
                "rps_lines_num_words": [[0, 10, 2], [10, 20, 3], [20, 24, n]],
                "rps_lines_javascript_counts": [[0, 10, 0.0], [10, 24, float(n == 2)]],
            }
        ),
    }
    for n in range(4)
]
"""In the format of RedPajama-V2: a list of [start, end, value] a signal, as JSON in a string."""
FIELDS: dict[str, Any] = {
    "columns": {
        "text": "raw_content",
        "id": "doc_id",
        "url": "meta.url",
        "date": "meta.date_download",
        "language": "meta.language",
    },
    "signals": {
        "perplexity": {"field": "quality_signals.ccnet_perplexity", "aggregate": "first"},
        "words": {"field": "quality_signals.rps_doc_word_count", "aggregate": "first"},
        "wikiref": {"field": "quality_signals.rps_doc_ml_wikiref_score", "aggregate": "first"},
        "line_words": {"field": "quality_signals.rps_lines_num_words", "aggregate": "sum"},
        "line_words_mean": {"field": "quality_signals.rps_lines_num_words", "aggregate": "mean"},
        "line_words_median": {"field": "quality_signals.rps_lines_num_words", "aggregate": "median"},
        "line_words_max": {"field": "quality_signals.rps_lines_num_words", "aggregate": "max"},
        "line_words_min": {"field": "quality_signals.rps_lines_num_words", "aggregate": "min"},
        "javascript": {"field": "quality_signals.rps_lines_javascript_counts", "aggregate": "any", "type": "boolean"},
        "javascript_number": {"field": "quality_signals.rps_lines_javascript_counts", "aggregate": "any"},
        "absent": {"field": "quality_signals.none_such", "aggregate": "mean"},
        "unaggregated": {"field": "quality_signals.rps_doc_word_count"},
    },
}
GOLDEN = {
    "source.perplexity": [300.5, 301.5, 302.5, 303.5],
    "source.words": [5.0] * 4,
    "source.wikiref": [None] * 4,
    "source.line_words": [5.0, 6.0, 7.0, 8.0],
    "source.line_words_mean": [5 / 3, 2.0, 7 / 3, 8 / 3],
    "source.line_words_median": [2.0, 2.0, 2.0, 3.0],
    "source.line_words_max": [3.0] * 4,
    "source.line_words_min": [0.0, 1.0, 2.0, 2.0],
    "source.javascript": [False, False, True, False],
    "source.javascript_number": [0.0, 0.0, 1.0, 0.0],
    "source.absent": [None] * 4,
    "source.unaggregated": [None] * 4,
    "url": [f"https://a.example/{n}" for n in range(4)],
    "date": ["2023-01-26T22:21:51Z"] * 4,
    "language": ["en"] * 4,
    "own_id": [f"2023-06/0000/en_head.json.gz/{n}" for n in range(4)],
}


def unpacked() -> list[dict[str, Any]]:
    """The records with objects in place of the JSON in strings."""
    return [{**r, "meta": json.loads(r["meta"]), "quality_signals": json.loads(r["quality_signals"])} for r in RECORDS]


def as_jsonl(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(records), sink)
    return sink.getvalue().to_pybytes()


def as_arrow(records: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(records)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


WRITTEN = {
    "strings.jsonl": as_jsonl(RECORDS),
    "objects.jsonl": as_jsonl(unpacked()),
    "strings.parquet": as_parquet(RECORDS),
    "strings.arrow": as_arrow(RECORDS),
    "strings.csv": as_csv(RECORDS),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_redpajama(reading: Reading, name: str) -> None:
    rows, tally = reading(WRITTEN[name], name, **FIELDS)
    for column, expected in GOLDEN.items():
        assert [row[column] for row in rows] == expected, column
    assert tally.causes == {}


def test_redpajama_block_by_block(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first block has taught is used in the next one, and forgotten where it no longer holds."""
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", 1000)
    monkeypatch.setattr("tamis.readers.decompress.READ_BYTES", 400)
    mixed = [*RECORDS[:2], *unpacked()[2:]]
    for records in (RECORDS, unpacked(), mixed):
        rows, tally = reading(as_jsonl(records), "a.jsonl", **FIELDS)
        for column, expected in GOLDEN.items():
            assert [row[column] for row in rows] == expected, column
        assert tally.causes == {}


@pytest.mark.parametrize("kind", [as_jsonl, as_parquet])
def test_a_string_that_holds_no_json_says_nothing(reading: Reading, kind: Any) -> None:
    records = [{"text": "a", "meta": "{broken"}, {"text": "b", "meta": '["list"]'}, {"text": "c", "meta": '{"y": 7}'}]
    name = "a.jsonl" if kind is as_jsonl else "a.parquet"
    rows, _ = reading(kind(records), name, signals={"y": {"field": "meta.y"}, "z": {"field": "meta.y.z"}})
    assert [(row["source.y"], row["source.z"]) for row in rows] == [(None, None), (None, None), (7.0, None)]


def test_row_filters_and_text_within_json(reading: Reading) -> None:
    records = [{"body": json.dumps({"text": f"t{n}", "year": 1990 + n})} for n in range(3)]
    for data, name in ((as_jsonl(records), "a.jsonl"), (as_parquet(records), "a.parquet")):
        rows, tally = reading(data, name, columns={"text": "body.text"}, where={"body.year": [1991, None]})
        assert [row["text"] for row in rows] == ["t1", "t2"]
        assert tally.filtered == 1


def test_row_filters_by_pattern(reading: Reading) -> None:
    records = [{"text": "t", "url": f"https://{host}/x"} for host in ("a.fr", "b.de", "c.fr")]
    rows, tally = reading(
        as_jsonl(records), "a.jsonl", columns={"text": "text", "url": "url"}, where={"url": {"glob": "https://*.fr/**"}}
    )
    assert [row["url"] for row in rows] == ["https://a.fr/x", "https://c.fr/x"]
    assert tally.filtered == 1


@pytest.mark.parametrize(
    ("value", "how", "type_", "expected"),
    [
        ([1, None, 4], "mean", "number", 2.5),
        ([[0, 5, None], [5, 9, 7]], "first", "number", 7.0),
        ([], "sum", "number", None),
        ([None], "any", "number", None),
        (3, "median", "number", 3.0),
        ([1, 2, 9], "mean_or_median", "number", 2.0),
        ([1, 8, 9], "mean_or_median", "number", 6.0),
        ([True, False], "any", "boolean", True),
        ([0, 0.0], "any", "boolean", False),
        (["a", "b"], "first", "string", "a"),
        (["a"], "sum", "number", None),
        ([{"a": 1}], "first", "string", None),
    ],
)
def test_aggregates(reading: Reading, value: Any, how: str, type_: str, expected: Any) -> None:
    signal = {"field": "s", "aggregate": how, "type": type_}
    rows, _ = reading(as_jsonl([{"text": "t", "s": value}]), "a.jsonl", signals={"s": signal})
    assert rows[0]["source.s"] == expected


@pytest.mark.parametrize(("type_", "how"), [("string", "mean"), ("boolean", "sum")])
def test_aggregates_that_cannot_be_meant(type_: str, how: str) -> None:
    with pytest.raises(ValidationError, match="can't be aggregated"):
        SourceSignal.model_validate({"field": "s", "type": type_, "aggregate": how})


@pytest.mark.parametrize("how", ["sum", "mean", "mean_or_median"])
@pytest.mark.parametrize("numbers", [[1e308] * 3, [float("inf"), float("-inf")]])
def test_numbers_that_have_no_sum_give_no_signal(how: str, numbers: list[float]) -> None:
    assert aggregated(numbers, how, "number") is None
