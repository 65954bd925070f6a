"""Recipes, and parts of them, as YAML that people like to read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import LiteralScalarString

LINE = 80
"""Characters of a list that may stand in one line."""


def as_yaml(data: Mapping[str, Any]) -> str:
    """Part of a recipe as YAML: short lists in one line, texts of several lines as blocks."""
    writer = YAML(typ="rt")
    writer.width = 4096
    writer.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    writer.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    writer.dump(_readable(data), out)
    return out.getvalue()


def _readable(value: Any) -> Any:
    """Texts of several lines as blocks, short lists of plain values in one line."""
    if isinstance(value, Mapping):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        items = CommentedSeq([_readable(item) for item in value])
        if len(str(value)) <= LINE and not any(isinstance(item, (dict, list)) for item in value):
            items.fa.set_flow_style()
        return items
    if isinstance(value, str) and "\n" in value.strip("\n"):
        return LiteralScalarString(value)
    return value
