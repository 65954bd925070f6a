"""The phases of a mix as trainers weigh them: by cell of the token files of a release, and of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tamis.mix.cells import REHEARSAL
from tamis.mix.cuts import Cuts, cut_name, cut_names
from tamis.mix.realised import released_phase
from tamis.mix.words import listed
from tamis.recipe.mix import Mix
from tamis.recipe.mix import Phase as Said
from tamis.tokens.formats.cells import PartFacts, cell_name, main_phase, weighted
from tamis.tokens.formats.contract import Phase, Weighted


@dataclass(frozen=True)
class Earlier:
    """An earlier release, of whose token files phases take a share."""

    where: str
    """Where trainers find it, seen from this release."""
    parts: tuple[PartFacts, ...]
    unfit: str = ""
    """Why its files can't be weighed, if they can't."""


@dataclass(frozen=True)
class Phases:
    """Phases that the token files of a release can be weighed for."""

    found: tuple[Phase, ...]
    left_out: tuple[str, ...]
    """A sentence for each of the others."""
    used: Mapping[str, Earlier]
    """The earlier releases that they take from, by the recipe's name for it, with the parts that are taken."""


def phases_of(
    parts: Sequence[PartFacts], plan: Mapping[str, Any] | None, mix: Mix, earlier: Mapping[str, Earlier]
) -> Phases:
    """Weights of every phase of a plan (as the manifest has it). The phase that the release realises weighs what its
    copies make, the others what is planned; so does it what it rehearses. Pure."""
    realised = main_phase(parts, released_phase(mix).name)
    found, left_out, used = [realised], [], dict[str, set[str]]()
    said = {phase.name: phase for phase in mix.phases}
    for planned in plan["phases"] if plan is not None else ():
        name = planned["name"]
        files = _Files(parts, mix, said.get(name), earlier)
        rows = [row for row in planned["sources"] if row["weighted_tokens"]]
        if name == realised.name:
            found[0] = replace(realised, in_turn=_in_turn(planned, files))
            rows = [row for row in rows if row["source"].startswith(REHEARSAL)]
            if not rows:
                continue
        why = files.lacking(rows)
        if why:
            left_out.append(f"phase {name}: no weights for {_of_what(name, realised)} are written, as {why}")
            continue
        for row in rows:
            release, cell = files.place(row)
            if release is not None:
                used.setdefault(release, set()).add(cell)
        if name == realised.name:
            found[0] = _rehearsing(found[0], planned, files.weighed(rows))
        else:
            cells = files.weighed(rows)
            found.append(Phase(name, planned["tokens"], cells, _in_turn(planned, files)))
    taken = {
        name: replace(earlier[name], parts=tuple(part for part in earlier[name].parts if part.cell in cells))
        for name, cells in sorted(used.items())
    }
    return Phases(tuple(found), tuple(left_out), taken)


def _of_what(name: str, realised: Phase) -> str:
    return "what it rehearses" if name == realised.name else "token files"


def _rehearsing(realised: Phase, planned: Mapping[str, Any], cells: tuple[Weighted, ...]) -> Phase:
    """The phase that the release realises, with what it rehearses: that keeps the share that is planned."""
    share = sum(row["weighted_tokens"] for row in planned["sources"] if row["source"].startswith(REHEARSAL))
    share /= planned["tokens"]
    own = tuple(replace(cell, share=cell.share * (1 - share)) for cell in realised.cells)
    others = tuple(replace(cell, share=cell.share * share) for cell in cells)
    # Of so many tokens, its own are those that the copies make.
    tokens = round(realised.tokens / (1 - share)) if share < 1 else planned["tokens"]
    return replace(realised, cells=(*own, *others), tokens=tokens)


class _Files:
    """The token files that a phase can take: those of the release, and of earlier ones."""

    def __init__(
        self, parts: Sequence[PartFacts], mix: Mix, phase: Said | None, earlier: Mapping[str, Earlier]
    ) -> None:
        self._parts, self._earlier = parts, earlier
        self._columns = {None: Cuts.by(mix).columns} | {
            name: cut_names(part.cut for part in one.parts) for name, one in earlier.items()
        }
        self._cells = {None: {part.cell for part in parts}} | {
            name: {part.cell for part in one.parts} for name, one in earlier.items()
        }
        self._rehearsed = phase.rehearsal.release if phase is not None and phase.rehearsal is not None else None
        self._counted = _counts_of(mix, phase)

    def place(self, row: Mapping[str, Any]) -> tuple[str | None, str]:
        """The earlier release that a row of the plan takes (None: this one), and the name of the cell in it."""
        source = source_of(row)
        release = self._rehearsed if source.startswith(REHEARSAL) else self._counted
        if release is not None and release not in self._earlier:
            release = None
        cut = {name: row[name] for name in self._columns[release]}
        if row["part"] is not None:
            cut = {"part": row["part"]} | cut
        name = source.removeprefix(REHEARSAL) if release is not None else source
        return release, cell_name(row["language"], name, row["category"], cut_name(cut))

    def lacking(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Why the phase can't be weighed, or nothing."""
        lacking: dict[str | None, set[str]] = {}
        for row in rows:
            release, cell = self.place(row)
            if release is not None and self._earlier[release].unfit:
                return self._earlier[release].unfit
            if cell not in self._cells[release]:
                lacking.setdefault(release, set()).add(cell)
        for release, cells in lacking.items():
            return f"it takes {listed(sorted(cells))}, of which {release or 'the release'} has no document"
        return ""

    def weighed(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Weighted, ...]:
        """The cells of these rows, their shares summing to 1."""
        weights: dict[tuple[str | None, str], int] = {}
        names: dict[tuple[str | None, str], str] = {}
        for row in rows:
            place = self.place(row)
            weights[place] = weights.get(place, 0) + row["weighted_tokens"]
            names[place] = self.name(row)
        total = sum(weights.values())
        found = [
            weighted(
                names[release, cell], weight / total, self._parts_of(release), cell,
                self._earlier[release].where if release is not None else "",
            )
            for (release, cell), weight in weights.items()
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda one: one.cell))

    def name(self, row: Mapping[str, Any]) -> str:
        """What the phase calls the cell of a row: as its place, but rehearsed sources are `rehearsal:NAME`."""
        release, cell = self.place(row)
        if release is None or not source_of(row).startswith(REHEARSAL):
            return cell
        language, _, rest = cell.partition("/")
        return f"{language}/{REHEARSAL}{rest}"

    def _parts_of(self, release: str | None) -> Sequence[PartFacts]:
        return self._parts if release is None else self._earlier[release].parts

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether there are files of a row."""
        release, cell = self.place(row)
        return cell in self._cells[release]


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    language, category, part, quality = key
    return language, category, part or "", -1.0 if quality is None else quality


def _counts_of(mix: Mix, phase: Said | None) -> str | None:
    """The counts that the phase, or the one it starts from, has of its own."""
    by_name = {one.name: one for one in mix.phases}
    while phase is not None and phase.from_ is not None:
        phase = by_name[phase.from_]
    return phase.counts if phase is not None else None


def source_of(row: Mapping[str, Any]) -> str:
    """The source of a row of a plan, without its part."""
    source: str = row["source"]
    return source if row["part"] is None else source.removesuffix(f":{row['part']}")


def _in_turn(phase: Mapping[str, Any], files: _Files) -> tuple[tuple[str, ...], ...]:
    """Cells of sources that differ by the year alone, in rising order, for each language, category, part and bucket
    of a series."""
    groups = []
    for series in phase["year_order"]:
        place = {source: number for number, source in enumerate(series)}
        rows = [row for row in phase["sources"] if source_of(row) in place and files.has(row)]
        alike: dict[tuple[Any, ...], dict[str, None]] = {}
        for row in sorted(rows, key=lambda row: place[source_of(row)]):
            key = tuple(row[name] for name in ("language", "category", "part", "quality"))
            alike.setdefault(key, {})[files.name(row)] = None
        groups += [tuple(names) for _, names in sorted(alike.items(), key=lambda item: _order(item[0]))]
    return tuple(group for group in groups if len(group) > 1)
