"""Which documents of a release were drawn for review: facts of the manifest."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class StratumRow(_Fact):
    """One stratum of which some documents were drawn. Every document that may be shown is in exactly one."""

    kind: str
    """`kept`, `dropped`, `near kept` or `near dropped`: near a threshold, on the side named."""
    language: str
    category: str
    rule: str
    """Of a dropped document the first failed rule, of a near one the rule it is near; empty for `kept`."""
    documents: int
    drawn: int


class SampleFacts(_Fact):
    """The draw."""

    asked: int
    """`release.samples`: how many documents are drawn at most."""
    drawn: int
    documents: int
    """Documents that could be drawn."""
    withheld: int
    """Documents that could not: their texts may not be handed on."""
    strata: int
    """Strata that have documents, drawn from or not."""
    rows: tuple[StratumRow, ...]
    """Strata that were drawn from."""
