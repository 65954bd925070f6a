"""What a changed recipe would keep and drop, told from the signals on disk: no text is read.

A document whose verdict can't be told is counted as unknown, never guessed. For all others the answer is
the one a run would give. `outlook` has the rules of what is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from tamis.engine.decided import find_decided
from tamis.engine.outlook import Outlook, outlook
from tamis.engine.revised import revised
from tamis.engine.session import Session
from tamis.errors import UserError
from tamis.mix.cuts import TOKENS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.mix.realised import is_planned

COUNTS = (
    "documents_before",
    "documents_after",
    "documents_gained",
    "documents_lost",
    "documents_unknown",
    "released_unknown",
    "tokens_before",
    "tokens_after",
    "tokens_gained",
    "tokens_lost",
    "released_unknown_tokens",
    "gained_without_tokens",
    "after_without_tokens",
    "mixed_tokens_before",
    "mixed_tokens_after",
)
"""Numbers of the answer, in all and for each language, category and source:

`documents_after` and `tokens_after` leave out the unknown documents, of which `released_unknown` (with
`released_unknown_tokens`) are in the release now. So, but for documents that change their language or
category, documents_after = documents_before + documents_gained - documents_lost - released_unknown.
`gained_without_tokens` of the gained documents, and `after_without_tokens` of all documents after, are in no
count of tokens: theirs were never measured. `mixed_tokens` count every copy."""


_PAST = (
    "documents_before",
    "documents_lost",
    "released_unknown",
    "tokens_before",
    "tokens_lost",
    "released_unknown_tokens",
    "mixed_tokens_before",
)
"""Counts of documents in the release as it is: they stand with the language and category they have there."""


_WHEN = ("before", "after")


def what_if(before: Session, after: Session) -> dict[str, Any]:
    """Documents and tokens gained, lost and unknown when `after`'s recipe takes the place of `before`'s.

    Returns COUNTS, the same by_language, by_category and by_source (before by the old value, after by the
    new one), `lost_to` and `gained_from` (documents by rule), and `unknown_for_want_of` (documents by the
    stage that has not measured them, or whose duplicates hang on such documents).

    A planned mix weighs documents by the tokens of all of them: with `mix_unsettled` some of these aren't known yet,
    so that copies, and what the mix leaves out, may come out otherwise in a run.

    Raises UserError when the recipe as it stands is not measured, or the two don't read the same documents.
    """
    _open(before, after)
    facts, cause, unsettled = _told(before, after)
    lost = pl.col("documents_lost") > 0
    return {
        **{name: int(facts[name].sum()) for name in COUNTS},
        "by_language": _by(facts, "language"),
        "by_category": _by(facts, "category"),
        "by_source": _by(facts, "source"),
        "lost_to": _tally(facts.filter(lost)["reason"]),
        "gained_from": _tally(facts.filter(pl.col("documents_gained") > 0)["old_reason"]),
        "unknown_for_want_of": _tally(cause.drop_nulls()),
        "mix_unsettled": is_planned(after.recipe.mix) and unsettled,
    }


def _told(before: Session, after: Session) -> tuple[pl.DataFrame, pl.Series, bool]:
    """The facts (`_facts`), the causes of what is unknown, and whether something that the mix weighs isn't known."""
    known = find_decided(before.store.decided(before.recipe.run_name), before.identity)
    told = revised(before, after, known) if known is not None else None
    if told is None:
        for session in (before, after):
            if not session.frames:
                session.read_frames()
        pairs = [(known.rows if known is not None else _decided_anew(before), outlook(after))]
        facts = []
    else:
        pairs, facts = told.changed, [_unchanged(told.same)]
    facts += [_facts(*pair) for pair in pairs]
    causes = [new.cause for _, new in pairs] or [pl.Series([], dtype=pl.String)]
    unsettled = any(new.unknown.any() or new.without_tokens.any() for _, new in pairs)
    return pl.concat(facts), pl.concat(causes), bool(unsettled)


def _decided_anew(session: Session) -> pl.DataFrame:
    """Ledger rows of all documents under a recipe that is measured, though its run wasn't the last one."""
    now = outlook(session)
    if now.unmeasured.any():
        raise UserError(
            f"{int(now.unmeasured.sum())} documents of {session.recipe.name} are not measured under the recipe as it "
            "stands: `tamis run` comes first"
        )
    return now.ledger


def _open(before: Session, after: Session) -> None:
    """Takes up both recipes' corpus, once where it is the same."""
    same = before.recipe.sources == after.recipe.sources and before.base == after.base
    before.open(frames=False)
    try:
        if same:
            after.recipe = after.recipe.model_copy(update={"sources": before.recipe.sources})
            after.inputs, after.records = before.inputs, before.records
            after.contexts, after.frames = before.contexts, before.frames  # one list: read for one, read for both
            after.resolve_models()
            after.fit(make=False)
        else:
            after.open(frames=False)
    except UserError as error:
        raise type(error)(f"with these settings: {error}") from None
    _check_same_corpus(before, after)


def _check_same_corpus(before: Session, after: Session) -> None:
    def shards(session: Session) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {source.name: [] for source in session.recipe.sources}
        for context in session.contexts:
            found[context.source.name].append(context.shard.name)
        return found

    old, new = shards(before), shards(after)
    if list(old.items()) != list(new.items()):
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        what = f"of {', '.join(names)}" if names else "in another order"
        raise UserError(
            f"these settings read other documents ({what}): what-if compares verdicts on the same ones. "
            "`tamis run` with them, and compare the two cards"
        )


def _facts(old: pl.DataFrame, new: Outlook) -> pl.DataFrame:
    """One row per document: its groups, and what it adds to each of COUNTS."""
    was, now = (old["copies"] > 0).to_numpy(), (new.ledger["copies"] > 0).to_numpy()
    known = ~new.unknown
    gained, lost, risked = now & ~was & known, was & ~now & known, was & new.unknown
    had, has = _tokens(old), _tokens(new.ledger)
    counts: dict[str, Any] = {
        "documents_before": was,
        "documents_after": now,
        "documents_gained": gained,
        "documents_lost": lost,
        "documents_unknown": new.unknown,
        "released_unknown": risked,
        "tokens_before": had * was,
        "tokens_after": has * now,
        "tokens_gained": has * gained,
        "tokens_lost": had * lost,
        "released_unknown_tokens": had * risked,
        "gained_without_tokens": gained & new.without_tokens,
        "after_without_tokens": new.without_tokens,
        "mixed_tokens_before": had * old["copies"].to_numpy(),
        "mixed_tokens_after": has * new.ledger["copies"].to_numpy(),
    }
    return pl.DataFrame({name: counts[name].astype(np.int64) for name in COUNTS}).with_columns(
        *_groups(old, new.ledger),
        new.ledger["dropped_by"].alias("reason"),
        old["dropped_by"].alias("old_reason"),
    )


def _unchanged(cells: pl.DataFrame) -> pl.DataFrame:
    """As `_facts`, of documents that stay as they are: a row per cell."""
    counts = {f"{name}_{when}": cells[name] for name in ("documents", "tokens", "mixed_tokens") for when in _WHEN}
    nothing = pl.Series(np.zeros(cells.height, np.int64))
    reasons = [pl.lit(None, pl.String).alias(name) for name in ("reason", "old_reason")]
    return pl.DataFrame({name: counts.get(name, nothing) for name in COUNTS}).with_columns(
        *_groups(cells, cells), *reasons
    )


def _groups(old: pl.DataFrame, new: pl.DataFrame) -> Iterator[pl.Series]:
    """The columns that answers are grouped by, as they were (`old_...`) and as they would be."""
    for name, nothing in (("language", UNKNOWN), ("category", NO_CATEGORY), ("source", "")):
        was, now = old[name], new[name]
        # A document that is dropped before its language is found has the one found before.
        yield pl.select(pl.coalesce(now, was).fill_null(nothing).alias(name)).to_series()
        yield pl.select(pl.coalesce(was, now).fill_null(nothing).alias(f"old_{name}")).to_series()


def _by(facts: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    """COUNTS by the values of a column, as they are and as they would be."""
    before = facts.group_by(pl.col(f"old_{column}").alias(column)).agg(pl.col(*_PAST).sum())
    rest = [name for name in COUNTS if name not in _PAST]
    after = facts.group_by(column).agg(pl.col(*rest).sum())
    joined = before.join(after, on=column, how="full", coalesce=True).fill_null(0)
    return joined.select(column, *COUNTS).sort(column).to_dicts()


def _tokens(ledger: pl.DataFrame) -> Any:
    if TOKENS not in ledger.columns:
        return np.zeros(ledger.height, np.int64)
    return ledger[TOKENS].fill_null(0).to_numpy()


def _tally(values: pl.Series) -> dict[str, int]:
    """Values and how often each occurs, the most frequent first."""
    counts = values.rename("value").value_counts(name="count").sort(["count", "value"], descending=[True, False])
    return {str(value): int(count) for value, count in counts.iter_rows()}
