"""Near duplicates: MinHash signatures of word n-grams, banded LSH, and a check of every candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Partners, SketchReader, Stage, StageConfig, measured
from tamis.resolve.banding import best_banding
from tamis.resolve.candidates import near_clusters, partner_keys
from tamis.resolve.clusters import cluster_columns
from tamis.resolve.ranking import Scope, rank_order, scope_keys

_BANDS, _ROWS = 14, 8
_PERMUTATIONS = 128
_FALSE_POSITIVE_WEIGHT = 0.5


class NearDuplicatesConfig(StageConfig):
    """Options of `near_duplicates`."""

    ngram: Annotated[int, Field(ge=1, le=64)] = 5
    """Words in a shingle. A document with fewer words has one shingle, of all its words."""
    bands: Annotated[int, Field(ge=1, le=256)] | None = None
    """Bands of the signature; 14 where neither this nor `threshold` is given."""
    rows: Annotated[int, Field(ge=1, le=256)] | None = None
    """Slots in a band: documents that agree in all slots of one band are a candidate pair; 8 where neither
    this nor `threshold` is given."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Chooses `bands` and `rows` instead: those whose S-curve fits this Jaccard similarity best."""
    permutations: Annotated[int, Field(ge=2, le=1024)] | None = None
    """Slots that `threshold` may spend; 128 where it isn't given."""
    false_positive_weight: Annotated[float, Field(ge=0, le=1)] | None = None
    """What a pair compared in vain costs `threshold`, against 1 minus this for a missed pair; 0.5 where it
    isn't given."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    """Chooses the hash functions."""
    scope: Scope = "corpus"
    """Which documents are compared: those of one source, of one language (documents of unknown language
    are a group of their own), or of the whole corpus."""
    min_similarity: Annotated[float, Field(ge=0, le=1)] = 0.7
    """A candidate pair is a pair of duplicates only if this share of all slots agrees, which estimates the
    Jaccard similarity of the two. 0 believes every candidate, as datatrove and datasketch do."""

    @model_validator(mode="after")
    def _one_way(self) -> NearDuplicatesConfig:
        if self.threshold is not None and (self.bands is not None or self.rows is not None):
            raise ValueError("`threshold` chooses bands and rows: give `threshold`, or `bands` and `rows`, not both")
        if self.threshold is None:
            for name in ("permutations", "false_positive_weight"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`{name}` says how `threshold` chooses: give `threshold` too, or drop it")
        bands, rows = self.banding
        if bands * rows > 4096:
            raise ValueError(f"{bands} bands of {rows} rows are {bands * rows} slots; allowed are up to 4096")
        return self

    @property
    def banding(self) -> tuple[int, int]:
        """(bands, rows) as given, by default, or as `threshold` chooses them."""
        if self.threshold is None:
            return self.bands or _BANDS, self.rows or _ROWS
        weight = self.false_positive_weight
        return best_banding(
            self.threshold,
            self.permutations or _PERMUTATIONS,
            _FALSE_POSITIVE_WEIGHT if weight is None else weight,
        )


def _payload(config: NearDuplicatesConfig) -> tuple[Column, ...]:
    bands, rows = config.banding
    return (
        Column(
            name="signature",
            type=pa.binary(4 * bands * rows),
            unit="sketch",
            meaning="MinHash signature: little-endian uint32 slots, band after band; null without words",
        ),
    )


def _prepare(config: NearDuplicatesConfig, _: Models) -> Measure:
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.minhash import sign, slot_constants

    bands, rows = config.banding
    constants = slot_constants(bands * rows, config.seed)
    width = 4 * bands * rows

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        signatures, words = sign(*text_buffers(batch["text"]), config.ngram, constants)
        without = words == 0
        valid = pa.py_buffer(np.packbits(~without, bitorder="little")) if without.any() else None
        data = pa.py_buffer(signatures.astype("<u4", copy=False))
        column = pa.Array.from_buffers(pa.binary(width), len(words), [valid, data])
        return measured(batch.num_rows, {"signature": column})

    return measure


def _resolve(config: NearDuplicatesConfig, reader: SketchReader, scratch: Path) -> pa.Table:
    rows = reader.rows
    kept, similarity = near_clusters(
        reader.pieces("signature"),
        rank_order(rows),
        scope_keys(rows, config.scope),
        config.banding,
        config.min_similarity,
        scratch,
    )
    columns: dict[str, Any] = cluster_columns(rows, kept)
    stays = kept == np.arange(len(kept))
    columns["similarity"] = pa.array(similarity, pa.float32(), mask=stays)
    return pa.table({column.name: columns[column.name] for column in STAGE.adds})


def _partner_keys(config: NearDuplicatesConfig, signatures: pa.Array) -> npt.NDArray[np.uint64]:
    return partner_keys(signatures, config.banding)


STAGE = Stage(
    name="near_duplicates",
    version=2,
    title="Documents that are almost the same as another one (MinHash LSH)",
    about="""
A document's shingles are its windows of 5 words (lower case; a character of a script without spaces is a
word). Its MinHash signature estimates the Jaccard similarity of two documents' shingle sets; 14 bands of 8
slots make a pair of similarity 0.7 a candidate with probability 0.56, of 0.8 with 0.92, of 0.9 with 0.9996.

A candidate pair counts only if its whole signatures agree in `min_similarity` of the slots: banding alone
also pairs documents that share no more than a template, and chains of such pairs swallow whole sources.
Duplicates of duplicates form one cluster, of which one document stays: the one of the highest source
priority, then the longest, then the one with the smallest id. So a document's `similarity` with the one
that stays can be below `min_similarity`, if others link the two. The result depends on the set of documents
alone, not on their order.

In a bucket (documents equal in one band) a document is compared with at most 16 others, so that a bucket
of a million costs no more than its size; in buckets of up to 9 every pair is compared. Documents without
a word have no signature and are never duplicates.
""".strip(),
    config=NearDuplicatesConfig,
    reads=("text",),
    adds=(
        Column(
            name="is_duplicate",
            type=pa.bool_(),
            unit="flag",
            meaning="an almost identical document stays in its place",
            default=Condition(is_=False),
            citation=(
                "Lee et al. 2022 (arXiv:2107.06499); word 5-grams and 14 bands of 8 as FineWeb has them, "
                "Penedo et al. 2024 (arXiv:2406.17557)"
            ),
        ),
        Column(
            name="duplicate_of",
            type=pa.string(),
            unit="document id",
            meaning="id of the document of the cluster that stays; null for a document that stays itself",
        ),
        Column(
            name="similarity",
            type=pa.float32(),
            unit="ratio 0..1",
            meaning="estimated Jaccard similarity with the document that stays; null where it stays itself",
        ),
        Column(
            name="cluster_size",
            type=pa.int64(),
            unit="documents",
            meaning="documents in the cluster, the one that stays included",
        ),
    ),
    prepare=_prepare,
    payload=_payload,
    resolve=_resolve,
    partners=Partners("signature", _partner_keys),
    alone={"is_duplicate": False, "cluster_size": 1},
    resolve_only=frozenset({"scope", "min_similarity"}),
    exhaustive=True,
)
