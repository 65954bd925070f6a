"""Every document of two releases side by side: who came, who left, who changed, and which rule says so.

Ids are dealt out by hash to files on disk and joined a file at a time, so that memory is bounded whatever the number
of documents. Texts are read only where they may differ: of sources whose files, reading or edits aren't the same in
both, and there only in shards whose bytes differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.corpus.changes import ABSENT, RELEASED, DocumentChanges, MoveRow
from tamis.corpus.commit import intact
from tamis.corpus.hashing import content_hashes
from tamis.corpus.manifest import Manifest
from tamis.kernels.buffers import one_chunk
from tamis.mix.cuts import TOKENS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.stages import STAGES

PART_ROWS = 500_000
"""Rows of a ledger that are joined at a time, about."""
BATCH_ROWS = 65_536
LABELS = {"source": "", "language": UNKNOWN, "category": NO_CATEGORY, "license": "LicenseRef-Unknown"}
"""Columns that documents are counted by, and what a null among them is called."""
CHANGES = {
    "new": "released, and its id was not met before",
    "now kept": "released, and dropped before",
    "gone": "released before, and its id is not met any more",
    "now dropped": "released before, and dropped now",
    "text": "released in both, with another text",
    "copies": "released in both, drawn another number of times",
    "labels": "released in both, of another source, language, category or licence",
    "other reason": "dropped in both, by another rule",
}
"""What can happen to a document; the first that holds names it."""
_COUNTED = {"new": "new", "now kept": "now_kept", "gone": "gone", "now dropped": "now_dropped"}
_REMEDY = "`tamis verify` tells more of that release"


@dataclass(frozen=True)
class Side:
    """One of the two releases."""

    manifest: Manifest
    folder: Path

    def files(self, folder: str) -> list[str]:
        """Paths of its files below a folder."""
        return [file.path for file in self.manifest.files if file.path.startswith(f"{folder}/")]


@dataclass
class Joined:
    """What joining the ledgers found."""

    counts: Counter[str] = field(default_factory=Counter)
    """By the fields of DocumentChanges."""
    moves: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    parts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """Kind and name -> added, removed."""

    @property
    def documents(self) -> DocumentChanges:
        """The counts."""
        return DocumentChanges(**self.counts)

    @property
    def move_rows(self) -> tuple[MoveRow, ...]:
        """The most documents first."""
        order = sorted(self.moves.items(), key=lambda item: (-item[1]["documents"], item[0]))
        return tuple(
            MoveRow(before=before, after=after, documents=n["documents"], tokens=n["tokens"])
            for (before, after), n in order
        )


def compare_documents(
    before: Side, after: Side, scratch: Path, each: Callable[[pl.DataFrame], None] | None = None
) -> Joined:
    """Joins the ledgers of two releases by document id.

    `each` is given every document to which something happened, a table at a time: id, change (see CHANGES), before and
    after (its fates), then source, language, category, license, tokens as the later release has them, or the earlier
    one where the later has no such document. `scratch` is an empty folder. Raises StoreError when a file of either
    release is damaged.
    """
    rows = max(_rows(side) for side in (before, after))
    parts = max(1, -(-rows // PART_ROWS))
    for name, side in (("before", before), ("after", after)):
        with _Spool(scratch, name, parts) as spool:
            for table in _ledger(side):
                spool.add(table)
    shared = {(file.path, file.sha256) for file in before.manifest.files} & {
        (file.path, file.sha256) for file in after.manifest.files
    }
    doubted = doubted_sources(before.manifest, after.manifest)
    for name, side in (("texts-before", before), ("texts-after", after)):
        with _Spool(scratch, name, parts) as spool:
            for table in _texts(side, doubted, {path for path, _ in shared}):
                spool.add(table)
    found = Joined()
    for number in range(parts):
        frame = _join(scratch, number)
        _count(frame, found)
        if each is not None:
            happened = frame.filter(pl.col("change").is_not_null())
            each(
                happened.sort("id").select(
                    "id", "change", "before", "after",
                    *[pl.coalesce(f"{name}_after", name).alias(name) for name in (*LABELS, "tokens")],
                )
            )  # fmt: skip
    return found


def doubted_sources(before: Manifest, after: Manifest) -> set[str]:
    """Sources of both releases whose documents may have other texts under the same ids."""
    if before.software != after.software or _edits(before) != _edits(after):
        return {source.name for source in after.sources}
    return {name for name, told in _reading(after).items() if _reading(before).get(name) != told}


def _reading(manifest: Manifest) -> dict[str, Any]:
    """All that the texts of a source depend on before any edit."""
    written = {source.get("name"): source for source in manifest.recipe.get("sources", [])}
    said = ("format", "split", "columns", "where", "language", "category")
    return {
        source.name: [source.fingerprint, *(written.get(source.name, {}).get(name) for name in said)]
        for source in manifest.sources
    }


def _edits(manifest: Manifest) -> list[Any]:
    """All that edits depend on: how the stages up to the last edit measure, and where they apply; not their rules."""
    known = set(STAGES.names())
    last = max(
        (
            number
            for number, stage in enumerate(manifest.stages)
            if manifest.kind_of(stage.name) not in known or STAGES.get(manifest.kind_of(stage.name)).spans is not None
        ),
        default=-1,
    )
    return [
        [stage.name, stage.version, stage.settings, stage.when, stage.models] for stage in manifest.stages[: last + 1]
    ]


def _rows(side: Side) -> int:
    return sum(file.rows or 0 for file in side.manifest.files if file.path.startswith("ledger/"))


def _batches(side: Side, path: str, columns: list[str]) -> Iterator[pa.Table]:
    place = side.folder / path
    with intact(place, _REMEDY), pq.ParquetFile(place) as file:
        names = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            yield pa.Table.from_batches([batch])


def _ledger(side: Side) -> Iterator[pl.DataFrame]:
    """The ledger's documents with their fates."""
    for path in side.files("ledger"):
        for table in _batches(side, path, ["id", *LABELS, "copies", "dropped_by", TOKENS]):
            frame = pl.DataFrame(pl.from_arrow(table))
            tokens = pl.col(TOKENS).fill_null(0) if TOKENS in frame.columns else pl.lit(0)
            yield frame.select(
                "id",
                *[pl.col(name).cast(pl.String).fill_null(unknown) for name, unknown in LABELS.items()],
                pl.col("dropped_by").cast(pl.String).fill_null(RELEASED).alias("fate"),
                pl.col("copies").cast(pl.Int64),
                tokens.cast(pl.Int64).alias("tokens"),
            )


def _texts(side: Side, sources: set[str], same: set[str]) -> Iterator[pl.DataFrame]:
    """Ids and text hashes of the documents of some sources, without those of files that both releases have."""
    for path in side.files("data"):
        if path in same or Path(path).stem.rsplit("-", 3)[0] not in sources:
            continue
        with intact(side.folder / path, _REMEDY), pq.ParquetFile(side.folder / path) as file:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, columns=["id", "text"])
                text = one_chunk(table["text"].cast(pa.large_string()))
                hashes = content_hashes(text).cast(pa.binary())
                yield pl.DataFrame(pl.from_arrow(pa.table({"id": table["id"].cast(pa.string()), "text": hashes})))


class _Spool:
    """Tables dealt out by hash of the id to files on disk: `FOLDER/NAME-NUMBER.parquet`, where there is any row."""

    def __init__(self, folder: Path, name: str, parts: int) -> None:
        self._folder, self._name, self._parts = folder, name, parts
        self._writers: dict[int, pq.ParquetWriter] = {}

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def add(self, frame: pl.DataFrame) -> None:
        """Takes some rows."""
        if self._parts == 1:
            self._write(0, frame)
            return
        place = frame["id"].hash(seed=0).to_numpy() % np.uint64(self._parts)
        for number in np.unique(place).tolist():
            self._write(int(number), frame.filter(pl.Series(place == number)))

    def _write(self, number: int, frame: pl.DataFrame) -> None:
        table = frame.to_arrow()
        if number not in self._writers:
            path = self._folder / f"{self._name}-{number}.parquet"
            self._writers[number] = pq.ParquetWriter(path, table.schema, compression="lz4", write_statistics=False)
        self._writers[number].write_table(table)


_SIDE = {
    "id": pl.String, **dict.fromkeys(LABELS, pl.String), "fate": pl.String, "copies": pl.Int64, "tokens": pl.Int64
}  # fmt: skip


def _part(scratch: Path, name: str, number: int, schema: dict[str, Any]) -> pl.DataFrame:
    path = scratch / f"{name}-{number}.parquet"
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=schema)


def _join(scratch: Path, number: int) -> pl.DataFrame:
    """One part of both ledgers: a row an id, columns of the later release ending in `_after`."""
    sides = []
    for name in ("before", "after"):
        side = _part(scratch, name, number, _SIDE)
        texts = _part(scratch, f"texts-{name}", number, {"id": pl.String, "text": pl.Binary})
        sides.append(side.join(texts, on="id", how="left"))
    frame = sides[0].join(sides[1], on="id", how="full", coalesce=True, suffix="_after")
    frame = frame.with_columns(
        pl.col("fate").fill_null(ABSENT).alias("before"), pl.col("fate_after").fill_null(ABSENT).alias("after")
    )
    was, is_ = pl.col("before") == RELEASED, pl.col("after") == RELEASED
    both = was & is_
    others = [pl.col(name).ne_missing(pl.col(f"{name}_after")) for name in LABELS]
    return frame.with_columns(
        (both & pl.col("text").ne_missing(pl.col("text_after"))).alias("changed_text"),
        (both & (pl.col("copies") != pl.col("copies_after"))).fill_null(False).alias("changed_copies"),
        (both & pl.any_horizontal(others)).alias("changed_labels"),
    ).with_columns(
        pl.when(is_ & (pl.col("before") == ABSENT)).then(pl.lit("new"))
        .when(is_ & ~was).then(pl.lit("now kept"))
        .when(was & (pl.col("after") == ABSENT)).then(pl.lit("gone"))
        .when(was & ~is_).then(pl.lit("now dropped"))
        .when("changed_text").then(pl.lit("text"))
        .when("changed_copies").then(pl.lit("copies"))
        .when("changed_labels").then(pl.lit("labels"))
        .when((pl.col("before") != pl.col("after")) & (pl.col("before") != ABSENT) & (pl.col("after") != ABSENT))
        .then(pl.lit("other reason"))
        .alias("change")
    )  # fmt: skip


def _count(frame: pl.DataFrame, found: Joined) -> None:
    by_change = dict(frame.group_by("change").len().iter_rows())
    for change, name in _COUNTED.items():
        found.counts[name] += by_change.get(change, 0)
    for name in ("changed_text", "changed_copies", "changed_labels"):
        found.counts[name] += int(frame[name].sum())
    moved = frame.filter(pl.col("before") != pl.col("after")).with_columns(
        pl.when(pl.col("after") == RELEASED).then("tokens_after")
        .when(pl.col("before") == RELEASED).then("tokens").otherwise(0).alias("moved")
    )  # fmt: skip
    sums = moved.group_by("before", "after").agg(pl.len(), pl.col("moved").sum())
    for before, after, documents, tokens in sums.iter_rows():
        found.moves.setdefault((before, after), Counter()).update(documents=documents, tokens=tokens)
    for what, mine, other, suffix in (("added", "after", "before", "_after"), ("removed", "before", "after", "")):
        rows = frame.filter((pl.col(mine) == RELEASED) & (pl.col(other) != RELEASED))
        for kind in LABELS:
            for name, documents in rows.group_by(f"{kind}{suffix}").len().iter_rows():
                found.parts.setdefault((kind, name), Counter()).update({what: documents})
