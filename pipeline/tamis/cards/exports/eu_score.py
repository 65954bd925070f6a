"""How complete the EU summary is, by the part of a published rubric that facts can decide.

The rubric is that of the AI Accountability Lab (AIAccountabilityLab/gpai-training-transparency): 242 metrics with
weights, each met, met in part or not met. Here stand those that ask whether something is given, with their identifiers
and weights. Whether it is accurate, clear and pertinent, people judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tamis.cards.exports.declared import Held, card, held
from tamis.cards.exports.eu_answer import Answer, Section, acquired
from tamis.cards.view import View

RUBRIC = 242
"""Metrics of the whole rubric."""
NAMES = {
    "0": "The document",
    "1": "General information",
    "2.1": "Public datasets",
    "2.2": "Private datasets",
    "2.3": "Crawled data",
    "2.4": "User data",
    "2.5": "Synthetic and other data",
    "3": "Processing",
}


@dataclass(frozen=True)
class Facts:
    """What the metrics look at."""

    view: View
    answers: dict[str, Answer]
    sources: list[Held]

    def given(self, id_: str) -> float | None:
        """1 where the field is answered, 0 where it is open, None where it doesn't apply."""
        status = self.answers[id_].status
        return None if status in ("not applicable", "if yes") else float(status == "provided")

    def if_given(self, id_: str) -> float | None:
        """1 where the field is answered; it doesn't count where it isn't."""
        return self.given(id_) or None

    def shared(self, id_: str, *keys: str) -> float | None:
        """How many of a field's records have all of these: each 1, some a half."""
        records = self.answers[id_].value
        if self.given(id_) is None or not records:
            return self.given(id_)
        return portion(all(key in record for key in keys) for record in records)

    def of_sources(self, way: str, *keys: str) -> float | None:
        """How many of the sources acquired so declare all of these. None where there are none."""
        mine = acquired(self.sources, way)
        return portion(all(key in source.declared for key in keys) for source in mine) if mine else None

    def of_crawlers(self, key: str) -> float | None:
        """How many of the crawled sources tell this of their crawler."""
        mine = acquired(self.sources, "crawled")
        return portion(bool(source.declared.get("crawler", {}).get(key)) for source in mine) if mine else None

    def eu(self, key: str) -> Any:
        """What the recipe says for the summary."""
        return card(self.view).get("eu", {}).get(key)


def portion(held_: Iterable[bool]) -> float:
    """1 where all hold, a half where some do, 0 where none."""
    each = list(held_)
    return 1.0 if each and all(each) else 0.5 if any(each) else 0.0


def _robots(facts: Facts) -> float:
    told = [str(protocol).lower() for source in facts.sources
            for protocol in source.declared.get("opt_out", {}).get("protocols", ())]  # fmt: skip
    return float("robots" in " ".join([*told, str(facts.eu("opt_out_measures") or "").lower()]))


def _models(key: str) -> Callable[[Facts], float | None]:
    return lambda facts: portion(key in model for model in facts.eu("models") or ())


def _given(id_: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts.given(id_)


def _if_given(id_: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts.if_given(id_)


def _shared(id_: str, *keys: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts.shared(id_, *keys)


def _sources(way: str, *keys: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts.of_sources(way, *keys)


def _crawlers(key: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts.of_crawlers(key)


def _every_source(key: str) -> Callable[[Facts], float | None]:
    return lambda facts: portion(key in source.declared for source in facts.sources)


def _always(_: Facts) -> float:
    return 1.0


Metric = tuple[str, str, int, Callable[[Facts], "float | None"]]
"""Identifier and weight in the rubric, the section it is summed in, and the check."""
METRICS: tuple[Metric, ...] = (
    ("D5", "0", 1, _always),  # the template's structure
    ("D8", "0", 2, _always),  # integrity: its checksum is in manifest and SHA256SUMS
    ("D9", "0", 1, _always),  # structured and interoperable: eu_summary.json
    ("D23", "0", 3, _given("0.a")),
    ("D24", "0", 3, _if_given("0.a.previous")),
    ("D28", "0", 1, _given("0.b")),
    ("D30", "0", 1, _given("0.b")),
    ("F1.1.a.1", "1", 5, _given("1.1.a.name")),
    ("F1.1.a.3", "1", 5, _given("1.1.a.contact")),
    ("F1.1.b.1", "1", 3, _if_given("1.1.b.name")),
    ("F1.1.b.3", "1", 3, _if_given("1.1.b.contact")),
    ("F1.2.a.1", "1", 5, _given("1.2.a")),
    ("F1.2.a.3", "1", 5, _models("url")),
    ("F1.2.b.1", "1", 5, _given("1.2.b")),
    ("F1.2.c.1", "1", 1, _models("placed")),
    ("F1.3.a.1", "1", 3, _given("1.3.a")),
    ("F1.3.b.1", "1", 3, _given("1.3.b")),
    ("F1.3.b.2", "1", 3, _given("1.3.b")),
    ("F1.3.c.1", "1", 10, _given("1.3.c")),
    ("F1.3.c.2", "1", 10, _every_source("content")),
    ("F1.3.d.1", "1", 1, _given("1.3.d")),
    ("F1.3.d.2", "1", 1, _given("1.3.d")),
    ("F1.3.d.3", "1", 1, _given("1.3.d")),
    ("F1.3.d.5", "1", 1, lambda facts: float(facts.eu("continuous") is not None)),
    ("F1.3.e.1", "1", 6, _given("1.3.e")),
    ("F1.3.e.2", "1", 6, _given("1.3.e")),
    ("F1.3.e.3", "1", 6, _given("1.3.e")),
    ("F1.3.f.1", "1", 6, _every_source("geography")),
    ("F1.3.f.2", "1", 6, lambda facts: float(bool(facts.eu("demographics")))),
    ("F1.3.g.1", "1", 2, _given("1.3.g")),
    ("F1.3.g.2", "1", 2, lambda facts: float(facts.view.manifest.tokenizer is not None)),
    ("F2.1.a.1", "2.1", 1, _given("2.1.a")),
    ("F2.1.b.1", "2.1", 3, _given("2.1.b")),
    ("F2.1.c.2", "2.1", 20, lambda facts: facts.given("2.1.c") and portion(
        "acquisition" in source.declared for source in facts.sources)),
    ("F2.1.c.3", "2.1", 20, _shared("2.1.c", "link")),
    ("F2.1.c.5", "2.1", 20, _shared("2.1.c", "version")),
    ("F2.1.c.6", "2.1", 20, _shared("2.1.c", "selection approach")),
    ("F2.1.d.1", "2.1", 16, _given("2.1.d")),
    ("F2.1.d.3", "2.1", 16, _given("2.1.d")),
    ("F2.1.d.5", "2.1", 16, _given("2.1.d")),
    ("F2.1.d.6", "2.1", 16, _given("2.1.d")),
    ("F2.1.e.1", "2.1", 3, _given("2.1.e")),
    ("F2.2.1.a.1", "2.2", 1, _given("2.2.1.a")),
    ("F2.2.1.b.1", "2.2", 3, _given("2.2.1.b")),
    ("F2.2.2.a.1", "2.2", 1, _given("2.2.2.a")),
    ("F2.2.2.b.1", "2.2", 3, _given("2.2.2.b")),
    ("F2.2.2.c.3", "2.2", 20, _shared("2.2.2.c", "version")),
    ("F2.2.2.c.4", "2.2", 20, _shared("2.2.2.c", "link")),
    ("F2.2.2.d.1", "2.2", 16, _given("2.2.2.d")),
    ("F2.2.2.d.3", "2.2", 16, _given("2.2.2.d")),
    ("F2.2.2.d.5", "2.2", 16, _given("2.2.2.d")),
    ("F2.2.2.e.1", "2.2", 3, _sources("private", "period")),
    ("F2.2.2.e.2", "2.2", 3, _given("2.2.2.e")),
    ("F2.3.a.1", "2.3", 3, _given("2.3.a")),
    ("F2.3.b.4", "2.3", 15, _crawlers("name")),
    ("F2.3.c.1", "2.3", 10, _given("2.3.c")),
    ("F2.3.c.2", "2.3", 10, _crawlers("purpose")),
    ("F2.3.d.1", "2.3", 10, _crawlers("behaviour")),
    ("F2.3.e.1", "2.3", 7, _given("2.3.e")),
    ("F2.3.e.2", "2.3", 7, _crawlers("period")),
    ("F2.3.f.1", "2.3", 13, _sources("crawled", "geography")),
    ("F2.3.f.2", "2.3", 13, _given("2.3.f")),
    ("F2.3.f.4", "2.3", 13, _sources("crawled", "content")),
    ("F2.3.g.1", "2.3", 3, _given("2.3.g")),
    ("F2.3.h.1", "2.3", 25, _given("2.3.h")),
    ("F2.4.a.1", "2.4", 3, _given("2.4.a")),
    ("F2.4.b.1", "2.4", 5, _given("2.4.b")),
    ("F2.4.d.1", "2.4", 3, _given("2.4.d")),
    ("F2.5.a.1", "2.5", 1, _given("2.5.a")),
    ("F2.5.b.1", "2.5", 3, _given("2.5.b")),
    ("F2.5.c.1", "2.5", 12, _given("2.5.c")),
    ("F2.5.c.4", "2.5", 12, _shared("2.5.c", "summary")),
    ("F2.5.d.1", "2.5", 12, _given("2.5.d")),
    ("F2.6.a.1", "2.5", 2, _given("2.6.a")),
    ("F2.6.b.1", "2.5", 17, _given("2.6.b")),
    ("F3.1.a.1", "3", 3, _given("3.1.a")),
    ("F3.1.b.1", "3", 18, _robots),
    ("F3.1.b.2", "3", 18, _sources("public_dataset", "opt_out")),
    ("F3.1.c.1", "3", 5, lambda facts: float(bool(facts.eu("copyright_policy")))),
    ("F3.2.a.1", "3", 15, _given("3.2.a")),
    ("F3.3.a.1", "3", 1, _given("3.3.a")),
)  # fmt: skip
NOTE = (
    "{counted} of the {rubric} metrics of the AI Accountability Lab's rubric ask for something that facts can decide, "
    "and apply here; {moot} more would be counted in other releases. Accuracy, clarity and pertinence are not scored: "
    "people judge them, so this is no grade."
)


def score(view: View, found: list[Section]) -> dict[str, Any]:
    """Each metric's score times its weight, summed by section; what doesn't apply is left out of the maximum."""
    answers = {answer.id: answer for part in found for answer in part.answers}
    facts = Facts(view, answers, held(view))
    items = [
        {"id": id_, "section": part, "weight": weight, "met": check(facts)} for id_, part, weight, check in METRICS
    ]
    counted = [item for item in items if item["met"] is not None]
    sections = {
        f"{part}: {name}": _summed([item for item in counted if item["section"] == part])
        for part, name in NAMES.items()
    }
    note = NOTE.format(counted=len(counted), rubric=RUBRIC, moot=len(items) - len(counted))
    return {
        "rubric": "AIAccountabilityLab/gpai-training-transparency",
        "metrics": RUBRIC,
        "covered": len(METRICS),
        "applicable": len(counted),
        "note": note,
        **_summed(counted),
        "sections": {name: part for name, part in sections.items() if part["of"]},
        "items": items,
    }


def _summed(items: list[dict[str, Any]]) -> dict[str, Any]:
    most = sum(item["weight"] for item in items)
    reached = sum(item["weight"] * item["met"] for item in items)
    return {"score": reached, "of": most, "percent": round(100 * reached / most, 1) if most else 0.0}
