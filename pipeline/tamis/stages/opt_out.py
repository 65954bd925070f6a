"""The stage `opt_out`: whether a document's site lets its text be used for training, by a dated snapshot."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.opt_out.judge import AGENTS, RESERVATIONS, Policy, Reservation, Site

_Verdict = Literal["allow", "drop"]
_STATUSES = ("missing", "forbidden", "unreachable", "malformed", "unknown")
_SITES = 1 << 14
"""Sites whose files are held in parsed form."""


class OptOutConfig(StageConfig):
    """Options of `opt_out`."""

    snapshot: Annotated[str, Field(min_length=1)]
    """The snapshot (Parquet or JSON Lines) that `tamis opt-out-snapshot` makes: a path, `package:` or `hub:`
    reference."""
    agents: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+$")], ...], Field(min_length=1)] = AGENTS
    """Robots, by the name they have in robots.txt: what is forbidden to one of them is not allowed. One that a file
    doesn't name is meant by its rules for `*`."""
    honour: Annotated[tuple[Reservation, ...], Field(min_length=1)] = RESERVATIONS
    """What counts: rules of robots.txt, its lines on training (Content-Usage of AIPREF, Content-Signal), tdmrep.json,
    ai.txt, headers of the home page."""
    missing: _Verdict = "allow"
    """What becomes of documents of a site without robots.txt (RFC 9309: everything is allowed)."""
    forbidden: _Verdict = "drop"
    """Of a site that refuses to show it (401, 403)."""
    unreachable: _Verdict = "drop"
    """Of a site that didn't answer, or with an error of its own (RFC 9309: nothing is allowed)."""
    malformed: _Verdict = "allow"
    """Of a site where it is something else, such as a page of HTML."""
    unknown: _Verdict = "drop"
    """Of a site that the snapshot doesn't have."""

    def policy(self) -> Policy:
        """The options as judging takes them."""
        drop = frozenset(status for status in _STATUSES if getattr(self, status) == "drop")
        return Policy(self.agents, frozenset(self.honour), drop)


def _prepare(config: OptOutConfig, models: Models) -> Measure:
    from tamis.corpus.urls import split
    from tamis.opt_out.snapshot import Snapshot

    snapshot, policy = Snapshot(Path(models["snapshot"])), config.policy()

    @functools.lru_cache(_SITES)
    def site_of(name: str) -> Site:
        return Site(snapshot.get(name), policy)

    def judged(written: str | None) -> tuple[Any, ...]:
        url = split(written) if written else None
        if url is None:
            return (None,) * len(_NAMES)
        site = site_of(url.site)
        verdict = site.judge(url.path)
        return verdict.allowed, verdict.rule, verdict.agent, site.status, site.date and site.date[:10]

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = [judged(url) for url in batch.column("url").to_pylist()]
        columns = zip(*rows, strict=True) if rows else [()] * len(_NAMES)
        types = [pa.bool_(), *[pa.string()] * (len(_NAMES) - 1)]
        arrays = [pa.array(values, type_) for values, type_ in zip(columns, types, strict=True)]
        return measured(batch.num_rows, dict(zip(_NAMES, arrays, strict=True)))

    return measure


def _check(_: OptOutConfig, models: Models) -> None:
    """Raises InputError for a file that is no snapshot."""
    from tamis.opt_out.snapshot import check

    check(Path(models["snapshot"]))


_NAMES = ("allowed", "rule", "agent", "status", "date")

STAGE = Stage(
    name="opt_out",
    version=1,
    title="Whether the document's site reserves its text: robots.txt, AIPREF, TDMRep, ai.txt, by a dated snapshot",
    about="""Judges the document's address by what its site answered on a day that the snapshot tells. The stage itself
contacts nobody: `tamis opt-out-snapshot` asks the sites, once, and the file's hash is part of what is measured.

    - opt_out:
        snapshot: lists/robots-2026-01.parquet
        agents: [CCBot, GPTBot]         # the default names fourteen
        missing: drop                   # no robots.txt; by default that allows, as RFC 9309 has it

robots.txt is read and matched by RFC 9309, for the whole address, not for the site alone: the robot's own group, else
that of `*`; the longest rule decides, Allow among two as long. Its lines `Content-Usage: train-ai=n` (AIPREF, an
Internet-Draft) and `Content-Signal: ai-train=no` belong to a group and may name a path. tdmrep.json (TDM Reservation
Protocol) reserves by location; ai.txt is read as robots.txt is; of the home page's headers TDM-Reservation,
Content-Usage and X-Robots-Tag: noai count for the whole site.

One word against is enough: `allowed` is false where any of `agents` is kept out or any reservation in `honour` holds;
`rule` is the line that says so, `agent` whose rule it is. Lucie asked for CCBot at the root alone, and dropped sites
that didn't answer: `{agents: [CCBot], honour: [robots]}`. A document without address has null signals and passes;
`keep: {allowed: {is: true, nulls: drop}}` drops it. docs/opt_out.md tells what none of this can tell.""",
    config=OptOutConfig,
    reads=("url",),
    adds=(
        Column(
            "allowed",
            pa.bool_(),
            "flag",
            "Whether nothing stands against the text's use; null: the document has no address.",
            default=Condition(is_=True),
            citation="RFC 9309, and the reservation of rights by Article 4(3) of Directive (EU) 2019/790",
        ),
        Column("rule", pa.string(), "label", "What stands against it: a line of robots.txt, a location, a header."),
        Column("agent", pa.string(), "label", "Whose rule that is, as robots.txt has it; `*`: every robot's."),
        Column("status", pa.string(), "label", "How the site answered: found, missing, forbidden, unreachable, ..."),
        Column("date", pa.string(), "label", "Day on which it was asked (UTC)."),
    ),
    prepare=_prepare,
    models=lambda config: {"snapshot": config.snapshot},
    check=_check,
)
