"""The card's section on the mix, from plans as runs keep them in the manifest."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from tamis.cards.mixture import OPEN, SENTENCES, figures, mix
from tamis.cards.rewrite import read_ledger
from tamis.cards.twins import twins
from tamis.cards.view import View, view_of
from tamis.corpus.manifest import read_manifest
from tamis.mix.counts import counts_of
from tamis.mix.plan import plan
from tamis.recipe.mix import Mix

CELLS = [
    ("web-fr", "fr", "web", 1_000_000, 900),
    ("web-en", "en", "web", 8_000_000, 7000),
    ("books", "fr", "book", 200_000, 20),
    ("books", "en", "book", 500_000, 40),
    ("wiki", "de", "wiki", 300_000, 600),
]


def planned(mix: dict[str, Any], cells: list[Any] = CELLS) -> dict[str, Any]:
    schema = ["source", "language", "category", "tokens", "documents"]
    return plan(Mix.model_validate(mix), counts_of(pl.DataFrame(cells, schema=schema, orient="row"))).to_json()


@pytest.fixture
def view(release: Path) -> View:
    manifest = read_manifest(release)
    return view_of(manifest, read_ledger(manifest, release), release)


def with_plan(view: View, plan: dict[str, Any] | None) -> View:
    manifest = view.manifest.model_copy(update={"mix": plan})
    return View(**{**view.__dict__, "manifest": manifest})


TWO = {
    "parameters": 1e6,
    "phases": [
        {"name": "main", "tokens": 6_000_000, "sequence_length": 1024, "language": {"shares": {"fr": "1/2"}}},
        {"name": "annealing", "from": "main", "samples": 50, "sequence_length": 1024,
         "category": {"shares": {"book": "1/2"}}},
    ],
}  # fmt: skip


def test_every_phase_says_what_was_asked_and_what_was_reached(view: View) -> None:
    told = mix(with_plan(view, planned(TWO)), {})
    assert "### Phase main" in told and "### Phase annealing" in told
    assert "6\u202f000\u202f000 tokens, 5\u202f859 sequences of 1\u202f024." in told
    french = next(line for line in told.splitlines() if line.startswith("| `fr` | 1\u202f200\u202f000 |"))
    assert [cell.strip() for cell in french.split("|")[3:6]] == ["3\u202f000\u202f000", "2.5", "50\u202f%"]
    assert "- language fr is held at 50.00 %" in told
    assert "Muennighoff" in told


def test_cells_of_all_phases_are_in_the_twin_and_add_up(view: View) -> None:
    rows = list(csv.DictReader(io.StringIO(twins(with_plan(view, planned(TWO)))["stats/mix.csv"].decode())))
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["phase"]] = sums.get(row["phase"], 0) + int(row["weighted_tokens"])
    assert sums == {"main": 6_000_000, "annealing": 50 * 1024}


def test_the_figure_has_a_bar_a_phase_and_its_words_are_its_numbers(view: View) -> None:
    (drawn,) = figures(with_plan(view, planned(TWO)))
    root = ElementTree.fromstring(drawn.content)
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [words.count(name) for name in ("as it passed", "main", "annealing")] == [2, 2, 2]
    assert "main: fr 50\u202f%" in drawn.alt and "as it passed: en 85\u202f%" in drawn.alt


def test_many_phases_are_folded_and_many_sentences_cut(view: View) -> None:
    caps = {"sources": {f"s{n:02}": 0.001 for n in range(30)}}
    cells = [(f"s{n:02}", "fr", "web", 10_000, 10) for n in range(40)]
    names = [f"p{n}" for n in range(OPEN + 2)]
    phases = [{"name": name, "tokens": 100_000, "source": {"caps": caps["sources"]}} for name in names]
    told = mix(with_plan(view, planned({"phases": phases}, cells)), {})
    assert told.count("### Phase ") == OPEN and told.count("<details>") == 2
    assert f"{30 - SENTENCES} more are in" in told


def test_without_weights_and_phases_one_sentence_does(view: View) -> None:
    rows = tuple(row.model_copy(update={"epochs": 1.0}) for row in view.manifest.composition)
    manifest = view.manifest.model_copy(update={"composition": rows, "mix": planned({})})
    plain = View(**{**view.__dict__, "manifest": manifest})
    assert mix(plain, {}).count("\n") == 2 and not figures(plain)


def test_without_a_plan_only_copies_are_told(view: View) -> None:
    told = mix(with_plan(view, None), {})
    assert "| Epochs |" in told and "### Phase" not in told and not figures(with_plan(view, None))
