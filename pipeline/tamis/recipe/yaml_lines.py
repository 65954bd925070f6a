"""YAML that remembers its lines, so that every complaint about a recipe points at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tamis.errors import InputError, RecipeError

Path_ = Sequence[str | int]
_NO_MAPPING = "a recipe is a mapping with `name`, `version`, `sources` and `stages`"


class _Int(int):
    """A whole number, and how it was written."""

    text: str


class _Float(float):
    """A number, and how it was written."""

    text: str


class _Constructor(RoundTripConstructor):
    """Numbers that know how they were written (1.10, 007), and dates that are texts."""

    def number(self, node: Any) -> Any:
        text = self.construct_scalar(node)
        try:
            value = self.construct_yaml_int(node) if node.tag.endswith("int") else self.construct_yaml_float(node)
        except ValueError:
            raise ConstructorError(None, None, "this is no number Tamis can read", node.start_mark) from None
        number = _Int(value) if isinstance(value, int) else _Float(value)
        number.text = str(text)
        return number

    def date(self, node: Any) -> str:
        return str(self.construct_scalar(node))


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.number)
_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.number)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.date)


def yaml() -> YAML:
    """A YAML 1.2 parser (`no` is a word, not false) whose mappings and lists know their lines."""
    parser = YAML(typ="rt")
    parser.Constructor = _Constructor
    return parser


def read_yaml(file: Path) -> CommentedMap:
    """The mapping in `file`; RecipeError with file:line when it isn't one."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{file}: no such recipe. `tamis init` writes one to start from") from None
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"{file}:{line}: not UTF-8 (byte {content[error.start]:#04x}): save the recipe as UTF-8"
        ) from None
    return parse_yaml(text, str(file))


def parse_yaml(text: str, name: str) -> CommentedMap:
    """The mapping in `text`; `name` stands for the file in errors."""
    try:
        data = yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise RecipeError(f"{name}:{line}: not valid YAML: {_problem(error)}") from None
    except YAMLError as error:
        # The reader's: a character that YAML doesn't allow.
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise RecipeError(f"{name}:{line}: not valid YAML: a control character stands in the text") from None
    except RecursionError:
        raise RecipeError(f"{name}:1: not a recipe: it is nested too deeply") from None
    if not isinstance(data, CommentedMap):
        raise RecipeError(f"{name}:1: {'the file is empty: ' if data is None else ''}{_NO_MAPPING}")
    return data


def _problem(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    if isinstance(error, DuplicateKeyError) and problem.count('"') >= 2:
        # The parser's own message quotes the values, and one may be a credential.
        return f"{problem.split(chr(34))[1]!r} stands twice in the same mapping"
    if "another document" in problem:
        return "a second document begins here (`---`): a file holds one recipe"
    return problem


def line_of(data: Any, path: Path_) -> int:
    """Line (from 1) of the deepest part of `path` that exists in `data`."""
    line = 1
    for step in path:
        if isinstance(data, CommentedMap):
            key = next((key for key in data if spelled(key) == str(step)), None)
            if key is None:
                break
            line = _line_of_key(data, key) or line
            data = data[key]
        elif isinstance(data, CommentedSeq) and isinstance(step, int) and step < len(data):
            # An item set from the command line has no line of its own.
            line = data.lc.item(step)[0] + 1 if step in (data.lc.data or ()) else line
            data = data[step]
        else:
            break
    return line


def _line_of_key(data: CommentedMap, key: Any) -> int | None:
    if key in (data.lc.data or ()):
        return int(data.lc.key(key)[0]) + 1
    for merged in data.merge:
        if isinstance(merged, CommentedMap) and key in merged:
            return _line_of_key(merged, key)
    # Set from the command line: it has no line of its own.
    return None


def scalars(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every scalar below `data`, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, (*path, spelled(key)))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from scalars(value, (*path, index))
    else:
        yield path, data


def spelled(key: Any) -> str:
    """A mapping's key as a string: `true`, `null` and `3` are names there."""
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else written(key)


def written(value: Any) -> str:
    """A scalar as the recipe spells it: 1.10 is `1.10`, not `1.1`."""
    text = getattr(value, "text", None)
    return text if isinstance(text, str) else str(value)


def shown(value: Any) -> str:
    """A value for an error, as YAML would have it, and not at any length."""
    text = spelled(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def plain(data: Any) -> Any:
    """The same data as plain dicts, lists and scalars."""
    if isinstance(data, dict):
        return {spelled(key): plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return int(data) if data.is_integer() and abs(data) < 2**53 else float(data)
    return str(data)
