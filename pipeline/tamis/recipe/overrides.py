"""Changes to a recipe from the command line: `--set gopher_quality.keep.words=30,`."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tamis.corpus.stage import Registry, Stage
from tamis.errors import OptionError, did_you_mean

_RANGE = re.compile(r"\s*([-+0-9.eE]*)\s*,\s*([-+0-9.eE]*)\s*\Z")
_TOP = ("seed", "version", "name", "title", "mix", "release", "card", "sources", "defaults")


def default_rules(stage: Stage) -> dict[str, Any]:
    """The stage's default `keep` and `keep_by`, as a recipe would write them."""
    keep = {name: column.default.to_recipe() for name, column in stage.signals.items() if column.default}
    keep_by: dict[str, Any] = {}
    for name, column in stage.signals.items():
        for by, values in column.default_by.items():
            for value, condition in values.items():
                keep_by.setdefault(by, {}).setdefault(value, {})[name] = condition.to_recipe()
    return {"keep": keep, **({"keep_by": keep_by} if keep_by else {})}


def apply_override(data: dict[str, Any], setting: str, registry: Registry) -> None:
    """Changes recipe `data` in place by one `path=value` setting.

    A path starts with a stage of the recipe (`gopher_quality.keep.words`), with `sources.NAME`, or with
    mix, release, card, seed. A value is YAML, or `min,max` for a range with either side open; `off`
    removes a rule.
    """
    path, equals, text = setting.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise OptionError(f"--set {setting}: write PATH=VALUE, e.g. gopher_quality.keep.words=30,")
    value = _value(text, setting)
    target, rest = _target(data, keys, registry, setting)
    for key in rest[:-1]:
        if target.get(key) is None:
            target[key] = {}
        target = target[key]
        if not isinstance(target, dict):
            raise OptionError(f"--set {setting}: `{key}` holds no options")
    if not rest:
        raise OptionError(f"--set {setting}: name what to set below `{path}`")
    if text.strip() == "off":
        target.pop(rest[-1], None)
    else:
        target[rest[-1]] = value


def _value(text: str, setting: str) -> Any:
    match = _RANGE.match(text)
    if match:
        try:
            return [float(side) if side else None for side in match.groups()]
        except ValueError:
            raise OptionError(f"--set {setting}: {text!r} is no range of numbers") from None
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        raise OptionError(f"--set {setting}: {text!r} is no YAML value") from None


def _target(
    data: dict[str, Any], keys: list[str], registry: Registry, setting: str
) -> tuple[dict[str, Any], list[str]]:
    head = keys[0]
    if head == "sources" and len(keys) > 2:
        for source in data.get("sources") or []:
            if isinstance(source, dict) and source.get("name") == keys[1]:
                return source, keys[2:]
        names = [str(source.get("name")) for source in data.get("sources") or []]
        raise OptionError(
            f"--set {setting}: no source entry is called {keys[1]!r}.{did_you_mean(keys[1], names)}"
        )
    if head in _TOP:
        return data, keys
    stages = data.get("stages") or []
    names = []
    for index, entry in enumerate(stages):
        name = (
            entry if isinstance(entry, str) else next(iter(entry), None) if isinstance(entry, dict) else None
        )
        names.append(str(name))
        if name == head:
            options = {} if isinstance(entry, str) else entry[name]
            if options is None:
                options = {}
            if len(keys) > 1 and keys[1] in ("keep", "keep_by") and "keep" not in options:
                options.update(default_rules(registry.get(head)) | {k: options[k] for k in options})
            if isinstance(entry, str):
                stages[index] = {head: options}
            else:
                entry[name] = options
            return options, keys[1:]
    raise OptionError(
        f"--set {setting}: the recipe has no stage {head!r}.{did_you_mean(head, [*names, *_TOP])}"
    )
