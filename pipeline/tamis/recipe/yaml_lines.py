"""YAML that remembers its lines, so that every complaint about a recipe points at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tamis.errors import InputError, OptionError, RecipeError

Path_ = Sequence[str | int]
_MOST_NODES = 100_000
_NO_MAPPING = "a recipe is a mapping with `name`, `version`, `sources` and `stages`"


class _Int(int):
    """A whole number, and how it was written."""

    text: str


class _Float(float):
    """A number, and how it was written."""

    text: str


class LinedMapping(dict[str, Any]):
    """A mapping that knows the lines of its keys. Keys are strings: `true` and `3` are names there."""

    lines: dict[Any, int]


class LinedList(list[Any]):
    """A list that knows the lines of its items."""

    lines: dict[Any, int]


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


def parse_value(text: str) -> Any:
    """The value that `text` is in YAML; OptionError when it is none."""
    try:
        return _Reader("").read(_yaml().load(text))
    except YAMLError:
        raise OptionError(f"{text!r} is no YAML value") from None


def _yaml() -> YAML:
    """A YAML 1.2 parser: `no` is a word, not false."""
    parser = YAML(typ="rt")
    parser.Constructor = _Constructor
    return parser


def read_yaml(file: Path) -> LinedMapping:
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


def parse_yaml(text: str, name: str) -> LinedMapping:
    """The mapping in `text`; `name` stands for the file in errors."""
    try:
        data = _Reader(name).read(_yaml().load(text))
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
    if not isinstance(data, LinedMapping):
        raise RecipeError(f"{name}:1: {'the file is empty: ' if data is None else ''}{_NO_MAPPING}")
    return data


class _Reader:
    """Makes what the parser returns ours: every alias is a copy of its own, and every merge is done."""

    def __init__(self, name: str) -> None:
        self.name, self.nodes = name, 0

    def read(self, data: Any, line: int = 1) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise RecipeError(
                f"{self.name}:{line}: the recipe holds more than {_MOST_NODES:,} values, aliases included"
            )
        if isinstance(data, CommentedMap):
            mapping = LinedMapping()
            mapping.lines = {}
            for key in data:
                name, at = spelled(key), _line_of_key(data, key, line)
                if name in mapping:
                    raise RecipeError(f"{self.name}:{at}: not valid YAML: {name!r} stands twice in the same mapping")
                mapping[name] = self.read(data[key], at)
                mapping.lines[name] = at
            return mapping
        if isinstance(data, CommentedSeq):
            items = LinedList()
            items.lines = {index: data.lc.item(index)[0] + 1 for index in range(len(data))}
            items += [self.read(item, items.lines[index]) for index, item in enumerate(data)]
            return items
        return data


def _line_of_key(data: CommentedMap, key: Any, line: int) -> int:
    if key in (data.lc.data or ()):
        return int(data.lc.key(key)[0]) + 1
    merged = next((one for one in data.merge if isinstance(one, CommentedMap) and key in one), None)
    return line if merged is None else _line_of_key(merged, key, line)


def _problem(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    if isinstance(error, DuplicateKeyError) and problem.count('"') >= 2:
        # The parser's own message quotes the values, and one may be a credential.
        return f"{problem.split(chr(34))[1]!r} stands twice in the same mapping"
    if "another document" in problem:
        return "a second document begins here (`---`): a file holds one recipe"
    return problem


def line_of(data: Any, path: Path_) -> int:
    """Line (from 1) of the deepest part of `path` that stands in the file. What was set from the command line
    doesn't."""
    line = 1
    step: Any
    for step in path:
        inside = step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        if not inside:
            break
        if isinstance(data, (LinedMapping, LinedList)):
            line = data.lines.get(step, line)
        data = data[step]
    return line


def scalars(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every scalar below `data`, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, (*path, str(key)))
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
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return int(data) if data.is_integer() and abs(data) < 2**53 else float(data)
    return str(data)
