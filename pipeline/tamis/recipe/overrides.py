"""Changes to a recipe, from the command line (`--set gopher_quality.keep.words=30,`) or by its variants."""

from __future__ import annotations

import copy
import re
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from tamis.corpus.stage import Registry, Stage
from tamis.errors import OptionError, did_you_mean
from tamis.recipe.card import CardText
from tamis.recipe.mix import Mix, Phase
from tamis.recipe.model import Identity, ReleaseOptions, Source, SourceFields
from tamis.recipe.problems import Where
from tamis.recipe.rules import DECIDING, RULES, use_of, with_default_rules
from tamis.recipe.secrets import without_credentials
from tamis.recipe.sources import fan_out, source_fields
from tamis.recipe.yaml_lines import parse_value, shown, spelled, written

_STEP = re.compile(r"""\.?(?:"([^"]*)"|'([^']*)'|([^."']+))""")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})?\s*,\s*({_NUMBER})?\s*\Z")
_PARTS: dict[str, type[BaseModel]] = {"mix": Mix, "release": ReleaseOptions, "card": CardText}
_TOP = (*Identity.model_fields, *_PARTS, "sources", "defaults")
_OFF = "off"
_OFF_VALUE = object()
"""In place of a value: there is none any more."""
_TEXTS = [name for name, field in Source.model_fields.items() if field.annotation in (str, str | None)]
"""Fields of a source that are text."""


@dataclass(frozen=True)
class _Target:
    """Where a setting goes."""

    path: Where
    """In the recipe's data."""
    rule: bool = False
    """It is a condition."""
    text: Literal["", "value", "always"] = ""
    """It is text, taken as it stands; `off`, too, when it is always text."""


def apply_override(data: Any, setting: str, registry: Registry) -> Where:
    """Changes recipe `data` in place by one `path=value` setting, and returns the path of what is new.

    A path starts with a stage of the recipe (`gopher_quality.keep.words`, `language.keep_by.language.de.score`),
    with `sources.NAME` or `defaults`, or it is mix, release or card and what to set there, or seed, version,
    name, title. A step with a dot in it may be quoted; names of sources needn't be.

    A value is YAML. For a rule it may be `min,max`, a range with either side open. `off` takes away what the
    recipe says: a rule is no more, an option is back at its default.

    Raises OptionError when there is nothing of that name, or the value is none.
    """
    path, equals, text = setting.partition("=")
    text = text.strip()
    try:
        steps = _steps(path)
        if not equals or not steps:
            raise OptionError("write PATH=VALUE, e.g. gopher_quality.keep.words=30,")
        target = _find(data, steps, registry)
        return _set(data, target, _OFF_VALUE if _is_off(text, target) else _value(text, target))
    except OptionError as error:
        raise OptionError(without_credentials(f"--set {setting}: {error}")) from None


def apply_setting(data: Any, path: str, value: Any, registry: Registry) -> Where:
    """As `apply_override`, for a path and a value that a recipe holds: a range may be `[30, null]` or `30,`."""
    steps = _steps(path)
    if not steps:
        raise OptionError("write PATH: VALUE, e.g. gopher_quality.keep.words: [30, null]")
    target = _find(data, steps, registry)
    if _is_off(value, target):
        return _set(data, target, _OFF_VALUE)
    if target.rule and (value is None or isinstance(value, str)):
        return _set(data, target, _value(spelled(value), target))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return _set(data, target, written(value) if target.text and number else copy.deepcopy(value))


def _is_off(value: Any, target: _Target) -> bool:
    return isinstance(value, str) and value == _OFF and target.text != "always"


def _steps(path: str) -> list[str]:
    steps, at = [], 0
    path = path.strip()
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (at > 0) != (match[0][0] == "."):
            raise OptionError("write PATH=VALUE; the steps of PATH have dots between them")
        steps.append(next(step for step in match.groups() if step is not None))
        at = match.end()
    return steps


def _find(data: Any, steps: list[str], registry: Registry) -> _Target:
    head, rest = steps[0], steps[1:]
    uses = _uses(data, registry)
    index = next((at for at, use in enumerate(uses) if use is not None and use[0] == head), None)
    if index is not None:
        return _in_stage(data, index, rest, registry)
    if head == "sources":
        return _in_source(data, rest)
    if head == "defaults":
        return _field(("defaults",), rest, [*SourceFields.model_fields])
    if head in _PARTS:
        return _in_part(data, head, rest)
    if head in Identity.model_fields:
        if rest:
            raise OptionError(f"`{head}` holds no options")
        return _Target((head,), text="" if head == "seed" else "always")
    names = [use[0] for use in uses if use is not None]
    raise OptionError(f"the recipe has no stage {head!r}.{did_you_mean(head, [*names, *_TOP])}")


def _uses(data: Any, registry: Registry) -> list[tuple[str, Stage] | None]:
    """What each entry of `stages` is called, and its stage."""
    entries = data.get("stages")
    return [use_of(entry, registry) for entry in (entries if isinstance(entries, list) else [])]


def _in_stage(data: Any, index: int, steps: list[str], registry: Registry) -> _Target:
    use = use_of(data["stages"][index], registry)
    assert use is not None
    name, stage = use
    if not steps:
        raise OptionError(f"name what to set of stage {name}, e.g. {name}.keep")
    head, rest = steps[0], steps[1:]
    _check(head, [*stage.config.model_fields, *RULES], f"stage {name} has no option")
    _spell_out(data["stages"], index, stage, rules=head in ("keep", "keep_by"))
    path: Where = ("stages", index, stage.name, head)
    if head == "keep" and rest:
        _check(".".join(rest), stage.signals, f"stage {name} measures no")
        return _Target((*path, ".".join(rest)), rule=True)
    if head == "when" and rest:
        _check(".".join(rest), _columns(data, registry), "there is no column")
        return _Target((*path, ".".join(rest)), rule=True)
    if head == "keep_by" and rest:
        return _keep_by(path, rest, stage, _columns(data, registry))
    return _Target((*path, *rest))


def _spell_out(stages: Any, index: int, stage: Stage, rules: bool) -> None:
    """Writes the stage's entry as a mapping of its own, with the default rules that apply to it if asked."""
    entry = stages[index]
    options = entry[stage.name] if isinstance(entry, dict) else None
    if options is not None and not isinstance(options, dict):
        raise OptionError(f"stage {stage.name}: options are a mapping, and the recipe has {shown(options)}")
    options = {} if options is None else options
    if rules:
        for key, value in with_default_rules(options, stage).items():
            options.setdefault(key, value)
    if isinstance(entry, dict):
        entry[stage.name] = options
    else:
        stages[index] = {stage.name: options}


def _keep_by(path: Where, steps: Sequence[str], stage: Stage, columns: Sequence[str]) -> _Target:
    """`COLUMN.VALUE.SIGNAL`, or `COLUMN.VALUE` for all rules on a value; columns and values may have dots."""
    column, rest = _longest(steps, columns)
    if column is None:
        _check(".".join(steps[:-2]) or steps[0], columns, "there is no column")
    if column is None or not rest:
        raise OptionError("keep_by takes COLUMN.VALUE.SIGNAL, e.g. keep_by.language.de.words=20,")
    if len(rest) == 1:
        return _Target((*path, column, rest[0]))
    _check(rest[-1], stage.signals, f"stage {stage.name} measures no")
    return _Target((*path, column, ".".join(rest[:-1]), rest[-1]), rule=True)


def _in_source(data: Any, steps: list[str]) -> _Target:
    entries = data.get("sources")
    if not steps:
        raise OptionError("name a source and what to set of it, e.g. sources.NAME.priority=1")
    fields = [source_fields(entry) if isinstance(entry, dict) else {} for entry in entries or ()]
    names = [str(one.get("name")) for one in fields]
    name, rest = _longest(steps, names)
    if name is not None and rest:
        return _field(("sources", names.index(name)), rest, [*Source.model_fields, "for_each"])
    if name is not None:
        raise OptionError(f"name what to set of source {name}, e.g. sources.{name}.priority=1")
    for entry in fields:
        one, rest = _longest(steps, [str(source.get("name")) for source in fan_out(entry)])
        if one is not None:
            raise OptionError(
                f"{one} is one of the sources that the entry {entry['name']!r} fans out to, and they are set together: "
                f"sources.{entry['name']}.{'.'.join(rest) or 'FIELD'}"
            )
    raise OptionError(f"no source is called {steps[0]!r}.{did_you_mean(steps[0], names)}")


def _field(path: Where, steps: list[str], fields: Sequence[str]) -> _Target:
    """A field of a source; names of the source's own fields may have dots."""
    if not steps:
        raise OptionError(f"name what to set.{did_you_mean('', fields)}")
    head, rest = steps[0], steps[1:]
    _check(head, fields, "a source has no field")
    if head in ("columns", "where") and rest:
        return _Target((*path, head, ".".join(rest)), rule=head == "where")
    return _Target((*path, head, *rest), text="value" if not rest and head in _TEXTS else "")


def _in_part(data: Any, head: str, steps: list[str]) -> _Target:
    if not steps:
        raise OptionError(f"name what to set of {head}.{did_you_mean('', _PARTS[head].model_fields)}")
    path: list[str | int] = [head]
    model: type[BaseModel] | None = _PARTS[head]
    while steps and model is not None:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        _check(steps[0], fields, f"{'.'.join(map(str, path))} has no option")
        path.append(steps[0])
        model, steps = _model_of(fields[steps[0]].annotation), steps[1:]
        if model is Phase and steps:
            names = [str(one.get("name")) if isinstance(one, dict) else "" for one in _at(data, path) or ()]
            name, rest = _longest(steps, names)
            if name is None:
                raise OptionError(f"no phase is called {steps[0]!r}.{did_you_mean(steps[0], names)}")
            path.append(names.index(name))
            steps = rest
    key = (".".join(steps),) if steps else ()
    return _Target((*path, *key), text="always" if head == "card" else "")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model among the types of a field, in a tuple or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_of, typing.get_args(annotation))), None)


def _at(data: Any, path: Iterable[Any]) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _check(name: str, allowed: Iterable[str], complaint: str) -> None:
    allowed = list(allowed)
    if name not in allowed:
        raise OptionError(f"{complaint} {name!r}.{did_you_mean(name, allowed)}")


def _longest(steps: Sequence[str], names: Sequence[str]) -> tuple[str | None, list[str]]:
    """The longest of `names` that the steps begin with, dots included, and the steps after it."""
    for count in range(len(steps), 0, -1):
        name = ".".join(steps[:count])
        if name in names:
            return name, list(steps[count:])
    return None, list(steps)


def _columns(data: Any, registry: Registry) -> list[str]:
    """Columns that rules may name somewhere in the recipe."""
    signals = [
        f"source.{name}"
        for part in (data.get("defaults"), *(data.get("sources") or ()))
        if isinstance(part, dict) and isinstance(part.get("signals"), dict)
        for name in part["signals"]
    ]
    used = [use for use in _uses(data, registry) if use is not None]
    every = [*used, *((stage.name, stage) for stage in registry)]
    return [
        *DECIDING,
        *signals,
        *dict.fromkeys(f"{name}.{column.name}" for name, stage in every for column in stage.adds),
    ]


def _set(data: Any, target: _Target, value: Any) -> Where:
    """Sets the target to a value; returns the path of what is new in the recipe by it."""
    path: list[str | int] = []
    made: Where | None = None
    for step in target.path[:-1]:
        key = _key(data, step, path)
        path.append(key)
        if (data.get(key) if isinstance(data, dict) else data[key]) is None:
            data[key] = {}
            made = made or tuple(path)
        data = data[key]
    last = _key(data, target.path[-1], path)
    if value is not _OFF_VALUE:
        data[last] = value
    elif target.path[0] == "stages" and last == "keep":
        # Without a `keep` of its own the stage would take its defaults.
        data[last] = {}
    elif isinstance(data, dict):
        data.pop(last, None)
    else:
        raise OptionError("an entry of a list can't be taken away: set the whole list")
    return made or (*path, last)


def _key(data: Any, step: str | int, path: Sequence[str | int]) -> Any:
    """The step as a key of a mapping or a position in a list."""
    if isinstance(data, dict):
        return step
    if isinstance(data, list) and str(step).isdigit() and int(step) < len(data):
        return int(step)
    raise OptionError(f"`{'.'.join(map(str, path))}` is {shown(data)}: there is no {step!r} in it")


def _value(text: str, target: _Target) -> Any:
    if target.text:
        return text
    match = _RANGE.match(text) if target.rule else None
    if match:
        if not any(match.groups()):
            raise OptionError("a range needs a bound: 30, or ,100 or 30,100 (off takes the rule away)")
        return [None if side is None else float(side) for side in match.groups()]
    value = parse_value(text)
    if target.rule and (value is None or (isinstance(value, str) and "," in value)):
        raise OptionError(f"{text!r} is no condition: write a range 30,100 or a set [fr,en] (off takes the rule away)")
    return value
