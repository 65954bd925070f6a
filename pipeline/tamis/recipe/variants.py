"""Variants of a recipe: other settings under a name, each a release of its own from the same signals.

variants:
  more-french: {mix.language.shares.fr: 1/2}
  strict: {gopher_quality.keep.words: [60, null], near_duplicates.min_similarity: 0.7}
"""

from __future__ import annotations

import re
from typing import Any

from tamis.corpus.stage import Registry
from tamis.errors import OptionError
from tamis.recipe.overrides import apply_setting
from tamis.recipe.problems import Problems, Setting, Where
from tamis.recipe.yaml_lines import line_of

VARIANT = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A variant's name: it ends the version and the folder of its release."""
MOST_LETTERS = 32
PLAIN = "plain"
"""The recipe as it stands: no variant's name."""
OWN = ("name", "version")
"""What a variant can't set: they tell its release from the plain one."""
_NAME = re.compile(VARIANT.replace("$", r"\Z"))


def check_variants(data: Any, problems: Problems) -> tuple[str, ...]:
    """Names of the variants in recipe `data` that are spelled right; what isn't goes to `problems`."""
    variants = data.get("variants")
    if variants is None:
        return ()
    if not isinstance(variants, dict):
        problems.add(
            ("variants",), "variants maps names to settings: {strict: {gopher_quality.keep.words: [60, null]}}"
        )
        return ()
    right = []
    for name, settings in variants.items():
        path = ("variants", name)
        if not _NAME.match(name) or len(name) > MOST_LETTERS:
            problems.add(
                path,
                f"{name!r} can't name a variant: use letters, digits, '.', '_' and '-', at most {MOST_LETTERS}, the "
                "first one a letter or digit",
            )
        elif name == PLAIN:
            problems.add(path, f"{PLAIN!r} is the recipe as it stands: give the variant another name")
        elif not isinstance(settings, dict) or not settings:
            problems.add(path, f"variant {name}: write what it sets, as for --set: {{seed: 1}}")
        else:
            right.append(name)
    return tuple(right)


def apply_variant(data: Any, name: str, registry: Registry, problems: Problems) -> dict[Where, Setting]:
    """Changes recipe `data` in place by the settings of a variant; returns each by the path of what it made new.
    Settings that can't be go to `problems`, at their lines."""
    made: dict[Where, Setting] = {}
    for path, value in data["variants"][name].items():
        where = ("variants", name, path)
        try:
            if path in OWN:
                raise OptionError(f"a variant has the recipe's own, and its release the version VERSION+{name}")
            words = Setting(f"variant {name}: ", line_of(data, where))
            made[apply_setting(data, path, value, registry)] = words
        except OptionError as error:
            problems.add(where, f"variant {name}: {path}: {error}")
    return made
