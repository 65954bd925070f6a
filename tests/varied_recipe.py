"""A small recipe with variants, for tests of what compares them."""

from __future__ import annotations

import json
import random
from pathlib import Path

WORDS = {
    "fr": "le vieux moulin tourne pendant que la pluie tombe sur les champs et un enfant compte les oies",
    "en": "the old mill turns slowly while rain falls on fields of rye and a boy counts geese by the gate",
}
RECIPE = """\
name: varied
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: tales-fr, path: fr.jsonl, columns: {category: kind}, language: fr}
  - {name: tales-en, path: en.jsonl, columns: {category: kind}, language: en}
stages:
  - gopher_quality: {keep: {words: [5, null]}}
  - exact_duplicates
  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 5000}}}
release: {formats: [megatron]}
variants:
  french: {mix.languages.fr: 8}
  long: {gopher_quality.keep.words: [20, null]}
"""


def write_varied(root: Path) -> Path:
    """Two languages, two categories, 200 documents; returns the recipe."""
    rng = random.Random(5)
    for language, words in WORDS.items():
        rows = [
            {
                "id": str(number),
                "text": " ".join(rng.choices(words.split(), k=rng.randint(3, 60))),
                "kind": rng.choice(["long", "short"]),
            }
            for number in range(100)
        ]
        (root / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "varied.yaml").write_text(RECIPE)
    return root / "varied.yaml"
