"""A mix that is planned from what a run keeps: its copies, its phases, what it hangs on, and what can't be."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from tamis.cards.data_card import write_card
from tamis.cards.verify import verify
from tamis.cli.main import cli
from tamis.corpus.manifest import Manifest
from tamis.corpus.store import Store
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.engine.session import Session
from tamis.engine.what_if import what_if
from tamis.errors import InputError, RecipeError
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES
from tamis.tokens.release import open_release
from trained_release import TEXT

RECIPE = """\
name: planned
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: press-fr, path: fr.jsonl, language: fr, category: press}
  - {name: press-de, path: de.jsonl, language: de, category: press}
  - {name: books-fr, path: books.jsonl, language: fr, category: book}
stages:
  - gopher_quality: {keep: {words: [5, null]}}
  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}
mix:
MIX
release: {formats: [megatron]}
"""
PHASES = """\
  phases:
    - {name: main, tokens: 12000, sequence_length: 64, language: {shares: {fr: 3/4}}}
    - {name: annealing, tokens: 3000, sequence_length: 64, category: {shares: {book: 0.9}}}
"""


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        rng = random.Random(3)
        for name, count in (("fr", 60), ("de", 90), ("books", 30)):
            rows = [
                {"id": str(n), "text": " ".join(rng.choices(TEXT.split(), k=rng.randint(3, 60)))} for n in range(count)
            ]
            (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def recipe(self, mix: str) -> str:
        path = self.root / "planned.yaml"
        path.write_text(RECIPE.replace("MIX\n", mix))
        return str(path)

    def run(self, mix: str = PHASES) -> RunSummary:
        recipe = load_recipe_text(Path(self.recipe(mix)).read_text(), "planned.yaml", STAGES)
        return run(recipe, self.root, RunOptions(self.root / "work", self.root / "out", 1), Silent(), write_card)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def mixed(manifest: Manifest, **where: str) -> int:
    return sum(row.mixed_tokens for row in manifest.composition if all(getattr(row, k) == v for k, v in where.items()))


def test_the_release_realises_the_main_phase(place: Place) -> None:
    made = place.run()
    manifest = made.manifest
    assert manifest.mix is not None
    main, annealing = manifest.mix["phases"]
    assert (main["tokens"], main["samples"], annealing["tokens"]) == (12000, 187, 3000)
    # Copies are whole: within a few documents of what is planned.
    assert manifest.totals["mixed_tokens"] == pytest.approx(12000, rel=0.05)
    assert mixed(manifest, language="fr") / manifest.totals["mixed_tokens"] == pytest.approx(0.75, abs=0.03)
    planned = {(row["source"], row["language"], row["category"]): row["epochs"] for row in main["sources"]}
    assert {(r.source, r.language, r.category): r.epochs for r in manifest.composition} == planned
    assert verify(made.release).problems == []


def test_the_other_phases_weigh_the_same_files(place: Place) -> None:
    made = place.run()
    opened = open_release(made.release, "annealing")
    assert opened.tokens == 3000
    assert opened.weights["fr/books-fr--book"] == pytest.approx(0.9)
    assert {path.name for path in (made.release / "megatron").glob("*.blend")} == {"main.blend", "annealing.blend"}


def test_counts_and_plan_are_those_of_tamis_mix(place: Place) -> None:
    made = place.run()
    options = ["--work", str(place.root / "work"), "--json"]
    result = CliRunner().invoke(cli, ["mix", place.recipe(PHASES), *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == made.manifest.mix


@pytest.mark.slow
def test_a_changed_mix_measures_nothing_and_what_if_foresees_it(place: Place) -> None:
    place.run()
    changed = PHASES.replace("3/4", "1/2")
    recipes = [load_recipe_text(RECIPE.replace("MIX\n", mix), "p", STAGES) for mix in (PHASES, changed)]
    store = Store(place.root / "work")
    foreseen = what_if(*(Session(recipe, place.root, store, 1, Silent()) for recipe in recipes))
    assert not foreseen["mix_unsettled"]
    looser = load_recipe_text(RECIPE.replace("MIX\n", PHASES).replace("[5, null]", "[1, null]"), "p", STAGES)
    unsettled = what_if(*(Session(recipe, place.root, store, 1, Silent()) for recipe in (recipes[0], looser)))
    assert unsettled["mix_unsettled"]
    made = place.run(changed)
    assert made.measured == 0
    assert foreseen["mixed_tokens_after"] == made.manifest.totals["mixed_tokens"]
    assert foreseen["documents_after"] == made.manifest.totals["documents"]
    by_language: dict[str, Any] = {row["language"]: row["mixed_tokens_after"] for row in foreseen["by_language"]}
    assert by_language["fr"] == mixed(made.manifest, language="fr")


def test_a_table_is_part_of_what_a_release_hangs_on(place: Place) -> None:
    table = place.root / "fitted.csv"
    mix = "  language: {method: fitted, weights_from: fitted.csv, hold: true}\n  phases: [{name: main, tokens: 9000}]\n"
    table.write_text("domain,weight\nfr,0.6\nde,0.4\n")
    first = place.run(mix)
    assert place.run(mix).nothing_to_do
    table.write_text("domain,weight\nfr,0.3\nde,0.7\n")
    second = place.run(mix)
    assert not second.nothing_to_do
    assert first.manifest.identity != second.manifest.identity
    assert mixed(second.manifest, language="fr") / second.manifest.totals["mixed_tokens"] == pytest.approx(
        0.3, abs=0.04
    )
    assert verify(second.release).problems == []
    table.unlink()
    with pytest.raises(InputError, match=r"fitted\.csv: no such file. The mix names it"):
        place.run(mix)


def test_what_cannot_be_is_explained(place: Place) -> None:
    with pytest.raises(RecipeError, match=r"^mix.*language.*phase main"):
        place.run("  phases: [{name: main, tokens: 9000, language: {shares: {it: 1/3}}}]\n")
    untokenized = RECIPE.replace("MIX\n", "  language: {shares: {fr: 1/2}}\n").replace(
        "  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}\n", ""
    )
    untokenized = untokenized.replace("release: {formats: [megatron]}\n", "")
    recipe = load_recipe_text(untokenized, "planned.yaml", STAGES)
    with pytest.raises(RecipeError, match=r"the mix plans in tokens .* Add the stage tokenize"):
        run(recipe, place.root, RunOptions(place.root / "work", place.root / "out", 1), Silent(), write_card)


def test_verify_plans_again(place: Place) -> None:
    release = place.run().release
    path = release / "manifest.json"
    data = json.loads(path.read_text())
    data["mix"]["phases"][1]["sources"][0]["weighted_tokens"] += 1
    path.write_text(json.dumps(data))
    places = [problem.place for problem in verify(release).problems]
    assert any("mix.phases[1].sources[0].weighted_tokens" in place_ for place_ in places), places
    ledger = pl.read_parquet(release / "ledger" / "*.parquet")
    assert ledger["epochs"].n_unique() == 3


def test_years_come_in_their_order(place: Place) -> None:
    text = RECIPE.replace("MIX\n", "  phases: [{name: main, year_order: true, sequence_length: 32}]\n")
    for name, year in (("press-fr", 2021), ("press-de", 2019), ("books-fr", 2020)):
        text = text.replace(f"name: {name}", f"name: news-{year}").replace("language: de", "language: fr")
    recipe = load_recipe_text(text.replace("category: book", "category: press"), "planned.yaml", STAGES)
    made = run(recipe, place.root, RunOptions(place.root / "work", place.root / "out", 1), Silent(), write_card)
    opened = open_release(made.release)
    assert opened.in_turn == (("fr/news-2019--press", "fr/news-2020--press", "fr/news-2021--press"),)
    stream = opened.stream(sequence_length=16)
    cells = [stream[number].cell for number in range(len(stream))]
    assert len(set(cells)) == 3
    first = {cell: cells.index(cell) for cell in set(cells)}
    assert [stream.cells[cell].name for cell in sorted(first, key=lambda cell: first[cell])] == list(opened.in_turn[0])
    assert verify(made.release).problems == []
