"""docs/exports.md says which field of the recipe goes to which file: found out by taking each one away."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from tamis.cards import exports
from tamis.cards.data_card import sections
from tamis.cards.exports import dmp
from tamis.cards.view import View
from tamis.engine.facts import DECLARED
from tamis.recipe.card import CardText, EuFacts

DOCS = Path(__file__).parents[3] / "docs/exports.md"
FILES = ("README.md", "croissant.json", "eu_summary", "dmp.json", "pgd.md", "data_provenance.json")
FIGURES: dict[str, str] = defaultdict(str)
OF_SOURCES = ("provider", "url", "version", "selection", "period", "license_url", *DECLARED)


def written(view: View) -> dict[str, Any]:
    """What each file says; of the card, not the recipe that stands in it, nor the list of what is missing."""
    found = {path.removesuffix(".md").removesuffix(".json") if path.startswith("eu_") else path: content
             for path, content in exports.render(view).items()}  # fmt: skip
    card = view.manifest.recipe["card"]
    told = {name: body for name, body in sections(view, FIGURES).items() if name not in ("reproducing", "missing")}
    return found | {"README.md": (told, card.get("summary"))}


def without(view: View, field: str) -> View:
    """The view with one field not declared."""
    place, _, name = field.rpartition(".")
    manifest = view.manifest
    if place == "sources":
        sources = tuple(
            source.model_copy(update={"declared": {k: v for k, v in source.declared.items() if k != name}})
            for source in manifest.sources
        )
        return dataclasses.replace(view, manifest=manifest.model_copy(update={"sources": sources}))
    card = dict(manifest.recipe["card"])
    if place == "card.eu":
        card["eu"] = {key: value for key, value in card["eu"].items() if key != name}
    else:
        del card[name]
    recipe = manifest.recipe | {"card": card}
    return dataclasses.replace(view, manifest=manifest.model_copy(update={"recipe": recipe}))


def crosswalk(view: View) -> dict[str, set[str]]:
    """Field -> files that say something else without it."""
    fields = [f"sources.{name}" for name in OF_SOURCES]
    fields += [f"card.{name}" for name in CardText.model_fields if name not in ("eu", "template")]
    fields += [f"card.eu.{name}" for name in EuFacts.model_fields]
    whole = written(view)
    found = {}
    for field in fields:
        part = written(without(view, field))
        found[field] = {path for path in FILES if part.get(path) != whole[path]}
    return found


def table(found: dict[str, set[str]]) -> str:
    """As docs/exports.md has it."""
    lines = [f"| field | {' | '.join(FILES)} |", f"|---|{':-:|' * len(FILES)}"]
    for field, files in found.items():
        lines.append(f"| `{field}` | {' | '.join('×' if path in files else '' for path in FILES)} |")
    return "\n".join(lines)


def test_every_field_is_declared_in_the_recipe_that_shows_all(view: View) -> None:
    card = view.manifest.recipe["card"]
    assert set(card) == set(CardText.model_fields) - {"template"} and set(card["eu"]) == set(EuFacts.model_fields)
    declared = {name for source in view.manifest.sources for name in source.declared}
    assert set(OF_SOURCES) <= declared


def test_the_table_in_the_documents_is_what_happens(view: View) -> None:
    found = crosswalk(view)
    assert dmp.NAME in found["card.contact_email"]
    expected = table(found)
    shown = re.search(r"^\| field \| README.*?(?=\n\n)", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown is not None and shown[0] == expected, f"docs/exports.md should hold\n\n{expected}"
    nowhere = {field for field, files in found.items() if not files}
    assert not nowhere
