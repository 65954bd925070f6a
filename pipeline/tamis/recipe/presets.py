"""Presets: what well-known pipelines do, under a name. `- preset: gopher` in a recipe's `stages` becomes the stages of
`presets/gopher.yaml` before anything else is read, so identity, manifest, card and plan know nothing of presets.

stages:
  - preset: gopher
  - preset: {name: fineweb, set: {gopher_quality.keep.words: [30, null]}, without: [pii], when: {category: web}}
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Registry
from tamis.errors import OptionError, RecipeError, did_you_mean
from tamis.recipe.overrides import apply_setting
from tamis.recipe.problems import Problems, Setting, Where
from tamis.recipe.rules import read_stages
from tamis.recipe.yaml_lines import LinedList, line_of, plain, read_yaml, shown

KEY = "preset"
OPTIONS = ("name", "set", "without", "when")
_FOLDER = Path(__file__).parents[1] / "presets"


@dataclass(frozen=True)
class Preset:
    """The stages of a well-known pipeline, and where their thresholds come from."""

    name: str
    title: str
    """One line."""
    about: str
    """A paragraph or more: source, order, what is left out."""
    citations: Mapping[str, str]
    """Stage, or `stage.signal` -> where the thresholds come from, other than the stage's own defaults."""
    source: Mapping[str, Any]
    """Fields of a source that the stages judge, for `preset: NAME` in a recipe's sources."""
    stages: tuple[Any, ...]
    """As a recipe writes them."""

    @property
    def stage_names(self) -> list[str]:
        """Names of its stages, in order."""
        return [_name(entry) for entry in self.stages]


def preset_names(of_sources: bool = False) -> list[str]:
    """All names; `of_sources`: of those that say something of a source, too."""
    names = sorted(path.stem for path in _FOLDER.glob("*.yaml"))
    return [name for name in names if not of_sources or read_preset(name).source]


def read_preset(name: str) -> Preset:
    """The preset of that name. RecipeError names near matches."""
    names = preset_names()
    if name not in names:
        raise RecipeError(f"no preset is called {name!r}.{did_you_mean(name, names)}")
    data = plain(read_yaml(_FOLDER / f"{name}.yaml"))
    return Preset(
        name=name,
        title=data["title"],
        about=data["about"],
        citations=data.get("citations", {}),
        source=data.get("source", {}),
        stages=tuple(data["stages"]),
    )


def spelled_out(preset: Preset, registry: Registry) -> list[dict[str, Any]]:
    """The preset's stages with every rule in force, as a recipe may write them."""
    data = {"sources": [{"name": preset.name, **preset.source}], "stages": list(preset.stages)}
    problems = Problems(f"{preset.name}.yaml", data)
    uses = read_stages(data, registry, problems)
    problems.raise_any()
    return [use.to_recipe() for use in uses]


def expand_presets(data: Any, registry: Registry, file: str) -> dict[Where, Setting]:
    """Puts the stages and source fields of presets in their places in recipe `data`. Returns, by path, the words and
    lines for complaints about what came from one. Raises RecipeError when a preset is used wrongly."""
    problems = Problems(file, data)
    _fill_sources(data, problems)
    entries = data.get("stages")
    made: dict[Where, Setting] = {}
    if isinstance(entries, list):
        expanded = LinedList()
        expanded.lines = {}
        for index, entry in enumerate(entries):
            path: Where = ("stages", index)
            stages = [entry]
            if _is_preset(entry):
                use = _Use(data, (*path, KEY), registry, problems)
                stages = use.stages(entry[KEY])
                use.check_new(stages, expanded)
                made |= use.settings(len(expanded))
            elif said := _no_stage(entry, registry):
                problems.add(path, said)
            for stage in stages:
                expanded.lines[len(expanded)] = line_of(data, path)
                expanded.append(stage)
        problems.raise_any()
        if any(_is_preset(entry) for entry in entries):
            data["stages"] = expanded
    problems.raise_any()
    return made


def _is_preset(entry: Any) -> bool:
    return isinstance(entry, dict) and set(entry) == {KEY}


def _no_stage(entry: Any, registry: Registry) -> str | None:
    """What to write instead of an entry that is meant for a preset, but isn't spelled as one."""
    if isinstance(entry, dict) and KEY in entry:
        beside = next(key for key in entry if key != KEY)
        own = entry[KEY]
        name = own.get("name") if isinstance(own, dict) else own
        return f"what changes a preset stands beside its name: `preset: {{name: {name}, {beside}: ...}}`"
    name = next(iter(entry), None) if isinstance(entry, dict) else entry
    if name in preset_names() and name not in registry.names():
        return f"{name} is a preset, no stage: write `- preset: {name}`"
    return None


def _name(entry: Any) -> str:
    return str(next(iter(entry))) if isinstance(entry, dict) else str(entry)


def _called(entry: Any) -> str:
    """What a stage's signals go by."""
    options = entry[_name(entry)] if isinstance(entry, dict) and entry else None
    return str(options.get("as") or _name(entry)) if isinstance(options, dict) else _name(entry)


def _both(first: Any, second: Any) -> Any:
    """One condition that asks what two do; None where none can."""
    try:
        one, other = (
            Condition.model_validate(condition).model_dump(exclude_defaults=True) for condition in (first, second)
        )
    except ValidationError:
        return None
    shared = (one.keys() & other.keys()) - {"nulls"}
    return None if shared else Condition.model_validate(one | other).to_recipe()


def _fill_sources(data: Any, problems: Problems) -> None:
    """Fields of presets in the sources that name one; what a source says itself goes before."""
    entries = data.get("sources")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict) or KEY not in entry:
            continue
        path: Where = ("sources", index, KEY)
        try:
            preset = read_preset(str(entry[KEY]))
        except RecipeError as error:
            problems.add(path, str(error))
            continue
        if not preset.source:
            names = ", ".join(preset_names(of_sources=True))
            problems.add(path, f"preset {preset.name} says nothing of sources, only of stages (allowed: {names})")
        del entry[KEY]
        for field, value in preset.source.items():
            own = entry.setdefault(field, copy.deepcopy(value))
            if isinstance(own, dict) and isinstance(value, dict):
                for key, item in value.items():
                    own.setdefault(key, copy.deepcopy(item))


class _Use:
    """A preset among a recipe's stages."""

    def __init__(self, data: Any, path: Where, registry: Registry, problems: Problems) -> None:
        self.data, self.path, self.registry, self.problems = data, path, registry, problems
        self.name = ""
        self.found: dict[Where, Setting] = {}

    def settings(self, at: int) -> dict[Where, Setting]:
        """What to say of its parts, as the first of its stages stands at `at`."""
        return {("stages", at + int(where[1]), *where[2:]): setting for where, setting in self.found.items()}

    def stages(self, options: Any) -> list[Any]:
        """Its stages, changed as the options say; none where something is wrong with them."""
        if isinstance(options, str):
            options = {"name": options}
        if not isinstance(options, dict) or not isinstance(options.get("name"), str):
            example = "gopher, or {name: gopher, set: {gopher_quality.keep.words: [30, null]}}"
            self.problems.add(self.path, f"a preset is {example} (got {shown(options)})")
            return []
        for key in options:
            if key not in OPTIONS:
                self.problems.add((*self.path, key), f"a preset has no option {key!r}.{did_you_mean(key, OPTIONS)}")
        try:
            preset = read_preset(options["name"])
        except RecipeError as error:
            self.problems.add((*self.path, "name"), str(error))
            return []
        self.name = preset.name
        if not self._judges(preset):
            return []
        part = {key: self.data.get(key) for key in ("sources", "defaults")}
        part["stages"] = self._without(options.get("without"), preset)
        for at in range(len(part["stages"])):
            self._note(("stages", at), self.path)
        self._when(options.get("when"), part["stages"])
        self._set(options.get("set"), part)
        stages: list[Any] = part["stages"]
        return stages

    def _note(self, where: Where, path: Where) -> None:
        self.found[where] = Setting(f"preset {self.name}: ", line_of(self.data, path))

    def check_new(self, stages: list[Any], before: list[Any]) -> None:
        """Complains of stages that stand in the recipe already."""
        there = {_called(entry) for entry in before}
        for name in map(_name, stages):
            if name in there:
                self.problems.add(
                    self.path,
                    f"preset {self.name}: stage {name} stands above already: leave it out here, "
                    f"`preset: {{name: {self.name}, without: [{name}]}}`",
                )

    def _judges(self, preset: Preset) -> bool:
        """Whether some source brings along the signals that the preset judges."""
        wanted = preset.source.get("signals", {})
        parts = [self.data.get("defaults"), *(self.data.get("sources") or ())]
        mapped = {
            name
            for part in parts
            if isinstance(part, dict) and isinstance(part.get("signals"), dict)
            for name in part["signals"]
        }
        missing = [name for name in wanted if name not in mapped]
        if missing:
            self.problems.add(
                self.path,
                f"preset {preset.name} judges signals that sources bring along, and none maps {missing[0]}: write "
                f"`preset: {preset.name}` in the sources that have them (`tamis presets {preset.name}` shows which)",
            )
        return not missing

    def _without(self, names: Any, preset: Preset) -> list[Any]:
        names = [names] if isinstance(names, str) else names if names is not None else []
        if not isinstance(names, list):
            self.problems.add((*self.path, "without"), "without lists stages of the preset to leave out: [pii]")
            return []
        for at, name in enumerate(names):
            if name not in preset.stage_names:
                near = did_you_mean(str(name), preset.stage_names)
                self.problems.add((*self.path, "without", at), f"preset {preset.name} has no stage {name!r}.{near}")
        return [copy.deepcopy(entry) for entry in preset.stages if _name(entry) not in names]

    def _when(self, conditions: Any, stages: list[Any]) -> None:
        """Adds conditions to every stage; those of the preset stay."""
        if conditions is None:
            return
        if not isinstance(conditions, dict):
            self.problems.add((*self.path, "when"), "when maps columns to conditions: {category: [web]}")
            return
        for at, entry in enumerate(stages):
            name = _name(entry)
            options = (entry[name] if isinstance(entry, dict) else None) or {}
            when = {**copy.deepcopy(conditions), **options.get("when", {})}
            for column in conditions.keys() & options.get("when", {}).keys():
                when[column] = _both(conditions[column], options["when"][column])
                if when[column] is None:
                    self.problems.add(
                        (*self.path, "when", column),
                        f"preset {self.name}: its stage {name} has a condition on {column}, too: "
                        f"{shown(options['when'][column])}. Write both as one: `set: {{{name}.when.{column}: ...}}`",
                    )
            stages[at] = {name: {**options, "when": when}}
            self._note(("stages", at, name, "when"), (*self.path, "when"))

    def _set(self, settings: Any, part: dict[str, Any]) -> None:
        if settings is None:
            return
        if not isinstance(settings, dict):
            message = "set maps paths to values: {gopher_quality.keep.words: [30, null]}"
            self.problems.add((*self.path, "set"), message)
            return
        names = [_name(entry) for entry in part["stages"]]
        for path, value in settings.items():
            where = (*self.path, "set", path)
            stage = path.strip("\"'").partition(".")[0]
            try:
                if stage not in names:
                    raise OptionError(f"it has no stage {stage!r}.{did_you_mean(stage, names)}")
                self._note(apply_setting(part, path, value, self.registry), where)
            except OptionError as error:
                self.problems.add(where, f"preset {self.name}: set: {path}: {error}")
