"""One document's whole story, from the signals on disk: no text is read."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.engine.deciding import judged
from tamis.engine.ledger import ledger_of
from tamis.engine.resolving import resolve_stage
from tamis.engine.session import Session
from tamis.errors import InputError, did_you_mean
from tamis.recipe.model import StageUse


def why(session: Session, document: str) -> dict[str, Any]:
    """What every stage measured of a document, what each rule said, and what became of it.

    Raises InputError when no ingested document has that id.
    """
    session.open()
    number, row = _find(session, document)
    before: list[StageUse] = []
    for use in session.recipe.stages:
        if use.stage.resolve is not None:
            session.contexts = resolve_stage(use, before, session.contexts, session.frames, session.store)
        before.append(use)
    context, frame = session.contexts[number], session.frames[number]
    verdicts = judged(context, frame, session.recipe.stages)
    entry = ledger_of(session.recipe, verdicts, session.recipe.stages).row(row, named=True)
    stages = []
    for use in session.recipe.stages:
        asked = bool(verdicts.measured[use.name][row])
        stages.append(
            {
                "stage": use.name,
                "reached": bool(verdicts.entered[use.name][row]),
                "measured": asked,
                "signals": {c.name: _plain(entry[f"{use.name}.{c.name}"]) for c in use.stage.adds}
                if asked
                else {},
                "rules": [_rule(use, signal, verdicts.failed, row) for signal in _ruled(use)]
                if asked
                else [],
            }
        )
    facts = {
        name: entry[name]
        for name in ("id", "source", "language", "category", "license", "url", "date", "chars")
    }
    return {
        **facts,
        "shard": context.shard.name,
        "row": row,
        "passed": entry["passed"],
        "dropped_by": entry["dropped_by"],
        "failed": entry["failed"],
        "epochs": entry["epochs"],
        "copies": entry["copies"],
        "stages": stages,
    }


def _find(session: Session, document: str) -> tuple[int, int]:
    for number, frame in enumerate(session.frames):
        hits = np.flatnonzero((frame["id"] == document).to_numpy())
        if len(hits):
            return number, int(hits[0])
    source = document.partition(":")[0]
    names = [source.name for source in session.recipe.sources]
    if source not in names:
        raise InputError(
            f"no document {document!r}: an id starts with its source.{did_you_mean(source, names)}"
        )
    near = [
        i
        for f in session.frames
        if f["source"][:1].to_list() == [source]
        for i in f["id"].head(2000).to_list()
    ]
    raise InputError(f"source {source} has no document {document!r}.{did_you_mean(document, near)}")


def _ruled(use: StageUse) -> list[str]:
    overridden = {s for values in use.keep_by.values() for rules in values.values() for s in rules}
    return [*use.keep, *sorted(overridden - set(use.keep))]


def _rule(use: StageUse, signal: str, failed: Any, row: int) -> dict[str, Any]:
    overrides = [
        f"{rules[signal]} where {column} is {value}"
        for column, values in use.keep_by.items()
        for value, rules in values.items()
        if signal in rules
    ]
    general = str(use.keep[signal]) if signal in use.keep else "any"
    return {
        "signal": signal,
        "allowed": "; ".join([general, *overrides]),
        "passed": not bool(failed[f"{use.name}.{signal}"][row]),
    }


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
