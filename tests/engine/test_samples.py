"""Samples for review: who is drawn, what is shown of them, and that no personal data is."""

from __future__ import annotations

import json
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpus import Outcome, Place, jsonl, text

from tamis.corpus.hashing import uniform
from tamis.engine.drawing_samples import PER_STRATUM, DrawTask, Rights, bound_rules, chosen, facts_of, merged
from tamis.engine.samples import MARK, SHOWN, masked, shown_texts
from tamis.stages.pii import PiiConfig

PLANTED = (
    "marie.curie@univ-exemple.fr", "FR14 2004 1010 0505 0001 3M02 606", "+33 6 12 34 56 78", "4556 7375 8689 9855",
    "81.2.69.142",
)  # fmt: skip
RECIPE = """
name: small
version: "1"
seed: 3
defaults: {license: CC0-1.0}
sources:
  - {name: news, path: news/*.jsonl, category: news, language: fr, columns: {text: text, id: id}}
  - {name: closed, path: closed/*.jsonl, language: fr, columns: {text: text, id: id}, redistributable: false}
  - {name: rows, path: rows/*.jsonl, language: fr, columns: {text: text, id: id, license: license}}
stages:
  - gopher_quality: {keep: {words: [40, 300]}, keep_by: {category: {news: {words: [30, 300]}}}}
  - exact_duplicates
  - PII
"""


def corpus(folder: Path) -> None:
    """Short and long texts, all with personal data somewhere."""
    chance = random.Random(5)

    def row(number: int, **more: str) -> dict[str, Any]:
        body = text(chance, "fr", chance.choice((1, 2, 3, 6)))
        planted = " ".join(chance.sample(PLANTED, 2))
        return {"id": str(number), "text": f"{body} {planted}. {'mot ' * (900 if number % 9 == 0 else 0)}", **more}

    jsonl(folder / "news/a.jsonl", [row(number) for number in range(60)])
    jsonl(folder / "closed/a.jsonl", [row(number) for number in range(20)])
    jsonl(folder / "rows/a.jsonl", [row(n, license="MIT" if n % 2 else "LicenseRef-Unknown") for n in range(20)])


@pytest.fixture(scope="module", params=["pii", "pii: {replacement: fake, kinds: [email]}", "gopher_repetition"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A release with a stage that looks for all kinds, for one, and none."""
    root = tmp_path_factory.mktemp("samples")
    corpus(root / "corpus")
    place = Place(root, RECIPE.replace("PII", request.param))
    place.corpus = root / "corpus"
    return place.run()


def samples(release: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted((release / "samples").iterdir()) for line in path.open("rb")]


def test_no_sample_holds_personal_data(outcome: Outcome) -> None:
    told = samples(outcome.release)
    assert len(told) > 20 and {one["kind"].partition(" ")[0] for one in told} == {"near", "kept", "dropped"}
    dropped = [one for one in told if one["reason"]]
    assert dropped
    for one in told:
        assert not any(value in one["text"] for value in PLANTED), one["id"]
    fakes = "replacement" in str(outcome.manifest.recipe["stages"])
    assert fakes or any("<PHONE_NUMBER>" in one["text"] for one in dropped)


def test_samples_say_what_the_ledger_says(outcome: Outcome) -> None:
    ledger = {row["id"]: row for row in outcome.ledger().iter_rows(named=True)}
    told = samples(outcome.release)
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        row = ledger[one["id"]]
        assert one["reason"] == row["dropped_by"] and one["chars"] == row["chars"]
        assert one["kind"].endswith("kept") == (row["copies"] > 0)
        assert one["cut"] == one["text"].endswith(MARK) and len(one["text"]) <= SHOWN + len(MARK) + 200
        if one["kind"].startswith("near"):
            assert one["rule"] == "gopher_quality.words" and one["value"] == row[one["rule"]]
            low = 30 if row["category"] == "news" else 40
            assert one["threshold"] in (low, 300) and abs(one["value"] - one["threshold"]) <= one["threshold"] / 10
    facts = outcome.manifest.samples
    assert facts is not None and facts.drawn == len(told) and facts.drawn == sum(row.drawn for row in facts.rows)
    assert all(row.drawn <= min(PER_STRATUM, row.documents) for row in facts.rows)


def test_texts_that_may_not_be_handed_on_are_not_shown(outcome: Outcome) -> None:
    told = samples(outcome.release)
    assert {one["source"] for one in told} == {"news", "rows"}
    assert {one["license"] for one in told if one["source"] == "rows"} == {"MIT"}
    facts = outcome.manifest.samples
    assert facts is not None and facts.withheld == 20 + 10
    assert facts.documents + facts.withheld == outcome.manifest.totals["ingested"]


def test_none_are_drawn_when_none_are_asked_for(outcome: Outcome, tmp_path: Path) -> None:
    place = Place(tmp_path, RECIPE.replace("PII", "pii"), corpus=outcome.release.parents[1] / "corpus")
    few = place.run("release.samples=7")
    assert len(samples(few.release)) == 7
    none = place.run("release.samples=0")
    assert none.manifest.samples is None and not (none.release / "samples").exists()


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, SHOWN + 20), value=st.sampled_from(PLANTED),
    around=st.sampled_from([" ", "\n", " é ", ", ", " 表 "]), rest=st.integers(0, 1500),
)  # fmt: skip
def test_no_cut_shows_personal_data(before: int, value: str, around: str, rest: int) -> None:
    whole = ("mot " * before)[:before] + around + value + around + "x " * rest
    column = pa.array([whole], pa.large_string())
    language, ids = pa.array(["fr"]), pa.array(["a"])
    config = PiiConfig()
    [shown] = shown_texts(column, language, ids, config).to_pylist()
    head = re.split(r"[ @.]", value)[0] if "@" in value else value[: len(value) // 2]
    assert value not in shown
    # Not even the first half of it, at the cut.
    assert before > SHOWN or head not in shown or head in ("mot",)
    assert masked(pa.array([shown], pa.large_string()), language, ids, config).to_pylist() == [shown]
    assert len(shown) <= SHOWN + len(MARK) + len("<PHONE_NUMBER>")


def by_hand(frame: pl.DataFrame, low: float, high: float) -> dict[str, tuple[str, str]]:
    """Id -> kind and rule, one document after the other."""
    found = {}
    for row in frame.iter_rows(named=True):
        value, reason = row["quality.words"], row["dropped_by"]
        side = "dropped" if reason else "kept"
        near = value is not None and min(
            abs(value - low) / max(low / 10, 1), abs(value - high) / max(high / 10, 1)
        ) <= 1 and reason in (None, "quality.words")  # fmt: skip
        if reason == "mix.epochs":
            continue
        found[row["id"]] = (f"near {side}", "quality.words") if near else (side, reason or "")
    return found


rows = st.lists(
    st.fixed_dictionaries(
        {
            "language": st.sampled_from(["fr", None]),
            "quality.words": st.one_of(st.none(), st.integers(0, 130)),
            "other": st.booleans(),
            "undrawn": st.booleans(),
        }
    ),
    max_size=60,
)


@settings(max_examples=50, deadline=None)
@given(rows=rows, cuts=st.integers(1, 4), most=st.integers(1, 40))
def test_the_draw_is_that_of_the_definition(rows: list[dict[str, Any]], cuts: int, most: int) -> None:
    recipe = {"stages": [{"quality": {"keep": {"words": [20, 100]}}}], "sources": []}
    frame = pl.DataFrame(
        [
            {
                "id": f"web:{n}", "source": "web", "language": row["language"], "category": None, "license": "MIT",
                "copies": 1, "chars": n, "quality.words": row["quality.words"],
                "dropped_by": "quality.words" if row["quality.words"] is not None
                and not 20 <= row["quality.words"] <= 100 else "pii.found" if row["other"]
                else "mix.epochs" if row["undrawn"] else None,
            }
            for n, row in enumerate(rows)
        ],
        schema={"id": pl.String, "source": pl.String, "language": pl.String, "category": pl.String,
                "license": pl.String, "copies": pl.Int32, "chars": pl.Int64, "quality.words": pl.Int32,
                "dropped_by": pl.String},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        step = max(1, -(-frame.height // cuts))
        parts = [frame.slice(at, step) for at in range(0, max(frame.height, 1), step)]
        paths = [Path(folder) / f"{n}.parquet" for n in range(len(parts))]
        for part, path in zip(parts, paths, strict=True):
            part.write_parquet(path)
        rights = Rights(frozenset(["web"]), frozenset())
        tasks = [DrawTask(((n, path),), tuple(bound_rules(recipe)), rights, 7) for n, path in enumerate(paths)]
        drawn = merged([task.run() for task in tasks])
    wanted = by_hand(frame, 20, 100)
    strata: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    chance = dict(zip(frame["id"], uniform(pa.array(frame["id"].to_list(), pa.string()), 7, "samples"), strict=True))
    for row in frame.iter_rows(named=True):
        if row["id"] in wanted:
            kind, rule = wanted[row["id"]]
            strata.setdefault((kind, row["language"] or "und", rule), []).append((chance[row["id"]], row["id"]))
    picked = chosen(drawn, most)
    facts = facts_of(drawn, picked, most)
    assert facts.documents == len(wanted) and facts.strata == len(strata)
    offered = sum(min(PER_STRATUM, len(members)) for members in strata.values())
    assert picked.height == min(most, offered)
    for row in facts.rows:
        members = sorted(strata[row.kind, row.language, row.rule])
        assert row.documents == len(members)
        got = picked.filter(
            (pl.col("kind") == row.kind) & (pl.col("language") == row.language) & (pl.col("rule") == row.rule)
        )
        assert got["id"].to_list() == [id_ for _, id_ in members[: row.drawn]]


def test_the_order_of_a_recipes_keys_draws_nothing_else() -> None:
    """A manifest's recipe has its keys in the order of the alphabet."""
    keep = {"words": {"min": 50}, "stop_words": {"min": 2}, "bullet_line_ratio": {"max": 0.9}}
    by = {"source": {"a": {"words": {"min": 9}}}, "language": {"fr": {"words": {"min": 8}}}}
    one = bound_rules({"stages": [{"gopher_quality": {"as": "gopher", "keep": keep, "keep_by": by}}]})
    turned = {"as": "gopher", "keep": dict(sorted(keep.items())), "keep_by": dict(sorted(by.items()))}
    assert one == bound_rules({"stages": [{"gopher_quality": turned}]})
    assert [rule.column for rule in one] == ["gopher.bullet_line_ratio", "gopher.stop_words", "gopher.words"]
    assert [column for column, *_ in one[-1].overrides] == ["language", "source"]
