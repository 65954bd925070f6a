"""The sample a tokenizer is trained on: the same for the same documents, and never much in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from small_corpus import Place, documents, jsonl

from tamis.engine import fitting

RECIPE = """
name: small
version: "1"
seed: SEED
defaults: {license: CC0-1.0, language: fr}
sources:
  - {name: a, path: a/*.jsonl}
stages:
  - gopher_quality: {keep: {words: [MINIMUM, null]}}
  - tokenize: {tokenizer: {train: {vocabulary_size: 512, characters: 4000, document_characters: 300}}}
"""


def sample(place: Place, monkeypatch: pytest.MonkeyPatch, seed: int = 1, minimum: int = 1) -> list[str]:
    """The texts that the run hands to the trainer."""
    taken: list[str] = []

    def train(options: Any, texts: Iterable[pa.Array]) -> bytes:
        taken.extend(text for column in texts for text in column.to_pylist())
        raise InterruptedError

    place.text = RECIPE.replace("SEED", str(seed)).replace("MINIMUM", str(minimum))
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "train_tokenizer", train)
        with pytest.raises(InterruptedError):
            place.run()
    return taken


def test_a_sample_is_drawn_by_content_and_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = documents(1, 60)
    beginnings = {row["text"][:300] for row in rows}
    place = Place(tmp_path / "one")
    jsonl(place.corpus / "a/all.jsonl", rows)
    taken = sample(place, monkeypatch)
    assert set(taken) <= beginnings and max(map(len, taken)) == 300
    assert 4000 <= sum(map(len, taken)) <= 4000 + 300
    # Other files, another order, other rules: the same sample.
    other = Place(tmp_path / "other")
    for number in range(3):
        jsonl(other.corpus / f"a/{number}.jsonl", rows[::-1][number::3])
    assert sample(other, monkeypatch, minimum=40) == taken
    assert sample(other, monkeypatch, seed=2) != taken
