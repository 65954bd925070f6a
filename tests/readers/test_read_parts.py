"""Documents of several fields: every reader, lists, what is missing."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tamis.recipe.model import Source

Reading = Any
ROWS: list[dict[str, Any]] = [
    {"id": "1", "question": "Why?", "answers": ["Because.", "So."]},
    {"id": "2", "question": " ", "answers": []},
    {"id": "3", "question": "And?", "answers": None},
    {"id": "4", "question": None, "answers": ["Well,", None, "yes."]},
]
TEXTS = {"1": "Why?\n\nBecause.\n\nSo.", "3": "And?", "4": "Well,\n\nyes."}
PARTS = {"fields": ["question", "answers"]}


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


FILES = {
    "a.jsonl": "\n".join(map(json.dumps, ROWS)).encode(),
    "a.parquet": parquet({name: [row[name] for row in ROWS] for name in ROWS[0]}),
}


@pytest.mark.parametrize("name", FILES)
def test_fields_and_lists_of_texts(reading: Reading, name: str) -> None:
    rows, tally = reading(FILES[name], name, columns={"id": "id"}, parts=PARTS)
    assert {row["own_id"]: row["text"] for row in rows} == TEXTS
    assert (dict(tally.causes), tally.rejects[0].line, tally.read) == ({"missing_text": 1}, 2, 4)


def test_fields_of_the_objects_in_a_list(reading: Reading) -> None:
    answers = [[{"Body": "Because.", "Score": 3}, {"Body": None, "Score": 5}, {"Body": "So.", "Score": 1}], [], None]
    rows = [{"question": {"Body": f"Why {at}?"}, "answers": found} for at, found in enumerate(answers)]
    source = {
        "parts": {"fields": ["question.Body", "answers.Body", "answers.Other"]},
        "signals": {"best": {"field": "answers.Score", "aggregate": "max"}},
    }
    files = {
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.parquet": parquet({name: [row[name] for row in rows] for name in rows[0]}),
    }
    for name, data in files.items():
        read, _ = reading(data, name, **source)
        assert [row["text"] for row in read] == ["Why 0?\n\nBecause.\n\nSo.", "Why 1?", "Why 2?"], name
        assert [row["source.best"] for row in read] == [5, None, None], name


def test_nested_fields_and_another_separator(reading: Reading) -> None:
    data = json.dumps({"question": {"title": "T", "body": "B"}, "answer": "A"}).encode()
    parts = {"fields": ["question.title", "question.body", "answer"], "separator": " | "}
    rows, _ = reading(data, "a.jsonl", parts=parts)
    assert [row["text"] for row in rows] == ["T | B | A"]


def test_tables(reading: Reading) -> None:
    rows, _ = reading(b"title,body\nT,B\n,C\n", "a.csv", parts={"fields": ["title", "body"]})
    assert [row["text"] for row in rows] == ["T\n\nB", "C"]
    rows, tally = reading(b"a,b\nT,B\n", "a.csv", parts={"fields": ["title", "body"]})
    assert (rows, dict(tally.causes)) == ([], {"missing_column": 1})


def test_bytes_that_are_no_text(reading: Reading) -> None:
    lists = pa.array([[b"good", b"\xff"], [b"good"]], pa.list_(pa.binary()))
    data = parquet({"title": pa.array([b"T", b"\xff"]), "all": lists})
    rows, tally = reading(data, "a.parquet", parts={"fields": ["title", "all"]})
    assert ([row["text"] for row in rows], dict(tally.causes)) == (["T\n\ngood"], {"bad_utf8": 1})


@pytest.mark.parametrize("more", [{"columns": {"text": "t"}}, {"pairs": {"columns": {"fr": "a", "en": "b"}}}])
def test_a_document_is_made_of_one_of_them(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="documents are made of one of them"):
        Source.model_validate({"name": "s", "path": "a", "license": "MIT", "parts": PARTS, **more})
