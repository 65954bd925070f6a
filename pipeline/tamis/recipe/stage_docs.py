"""A stage's declaration as plain data: for `tamis stages`, the docs table and the card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

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
        "options": options_of(stage.config),
    }


def options_of(config: type[BaseModel]) -> list[dict[str, Any]]:
    """Name, type, default and meaning of every option of a config."""
    schema = config.model_json_schema()
    return _options(schema, schema.get("$defs", {}))


def _options(schema: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """The options of a config; those of a config inside it follow under a dotted name."""
    options = []
    for name, part in schema.get("properties", {}).items():
        options.append(
            {
                "name": f"{prefix}{name}",
                "type": _type(part, definitions),
                "default": "required" if name in schema.get("required", ()) else part.get("default", _empty(part)),
                "meaning": " ".join(part.get("description", "").split()),
            }
        )
        for inner, at in _inside(part, definitions):
            options += _options(inner, definitions, f"{prefix}{name}{at}.")
    return options


def _empty(schema: dict[str, Any]) -> Any:
    """What a value made by a factory is: the schema doesn't say, and ours make empty ones."""
    return {"object": {}, "array": []}.get(schema.get("type", ""))


def _inside(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The configs that a value of this schema may hold, and how a path to them goes on."""
    if "$ref" in schema and _referred(schema) != "Condition":
        yield definitions[_referred(schema)], ""
    for part in schema.get("anyOf", ()):
        yield from _inside(part, definitions)
    if "items" in schema:
        yield from ((inner, f"[]{at}") for inner, at in _inside(schema["items"], definitions))


def _referred(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        told = {"Condition": "condition", "JsonValue": "JSON value"}.get(_referred(schema))
        if told is not None:
            return told
        inner = definitions[_referred(schema)]
        return "options" if "properties" in inner else _type(inner, definitions)
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
        # Keys that must match a pattern have their values' schema under it.
        patterns: dict[str, Any] = schema.get("patternProperties", {})
        values: dict[str, Any] = schema.get("additionalProperties") or next(iter(patterns.values()), {})
        return f"mapping of {_type(values, definitions)}"
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if low is not None or high is not None:
        kind += f" {'' if low is None else low}..{'' if high is None else high}"
    return kind
