"""The mix of a run: the tokens that passed, by cell, and the epochs that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from tamis.corpus.hashing import file_sha256
from tamis.engine.verdicts import Verdicts
from tamis.errors import InputError, RecipeError, did_you_mean
from tamis.mix.counts import Counts, counts_of
from tamis.mix.cuts import CELL, TOKENS, Cuts, cuts_of
from tamis.mix.foresight import Declared, check_mix_early
from tamis.mix.plan import MixPlan, plan
from tamis.mix.realised import Epochs, is_planned, realised
from tamis.mix.tables import tables_of
from tamis.mix.words import Unplannable
from tamis.recipe.mix import Mix
from tamis.recipe.model import DETECT, Recipe, Source


def check_mix(recipe: Recipe, base: Path) -> None:
    """Raises RecipeError when the mix plans in tokens and nothing counts any, when nothing measures what it cuts
    documents by, and when no counts could make it possible."""
    check_cuts(recipe)
    planned = is_planned(recipe.mix) or recipe.mix.long_cut is not None or recipe.mix.quality_cut is not None
    if planned and not any(use.name == "tokenize" for use in recipe.stages):
        raise RecipeError(
            "the mix plans in tokens (it has a size, shares, methods or caps), and nothing counts any. Add the stage "
            "tokenize, or say epochs alone (mix.default, epochs, languages, sources)"
        )
    # A table that isn't there is told as such.
    table_hashes(recipe.mix, base)
    with _explained():
        check_mix_early(recipe.mix, [_declared(source) for source in recipe.sources], base)


def check_cuts(recipe: Recipe) -> None:
    """Raises RecipeError when documents can't be cut as the mix says."""
    mix = recipe.mix
    for number, phase in enumerate(mix.phases):
        if phase in mix.own_phases and phase.long_documents is not None and phase.long_documents.lengths is not None:
            raise RecipeError(
                f"mix.phases.{number}.long_documents.lengths: a run counts the tokens of its own documents: leave the "
                "table out (`tamis mix` can plan from it)"
            )
    curve = mix.quality_cut
    if curve is None:
        return
    known = _numbers(recipe)
    if curve.signal is None:
        raise RecipeError(f"mix.quality: name the `signal` to cut by. There are: {', '.join(known) or 'none'}")
    if curve.signal not in known:
        raise RecipeError(
            f"mix.quality.signal: no stage and no source has a number or flag {curve.signal!r}."
            f"{did_you_mean(curve.signal, known)} There are: {', '.join(known) or 'none'}"
        )


def _numbers(recipe: Recipe) -> list[str]:
    """Signals that have an order, as columns."""
    found = [
        f"{use.name}.{column.name}"
        for use in recipe.stages
        for column in use.stage.adds
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)
    ]
    brought = {f"source.{name}" for one in recipe.sources for name, s in one.signals.items() if s.type != "string"}
    return [*dict.fromkeys((*sorted(brought), *found))]


def _declared(source: Source) -> Declared:
    """What a source says of all its documents."""
    language = None if "language" in source.columns or source.language == DETECT else source.language
    return Declared(source.name, language, None if "category" in source.columns else source.category)


def passed_counts(mix: Mix, verdicts: Sequence[Verdicts]) -> tuple[Cuts, Counts | None]:
    """How the rows that passed every rule are cut into cells, and tokens and documents by cell; None when nothing
    counts tokens."""
    if any(TOKENS not in one.frame.columns for one in verdicts):
        return Cuts(), None
    needed = list(dict.fromkeys([*CELL, TOKENS, *Cuts.by(mix).reads]))
    passed = [one.frame.select(needed).filter(pl.Series(one.alive)) for one in verdicts]
    cuts = cuts_of(mix, passed)
    parts = [
        cuts.of(rows)
        .with_columns(rows[TOKENS].cast(pl.Int64).fill_null(0).alias("tokens"))
        .group_by(cuts.key)
        .agg(pl.col("tokens").sum(), documents=pl.len())
        for rows in passed
    ]
    return cuts, counts_of(pl.concat(parts), "the documents that passed")


def mixed(recipe: Recipe, counts: Counts | None, base: Path, cuts: Cuts) -> Epochs:
    """Epochs of every cell, of the documents that passed. Raises RecipeError for what can't be planned."""
    with _explained():
        return realised(recipe.mix, counts, base, cuts)


def planned(recipe: Recipe, counts: Counts | None, base: Path) -> MixPlan | None:
    """The plan of all phases; None when nothing counts tokens. Raises RecipeError for what can't be planned."""
    with _explained():
        return None if counts is None else plan(recipe.mix, counts, base)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Unplannable as error:
        raise RecipeError(f"mix{''.join(f'.{part}' for part in error.path)}: {error}") from None


def table_hashes(mix: Mix, base: Path) -> dict[str, str]:
    """The content of every table that the mix names, by its path in the recipe: what a release hangs on besides the
    recipe's own text. Raises InputError when one isn't there."""
    found = {}
    for name in tables_of(mix):
        path = base / name
        path = path / "manifest.json" if path.is_dir() else path
        if not path.is_file():
            raise InputError(f"{path}: no such file. The mix names it: tables lie beside the recipe")
        found[name] = file_sha256(path)
    return found
