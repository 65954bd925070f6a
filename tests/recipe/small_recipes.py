"""Recipes in small for the tests beside this file."""

from __future__ import annotations

import io
import textwrap

import pytest
from ruamel.yaml import YAML

from tamis.errors import UserError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

HEAD = 'name: tiny\nversion: "1"\n'
SOURCE = "sources:\n  - {name: web, path: web/*.jsonl, license: MIT}\n"
STAGE = "stages: [language]\n"


def load(text: str, *settings: str) -> Recipe:
    """The recipe in `text`, which stands for the file r.yaml."""
    return load_recipe_text(textwrap.dedent(text), "r.yaml", STAGES, settings)


def stages(text: str, *settings: str) -> Recipe:
    """A recipe of one source with these `stages`, of which the first stands at line 6."""
    return load(f"{HEAD}{SOURCE}stages:\n{textwrap.dedent(text)}", *settings)


def complaints(text: str, *settings: str) -> list[str]:
    """What is wrong with the recipe in `text`, line by line, without the file's name."""
    with pytest.raises(UserError) as caught:
        load(text, *settings)
    return [line.removeprefix("r.yaml:") for line in str(caught.value).splitlines()]


def line_with(text: str, part: str) -> int:
    """Number of the only line of `text` that has `part`."""
    lines = [number for number, line in enumerate(textwrap.dedent(text).splitlines(), 1) if part in line]
    assert len(lines) == 1, (part, lines)
    return lines[0]


def write(data: object) -> str:
    """Plain data as YAML."""
    out = io.StringIO()
    YAML(typ="safe").dump(data, out)
    return out.getvalue()
