"""The recipe of a release as text."""

from __future__ import annotations

from typing import Any

from tamis.recipe.yaml_text import as_yaml

_ORDER = ("name", "version", "title", "seed", "sources", "stages", "mix", "release", "card")
_FIRST = ("name", "path", "license")


def recipe_yaml(recipe: dict[str, Any]) -> str:
    """The recipe as a file `tamis run` takes."""
    ordered = {key: recipe[key] for key in _ORDER if key in recipe}
    ordered["sources"] = [
        {key: source[key] for key in (*_FIRST, *sorted(set(source) - set(_FIRST))) if key in source}
        for source in recipe["sources"]
    ]
    return as_yaml(ordered)
