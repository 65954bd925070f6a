"""Token files for trainers, made of a release's token shards: one task reads some row groups of a source in a
language once, and writes their documents in every format that the recipe asks for.

The document map `documents/LANGUAGE/SOURCE-00000-of-000NN.parquet` has a row for each document, in the order of the
token shards: in which part it is, its number there, where it starts and how long it is, in tokens. Parts are cut at
the same documents in every format. `documents/parts.csv` counts what each part holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.corpus.commit import canonical_json, write_bytes
from tamis.engine.document_map import DocumentMap, lengths_of
from tamis.engine.earlier import EARLIER, earlier_csv, earlier_releases, parts_csv
from tamis.engine.phases import Phases, phases_of
from tamis.engine.release import file_entry
from tamis.engine.session import Session
from tamis.engine.tasks import Done
from tamis.errors import RecipeError, UserError
from tamis.kernels.buffers import one_chunk
from tamis.mix.cuts import COLUMNS, cut_name
from tamis.mix.epochs import NO_CATEGORY
from tamis.mix.plan import MixPlan
from tamis.recipe.model import Recipe
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.cells import PartFacts, cell_name, part_name
from tamis.tokens.formats.contract import Documents, Format, Ids, Lengths, PartWriter, Phase, Vocabulary
from tamis.tokens.formats.megatron import sequences
from tamis.tokens.release import PARTS, PHASES

PART_TOKENS = 2_000_000_000
"""Tokens of a part, at most: 4 GB of 2-byte ids, 8 GB of 4-byte ones. A document, and what the release wrote with it
in one row group, is not cut."""
_READ = ["id", "category", "copies", "input_ids", *COLUMNS.values()]


def check_formats(recipe: Recipe) -> None:
    """Raises RecipeError when the recipe asks for token files and makes no tokens."""
    formats = recipe.release.formats
    if formats and not (recipe.release.tokens and any(use.name == "tokenize" for use in recipe.stages)):
        raise RecipeError(
            f"release.formats is [{', '.join(formats)}], but nothing makes tokens. Add the stage tokenize and leave "
            "`release.tokens` true, or take `formats` out"
        )


@dataclass(frozen=True)
class Slice:
    """Row groups that one task reads: consecutive ones, of one source in one language."""

    language: str
    source: str
    number: int
    of: int
    row_groups: tuple[tuple[Path, int], ...]
    tokens: int
    rows: int
    parts: Mapping[str, int]
    """Kind -> number of the part that its documents here go to."""

    @property
    def map_path(self) -> str:
        """The slice's piece of the document map."""
        return f"documents/{self.language}/{self.source}-{self.number:05d}-of-{self.of:05d}.parquet"


def slices_of(root: Path, part_tokens: int = PART_TOKENS) -> list[Slice]:
    """Cuts the token shards of a release, in their order, into slices of at most `part_tokens` tokens. Footers and the
    columns that make cells are read, no token."""
    found = []
    for (language, source), paths in _shards(root).items():
        cut: list[list[_RowGroup]] = [[]]
        for group in (group for path in paths for group in _row_groups(path)):
            if cut[-1] and sum(other.tokens for other in cut[-1]) + group.tokens > part_tokens:
                cut.append([])
            cut[-1].append(group)
        next_part: dict[str, int] = {}
        for number, groups in enumerate(cut):
            parts = {}
            for kind in sorted({kind for group in groups for kind in group.kinds}):
                parts[kind] = next_part.get(kind, 0)
                next_part[kind] = parts[kind] + 1
            row_groups = tuple((group.path, group.number) for group in groups)
            tokens, rows = sum(group.tokens for group in groups), sum(group.rows for group in groups)
            found.append(Slice(language, source, number, len(cut), row_groups, tokens, rows, parts))
    return found


@dataclass(frozen=True)
class _RowGroup:
    path: Path
    number: int
    tokens: int
    rows: int
    kinds: frozenset[str]


def _shards(root: Path) -> dict[tuple[str, str], list[Path]]:
    """Token shards by language and source, in the order of their numbers."""
    found: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for path in sorted((root / "tokens").glob("*/*.parquet")):
        source, number, *_ = path.stem.rsplit("-", 3)
        found.setdefault((path.parent.name, source), []).append((int(number), path))
    return {key: [path for _, path in sorted(numbered)] for key, numbered in sorted(found.items())}


def _row_groups(path: Path) -> Iterator[_RowGroup]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        columns = [file.metadata.schema.column(number).path.partition(".")[0] for number in range(len(names))]
        for number in range(file.num_row_groups):
            metadata = file.metadata.row_group(number)
            # One value an id: no document is without.
            tokens = metadata.column(columns.index("input_ids")).num_values
            kinds = kinds_of(file.read_row_group(number, columns=["category", *COLUMNS.values()]))
            yield _RowGroup(path, number, tokens, metadata.num_rows, frozenset(pc.unique(kinds).to_pylist()))


def kinds_of(table: pa.Table) -> pa.ChunkedArray:
    """The kind of each row of a token shard, which tells its cells apart: `CATEGORY/CUT`, with an empty CUT where the
    mix doesn't cut."""
    kinds = pc.fill_null(table["category"].cast(pa.string()), NO_CATEGORY)
    columns = [column for column, name in COLUMNS.items() if name in table.column_names]
    if not columns:
        return pc.binary_join_element_wise(kinds, "", "/")
    cuts = pl.DataFrame({column: pl.from_arrow(table[COLUMNS[column]]) for column in columns})
    distinct = cuts.unique()
    named = distinct.with_columns(cut=pl.Series([cut_name(row) for row in distinct.iter_rows(named=True)]))
    joined = cuts.join(named, on=columns, how="left", maintain_order="left", nulls_equal=True)
    return pc.binary_join_element_wise(kinds, joined["cut"].to_arrow().cast(pa.string()), "/")


def trainer_files(
    session: Session, root: Path, tokenizer: Mapping[str, Any] | None, plan: MixPlan | None
) -> list[dict[str, Any]]:
    """Writes the token files that the recipe asks for into the release in the making; returns their manifest entries.

    Raises UserError, before anything is written, when a format can't hold what the release holds.
    """
    formats = session.recipe.release.formats
    if not formats or tokenizer is None:
        return []
    vocabulary = vocabulary_of(tokenizer)
    slices = slices_of(root)
    for name in formats:
        _check_room(FORMATS[name], slices, vocabulary)
    tasks = [FormatTask(one, tuple(formats), vocabulary, root) for one in slices]

    def count(done: Done) -> None:
        assert isinstance(done.task, FormatTask)
        session.work.add("formats", done.task.slice.rows, done.task.bytes, done.seconds)

    results: list[FormatResult] = session.run_tasks("formats", tasks, count)
    parts = sorted((part for result in results for part in result.parts), key=lambda part: part.part)
    mix = session.recipe.mix
    earlier = earlier_releases(mix, session.base, formats, tokenizer)
    phases = phases_of(parts, plan.to_json() if plan is not None else None, mix, earlier)
    for sentence in phases.left_out:
        session.reporter.warn(sentence)
    told = described(parts, phases, formats, vocabulary)
    for path, content in told.items():
        write_bytes(root / path, content)
    return [entry for result in results for entry in result.entries] + [file_entry(root, root / path) for path in told]


def vocabulary_of(tokenizer: Mapping[str, Any]) -> Vocabulary:
    """What formats need to know of a manifest's tokenizer."""
    return Vocabulary(tokenizer["vocabulary_size"], tokenizer["end_of_document_id"])


def described(
    parts: Sequence[PartFacts], phases: Phases, formats: Sequence[str], vocabulary: Vocabulary
) -> dict[str, bytes]:
    """The files that are made of the parts' counts alone, by path: the counts, and every format's blends."""
    found = {PARTS: parts_csv(parts), PHASES: _phases_json(phases.found)}
    if phases.used:
        found[EARLIER] = earlier_csv(phases.used)
    for name in formats:
        for phase in phases.found:
            found |= FORMATS[name].blend(phase, vocabulary)
    if "megatron" in formats:
        others = [(f"{one.where}/megatron/{p.part}", p.documents) for one in phases.used.values() for p in one.parts]
        found |= sequences([*((f"megatron/{part.part}", part.documents) for part in parts), *others])
    return found


def _phases_json(phases: Sequence[Phase]) -> bytes:
    told = [
        {
            "name": phase.name,
            "tokens": phase.tokens,
            "cells": {cell.cell: cell.share for cell in phase.cells},
            "in_turn": phase.in_turn,
            **_elsewhere(phase),
        }
        for phase in phases
    ]
    return canonical_json(told, indent=True) + b"\n"


def _elsewhere(phase: Phase) -> dict[str, Any]:
    """Which cells are of an earlier release, and where that has them."""
    others = {cell.cell: {"release": cell.release, "cell": cell.stem} for cell in phase.cells if cell.release}
    return {"elsewhere": others} if others else {}


def _check_room(format_: Format, slices: Sequence[Slice], vocabulary: Vocabulary) -> None:
    limit = format_.longest(vocabulary)
    for one in slices:
        for path, number in one.row_groups:
            longest, name = _longest(path, number, limit)
            if longest > limit:
                raise UserError(
                    f"document {name} has {longest} tokens; a document of the format {format_.name} has {limit} at "
                    f"most. Keep it out with a rule (`tokenize: {{keep: {{tokens: [null, {limit}]}}}}`), or take "
                    f"{format_.name} out of release.formats"
                )
    parts = sum(len(one.parts) for one in slices)
    if format_.parts is not None and parts > format_.parts:
        raise UserError(
            f"the release has {parts} parts (language, source and category each, of {PART_TOKENS} tokens at most); "
            f"a trainer that reads the format {format_.name} weighs {format_.parts} at most. Join sources or "
            f"categories, or take {format_.name} out of release.formats"
        )


def _longest(path: Path, number: int, limit: int) -> tuple[int, str]:
    """Tokens of a row group's longest document, and its id where it is longer than `limit`."""
    with pq.ParquetFile(path) as file:
        metadata = file.metadata.row_group(number)
        column = metadata.column(file.schema_arrow.get_field_index("n_tokens"))
        if column.statistics is not None and column.statistics.max <= limit:
            return int(column.statistics.max), ""
        table = file.read_row_group(number, columns=["id", "n_tokens"])
        lengths = table["n_tokens"].to_numpy()
        row = int(np.argmax(lengths))
        return int(lengths[row]), table["id"][row].as_py()


@dataclass(frozen=True)
class FormatResult:
    """What came of a task."""

    entries: list[dict[str, Any]]
    """Manifest entries of its files."""
    parts: list[PartFacts]


@dataclass(frozen=True)
class FormatTask:
    """Writes the parts of one slice in every format, and its piece of the document map."""

    slice: Slice
    formats: tuple[str, ...]
    vocabulary: Vocabulary
    root: Path

    @property
    def label(self) -> str:
        """`formats LANGUAGE/SOURCE`, and which of several."""
        more = f" {self.slice.number + 1}/{self.slice.of}" if self.slice.of > 1 else ""
        return f"formats {self.slice.language}/{self.slice.source}{more}"

    @property
    def bytes(self) -> int:
        """Bytes of the token ids that are read."""
        return self.slice.tokens * self.vocabulary.type.itemsize

    def run(self) -> FormatResult:
        """Writes the files; they take their places when all are written."""
        with ExitStack() as stack:
            parts = {kind: self._part(kind, number, stack) for kind, number in self.slice.parts.items()}
            document_map = DocumentMap(self.root / self.slice.map_path)
            stack.callback(document_map.discard)
            for table in self._tables():
                for kind, documents, copies in _by_kind(table):
                    parts[kind].add(documents, copies)
                document_map.add(table, parts)
            paths = [path for part in parts.values() for writer in part.writers for path in writer.close()]
            paths.append(document_map.close())
        return FormatResult(
            [file_entry(self.root, path) for path in paths],
            [part.facts(self.slice, kind) for kind, part in parts.items()],
        )

    def _part(self, kind: str, number: int, stack: ExitStack) -> _Part:
        category, _, cut = kind.rpartition("/")
        name = part_name(cell_name(self.slice.language, self.slice.source, category, cut), number)
        writers = [FORMATS[one].writer(self.root / one / name, self.vocabulary) for one in self.formats]
        for writer in writers:
            stack.callback(writer.discard)
        return _Part(name, writers)

    def _tables(self) -> Iterator[pa.Table]:
        path, file = None, None
        for path_, number in self.slice.row_groups:
            if path_ != path:
                path, file = path_, pq.ParquetFile(path_)
            assert file is not None
            table = file.read_row_group(number, columns=_READ, use_threads=False)
            yield table.append_column("kind", kinds_of(table))


class _Part:
    """A part in the making: its writers, and what they have been given so far."""

    def __init__(self, name: str, writers: list[PartWriter]) -> None:
        self.name, self.writers = name, writers
        self.mapped, self.mapped_tokens = 0, 0
        """Documents and tokens that the document map tells of so far."""
        self._sums = dict.fromkeys(("documents", "tokens", "copies", "mixed_tokens", "empty"), 0)

    def add(self, documents: Documents, copies: npt.NDArray[np.int64]) -> None:
        for writer in self.writers:
            writer.add(documents)
        lengths = documents.lengths
        found = (len(lengths), lengths.sum(), copies.sum(), (copies * lengths).sum(), (lengths == 1).sum())
        for name, more in zip(self._sums, found, strict=True):
            self._sums[name] += int(more)

    def facts(self, of: Slice, kind: str) -> PartFacts:
        """What it holds."""
        category, _, cut = kind.rpartition("/")
        return PartFacts(self.name, of.language, of.source, category, **self._sums, cut=cut)


def _by_kind(table: pa.Table) -> Iterator[tuple[str, Documents, npt.NDArray[np.int64]]]:
    """The documents of a row group, kind by kind, in their order."""
    coded = one_chunk(table["kind"]).dictionary_encode()
    kinds, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    names, copies, lengths = one_chunk(table["id"]), table["copies"].to_numpy().astype(np.int64), lengths_of(table)
    ids = one_chunk(table["input_ids"]).flatten().to_numpy()
    if len(kinds) > 1:
        order = np.argsort(codes, kind="stable")
        names, copies = names.take(pa.array(order)), copies[order]
        ids, lengths = _reordered(ids, lengths, order), lengths[order]
    row, at = 0, 0
    for kind, count in zip(kinds, np.bincount(codes), strict=True):
        rows = slice(row, row + count)
        stop = at + int(lengths[rows].sum())
        yield kind, Documents(names[rows], ids[at:stop], lengths[rows]), copies[rows]
        row, at = row + count, stop


def _reordered(ids: Ids, lengths: Lengths, order: npt.NDArray[np.int64]) -> Ids:
    """The ids of documents in another order."""
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]) * ids.itemsize
    # As bytes: Arrow moves a whole row of these at once, a list's values one by one.
    rows = pa.Array.from_buffers(pa.large_binary(), len(lengths), [None, pa.py_buffer(ends), pa.py_buffer(ids)])
    return np.frombuffer(rows.take(pa.array(order)).buffers()[2], ids.dtype)
