"""What of a release stays at home when it is handed on: text that may not be, and every file it could be read from.

A published copy lists those files in `withheld.json`, each with its checksum and the reason, and names their
documents in `withheld/SOURCE.csv` by id and address. The ledger holds no text and goes whole, so every number of
the release can still be counted from the copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.cards.paths import source_of
from tamis.cards.tally import UNKNOWN, row_groups
from tamis.corpus.commit import read_json
from tamis.corpus.manifest import CompositionRow, FileFacts, Manifest
from tamis.errors import InputError
from tamis.recipe.licenses import redistributable
from tamis.tokens.formats import FORMATS

LIST = "withheld.json"
FOLDER = "withheld"
COLUMNS = ("id", "language", "license", "url")
"""Columns of an id list."""


class Pair(NamedTuple):
    """The documents of one source in one language: what a shard holds."""

    source: str
    language: str


class WithheldFile(FileFacts):
    """A file that stays at home."""

    reason: str


class Withheld(BaseModel):
    """`withheld.json`: what the release has and its published copy has not."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    format: int = 1
    pairs: tuple[Pair, ...]
    """Source and language of the documents whose text is withheld."""
    files: tuple[WithheldFile, ...]


def read_withheld(release: Path) -> Withheld | None:
    """What a published copy withholds; None for a release that is whole. Raises InputError when it is damaged."""
    if not (release / LIST).is_file():
        return None
    try:
        return Withheld.model_validate(read_json(release / LIST))
    except (ValidationError, ValueError) as error:
        raise InputError(f"{release / LIST}: not a list of withheld files: {error}") from None


def pairs_withheld(release: Path) -> frozenset[Pair]:
    """Source and language of the documents whose text isn't in the folder, though the release has it."""
    found = read_withheld(release)
    return frozenset(found.pairs) if found is not None else frozenset()


def handed_on(manifest: Manifest, source: str, license_: str) -> bool:
    """May the text be handed on? What the recipe says of its source, else what the licence says."""
    declared = next(one for one in manifest.recipe["sources"] if one["name"] == source)
    said = declared.get("redistributable")
    return redistributable(license_) if said is None else bool(said)


def split(manifest: Manifest) -> tuple[frozenset[Pair], dict[Pair, list[CompositionRow]]]:
    """The pairs whose every released document has to be withheld; and those of which some may go and some may not,
    with the cells that may not."""
    cells: dict[Pair, dict[bool, list[CompositionRow]]] = {}
    for row in manifest.composition:
        if row.documents:
            allowed = handed_on(manifest, row.source, row.license)
            cells.setdefault(Pair(row.source, row.language), {}).setdefault(allowed, []).append(row)
    withheld = frozenset(pair for pair, by in cells.items() if set(by) == {False})
    return withheld, {pair: by[False] for pair, by in cells.items() if len(by) == 2}


def pair_of(path: str) -> Pair | None:
    """The pair whose text, or token ids, or places of them a file of a release holds; None for other files."""
    folder, *rest = path.split("/")
    if folder in ("data", "tokens", "documents") and len(rest) == 2 and path.endswith(".parquet"):
        return Pair(source_of(path), rest[0])
    # FORMAT/LANGUAGE/SOURCE--CATEGORY/00000...: the last `--` parts the two.
    if folder in FORMATS and len(rest) >= 3 and "--" in rest[1]:
        return Pair(rest[1].rpartition("--")[0], rest[0])
    return None


def id_list(manifest: Manifest, release: Path, source: str, pairs: Iterable[Pair]) -> Iterator[bytes]:
    """`withheld/SOURCE.csv`, a piece for each row group of the ledger: the withheld documents of one source."""
    languages = [pair.language for pair in pairs if pair.source == source]
    yield (",".join(COLUMNS) + "\n").encode()
    for file in manifest.files:
        if not file.path.startswith("ledger/") or source_of(file.path) != source:
            continue
        for table in row_groups(release / file.path, [*COLUMNS, "copies"]):
            rows = pl.DataFrame(table).with_columns(pl.col("language").fill_null(UNKNOWN))
            mine = rows.filter((pl.col("copies") > 0) & pl.col("language").is_in(languages)).select(COLUMNS)
            if mine.height:
                yield mine.write_csv(include_header=False, line_terminator="\n").encode()
