"""The EU summary: every value is in the manifest where it says, and no answer of law is guessed."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tamis.cards.exports import eu_score, eu_summary
from tamis.cards.exports.eu_general import band
from tamis.cards.view import View
from tamis.corpus.commit import read_json


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / eu_summary.JSON).read_text(encoding="utf-8"))
    return found


def fields(folder: Path) -> dict[str, dict[str, Any]]:
    return {field["id"]: field for part in summary(folder)["sections"] for field in part["fields"]}


def at(manifest: Any, place: str) -> Any:
    """The value at `sources[3].declared.version`."""
    for step in re.findall(r"[^.\[\]]+", place):
        manifest = manifest[int(step)] if isinstance(manifest, list) else manifest[step]
    return manifest


@pytest.mark.parametrize("name", ["declared", "release"])
def test_every_value_says_where_it_stands(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    manifest, seen = read_json(folder / "manifest.json"), 0
    for field in fields(folder).values():
        assert (field["status"] == "provided") == bool(field["from"]) == (field["answer"] is not None), field
        for place in field["from"]:
            value = at(manifest, place.removeprefix("manifest.json: "))
            assert value not in (None, "", [])
            seen += 1
            if isinstance(value, str) and field["answer"] not in ("yes", "no", "Text"):
                words = json.dumps(field["answer"], ensure_ascii=False)
                turned = "/".join(reversed(value.split("-")))
                assert value in words or turned in words or value in ("public_dataset", "crawled", "synthetic",
                                                                      "private"), place  # fmt: skip
    assert seen > 10


def test_nothing_is_guessed(release: Path) -> None:
    """Without a declaration there is no yes and no no, and each such question is open."""
    asked = [field for field in fields(release).values() if field["id"] in (
        "2.1.a", "2.2.1.a", "2.2.2.a", "2.3.a", "2.4.a", "2.4.b", "2.5.a", "2.6.a", "3.1.a")]  # fmt: skip
    assert len(asked) == 9 and {field["status"] for field in asked} == {"to be provided"}
    # What hangs on an open question is neither asked for nor moot.
    assert fields(release)["2.1.c"]["status"] == fields(release)["2.4.d"]["status"] == "if yes"
    open_ = {question["id"]: question["recipe"] for question in summary(release)["open_questions"]}
    assert {field["id"] for field in asked} <= set(open_)
    assert "1.1.a.name" in open_ and open_["3.2.a"] == "card.eu.illegal_content_measures"
    assert not any(answer in ("yes", "no") for answer in (field["answer"] for field in fields(release).values()))


def test_what_is_declared_is_answered(declared: Path) -> None:
    found = fields(declared)
    answers = {id_: field["answer"] for id_, field in found.items()}
    assert answers["2.1.a"] == answers["2.2.2.a"] == answers["2.3.a"] == answers["2.5.a"] == "yes"
    assert answers["2.2.1.a"] == answers["2.4.a"] == answers["2.6.a"] == "no"
    assert found["2.2.1.b"]["status"] == "not applicable"
    assert answers["0.b"] == "01/04/2026" and answers["1.3.d"].startswith("03/2026")
    large = answers["2.1.c"][0]
    assert (large["name"], large["version"], large["link"]) == ("The Example Web", "2026-01", "https://example.org/web")
    assert large["selection approach"] == "Every second page"
    assert "French (fr), EU" in answers["1.3.e"]
    assert summary(declared)["open_questions"] == []


def test_amounts_are_those_of_the_shards(declared: Path) -> None:
    tokens, documents = duckdb.sql(
        f"select sum(tokens), count(*) from read_parquet('{declared}/data/*/*.parquet')"
    ).fetchall()[0]
    found = fields(declared)
    assert found["1.3.b"]["answer"] == f"less than 1 billion tokens ({tokens} tokens)"
    assert f"{documents} documents" in found["1.3.g"]["answer"][-1]


@pytest.mark.parametrize(
    ("tokens", "name"),
    [(10**9 - 1, "less than 1 billion tokens"), (10**9, "1 billion to 10 trillion tokens"),
     (10**13, "more than 10 trillion tokens")],
)  # fmt: skip
def test_size_bands(tokens: int, name: str) -> None:
    assert band(tokens) == name


def test_markdown_says_what_the_data_says(declared: Path) -> None:
    text = (declared / eu_summary.MARKDOWN).read_text(encoding="utf-8")
    assert "Draft, not legal advice." in text
    titles = re.findall(r"^## (\S+)", text, re.MULTILINE)
    assert titles[:16] == ["0", "1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2",
                           "3.3", "Open", "How"]  # fmt: skip
    rows = dict(re.findall(r"^\| ([\w.]+) \| [^|]+ \| ([^|]+) \|", text, re.MULTILINE))
    for id_, field in fields(declared).items():
        shown = rows[id_].strip()
        assert (shown == "not applicable") == (field["status"] == "not applicable")


def with_sources(view: View, **changes: Any) -> View:
    """The view with other declarations of its first two sources."""
    first, second, *rest = view.manifest.sources
    other = second.model_copy(update={"declared": first.declared | changes})
    return dataclasses.replace(view, manifest=view.manifest.model_copy(update={"sources": (first, other, *rest)}))


def test_parts_of_one_dataset_are_one(view: View) -> None:
    """Of one provider, address, version and title; another version is another dataset."""
    for changes, count in (({}, 1), ({"version": "2"}, 2)):
        parts = eu_summary.sections(with_sources(view, **changes))
        answers = {answer.id: answer for part in parts for answer in part.answers}
        assert len(answers["2.1.c"].value) == count
    assert answers["2.1.c"].value[0]["sources in the recipe"] == ["web"]


def test_a_small_public_dataset_is_described_in_general(view: View) -> None:
    """Below 3 % of all public text it isn't listed by itself."""
    changed = with_sources(view, version="2", title="Small")
    rows = tuple(
        row.model_copy(update={"tokens": 1}) if row.source == "web-fr" else row for row in changed.manifest.composition
    )
    manifest = changed.manifest.model_copy(update={"composition": rows})
    parts = eu_summary.sections(dataclasses.replace(changed, manifest=manifest))
    answers = {answer.id: answer for part in parts for answer in part.answers}
    assert [one["name"] for one in answers["2.1.c"].value] == ["The Example Web"]
    assert answers["2.1.d"].value == ["Small: text; news, blogs; French; collected 2019/2024"]


def test_the_score_counts_what_facts_decide(declared: Path, release: Path) -> None:
    full, bare = summary(declared)["score"], summary(release)["score"]
    assert full["metrics"] == 242 and full["covered"] == len(eu_score.METRICS) == len(full["items"])
    assert len({item["id"] for item in full["items"]}) == full["covered"]
    for score in (full, bare):
        counted = [item for item in score["items"] if item["met"] is not None]
        assert len(counted) == score["applicable"]
        assert score["score"] == sum(item["weight"] * item["met"] for item in counted)
        assert score["of"] == sum(item["weight"] for item in counted)
        assert score["of"] == sum(part["of"] for part in score["sections"].values())
    assert full["percent"] > 90 > bare["percent"]
    missed = {item["id"] for item in full["items"] if item["met"] == 0}
    assert not missed and full["percent"] == 100


def test_without_a_list_of_domains_a_question_is_open(view: View) -> None:
    found = json.loads(eu_summary.json(view, domains=False))
    assert [question["id"] for question in found["open_questions"]] == ["2.3.h"]
    assert {item["id"] for item in found["score"]["items"] if item["met"] == 0} == {"F2.3.h.1"}
