"""One document's whole story, from the signals on disk: no text is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from tamis.corpus.conditions import Condition
from tamis.engine.ledger import NOT_DRAWN
from tamis.engine.outlook import Outlook, outlook
from tamis.engine.session import Session
from tamis.errors import InputError, did_you_mean
from tamis.mix.cuts import COLUMNS
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.mix.plan import weighting_of
from tamis.mix.realised import is_planned, released_phase
from tamis.recipe.mix import Mix
from tamis.recipe.model import Recipe, StageUse

FACTS = ("id", "source", "language", "category", "license", "url", "date", "chars", "bytes")
_SEARCHED = 20_000
"""Ids of a source among which a near match is looked for."""


def why(session: Session, document: str) -> dict[str, Any]:
    """What every stage measured of a document, what each rule said, and what became of it.

    Keys: FACTS; `shard` and `row` where its text is; `released` (null where that isn't known), `copies`,
    `dropped_by`, `failed` as the ledger has them; `unknown_for_want_of`, the stage whose measurement is
    missing; `mix`, how its epochs come about; `duplicate`, the document that stays in its place, and what
    became of that; `stages`, each with its `state` (see `_state`), signals and rules.

    Raises InputError when no ingested document has that id.
    """
    session.open()
    number, row = _find(session, document)
    told = outlook(session)
    at = sum(frame.height for frame in session.frames[:number]) + row
    entry = told.ledger.row(at, named=True)
    frame = session.frames[number]
    stages = [
        _stage(session.recipe, index, told, at, {name: frame[name][row] for name in ("language", "category")})
        for index in range(len(session.recipe.stages))
    ]
    return {
        **{name: entry[name] for name in FACTS},
        "shard": session.contexts[number].shard.name,
        "row": row,
        **_fate(told, at),
        "failed": entry["failed"],
        "mix": {"epochs": entry["epochs"], **_epochs(session.recipe.mix, entry), **_cut(entry)},
        "duplicate": _duplicate(session.recipe, told, entry),
        "stages": stages,
    }


def _fate(told: Outlook, at: int) -> dict[str, Any]:
    """Whether a document is released, and if not, why."""
    copies, dropped_by = told.ledger["copies"][at], told.ledger["dropped_by"][at]
    unknown = bool(told.unknown[at])
    return {
        "released": None if unknown else copies > 0,
        "copies": None if unknown else copies,
        "dropped_by": dropped_by,
        "unknown_for_want_of": told.cause[at],
    }


def _find(session: Session, document: str) -> tuple[int, int]:
    """Shard number and row of a document."""
    for number, frame in enumerate(session.frames):
        hits = np.flatnonzero((frame["id"] == document).to_numpy())
        if len(hits):
            return number, int(hits[0])
    source, colon, _ = document.partition(":")
    names = [one.name for one in session.recipe.sources]
    if source in names and colon:
        ids = [i for f in _of_source(session, source) for i in f["id"].head(_SEARCHED).to_list()]
        near = difflib.get_close_matches(document, ids, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Its first one is {ids[0]}"
        raise InputError(f"source {source} has no document {document!r}. {hint}")
    whole = [
        i for f in session.frames for i in f.filter(pl.col("id").str.ends_with(f":{document}"))["id"].head(3).to_list()
    ]
    if whole:
        raise InputError(f"an id starts with its source: did you mean {' or '.join(whole[:3])}?")
    raise InputError(
        f"no document {document!r}: an id starts with its source and a colon.{did_you_mean(source, names)}"
    )


def _of_source(session: Session, source: str) -> Iterator[pl.DataFrame]:
    for context, frame in zip(session.contexts, session.frames, strict=True):
        if context.source.name == source:
            yield frame


def _stage(recipe: Recipe, index: int, told: Outlook, at: int, given: dict[str, Any]) -> dict[str, Any]:
    """What one stage has to say of the document; `given` is what its source says of it."""
    use = recipe.stages[index]
    entry = told.ledger.slice(at, 1)
    measured = bool(entry[f"{use.name}.measured"][0])
    failed = entry["failed"][0].to_list()
    signals = {name: entry[f"{use.name}.{name}"][0] for name in use.stage.signals}
    rules = []
    for signal in _ruled(use) if measured else []:
        condition, where = _applied(use, signal, recipe.stages[: index + 1], entry, given)
        if condition is not None:
            rules.append(
                {
                    "signal": signal,
                    "value": _plain(signals[signal]),
                    "allowed": str(condition),
                    "where": where,
                    "passed": f"{use.name}.{signal}" not in failed,
                }
            )
    return {
        "stage": use.name,
        "state": _state(recipe, index, told, at, measured),
        "when": {column: str(condition) for column, condition in use.when.items()},
        "signals": {name: _plain(value) for name, value in signals.items()} if measured else {},
        "rules": rules,
    }


def _state(recipe: Recipe, index: int, told: Outlook, at: int, measured: bool) -> str:
    """`measured`; `dropped before` its turn; outside its `when`; or `not measured` though it would be."""
    if measured:
        return "measured"
    names = [use.name for use in recipe.stages]
    last = told.ledger["dropped_by"][at]
    if last is not None and last != NOT_DRAWN and names.index(last.partition(".")[0]) < index:
        return "dropped before"
    return "not measured" if told.open[names[index]][at] else "outside when"


def _ruled(use: StageUse) -> list[str]:
    """Signals with a rule, in the order they are judged."""
    overridden = {s for values in use.keep_by.values() for rules in values.values() for s in rules}
    return [name for name in use.stage.signals if name in {*use.keep, *overridden}]


def _applied(
    use: StageUse, signal: str, stages: Sequence[StageUse], entry: pl.DataFrame, given: dict[str, Any]
) -> tuple[Condition | None, str | None]:
    """The rule that holds for the document, and the override it comes from."""
    condition, where = use.keep.get(signal), None
    for column, values in use.keep_by.items():
        here = given.get(column) if column in given or column not in entry.columns else entry[column][0]
        if here is None:
            # The language, as far as it was told by then.
            told = (
                entry[f"{one.name}.{one.stage.provides[column]}"][0] for one in stages if column in one.stage.provides
            )
            here = next((value for value in told if value is not None), None)
        for value, rules in values.items():
            if signal in rules and _is(here, value):
                condition, where = rules[signal], f"{column} is {value}"
    return condition, where


def _is(here: Any, value: str) -> bool:
    """Whether a column's value is the one that a `keep_by` spells `value`."""
    if here is None or isinstance(here, str):
        return bool(here == value)
    return here == (value == "true") if isinstance(here, bool) else here == float(value)


def _epochs(mix: Mix, entry: dict[str, Any]) -> dict[str, Any]:
    """Where the document's epochs come from."""
    phase = released_phase(mix)
    if is_planned(mix):
        return {"from": f"the plan of phase {phase.name} (`tamis mix` shows it)"}
    said = weighting_of(mix, phase)
    if entry["source"] in said.sources:
        return {"from": f"source {entry['source']}"}
    language, category = entry["language"] or UNKNOWN, entry["category"] or NO_CATEGORY
    cell = f"{language}--{category}"
    base = f"{cell} {said.epochs[cell]:g}" if cell in said.epochs else f"default {said.default:g}"
    factor = f", times {said.languages[language]:g} for {language}" if language in said.languages else ""
    return {"from": base + factor}


def _cut(entry: dict[str, Any]) -> dict[str, Any]:
    """What part and bucket of its source the document is in, where the mix has any."""
    return {column: entry[name] for column, name in COLUMNS.items() if name in entry}


def _duplicate(recipe: Recipe, told: Outlook, entry: dict[str, Any]) -> dict[str, Any] | None:
    """The document that stays in this one's place, as the last resolver that knows one has it."""
    for use in reversed(recipe.stages):
        other = entry.get(f"{use.name}.duplicate_of")
        if use.stage.resolve is None or other is None:
            continue
        at = int(np.flatnonzero((told.ledger["id"] == other).to_numpy())[0])
        priorities = {source.name: source.priority for source in recipe.sources}
        source = told.ledger["source"][at]
        return {
            "stage": use.name,
            "id": other,
            "similarity": _plain(entry.get(f"{use.name}.similarity")),
            "cluster_size": entry.get(f"{use.name}.cluster_size"),
            "source": source,
            "priority": priorities[source],
            "chars": told.ledger["chars"][at],
            **_fate(told, at),
        }
    return None


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
