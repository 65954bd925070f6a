"""YAML that remembers its lines, so that every complaint about a recipe points at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from tamis.errors import InputError, RecipeError

Path_ = Sequence[str | int]


def read_yaml(file: Path) -> CommentedMap:
    """The mapping in `file`; RecipeError with file:line when it isn't one."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file}: no such recipe. `tamis init` writes one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: can't be read as UTF-8 text: {error}") from None
    return parse_yaml(text, str(file))


def parse_yaml(text: str, name: str) -> CommentedMap:
    """The mapping in `text`; `name` stands for the file in errors."""
    try:
        data = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise RecipeError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from None
    if not isinstance(data, CommentedMap):
        raise RecipeError(f"{name}:1: a recipe is a mapping with `name`, `version`, `sources` and `stages`")
    return data


def line_of(data: Any, path: Path_) -> int:
    """Line (from 1) of the deepest part of `path` that exists in `data`."""
    line = 1
    for step in path:
        try:
            if isinstance(data, CommentedMap) and step in data:
                line = data.lc.key(step)[0] + 1
            elif isinstance(data, CommentedSeq) and isinstance(step, int) and step < len(data):
                line = data.lc.item(step)[0] + 1
            else:
                break
            data = data[step]
        except (KeyError, AttributeError, TypeError):
            # A key that was merged or set from the command line has no line of its own.
            break
    return line


def scalars(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every scalar below `data`, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from scalars(value, (*path, index))
    else:
        yield path, data


def plain(data: Any) -> Any:
    """The same data as plain dicts, lists and scalars."""
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return float(data)
    return str(data)
