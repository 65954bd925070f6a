"""Sections 0 and 1 of the EU template: the document, the provider, the model, what the data is like."""

from __future__ import annotations

from typing import Any

from tamis.cards.exports.declared import Held, card, categories, held, language_name, said, spoken, unique
from tamis.cards.exports.eu_answer import Answer, Section, day, month, places
from tamis.cards.numbers import share, short
from tamis.cards.view import View

OFFICIAL = frozenset(
    ("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl",
     "pt", "ro", "sk", "sl", "sv")
)  # fmt: skip
"""The Union's official languages (Regulation No 1/1958)."""
BANDS = ((10**9, "less than 1 billion tokens"), (10**13, "1 billion to 10 trillion tokens"))
"""Size bands of the template for text; above is `more than 10 trillion tokens`."""


def sections(view: View) -> list[Section]:
    """Sections 0 to 1.3."""
    eu = card(view).get("eu", {})
    return [_document(view, eu), _provider(eu), _model(eu), _content(view, eu)]


def _document(view: View, eu: dict[str, Any]) -> Section:
    released = card(view).get("released")
    previous = eu.get("previous")
    version = Answer("0.a", "Version of the summary", view.manifest.version, ("version",))
    links = Answer("0.a.previous", "Previous versions", previous, ("recipe.card.eu.previous",) if previous else (),
                   "card.eu.previous", optional=True)  # fmt: skip
    update = Answer("0.b", "Last update", day(released) if released else None,
                    ("recipe.card.released",) if released else (), "card.released")  # fmt: skip
    return Section("0", "The summary", (version, links, update))


def _provider(eu: dict[str, Any]) -> Section:
    found = []
    for id_, key, who, optional in (("1.1.a", "provider", "Provider", False),
                                    ("1.1.b", "representative", "Authorised representative", True)):  # fmt: skip
        for part, what in (("name", "name"), ("contact", "contact details")):
            value = eu.get(key, {}).get(part)
            at = (f"recipe.card.eu.{key}.{part}",) if value else ()
            found.append(Answer(f"{id_}.{part}", f"{who}: {what}", value, at, f"card.eu.{key}", optional=optional))
    return Section("1.1", "Provider identification", tuple(found))


def _model(eu: dict[str, Any]) -> Section:
    models = eu.get("models", [])
    names = [{"name": model["name"], **({"link": model["url"]} if "url" in model else {})} for model in models]
    at = tuple(f"recipe.card.eu.models[{n}]" for n in range(len(models)))
    placed = [f"{model['name']}: {day(model['placed'])}" for model in models if "placed" in model]
    depends = eu.get("dependencies")
    return Section("1.2", "Model identification", (
        Answer("1.2.a", "Versioned model names", names, tuple(f"{place}.name" for place in at), "card.eu.models"),
        Answer("1.2.b", "Models that it depends on", depends, ("recipe.card.eu.dependencies",) if depends else (),
               "card.eu.dependencies"),
        Answer("1.2.c", "Date of placement on the Union market", placed,
               tuple(f"{place}.placed" for place, model in zip(at, models, strict=True) if "placed" in model),
               "card.eu.models.placed"),
    ))  # fmt: skip


def _content(view: View, eu: dict[str, Any]) -> Section:
    sources = held(view)
    return Section("1.3", "Modalities, overall training data size and other characteristics", (
        Answer("1.3.a", "Modality", "Text", ("totals.documents",)),
        _size(view),
        _types(view, sources),
        _latest(sources, eu),
        _languages(view),
        _characteristics(sources, eu),
        _comments(view),
    ))  # fmt: skip


def band(tokens: int) -> str:
    """The template's band for an amount of text."""
    return next((name for limit, name in BANDS if tokens < limit), "more than 10 trillion tokens")


def _size(view: View) -> Answer:
    totals = view.manifest.totals
    if not totals["tokens"]:
        value, at = f"{totals['chars']} characters (no tokens were counted)", "totals.chars"
    else:
        value, at = f"{band(totals['tokens'])} ({totals['tokens']} tokens)", "totals.tokens"
    return Answer("1.3.b", "Training data size: text", value, (at,))


def _types(view: View, sources: list[Held]) -> Answer:
    """What the sources declare; of a source that doesn't, the categories of its documents."""
    found: list[str] = []
    for source in sources:
        found += source.declared.get("content") or categories(view, source)
    silent = any("content" not in source.declared for source in sources)
    at = (*places(sources, "content"), *(("composition",) if silent else ()))
    return Answer("1.3.c", "Types of content", unique(found), at, "sources.content")


def _latest(sources: list[Held], eu: dict[str, Any]) -> Answer:
    """Only where every source has its date: the latest of some may not be the latest of all."""
    dates = [source.declared["accessed"] for source in sources if "accessed" in source.declared]
    value = None
    if len(dates) == len(sources) and dates:
        value = month(max(dates))
        if "continuous" in eu:
            value += "; trained on newer data continuously" if eu["continuous"] else "; not trained on newer data"
    at = places([s for s in sources if s.declared.get("accessed") == max(dates, default="")], "accessed")
    more = ("recipe.card.eu.continuous",) if "continuous" in eu else ()
    return Answer("1.3.d", "Latest date of data acquisition", value, (*at, *more) if value else (),
                  "sources.accessed (of every source) and card.eu.continuous")  # fmt: skip


def _languages(view: View) -> Answer:
    tags = spoken(view)
    names = [f"{language_name(tag)} ({tag}){', EU' if tag.partition('-')[0] in OFFICIAL else ''}" for tag in tags]
    note = said(view, "languages_note")
    at = ("composition", *(("recipe.card.languages_note",) if note else ()))
    return Answer("1.3.e", "Languages; official ones of the Union are marked EU", [*names, *([note] if note else [])],
                  at, "card.languages_note")  # fmt: skip


def _characteristics(sources: list[Held], eu: dict[str, Any]) -> Answer:
    regions = unique(region for source in sources for region in source.declared.get("geography", ()))
    values = [f"Regions: {', '.join(regions)}"] if regions else []
    people = eu.get("demographics")
    values += [f"Demographics: {people}"] if people else []
    at = (*places(sources, "geography"), *(("recipe.card.eu.demographics",) if people else ()))
    return Answer("1.3.f", "Other characteristics: national, regional, demographic", values, at,
                  "sources.geography and card.eu.demographics")  # fmt: skip


def _comments(view: View) -> Answer:
    facts, totals = view.manifest.tokenizer, view.manifest.totals
    values, at = [], []
    if facts is not None:
        values.append(f"Tokens are those of {facts['reference']} ({facts['model']}, {facts['vocabulary_size']} ids, "
                      f"SHA-256 {facts['sha256']}), one end-of-document token per document included")  # fmt: skip
        at.append("tokenizer")
    if totals["mixed_tokens"] != totals["tokens"]:
        values.append(f"With repeats, as the mix weights documents: {totals['mixed_tokens']} tokens")
        at.append("totals.mixed_tokens")
    values.append(f"{totals['documents']} documents, {totals['bytes']} bytes of UTF-8 before edits, not compressed")
    return Answer("1.3.g", "Additional comments", values, (*at, "totals.documents", "totals.bytes"), optional=True)


def part(view: View, amount: int, whole: int) -> str:
    """An amount with its share: `1.2 M tokens, 12 %`."""
    return f"{short(amount)} {view.unit_name}, {share(amount, whole)}".replace("\u202f", " ")
