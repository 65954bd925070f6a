"""Loads a recipe: YAML to frozen models, with every complaint at its file and line."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Registry, Stage
from tamis.errors import RecipeError, did_you_mean
from tamis.recipe.model import CardText, Mix, Recipe, ReleaseOptions, Source, SourceFields, StageUse
from tamis.recipe.overrides import apply_override, default_rules
from tamis.recipe.secrets import credential_in
from tamis.recipe.yaml_lines import line_of, parse_yaml, plain, read_yaml, scalars

TOP = ("name", "version", "title", "seed", "defaults", "sources", "stages", "mix", "release", "card")
RULES = ("keep", "keep_by", "when", "exhaustive")
DECIDING = ("source", "language", "category", "license")
"""Document columns that keep rules may name."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_][a-z0-9_]*)\}")


class _Problems:
    """Complaints found so far: all of them are told at once."""

    def __init__(self, file: str, data: Any) -> None:
        self.file, self.data, self.found = file, data, []  # type: str, Any, list[tuple[int, str]]

    def add(self, path: Sequence[str | int], message: str) -> None:
        problem = (line_of(self.data, path), message)
        if problem not in self.found:
            self.found.append(problem)

    def add_validation(
        self, path: Sequence[str | int], error: ValidationError, model: type[BaseModel]
    ) -> None:
        """Turns pydantic's complaints about a part of the recipe at `path` into ours."""
        for item in error.errors():
            where = tuple(item["loc"])
            message = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                message = (
                    f"unknown option {str(where[-1])!r}.{did_you_mean(str(where[-1]), model.model_fields)}"
                )
            elif item["type"] == "missing":
                message = f"{'.'.join(map(str, where))} is missing"
            elif where and not message.startswith(("source ", f"'{where[-1]}")):
                message = f"{'.'.join(str(step) for step in where)}: {message}"
                if item["type"] not in ("value_error", "assertion_error"):
                    message += f" (got {item['input']!r})"
            self.add((*path, *where), message)

    def raise_any(self) -> None:
        if self.found:
            lines = [f"{self.file}:{line}: {message}" for line, message in sorted(self.found)]
            raise RecipeError("\n".join(lines))


def load_recipe(file: Path, registry: Registry, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe in `file`, after `--set` overrides. Raises RecipeError naming every problem by line."""
    return build_recipe(read_yaml(file), str(file), registry, overrides)


def load_recipe_text(text: str, name: str, registry: Registry, overrides: Iterable[str] = ()) -> Recipe:
    """As `load_recipe`, from text; `name` stands for the file in errors."""
    return build_recipe(parse_yaml(text, name), name, registry, overrides)


def build_recipe(data: Any, file: str, registry: Registry, overrides: Iterable[str]) -> Recipe:
    """The recipe in parsed YAML `data`."""
    for setting in overrides:
        apply_override(data, setting, registry)
    problems = _Problems(file, data)
    for path, value in scalars(data):
        what = credential_in(path, value)
        if what is not None:
            problems.add(
                path, f"{what} stands in the recipe. Recipes are published: keep it in the environment"
            )
    for key in data:
        if key not in TOP:
            problems.add((key,), f"unknown option {key!r}.{did_you_mean(str(key), TOP)}")
    for key in ("name", "version", "sources", "stages"):
        if not data.get(key):
            problems.add((), f"{key} is missing")
    sources = _sources(data, problems)
    stages = _stages(data, registry, problems, sources)
    parts: dict[str, Any] = {}
    models: tuple[tuple[str, type[BaseModel]], ...] = (
        ("mix", Mix),
        ("release", ReleaseOptions),
        ("card", CardText),
    )
    for key, model in models:
        if data.get(key) is not None:
            try:
                parts[key] = model.model_validate(plain(data[key]))
            except ValidationError as error:
                problems.add_validation((key,), error, model)
    if "mix" in parts:
        _check_mix(parts["mix"], sources, problems)
    problems.raise_any()
    top = {key: plain(data[key]) for key in ("name", "version", "title", "seed") if data.get(key) is not None}
    top["version"] = str(top["version"])
    try:
        return Recipe(**top, sources=tuple(sources), stages=tuple(stages), **parts)
    except ValidationError as error:
        problems.add_validation((), error, Recipe)
        problems.raise_any()
        raise


def _sources(data: Any, problems: _Problems) -> list[Source]:
    defaults = plain(data.get("defaults") or {})
    if defaults:
        try:
            SourceFields.model_validate(defaults)
        except ValidationError as error:
            problems.add_validation(("defaults",), error, SourceFields)
            return []
    sources: list[Source] = []
    entries = data.get("sources") or []
    if not isinstance(entries, list):
        problems.add(("sources",), "sources is a list; each entry starts with `- name:`")
        return []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            problems.add(("sources", index), "a source is a mapping with `name`, `path` and `license`")
            continue
        for fields in _fan_out(plain(entry), ("sources", index), problems):
            try:
                sources.append(Source.model_validate({**defaults, **fields}))
            except ValidationError as error:
                problems.add_validation(("sources", index), error, Source)
    seen: set[str] = set()
    for source in sources:
        if source.name in seen:
            problems.add(("sources",), f"two sources are called {source.name!r}: names are unique")
        seen.add(source.name)
    return sources


def _fan_out(entry: dict[str, Any], path: Sequence[str | int], problems: _Problems) -> list[dict[str, Any]]:
    """One entry a combination of the `for_each` values, `{placeholders}` filled in."""
    axes = entry.pop("for_each", None)
    if axes is None:
        return [entry]
    if not isinstance(axes, dict) or not all(isinstance(v, list) and v for v in axes.values()):
        problems.add((*path, "for_each"), "for_each maps placeholders to lists of values: {lang: [fr, de]}")
        return []
    used = {
        name for _, value in scalars(entry) if isinstance(value, str) for name in _PLACEHOLDER.findall(value)
    }
    for name in used - set(axes):
        problems.add(path, f"placeholder {{{name}}} has no values.{did_you_mean(name, axes)}")
    for name in set(axes) - set(_PLACEHOLDER.findall(str(entry.get("name", "")))):
        problems.add((*path, "name"), f"the name must contain {{{name}}}, or the sources would share a name")
    combinations = itertools.product(*(axes[name] for name in axes))
    return [_fill(entry, dict(zip(axes, map(str, values), strict=True))) for values in combinations]


def _fill(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: names.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {key: _fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    return value


def _stages(data: Any, registry: Registry, problems: _Problems, sources: list[Source]) -> list[StageUse]:
    entries = data.get("stages") or []
    if not isinstance(entries, list):
        problems.add(("stages",), "stages is a list; each entry is a stage's name, or `name: {options}`")
        return []
    known: dict[str, pa.DataType | None] = dict.fromkeys(DECIDING, pa.string())
    known |= {f"source.{name}": None for source in sources for name in source.signals}
    uses: list[StageUse] = []
    for index, entry in enumerate(entries):
        path: tuple[str | int, ...] = ("stages", index)
        if isinstance(entry, str):
            name, options = entry, {}
        elif isinstance(entry, dict) and len(entry) == 1:
            name, options = next(iter(entry.items()))
            path = (*path, name)
            options = plain(options or {})
        else:
            problems.add(path, "a stage is its name, or one `name: {options}`")
            continue
        try:
            stage = registry.get(str(name))
        except RecipeError as error:
            problems.add(path, str(error))
            continue
        if stage.name in {use.name for use in uses}:
            problems.add(path, f"stage {stage.name} stands twice: its signals would share a name")
            continue
        use = _stage_use(stage, options, path, known, problems)
        if use is not None:
            uses.append(use)
        known |= {f"{stage.name}.{column.name}": column.type for column in stage.adds}
    return uses


def _stage_use(
    stage: Stage, options: Any, path: Sequence[str | int], known: Mapping[str, Any], problems: _Problems
) -> StageUse | None:
    if not isinstance(options, dict):
        problems.add(path, f"stage {stage.name}: options are a mapping")
        return None
    before = len(problems.found)
    allowed = [*stage.config.model_fields, *RULES]
    for key in options:
        if key not in allowed:
            problems.add(
                (*path, key), f"stage {stage.name} has no option {key!r}.{did_you_mean(key, allowed)}"
            )
    if "keep" not in options:
        # Only a stage without any rule of its own takes the literature's.
        options = options | {key: value for key, value in default_rules(stage).items() if key not in options}
    config = None
    try:
        config = stage.config.model_validate(
            {k: v for k, v in options.items() if k in stage.config.model_fields}
        )
    except ValidationError as error:
        problems.add_validation(path, error, stage.config)
    keep = _rules(stage, options["keep"], (*path, "keep"), problems)
    keep_by = {}
    for column, by_value in (options.get("keep_by") or {}).items():
        _check_column(column, known, (*path, "keep_by", column), problems)
        keep_by[column] = {
            value: _rules(stage, rules, (*path, "keep_by", column, value), problems)
            for value, rules in (by_value or {}).items()
        }
    when = {}
    for column, condition in (options.get("when") or {}).items():
        _check_column(column, known, (*path, "when", column), problems)
        parsed = _condition(condition, (*path, "when", column), problems)
        if parsed is not None:
            when[column] = parsed
    if config is None or len(problems.found) > before:
        return None
    return StageUse(
        stage=stage,
        config=config,
        keep=keep,
        keep_by=keep_by,
        when=when,
        exhaustive=bool(options.get("exhaustive")),
    )


def _rules(stage: Stage, rules: Any, path: Sequence[str | int], problems: _Problems) -> dict[str, Condition]:
    if rules is None:
        return {}
    if not isinstance(rules, dict):
        problems.add(path, "keep maps signals to conditions: {words: [50, 100000]}")
        return {}
    parsed = {}
    for name, condition in rules.items():
        if name not in stage.signals:
            problems.add(
                (*path, name), f"stage {stage.name} measures no {name!r}.{did_you_mean(name, stage.signals)}"
            )
            continue
        value = _condition(condition, (*path, name), problems)
        if value is not None:
            complaint = _mismatch(value, stage.signals[name].type)
            if complaint:
                problems.add((*path, name), f"{stage.name}.{name} is {complaint}")
            parsed[name] = value
    return parsed


def _mismatch(condition: Condition, type_: pa.DataType) -> str | None:
    ranged = condition.min is not None or condition.max is not None
    if pa.types.is_boolean(type_) and (ranged or condition.in_ is not None or condition.not_in is not None):
        return "a boolean: write true or false"
    if pa.types.is_string(type_) and (ranged or condition.is_ is not None):
        return "a name: write a set such as [fr, en]"
    numeric = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    named = any(isinstance(v, str) for v in (condition.in_ or ()) + (condition.not_in or ()))
    if numeric and (condition.is_ is not None or named):
        return "a number: write a range such as [50, 100000], either side may be null"
    return None


def _condition(value: Any, path: Sequence[str | int], problems: _Problems) -> Condition | None:
    try:
        return Condition.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        problems.add(path, first["msg"].removeprefix("Value error, "))
        return None


def _check_column(
    column: str, known: Mapping[str, Any], path: Sequence[str | int], problems: _Problems
) -> None:
    if column not in known:
        problems.add(
            path, f"no earlier stage or source adds a column {column!r}.{did_you_mean(column, known)}"
        )


def _check_mix(mix: Mix, sources: list[Source], problems: _Problems) -> None:
    names = {source.name for source in sources}
    for name in mix.sources:
        if sources and name not in names:
            problems.add(
                ("mix", "sources", name), f"no source is called {name!r}.{did_you_mean(name, names)}"
            )


def expand(path: str, environment: Mapping[str, str] | None = None) -> str:
    """`path` with `${VAR}` and `${VAR:-default}` filled in. An unset variable is a RecipeError."""
    variables = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        if match[1] in variables:
            return variables[match[1]]
        if match[2] is not None:
            return match[2]
        raise RecipeError(
            f"{path}: the environment variable {match[1]} is not set: export it, or write ${{{match[1]}:-default}}"
        )

    return _VARIABLE.sub(value, path)
