"""The phases of a mix as trainers weigh them: by cell of the token files of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from tamis.mix.realised import released_phase
from tamis.mix.words import listed
from tamis.recipe.mix import Mix
from tamis.tokens.formats.cells import PartFacts, cell_name, main_phase, phase_of
from tamis.tokens.formats.contract import Phase


@dataclass(frozen=True)
class Phases:
    """Phases that the token files of a release can be weighed for."""

    found: tuple[Phase, ...]
    left_out: tuple[str, ...]
    """A sentence for each of the others."""


def phases_of(parts: Sequence[PartFacts], plan: Mapping[str, Any] | None, mix: Mix) -> Phases:
    """Weights of every phase of a plan (as the manifest has it). The phase that the release realises weighs what its
    copies make, the others what is planned. Pure."""
    realised = main_phase(parts, released_phase(mix).name)
    found, left_out = [realised], []
    cells = {part.cell for part in parts}
    for phase in plan["phases"] if plan is not None else ():
        if phase["name"] == realised.name:
            found[0] = replace(realised, in_turn=_in_turn(phase, cells))
            continue
        weights: dict[str, int] = {}
        for row in phase["sources"]:
            name = cell_name(row["language"], row["source"], row["category"])
            weights[name] = weights.get(name, 0) + row["weighted_tokens"]
        lacking = sorted(name for name, weight in weights.items() if weight and name not in cells)
        cut = any(row["part"] is not None and row["weighted_tokens"] for row in phase["sources"])
        if lacking or cut:
            why = (
                f"it takes {listed(lacking)}, of which the release has no document"
                if lacking
                else "it weighs long documents and short ones of a source differently, which lie in one file here"
            )
            left_out.append(f"phase {phase['name']}: no weights for token files are written, as {why}")
            continue
        made = phase_of(phase["name"], parts, weights, phase["tokens"])
        found.append(replace(made, in_turn=_in_turn(phase, cells)))
    return Phases(tuple(found), tuple(left_out))


def _in_turn(phase: Mapping[str, Any], cells: AbstractSet[str]) -> tuple[tuple[str, ...], ...]:
    """Cells of sources that differ by the year alone, in rising order, for each language and category of a series."""
    groups = []
    for series in phase["year_order"]:
        place = {source: number for number, source in enumerate(series)}
        rows = sorted((row for row in phase["sources"] if row["source"] in place), key=lambda r: place[r["source"]])
        for language, category in sorted({(row["language"], row["category"]) for row in rows}):
            names = dict.fromkeys(
                cell_name(language, row["source"], category)
                for row in rows
                if (row["language"], row["category"]) == (language, category)
            )
            groups.append(tuple(name for name in names if name in cells))
    return tuple(group for group in groups if len(group) > 1)
