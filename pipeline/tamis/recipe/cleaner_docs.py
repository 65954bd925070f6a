"""A cleaner's declaration as plain data: for `tamis cleaners` and the documentation."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from tamis.cleaners.contract import Cleaner, Example
from tamis.recipe.stage_docs import options_of


def cleaner_facts(cleaner: Cleaner) -> dict[str, Any]:
    """Name, version, text, options and examples of a cleaner."""
    return {
        "name": cleaner.name,
        "version": cleaner.version,
        "title": cleaner.title,
        "about": cleaner.about,
        "options": options_of(cleaner.config),
        "libraries": list(cleaner.libraries),
        "examples": [
            {"entry": _entry(cleaner, example), "before": example.before, "after": example.after}
            for example in cleaner.examples
        ],
    }


def _entry(cleaner: Cleaner, example: Example) -> str:
    """What a recipe writes for it, on one line."""
    if not example.options:
        return cleaner.name
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, 10_000, True
    yaml.dump({cleaner.name: dict(example.options)}, out)
    return out.getvalue().strip()
