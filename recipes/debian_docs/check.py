"""Compares the licences that a recipe declares with those read from the packages' copyright files."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def check_recipe(recipe: Path, licences: Mapping[str, str]) -> list[str]:
    """Findings, one line each with `file:line`; none means that every declared licence is right.

    `licences` maps fetched packages to SPDX expressions. A source of the recipe concerns the packages whose
    folders its paths name; a package that wasn't fetched (a recipe of the full set, checked against the ci
    subset) is passed over.
    """
    tree = YAML().load(recipe.read_text(encoding="utf-8"))
    defaults = tree.get("defaults") or {}
    findings: list[str] = []
    covered: set[str] = set()
    for number, entry in enumerate(tree["sources"]):
        line = tree["sources"].lc.item(number)[0] + 1
        for source in fan_out(entry):
            declared = source.get("license") or defaults.get("license")
            packages = {p for p in licences if any(names(path, p) for path in _paths(source))}
            covered |= packages
            findings += [
                f"{recipe}:{line}: source {source['name']} declares {declared}, "
                f"but the copyright file of {package} says {licences[package]}"
                for package in sorted(packages)
                if declared != licences[package]
            ]
    findings += [f"{recipe}: no source reads package {p}" for p in sorted(set(licences) - covered)]
    return findings


def fan_out(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A source entry once per combination of its `for_each` values, with the placeholders filled in."""
    axes = entry.get("for_each") or {}
    for values in itertools.product(*axes.values()):
        fill = dict(zip(axes, map(str, values), strict=True))
        yield {
            key: [_fill(v, fill) for v in value] if isinstance(value, list) else _fill(value, fill)
            for key, value in entry.items()
            if key != "for_each"
        }


def _fill(value: Any, fill: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    return re.sub(r"(?<!\$)\{(\w+)\}", lambda m: fill.get(m[1], m[0]), value)


def _paths(source: Mapping[str, Any]) -> list[str]:
    path = source.get("path") or []
    return [path] if isinstance(path, str) else [str(p) for p in path]


def names(path: str, package: str) -> bool:
    """Whether one folder of `path` is `package`; `*` in a folder stands for anything, alone for nothing."""
    folders = re.sub(r"\$\{[^}]*\}", "", path).split("/")[:-1]
    return any(
        re.fullmatch(re.escape(folder).replace(r"\*", "[^/]*"), package) for folder in folders if folder.strip("*")
    )
