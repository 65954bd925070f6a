"""Token shards with known ids, written here, and the token files made of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.engine.phases import Phases
from tamis.engine.trainer_files import PART_TOKENS, FormatTask, described, slices_of
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.cells import PartFacts, main_phase
from tamis.tokens.formats.contract import Vocabulary

NARROW, WIDE = Vocabulary(60_000, 0), Vocabulary(100_000, 2)
LENGTHS = (1, 1, 2, 3, 7, 30, 254, 255, 256, 257, 900)
SHARDS = {("fr", "press"): (40, 25), ("fr", "press-2"): (8,), ("und", "web"): (30,)}
"""Language and source -> documents of each shard."""
CATEGORIES = {"press": ("news", None, "Faits divers / été"), "press-2": ("news",), "web": ("web", "forum")}


@dataclass(frozen=True)
class Document:
    """A row of a token shard."""

    id: str
    language: str
    source: str
    category: str | None
    copies: int
    ids: list[int]


def write_shards(root: Path, vocabulary: Vocabulary, rows: int = 10) -> list[Document]:
    """Token shards in row groups of `rows` documents; returns the documents in order."""
    chance = random.Random(5)
    found: list[Document] = []
    kind = pa.uint16() if vocabulary.size <= 65_536 else pa.uint32()
    # One document has a length that takes more than two bytes.
    lengths = iter([70_000, *(chance.choice(LENGTHS) for _ in range(200))])
    for (language, source), counts in SHARDS.items():
        for number, count in enumerate(counts):
            documents = [
                Document(
                    f"{source}:{number}-{row}",
                    language,
                    source,
                    chance.choice(CATEGORIES[source]),
                    chance.choice((1, 1, 2, 3)),
                    [*(chance.randrange(3, vocabulary.size) for _ in range(next(lengths) - 1)),
                     vocabulary.end_of_document],
                )
                for row in range(count)
            ]  # fmt: skip
            table = pa.table(
                {
                    "id": [one.id for one in documents],
                    "category": pa.array([one.category for one in documents], pa.string()),
                    "copies": pa.array([one.copies for one in documents], pa.int32()),
                    "n_tokens": pa.array([len(one.ids) for one in documents], pa.int64()),
                    "input_ids": pa.array([one.ids for one in documents], pa.large_list(kind)),
                }
            )
            path = root / f"tokens/{language}/{source}-{number:05d}-of-{len(counts):05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, row_group_size=rows)
            found += documents
    return found


def write_files(
    root: Path, vocabulary: Vocabulary, formats: Sequence[str] = tuple(FORMATS), part_tokens: int = PART_TOKENS
) -> list[PartFacts]:
    """Every token file of a release whose token shards are there."""
    results = [FormatTask(one, tuple(formats), vocabulary, root).run() for one in slices_of(root, part_tokens)]
    parts = sorted((part for result in results for part in result.parts), key=lambda part: part.part)
    for path, content in described(parts, Phases((main_phase(parts),), (), {}), formats, vocabulary).items():
        (root / path).write_bytes(content)
    return parts


def documents_of(root: Path, documents: Sequence[Document]) -> dict[str, list[Document]]:
    """Part -> its documents, as the document map has them."""
    known = {one.id: one for one in documents}
    found: dict[str, list[Document]] = {}
    for path in sorted((root / "documents").rglob("*.parquet")):
        table = pq.read_table(path)
        for name, part in zip(table["id"].to_pylist(), table["part"].to_pylist(), strict=True):
            found.setdefault(part, []).append(known[name])
    return found


def flat(documents: Sequence[Document]) -> np.ndarray:
    """The ids of documents, one after the other."""
    return np.concatenate([np.array(one.ids, np.int64) for one in documents])
