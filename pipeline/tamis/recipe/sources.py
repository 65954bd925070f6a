"""The sources of a recipe: defaults inherited, entries fanned out, each checked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tamis.errors import did_you_mean
from tamis.recipe.cleaning import FIELD, check_names, spelled_out
from tamis.recipe.model import Source, SourceFields, unlicensed
from tamis.recipe.pairs import Pairs
from tamis.recipe.problems import Problems
from tamis.recipe.yaml_lines import plain, scalars, written

_PLACEHOLDER = re.compile(r"(?<!\$)(?<!\\[pP])\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STRAY_VARIABLE = re.compile(r"\$(?:\{(?![A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\})|[A-Z_][A-Z0-9_]*\b)")
AS_WRITTEN = ("version", "period")
"""Texts that look like numbers: a version 1.10 is `1.10`."""


def read_sources(data: Any, problems: Problems) -> list[Source]:
    """The sources of recipe `data`; what is wrong goes to `problems`."""
    defaults, broken = _defaults(data.get("defaults"), problems)
    entries = data.get("sources") or []
    if not isinstance(entries, list):
        problems.add(("sources",), "sources is a list; each entry starts with `- name:`")
        return []
    sources: list[Source] = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        path = ("sources", index)
        if not isinstance(entry, dict):
            problems.add(path, "a source is a mapping with `name`, `path` and `license`")
            continue
        fields = source_fields(entry)
        if FIELD in fields:
            fields[FIELD] = check_names(fields[FIELD], (*path, FIELD), problems)
        if not _check_fan_out(entry, {**defaults, **fields}, path, problems):
            continue
        for one in fan_out({**defaults, **fields}):
            name = one.get("name")
            if name in seen:
                problems.add((*path, "name"), f"two sources are called {name!r}: names are unique")
            seen.add(str(name))
            source = _source(one, path, broken, problems)
            if source is not None:
                sources.append(source)
    return sources


def source_fields(entry: Mapping[Any, Any]) -> dict[str, Any]:
    """A source entry as plain data, texts that look like numbers as they are written."""
    fields: dict[str, Any] = plain(entry)
    for name in AS_WRITTEN:
        if isinstance(entry.get(name), (int, float)) and not isinstance(entry[name], bool):
            fields[name] = written(entry[name])
    if FIELD in fields:
        fields[FIELD] = spelled_out(fields[FIELD])
    axes = entry.get("for_each")
    if isinstance(axes, dict):
        fields["for_each"] = {
            name: [written(value) if _nameable(value) else value for value in values]
            if isinstance(values, list)
            else values
            for name, values in axes.items()
        }
    return fields


def fan_out(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry a combination of the `for_each` values, `{placeholders}` filled in."""
    entry = {name: value for name, value in fields.items() if name != "for_each"}
    axes: Any = fields.get("for_each")
    if not _fans_out(axes):
        return [entry]
    combinations = itertools.product(*axes.values())
    return [_fill(entry, dict(zip(axes, values, strict=True))) for values in combinations]


def source_names(data: Any) -> list[str]:
    """Names of all sources after fan-out, those of entries that are otherwise wrong included."""
    entries = data.get("sources")
    return [
        str(one["name"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for one in fan_out(source_fields(entry))
        if one.get("name")
    ]


def pair_tags(data: Any) -> set[str]:
    """Languages of the documents of aligned texts, as `fr-en`, where the recipe has sources of them."""
    entries, defaults = data.get("sources"), data.get("defaults")
    inherited = source_fields(defaults) if isinstance(defaults, dict) else {}
    return {
        Pairs.model_construct(columns=one["pairs"]["columns"]).tag
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for one in fan_out({**inherited, **source_fields(entry)})
        if isinstance(one.get("pairs"), dict) and isinstance(one["pairs"].get("columns"), dict)
    }


def _defaults(defaults: Any, problems: Problems) -> tuple[dict[str, Any], bool]:
    """The defaults, and whether something was wrong with them: what was is left out."""
    if defaults is None:
        return {}, False
    if not isinstance(defaults, dict):
        problems.add(("defaults",), "defaults maps fields of sources to values: {license: CC-BY-4.0}")
        return {}, True
    fields = source_fields(defaults)
    if FIELD in fields:
        fields[FIELD] = check_names(fields[FIELD], ("defaults", FIELD), problems)
    # A placeholder is filled in per source, and checked there.
    checked = {name: value for name, value in fields.items() if not _placeholders(value)}
    if problems.validate(SourceFields, checked, ("defaults",)) is not None:
        return fields, False
    aside = Problems("", {})
    right = {n: v for n, v in fields.items() if n not in checked or aside.validate(SourceFields, {n: v}, ())}
    return right, True


def _source(fields: dict[str, Any], path: Sequence[str | int], broken: bool, problems: Problems) -> Source | None:
    license_ = fields.get("license")
    if broken and license_ is None:
        # The default that is wrong may be the licence: don't complain twice.
        fields = {**fields, "license": "LicenseRef-Unknown"}
    source = problems.validate(Source, fields, path, extra=("for_each",))
    if source is None and license_ is None and not broken:
        # Pydantic looks at a model as a whole only when every field is right.
        columns = fields.get("columns")
        complaint = unlicensed(fields.get("name"), None, None, isinstance(columns, dict) and "license" in columns)
        if complaint:
            problems.add(path, complaint)
    return source


def _check_fan_out(
    entry: Mapping[Any, Any], fields: Mapping[str, Any], path: Sequence[str | int], problems: Problems
) -> bool:
    """Complains about the entry's placeholders; whether it can be fanned out."""
    axes = fields.get("for_each", {})
    rest = {name: value for name, value in fields.items() if name != "for_each"}
    if "for_each" in fields and not _fans_out(axes):
        problems.add((*path, "for_each"), "for_each maps placeholders to lists of names: {lang: [fr, de]}")
        return False
    # Without for_each, braces are only looked at where a name in them can't be meant as it is.
    used = _placeholders(rest if axes else [rest.get("name"), rest.get("path")])
    for name in sorted(used - set(axes)):
        near = did_you_mean(name, axes) if axes else f" Add for_each: {{{name}: [...]}}"
        problems.add(path, f"placeholder {{{name}}} has no values.{near}")
    for where, value in scalars(entry.get("path")):
        if isinstance(value, str) and _STRAY_VARIABLE.search(value):
            message = f"path: {value!r} holds a stray `$`: a variable is ${{NAME}} or ${{NAME:-default}}"
            problems.add((*path, "path", *where), message)
    missing = sorted(set(axes) - _placeholders(rest.get("name")))
    for name in missing:
        problems.add((*path, "name"), f"the name must contain {{{name}}}, or the sources would share a name")
    return not missing and used <= set(axes)


def _placeholders(value: Any) -> set[str]:
    return {name for _, text in scalars(value) if isinstance(text, str) for name in _PLACEHOLDER.findall(text)}


def _fans_out(axes: Any) -> bool:
    return (
        isinstance(axes, dict)
        and len(axes) > 0
        and all(isinstance(values, list) and values and all(map(_nameable, values)) for values in axes.values())
    )


def _nameable(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: names.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {_fill(key, names): _fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    return value
