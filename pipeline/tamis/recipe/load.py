"""Loads a recipe: YAML to frozen models, with every complaint at its file and line."""

from __future__ import annotations

import copy
import math
import os
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tamis.corpus.stage import Registry
from tamis.errors import OptionError, RecipeError, did_you_mean
from tamis.recipe.borrowed import borrow_epochs
from tamis.recipe.card import SECTIONS, CardText
from tamis.recipe.languages import check_language, is_pair
from tamis.recipe.mix import Mix
from tamis.recipe.model import VERSION_LETTERS, Identity, Recipe, ReleaseOptions, Source
from tamis.recipe.overrides import apply_override
from tamis.recipe.presets import expand_presets
from tamis.recipe.problems import IN_RECIPE, Problems, Setting, Where
from tamis.recipe.rules import read_stages
from tamis.recipe.secrets import credential_in
from tamis.recipe.sources import pair_tags, read_sources, source_names
from tamis.recipe.variants import apply_variant, check_variants
from tamis.recipe.yaml_lines import parse_yaml, plain, read_yaml, scalars, written

TOP = (*Identity.model_fields, "defaults", "sources", "stages", "mix", "release", "card", "variants")
_PARTS: Mapping[str, type[BaseModel]] = {"mix": Mix, "release": ReleaseOptions, "card": CardText}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_recipe(file: Path, registry: Registry, overrides: Iterable[str] = (), variant: str = "") -> Recipe:
    """The recipe in `file`, or a variant of it, after `--set` overrides. Raises RecipeError naming every problem by
    line, OptionError when the file has no such variant."""
    return build_recipe(read_yaml(file), str(file), registry, overrides, variant)


def load_recipe_text(
    text: str, name: str, registry: Registry, overrides: Iterable[str] = (), variant: str = ""
) -> Recipe:
    """As `load_recipe`, from text; `name` stands for the file in errors."""
    return build_recipe(parse_yaml(text, name), name, registry, overrides, variant)


def build_recipe(data: Any, file: str, registry: Registry, overrides: Iterable[str], variant: str = "") -> Recipe:
    """The recipe in parsed YAML `data`, which the variant and the overrides change in place. All other variants are
    checked, too."""
    overrides = tuple(overrides)
    aside = Problems(file, data)
    presets = expand_presets(data, registry, file)
    borrow_epochs(data, file)
    variants = check_variants(data, aside)
    if variant and variant not in (data.get("variants") or ()):
        raise OptionError(f"{file} has no variant {variant!r}.{did_you_mean(variant, variants)}")
    others = {name: copy.deepcopy(data) for name in variants if name != variant}
    settings = dict(presets)
    if variant in variants:
        settings |= apply_variant(data, variant, registry, aside)
    for setting in overrides:
        settings[apply_override(data, setting, registry)] = Setting(f"--set {setting}: ")
    problems = Problems(file, data, settings)
    parts = _read(data, registry, problems)
    # What is wrong with the recipe would be told again of each variant.
    for name, other in () if problems.found else others.items():
        problems.found += _wrong_in_variant(other, file, registry, overrides, name, presets)
    _check_versions(data, variants, problems)
    problems.found += aside.found
    problems.raise_any()
    if variant:
        parts["version"] += f"+{variant}"
    return Recipe(**parts, variant=variant, variants=variants)


def _check_versions(data: Any, variants: Iterable[str], problems: Problems) -> None:
    """A variant's version is the recipe's and its own name, and no longer than a version may be."""
    version = _identity(data).get("version")
    for name in variants:
        if isinstance(version, str) and len(version) <= VERSION_LETTERS < len(f"{version}+{name}"):
            problems.add(
                ("variants", name),
                f"variant {name}: its version would be {version}+{name}, and a version has at most {VERSION_LETTERS} "
                "characters: shorten one of the two",
            )


def _wrong_in_variant(
    data: Any, file: str, registry: Registry, overrides: Iterable[str], name: str, presets: Mapping[Where, Setting]
) -> list[tuple[int, str]]:
    """Complaints about a variant of a recipe that is otherwise right."""
    aside = Problems(file, data)
    settings = {**presets, **apply_variant(data, name, registry, aside)}
    try:
        for setting in overrides:
            settings[apply_override(data, setting, registry)] = Setting(f"--set {setting}: ")
    except OptionError:
        # It is for another variant.
        return aside.found
    problems = Problems(file, data, settings, f"variant {name}: ")
    _read(data, registry, problems)
    return [*aside.found, *(found for found in problems.found if found[0])]


def _read(data: Any, registry: Registry, problems: Problems) -> dict[str, Any]:
    """The fields of a recipe; what is wrong goes to `problems`."""
    _check_scalars(data, problems)
    for key in data:
        if key not in TOP:
            problems.add((str(key),), f"unknown option {str(key)!r}.{did_you_mean(str(key), TOP)}")
    for key in () if _plans_only(data) else ("sources", "stages"):
        if not data.get(key):
            problems.add((key,), f"{key} is {'empty: name at least one' if key in data else 'missing'}")
    identity = problems.validate(Identity, _identity(data), ())
    sources = read_sources(data, problems)
    stages = read_stages(data, registry, problems)
    parts: dict[str, Any] = {
        key: problems.validate(model, _part(data[key]), (key,))
        for key, model in _PARTS.items()
        if data.get(key) is not None
    }
    _check_mix(data, problems)
    _check_answers(sources, parts.get("card"), problems)
    known = identity.model_dump() if identity is not None else {}
    return {**known, "sources": tuple(sources), "stages": tuple(stages), **parts}


def _part(data: Any) -> Any:
    """A part of the recipe as plain data; the version of another release is text, as the recipe's own is."""
    found = plain(data)
    if isinstance(found, dict) and _is_number(found.get("previous")):
        found["previous"] = written(data["previous"])
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _identity(data: Any) -> dict[str, Any]:
    found = {}
    for key in Identity.model_fields:
        value = data.get(key)
        if value is not None:
            # A version 1.10 is `1.10`, not the number 1.1.
            found[key] = written(value) if _is_number(value) and key != "seed" else plain(value)
    return found


def _check_scalars(data: Any, problems: Problems) -> None:
    """Refuses credentials, and what neither JSON nor a column can hold."""
    unfit = False
    for path, value in list(scalars(data)):
        what = credential_in(path, value)
        if what is not None:
            problems.hide(path, what, str(value))
        for what in filter(None, (credential_in((), key) for key in path)):
            problems.add(path, f"{what} {IN_RECIPE}")
        complaint = next(filter(None, map(_unfit, (value, *path))), None)
        if complaint:
            unfit = True
            problems.add(path, complaint)
    if unfit:
        # Nothing more can be checked on such values.
        problems.raise_any()


def _unfit(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number a recipe can hold: null leaves a side of a range open"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "the number is beyond 64 bits"
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return "the text holds half of a surrogate pair: no valid Unicode"
    if value is not None and not isinstance(value, (str, bool, int, float)):
        return "a recipe holds text, numbers, true, false, null, lists and mappings: write it without a tag"
    return None


def _plans_only(data: Any) -> bool:
    """Whether the recipe is a plan of a mix: it names its counts, and no sources or stages."""
    mix = data.get("mix")
    counted = isinstance(mix, dict) and mix.get("counts") is not None
    return counted and not any(data.get(key) for key in ("sources", "stages"))


def _check_mix(data: Any, problems: Problems) -> None:
    """Names of sources and languages, where the recipe has sources."""
    mix = data.get("mix")
    names = source_names(data)
    if not isinstance(mix, dict) or not names:
        return
    pairs = pair_tags(data)
    phases = mix.get("phases")
    for path, one in (
        (("mix",), mix),
        *((("mix", "phases", at), phase) for at, phase in enumerate(phases if isinstance(phases, list) else ())),
    ):
        if not isinstance(one, dict):
            continue
        for name in _keys(one, "sources") if path == ("mix",) else ():
            if name not in names:
                problems.add((*path, "sources", name), f"no source is called {name!r}.{did_you_mean(name, names)}")
        for field in ("epochs", "languages"):
            for key in _keys(one, field):
                _check_pair((*path, field, key), key.partition("--")[0], pairs, problems)


def _check_answers(sources: Iterable[Source], card: CardText | None, problems: Problems) -> None:
    """A question of the EU summary can't be answered with no, where a source says yes."""
    for at, section in enumerate(card.eu.answered_no if card is not None else ()):
        of = next((source for source in sources if SECTIONS.get(source.acquisition or "") == section), None)
        if of is not None:
            complaint = f"{section} is answered with no, and source {of.name!r} says `acquisition: {of.acquisition}`"
            problems.add(("card", "eu", "answered_no", at), complaint)


def _keys(data: Any, field: str) -> list[str]:
    value = data.get(field)
    return [str(key) for key in value] if isinstance(value, dict) else []


def _check_pair(path: Where, language: str, pairs: Container[str], problems: Problems) -> None:
    """Only counts and aligned texts have pairs of languages; what else looks like one is a wrong tag, as pt-br is."""
    try:
        if is_pair(language) and language not in pairs:
            check_language(language)
    except ValueError as error:
        problems.add(path, f"{'.'.join(map(str, path))}: {error}")


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
