"""The way of all documents through a run, stage by stage, summed over sources."""

from __future__ import annotations

from dataclasses import dataclass

from tamis.cards.view import View
from tamis.engine.ledger import NOT_DRAWN

FILTERED = "left out while reading"
"""Rows that a source's `where` leaves out."""


@dataclass(frozen=True)
class Step:
    """One step of the funnel, summed over sources."""

    name: str
    entered: int
    left: int
    reasons: dict[str, int]


def steps(view: View, only: str | None = None) -> list[Step]:
    """The way of all documents, or those of one source: reading, every stage that could drop one, the mix."""
    manifest = view.manifest
    sources = [source for source in manifest.sources if only in (None, source.name)]
    funnel = [row for row in manifest.funnel if only in (None, row.source)]
    causes: dict[str, int] = {}
    for source in sources:
        for cause, number in source.rejects.items():
            causes[cause] = causes.get(cause, 0) + number
    filtered = sum(source.filtered for source in sources)
    causes |= {FILTERED: filtered} if filtered else {}
    read = sum(source.read for source in sources)
    found = [Step("reading", read, sum(source.documents for source in sources), causes)]
    for name in dict.fromkeys(row.stage for row in funnel):
        rows = [row for row in funnel if row.stage == name]
        reasons: dict[str, int] = {}
        for row in rows:
            for reason, number in row.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + number
        found.append(Step(name, sum(r.documents_in for r in rows), sum(r.documents_out for r in rows), reasons))
    return found


def decisive(view: View) -> list[Step]:
    """Steps that have a rule or dropped something: the others pass everything by their nature."""
    ruled = {stage.name for stage in view.manifest.stages if stage.rules or stage.rules_by}
    return [step for step in steps(view) if step.entered != step.left or step.name in ruled or step.name == "reading"]


def worded(reason: str) -> str:
    """A reason without its stage, as it reads beside the stage's name."""
    return "drawn 0 times" if reason == NOT_DRAWN else reason.partition(".")[2] or reason
