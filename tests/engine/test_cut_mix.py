"""A mix that cuts documents by quality and length, or rehearses an earlier release: from the run to the loader."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from tamis.cards.data_card import write_card
from tamis.cards.verify import verify
from tamis.cli.main import cli
from tamis.corpus.store import Store
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.engine.session import Session
from tamis.engine.what_if import what_if
from tamis.errors import InputError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES
from tamis.tokens.formats import FORMATS
from tamis.tokens.release import open_release
from trained_release import TEXT

RECIPE = """\
name: NAME
version: "1"
defaults: {license: CC0-1.0}
sources:
SOURCES
stages:
  - gopher_quality: {keep: {words: [5, null]}}
  - tokenize: {tokenizer: TOKENIZER}
mix:
MIX
release: {formats: [megatron, npy, ds, mds]}
"""
SOURCES = """\
  - {name: press-fr, path: fr.jsonl, language: fr, category: press, signals: {score: {field: score}}}
  - {name: press-de, path: de.jsonl, language: de, category: press, signals: {score: {field: score}}}
"""
CUT = """\
  quality: {signal: source.score, buckets: 5, discard_below: 0.2, lowest: 1, highest: 3}
  phases:
    - {name: main, tokens: 9000, sequence_length: 64, language: {shares: {fr: 2/3}}}
    - {name: long, from: main, tokens: 4000, long_documents: {multiplier: 5, threshold: 40}}
"""
TRAIN = "{train: {vocabulary_size: 512, characters: 5000}}"


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        rng = random.Random(4)
        for name, count in (("fr", 70), ("de", 90), ("books", 40)):
            rows = [
                {"id": str(n), "text": " ".join(rng.choices(TEXT.split(), k=rng.randint(3, 60)))} for n in range(count)
            ]
            scores = [{"score": rng.choice([1.0, 2.0, rng.random()])} if rng.random() < 0.9 else {} for _ in rows]
            lines = (json.dumps(row | score) for row, score in zip(rows, scores, strict=True))
            (root / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines))

    def recipe(self, mix: str, name: str = "cut", sources: str = SOURCES, tokenizer: str = TRAIN) -> Recipe:
        text = RECIPE.replace("NAME", name).replace("SOURCES\n", sources)
        (self.root / f"{name}.yaml").write_text(text.replace("MIX\n", mix).replace("TOKENIZER", tokenizer))
        return load_recipe_text((self.root / f"{name}.yaml").read_text(), f"{name}.yaml", STAGES)

    def run(self, recipe: Recipe, workers: int = 1) -> RunSummary:
        return run(recipe, self.root, RunOptions(self.root / "work", self.root / "out", workers), Silent(), write_card)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("cut"))


@pytest.fixture(scope="module")
def made(place: Place) -> RunSummary:
    return place.run(place.recipe(CUT))


def ledger_of(made: RunSummary) -> pl.DataFrame:
    return pl.read_parquet(made.release / "ledger" / "*.parquet").filter("passed")


def test_documents_are_seen_as_their_bucket_is_planned(made: RunSummary) -> None:
    ledger, plan = ledger_of(made), made.manifest.mix
    assert plan is not None
    planned = {
        (row["source"].partition(":")[0], row["part"], row["quality"]): row["epochs"]
        for row in plan["phases"][0]["sources"]
    }
    for row in ledger.iter_rows(named=True):
        assert row["epochs"] == planned[row["source"], row["mix.part"], row["mix.quality"]]
        assert row["mix.part"] == ("long" if row["tokenize.tokens"] > 40 else "short")
        assert (row["mix.quality"] is None) == (row["source.score"] is None)
    worst = ledger.filter(pl.col("mix.quality") <= 0.2)
    assert worst.height and not worst["copies"].sum()
    for _, same in ledger.drop_nulls("mix.quality").group_by("source", "mix.part"):
        ordered = same.sort("source.score")
        assert (np.diff(ordered["mix.quality"].to_numpy()) >= 0).all()
        assert (np.diff(ordered["epochs"].to_numpy()) >= -0.02).all()
    assert verify(made.release).problems == []


def test_composition_ledger_and_mix_count_alike(place: Place, made: RunSummary) -> None:
    cells = {(row.source, row.part, row.quality): row.passed_tokens for row in made.manifest.composition}
    ledger = ledger_of(made).group_by("source", "mix.part", "mix.quality").agg(pl.col("tokenize.tokens").sum())
    assert cells == {row[:3]: row[3] for row in ledger.iter_rows()}
    for options in (["--work", str(place.root / "work")], ["--counts", str(made.release)]):
        result = CliRunner().invoke(cli, ["mix", str(place.root / "cut.yaml"), *options, "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == made.manifest.mix


@pytest.mark.parametrize("phase", ["main", "long"])
def test_trainers_weigh_parts_and_buckets(made: RunSummary, phase: str) -> None:
    opened = open_release(made.release, phase)
    plan = next(one for one in (made.manifest.mix or {})["phases"] if one["name"] == phase)
    assert all(cell.count("/") == 2 for cell in opened.weights)
    stream = opened.stream(sequence_length=16, tokens=40_000)
    seen = dict.fromkeys(opened.weights, 0)
    for number in range(len(stream)):
        seen[stream.cells[stream[number].cell].name] += 1
    for name, share in opened.weights.items():
        assert abs(seen[name] / len(stream) - share) < 0.005
    long = sum(share for name, share in opened.weights.items() if "/long" in name)
    planned = sum(row["share"] for row in plan["sources"] if row["part"] == "long")
    assert long == pytest.approx(planned, abs=0.05 if phase == "main" else 1e-9)
    assert {path.name for path in (made.release / "documents").glob("*.csv")} == {"parts.csv"}


def test_the_number_of_workers_and_the_order_of_sources_change_nothing(place: Place, made: RunSummary) -> None:
    turned = "".join(reversed(SOURCES.splitlines(keepends=True)))
    other = Place.run(place, place.recipe(CUT, "turned", turned), workers=2)
    columns = ["id", "epochs", "copies", "mix.part", "mix.quality"]
    assert ledger_of(other).select(columns).sort("id").equals(ledger_of(made).select(columns).sort("id"))


def test_what_if_and_why_know_of_cells(place: Place, made: RunSummary) -> None:
    before, after = place.recipe(CUT), place.recipe(CUT.replace("highest: 3", "highest: 9"), "after")
    store = Store(place.root / "work")
    after = after.model_copy(update={"name": "cut", "version": "2"})
    foreseen = what_if(*(Session(recipe, place.root, store, 1, Silent()) for recipe in (before, after)))
    assert not foreseen["mix_unsettled"]
    done = place.run(after)
    assert done.measured == 0
    assert foreseen["mixed_tokens_after"] == done.manifest.totals["mixed_tokens"]
    assert foreseen["mixed_tokens_after"] != foreseen["mixed_tokens_before"]
    best = ledger_of(made).filter(pl.col("mix.quality") == 1)["id"][0]
    place.recipe(CUT)
    result = CliRunner().invoke(cli, ["why", best, str(place.root / "cut.yaml"), "--work", str(store.root), "--json"])
    told = json.loads(result.stdout)["mix"]
    assert told["quality"] == 1 and told["part"] in ("long", "short")


@pytest.mark.parametrize(
    ("column", "value", "said"), [("mix.part", "long", "mix.part"), ("mix.quality", 0.4, "mix.quality")]
)
def test_verify_cuts_again(made: RunSummary, tmp_path: Path, column: str, value: Any, said: str) -> None:
    release = tmp_path / made.release.name
    shutil.copytree(made.release, release)
    path = sorted((release / "ledger").glob("*.parquet"))[0]
    ledger = pl.read_parquet(path)
    row = ledger.with_row_index().filter(pl.col("passed") & (pl.col(column) != value))["index"][0]
    ledger = ledger.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(column).alias(column)
    )
    # As a release that was made so would have it: checksums are of no help.
    from tamis.cards.check_cuts import check_cuts
    from tamis.cards.checks import Checks

    ledger.write_parquet(path)
    checks = Checks()
    check_cuts(made.manifest, release, checks)
    assert any(said in problem.place for problem in checks.problems)


OLD = "  - {name: books, path: books.jsonl, language: fr, category: book}\n"
REHEARSED = """\
  epochs: {fr--press: 2}
  phases:
    - {name: main}
    - name: again
      tokens: 6000
      rehearsal: {release: out/old-1, share: 1/4}
    - {name: books, tokens: 2000, counts: out/old-1}
"""


@pytest.fixture(scope="module")
def rehearsed(place: Place) -> RunSummary:
    old = place.run(place.recipe("  default: 1\n", "old", OLD))
    tokenizer = str(old.release / "tokenizer" / "tokenizer.json")
    return place.run(place.recipe(REHEARSED, "new", SOURCES, tokenizer))


def test_a_phase_rehearses_an_earlier_release(place: Place, rehearsed: RunSummary) -> None:
    release, old = rehearsed.release, place.root / "out" / "old-1"
    assert verify(release).problems == []
    opened = open_release(release, "again")
    assert opened.weights["fr/rehearsal:books--book"] == pytest.approx(0.25, abs=1e-3)
    stream = opened.stream(sequence_length=16, tokens=30_000, held_out=0.1)
    ids = {tuple(row) for row in pl.read_parquet(old / "tokens/*/*.parquet")["input_ids"].to_list()}
    books = stream.cells[[cell.name for cell in stream.cells].index("fr/rehearsal:books--book")]
    assert all(tuple(books.piece(n, 0, int(books.lengths[n])).tolist()) in ids for n in range(len(books.lengths)))
    seen = [stream.cells[stream[number].cell].name for number in range(len(stream))]
    assert seen.count("fr/rehearsal:books--book") / len(seen) == pytest.approx(0.25, abs=0.005)
    words = (release / "megatron" / "again.blend").read_text().split()
    assert sum(float(w) for w, path in zip(words[::2], words[1::2], strict=True) if "old-1" in path) == pytest.approx(
        0.25, abs=1e-3
    )
    assert all((release / f"{path}.bin").is_file() for path in words[1::2])
    for name in FORMATS:
        [path] = (release / name).glob("again.*.yaml") if name != "megatron" else [release / name / "again.blend"]
        assert f"../old-1/{name}/fr/books--book" in path.read_text()
    assert "../old-1/megatron/fr/books--book/00000" in json.loads((release / "megatron/sequences.json").read_text())


def test_a_phase_of_another_release_alone(rehearsed: RunSummary) -> None:
    opened = open_release(rehearsed.release, "books")
    assert opened.weights == {"fr/books--book": 1.0}
    assert opened.cells["fr/books--book"].tokens > 0


def test_an_earlier_release_may_lie_elsewhere(place: Place, rehearsed: RunSummary, tmp_path: Path) -> None:
    moved = tmp_path / "new-1"
    shutil.copytree(rehearsed.release, moved)
    with pytest.raises(InputError, match=r"takes from the release \.\./old-1, and there is none at"):
        open_release(moved, "again")
    opened = open_release(moved, "again", {"../old-1": place.root / "out" / "old-1"})
    assert len(opened.cells) == len(opened.weights)
    assert verify(moved).problems == []


def test_the_realised_phase_may_rehearse_too(place: Place, rehearsed: RunSummary) -> None:
    mix = (
        "  releases_at: {out/old-1: ../../archive/old}\n"
        "  phases: [{name: main, tokens: 8000, rehearsal: {release: out/old-1, share: 0.1}}]\n"
    )
    tokenizer = str(place.root / "out/old-1/tokenizer/tokenizer.json")
    done = place.run(place.recipe(mix, "both", SOURCES, tokenizer))
    assert verify(done.release).problems == []
    words = (done.release / "megatron" / "main.blend").read_text().split()
    shares = {path: float(share) for share, path in zip(words[::2], words[1::2], strict=True)}
    assert shares["../../archive/old/megatron/fr/books--book/00000"] == pytest.approx(0.1, abs=1e-3)
    assert sum(shares.values()) == pytest.approx(1)
