"""The texts of a run are those that its release holds: after every rule and every edit."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from tamis.cards.data_card import write_card
from tamis.corpus.store import Store
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.engine.session import Session
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES
from tamis.training.tokenizer_texts import COLUMNS, Texts, texts_of_release, texts_of_run

RECIPE = """\
name: edited
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: mails, path: mails.jsonl, language: en, category: letter}
  - {name: notes, path: notes.jsonl, language: fr}
stages:
  - gopher_quality: {keep: {words: [8, null]}}
  - exact_duplicates
  - pii: {when: {language: [en]}}
"""


def rows(texts: Texts) -> list[tuple[str, str | None, str | None, str]]:
    table = pa.concat_tables([part.read().select(COLUMNS).cast(_PLAIN) for part in texts.parts])
    assert sum(part.rows for part in texts.parts) == table.num_rows
    return sorted(tuple(row.values()) for row in table.to_pylist())


_PLAIN = pa.schema([(name, pa.string()) for name in COLUMNS])


def test_a_run_has_the_texts_of_its_release(tmp_path: Path) -> None:
    line = "Dear reader, please write to jane.doe{}@mail.example.com before the end of the week, and bring letter {}."
    mails = [{"id": str(n), "text": line.format(n % 40, n % 40)} for n in range(60)]
    notes = [{"id": str(n), "text": line.format(n, f"{n} b") if n % 3 else "trop court"} for n in range(30)]
    for name, found in (("mails", mails), ("notes", notes)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    recipe = load_recipe_text(RECIPE, tmp_path / "edited.yaml", STAGES)
    release = run(recipe, tmp_path, RunOptions(tmp_path / "work", tmp_path / "out", 1), Silent(), write_card).release
    of_run = rows(texts_of_run(Session(recipe, tmp_path, Store(tmp_path / "work"), 1, Silent())))
    assert of_run == rows(texts_of_release(release))
    assert len(of_run) == 40 + 20
    # Personal data is masked where the recipe says so, and there alone.
    assert not any("jane.doe" in text for _, language, _, text in of_run if language == "en")
    assert all("jane.doe" in text for _, language, _, text in of_run if language == "fr")
