"""What a card says, before it is worded: sums over the manifest, and what only the ledger and the files tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.cards.recipe_text import recipe_yaml
from tamis.cards.withheld import pairs_withheld
from tamis.corpus.commit import canonical_json
from tamis.corpus.manifest import CompositionRow, FileFacts, Manifest
from tamis.mix.cuts import TOKENS
from tamis.mix.epochs import UNKNOWN
from tamis.review.reviewed import Reviewed, reviewed_of

LEDGER_COLUMNS = ("language", "copies", "chars", "failed")
"""Columns of the ledger that a card is made of, beside the token counts."""
QUANTILES = {"p10": 0.1, "median": 0.5, "p90": 0.9, "p99": 0.99, "longest": 1.0}


@dataclass(frozen=True)
class Sum:
    """Sums over some cells of the composition."""

    documents: int = 0
    chars: int = 0
    bytes: int = 0
    tokens: int = 0
    passed_documents: int = 0
    passed_tokens: int = 0
    copies: int = 0
    mixed_tokens: int = 0

    def __add__(self, other: Sum | CompositionRow) -> Sum:
        return Sum(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class View:
    """One release, as every part of its card sees it."""

    manifest: Manifest
    failed: dict[str, int]
    """Rule -> documents that fail it, whether or not an earlier rule had dropped them."""
    lengths: list[dict[str, Any]]
    """Per language: documents and quantiles of their length."""
    schemas: dict[str, pa.Schema]
    """`data` and `tokens` -> Arrow schema of its shards."""
    memory: int
    """Uncompressed bytes of the data shards."""
    nulls: dict[str, int]
    """Column of the data shards -> rows without a value; the columns whose nulls the files count."""
    reviewed: Reviewed
    """Samples, and the verdicts that the release has on them."""
    withheld: frozenset[tuple[str, str]] = frozenset()
    """Source and language of documents whose text a published copy withholds."""

    @cached_property
    def recipe_yaml(self) -> str:
        """The recipe, as a file `tamis run` takes: written once, as a long one takes seconds."""
        return recipe_yaml(self.manifest.recipe)

    @property
    def unit(self) -> str:
        """What amounts of text are counted in: `tokens`, or `chars` where nothing was tokenized."""
        return "tokens" if self.manifest.totals["tokens"] else "chars"

    @property
    def unit_name(self) -> str:
        """The unit in words."""
        return {"tokens": "tokens", "chars": "characters"}[self.unit]

    @property
    def released(self) -> list[CompositionRow]:
        """Cells of which the release holds documents."""
        return [row for row in self.manifest.composition if row.documents]

    @property
    def present(self) -> list[CompositionRow]:
        """Those of them whose text is in this copy."""
        return [row for row in self.released if (row.source, row.language) not in self.withheld]

    def sums(self, *keys: str, rows: Iterable[CompositionRow] | None = None) -> dict[tuple[str, ...], Sum]:
        """Sums by some of source, language, category, license: the largest first."""
        found: dict[tuple[str, ...], Sum] = {}
        for row in self.released if rows is None else rows:
            key = tuple(getattr(row, name) for name in keys)
            found[key] = found.get(key, Sum()) + row
        return dict(sorted(found.items(), key=lambda item: (-self.amount(item[1]), item[0])))

    def amount(self, cell: Sum | CompositionRow) -> int:
        """Tokens of a cell, or its characters where nothing was tokenized."""
        value: int = getattr(cell, self.unit)
        return value

    def files(self, folder: str) -> list[FileFacts]:
        """The release's files below a folder."""
        return [file for file in self.manifest.files if file.path.startswith(f"{folder}/")]

    def stage(self, name: str) -> Any:
        """Facts of a stage by name, or None when the recipe doesn't have it."""
        return next((stage for stage in self.manifest.stages if stage.name == name), None)


def view_of(manifest: Manifest, ledger: pl.DataFrame, release: Path, verdicts: bytes | None = None) -> View:
    """Everything a card needs; the same from a manifest in the making and from one that was read back. `verdicts` take
    the place of the `stats/review.csv` that the release has."""
    # One spelling: keys sorted, as in the file.
    manifest = Manifest.model_validate(orjson.loads(canonical_json(manifest.model_dump(mode="json"))))
    data = [file.path for file in manifest.files if file.path.startswith("data/")]
    tokens = [file.path for file in manifest.files if file.path.startswith("tokens/")]
    schemas = {
        name: pq.read_schema(release / paths[0]) for name, paths in (("data", data), ("tokens", tokens)) if paths
    }
    return View(
        manifest=manifest,
        failed=_failed(ledger),
        lengths=_lengths(ledger),
        schemas=schemas,
        **_footers([release / path for path in data]),
        reviewed=reviewed_of(release, verdicts),
        withheld=pairs_withheld(release),
    )


def _footers(paths: Iterable[Path]) -> dict[str, Any]:
    """What the footers of the data shards tell: `memory` and `nulls`."""
    memory, nulls = 0, dict[str, int]()
    uncounted: set[str] = set()
    for path in paths:
        metadata = pq.read_metadata(path)
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            memory += group.total_byte_size
            for column in map(group.column, range(group.num_columns)):
                name, counted = column.path_in_schema, column.statistics
                if counted is None or not counted.has_null_count:
                    uncounted.add(name)
                else:
                    nulls[name] = nulls.get(name, 0) + counted.null_count
    return {"memory": memory, "nulls": {name: n for name, n in nulls.items() if name not in uncounted}}


def _failed(ledger: pl.DataFrame) -> dict[str, int]:
    counts = ledger.select(pl.col("failed").explode()).drop_nulls().group_by("failed").len().sort("failed")
    return dict(counts.iter_rows())


def _lengths(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Nearest-rank quantiles: every number is the length of some document."""
    lengths = {"chars": pl.col("chars")} | ({"tokens": pl.col(TOKENS)} if TOKENS in ledger.columns else {})
    quantiles = [
        column.quantile(at, "nearest").cast(pl.Int64).alias(f"{unit}_{name}")
        for unit, column in lengths.items()
        for name, at in QUANTILES.items()
    ]
    released = ledger.filter(pl.col("copies") > 0).with_columns(pl.col("language").fill_null(UNKNOWN))
    return released.group_by("language").agg(pl.len().alias("documents"), *quantiles).sort("language").to_dicts()


def facts(data: Any, path: str = "", skip: Callable[[str], bool] = lambda _: False) -> Iterable[tuple[str, str]]:
    """Every leaf of JSON data as (path, value): `sources[0].documents`, `12`."""
    if skip(path):
        return
    if isinstance(data, dict) and data:
        for key in sorted(data):
            step = key if key.isidentifier() else f"[{orjson.dumps(key).decode()}]"
            dot = "." if path and key.isidentifier() else ""
            yield from facts(data[key], f"{path}{dot}{step}", skip)
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from facts(item, f"{path}[{index}]", skip)
    else:
        yield path, canonical_json(data).decode()
