"""What is wrong with a recipe: collected, put at its line, and told all at once."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from tamis.errors import OptionError, RecipeError, did_you_mean
from tamis.recipe.secrets import HIDDEN, without_credentials
from tamis.recipe.yaml_lines import line_of, shown

Where = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)
IN_RECIPE = "stands in the recipe. Recipes are published: keep it in the environment"
_KEY = "[key]"
_QUOTED = re.compile(r"'([^']*)'")
# What pydantic calls an error -> what the value must be.
_WRONG_TYPE = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping of options",
    "list_type": "a list",
    "tuple_type": "a list",
}
_EXPECTED = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "string_too_short": "must not be empty",
    "string_too_long": "may have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} entries",
}


class Setting(NamedTuple):
    """What set a part of the recipe."""

    words: str
    """Stand before a complaint about it."""
    line: int = 0
    """Where it stands in the file; 0: on the command line, which has no lines."""


class Problems:
    """Complaints found so far: all of them are told at once."""

    def __init__(self, file: str, data: Any, settings: Mapping[Where, Setting] | None = None, words: str = "") -> None:
        """`settings`: what was set in `data`, by its path there; `words` stand before all other complaints."""
        self.file, self.data, self.settings, self.words = file, data, settings or {}, words
        self.found: list[tuple[int, str]] = []
        self.credentials: list[str] = []

    def add(self, path: Sequence[str | int], message: str) -> None:
        """A complaint about the part of the recipe at `path`."""
        by_depth = sorted(self.settings.items(), key=lambda item: -len(item[0]))
        setting = next((one for where, one in by_depth if _strings(path[: len(where)]) == _strings(where)), None)
        # What the command line set has no line: it is told first.
        line, words = (setting.line, setting.words) if setting else (line_of(self.data, path), self.words)
        problem = (line, f"{words}{message}")
        if problem not in self.found:
            self.found.append(problem)

    def hide(self, path: Where, what: str, value: str) -> None:
        """Complains about a credential at `path`, and takes its value out of the data, so that no other
        complaint tells it, whole or in part."""
        self.credentials.append(value)
        self.add(path, f"{what} {IN_RECIPE}")
        holder = self.data
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = HIDDEN

    def validate(self, model: type[M], data: Any, path: Sequence[str | int], extra: Iterable[str] = ()) -> M | None:
        """The model made of plain data that stands at `path`, or None and complaints.

        Types are strict, as the JSON Schema has them: no number is made of a string or a boolean. `extra` are
        names that the error about an unknown option lists beside the model's.
        """
        try:
            return model.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            for where, message in _messages(error, data, model, extra):
                self.add((*path, *where), message)
        return None

    def raise_any(self) -> None:
        """Raises RecipeError (OptionError when only the command line is wrong) if there is a complaint."""
        if self.found:
            lines = [
                f"{self.file}:{line}: {without_credentials(text)}"
                if line
                else without_credentials(text, self.credentials)
                for line, text in sorted(self.found)
            ]
            raise (RecipeError if any(line for line, _ in self.found) else OptionError)("\n".join(lines))


def _strings(path: Iterable[str | int]) -> tuple[str, ...]:
    return tuple(map(str, path))


def _messages(
    error: ValidationError, data: Any, model: type[BaseModel], extra: Iterable[str]
) -> list[tuple[Where, str]]:
    """Pydantic's complaints about `data` in our words, each with its path in the data."""
    items = [(_in_data(data, item["loc"]), item) for item in error.errors(include_url=False)]
    messages = []
    for where, item in items:
        if item["type"] == "too_short" and any(other[: len(where)] == where != other for other, _ in items):
            # Its entries are there, but wrong, and told of.
            continue
        if item["type"] in _WRONG_TYPE:
            rivals = [other for other in items if other[0][: len(where)] == where]
            if any(len(other) > len(where) or rival["type"] not in _WRONG_TYPE for other, rival in rivals):
                # One type of a union; the value is of another one, in which something else is wrong.
                continue
            expected = " or ".join(dict.fromkeys(_WRONG_TYPE[rival["type"]] for _, rival in rivals))
            messages.append((where, _at(where, f"must be {expected}{_got(item)}")))
        else:
            messages.append((where, _message(where, item, model, extra)))
    return messages


def _message(where: Where, item: Any, model: type[BaseModel], extra: Iterable[str]) -> str:
    kind, loc, context = item["type"], item["loc"], item.get("ctx", {})
    if kind == "extra_forbidden":
        names = [*_fields_at(model, loc[:-1]), *(extra if len(loc) == 1 else ())]
        return _at(where[:-1], f"unknown option {loc[-1]!r}.{did_you_mean(str(loc[-1]), names)}")
    if kind == "missing":
        return f"{'.'.join(map(str, (*where, loc[-1])))} is missing"
    if kind == "value_error":
        message = item["msg"].removeprefix("Value error, ")
        return message if loc and loc[-1] == _KEY else _at(where, message)
    if kind == "literal_error" and isinstance(item["input"], str):
        near = did_you_mean(item["input"], _QUOTED.findall(item["msg"]))
        return _at(where, f"{item['input']!r} is not allowed.{near}")
    if kind in _EXPECTED:
        limits = {name: _number(limit) for name, limit in context.items()}
        return _at(where, _EXPECTED[kind].format(**limits) + _got(item))
    return _at(where, item["msg"].replace("Input should", "should") + _got(item))


def _number(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _at(where: Where, message: str) -> str:
    return f"{'.'.join(map(str, where))}: {message}" if where else message


def _got(item: Any) -> str:
    quotes = item["type"] == "string_type" and isinstance(item["input"], (int, float))
    return f" (got {shown(item['input'])})" + (": write it in quotes" if quotes else "")


def _in_data(data: Any, loc: Where) -> Where:
    """The part of pydantic's path that is in the data: it also names the types of a union."""
    where: list[str | int] = []
    step: Any
    for step in loc:
        inside = step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        if inside:
            where.append(step)
            data = data[step]
    return tuple(where)


def _fields_at(model: type[BaseModel], loc: Where) -> list[str]:
    """Option names of the model at pydantic's path `loc` below `model`."""
    models = [model]
    for step in loc:
        tagged = [one for one in models if one.__name__ == step]
        fields = [one.model_fields[step] for one in models if step in one.model_fields]
        models = tagged or [inner for field in fields for inner in _models_in(field.annotation)] or models
    return [name.removesuffix("_") for one in models for name in one.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]
