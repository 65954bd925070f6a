"""One field of the EU template: its answer, and where in the manifest the answer stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from tamis.cards.exports.declared import Held
from tamis.recipe.card import SECTIONS

Status = Literal["provided", "to be provided", "if yes", "not applicable"]


@dataclass(frozen=True)
class Answer:
    """A field of the template."""

    id: str
    """Section and field, as `2.1.c`."""
    field: str
    """What it asks for, in short."""
    value: Any = None
    """Text, a list of texts or of records; None where nobody has said."""
    places: tuple[str, ...] = ()
    """Where the value stands, as `sources[3].declared.version`."""
    asks: str = ""
    """The field of the recipe that would answer it."""
    applies: bool | None = True
    """False where an answer with no makes the field moot; None while the question before it is open."""
    optional: bool = False
    """Whether the template asks for it only where there is something to say."""

    @property
    def status(self) -> Status:
        """Whether it is answered."""
        if not self.applies:
            return "if yes" if self.applies is None else "not applicable"
        return "to be provided" if self.value in (None, "", []) else "provided"

    @property
    def open(self) -> bool:
        """Whether someone has to answer it yet."""
        return self.status == "to be provided" and not self.optional


@dataclass(frozen=True)
class Section:
    """A section of the template."""

    id: str
    title: str
    answers: tuple[Answer, ...]


GATES = frozenset(("2.1.a", "2.2.1.a", "2.2.2.a", "2.3.a", "2.4.a", "2.4.b", "2.5.a", "2.6.a"))
"""Questions that the other fields of their section depend on."""


def gated(section: Section) -> Section:
    """The section, with fields whose question is open waiting for its answer."""
    if not any(answer.id in GATES and answer.open for answer in section.answers):
        return section
    return replace(
        section,
        answers=tuple(answer if answer.applies else replace(answer, applies=None) for answer in section.answers),
    )


def acquired(sources: list[Held], *ways: str) -> list[Held]:
    """Sources that were acquired so. What made or fetched a text says so, too."""
    also = {"synthetic": "synthetic", "crawled": "crawler"}
    return [
        source
        for source in sources
        if source.declared.get("acquisition") in ways or any(also.get(way) in source.declared for way in ways)
    ]


def yes_or_no(id_: str, field: str, way: str, sources: list[Held], eu: dict[str, Any], section: str = "") -> Answer:
    """Yes where a source says so, no where the provider says so; never guessed."""
    section = section or SECTIONS[way]
    mine = acquired(sources, way)
    asks = f"sources.acquisition, or {section} under card.eu.answered_no"
    if mine:
        return Answer(id_, field, "yes", tuple(_why(source, way) for source in mine), asks)
    if section in eu.get("answered_no", ()):
        return Answer(id_, field, "no", ("recipe.card.eu.answered_no",), asks)
    return Answer(id_, field, asks=asks)


def _why(source: Held, way: str) -> str:
    key = "acquisition" if source.declared.get("acquisition") == way else {"crawled": "crawler"}.get(way, way)
    return f"{source.place}.declared.{key}"


def places(sources: list[Held], *keys: str) -> tuple[str, ...]:
    """Where the sources declare these."""
    return tuple(f"{source.place}.declared.{key}" for source in sources for key in keys if key in source.declared)


def month(value: str) -> str:
    """`2026-03` as the template writes it: `03/2026`."""
    return "/".join(reversed(value.split("-")[:2]))


def day(value: str) -> str:
    """`2026-03-31` as the template writes it: `31/03/2026`."""
    return "/".join(reversed(value.split("-")))
