"""What the answers of a site say of one of its addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from tamis.opt_out.robots import Group, Pattern, Robots, normal_path, parse, pattern_of, trains
from tamis.opt_out.snapshot import Answers

Status = Literal["found", "missing", "forbidden", "unreachable", "malformed", "unknown"]
Reservation = Literal["robots", "content_usage", "tdmrep", "ai_txt", "headers"]
RESERVATIONS: tuple[Reservation, ...] = ("robots", "content_usage", "tdmrep", "ai_txt", "headers")
AGENTS = (
    "CCBot", "GPTBot", "ClaudeBot", "anthropic-ai", "Google-Extended", "Applebot-Extended", "meta-externalagent",
    "Bytespider", "Amazonbot", "cohere-training-data-crawler", "MistralAI-Training", "AI2Bot", "Diffbot", "omgili",
)  # fmt: skip
"""Robots whose operators say that they gather, or mark, what language models are trained on."""
_SHOWN = 200
"""Characters of a rule that are kept."""


class Verdict(NamedTuple):
    """What stands against an address."""

    allowed: bool
    rule: str | None = None
    agent: str | None = None
    """Whose rule it is, as the file spells it; `*` for every robot's."""


ALLOWED = Verdict(True)


@dataclass(frozen=True)
class Policy:
    """What counts, and what becomes of sites that don't tell."""

    agents: Sequence[str]
    honour: frozenset[str]
    drop: frozenset[str]
    """Kinds of `Status` whose documents aren't allowed."""


def status_of(answers: Answers | None, robots: Robots | None) -> Status:
    """How a site answered for robots.txt (RFC 9309, section 2.3.1). 429 says nothing but "later"."""
    if answers is None:
        return "unknown"
    if answers.status is not None and not 200 <= answers.status < 300:
        if answers.status in (401, 403):
            return "forbidden"
        return "missing" if 300 <= answers.status < 500 and answers.status != 429 else "unreachable"
    if answers.robots is None or robots is None:
        return "unreachable" if answers.status is None else "missing"
    return "found" if robots.understood else "malformed"


class Site:
    """A site's answers, read once, to judge many of its addresses by."""

    def __init__(self, answers: Answers | None, policy: Policy) -> None:
        robots = None if answers is None or answers.robots is None else parse(answers.robots)
        self.status: Status = status_of(answers, robots)
        self.date = answers.date if answers else None
        self._checks: list[Callable[[str], Verdict | None]] = []
        if robots is not None and self.status == "found":
            self._read_robots(robots, policy)
        if answers is not None:
            self._read_others(answers, policy)
        self._otherwise = Verdict(False, _why(self.status, answers)) if self.status in policy.drop else ALLOWED

    def judge(self, path: str) -> Verdict:
        """The verdict on an address by its path and query."""
        path = normal_path(path)
        for check in self._checks:
            verdict = check(path)
            if verdict is not None:
                return verdict
        return self._otherwise

    def _read_robots(self, robots: Robots, policy: Policy) -> None:
        groups = list({id(group): group for agent in policy.agents if (group := robots.group(agent))}.values())
        if "robots" in policy.honour:
            self._checks += [_by_rules(group, "") for group in groups if not all(rule.allow for rule in group.rules)]
        if "content_usage" in policy.honour:
            self._checks += [_by_usage(group) for group in groups if group.usages]

    def _read_others(self, answers: Answers, policy: Policy) -> None:
        if "tdmrep" in policy.honour and answers.tdmrep:
            check = _by_tdmrep(answers.tdmrep)
            self._checks += [check] if check else []
        if "ai_txt" in policy.honour and answers.ai_txt:
            file = parse(answers.ai_txt)
            groups = {id(group): group for agent in policy.agents if (group := file.group(agent))}
            self._checks += [_by_rules(group, "ai.txt, ") for group in groups.values()]
        if "headers" in policy.honour and answers.headers:
            found = _of_headers(answers.headers)
            self._checks += [lambda _: found] if found else []


def _why(status: Status, answers: Answers | None) -> str:
    code = f" ({answers.status})" if answers is not None and answers.status is not None else ""
    return {
        "unknown": "the snapshot doesn't have the site",
        "malformed": "robots.txt is malformed",
    }.get(status, f"robots.txt is {status}{code}")


def _against(rule: str, agent: str | None = None) -> Verdict:
    return Verdict(False, rule if len(rule) <= _SHOWN else f"{rule[: _SHOWN - 1]}…", agent)


def _by_rules(group: Group, prefix: str) -> Callable[[str], Verdict | None]:
    def check(path: str) -> Verdict | None:
        rule = group.decides(path)
        return _against(f"{prefix}{group.name}: {rule.line}", group.name) if rule and not rule.allow else None

    return check


def _by_usage(group: Group) -> Callable[[str], Verdict | None]:
    def check(path: str) -> Verdict | None:
        usage = group.reserves(path)
        return _against(f"{group.name}: {usage.line}", group.name) if usage else None

    return check


def _by_tdmrep(text: str) -> Callable[[str], Verdict | None] | None:
    """By tdmrep.json: the longest location that matches decides."""
    try:
        data: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    entries: list[tuple[Pattern, bool, str]] = []
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict) and isinstance(entry.get("location"), str):
            location = entry["location"]
            entries.append((pattern_of(location), _reserved(entry.get("tdm-reservation")), location))

    def check(path: str) -> Verdict | None:
        matching = (entry for entry in entries if entry[0].matches(path))
        found = max(matching, key=lambda entry: (entry[0].length, entry[1]), default=None)
        return _against(f"tdmrep.json: {found[2]}") if found and found[1] else None

    return check if entries else None


def _reserved(value: Any) -> bool:
    return str(value).strip().lower() in ("1", "true")


def _of_headers(text: str) -> Verdict | None:
    """By the headers of the site's home page."""
    try:
        headers: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(headers, dict):
        return None
    lowered = {name.lower(): str(value) for name, value in headers.items()}
    if _reserved(lowered.get("tdm-reservation")):
        return _against("header TDM-Reservation: 1")
    for name in ("content-usage", "content-signal"):
        if trains(lowered.get(name, "")) is False:
            return _against(f"header {name.title()}: {lowered[name]}")
    if "noai" in lowered.get("x-robots-tag", "").lower().replace(",", " ").split():
        return _against(f"header X-Robots-Tag: {lowered['x-robots-tag']}")
    return None
