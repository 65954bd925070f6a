"""What a changed recipe would keep and drop, told from the signals on disk: no text is read.

A document whose verdict can't be told is counted as unknown, never guessed: it would be judged by a stage
that has not measured it, or it has a duplicate among such documents. For all others the answer is the one
a run would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from tamis.corpus.commit import write_table
from tamis.corpus.signals import Mask
from tamis.engine.deciding import measured_mask, signals_of
from tamis.engine.ledger import TOKENS, ledger_of
from tamis.engine.measure import resolved_table
from tamis.engine.resolving import Sketches, resolved_columns, with_resolved
from tamis.engine.session import Session
from tamis.engine.verdicts import Verdicts
from tamis.errors import UserError
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.recipe.model import StageUse


@dataclass(frozen=True)
class Outlook:
    """Ledger rows of all documents under one recipe, and which of them are not known."""

    ledger: pl.DataFrame
    unknown: Mask


def outlook(session: Session) -> Outlook:
    """What the session's recipe decides on its corpus, as far as signals on disk tell."""
    recipe = session.recipe
    walks = [Verdicts.start(frame) for frame in session.frames]
    for index, use in enumerate(recipe.stages):
        if use.stage.resolve is None:
            for context, walk in zip(session.contexts, walks, strict=True):
                walk.judge(use, signals_of(context, use))
        else:
            _resolve(session, walks, use, index)
    ledgers = [ledger_of(recipe, walk, recipe.stages) for walk in walks]
    unknown = np.concatenate([walk.unknown for walk in walks])
    return Outlook(pl.concat(ledgers, how="diagonal_relaxed"), unknown)


def _resolve(session: Session, walks: Sequence[Verdicts], use: StageUse, index: int) -> None:
    """Lets a resolver judge the known rows. Those that share a cluster with a row whose fate is unknown
    become unknown themselves."""
    asked = [walk.asked(use) for walk in walks]
    doubtful = [walk.unknown & walk.inside(use.when) for walk in walks]
    seen = [a | d for a, d in zip(asked, doubtful, strict=True)]
    sketched = [
        np.ones(len(mask), bool) if use.stage.prepare is None else measured_mask(context, use)
        for context, mask in zip(session.contexts, seen, strict=True)
    ]
    if any((d & ~s).any() for d, s in zip(doubtful, sketched, strict=True)):
        # Without its sketch, a doubtful document may duplicate any other.
        tainted = [a.copy() for a in asked]
    else:
        tainted = [a & ~s for a, s in zip(asked, sketched, strict=True)]
    path = session.store.scratch() / f"what-if-{use.name}-{index}.parquet"
    sketches = Sketches(use, session.contexts, [walk.frame for walk in walks], seen)
    found = resolved_columns(use, sketches, session.store)
    write_table(path, found)
    try:
        contexts = with_resolved(use, session.contexts, seen, path)
        clusters = pl.DataFrame(
            {
                "cluster": pl.Series(found.column("duplicate_of").to_pylist(), dtype=pl.String).fill_null(
                    pl.Series(sketches.rows.column("id").to_pylist(), dtype=pl.String)
                ),
                "doubtful": np.concatenate([d[s] for d, s in zip(doubtful, seen, strict=True)]),
            }
        )
        spoiled = clusters.select(pl.col("doubtful").any().over("cluster"))["doubtful"].to_numpy()
        start = 0
        for context, walk, mask, hit, ask in zip(contexts, walks, seen, tainted, asked, strict=True):
            rows = int(mask.sum())
            uncertain = np.zeros(len(mask), bool)
            uncertain[mask] = spoiled[start : start + rows]
            table = resolved_table(use, context.resolved[use.name], mask)
            _judge_known(walk, use, table, ask, hit | (uncertain & ask))
            start += rows
    finally:
        path.unlink()


def _judge_known(walk: Verdicts, use: StageUse, table: Any, asked: Mask, uncertain: Mask) -> None:
    known = asked & ~uncertain
    index = table.schema.get_field_index("measured")
    walk.judge(use, table.set_column(index, "measured", pa.array(known)))


def what_if(before: Session, after: Session) -> dict[str, Any]:
    """Documents and tokens gained, lost and unknown when `after`'s recipe takes the place of `before`'s."""
    for session in (before, after):
        session.open()
    old = outlook(before)
    if old.unknown.any():
        raise UserError(
            f"{int(old.unknown.sum())} documents are not measured under the recipe as it stands: `tamis run` comes first"
        )
    new = outlook(after)
    rows = pl.DataFrame(
        {
            "source": old.ledger["source"],
            "language": new.ledger["language"].fill_null(UNKNOWN),
            "category": new.ledger["category"].fill_null(NO_CATEGORY),
            "unknown": new.unknown,
            "was": old.ledger["copies"] > 0,
            "is": new.ledger["copies"] > 0,
            "old_tokens": _tokens(old.ledger),
            "new_tokens": _tokens(new.ledger),
            "old_mixed": _tokens(old.ledger) * old.ledger["copies"],
            "new_mixed": _tokens(new.ledger) * new.ledger["copies"],
            "reason": new.ledger["dropped_by"],
            "old_reason": old.ledger["dropped_by"],
        }
    )
    return {
        **_row(rows),
        "by_language": _by(rows, "language"),
        "by_category": _by(rows, "category"),
        "by_source": _by(rows, "source"),
        "lost_to": _reasons(rows.filter(pl.col("was") & ~pl.col("is") & ~pl.col("unknown")), "reason"),
        "gained_from": _reasons(rows.filter(~pl.col("was") & pl.col("is")), "old_reason"),
    }


def _tokens(ledger: pl.DataFrame) -> pl.Series:
    if TOKENS not in ledger.columns:
        return pl.zeros(ledger.height, pl.Int64, eager=True)
    return ledger[TOKENS].fill_null(0)


def _measures() -> list[pl.Expr]:
    unknown, was, now = pl.col("unknown"), pl.col("was"), pl.col("is")
    gained, lost = ~was & now & ~unknown, was & ~now & ~unknown
    return [
        was.sum().alias("documents_before"),
        now.sum().alias("documents_after"),
        pl.col("old_tokens").filter(was).sum().alias("tokens_before"),
        pl.col("new_tokens").filter(now).sum().alias("tokens_after"),
        pl.col("old_mixed").sum().alias("mixed_tokens_before"),
        pl.col("new_mixed").sum().alias("mixed_tokens_after"),
        gained.sum().alias("documents_gained"),
        pl.col("new_tokens").filter(gained).sum().alias("tokens_gained"),
        lost.sum().alias("documents_lost"),
        pl.col("old_tokens").filter(lost).sum().alias("tokens_lost"),
        unknown.sum().alias("documents_unknown"),
        (unknown & was).sum().alias("unknown_now_released"),
    ]


def _row(rows: pl.DataFrame) -> dict[str, int]:
    return {name: int(value or 0) for name, value in rows.select(_measures()).row(0, named=True).items()}


def _by(rows: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    return rows.group_by(column).agg(_measures()).sort(column).to_dicts()


def _reasons(rows: pl.DataFrame, column: str) -> dict[str, int]:
    counts = rows.group_by(column).len().sort("len", descending=True)
    return {str(reason): int(count) for reason, count in counts.iter_rows()}
