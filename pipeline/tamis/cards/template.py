"""Templates of cards: a team's own prose, with the computed sections where it wants them.

A template is Markdown. A line `{{ section_name }}` outside code blocks stands for that section; every other line is
prose. What a template leaves out is named in the card, and what a reader may not miss can't be left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from tamis.cards.markdown import outside_fences
from tamis.errors import RecipeError, did_you_mean

TEMPLATE = "card_template.md"
"""Where a release keeps the template its card was made with."""
REQUIRED = ("at_a_glance", "rights", "personal_data", "missing")
MOST = 100_000
"""Characters of a template; the rest of a card is the sections."""
_LINE = re.compile(r" {0,3}\{\{ *([^{}]*?) *\}\}\s*\Z")


def check_template(name: str, template: str, known: Collection[str]) -> None:
    """Raises RecipeError, with every complaint at its line of the file `name`, for a template that can't be filled
    with the sections `known`."""
    complaints: list[str] = []
    seen: dict[str, int] = {}
    for number, section in _placeholders(template):
        if section is None:
            complaint = "a placeholder is a line of its own: {{ section_name }}. Braces of another kind belong in code"
        elif section not in known:
            complaint = f"no section is called {section!r}.{did_you_mean(section, known)}"
        elif section in seen:
            complaint = f"section {section!r} stands in line {seen[section]} already: name it once"
        else:
            seen[section] = number
            continue
        complaints.append(f"{name}:{number}: {complaint}")
    if len(template) > MOST:
        complaints.append(f"{name}:1: a template has at most {MOST} characters; this one has {len(template)}")
    lines = template.count("\n") + 1
    complaints += [
        f"{name}:{lines}: section {section!r} is not in the template, and no card is without it: "
        f"add a line {{{{ {section} }}}}"
        for section in REQUIRED
        if section not in seen
    ]
    if complaints:
        raise RecipeError("\n".join(complaints))


def _placeholders(template: str) -> Iterator[tuple[int, str | None]]:
    """Number of a line and the section it asks for; None for a line that has braces and asks for none."""
    for number, line in enumerate(outside_fences(template), start=1):
        match = _LINE.match(line)
        if match:
            yield number, match[1]
        elif "{{" in re.sub(r"(`+).+?\1", "", line):
            yield number, None


def fill(template: str, sections: Mapping[str, str]) -> str:
    """The body of a card: the template with each section in its place. A section that has nothing to say is left
    empty."""
    lines = template.rstrip("\n").split("\n")
    for number, section in _placeholders(template):
        if section is not None:
            lines[number - 1] = sections.get(section, "")
    return "\n".join(lines)


def left_out(template: str, sections: Collection[str]) -> list[str]:
    """Names of sections that the template has no place for, in their order."""
    asked = {section for _, section in _placeholders(template)}
    return [name for name in sections if name not in asked]


def titles(template: str) -> set[str]:
    """Titles of the sections that the template itself writes."""
    return {line.removeprefix("## ").strip() for line in outside_fences(template) if line.startswith("## ")}
