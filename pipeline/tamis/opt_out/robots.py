"""robots.txt by RFC 9309, with the lines on the use of content that AIPREF and Content Signals add to its groups.

Files of the same grammar (ai.txt) are read alike.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_CHARACTERS = 512 * 1024
"""What of a file is read: the RFC asks for 500 KiB at least."""
EVERYONE = "*"
_TOKEN = re.compile(r"\*|[A-Za-z0-9_\-]+")
_LINES = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_USAGE = ("content-usage", "content-signal")
_TRAINING = ("train-ai", "ai-train", "train-genai", "ai", "tdm", "bots")
"""Uses that training a model is one of, the narrowest first: in AIPREF, in Content Signals, in earlier drafts."""
_NO, _YES = ("n", "no"), ("y", "yes")
_KNOWN = ("sitemap", "crawl-delay", "host", "clean-param", "noindex", "request-rate", "visit-time")


class Pattern(NamedTuple):
    """A path pattern: pieces between `*`, and whether the path ends behind the last one."""

    pieces: tuple[str, ...]
    ends: bool
    length: int
    """Octets: the longest match decides."""

    def matches(self, path: str) -> bool:
        """Whether it matches a path that went through `normal_path`."""
        first, *others = self.pieces
        if not path.startswith(first):
            return False
        at = len(first)
        for number, piece in enumerate(others):
            if self.ends and number == len(others) - 1:
                return path.endswith(piece) and len(path) - len(piece) >= at
            at = path.find(piece, at)
            if at < 0:
                return False
            at += len(piece)
        return not self.ends or at == len(path)


def pattern_of(written: str) -> Pattern:
    """The pattern of a rule's value."""
    ends = written.endswith("$")
    pieces = tuple(_normal(piece).replace("$", "%24") for piece in written.removesuffix("$").split("*"))
    if "?" in written:
        # `normal_path` knows a query by its question mark, which may stand in an earlier piece.
        seen, queried = False, []
        for piece in pieces:
            queried.append(_query(piece) if seen else _in_query(piece))
            seen = seen or "?" in piece
        pieces = tuple(queried)
    return Pattern(pieces, ends, sum(map(len, pieces)) + len(pieces) - 1 + ends)


def normal_path(path: str) -> str:
    """A path and query in the one spelling that rules are compared with: octets beyond ASCII percent-encoded,
    unreserved characters not."""
    return _in_query(_normal(path).replace("*", "%2A").replace("$", "%24"))


def _normal(path: str) -> str:
    octets = "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}" for byte in path.encode("utf-8", "replace"))
    return _ESCAPE.sub(_unescaped, octets)


def _unescaped(found: re.Match[str]) -> str:
    byte = int(found[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


def _in_query(path: str) -> str:
    before, mark, query = path.partition("?")
    return before + mark + _query(query)


def _query(text: str) -> str:
    # In a query these two mean the same, escaped or not.
    return text.replace("%3A", ":").replace("%2F", "/")


@dataclass(frozen=True)
class Rule:
    """An `Allow` or `Disallow` line."""

    allow: bool
    pattern: Pattern
    line: str


@dataclass(frozen=True)
class Usage:
    """A line on the use of content, of which training is one."""

    pattern: Pattern
    training: bool
    line: str


@dataclass
class Group:
    """The rules for one robot."""

    name: str
    """As the file spells it first; `*` for every robot."""
    rules: list[Rule] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)

    def decides(self, path: str) -> Rule | None:
        """The rule for a path (as `normal_path` has it): the longest that matches, `Allow` where two are as long."""
        if path == "/robots.txt":
            return None
        return next((rule for rule in self._longest_first if rule.pattern.matches(path)), None)

    @functools.cached_property
    def _longest_first(self) -> list[Rule]:
        return sorted(self.rules, key=lambda rule: (-rule.pattern.length, not rule.allow))

    def reserves(self, path: str) -> Usage | None:
        """The line that says no to training on a path, if the one for it does: the longest, `no` where two are."""
        matching = (usage for usage in self.usages if usage.pattern.matches(path))
        found = max(matching, key=lambda usage: (usage.pattern.length, not usage.training), default=None)
        return found if found is not None and not found.training else None


@dataclass(frozen=True)
class Robots:
    """A file: its groups by robot, in lower case."""

    groups: Mapping[str, Group]
    understood: bool
    """Whether it has a line that such a file may have, or none at all."""

    def group(self, agent: str) -> Group | None:
        """The group that an agent obeys: its own, else everyone's."""
        return self.groups.get(agent.lower()) or self.groups.get(EVERYONE)


def parse(text: str) -> Robots:
    """Reads a file. Groups of the same robot are one; a line that means nothing is passed over."""
    groups: dict[str, Group] = {}
    current: list[Group] = []
    naming = understood = written = False
    for raw in _LINES.split(text.removeprefix("\ufeff")[:MAX_CHARACTERS]):
        line = raw.partition("#")[0].strip()
        name, colon, value = (part.strip() for part in line.partition(":"))
        name = name.lower()
        written = written or bool(line)
        if not colon:
            continue
        if name == "user-agent":
            token = _TOKEN.match(value)
            current = current if naming else []
            naming = understood = True
            if token:
                current.append(groups.setdefault(token[0].lower(), Group(token[0])))
        elif name in ("allow", "disallow"):
            naming, understood = False, True
            if value:
                _add(current, Rule(name == "allow", pattern_of(value), line))
        elif name in _USAGE:
            naming, understood = False, True
            # One that stands before any group is meant for everyone.
            _use(current or [groups.setdefault(EVERYONE, Group(EVERYONE))], value, line)
        else:
            understood = understood or name in _KNOWN
    return Robots(groups, understood or not written)


def _add(groups: Iterable[Group], rule: Rule) -> None:
    for group in groups:
        group.rules.append(rule)


def _use(groups: Iterable[Group], value: str, line: str) -> None:
    path, _, preferences = value.partition(" ") if value.startswith("/") else ("/", "", value)
    training = trains(preferences)
    if training is not None:
        for group in groups:
            group.usages.append(Usage(pattern_of(path), training, line))


def trains(preferences: str) -> bool | None:
    """What `train-ai=n, search=y` and the like say of training a model; None where they don't say."""
    stated: dict[str, bool] = {}
    for preference in re.split(r"[,;]", preferences):
        use, _, answer = (part.strip().lower() for part in preference.partition("="))
        if answer in _NO + _YES:
            # Said both ways, it is no.
            stated[use] = stated.get(use, True) and answer in _YES
    return next((stated[use] for use in _TRAINING if use in stated), None)
