"""What the benchmark holds for true, against plain Python."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

import pytest

pytest.importorskip("zstandard")

from corpus import Document, edited, jaccard, pieces, shingles, with_copies, write
from quality import near_duplicates, tokenize
from truth import similar_pairs

WORDS = [f"word{number}" for number in range(60)]


def texts(seed: int) -> list[str]:
    rng = random.Random(seed)
    made = [" ".join(rng.choices(WORDS, k=rng.randrange(1, 60))) for _ in range(30)]
    made += [edited(text, rng.choice([0.0, 0.02, 0.1]), rng) for text in made]
    return [text for text in made if text]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("least", [0.3, 0.6, 0.8, 1.0])
def test_every_similar_pair_is_found(seed: int, least: float) -> None:
    some = texts(seed)
    sets = [shingles(text) for text in some]
    expected = {
        (a, b): jaccard(sets[a], sets[b])
        for a, b in combinations(range(len(some)), 2)
        if jaccard(sets[a], sets[b]) >= least
    }
    left, right, likeness = similar_pairs(some, least)
    assert dict(zip(zip(left.tolist(), right.tolist(), strict=True), likeness.tolist(), strict=True)) == pytest.approx(
        expected
    )
    assert expected


def test_pieces_are_of_web_size_and_lose_only_scraps() -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "Some words. " * (number % 50) for number in range(2000))
    cut = list(pieces(text, random.Random(1)))
    assert all(200 <= len(piece) <= 20_000 for piece in cut)
    kept = "".join(cut).split()
    assert len(kept) > 0.99 * len(text.split()) and all(piece in text for piece in cut)


def test_what_a_corpus_says_of_its_copies(tmp_path: Path) -> None:
    documents = [
        Document(str(number), " ".join(random.Random(number).choices(WORDS, k=80)), "en") for number in range(99)
    ]
    out, pairs = with_copies(documents, seed=3)
    by_id = {document.id: document.text for document in out}
    assert len(out) == len(documents) + len(pairs) and 5 < len(pairs) < 40
    for pair in pairs:
        like = jaccard(shingles(by_id[str(pair["id"])]), shingles(by_id[str(pair["copy"])]))
        assert like == pytest.approx(pair["jaccard"], abs=1e-6)
    assert write(out, tmp_path) == sum(len(text.encode()) for text in by_id.values())

    # A tool that removes every copy is right in all it does; one that removes everything loses all of it.
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    copies = {str(pair["copy"]) for pair in pairs if float(str(pair["jaccard"])) >= 0.8}
    found = near_duplicates({i: {"removed": i in copies} for i in by_id}, None, tmp_path)
    assert found["recall"] == found["precision"] == 1 and found["lost"] == 0
    assert found["removed"] == len(copies)
    assert near_duplicates({i: {"removed": True} for i in by_id}, None, tmp_path)["lost"] >= 2 * len(copies)
    assert near_duplicates({i: {"removed": False} for i in by_id}, None, tmp_path)["recall"] == 0


def test_equal_ids_are_counted(tmp_path: Path) -> None:
    ours = {"a": {"tokens": 2, "crc32": 1}, "b": {"tokens": 3, "crc32": 2}}
    theirs = {"a": {"tokens": 2, "crc32": 1}, "b": {"tokens": 3, "crc32": 9}}
    assert tokenize(ours, theirs, tmp_path) == {"tokens": 5, "ids_equal": 0.5}
