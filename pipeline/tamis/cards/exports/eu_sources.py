"""Section 2 of the EU template: where the data is from, by how it was acquired."""

from __future__ import annotations

from typing import Any

from tamis.cards.exports.declared import Held, card, categories, held, language_name, spoken, unique
from tamis.cards.exports.eu_answer import Answer, Section, acquired, gated, places, yes_or_no
from tamis.cards.exports.eu_general import part
from tamis.cards.view import View
from tamis.engine.domains import DOMAINS

LARGE = 0.03
"""A public dataset above this share of all public datasets of its modality is listed by itself."""
TEXT = "Text"


def sections(view: View, domains: bool) -> list[Section]:
    """Sections 2.1 to 2.6. `domains`: whether the card has a list of them."""
    eu, sources = card(view).get("eu", {}), held(view)
    found = [
        _public(view, sources, eu),
        _licensed(sources, eu),
        _private(view, sources, eu),
        _crawled(view, sources, eu, domains),
        _user(sources, eu),
        _synthetic(sources, eu),
        _other(view, sources, eu),
    ]
    return [gated(section) for section in found]


def datasets(sources: list[Held]) -> list[list[Held]]:
    """Sources that are parts of one dataset: of one provider, at one address, in one version."""
    found: dict[tuple[Any, ...], list[Held]] = {}
    for source in sources:
        key = tuple(source.declared.get(name) for name in ("provider", "url", "version", "title"))
        found.setdefault(key if source.declared.get("url") else (source.facts.name,), []).append(source)
    return list(found.values())


def _amount(view: View, sources: list[Held]) -> int:
    return sum(view.amount(source.sum) for source in sources)


def dataset_name(parts: list[Held]) -> str:
    """Its own name, or that of its only source, or its provider's."""
    first = parts[0]
    if len(parts) == 1 or "title" in first.declared:
        return first.title
    return str(first.declared.get("provider") or first.declared["url"])


def _large(view: View, parts: list[Held], whole: int) -> dict[str, Any]:
    first = parts[0].declared
    choices = unique(source.declared["selection"] for source in parts if "selection" in source.declared)
    licenses = unique(source.declared["license"] for source in parts if "license" in source.declared)
    found = {
        "name": dataset_name(parts),
        "link": first.get("url"),
        "version": first.get("version"),
        "selection approach": "; ".join(choices),
        "share of public text": part(view, _amount(view, parts), whole),
        "licences": ", ".join(licenses),
        "sources in the recipe": [source.facts.name for source in parts],
    }
    return {key: value for key, value in found.items() if value}


def described(view: View, parts: list[Held]) -> str:
    """One dataset in general terms: modality, nature, languages, period."""
    content = unique(kind for source in parts for kind in source.declared.get("content") or categories(view, source))
    languages = [language_name(tag) for tag in spoken(view, *parts)]
    periods = unique(source.declared["period"] for source in parts if "period" in source.declared)
    return (
        f"{dataset_name(parts)}: text; {', '.join(content) or 'nature of the content not known'}; "
        f"{', '.join(languages) or 'no natural language'}; collected {', '.join(periods) or 'at a time not known'}"
    )


def _modality(id_: str, mine: list[Held]) -> Answer:
    return Answer(id_, "Modalities", TEXT if mine else None, places(mine, "acquisition"), applies=bool(mine))


def _public(view: View, sources: list[Held], eu: dict[str, Any]) -> Section:
    mine = acquired(sources, "public_dataset")
    whole = _amount(view, mine)
    groups = sorted(datasets(mine), key=lambda parts: -_amount(view, parts))
    large = [parts for parts in groups if _amount(view, parts) > LARGE * whole]
    others = [parts for parts in groups if parts not in large]
    listed = [source for parts in large for source in parts]
    rest = [source for parts in others for source in parts]
    return Section("2.1", "Publicly available datasets", (
        yes_or_no("2.1.a", "Were publicly available datasets used?", "public_dataset", sources, eu),
        _modality("2.1.b", mine),
        Answer("2.1.c", "Large publicly available datasets (above 3 % of all public text)",
               [_large(view, parts, whole) for parts in large],
               places(listed, "title", "url", "version", "selection", "license"),
               "sources.url, .version and .selection", applies=bool(mine)),
        Answer("2.1.d", "Other publicly available datasets, in general",
               [described(view, parts) for parts in others], places(rest, "content", "period", "acquisition"),
               "sources.content and .period", applies=bool(others)),
        Answer("2.1.e", "Additional comments",
               f"Public datasets together: {part(view, whole, view.manifest.totals[view.unit])} of the release"
               if mine else None, ("composition",) if mine else (), applies=bool(mine), optional=True),
    ))  # fmt: skip


def _licensed(sources: list[Held], eu: dict[str, Any]) -> Section:
    mine = acquired(sources, "licensed")
    return Section("2.2.1", "Datasets commercially licensed by rightsholders", (
        yes_or_no("2.2.1.a", "Were licensing agreements concluded?", "licensed", sources, eu),
        _modality("2.2.1.b", mine),
    ))  # fmt: skip


def _private(view: View, sources: list[Held], eu: dict[str, Any]) -> Section:
    mine = acquired(sources, "private")
    known = [parts for parts in datasets(mine) if parts[0].declared.get("url")]
    rest = [parts for parts in datasets(mine) if parts not in known]
    whole = _amount(view, mine)
    return Section("2.2.2", "Private datasets obtained from other third parties", (
        yes_or_no("2.2.2.a", "Were such datasets obtained?", "private", sources, eu),
        _modality("2.2.2.b", mine),
        Answer("2.2.2.c", "Those publicly known",
               [{"name": dataset_name(parts), "version": parts[0].declared.get("version", "not known"),
                 "link": parts[0].declared["url"]} for parts in known],
               places([s for parts in known for s in parts], "title", "version", "url"), applies=bool(known)),
        Answer("2.2.2.d", "Those not publicly known, in general", [described(view, parts) for parts in rest],
               places([s for parts in rest for s in parts], "content", "period", "acquisition"),
               applies=bool(rest)),
        Answer("2.2.2.e", "Additional comments", part(view, whole, view.manifest.totals[view.unit]) if mine else None,
               ("composition",) if mine else (), applies=bool(mine), optional=True),
    ))  # fmt: skip


def _crawled(view: View, sources: list[Held], eu: dict[str, Any], domains: bool) -> Section:
    mine = acquired(sources, "crawled")
    crawlers = {source.declared["crawler"]["name"]: source for source in mine if "crawler" in source.declared}

    def told(id_: str, field: str, key: str) -> Answer:
        """One property of every crawler; the name alone stands by itself."""
        values, at = [], []
        for name, source in crawlers.items():
            value = source.declared["crawler"].get(key)
            if value:
                values.append(value if key == "name" else f"{name}: {value}")
                at.append(f"{source.place}.declared.crawler.{key}")
        return Answer(id_, field, values, tuple(at), f"sources.crawler.{key}", applies=bool(mine))

    return Section("2.3", "Data crawled and scraped from online sources", (
        yes_or_no("2.3.a", "Were crawlers used by the provider or on its behalf?", "crawled", sources, eu),
        told("2.3.b", "Crawler names or identifiers", "name"),
        told("2.3.c", "Purposes of the crawlers", "purpose"),
        told("2.3.d", "General behaviour of the crawlers", "behaviour"),
        told("2.3.e", "Period of collection", "period"),
        Answer("2.3.f", "Content and online sources crawled", [described(view, parts) for parts in datasets(mine)],
               places(mine, "content", "period", "geography", "acquisition"), "sources.content and .geography",
               applies=bool(mine)),
        _modality("2.3.g", mine),
        _domains(mine, domains),
    ))  # fmt: skip


def _domains(mine: list[Held], domains: bool) -> Answer:
    """The list of domains is a file of its own, of all documents whose source tells an address."""
    return Answer("2.3.h", "Most relevant domain names, by size of content",
                  f"in {DOMAINS}, which counts every document that has an address" if mine and domains else None,
                  places(mine, "acquisition"), "sources.columns.url", applies=bool(mine))  # fmt: skip


def _user(sources: list[Held], eu: dict[str, Any]) -> Section:
    """Which of the two questions a source answers, only the provider knows."""
    mine = acquired(sources, "user")
    no = eu.get("answered_no", ())
    found = []
    for id_, field in (("2.4.a", "Was data from interactions with the model used?"),
                       ("2.4.b", "Was data from the provider's other services used?")):  # fmt: skip
        at = ("recipe.card.eu.answered_no",) if id_ in no else ()
        found.append(Answer(id_, field, "no" if id_ in no else None, at, f"{id_} under card.eu.answered_no"))
    text = eu.get("user_data")
    asked = bool(mine) or bool(text)
    services = Answer("2.4.c", "Services that it was collected through", text,
                      ("recipe.card.eu.user_data",) if text else (), "card.eu.user_data", applies=asked)  # fmt: skip
    return Section("2.4", "User data", (*found, services, _modality("2.4.d", mine)))


def _synthetic(sources: list[Held], eu: dict[str, Any]) -> Section:
    mine = acquired(sources, "synthetic")
    told = [(source, source.declared["synthetic"]) for source in mine if "synthetic" in source.declared]

    def listed(on_the_market: bool) -> list[tuple[Held, dict[str, Any]]]:
        return [(source, model) for source, model in told if model.get("on_the_market") is on_the_market]

    keys = ("generator", "url", "license", "summary", "prompts")
    market, own = listed(True), listed(False)
    unplaced = [source for source, model in told if "on_the_market" not in model]
    prompts = [f"{model['generator']}: {model['prompts']}" for _, model in told if model.get("prompts")]
    return Section("2.5", "Synthetic data", (
        yes_or_no("2.5.a", "Was synthetic data created by the provider or on its behalf?", "synthetic", sources, eu),
        _modality("2.5.b", mine),
        Answer("2.5.c", "General-purpose models on the market that made it",
               [{key: model[key] for key in keys[:4] if key in model} for _, model in market],
               tuple(f"{source.place}.declared.synthetic.generator" for source, _ in market),
               "sources.synthetic with on_the_market", applies=bool(market) or bool(mine and not own)),
        Answer("2.5.d", "Other models that made it",
               [{"generator": model["generator"], "training data": model.get("training_data") or "not known"}
                for _, model in own],
               tuple(f"{source.place}.declared.synthetic.generator" for source, _ in own),
               "sources.synthetic with on_the_market", applies=bool(own) or bool(unplaced)),
        Answer("2.5.e", "Additional comments", prompts,
               tuple(f"{s.place}.declared.synthetic.prompts" for s, model in told if model.get("prompts")),
               applies=bool(mine), optional=True),
    ))  # fmt: skip


def _other(view: View, sources: list[Held], eu: dict[str, Any]) -> Section:
    mine = acquired(sources, "other")
    return Section("2.6", "Other sources of data", (
        yes_or_no("2.6.a", "Were other sources used?", "other", sources, eu),
        Answer("2.6.b", "Narrative description",
               [described(view, parts) + _choice(parts) for parts in datasets(mine)],
               places(mine, "content", "period", "selection", "acquisition"), "sources.selection and .content",
               applies=bool(mine)),
    ))  # fmt: skip


def _choice(parts: list[Held]) -> str:
    choices = unique(source.declared["selection"] for source in parts if "selection" in source.declared)
    return f". {'; '.join(choices)}" if choices else ""
