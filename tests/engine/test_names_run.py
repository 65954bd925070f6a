"""Names of persons in a run: none is released, and another pipeline reads the texts anew."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import spacy
from small_corpus import jsonl

from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = """
name: letters
version: "1"
defaults: {license: CC0-1.0, language: fr}
sources:
  - {name: letters, path: letters.jsonl}
stages:
  - pii: {names: {fr: models/fr/}, keep: {person_name: [1, null]}}
"""


def pipeline(folder: Path, *names: str) -> None:
    """One that knows these names alone, by rules."""
    nlp = spacy.blank("fr")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PER", "pattern": name} for name in names])
    folder.parent.mkdir(exist_ok=True)
    nlp.to_disk(folder)


def released(base: Path, number: int) -> tuple[str, set[str]]:
    recipe = load_recipe_text(RECIPE, "r.yaml", STAGES)
    options = RunOptions(base / "work", base / f"out-{number}", 1)
    done = run(recipe, base, options, Silent(), lambda *_: [])
    table = pq.read_table(next(done.release.rglob("data/**/*.parquet")))
    return done.manifest.identity, set(table.column("text").to_pylist())


@pytest.mark.slow
def test_no_name_is_released_and_another_pipeline_reads_anew(tmp_path: Path) -> None:
    texts = ["Lettre de Zoé Petit.", "Carte de Luc Garnier.", "Nous avons vu le marché."]
    jsonl(tmp_path / "letters.jsonl", [{"text": text} for text in texts])
    pipeline(tmp_path / "models/fr", "Zoé Petit")
    first, found = released(tmp_path, 1)
    assert found == {"Lettre de <PERSON_NAME>."}
    assert released(tmp_path, 2) == (first, found)
    pipeline(tmp_path / "models/fr", "Luc Garnier", "marché")
    second, found = released(tmp_path, 3)
    assert second != first
    assert found == {"Carte de <PERSON_NAME>."}
