"""Exact duplicates: documents whose normalised text is the same, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Partners, SketchReader, Stage, StageConfig
from tamis.resolve.clusters import cluster_columns
from tamis.resolve.ranking import Scope, rank_order, scope_keys


class ExactDuplicatesConfig(StageConfig):
    """Options of `exact_duplicates`."""

    scope: Scope = "corpus"
    """Which documents are compared: those of one source, of one language (documents of unknown language
    are a group of their own), or of the whole corpus."""


def _resolve(config: ExactDuplicatesConfig, reader: SketchReader, _: Path) -> pa.Table:
    rows = reader.rows
    order = rank_order(rows)
    keys = np.column_stack([_hash_halves(rows["content_hash"].chunks), scope_keys(rows, config.scope)])[order]
    by_key = np.lexsort(keys.T)  # stable: within a cluster the best document comes first
    keys = keys[by_key]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    best = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
    kept = np.empty(rows.num_rows, np.int64)
    kept[order[by_key]] = order[by_key[best]]
    return pa.table(cluster_columns(rows, kept))


def _partner_keys(_: ExactDuplicatesConfig, hashes: pa.Array) -> npt.NDArray[np.uint64]:
    return _hash_halves([hashes])[:, 0][None]


def _hash_halves(pieces: Iterable[pa.Array]) -> npt.NDArray[np.uint64]:
    """The 128-bit hashes as two 64-bit numbers each, shape (rows, 2)."""
    halves = [np.zeros((0, 2), np.uint64)]
    for chunk in pieces:
        numbers = np.frombuffer(chunk.buffers()[1], np.uint64, 2 * len(chunk), 16 * chunk.offset)
        halves.append(numbers.reshape(-1, 2))
    return np.concatenate(halves)


STAGE = Stage(
    name="exact_duplicates",
    version=1,
    title="Documents whose normalised text is the same",
    about="""
Two documents are exact duplicates if their normalised texts (NFC, "\\n" newlines, no control characters)
have the same 128-bit hash. Of every cluster one document stays: the one of the highest source priority,
then the one with the smallest id. The result depends on the set of documents alone, not on their order.

Near copies, such as the same page with another date, are `near_duplicates`' work; it costs more, so this
stage comes first.
""".strip(),
    config=ExactDuplicatesConfig,
    reads=(),
    adds=(
        Column(
            name="is_duplicate",
            type=pa.bool_(),
            unit="flag",
            meaning="an identical document stays in its place",
            default=Condition(is_=False),
            citation=("Lee et al. 2022, Deduplicating Training Data Makes Language Models Better (arXiv:2107.06499)"),
        ),
        Column(
            name="duplicate_of",
            type=pa.string(),
            unit="document id",
            meaning="id of the identical document that stays; null for a document that stays itself",
        ),
        Column(
            name="cluster_size",
            type=pa.int64(),
            unit="documents",
            meaning="number of identical documents, the one that stays included",
        ),
    ),
    resolve=_resolve,
    partners=Partners("content_hash", _partner_keys),
    alone={"is_duplicate": False, "cluster_size": 1},
    resolve_only=frozenset({"scope"}),
)
