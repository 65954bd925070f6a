"""Do the trainers' token files hold the ids of the token shards, each document once and where the map says?

Files are read by their layouts, and compared with the token shards row group by row group; what is made of counts
(`documents/parts.csv`, blends) is made again from counts taken here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tamis.cards.check_shards import Rows
from tamis.cards.checks import Checks
from tamis.cards.compare import compare, one_array
from tamis.cards.paths import source_of
from tamis.cards.tally import NO_CATEGORY, row_groups
from tamis.corpus.hashing import file_sha256
from tamis.corpus.manifest import NAME, Manifest
from tamis.engine.earlier import EARLIER, read_earlier, read_parts
from tamis.engine.phases import Earlier, phases_of
from tamis.engine.trainer_files import described, vocabulary_of
from tamis.mix.cuts import COLUMNS, cut_name
from tamis.recipe.mix import Mix
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.cells import PartFacts, cell_name, part_name
from tamis.tokens.formats.contract import PartReader, Vocabulary
from tamis.tokens.release import PARTS

MAP = "documents"
_COLUMNS = ["id", "category", "copies", "input_ids", *COLUMNS.values()]
_MAP_COLUMNS = {
    "id": pa.string(),
    "part": pa.string(),
    "number": pa.int64(),
    "start": pa.int64(),
    "length": pa.int64(),
    "copies": pa.int32(),
}


def check_formats(manifest: Manifest, release: Path, checks: Checks) -> None:
    """Checks every token file of the formats that the recipe asks for, and that there are no others."""
    formats: Sequence[str] = manifest.recipe.get("release", {}).get("formats", [])
    listed = {file.path for file in manifest.files if file.path.partition("/")[0] in (*FORMATS, MAP)}
    if not formats or manifest.tokenizer is None:
        checks.equal(f"{NAME}: files (of trainer formats)", sorted(listed), [])
        return
    walk = _Walk(release, formats, vocabulary_of(manifest.tokenizer), checks)
    for language, source in _sources(manifest):
        walk.source(language, source, manifest)
    parts = sorted((part.facts() for part in walk.parts.values()), key=lambda part: part.part)
    for part in walk.parts.values():
        part.end(checks)
    mix = Mix.model_validate(manifest.recipe.get("mix", {}))
    earlier = read_earlier(release / EARLIER) if (release / EARLIER).is_file() else {}
    _earlier_holds(manifest, release, earlier, checks)
    told = described(parts, phases_of(parts, manifest.mix, mix, earlier), formats, walk.vocabulary)
    for path, content in told.items():
        if (release / path).is_file():
            _same_lines(path, (release / path).read_bytes(), content, checks)
    expected = set(told) | {path for path in listed if path.startswith(f"{MAP}/") and path.endswith(".parquet")}
    expected |= {path for part in walk.parts.values() for path in part.files(release)}
    for path in sorted(listed ^ expected):
        held = path in expected
        checks.holds(False, path, "no file" if held else "a file", "one of a format" if held else "none of a format")


def _earlier_holds(manifest: Manifest, release: Path, earlier: Mapping[str, Earlier], checks: Checks) -> None:
    """What is told of an earlier release is what that says, where it is at hand."""
    for name, one in earlier.items():
        folder = release / one.where
        if not (folder / NAME).is_file():
            continue
        checks.equal(f"{EARLIER}: {one.where}", file_sha256(folder / NAME), manifest.mix_tables.get(name))
        there = {part.part: part for part in read_parts(folder / PARTS)}
        for part in one.parts:
            checks.equal(f"{EARLIER}: {one.where}, {part.part}", part, there.get(part.part))


def _sources(manifest: Manifest) -> list[tuple[str, str]]:
    shards = (file.path for file in manifest.files if file.path.startswith("tokens/"))
    return sorted({(path.split("/")[1], source_of(path)) for path in shards})


def _same_lines(path: str, found: bytes, expected: bytes, checks: Checks) -> None:
    """Compares small text files; the first line that differs is named."""
    pairs = zip(found.split(b"\n"), expected.split(b"\n"), strict=False)
    for number, (left, right) in enumerate(pairs, 1):
        if left != right:
            checks.holds(False, f"{path}:{number}", left.decode(errors="replace"), right.decode())
            return
    checks.equal(f"{path} (bytes)", len(found), len(expected))


@dataclass
class _Part:
    """A part as the token shards have it, beside its files."""

    name: str
    language: str
    source: str
    category: str
    cut: str
    readers: dict[str, PartReader]
    """Format -> its files; one that can't be read is not among them."""
    formats: Sequence[str]
    documents: int = 0
    tokens: int = 0
    copies: int = 0
    mixed_tokens: int = 0
    empty: int = 0

    def facts(self) -> PartFacts:
        """What it holds, counted here."""
        cell = (self.language, self.source, self.category)
        return PartFacts(
            self.name, *cell, self.documents, self.tokens, self.copies, self.mixed_tokens, self.empty, self.cut
        )

    def files(self, release: Path) -> Iterator[str]:
        """The files that its formats make of it."""
        for name in self.formats:
            for suffix in FORMATS[name].suffixes:
                path = f"{name}/{self.name}{suffix}"
                if suffix.endswith("/"):
                    yield from (f"{path}{file.name}" for file in (release / path).glob("*"))
                else:
                    yield path

    def take(self, ids: npt.NDArray[Any], lengths: npt.NDArray[np.int64], copies: npt.NDArray[np.int64]) -> None:
        """Counts its next documents."""
        self.documents += len(lengths)
        self.tokens += len(ids)
        self.copies += int(copies.sum())
        self.mixed_tokens += int((copies * lengths).sum())
        self.empty += int((lengths == 1).sum())

    def compare(self, ids: npt.NDArray[Any], lengths: npt.NDArray[np.int64], end: Vocabulary, checks: Checks) -> None:
        """Compares its next documents with every format's."""
        first, count = self.documents, len(lengths)
        for name, reader in self.readers.items():
            place = f"{name}/{self.name}"
            there = reader.lengths[first : first + count]
            if not checks.holds(
                bool(np.array_equal(there, lengths)), f"{place} (lengths)", "other lengths", "those of the token shards"
            ):
                continue
            found = reader.ids(first, count)
            same = bool(np.array_equal(found, ids))
            checks.holds(same, f"{place} (ids)", "other ids", f"those of documents {first} to {first + count - 1}")
            largest, ends = int(found.max(initial=0)), int((found == end.end_of_document).sum())
            checks.holds(largest < end.size, f"{place} (largest id)", largest, f"below {end.size}")
            checks.equal(f"{place} (end-of-document ids)", ends, count)

    def end(self, checks: Checks) -> None:
        """Is there nothing behind the last document?"""
        for name, reader in self.readers.items():
            checks.equal(f"{name}/{self.name} (documents)", len(reader.lengths), self.documents)


def _kinds(table: pa.Table) -> pl.DataFrame:
    """Category, and what else makes the cell, of every row of a token shard."""
    columns = {column: table[name] for column, name in COLUMNS.items() if name in table.column_names}
    frame = pl.from_arrow(pa.table({"category": table["category"].cast(pa.string()), **columns}))
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col("category").fill_null(NO_CATEGORY))


def _named(kinds: pl.DataFrame) -> list[tuple[str, str]]:
    """The distinct ones, as category and cut."""
    rows = kinds.unique().rows(named=True)
    return sorted((row["category"], cut_name({k: row[k] for k in COLUMNS if k in row})) for row in rows)


class _Walk:
    """Goes through the token shards, the document map and every format's files in step."""

    def __init__(self, release: Path, formats: Sequence[str], vocabulary: Vocabulary, checks: Checks) -> None:
        self.release, self.formats, self.vocabulary, self.checks = release, formats, vocabulary, checks
        self.parts: dict[str, _Part] = {}

    def source(self, language: str, source: str, manifest: Manifest) -> None:
        """Walks one source in one language."""
        paths = {
            kind: sorted(
                file.path
                for file in manifest.files
                if file.path.startswith(f"{kind}/{language}/") and source_of(file.path) == source
            )
            for kind in ("tokens", MAP)
        }
        empty = pa.table({name: pa.array([], kind) for name, kind in _MAP_COLUMNS.items()})
        mapped = Rows((table for path in paths[MAP] for table in row_groups(self.release / path)), empty)
        for path in paths["tokens"]:
            start = 0
            for table in row_groups(self.release / path, _COLUMNS):
                told = mapped.take(table.num_rows)
                place = f"{MAP}/{language}/{source}-*.parquet (documents of {path})"
                if not self.checks.equal(place, told.num_rows, table.num_rows):
                    return
                self._row_group(language, source, path, start, table, told)
                start += table.num_rows
        self.checks.equal(f"{MAP}/{language}/{source}-*.parquet (rows left)", mapped.take(1).num_rows, 0)

    def _row_group(self, language: str, source: str, path: str, start: int, table: pa.Table, told: pa.Table) -> None:
        lists = one_array(table["input_ids"])
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        copies = table["copies"].to_numpy().astype(np.int64)
        place = f"{MAP}: row of {path}: row {{row}}, "
        for name, expected in (("id", table["id"]), ("copies", table["copies"]), ("length", pa.array(lengths))):
            compare(told[name], expected, start, place + name, self.checks)
        coded = one_array(told["part"]).dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        kinds = _kinds(table)
        for code, name in enumerate(coded.dictionary.to_pylist()):
            rows = np.flatnonzero(codes == code)
            part = self._part(language, source, name, _named(kinds[rows]), path)
            if part is None:
                continue
            here, ends = lengths[rows], np.cumsum(lengths[rows])
            # A row group of one part needs no copy of it.
            ids = (lists if len(rows) == len(lists) else lists.take(pa.array(rows))).flatten().to_numpy()
            expected = {
                "number": part.documents + np.arange(len(rows)),
                "start": part.tokens + ends - here,
            }
            for column, values in expected.items():
                held = np.array_equal(told[column].to_numpy()[rows], values)
                self.checks.holds(held, f"{place.format(row=start)}{column}", "another", f"its place in {name}")
            part.compare(ids, here, self.vocabulary, self.checks)
            part.take(ids, here, copies[rows])

    def _part(self, language: str, source: str, name: str, kinds: list[tuple[str, str]], path: str) -> _Part | None:
        """The part of that name, opened when it is first met; None where no such documents belong."""
        place = f"{MAP}: rows of {path}, part {name}"
        if not self.checks.equal(f"{place} (cells)", len(kinds), 1):
            return None
        if name not in self.parts:
            cell = cell_name(language, source, *kinds[0])
            number = sum(part.name.rpartition("/")[0] == cell for part in self.parts.values())
            if not self.checks.equal(place, name, part_name(cell, number)):
                return None
            readers = dict(self._readers(name))
            self.parts[name] = _Part(name, language, source, *kinds[0], readers, self.formats)
        part = self.parts[name]
        known = (part.language, part.source, part.category, part.cut)
        return part if self.checks.equal(place, (language, source, *kinds[0]), known) else None

    def _readers(self, name: str) -> Iterator[tuple[str, PartReader]]:
        for format_ in self.formats:
            try:
                yield format_, FORMATS[format_].reader(self.release / format_ / name, self.vocabulary)
                self.checks.made += 1
            except (OSError, ValueError, KeyError, IndexError) as error:
                self.checks.holds(False, f"{format_}/{name}", str(error), "files of the format's layout")
