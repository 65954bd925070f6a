"""The ledger of a release: one file a corpus shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.commit import committing
from tamis.engine.facts import ShardCounts, counted
from tamis.engine.measure import ShardContext
from tamis.engine.release import file_entry
from tamis.engine.spread import Spread
from tamis.engine.verdicts import Verdicts

ROW_GROUP_ROWS = 100_000


@dataclass(frozen=True)
class LedgerFile:
    """The ledger of one corpus shard, as it was written."""

    context: ShardContext
    path: Path
    entry: dict[str, Any]
    """Of the manifest."""
    rows: pl.DataFrame
    """The columns that files, manifest and card are made of."""
    counts: ShardCounts


def write_ledgers(
    contexts: Sequence[ShardContext],
    verdicts: list[Verdicts],
    ledger_of: Callable[[Verdicts], pl.DataFrame],
    spread: Spread,
    folder: Path,
) -> Iterator[LedgerFile]:
    """Writes the ledger of each shard in turn into the release at `folder`, named by source and number, and counts it
    in.

    The verdicts are taken out of their list: what isn't needed any more goes before the next ledger is made.
    """
    left = verdicts[::-1]
    verdicts.clear()
    for context, name in zip(contexts, _names(contexts), strict=True):
        yield _written(context, left.pop(), ledger_of, spread, folder, folder / "ledger" / name)


def _written(
    context: ShardContext,
    judged: Verdicts,
    ledger_of: Callable[[Verdicts], pl.DataFrame],
    spread: Spread,
    folder: Path,
    path: Path,
) -> LedgerFile:
    ledger = ledger_of(judged)
    with committing(path) as temporary:
        ledger.write_parquet(temporary, compression="zstd", compression_level=3, row_group_size=ROW_GROUP_ROWS)
    spread.add(judged, ledger)
    kept = ledger.select(name for name in ledger.columns if counted(name))
    return LedgerFile(context, path, file_entry(folder, path), kept, ShardCounts.of(judged))


def _names(contexts: Sequence[ShardContext]) -> list[str]:
    sources = [context.source.name for context in contexts]
    totals = {source: sources.count(source) for source in set(sources)}
    numbers = dict.fromkeys(sources, 0)
    names = []
    for source in sources:
        names.append(f"{source}-{numbers[source]:05d}-of-{totals[source]:05d}.parquet")
        numbers[source] += 1
    return names
