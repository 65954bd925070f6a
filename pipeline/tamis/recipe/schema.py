"""JSON Schema of a recipe file, from the models and the stages' declarations, for editors and linters."""

from __future__ import annotations

from typing import Any

from tamis.corpus.stage import Registry, Stage
from tamis.recipe.model import CardText, Mix, Recipe, ReleaseOptions, Source, SourceFields

CONDITION: dict[str, Any] = {
    "description": "A range [min, max] (either may be null), a set of values, a boolean, or the spelled-out form.",
    "anyOf": [
        {"type": "boolean"},
        {"type": "string"},
        {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "min": {"type": "number"},
                "max": {"type": "number"},
                "in": {"type": ["array", "string", "number"]},
                "not_in": {"type": ["array", "string", "number"]},
                "is": {"type": "boolean"},
                "nulls": {"enum": ["keep", "drop"]},
            },
        },
    ],
}
_REF = {"$ref": "#/$defs/Condition"}


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """The schema, draft 2020-12."""
    definitions: dict[str, Any] = {"Condition": CONDITION}
    entry = _model(Source, definitions)
    entry["properties"]["path"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": entry["properties"]["path"].get("description", ""),
    }
    entry["properties"]["for_each"] = {
        "type": "object",
        "description": "Fan-out: placeholder -> values. One source each, {placeholder} filled in everywhere.",
        "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
    }
    entry["required"] = ["name"]
    definitions["Source"] = entry
    definitions["Defaults"] = _model(SourceFields, definitions)
    top = Recipe.model_json_schema()["properties"]
    for stage in registry:
        definitions[f"stage.{stage.name}"] = _stage(stage, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tamis recipe",
        "description": Recipe.__doc__,
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "version", "sources", "stages"],
        "properties": {
            **{name: _plain(top[name]) for name in ("name", "version", "title", "seed")},
            "defaults": {"$ref": "#/$defs/Defaults", "description": "Fields that every source inherits."},
            "sources": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Source"}},
            "stages": {
                "type": "array",
                "description": "In order; cheap and decisive ones first.",
                "items": {
                    "anyOf": [
                        {"enum": registry.names()},
                        *[
                            {
                                "type": "object",
                                "additionalProperties": False,
                                "required": [stage.name],
                                "properties": {stage.name: {"$ref": f"#/$defs/stage.{stage.name}"}},
                            }
                            for stage in registry
                        ],
                    ]
                },
            },
            "mix": _model(Mix, definitions),
            "release": _model(ReleaseOptions, definitions),
            "card": _model(CardText, definitions),
        },
        "$defs": definitions,
    }


def _stage(stage: Stage, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _model(stage.config, definitions)
    rules = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            column.name: {**_REF, "description": f"{column.meaning} ({column.unit})"} for column in stage.adds
        },
    }
    schema["description"] = stage.title
    schema["properties"] |= {
        "keep": {
            **rules,
            "description": "Keep rules by signal. Left out, the defaults of `tamis stages` apply.",
        },
        "keep_by": {
            "type": "object",
            "description": "Overrides: column -> value -> rules.",
            "additionalProperties": {"type": "object", "additionalProperties": rules},
        },
        "when": {
            "type": "object",
            "description": "Rows outside these conditions are passed through.",
            "additionalProperties": _REF,
        },
        "exhaustive": {"type": "boolean", "description": "Measure every row, dropped ones, too."},
    }
    return schema


def _model(model: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/$defs/{model}")
    for name, definition in schema.pop("$defs", {}).items():
        if name != "Condition":
            definitions[name] = _plain(definition)
    plain: dict[str, Any] = _plain(schema)
    return plain


def _plain(schema: Any) -> Any:
    """Without the titles that pydantic makes of names: they say nothing new in an editor."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A property may itself be called `title`: then it holds a schema, not a string.
    return {key: _plain(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
