"""From ledger to manifest: every count a card shows, computed once."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import polars as pl

from tamis import __version__
from tamis.corpus.manifest import CleanerFacts, CompositionRow, CountRow, FunnelRow, SourceFacts, StageFacts
from tamis.engine.keys import Models
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.verdicts import Verdicts
from tamis.errors import RunError
from tamis.mix.cuts import COLUMNS as CUT
from tamis.mix.cuts import TOKENS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.model import Recipe, Source, StageUse

MIX = "mix"
DECLARED = ("title", "acquisition", "accessed", "geography", "content", "synthetic", "crawler", "opt_out", "citation")
"""What a source declares of how it came to be."""


_COUNTED = ("source", "language", "category", "license", "chars", "bytes", "passed", "epochs", "copies", "dropped_by",
            "failed", TOKENS, *CUT.values())  # fmt: skip


def counted(column: str) -> bool:
    """Whether a column of the ledger is one that manifest, card or release files are made of."""
    return column in _COUNTED or column.startswith("pii.") or column.endswith((".cluster_size", ".is_duplicate"))


@dataclass(frozen=True)
class ShardCounts:
    """What the funnel knows of a shard, beside its ledger."""

    rows: int
    chars: int
    measured: Mapping[str, int]
    """Rows that each stage measured."""

    @classmethod
    def of(cls, verdicts: Verdicts) -> ShardCounts:
        """Of the shard's final verdicts."""
        frame = verdicts.frame
        measured = {name: int(mask.sum()) for name, mask in verdicts.measured.items()}
        return cls(frame.height, int(frame["chars"].sum()), measured)


def funnel_of(
    source: str, counts: Sequence[ShardCounts], ledgers: Sequence[pl.DataFrame], recipe: Recipe
) -> list[FunnelRow]:
    """Documents in and out of every stage for one source; raises RunError if a row is lost."""
    rows: list[FunnelRow] = []
    entered = sum(shard.rows for shard in counts)
    chars = sum(shard.chars for shard in counts)
    reasons_all = pl.concat([ledger.select("dropped_by", "chars") for ledger in ledgers])
    by_reason = {
        row[0]: (row[1], row[2])
        for row in reasons_all.group_by("dropped_by").agg(pl.len(), pl.col("chars").sum()).iter_rows()
    }
    for use in (*recipe.stages, None):
        name = use.name if use is not None else MIX
        measured = sum(shard.measured[name] for shard in counts) if use is not None else entered
        mine = {r: c for r, c in by_reason.items() if r is not None and r.partition(".")[0] == name}
        out = entered - sum(count for count, _ in mine.values())
        chars_out = chars - sum(size for _, size in mine.values())
        rows.append(
            FunnelRow(
                source=source,
                stage=name,
                documents_in=entered,
                documents_out=out,
                chars_in=chars,
                chars_out=chars_out,
                measured=measured,
                reasons={reason: count for reason, (count, _) in sorted(mine.items())},
            )
        )
        entered, chars = out, chars_out
    released = by_reason.get(None, (0, 0))[0]
    if entered != released:
        raise RunError(f"accounting of source {source} doesn't close: {entered} documents left, {released} released")
    return rows


def source_facts(source: Source, records: Sequence[Mapping[str, Any]], fingerprint: str) -> SourceFacts:
    """What reading a source found; raises RunError if a row is lost."""

    def total(field: str) -> int:
        return sum(record[field] for record in records)

    def merged(field: str) -> dict[str, int]:
        causes: dict[str, int] = {}
        for record in records:
            for cause, count in record[field].items():
                causes[cause] = causes.get(cause, 0) + count
        return dict(sorted(causes.items()))

    documents = sum(shard["rows"] for record in records for shard in record["shards"])
    rejects = merged("causes")
    if total("read") != documents + total("filtered") + sum(rejects.values()):
        raise RunError(
            f"accounting of source {source.name} doesn't close: {total('read')} rows read, {documents} documents, "
            f"{total('filtered')} filtered, {sum(rejects.values())} rejected"
        )
    declared = source.model_dump(
        mode="json",
        include={"path", "language", "category", "license", "license_url", "provider", "url", "version", "selection",
                 "period", "priority"},
        exclude_none=True,
    )  # fmt: skip
    # As the recipe writes them: what is nested without its defaults.
    declared |= source.model_dump(mode="json", include=set(DECLARED), exclude_defaults=True)
    return SourceFacts(
        name=source.name, declared=declared, redistributable=source.hands_on, files=total("files"),
        input_bytes=total("input_bytes"), fingerprint=fingerprint, read=total("read"), filtered=total("filtered"),
        rejects=rejects, notes=merged("notes"), documents=documents, chars=0,
        bytes=sum(shard["bytes"] for record in records for shard in record["shards"]),
        cleaners=cleaner_facts(records),
    )  # fmt: skip


def cleaner_facts(records: Sequence[Mapping[str, Any]]) -> tuple[CleanerFacts, ...]:
    """What each cleaner of a source did to its texts."""
    same_place = zip(*(record.get("cleaned", ()) for record in records), strict=True)
    return tuple(
        CleanerFacts(**{**parts[0], **{name: sum(part[name] for part in parts) for name in ("documents", "chars")}})
        for parts in same_place
    )


def stage_facts(use: StageUse, models: Models) -> StageFacts:
    """A stage as the recipe uses it."""
    return StageFacts(
        name=use.name,
        version=use.stage.version,
        title=use.stage.title,
        options=use.config.model_dump(mode="json", exclude_defaults=True),
        settings=use.config.model_dump(mode="json"),
        signals={
            column.name: {
                "unit": column.unit,
                "meaning": column.meaning,
                "default": "" if column.default is None else str(column.default),
                "citation": column.citation,
            }
            for column in use.stage.adds
        },
        rules={signal: str(condition) for signal, condition in use.keep.items()},
        rules_by=[
            {"column": column, "value": value, "signal": signal, "condition": str(condition)}
            for column, by_value in use.keep_by.items()
            for value, rules in by_value.items()
            for signal, condition in rules.items()
        ],
        when={column: str(condition) for column, condition in use.when.items()},
        models={name: model.facts for name, model in models[use.name].items()},
    )


def composition_of(ledger: pl.DataFrame) -> list[CompositionRow]:
    """Documents, characters and tokens by source, language, category and licence, and by what else makes a cell."""
    cut = {name: column for column, name in CUT.items() if name in ledger.columns}
    key = ["source", "language", "category", "license", *cut]
    tokens = pl.col(TOKENS).fill_null(0) if TOKENS in ledger.columns else pl.lit(0, pl.Int64)
    drawn = pl.col("copies") > 0
    cells = (
        ledger.filter(pl.col("passed"))
        .with_columns(
            pl.col("language").fill_null(UNKNOWN),
            pl.col("category").fill_null(NO_CATEGORY),
            pl.col("license").fill_null("LicenseRef-Unknown"),
            tokens.cast(pl.Int64).alias("_tokens"),
        )
        .group_by(key)
        .agg(
            drawn.sum().cast(pl.Int64).alias("documents"),
            pl.col("chars").filter(drawn).sum().alias("chars"),
            pl.col("bytes").filter(drawn).sum().alias("bytes"),
            pl.col("_tokens").filter(drawn).sum().alias("tokens"),
            pl.len().cast(pl.Int64).alias("passed_documents"),
            pl.col("_tokens").sum().alias("passed_tokens"),
            pl.col("epochs").first().alias("epochs"),
            pl.col("copies").cast(pl.Int64).sum().alias("copies"),
            (pl.col("_tokens") * pl.col("copies")).sum().alias("mixed_tokens"),
        )
        .sort(key)
        .rename(cut)
    )
    return [CompositionRow(**row) for row in cells.iter_rows(named=True)]


def dropped_by_language(ledger: pl.DataFrame) -> dict[str, dict[str, int]]:
    """language -> first failed rule -> documents; `released` for those in the release."""
    counts = (
        ledger.select(pl.col("language").fill_null(UNKNOWN), pl.col("dropped_by").fill_null("released"))
        .group_by("language", "dropped_by")
        .len()
        .sort("language", "dropped_by")
    )
    table: dict[str, dict[str, int]] = {}
    for language, reason, count in counts.iter_rows():
        table.setdefault(language, {})[reason] = count
    return table


def pii_of(ledger: pl.DataFrame) -> list[CountRow]:
    """Personal data found in released documents, by kind and language (`pii.KIND` count signals)."""
    kinds = [name for name in ledger.columns if name.startswith("pii.") and name not in ("pii.measured", "pii.found")]
    released = ledger.filter(pl.col("copies") > 0).with_columns(pl.col("language").fill_null(UNKNOWN))
    rows = []
    for kind in kinds:
        counts = (
            released.group_by("language")
            .agg(
                (pl.col(kind).fill_null(0) > 0).sum().alias("documents"),
                pl.col(kind).fill_null(0).sum().alias("found"),
            )
            .sort("language")
        )
        for language, documents, found in counts.iter_rows():
            rows.append(CountRow(kind=kind.removeprefix("pii."), language=language, documents=documents, found=found))
    return rows


def duplicates_of(recipe: Recipe, ledger: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Clusters each resolver found among the documents it saw."""
    facts = {}
    for use in recipe.stages:
        name = use.name
        if use.stage.resolve is None or f"{name}.cluster_size" not in ledger.columns:
            continue
        size, duplicate = pl.col(f"{name}.cluster_size"), pl.col(f"{name}.is_duplicate")
        row = ledger.select(
            ((size > 1) & ~duplicate).sum().alias("clusters"),
            (size > 1).sum().alias("documents"),
            duplicate.sum().alias("duplicates"),
            size.max().fill_null(0).alias("largest"),
        ).row(0, named=True)
        facts[name] = {key: int(value or 0) for key, value in row.items()}
    return facts


def totals_of(ledger: pl.DataFrame, composition: Sequence[CompositionRow]) -> dict[str, int]:
    """The headline numbers."""
    return {
        "ingested": ledger.height,
        "passed": int(ledger["passed"].sum()),
        "documents": sum(row.documents for row in composition),
        "copies": sum(row.copies for row in composition),
        "chars": sum(row.chars for row in composition),
        "bytes": sum(row.bytes for row in composition),
        "tokens": sum(row.tokens for row in composition),
        "passed_tokens": sum(row.passed_tokens for row in composition),
        "mixed_tokens": sum(row.mixed_tokens for row in composition),
        "not_drawn": int((ledger["dropped_by"] == NOT_DRAWN).sum()),
    }


@functools.cache
def _installed(name: str) -> str:
    return version(name)


def software(libraries: Iterable[str] = ()) -> dict[str, str]:
    """Versions of all that bytes depend on; `libraries` are those that read the sources of a recipe."""
    names = (
        "language-data",
        "markdown-it-py",
        "numba",
        "numpy",
        "polars",
        "publicsuffixlist",
        "pyarrow",
        "tokenizers",
        "xxhash",
    )
    return {"tamis": __version__, "python": platform.python_version()} | {
        name: _installed(name) for name in sorted({*names, *libraries})
    }
