"""Does the manifest agree with itself: with its recipe, its identity, and its twin in the card's tables?"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tamis.cards.checks import Checks
from tamis.cards.twins import ELSEWHERE, FACTS
from tamis.cards.view import facts
from tamis.corpus.conditions import Condition
from tamis.corpus.hashing import key_of
from tamis.corpus.manifest import FORMAT, NAME, Manifest
from tamis.corpus.training_reports import stated
from tamis.engine.template import template_hash
from tamis.recipe.licenses import redistributable
from tamis.recipe.model import Source
from tamis.recipe.rules import RULES

TRAINED = "trained in the run"
"""Reference of a model that a run makes of its own corpus."""


def check_twin(manifest: Manifest, release: Path, checks: Checks) -> None:
    """Every fact against `stats/facts.csv`, which holds them a second time: a change is found by its place."""
    with (release / FACTS).open(encoding="utf-8", newline="") as handle:
        listed = dict(row for row in csv.reader(handle) if len(row) == 2)
    listed.pop("fact", None)
    stated = dict(facts(manifest.model_dump(mode="json", exclude=ELSEWHERE)))
    for path in sorted(set(stated) | set(listed)):
        checks.equal(f"{NAME}: {path}", stated.get(path, "nothing"), listed.get(path, "nothing"))


def check_declared(manifest: Manifest, checks: Checks) -> None:
    """What the manifest tells twice is the same both times."""
    recipe = manifest.recipe
    checks.equal(f"{NAME}: format", manifest.format, FORMAT)
    checks.equal(f"{NAME}: name", manifest.name, recipe.get("name"))
    checks.equal(f"{NAME}: version", manifest.version, recipe.get("version"))
    checks.equal(f"{NAME}: title", manifest.title, recipe.get("title") or recipe.get("name"))
    names = [source.get("name") for source in recipe.get("sources", [])]
    if checks.equal(f"{NAME}: sources", [source.name for source in manifest.sources], names):
        for index, declared in enumerate(recipe["sources"]):
            _source(index, declared, manifest, checks)
    uses = manifest.uses
    if checks.equal(f"{NAME}: stages", [stage.name for stage in manifest.stages], [use.name for use in uses]):
        for index, use in enumerate(uses):
            _stage(index, use.options, manifest, checks)


def _source(index: int, written: dict[str, Any], manifest: Manifest, checks: Checks) -> None:
    source = manifest.sources[index]
    place = f"{NAME}: sources[{index}]"
    for key, value in source.declared.items():
        usual = Source.model_fields[key].default if key in Source.model_fields else None
        checks.equal(f"{place}.declared.{key}", value, written.get(key, usual))
    used = [{cleaner.name: cleaner.options} for cleaner in source.cleaners]
    checks.equal(f"{place}.cleaners", used, written.get("clean", []))
    license_ = written.get("license")
    hands_on = written.get("redistributable")
    if hands_on is None:
        hands_on = license_ is None or redistributable(license_)
    checks.equal(f"{place}.redistributable", source.redistributable, hands_on)


def _stage(index: int, written: Mapping[str, Any], manifest: Manifest, checks: Checks) -> None:
    stage = manifest.stages[index]
    place = f"{NAME}: stages[{index}]"
    options = {key: value for key, value in written.items() if key not in RULES}
    checks.equal(f"{place}.options", stage.options, options)
    for key, value in options.items():
        # A nested option may be written without its own defaults; `settings` has those, too.
        if not isinstance(value, (dict, list)):
            checks.equal(f"{place}.settings.{key}", stage.settings.get(key), value)
    checks.equal(f"{place}.rules", stage.rules, _worded(written.get("keep", {})))
    checks.equal(f"{place}.when", stage.when, _worded(written.get("when", {})))
    overrides = [
        {"column": column, "value": value, "signal": signal, "condition": condition}
        for column, by_value in written.get("keep_by", {}).items()
        for value, rules in by_value.items()
        for signal, condition in _worded(rules).items()
    ]
    checks.equal(f"{place}.rules_by", _ordered(stage.rules_by), _ordered(overrides))


def _worded(rules: dict[str, Any]) -> dict[str, str]:
    return {name: str(Condition.model_validate(rule)) for name, rule in rules.items()}


def _ordered(rules: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return sorted((rule["column"], rule["value"], rule["signal"], rule["condition"]) for rule in rules)


def check_identity(manifest: Manifest, checks: Checks) -> None:
    """The identity is the hash of recipe, models, inputs, stage versions and software.

    A model that the run trained follows from all these: it may be among the models or not.
    """
    every = {
        stage.name: {name: stated(model["sha256"], model.get("drawn", "")) for name, model in stage.models.items()}
        for stage in manifest.stages
    }
    named = {
        stage.name: {n: every[stage.name][n] for n, model in stage.models.items() if model["reference"] != TRAINED}
        for stage in manifest.stages
    }
    cleaned = [[cleaner.identity for cleaner in source.cleaners] for source in manifest.sources]
    rest = (
        [source.fingerprint for source in manifest.sources],
        [[stage.name, stage.version] for stage in manifest.stages],
        manifest.mix_tables | template_hash(manifest.card_template),
        manifest.software,
        *([cleaned] if any(cleaned) else []),
    )
    allowed = [key_of(manifest.recipe, models, *rest) for models in (named, every)]
    if manifest.changes is not None:
        allowed = [key_of(identity, manifest.changes.summary.previous_identity) for identity in allowed]
    checks.holds(manifest.identity in allowed, f"{NAME}: identity", manifest.identity, allowed[0])
