"""Fills the cache of compiled kernels: a run over a made-up corpus takes every kernel's way once.

Numba compiles a kernel when it is first called and keeps it on disk; an image that is built once, or a job on many
nodes, wants that done beforehand.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from tamis.engine.reporting import Reporter, Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

_RECIPE = """
name: warm
version: "1"
sources:
  - {name: text, path: text.jsonl, license: CC0-1.0, columns: {id: id}}
stages:
  - language
  - gopher_quality: {keep: {words: [1, null]}}
  - gopher_repetition: {keep: {}}
  - fineweb: {keep: {}}
  - word_lists: {lists: {"*": words.txt}}
  - c4: {keep: {}}
  - exact_duplicates
  - near_duplicates
  - pii: {replacement: fake}
  - tokenize: {tokenizer: {train: {vocabulary_size: 512}}}
"""
_SENTENCE = (
    "Le tamis laisse passer la farine fine et garde le son ; écrivez à meunier@moulin.example ou au 01 99 00 12 34, "
    "compte FR14 2004 1010 0505 0001 3M02 606, serveur 192.0.2.7. "
)


def warm() -> float:
    """Compiles what isn't compiled yet; returns the seconds it took."""
    from tamis.kernels.packing import best_fit

    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        # Copies and near copies, so that buckets are linked; decomposed and control characters, to be cleaned.
        rows = [{"id": str(n), "text": _SENTENCE * 12 + "e\u0301te.\r\n\a" * (n % 3) + f"{n % 5}."} for n in range(20)]
        (base / "text.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (base / "words.txt").write_text("le son reste\n", encoding="utf-8")
        recipe = load_recipe_text(_RECIPE, "warm", STAGES)
        reporter: Reporter = Silent()
        run(recipe, base, RunOptions(base / "work", base / "out", workers=1), reporter, lambda *_: [])
    # What only the loader of token files uses.
    best_fit(np.array([2, 1, 1]), 2)
    return time.monotonic() - begin
