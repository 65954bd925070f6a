"""What of a mix can't be planned whatever the counts turn out to be: told before any text is read.

Of each source it is known which languages and categories its documents can have: those it declares, or any that the
mix names. A phase is planned as if every such cell had more tokens than it needs: what can't hold then, never can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import polars as pl

from tamis.errors import did_you_mean
from tamis.mix.cells import REHEARSAL
from tamis.mix.counts import SCHEMA, Counts, counts_of, read_counts
from tamis.mix.csv_table import read_shares
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN, weight
from tamis.mix.plan import AXES, plan, weighting_of
from tamis.mix.words import Unplannable, amount, listed
from tamis.recipe.mix import MAIN, Axis, EpochCaps, Mix, Phase, Weighting, fraction

_MOST_CELLS = 5000
"""With more that might be, no plan is tried."""
_SIZE = 10**9
"""Tokens of a phase that has no size: any would do."""


@dataclass(frozen=True)
class Declared:
    """A source, as its recipe declares it."""

    name: str
    language: str | None
    """Of all its documents; None where they have their own."""
    category: str | None


def check_mix_early(mix: Mix, sources: Sequence[Declared], base: Path) -> None:
    """Raises Unplannable for a phase that can't be planned from documents of these sources, InputError for a table
    that is wrong."""
    own = mix.own_phases
    phases = mix.phases or (Phase(name=MAIN),)
    for at, phase in enumerate(phases):
        where = ("phases", at) if mix.phases else ()
        try:
            if phase in own or not mix.phases:
                _check(mix, phase, sources, base)
        except Unplannable as error:
            raise Unplannable((*where, *error.path), f"phase {phase.name}: {error}") from None
    # Those of other sources have counts already.
    others = [(at, phase) for at, phase in enumerate(phases) if mix.phases and phase not in own]
    try:
        if others:
            plan(mix.model_copy(update={"phases": tuple(phase for _, phase in others)}), _counts([]), base)
    except Unplannable as error:
        _, number, *rest = error.path
        raise Unplannable(("phases", others[int(number)][0], *rest), str(error)) from None


def _check(mix: Mix, phase: Phase, sources: Sequence[Declared], base: Path) -> None:
    weighting = weighting_of(mix, phase)
    rehearsed = _rehearsed(phase, base)
    _check_sources(mix, weighting, [*(one.name for one in sources), *rehearsed, *_counted(mix, base)])
    cells = _cells(weighting, sources, base)
    if phase.tokens is None and phase.samples is None and phase.from_ is None:
        _check_epochs(weighting, cells)
    if rehearsed or len(cells) > _MOST_CELLS or mix.on_infeasible == "relax":
        return
    for place, axis in enumerate(("source", "language", "category")):
        _check_values(axis, getattr(weighting, axis), {cell[place] for cell in cells})
    _try(phase, weighting, cells, base)


def _rehearsed(phase: Phase, base: Path) -> list[str]:
    """Sources of the release that it rehearses."""
    if phase.rehearsal is None:
        return []
    cells = read_counts(base / phase.rehearsal.release, released=True).cells
    return [REHEARSAL + name for name in cells["source"].unique().to_list()]


def _counted(mix: Mix, base: Path) -> list[str]:
    """Sources of phases with counts of their own."""
    tables = [phase.counts for phase in mix.phases if phase.counts is not None]
    return [name for table in tables for name in read_counts(base / table, released=True).cells["source"].to_list()]


def _check_sources(mix: Mix, weighting: Weighting, known: Sequence[str]) -> None:
    axis = weighting.source
    for path, names in (
        (("sources",), weighting.sources),
        (("max_epochs", "sources"), weighting.max_epochs.sources),
        *((("source", part), getattr(axis, part)) for part in ("shares", "floors", "caps", "weights")),
    ):
        for name in names:
            if name not in known:
                raise Unplannable((*path, name), f"no source is called {name!r}.{did_you_mean(name, known)}")


def _cells(weighting: Weighting, sources: Sequence[Declared], base: Path) -> list[tuple[str, str, str]]:
    """Source, language and category of all cells that may be."""
    keys = [key.partition("--") for key in (*weighting.epochs, *weighting.max_epochs.cells)]
    languages = {
        UNKNOWN,
        *weighting.languages,
        *(key[0] for key in keys),
        *_named(weighting.language, "language", base),
    }
    categories = {NO_CATEGORY, *(key[2] for key in keys), *_named(weighting.category, "category", base)}
    return [
        (one.name, language, category)
        for one in sources
        for language, category in product(
            sorted(languages) if one.language is None else (one.language,),
            sorted(categories) if one.category is None else (one.category,),
        )
    ]


def _named(axis: Axis, name: str, base: Path) -> Iterable[str]:
    """Values that an axis names."""
    yield from (*axis.shares, *axis.floors, *axis.caps, *axis.weights)
    for table in (axis.shares_from, axis.weights_from):
        if table is not None:
            yield from read_shares(base / table, name)


def _check_epochs(weighting: Weighting, cells: Sequence[tuple[str, str, str]]) -> None:
    """Explicit epochs of a phase without a size are what they say."""
    caps = weighting.max_epochs
    if caps.error is None:
        return
    often: list[str] = []
    for source, language, category in cells:
        key = f"{language}--{category}"
        most = max(caps.error, caps.sources.get(source, caps.cells.get(key, 0.0)))
        epochs = weight(weighting, source, language, category)
        if epochs > most and min(caps.sources.get(source, caps.cells.get(key, caps.default or epochs)), epochs) > most:
            often.append(f"{source} ({language}, {category}) {epochs:g} epochs")
    if often:
        raise Unplannable(
            ("max_epochs",),
            f"cells would be seen more than {caps.error:g} times: {listed(often)}. Repeating text more than 16 "
            "times brings next to nothing (Muennighoff et al. 2023): lower their epochs, allow it in "
            "max_epochs.sources or max_epochs.cells, or set max_epochs.error",
        )


def _check_values(name: str, axis: Axis, known: set[str]) -> None:
    for kind, rules in (("shares", axis.shares), ("floors", axis.floors)):
        for value, share in rules.items():
            if fraction(share) > 0 and value not in known:
                raise Unplannable(
                    (name, kind, value),
                    f"{name} {value} is to have a share, and no source can have documents of it."
                    f"{did_you_mean(value, known)}",
                )


def _try(phase: Phase, weighting: Weighting, cells: Sequence[tuple[str, str, str]], base: Path) -> None:
    """Plans the phase from cells that have more than it needs, by the rules that no count can change."""
    size = phase.tokens or (phase.samples or 0) * (phase.sequence_length or 0) or _SIZE
    caps = weighting.max_epochs
    never = EpochCaps(
        default=0.0 if caps.default == 0 else None,
        sources={name: most if most == 0 else 4.0 for name, most in caps.sources.items()},
        cells={name: most if most == 0 else 4.0 for name, most in caps.cells.items()},
        error=None,
    )
    axes = {name: getattr(weighting, name).model_copy(update={"hold": False}) for name in AXES}
    chosen = {name: getattr(weighting, name) for name in Weighting.model_fields}
    alone = Phase(
        name=phase.name, tokens=size, years=phase.years, **chosen | axes | {"quality": None, "max_epochs": never}
    )
    try:
        plan(Mix(phases=(alone,)), _counts([(*cell, size) for cell in cells]), base)
    except Unplannable as error:
        sentence = str(error).removeprefix(f"phase {phase.name}: ")
        if phase.tokens is None and phase.samples is None:
            sentence += f". (The phase has no size: amounts are as if it had {amount(_SIZE)} tokens)"
        raise Unplannable(error.path[2:], sentence) from None


def _counts(cells: Sequence[tuple[str, str, str, int]]) -> Counts:
    """Counts of cells, whatever they sum to."""
    names = ("source", "language", "category", "tokens")
    frame = pl.DataFrame(list(cells), schema={name: SCHEMA[name] for name in names}, orient="row")
    # Zeros go through the checks of real counts; the tokens then stand for any.
    found = counts_of(frame.with_columns(tokens=pl.lit(0, pl.Int64)), "the recipe's sources")
    joined = found.cells.drop("tokens").join(frame, on=names[:3], how="left", maintain_order="left")
    return Counts(joined.select(*SCHEMA), found.name)
