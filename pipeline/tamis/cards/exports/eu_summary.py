"""`eu_summary.md` and `.json`: a draft of the public summary of training content (AI Act, Article 53(1)(d)).

The duty is the model provider's. A dataset fills in what it knows, says where each value stands in the manifest,
infers no answer of law, and lists what is open.
"""

from __future__ import annotations

from typing import Any

from tamis.cards.exports import eu_general, eu_processing, eu_score, eu_sources
from tamis.cards.exports.declared import spelled
from tamis.cards.exports.eu_answer import Answer, Section
from tamis.cards.markdown import code, link, section, table, text
from tamis.cards.view import View

MARKDOWN = "eu_summary.md"
JSON = "eu_summary.json"
DRAFT = (
    "Draft, not legal advice. It covers this dataset alone: the provider of a model adds the other data that the "
    "model was trained on, answers what is open, and answers for the whole."
)
TEMPLATE = "Template of the AI Office for Article 53(1)(d) of Regulation (EU) 2024/1689, C(2025) 8311"
OPEN = "**to be provided**"


def sections(view: View, domains: bool = False) -> list[Section]:
    """All sections, in the template's order. `domains`: whether the card has a list of them."""
    return [*eu_general.sections(view), *eu_sources.sections(view, domains), *eu_processing.sections(view)]


def json(view: View, domains: bool = False) -> bytes:
    """The draft as data."""
    found = sections(view, domains)
    return spelled(
        {
            "draft": DRAFT,
            "template": TEMPLATE,
            "dataset": view.manifest.name,
            "version": view.manifest.version,
            "identity": view.manifest.identity,
            "sections": [
                {"id": part.id, "title": part.title, "fields": [_field(answer) for answer in part.answers]}
                for part in found
            ],
            "open_questions": [
                {"id": answer.id, "field": answer.field, "recipe": answer.asks} for answer in _open(found)
            ],
            "score": eu_score.score(view, found),
        }
    )


def _field(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "field": answer.field,
        "status": answer.status,
        "answer": answer.value if answer.status == "provided" else None,
        "from": [f"manifest.json: {place}" for place in answer.places] if answer.status == "provided" else [],
    }


def _open(found: list[Section]) -> list[Answer]:
    return [answer for part in found for answer in part.answers if answer.open]


def markdown(view: View, domains: bool = False) -> bytes:
    """The draft for people."""
    found = sections(view, domains)
    manifest = view.manifest
    parts = [
        f"# Public summary of training content: {text(manifest.title)} {text(manifest.version)}",
        f"> **{DRAFT}**",
        f"{TEMPLATE}. Every value names the place in `manifest.json` that it is from; identity of the release: "
        f"{code(manifest.identity)}. The same as data: [`{JSON}`]({JSON}).",
        *(section(f"{part.id} {part.title}", _table(part)) for part in found),
        section("Open questions", _questions(_open(found))),
        section("How complete it is", _score(eu_score.score(view, found))),
    ]
    return ("\n\n".join(parts) + "\n").encode()


def _table(part: Section) -> str:
    rows = [(text(answer.id), text(answer.field), _value(answer), _places(answer)) for answer in part.answers]
    return table(("", "Field", "Answer", "From"), "llll", rows)


def _value(answer: Answer) -> str:
    if answer.status != "provided":
        words = {"not applicable": "not applicable", "if yes": "*if yes*"}
        return words.get(answer.status, "–" if answer.optional else OPEN)
    values = answer.value if isinstance(answer.value, list) else [answer.value]
    return "<br>".join(_one(value) for value in values)


def _one(value: Any) -> str:
    if not isinstance(value, dict):
        return link(str(value))
    rest = [f"{text(key)}: {_several(item)}" for key, item in value.items() if key not in ("name", "generator")]
    name = value.get("name") or value.get("generator")
    return "; ".join([f"**{text(name)}**", *rest])


def _several(item: Any) -> str:
    if not isinstance(item, list):
        return link(str(item))
    more = f" and {len(item) - NAMED} more" if len(item) > NAMED else ""
    return ", ".join(text(one) for one in item[:NAMED]) + more


NAMED = 8
"""Names told in a cell."""
SHOWN = 3
"""Places told in a cell; all of them, and all names, are in the JSON."""


def _places(answer: Answer) -> str:
    if answer.status != "provided":
        return ""
    more = f" and {len(answer.places) - SHOWN} more" if len(answer.places) > SHOWN else ""
    return ", ".join(map(code, answer.places[:SHOWN])) + more


def _questions(answers: list[Answer]) -> str:
    if not answers:
        return "None: every field that the template asks for is answered, or does not apply."
    rows = [(text(answer.id), text(answer.field), code(answer.asks)) for answer in answers]
    return table(("", "Field", "Answered in the recipe by"), "lll", rows)


def _score(score: dict[str, Any]) -> str:
    rows = [
        (text(name), str(part["score"]), str(part["of"]), f"{part['percent']} %")
        for name, part in score["sections"].items()
    ]
    whole = ("**all**", str(score["score"]), str(score["of"]), f"{score['percent']} %")
    return f"{score['note']}\n\n{table(('Section', 'Score', 'Of', ''), 'lrrr', [*rows, whole])}"
