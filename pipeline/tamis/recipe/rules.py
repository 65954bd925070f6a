"""The stages of a recipe: their options, and the rules that decide on what they measure."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Registry, Stage, StageConfig
from tamis.errors import RecipeError, did_you_mean
from tamis.recipe.languages import check_language
from tamis.recipe.licenses import parse_license
from tamis.recipe.model import StageUse
from tamis.recipe.problems import Problems, Where
from tamis.recipe.sources import pair_tags, source_names
from tamis.recipe.yaml_lines import plain, shown

RULES = ("as", "keep", "keep_by", "when", "exhaustive")
"""Options of every stage, beside those of its own: none of them changes what is measured."""
AS_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a recipe may call a stage."""
NOT_A_NAME = ("name", "version", "title", "seed", "sources", "defaults", "stages", "mix", "release", "card", "variants")
"""What `--set` and the ledger take for something else."""
DECIDING = ("source", "language", "category", "license")
"""Document columns that keep rules may name."""
_SIGNAL_TYPES = {"number": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
_CONDITION = ("min", "max", "in", "not_in", "glob", "not_glob", "regex", "not_regex", "is", "nulls")


@dataclass(frozen=True)
class Columns:
    """Columns that rules may name at a stage's turn."""

    types: Mapping[str, pa.DataType]
    sources: Sequence[str]
    """Names of all sources."""
    pairs: Container[str] = ()
    """Languages of aligned texts."""

    def after(self, stage: Stage, name: str) -> Columns:
        """With what the stage adds, under the name of its use."""
        added = {f"{name}.{column.name}": column.type for column in stage.adds}
        return Columns({**self.types, **added}, self.sources, self.pairs)

    def wrong_value(self, column: str, value: Any) -> str | None:
        """Why no document can have `value` in `column`, or None."""
        if column == "source" and self.sources and value not in self.sources:
            return f"no source is called {value!r}.{did_you_mean(value, self.sources)}"
        try:
            if column == "language" and value not in self.pairs:
                check_language(value)
            elif column == "license":
                parse_license(value)
        except ValueError as error:
            return str(error)
        return None


def use_of(entry: Any, registry: Registry) -> tuple[str, Stage] | None:
    """What an entry of `stages` is called, and its stage with the columns that its options give it, as far as these are
    valid; None when it names no stage."""
    kind, options = next(iter(entry.items()), (None, None)) if isinstance(entry, dict) else (entry, None)
    if kind not in registry.names():
        return None
    stage = registry.get(str(kind))
    options = options if isinstance(options, dict) else {}
    if stage.shape is not None:
        fields = {key: value for key, value in plain(options).items() if key in stage.config.model_fields}
        with suppress(ValidationError):
            stage = stage.shaped(stage.config.model_validate(fields))
    return str(options.get("as") or kind), stage


def default_rules(stage: Stage) -> dict[str, Any]:
    """The stage's default `keep` and `keep_by`, as a recipe would write them."""
    keep = {name: column.default.to_recipe() for name, column in stage.signals.items() if column.default}
    keep_by: dict[str, Any] = {}
    for name, column in stage.signals.items():
        for by, values in column.default_by.items():
            for value, condition in values.items():
                keep_by.setdefault(by, {}).setdefault(value, {})[name] = condition.to_recipe()
    return {"keep": keep, **({"keep_by": keep_by} if keep_by else {})}


def with_default_rules(options: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    """A stage's options; only where they write no `keep` of their own, the literature's rules are added."""
    return dict(options) if "keep" in options else default_rules(stage) | dict(options)


def read_stages(data: Any, registry: Registry, problems: Problems) -> list[StageUse]:
    """The stages of recipe `data`; what is wrong goes to `problems`."""
    entries = data.get("stages") or []
    if not isinstance(entries, list):
        problems.add(("stages",), "stages is a list; each entry is a stage's name, or `name: {options}`")
        return []
    columns = _source_columns(data, problems)
    uses: list[StageUse] = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        path: Where = ("stages", index)
        options: Any = None
        if isinstance(entry, str):
            name = entry
        elif isinstance(entry, dict) and len(entry) == 1:
            name, options = next(iter(entry.items()))
            path = (*path, str(name))
        else:
            problems.add(path, "a stage is its name, or one `name: {options}`")
            continue
        try:
            stage = registry.get(str(name))
        except RecipeError as error:
            problems.add(path, str(error))
            continue
        options = plain({} if options is None else options)
        as_name = _as_name(stage, options, seen, registry, path, problems)
        if as_name is None:
            continue
        seen.add(as_name or stage.name)
        if stage.from_sources:
            brought = {n.removeprefix("source."): t for n, t in columns.types.items() if n.startswith("source.")}
            if not brought:
                problems.add(path, "stage source has nothing to judge: no source maps `signals`")
            stage = stage.with_source_signals(brought)
        use = _StageReader(stage, as_name, path, columns, problems).read(options)
        if use is not None:
            uses.append(use)
        columns = columns.after(stage if use is None else use.stage, as_name or stage.name)
    return uses


def _as_name(
    stage: Stage, options: Any, seen: Collection[str], registry: Registry, path: Where, problems: Problems
) -> str | None:
    """What the recipe calls this use of the stage (`as`), empty where it says nothing; None when that is wrong."""
    name = options.get("as") if isinstance(options, dict) else None
    if name is None or name == stage.name:
        if stage.name in seen:
            other = "" if stage.once else f". Give one of them another: {stage.name}: {{as: NAME, ...}}"
            problems.add(path, f"stage {stage.name} stands twice: its signals would share a name{other}")
        return None if stage.name in seen else ""
    where = (*path, "as")
    if stage.once:
        problems.add(where, f"stage {stage.name} stands in a recipe once, under its own name: take `as` away")
    elif not isinstance(name, str) or not AS_NAME.fullmatch(name):
        problems.add(where, f"`as` names the stage's signals: a-z, 0-9 and _, a letter first (got {shown(name)})")
    elif name in seen:
        problems.add(where, f"another stage is called {name!r}: their signals would share a name. Choose another")
    elif name in registry.names() or name in NOT_A_NAME:
        problems.add(where, f"{name!r} is the name of something else in a recipe. Choose another, such as {name}_2")
    else:
        return name
    return None


def _source_columns(data: Any, problems: Problems) -> Columns:
    """The columns before the first stage: those of documents, and the signals sources bring along."""
    types = dict.fromkeys(DECIDING, pa.string())
    entries = data.get("sources")
    parts: list[tuple[Where, Any]] = [(("defaults",), data.get("defaults"))]
    parts += [(("sources", i), e) for i, e in enumerate(entries if isinstance(entries, list) else [])]
    for path, part in parts:
        signals = part.get("signals") if isinstance(part, dict) else None
        for name, signal in (signals if isinstance(signals, dict) else {}).items():
            kind = signal.get("type", "number") if isinstance(signal, dict) else "number"
            type_ = _SIGNAL_TYPES.get(kind, pa.float64())
            if types.setdefault(f"source.{name}", type_) != type_:
                problems.add((*path, "signals", name), f"signal {name!r} has another type in another source")
    return Columns(types, source_names(data), pair_tags(data))


@dataclass(frozen=True)
class _StageReader:
    """Reads one stage's options."""

    stage: Stage
    as_name: str
    path: Where
    columns: Columns
    problems: Problems

    @property
    def name(self) -> str:
        """What the recipe calls it."""
        return self.as_name or self.stage.name

    def read(self, options: Any) -> StageUse | None:
        """The stage as the recipe uses it; None when something is wrong with it."""
        stage, problems = self.stage, self.problems
        if not isinstance(options, dict):
            problems.add(self.path, f"stage {stage.name}: options are a mapping")
            return None
        before = len(problems.found)
        allowed = [*stage.config.model_fields, *RULES]
        for key in options:
            if key not in allowed:
                message = f"stage {stage.name} has no option {key!r}.{did_you_mean(key, allowed)}"
                problems.add((*self.path, key), message)
        fields = {key: value for key, value in options.items() if key in stage.config.model_fields}
        config = problems.validate(stage.config, fields, self.path)
        if config is None and stage.shape is not None:
            return None  # what it measures can't be told
        return replace(self, stage=stage.shaped(config))._with_rules(options, config, before)

    def _with_rules(self, options: dict[str, Any], config: StageConfig | None, before: int) -> StageUse | None:
        """The stage with its rules; `before` is how many problems there were before it."""
        stage, problems = self.stage, self.problems
        options = with_default_rules(options, stage)
        keep = self._rules(options["keep"], ("keep",))
        keep_by = self._keep_by(options.get("keep_by"))
        when = self._when(options.get("when"))
        exhaustive = options.get("exhaustive", False)
        if not isinstance(exhaustive, bool):
            problems.add((*self.path, "exhaustive"), f"exhaustive must be true or false (got {shown(exhaustive)})")
        if config is None or len(problems.found) > before:
            return None
        return StageUse(
            stage=stage, config=config, keep=keep, keep_by=keep_by, when=when, exhaustive=exhaustive,
            as_name=self.as_name,
        )  # fmt: skip

    def _rules(self, rules: Any, path: tuple[str, ...]) -> dict[str, Condition]:
        """Conditions by signal of this stage."""
        parsed = {}
        for name, condition in self._entries(rules, path, "maps signals to conditions: {words: [50, 100000]}"):
            column = self.stage.signals.get(name)
            if column is None:
                message = f"stage {self.name} measures no {name!r}.{did_you_mean(name, self.stage.signals)}"
                self._complain((*path, name), message)
                continue
            found = self._condition(condition, (*path, name), f"{self.name}.{name}", column.type)
            if found is not None:
                parsed[name] = found
        return parsed

    def _keep_by(self, keep_by: Any) -> dict[str, dict[str, dict[str, Condition]]]:
        """column -> value -> rules."""
        parsed: dict[str, dict[str, dict[str, Condition]]] = {}
        shape = "maps columns to values to rules: {language: {de: {words: [20, null]}}}"
        for column, by_value in self._entries(keep_by, ("keep_by",), shape):
            known = self._known(column, ("keep_by", column))
            for value, rules in self._entries(by_value, ("keep_by", column), shape):
                where = ("keep_by", column, value)
                complaint = self._unlikely(column, value) if known else None
                if complaint:
                    self._complain(where, complaint)
                conditions = self._rules(rules, where)
                if conditions:
                    parsed.setdefault(column, {})[value] = conditions
        # The order in which a recipe writes them is no part of its identity: where two fit, the later name decides.
        return dict(sorted(parsed.items()))

    def _when(self, when: Any) -> dict[str, Condition]:
        parsed = {}
        for column, condition in self._entries(when, ("when",), "maps columns to conditions: {category: [web]}"):
            if self._known(column, ("when", column)):
                found = self._condition(condition, ("when", column), column, self.columns.types[column])
                if found is not None:
                    parsed[column] = found
                    for value in found.values:
                        complaint = self.columns.wrong_value(column, value) if isinstance(value, str) else None
                        if complaint:
                            self._complain(("when", column), complaint)
        return parsed

    def _entries(self, mapping: Any, path: tuple[str, ...], shape: str) -> Iterable[tuple[str, Any]]:
        if mapping is None:
            return ()
        if not isinstance(mapping, dict):
            self._complain(path, f"{'.'.join(path)} {shape} (got {shown(mapping)})")
            return ()
        return mapping.items()

    def _known(self, column: str, path: tuple[str, ...]) -> bool:
        known = self.columns.types
        if column not in known:
            self._complain(path, f"no earlier stage or source adds a column {column!r}.{did_you_mean(column, known)}")
        return column in known

    def _unlikely(self, column: str, value: str) -> str | None:
        """Why no document can have the `value` of a keep_by in `column`, or None."""
        type_ = self.columns.types[column]
        if pa.types.is_boolean(type_) and value not in ("true", "false"):
            return f"{column} is a boolean: its values are true and false (got {value!r})"
        if _is_number(type_) and not _reads_as_number(value):
            return f"{column} is a number, and {value!r} is none"
        return self.columns.wrong_value(column, value)

    def _condition(self, value: Any, path: tuple[str, ...], column: str, type_: pa.DataType) -> Condition | None:
        try:
            condition = Condition.model_validate(value)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                option = str(item["loc"][-1]) if item["loc"] else ""
                message = item["msg"].removeprefix("Value error, ")
                if item["type"] == "extra_forbidden":
                    message = f"a condition has no {option!r}.{did_you_mean(option, _CONDITION)}"
                elif item["type"] != "value_error":
                    message = f"{option.removesuffix('_')}: {message} (got {shown(item['input'])})"
                self._complain((*path, option), f"{column}: {message}")
            return None
        complaint = mismatch(condition, type_)
        if complaint:
            self._complain(path, f"{column} is {complaint} (got {shown(value)})")
            return None
        return condition

    def _complain(self, where: Sequence[str], message: str) -> None:
        self.problems.add((*self.path, *where), message)


def mismatch(condition: Condition, type_: pa.DataType) -> str | None:
    """What the column of that type is, when the condition can't be meant for it; else None."""
    ranged = condition.min is not None or condition.max is not None
    kinds = {type(value) for value in condition.values}
    if pa.types.is_boolean(type_) and (ranged or kinds or condition.patterns):
        return "a boolean: write true or false"
    if _is_text(type_) and (ranged or condition.is_ is not None or kinds - {str}):
        return "a name: write a set such as [fr, en]"
    if _is_number(type_) and (condition.is_ is not None or condition.patterns or kinds & {str, bool}):
        return "a number: write a range such as [50, 100000], either side may be null"
    return None


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _reads_as_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
