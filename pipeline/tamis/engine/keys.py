"""Identity: what a signal depends on, hashed. Keep rules, paths and workers are never part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.corpus.hashing import key_of
from tamis.corpus.references import content_hash, resolve
from tamis.corpus.training_reports import drawn_by
from tamis.errors import InputError, RecipeError
from tamis.readers.halves import model_hash
from tamis.recipe.load import expand
from tamis.recipe.model import DETECT, Recipe, Source, StageUse


@dataclass(frozen=True)
class Model:
    """A model file that a stage loads."""

    reference: str
    path: Path
    sha256: str
    drawn: str = ""
    """Digest of what it was trained on, where the report beside it tells."""

    @property
    def facts(self) -> dict[str, str]:
        """What a manifest says of it."""
        return {"reference": self.reference, "sha256": self.sha256} | ({"drawn": self.drawn} if self.drawn else {})


Models = Mapping[str, Mapping[str, Model]]
"""stage -> name -> model."""


def resolve_models(recipe: Recipe, base: Path) -> dict[str, dict[str, Model]]:
    """Finds and hashes every model that the recipe's stages name, and has the stages check them."""
    found: dict[str, dict[str, Model]] = {}
    for use in recipe.stages:
        found[use.name] = {}
        try:
            for name, reference in use.stage.models(use.config).items():
                path = resolve(expand(reference), base)
                sha256 = content_hash(path)
                found[use.name][name] = Model(reference, path, sha256, drawn_by(path, sha256))
            if use.stage.check is not None:
                use.stage.check(use.config, {name: model.path for name, model in found[use.name].items()})
        except InputError as error:
            raise InputError(f"stage {use.name}: {error}") from None
    return found


def provider_of(column: str, before: Sequence[StageUse]) -> StageUse | None:
    """The first of the stages `before` that decides document column `column`: it has the say."""
    return next((use for use in before if column in use.stage.provides), None)


def stage_keys(recipe: Recipe, source: Source, models: Models) -> dict[str, str]:
    """Key of every stage's signals on the shards of `source`, by stage."""
    keys: dict[str, str] = {}
    for index, use in enumerate(recipe.stages):
        before = recipe.stages[:index]
        _check_reads(use, before)
        keys[use.name] = key_of(
            use.stage.name,
            use.stage.version,
            use.config.model_dump(mode="json", exclude=set(use.stage.resolve_only)),
            {name: model.sha256 for name, model in models[use.name].items()},
            {column: _depends_on(column, source, before, keys) for column in use.stage.reads},
        )
    return keys


def _depends_on(column: str, source: Source, before: Sequence[StageUse], keys: Mapping[str, str]) -> Any:
    """What the value of `column` depends on after the stages `before`, beyond the shard itself."""

    def told_by(use: StageUse) -> Any:
        # A row outside the stage's `when` keeps its text and has no value: so `when` is part of it, and what
        # `when` looks at.
        earlier = before[: before.index(use)]
        when = {name: [rule.to_recipe(), _depends_on(name, source, earlier, keys)] for name, rule in use.when.items()}
        return [keys[use.name], when]

    if column == "text":
        return [told_by(use) for use in before if use.stage.spans is not None]
    if column in ("language", "category"):
        declared = None if getattr(source, column) == DETECT else getattr(source, column)
        provider = provider_of(column, before) if declared is None else None
        return [declared, told_by(provider) if provider else None]
    if column == "license":
        return source.license
    teller = next((use for use in before if column.startswith(f"{use.name}.")), None)
    return told_by(teller) if teller else None


def _check_reads(use: StageUse, before: Sequence[StageUse]) -> None:
    """A resolver's word on a document changes with every other one: nothing measured may hang on it."""
    if use.stage.spans is None and not use.stage.provides:
        return
    for column in use.when:
        for resolver in before:
            if resolver.stage.resolve is not None and column.startswith(f"{resolver.name}."):
                raise RecipeError(
                    f"stage {use.name}: `when` can't name {column}, since later stages measure what {use.name} "
                    f"changes. Allowed are document columns and signals of stages other than {resolver.name}"
                )


def reading_key(source: Source) -> str:
    """Identity of how a source is read: its texts and row-level facts, not what is said of it."""
    fields = (
        "name", "format", "split", "delimiter", "columns", "signals", "where", "sample_rate", "sample_seed", "limit",
        "max_document_bytes",
    )  # fmt: skip
    data = source.model_dump(mode="json")
    # A field that came later is part of it only where it says something: what was read before stays as it is.
    pairs: dict[str, Any] = {}
    if source.pairs is not None:
        tag = source.pairs.tag if source.language == DETECT else None
        cut = [model_hash()] if source.pairs.in_one_field else []
        pairs = {"pairs": [data["pairs"], list(source.pairs.columns), tag, *cut]}
    later = {name: data[name] for name in ("parts", "repair") if data[name]}
    return key_of("reading", 1, {name: data[name] for name in fields} | pairs | later)
