"""Books in a run: the cleaners know the pages of a PDF, and a release has its text."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from made_pdf import made_pdf
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

RECIPE = """
name: books
version: "1"
defaults: {license: CC0-1.0, language: fr}
sources:
  - {name: books, path: "*.pdf", clean: [page_numbers]}
stages:
  - exact_duplicates
"""


def test_page_numbers_of_a_pdf_go(tmp_path: Path) -> None:
    lines = "\n".join(f"La rivière descend doucement {place}." for place in range(12))
    (tmp_path / "a.pdf").write_bytes(made_pdf([f"{lines}\n{number}" for number in range(1, 9)]))
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4 and nothing else")
    options = RunOptions(tmp_path / "work", tmp_path / "out", 1)
    done = run(load_recipe_text(RECIPE, "r.yaml", STAGES), tmp_path, options, Silent(), lambda *_: [])
    (text,) = pq.read_table(next(done.release.rglob("data/**/*.parquet"))).column("text").to_pylist()
    assert [line for line in text.split("\n") if line.strip()] == 8 * lines.split("\n")
    assert "pypdf" in done.manifest.software
