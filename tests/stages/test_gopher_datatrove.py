"""Our repetition ratios against datatrove's own counting functions, given the same words."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import find_all_duplicate

from tamis.stages.gopher_repetition import STAGE


def documents() -> list[str]:
    rng = random.Random(7)
    words = ["le", "tamis", "sépare", "la", "farine", "du", "son", "et", "garde", "ce", "que", "la", "règle", "permet"]
    made = []
    for _ in range(60):
        text = [rng.choice(words) for _ in range(rng.randrange(20, 200))]
        for _ in range(rng.randrange(4)):
            start = rng.randrange(len(text))
            piece = text[start : start + rng.randrange(2, 15)]
            at = rng.randrange(len(text))
            text[at:at] = piece * rng.randrange(1, 4)
        made.append(" ".join(text))
    return made


@pytest.fixture(scope="module")
def measured() -> dict[str, list[float]]:
    assert STAGE.prepare is not None
    texts = documents()
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
    return STAGE.prepare(STAGE.config(), {})(batch).to_pydict()


@pytest.mark.parametrize("n", range(5, 11))
def test_characters_in_duplicate_ngrams(measured: dict[str, list[float]], n: int) -> None:
    for text, ours in zip(documents(), measured[f"duplicate_{n}gram_char_ratio"], strict=True):
        words = re.findall(r"\w+", text.lower())
        theirs = find_all_duplicate(words, n) / sum(map(len, words))
        assert ours == pytest.approx(theirs, abs=1e-6)
