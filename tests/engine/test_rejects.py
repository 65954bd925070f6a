"""Input that can't be read is counted with its place; the rest goes on. Ids stay distinct and stable."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_corpus import Place, documents, jsonl

from tamis.engine import ingest
from tamis.engine.session import Session
from tamis.errors import InputError, TaskFailed, TooManyRejects

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: web, path: web/*.jsonl*, columns: {text: text, id: id}}
stages:
  - language: {keep: {}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Forty good documents in two files."""
    place = Place(tmp_path, recipe=RECIPE)
    jsonl(place.corpus / "web/a.jsonl", documents(1, 24))
    jsonl(place.corpus / "web/b.jsonl.gz", documents(2, 16))
    return place


def add_bad_lines(place: Place) -> list[list[Any]]:
    """Puts six bad lines into file `a`, cuts file `b` short; what must be told of each: file, line, cause."""
    path = place.corpus / "web/a.jsonl"
    lines = path.read_bytes().splitlines()
    for number, line in (
        (2, b'{"text": "no end'),
        (5, b'{"id": "x"}'),
        (6, b'{"text": 7, "id": "y"}'),
        (7, b'{"text": "\xff\xfe", "id": "z"}'),
        (8, b'{"text": " \\u0000 \\n ", "id": "e"}'),
        (9, b"[1, 2]"),
    ):
        lines.insert(number - 1, line)
    path.write_bytes(b"\n".join(lines) + b"\n")
    packed = place.corpus / "web/b.jsonl.gz"
    packed.write_bytes(packed.read_bytes()[:-200])
    causes = ("bad_json", "missing_text", "wrong_type", "bad_utf8", "empty_text", "wrong_type")
    return [["a.jsonl", line, cause] for line, cause in zip((2, 5, 6, 7, 8, 9), causes, strict=True)]


def records(place: Place) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((place.work / "corpus").rglob("record.json"))]


def test_bad_lines_are_counted_with_file_and_line(place: Place) -> None:
    expected = add_bad_lines(place)
    outcome = place.run()
    told = [reject for record in records(place) for reject in record["rejects"]]
    of_a = [reject[:3] for reject in told if reject[0] == "a.jsonl"]
    assert of_a == expected
    of_b = [reject for reject in told if reject[0] == "b.jsonl.gz"]
    assert of_b and of_b[-1][2] == "truncated_archive"
    assert not any("no end" in str(reject) for reject in told), "a reject never holds a text"
    source = outcome.manifest.sources[0]
    assert sum(source.rejects.values()) == len(told)
    assert source.rejects["missing_text"] == 1 and source.rejects["wrong_type"] == 2
    ledger = outcome.ledger()
    assert source.documents == ledger.height == source.read - len(told)
    kept = {f"web:{row['id']}" for row in documents(1, 24)}
    assert kept <= set(ledger["id"]), "the rest of a damaged file is kept"
    assert 0 < ledger.height - len(kept) < 16, "so is what comes before the damage in an archive"


@pytest.mark.parametrize(
    ("limit", "allowed"), [(0.0, False), (0.1, False), (0.5, True), (6, False), (40, True), (None, True)]
)
def test_max_rejects_is_a_share_or_a_count(limit: float | None, allowed: bool, place: Place) -> None:
    add_bad_lines(place)
    if allowed:
        assert place.run(max_rejects=limit).manifest.sources[0].rejects
        return
    with pytest.raises(TooManyRejects, match=rf"\d+ of \d+ rows can't be read.*--max-rejects {limit:g} .*tamis status"):
        place.run(max_rejects=limit)
    assert not place.out.exists() or not list(place.out.iterdir())


def test_a_run_with_a_higher_limit_goes_on(place: Place) -> None:
    add_bad_lines(place)
    with pytest.raises(TooManyRejects):
        place.run(max_rejects=0)
    after = place.run(max_rejects=0.9)
    assert "ingest" not in after.rows, "what was read is kept"
    assert after.files == place.clean().files


def test_without_rejects_no_limit_is_reached(place: Place) -> None:
    assert place.run(max_rejects=0).ledger().height == 40


def ids(place: Place) -> dict[str, list[str]]:
    """Ids by the text's hash, in the order of the ledger."""
    rows = place.run().ledger()
    shards = pl.concat([pl.read_parquet(path) for path in sorted((place.out / "small-1/data").rglob("*.parquet"))])
    assert sorted(shards["id"]) == sorted(rows["id"])
    found: dict[str, list[str]] = {}
    for text, id_ in zip(shards["text"], shards["id"], strict=True):
        found.setdefault(text, []).append(id_)
    return found


def test_equal_ids_are_made_distinct_and_stay_so(place: Place) -> None:
    jsonl(place.corpus / "web/a.jsonl", [{"id": "x", "text": f"{word} text"} for word in ("first", "second", "third")])
    jsonl(
        place.corpus / "web/b.jsonl.gz",
        [
            {"id": "x", "text": "fourth text"},
            {"id": "x~2", "text": "fifth text"},
            {"id": "", "text": "no id"},
            {"text": "no id"},
            {"id": "x", "text": "fourth text"},
        ],
    )
    before = ids(place)
    all_ids = [id_ for of_text in before.values() for id_ in of_text]
    assert len(all_ids) == len(set(all_ids)) == 8
    assert (before["first text"], before["second text"], before["third text"]) == (["web:x"], ["web:x~2"], ["web:x~3"])
    assert before["fourth text"][0].startswith("web:x~") and len(before["fourth text"][0]) == len("web:x~") + 8
    assert len(set(before["no id"])) == 2
    # A line more at another place, and a file more, change no id of the others.
    jsonl(place.corpus / "web/c.jsonl", [{"id": "x", "text": "sixth text"}, {"text": "no id"}])
    after = ids(place)
    assert all(set(before[text]) <= set(after[text]) for text in before)
    all_ids = [id_ for of_text in after.values() for id_ in of_text]
    assert len(all_ids) == len(set(all_ids)) == 10


def test_an_id_without_an_own_id_does_not_know_its_line(place: Place) -> None:
    texts = [f"text number {number}" for number in range(6)]
    jsonl(place.corpus / "web/a.jsonl", [{"text": text} for text in texts])
    before = ids(place)
    jsonl(place.corpus / "web/a.jsonl", [{"text": text} for text in ["new", *reversed(texts)]])
    after = ids(place)
    assert all(before[text] == after[text] for text in texts)


def test_empty_files_hold_nothing(place: Place) -> None:
    (place.corpus / "web/c.jsonl").write_bytes(b"")
    (place.corpus / "web/d.jsonl.gz").write_bytes(gzip.compress(b""))
    (place.corpus / "web/e.jsonl").write_bytes(b"\n\n")
    outcome = place.run()
    assert outcome.ledger().height == 40
    assert outcome.manifest.sources[0].files == 5
    assert outcome.manifest.sources[0].rejects == {}


def test_a_source_without_a_document_is_told_why(place: Place) -> None:
    for path in (place.corpus / "web").iterdir():
        path.unlink()
    (place.corpus / "web/a.jsonl").write_text('{"id": 1}\n{"text": "kept out", "lang": "xx"}\n')
    place.text = place.text.replace("columns: {", "where: {lang: fr}, columns: {")
    told = r"source web has no document: 1 files with 2 rows.*left out 1 .*1 could not be read \(1 missing"
    with pytest.raises(InputError, match=told):
        place.run()


def test_what_can_not_be_opened_is_a_reject(place: Place) -> None:
    (place.corpus / "web/gone.jsonl").symlink_to(place.corpus / "nowhere")
    (place.corpus / "web/folder.jsonl").mkdir()
    before = place.run()
    assert before.manifest.sources[0].rejects == {"unreadable": 1}
    assert before.ledger().height == 40
    # It comes back: read then, and nothing else.
    (place.corpus / "web/gone.jsonl").unlink()
    jsonl(place.corpus / "web/gone.jsonl", documents(3, 4))
    after = place.run()
    assert after.rows["ingest"] == 4 and after.manifest.sources[0].rejects == {}


@pytest.mark.parametrize("grow", [True, False])
def test_a_file_that_changes_while_it_is_read(grow: bool, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shards must not stand under the name of what was listed, be it as long as before."""
    ingest_first = Session.ingest
    rows = [row | {"id": f"new-{row['id'][2:]}" if grow else f"7{row['id'][1:]}"} for row in documents(1, 24)]

    def meanwhile(session: Session, *limit: Any) -> None:
        jsonl(place.corpus / "web/a.jsonl", rows)
        ingest_first(session, *limit)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "ingest", meanwhile)
        with pytest.raises(TaskFailed, match=r"a.jsonl changed while it was read\. Run again"):
            place.run()
    assert len(records(place)) == 1, "only the other file's"
    assert len(list((place.work / "corpus").rglob("*.parquet"))) == 1
    after = place.run()
    assert after.files == place.clean().files
    assert {f"web:{row['id']}" for row in rows} <= set(after.ledger()["id"])


def test_a_file_that_vanishes_before_it_is_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    locate_first = Session.locate

    def meanwhile(session: Session) -> None:
        locate_first(session)
        (place.corpus / "web/a.jsonl").unlink()

    with monkeypatch.context() as patch:
        patch.setattr(Session, "locate", meanwhile)
        with pytest.raises(TaskFailed, match=r"a\.jsonl changed while it was read"):
            place.run()
    assert place.run().ledger().height == 16


def test_a_task_that_fails_midway_leaves_no_half_shard(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonl(place.corpus / "web/a.jsonl", documents(1, 240))
    tries = []

    def failing(text: Any) -> Any:
        tries.append(len(text))
        raise RuntimeError("no hash today")

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "ROW_GROUP_BYTES", 2_000)
        patch.setattr(ingest._Part, "write", failing)
        with pytest.raises(TaskFailed, match="2 of 2 tasks failed"):
            place.run()
    assert [path for path in (place.work / "corpus").rglob("*") if path.is_file()] == []
    assert place.run().files == place.clean().files


def test_shards_and_row_groups_are_cut_by_size(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a document falls changes nothing but the shards' own files."""
    whole = place.run()
    monkeypatch.setattr(ingest, "ROW_GROUP_BYTES", 900)
    monkeypatch.setattr(ingest, "SHARD_BYTES", 3_000)
    cut = place.clean()
    assert cut.manifest.totals["shards"] > 4 > whole.manifest.totals["shards"]
    assert cut.ledger().equals(whole.ledger())
    texts = [
        pl.concat([pl.read_parquet(path) for path in sorted(outcome.release.glob("data/*/*.parquet"))])
        for outcome in (cut, whole)
    ]
    assert texts[0].equals(texts[1])
