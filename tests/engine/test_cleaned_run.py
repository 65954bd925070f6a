"""Cleaners in a run: what they change reaches the release, is counted, and is read again when they change."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_corpus import Outcome, Place, corpus_files, documents, jsonl

from tamis.cards.check_declared import check_declared, check_identity
from tamis.cards.checks import Checks
from tamis.corpus.hashing import key_of
from tamis.corpus.store import Store
from tamis.engine.ingest import INGEST_VERSION, ingest_tasks
from tamis.engine.keys import reading_key
from tamis.engine.plan import plan
from tamis.engine.reporting import Silent
from tamis.engine.session import Session
from tamis.engine.status import status
from tamis.errors import InputError

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0, columns: {text: text, id: id}, language: en}
sources:
  - name: web
    path: web/*.jsonl
    clean: CLEAN
  - {name: news, path: news/*.jsonl}
stages:
  - exact_duplicates: {keep: {}}
"""
TEXTS = [
    "Caf&eacute; &amp; th&eacute; for all of us this morning",
    "An ordinary text about ordinary things",
    "Kept until here\\r\\n*** END ***\\r\\nbut not this",
    "boom: the secret stays untold",
    "give me up, please",
    "*** END ***",
]
OWN = """
def clean(text):
    if "boom" in text:
        raise ValueError(text)
    if "give me up" in text:
        return None
    if "number" in text:
        return 7
    return text.replace("ordinary", "plain")
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two sources: `web`, of a few texts, and `news`."""
    return make(tmp_path, "[html_unescape, {tail: {pattern: '\\n?^[*]+ END'}}]")


def make(root: Path, clean: str) -> Place:
    place = Place(root, recipe=RECIPE.replace("CLEAN", clean))
    rows = [{"id": str(number), "text": text} for number, text in enumerate(TEXTS)]
    jsonl(place.corpus / "web/a.jsonl", [{**row, "text": row["text"].replace("\\r\\n", "\r\n")} for row in rows])
    jsonl(place.corpus / "news/b.jsonl", documents(1, 12))
    return place


def texts(outcome: Outcome) -> dict[str, str]:
    """Released texts by id."""
    shards = pl.concat([pl.read_parquet(path) for path in sorted((outcome.release / "data").rglob("*.parquet"))])
    return dict(zip(shards["id"], shards["text"], strict=True))


def told(place: Place) -> dict[str, Any]:
    """What `tamis status` tells of `web`."""
    found = status(place.recipe(), place.corpus, Store(place.work))
    return next(source for source in found["sources"] if source["source"] == "web")


def test_texts_are_cleaned_in_order_and_counted(place: Place) -> None:
    outcome = place.run()
    released = texts(outcome)
    assert released["web:0"] == "Café & thé for all of us this morning"
    assert released["web:1"] == TEXTS[1]
    assert released["web:2"] == "Kept until here"
    assert "web:5" not in released
    web, news = outcome.manifest.sources
    assert web.rejects == {"empty_text": 1} and not news.cleaners
    assert [(one.name, one.version, one.documents, one.chars) for one in web.cleaners] == [
        ("html_unescape", 1, 1, len(TEXTS[0]) - len(html.unescape(TEXTS[0]))),
        ("tail", 1, 2, len("\n*** END ***\nbut not this") + len("*** END ***")),
    ]
    assert told(place)["cleaners"] == [one.model_dump() for one in web.cleaners]
    written = json.loads((outcome.release / "manifest.json").read_bytes())
    assert "cleaners" in written["sources"][0] and "cleaners" not in written["sources"][1]
    checks = Checks()
    check_declared(outcome.manifest, checks)
    check_identity(outcome.manifest, checks)
    assert not checks.problems


def test_the_same_whatever_the_workers(place: Place) -> None:
    assert place.run().files == place.clean(workers=2).files


def test_a_cleaner_that_fails_rejects_its_row_alone(tmp_path: Path) -> None:
    place = make(tmp_path, '[{function: {path: own_cleaner_of_a_run.clean, version: "1"}}]')
    (place.corpus / "own_cleaner_of_a_run.py").write_text(OWN)
    rows = [*(place.corpus / "web/a.jsonl").read_text().splitlines(), '{"id": "n", "text": "a number"}']
    (place.corpus / "web/a.jsonl").write_text("\n".join(rows) + "\n")
    outcome = place.run(workers=2)
    assert texts(outcome)["web:1"] == "An plain text about plain things"
    found = told(place)
    assert found["causes"] == {"cleaner_failed": 2, "cleaner_rejected": 1}
    rejects = {(one["line"], one["cause"]): one["detail"] for one in found["rejects"]}
    assert rejects[4, "cleaner_failed"] == "cleaner function: ValueError at own_cleaner_of_a_run.py:4"
    assert rejects[5, "cleaner_rejected"].startswith("cleaner function: ")
    assert "it returned int, not str" in rejects[7, "cleaner_failed"]
    assert not any("secret" in detail for detail in rejects.values()), "a reject never holds a text"


def test_a_changed_cleaner_reads_its_source_alone_again(place: Place) -> None:
    before = place.run()
    released = texts(before)
    shards = corpus_files(place)
    place.text = place.text.replace("END'", "END', most: 0.9")
    after = place.run()
    assert after.files != before.files
    kept = {path for path in shards if "/web/" not in path}
    now = corpus_files(place)
    assert kept and all(now[path] == shards[path] for path in kept)
    assert {path for path in now if "/web/" in path} > {path for path in shards if "/web/" in path}
    assert texts(after) == {**released, "web:5": "*** END ***"}, "all of it is a larger share"
    assert place.run().summary.nothing_to_do


def test_a_changed_file_reads_its_source_again(tmp_path: Path) -> None:
    place = make(tmp_path, "[{cid: {file: glyphs.json}}]")
    place.corpus.mkdir(exist_ok=True)
    jsonl(place.corpus / "web/a.jsonl", [{"id": "x", "text": "L(cid:146)article"}])
    (place.corpus / "glyphs.json").write_text('{"146": "x"}')
    first = place.run()
    assert texts(first)["web:x"] == "Lxarticle"
    (place.corpus / "glyphs.json").write_text('{"146": "’"}')
    second = place.run()
    assert texts(second)["web:x"] == "L’article"
    one, other = (outcome.manifest.sources[0].cleaners[0] for outcome in (first, second))
    assert one.files["file"] != other.files["file"]
    assert first.manifest.identity != second.manifest.identity


@pytest.mark.parametrize(
    ("clean", "complaint"),
    [
        ('[{function: {path: nowhere_to_be_found.clean, version: "1"}}]', "source web: cleaner function .*no module"),
        ("[{cid: {file: missing.json}}]", "missing.json"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_read(clean: str, complaint: str, tmp_path: Path) -> None:
    place = make(tmp_path, clean)
    with pytest.raises(InputError, match=complaint):
        plan(Session(place.recipe(), place.corpus, Store(place.work), 1, Silent()))
    with pytest.raises(InputError, match=complaint):
        place.run()
    assert not list(place.work.rglob("*.parquet"))


def test_without_cleaners_nothing_is_named_otherwise(tmp_path: Path) -> None:
    place = make(tmp_path, "[]")
    session = Session(place.recipe(), place.corpus, Store(place.work), 1, Silent())
    session.locate()
    for source in session.recipe.sources:
        (task,) = ingest_tasks(source, session.inputs[source.name], session.store, session.base)
        inputs = [[file.name, file.fingerprint, file.facts] for file in task.files]
        assert task.key == key_of(INGEST_VERSION, reading_key(source), None, inputs)
    outcome = place.run()
    assert outcome.files == make(tmp_path / "other", "[]").run().files
    assert "clean" not in (outcome.release / "manifest.json").read_text()
