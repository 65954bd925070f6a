"""robots.txt beside Protego, a well-kept parser, on files made at random."""

from __future__ import annotations

import random
from collections.abc import Sequence

from protego import Protego

from tamis.opt_out.robots import normal_path, parse

AGENTS = ("GPTBot", "CCBot", "ClaudeBot", "foo-bar")
STEPS = ("/", "a", "b", "ab", "?x=1", "%61", "é", "%C3%A9", ".pdf", "-", "_", "%2F", "private/", "?q=a/b")


def path(chance: random.Random, steps: Sequence[str] = STEPS) -> str:
    return "/" + "".join(chance.choice(steps) for _ in range(chance.randint(0, 4)))


def file(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(1, 4)):
        lines += [f"User-agent: {chance.choice((*AGENTS, '*'))}" for _ in range(chance.randint(1, 2))]
        for _ in range(chance.randint(1, 4)):
            value = chance.choice((path(chance, (*STEPS, "*", "$")), "/", ""))
            lines.append(f"{chance.choice(('Disallow', 'Disallow', 'Allow'))}: {value}")
        # Behind rules, where it means the same to both: between names of robots, Protego ends the group at it.
        lines += ["Crawl-delay: 3"] if chance.random() < 0.2 else []
        lines += ["Sitemap: https://x.org/s"] if chance.random() < 0.2 else []
    return "\n".join(lines)


def test_decisions_are_those_of_protego() -> None:
    chance = random.Random(9309)
    decisions = []
    for _ in range(600):
        text = file(chance)
        theirs, ours = Protego.parse(text), parse(text)
        for _ in range(5):
            agent, at = chance.choice((*AGENTS, "Other")), path(chance)
            group = ours.group(agent)
            rule = group.decides(normal_path(at)) if group else None
            decisions.append(rule is None or rule.allow)
            assert decisions[-1] == theirs.can_fetch(f"https://x.org{at}", agent), (text, agent, at)
    assert 0.2 < sum(decisions) / len(decisions) < 0.8
