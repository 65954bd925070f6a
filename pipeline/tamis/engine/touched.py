"""Which documents another recipe may treat otherwise than the last run did: those that a changed rule tells from
before, and their kin. Rather some too many; all others share the fate they had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tamis.corpus.commit import intact
from tamis.corpus.conditions import Condition
from tamis.corpus.signals import REMEDY, Mask, read_columns
from tamis.engine.decided import Basis, Decided
from tamis.engine.kin import Related
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.measure import ShardContext
from tamis.engine.session import Session
from tamis.mix.realised import is_planned
from tamis.recipe.mix import Mix
from tamis.recipe.model import StageUse

_Rule = Condition | None
"""A condition in force; None lets everything pass."""
_Pairs = list[tuple[_Rule, _Rule]]


def comparable(before: Session, after: Session, basis: Basis) -> bool:
    """Whether `after`'s recipe differs in nothing but rules, resolvers and weights, so that it treats a document
    otherwise for no other reason. A planned mix weighs documents by all others."""
    old, new = before.recipe, after.recipe
    alike = (
        basis.own_ids
        and old.sources == new.sources
        and old.seed == new.seed
        and len(old.stages) == len(new.stages)
        and not any(_weighs_by_others(mix) for mix in (old.mix, new.mix))
        and all(
            (a.name, a.when, a.exhaustive) == (b.name, b.when, b.exhaustive)
            for a, b in zip(old.stages, new.stages, strict=True)
        )
    )
    return (
        alike
        and all(a.keys == b.keys for a, b in zip(before.contexts, after.contexts, strict=True))
        and {use.name for use in new.stages if use.stage.resolve is not None} == basis.kin.keys()
        and all(
            kin.partners is None or after.store.partners(name, kin.partners).exists() for name, kin in basis.kin.items()
        )
    )


def _weighs_by_others(mix: Mix) -> bool:
    """Whether a document's epochs hang on other documents."""
    return is_planned(mix) or mix.long_cut is not None or mix.quality_cut is not None


def passed_stages(decided: Decided, uses: Sequence[StageUse]) -> npt.NDArray[np.int16]:
    """How many stages each document passed before the one that dropped it; all of them for the others."""
    number = {use.name: index for index, use in enumerate(uses)}
    reasons = decided.texts("dropped_by")
    stages = [len(uses) if name == NOT_DRAWN else number[name.partition(".")[0]] for name in reasons.values]
    passed: npt.NDArray[np.int16] = np.array([*stages, len(uses)], np.int16)[reasons.codes]
    return passed


@dataclass(frozen=True)
class Touched:
    """What a change touches; masks have a row per document of the corpus."""

    rows: Mask
    """Documents whose verdict a changed rule or resolver may change, and their kin."""
    apart: Mapping[str, Mask]
    """By stage with changed rules: documents that these may judge otherwise."""
    dropped: Mapping[str, tuple[str, Mask]]
    """By stage of which one rule changed, for all documents alike: the rule, and those of them that it drops now."""


def touched(before: Session, after: Session, basis: Basis, passed: npt.NDArray[np.int16]) -> Touched | None:
    """What the recipe of `after` touches; None when it isn't told by the documents' own signals, so that all have to
    be looked at."""
    rows, apart, dropped = np.zeros(len(passed), bool), {}, {}
    for index, (old, new) in enumerate(zip(before.recipe.stages, after.recipe.stages, strict=True)):
        changed = {signal: pairs for signal in new.stage.signals if (pairs := _changes(signal, old, new))}
        if not changed and old.config == new.config:
            continue
        if new.stage.resolve is None:
            frame = _signals(after.contexts, new, list(changed))
            apart[new.name] = _differ(frame, changed)
            rows |= apart[new.name] & (passed >= index)
            if len(changed) == 1 and all(len(_rules(next(iter(changed)), use)) == 1 for use in (old, new)):
                (signal,) = changed
                fails = frame.select(fails=~_passes(signal, new.keep.get(signal)))["fails"]
                dropped[new.name] = f"{new.name}.{signal}", apart[new.name] & fails.to_numpy()
        elif _alike_alone(new, changed):
            rows |= (basis.kin[new.name].labels >= 0) & (passed >= index)
        else:
            return None
    return Touched(_with_kin(rows, after.recipe.stages, basis, passed), apart, dropped)


def _with_kin(rows: Mask, uses: Sequence[StageUse], basis: Basis, passed: npt.NDArray[np.int16]) -> Mask:
    """The rows and their kin, and the kin of these."""
    # A document dropped before the resolver's turn isn't there, neither before nor after.
    kin = [
        Related(basis.kin[use.name].labels, passed >= index)
        for index, use in enumerate(uses)
        if use.stage.resolve is not None
    ]
    count = -1
    while count < (count := int(rows.sum())):
        for related in kin:
            related.join(rows)
    return rows


def _signals(contexts: Sequence[ShardContext], use: StageUse, names: Sequence[str]) -> pl.DataFrame:
    """Some signals of the stage on all documents; null where there are none."""
    pieces = []
    for context in contexts:
        path = context.signal_path(use)
        if path.exists():
            with intact(path, REMEDY):
                pieces.append(read_columns(path, names))
        else:
            types = {name: use.stage.signals[name].type for name in names}
            pieces.append(pa.table({name: pa.nulls(context.shard.rows, types[name]) for name in names}))
    frame = pl.from_arrow(pa.concat_tables(pieces))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _alike_alone(use: StageUse, changed: Mapping[str, _Pairs]) -> bool:
    """Whether documents without kin are judged as before by a resolver's rules."""
    alone = {name: pa.array([use.stage.alone.get(name)], use.stage.signals[name].type) for name in changed}
    if not changed:
        return True
    frame = pl.from_arrow(pa.table(alone))
    assert isinstance(frame, pl.DataFrame)
    return not _differ(frame, changed).any()


def _differ(frame: pl.DataFrame, changed: Mapping[str, _Pairs]) -> Mask:
    """Rows that only one condition of a pair lets pass."""
    differs = [_passes(name, one) != _passes(name, other) for name, pairs in changed.items() for one, other in pairs]
    found: Mask = frame.select(differs=pl.any_horizontal(differs))["differs"].to_numpy().astype(bool)
    return found


def _passes(column: str, rule: _Rule) -> pl.Expr:
    return pl.lit(True) if rule is None else rule.passes(column)


def _changes(signal: str, old: StageUse, new: StageUse) -> _Pairs:
    """Pairs of conditions on a signal: a row that passes both or none of each pair is judged as before."""
    were, are = _rules(signal, old), _rules(signal, new)
    if list(were) == list(are):
        return [(were[place], are[place]) for place in were if were[place] != are[place]]
    # Which of them is in force of a row may have changed.
    first, *others = (*were.values(), *are.values())
    return [(first, rule) for rule in others if rule != first]


def _rules(signal: str, use: StageUse) -> dict[tuple[str, str], _Rule]:
    """Conditions on a signal, by column and value that they are for; the last one that a row meets is in force."""
    found: dict[tuple[str, str], _Rule] = {("", ""): use.keep.get(signal)}
    for column, by_value in use.keep_by.items():
        found |= {(column, value): rules[signal] for value, rules in by_value.items() if signal in rules}
    return found
