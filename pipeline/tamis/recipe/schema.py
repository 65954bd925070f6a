"""JSON Schema of a recipe file, from the models and the stages' declarations, for editors and linters."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from tamis.cleaners import CLEANERS
from tamis.corpus.stage import Column, Registry, Stage
from tamis.recipe.card import CardText
from tamis.recipe.licenses import LICENSES
from tamis.recipe.mix import Mix
from tamis.recipe.model import (
    DOCUMENT_COLUMNS,
    Identity,
    Recipe,
    ReleaseOptions,
    Source,
    SourceFields,
)
from tamis.recipe.presets import preset_names
from tamis.recipe.rules import AS_NAME
from tamis.recipe.sources import AS_WRITTEN
from tamis.recipe.variants import MOST_LETTERS, OWN, PLAIN, VARIANT

_RANGE = {
    "type": "array",
    "items": {"type": ["number", "null"]},
    "minItems": 2,
    "maxItems": 2,
    "contains": {"type": "number"},
}
_NULLS = {"enum": ["keep", "drop"], "description": "What becomes of a document whose value is null (keep)."}
_CELL = {"pattern": "^[A-Za-z0-9-]+--.+$"}
_AS = {
    "type": "string",
    "pattern": f"^{AS_NAME.pattern}$",
    "description": "Another name for its signals (NAME.score), so that a recipe can use the stage more than once.",
}


def _set_of(*types: str) -> dict[str, Any]:
    values = {"type": list(types)}
    return {"anyOf": [values, {"type": "array", "items": values, "minItems": 1}]}


def _spelled_out(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {**fields, "nulls": _NULLS},
    }


_MIN_MAX = {"min": {"type": ["number", "null"]}, "max": {"type": ["number", "null"]}}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_ANY_SET = _set_of("string", "number", "boolean")
_PATTERNS: dict[str, Any] = {
    "glob": _set_of("string"),
    "not_glob": _set_of("string"),
    "regex": {"type": "string"},
    "not_regex": {"type": "string"},
}
CONDITIONS: dict[str, Any] = {
    "Condition": {
        "description": "A range [min, max] (either may be null), a set of names, a boolean, or one of them in full.",
        "anyOf": [
            {"type": ["boolean", "string"]},
            _RANGE,
            _NAMES,
            _spelled_out(**_MIN_MAX, **{"in": _ANY_SET, "not_in": _ANY_SET, "is": {"type": "boolean"}}, **_PATTERNS),
        ],
    },
    "Condition.number": {
        "description": "A range [min, max] (either may be null), or {min:, max:, in:, not_in:, nulls: drop}.",
        "anyOf": [_RANGE, _spelled_out(**_MIN_MAX, **{"in": _set_of("number"), "not_in": _set_of("number")})],
    },
    "Condition.name": {
        "description": "A set of names [fr, en], or {in:, not_in:, glob:, not_glob:, regex:, not_regex:, nulls: drop}.",
        "anyOf": [
            {"type": "string"},
            _NAMES,
            _spelled_out(**{"in": _set_of("string"), "not_in": _set_of("string")}, **_PATTERNS),
        ],
    },
    "Condition.boolean": {
        "description": "true, false, or {is:, nulls: drop}.",
        "anyOf": [{"type": "boolean"}, _spelled_out(**{"is": {"type": "boolean"}})],
    },
}


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """The schema, draft 2020-12."""
    definitions: dict[str, Any] = dict(CONDITIONS)
    definitions["Source"] = _source(definitions)
    definitions["Defaults"] = _source_fields(SourceFields, definitions)
    for stage in registry:
        definitions[f"stage.{stage.name}"] = _stage(stage, definitions)
    identity = _model(Identity, definitions)["properties"]
    mix = _model(Mix, definitions)
    for weighting in (mix, definitions["Phase"]):
        weighting["properties"]["epochs"]["propertyNames"] = _CELL
    epochs = mix["properties"]["epochs"]
    mix["properties"]["epochs"] = {
        "description": f"{epochs.pop('description')} Or another recipe, whose epochs are taken: mix.yaml.",
        # Not anyOf: an editor then underlines the key that is wrong, not all of them.
        "if": {"type": "string"},
        "then": {"minLength": 1},
        "else": epochs,
    }
    release = _model(ReleaseOptions, definitions)
    release["properties"]["previous"] = _as_written(release["properties"]["previous"])
    definitions["EpochCaps"]["properties"]["cells"]["propertyNames"] = _CELL
    definitions["Cleaning"] = _cleaning(definitions["Cleaning"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tamis recipe",
        "description": Recipe.__doc__,
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "version"],
        "if": {"not": {"required": ["mix"], "properties": {"mix": {"required": ["counts"]}}}},
        "then": {"required": ["sources", "stages"]},
        "else": {"dependentRequired": {"sources": ["stages"], "stages": ["sources"]}},
        "properties": {
            **{name: _as_written(part) if name == "version" else part for name, part in identity.items()},
            "defaults": {"$ref": "#/$defs/Defaults", "description": "Fields that every source inherits."},
            "sources": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Source"}},
            "stages": {
                "type": "array",
                "minItems": 1,
                "description": "In order; cheap and decisive ones first.",
                "items": _use(registry),
            },
            "mix": mix,
            "release": release,
            "card": _model(CardText, definitions),
            "variants": {
                "type": ["object", "null"],
                "description": "Other settings under a name; each is a release of its own from the same signals.",
                "propertyNames": {"pattern": VARIANT, "maxLength": MOST_LETTERS, "not": {"const": PLAIN}},
                "additionalProperties": {
                    "type": "object",
                    "description": "Settings, spelled as for --set: {mix.language.shares.fr: 1/2}.",
                    "minProperties": 1,
                    "propertyNames": {"not": {"enum": list(OWN)}},
                },
            },
        },
        "$defs": definitions,
    }


def _source(definitions: dict[str, Any]) -> dict[str, Any]:
    entry = _source_fields(Source, definitions)
    fields = entry["properties"]
    # With for_each, the name has placeholders.
    fields["name"] |= {"pattern": "^[a-z0-9{][a-zA-Z0-9._{}-]*$"}
    fields["path"] = {
        "anyOf": [{"type": "string", "minLength": 1}, fields["path"]],
        "description": fields["path"].pop("description"),
    }
    fields["for_each"] = {
        "type": "object",
        "description": "Fan-out: placeholder -> values. One source each, {placeholder} filled in everywhere.",
        "minProperties": 1,
        "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
    }
    fields["preset"] = {
        "description": "Columns and signals of a preset that judges signals of its source.",
        "enum": preset_names(of_sources=True),
    }
    entry["required"] = ["name", "path"]
    return entry


def _source_fields(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _model(model, definitions)
    fields = schema["properties"]
    for name in AS_WRITTEN:
        fields[name] = _as_written(fields[name])
    fields["license"] = {
        "description": fields["license"]["description"],
        "default": None,
        "anyOf": [
            {"enum": [*LICENSES, None]},
            {"type": "string", "pattern": "LicenseRef-|\\{| (AND|OR|WITH) "},
        ],
    }
    fields["signals"]["additionalProperties"] = False
    fields["columns"]["propertyNames"] = {"enum": list(DOCUMENT_COLUMNS)}
    return schema


def _cleaning(entry: dict[str, Any]) -> dict[str, Any]:
    """A cleaner as a recipe uses it: its name, or one `name: {options}`."""
    for name, part in entry["properties"].items():
        cleaner = CLEANERS[name]
        options = part["anyOf"] if cleaner.bare else [one for one in part["anyOf"] if one.get("type") != "null"]
        entry["properties"][name] = {"anyOf": options, "description": cleaner.title}
    bare = [cleaner.name for cleaner in CLEANERS.values() if cleaner.bare]
    return {
        "description": entry.pop("description"),
        "if": {"type": "object"},
        "then": {**entry, "minProperties": 1, "maxProperties": 1},
        "else": {"enum": bare},
    }


def _as_written(schema: dict[str, Any]) -> dict[str, Any]:
    """A text that may look like a number."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "number"}]}
    return {**schema, "type": ["string", "number"]}


def _use(registry: Registry) -> dict[str, Any]:
    """A stage as a recipe uses it: its name, or one `name: {options}`."""
    options = {
        stage.name: {"if": {"not": {"type": "null"}}, "then": {"$ref": f"#/$defs/stage.{stage.name}"}}
        if not _required(stage)
        else {"$ref": f"#/$defs/stage.{stage.name}"}
        for stage in registry
    }
    options["preset"] = _preset()
    # Not anyOf: so an editor tells what is wrong inside the options, and not just that something is.
    return {
        "if": {"type": "object"},
        "then": {"properties": options, "additionalProperties": False, "minProperties": 1, "maxProperties": 1},
        "else": {"enum": [stage.name for stage in registry if not _required(stage)]},
    }


def _preset() -> dict[str, Any]:
    """A preset in place of stages: its name, or the name and changes to it."""
    name = {"enum": preset_names()}
    return {
        "description": "The stages of a well-known pipeline: see `tamis presets`.",
        "if": {"type": "object"},
        "then": {
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": name,
                "set": {"type": "object", "description": "Settings, as for --set: {c4.keep.sentences: [3, null]}."},
                "without": {
                    "description": "Stages of it that are left out.",
                    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                },
                "when": {
                    "type": "object",
                    "description": "Rows outside these conditions are passed through by all its stages.",
                    "additionalProperties": {"$ref": "#/$defs/Condition"},
                },
            },
        },
        "else": name,
    }


def _required(stage: Stage) -> bool:
    return any(field.is_required() for field in stage.config.model_fields.values())


def _stage(stage: Stage, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _model(stage.config, definitions)
    rules = {
        "type": ["object", "null"],
        "additionalProperties": {"$ref": "#/$defs/Condition"} if stage.from_sources or stage.shape else False,
        "properties": {column.name: _rule(column) for column in stage.adds},
    }
    schema["description"] = stage.title
    schema.setdefault("properties", {}).update(
        {
            "keep": {**rules, "description": "Keep rules by signal. Left out, the defaults of `tamis stages` apply."},
            "keep_by": {
                "type": ["object", "null"],
                "description": "Overrides: column -> value -> rules. Where several apply, the last one written does.",
                "additionalProperties": {"type": ["object", "null"], "additionalProperties": rules},
            },
            "when": {
                "type": ["object", "null"],
                "description": "Rows outside these conditions are passed through.",
                "additionalProperties": {"$ref": "#/$defs/Condition"},
            },
            "exhaustive": {"type": "boolean", "description": "Measure every row, dropped ones, too."},
            **({} if stage.once else {"as": _AS}),
        }
    )
    return schema


def _rule(column: Column) -> dict[str, Any]:
    if pa.types.is_boolean(column.type):
        kind = "boolean"
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        kind = "number"
    else:
        kind = "name"
    default = f"; default: {column.default}" if column.default is not None else ""
    return {
        "$ref": f"#/$defs/Condition.{kind}",
        "description": f"{column.meaning.rstrip('.')} ({column.unit}{default})",
    }


def _model(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/$defs/{model}")
    for name, definition in schema.pop("$defs", {}).items():
        if name not in CONDITIONS:
            made = _plain(definition)
            if definitions.setdefault(name, made) != made:
                raise ValueError(f"two models of options are called {name}: an editor would take one for the other")
    plain: dict[str, Any] = _plain(schema)
    return plain


def _plain(schema: Any) -> Any:
    """Without the titles that pydantic makes of names (they say nothing new in an editor), and with each
    description on one line."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A property may itself be called `title` or `description`: then it holds a schema, not a string.
    return {
        key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _plain(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
