"""Earlier releases that phases take from: what their token files hold, and where trainers find them.

A release that weighs files of earlier ones tells of them in `documents/earlier.csv`: a row for each part, as the
earlier release counts it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tamis.corpus.manifest import NAME, Manifest, read_manifest
from tamis.engine.phases import Earlier
from tamis.recipe.mix import Mix
from tamis.tokens.formats.cells import PartFacts
from tamis.tokens.release import PARTS

EARLIER = "documents/earlier.csv"
_SAME = ("sha256", "end_of_document_id")


def earlier_releases(mix: Mix, base: Path, formats: Sequence[str], tokenizer: Mapping[str, Any]) -> dict[str, Earlier]:
    """The releases that phases of the mix name, by that name. A table of counts can't be rehearsed; one of a phase may
    count the recipe's own sources."""
    rehearsed = [phase.rehearsal.release for phase in mix.phases if phase.rehearsal is not None]
    counted = [phase.counts for phase in mix.phases if phase.counts is not None]
    found = {}
    for name in dict.fromkeys((*rehearsed, *counted)):
        folder = base / name
        if not (folder / NAME).is_file():
            if name in rehearsed:
                unfit = f"{name} is a table of counts: name the folder of a release to train on it"
                found[name] = Earlier("", (), unfit)
            continue
        manifest = read_manifest(folder)
        unfit = _unfit(name, folder, manifest, formats, tokenizer)
        where = mix.releases_at.get(name, f"../{manifest.name}-{manifest.version}").rstrip("/")
        found[name] = Earlier(where, () if unfit else tuple(read_parts(folder / PARTS)), unfit)
    return found


def _unfit(name: str, folder: Path, manifest: Manifest, formats: Sequence[str], tokenizer: Mapping[str, Any]) -> str:
    """Why its token files can't be weighed together with those of a release in these formats, or nothing."""
    lacking = [one for one in formats if not (folder / one).is_dir()]
    if lacking or not (folder / PARTS).is_file():
        return (
            f"{name} has no token files in the format {lacking[0] if lacking else formats[0]}: add it to "
            "release.formats of its recipe and run that again"
        )
    if any((manifest.tokenizer or {}).get(fact) != tokenizer.get(fact) for fact in _SAME):
        return f"{name} has token ids of another tokenizer: name its tokenizer/tokenizer.json in this recipe"
    return ""


def read_parts(path: Path) -> list[PartFacts]:
    """The parts of a release, from its `documents/parts.csv`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_part(row) for row in csv.DictReader(file)]


def _part(row: Mapping[str, str]) -> PartFacts:
    values: dict[str, Any] = {
        field.name: int(row[field.name]) if field.type == "int" else row[field.name]
        for field in fields(PartFacts)
        if field.name in row
    }
    return PartFacts(**values)


def parts_csv(parts: Sequence[PartFacts]) -> bytes:
    """`documents/parts.csv`; without a column for cuts where there are none."""
    names = [field.name for field in fields(PartFacts) if field.name != "cut" or any(part.cut for part in parts)]
    return _csv(names, [asdict(part) for part in parts])


def earlier_csv(earlier: Mapping[str, Earlier]) -> bytes:
    """`documents/earlier.csv`: `named` as in the recipe, `release` where trainers find it, and the part's columns."""
    names = ["named", "release", *(field.name for field in fields(PartFacts))]
    rows = [
        {"named": name, "release": one.where, **asdict(part)} for name, one in earlier.items() for part in one.parts
    ]
    return _csv(names, rows)


def read_earlier(path: Path) -> dict[str, Earlier]:
    """What `earlier_csv` wrote."""
    found: dict[str, Earlier] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            before = found.get(row["named"], Earlier(row["release"], ()))
            found[row["named"]] = Earlier(before.where, (*before.parts, _part(row)))
    return found


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
