"""A stage's declaration as plain data: for `tamis stages`, the docs table and the card."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tamis.corpus.stage import Stage


def stage_facts(stage: Stage) -> dict[str, Any]:
    """Name, version, text, signals and options of a stage."""
    return {
        "name": stage.name,
        "version": stage.version,
        "title": stage.title,
        "about": stage.about.strip(),
        "reads": list(stage.reads),
        "resolver": stage.resolve is not None,
        "edits": stage.spans is not None,
        "signals": [
            {
                "name": column.name,
                "type": str(column.type),
                "unit": column.unit,
                "meaning": column.meaning,
                "default": str(column.default) if column.default is not None else None,
                "default_by": {
                    by: {value: str(condition) for value, condition in values.items()}
                    for by, values in column.default_by.items()
                },
                "citation": column.citation,
            }
            for column in stage.adds
        ],
        "options": _options(stage.config),
    }


def _options(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    options = []
    for name, field in model.model_fields.items():
        default = (
            "required"
            if field.default is PydanticUndefined and field.default_factory is None
            else field.get_default(call_default_factory=True)
        )
        options.append(
            {
                "name": name,
                "type": _type(schema["properties"][name], schema.get("$defs", {})),
                "default": _shown(default),
                "meaning": " ".join((field.description or "").split()),
            }
        )
    return options


def _shown(default: Any) -> Any:
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json")
    return list(default) if isinstance(default, (tuple, frozenset)) else default


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type(part, definitions) for part in schema["anyOf"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), definitions)}"
    if kind == "object":
        return f"mapping of {_type(schema.get('additionalProperties') or {}, definitions)}"
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if low is not None or high is not None:
        kind += f" {'' if low is None else low}..{'' if high is None else high}"
    return kind
