"""What the page's charts are drawn of: numbers of the manifest as JSON, small enough for hundreds of sources."""

from __future__ import annotations

from typing import Any

import langcodes

from tamis.cards.content import share_folded
from tamis.cards.steps import Step, decisive, steps, worded
from tamis.cards.view import Sum, View
from tamis.mix.epochs import UNKNOWN
from tamis.recipe.languages import CODE, languages_of

SERIES = 8
"""Categories, and sources, that have a colour of their own at most."""


def chart_data(view: View) -> dict[str, Any]:
    """Data of every chart by its name, which is that of the figure it stands for."""
    return {"composition": _composition(view), "funnel": _funnel(view)}


def language_name(tag: str) -> str:
    """A language tag in English words."""
    if tag in (CODE, UNKNOWN):
        return {CODE: "Source code", UNKNOWN: "Not known"}[tag]
    return " and ".join(str(langcodes.get(one).display_name("en")) for one in languages_of(tag))


def _composition(view: View) -> dict[str, Any]:
    """`cells[language][category]` is documents, characters and tokens."""
    units = ["documents", "chars", *(["tokens"] if view.unit == "tokens" else [])]
    cells = view.sums("language", "category")
    categories = share_folded({name: view.amount(cell) for (name,), cell in view.sums("category").items()}, SERIES)
    languages = [language for (language,) in view.sums("language")]

    def cell(language: str, members: list[str]) -> list[int]:
        whole = sum((cells[language, one] for one in members if (language, one) in cells), start=Sum())
        return [getattr(whole, unit) for unit in units]

    return {
        "units": units[::-1],
        "categories": list(categories),
        "languages": [[language, language_name(language)] for language in languages],
        "cells": [[cell(language, members)[::-1] for members in categories.values()] for language in languages],
    }


def _funnel(view: View) -> dict[str, Any]:
    """`flows[source][stage]` is documents in, documents out, and pairs of reason and documents; the first flow
    is that of all sources together."""
    shown = decisive(view)
    names = [step.name for step in shown]
    reasons: dict[str, int] = {}
    sources = sorted(view.manifest.sources, key=lambda source: (-source.documents, source.name))
    flows = []
    for name in (None, *(source.name for source in sources)):
        found = {step.name: step for step in (shown if name is None else steps(view, name))}
        flow: list[list[Any]] = []
        for at in names:
            step = found.get(at) or Step(at, flow[-1][1], flow[-1][1], {})
            lost = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
            why = [[reasons.setdefault(worded(reason), len(reasons)), number] for reason, number in lost]
            flow.append([step.entered, step.left, why])
        flows.append(flow)
    return {
        "stages": names,
        "sources": [source.name for source in sources],
        "reasons": list(reasons),
        "flows": flows,
        "series": SERIES,
    }
