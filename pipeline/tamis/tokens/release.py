"""The token files of a release, opened for training: its cells, and what each phase of its mix weighs them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from tamis.corpus.commit import read_json
from tamis.corpus.hashing import uniform
from tamis.corpus.manifest import NAME, Manifest, read_manifest
from tamis.errors import InputError, OptionError, did_you_mean
from tamis.tokens.cells import Cell, MappedIds, TokenFile
from tamis.tokens.formats import FORMATS
from tamis.tokens.formats.contract import Vocabulary
from tamis.tokens.formats.files import FlatPart
from tamis.tokens.packing import Packing
from tamis.tokens.stream import Stream, StreamOptions

FLAT = ("megatron", "npy", "ds")
"""Formats in which ids lie end to end: these can be mapped."""
PARTS = "documents/parts.csv"
PHASES = "documents/phases.json"
_HELD_OUT, _SAMPLED = "held out", "sampled"


@dataclass(frozen=True)
class OpenedRelease:
    """One phase of a release's mix, and the cells it weighs."""

    root: Path
    manifest: Manifest
    phase: str
    weights: Mapping[str, float]
    """By cell, `LANGUAGE/SOURCE--CATEGORY`: its share of the phase's tokens."""
    tokens: int
    """Tokens of the phase, repeats counted."""
    in_turn: tuple[tuple[str, ...], ...] = ()
    """Groups of cells that come one after the other: years in rising order."""
    elsewhere: Mapping[str, tuple[TokenFiles, str]] = field(default_factory=dict)
    """Cells of earlier releases: their files, and the cell's name there."""

    @property
    def vocabulary(self) -> int:
        """Size of the tokenizer's vocabulary: ids are below it."""
        return int(self._tokenizer.size)

    @property
    def end_of_document(self) -> int:
        """The id that ends every document."""
        return self._tokenizer.end_of_document

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The cells that the phase weighs, by name."""
        return {cell: files.cell(name, cell) for cell, (files, name) in self._places.items()}

    def stream(
        self,
        sequence_length: int,
        tokens: int | None = None,
        seed: int = 0,
        packing: Packing = "concatenate",
        held_out: float = 0.0,
        documents: int | None = None,
        match_repeats: bool = False,
    ) -> Stream:
        """The samples of a training run: of as many tokens as the phase has, unless `tokens` says how many.

        `held_out`: share of the documents, chosen by a hash of their ids, that training doesn't see;
        `held_out_stream` has them. `documents`: train on so many documents of each cell alone.

        `match_repeats`: with fewer `tokens` than the phase has, take as large a part of every cell's documents, so
        that each is seen as often as in the whole phase, to within one document of a cell. It is drawn by a hash of
        their ids: a smaller part lies within a larger one. From what is held out, nothing is made up for: where the
        documents that are left are fewer than that part, they are all taken.
        """
        part = min(1.0, tokens / self.tokens) if match_repeats and tokens else 1.0
        cells = []
        for cell in self.cells.values():
            kept = np.ones(len(cell.lengths), bool)
            if held_out:
                kept &= self._hashes(cell.name) >= held_out
            if part < 1:
                kept &= sampled(cell.lengths, self._hashes(cell.name, _SAMPLED), kept, part * cell.tokens)
            if documents is not None:
                kept &= np.cumsum(kept) <= documents
            cells.append(cell if kept.all() else cell.only(kept))
        weights = [self.weights[cell.name] if cell.tokens else 0.0 for cell in cells]
        options = StreamOptions(sequence_length, seed, packing, self._tokenizer.end_of_document, self.in_turn)
        return Stream(cells, weights, tokens or self.tokens, options)

    def held_out_stream(self, sequence_length: int, share: float) -> Stream:
        """The documents held out, packed whole; each cell weighs what it has."""
        some = self.held_out_cells(share)
        options = StreamOptions(sequence_length, 0, "best_fit", pad_id=self._tokenizer.end_of_document)
        tokens = sum(cell.tokens for cell in some)
        return Stream(some, [cell.tokens for cell in some], max(tokens, sequence_length), options)

    def held_out_cells(self, share: float, most: int | None = None) -> list[Cell]:
        """The documents held out, by cell: all, or of each about `most` tokens. Raises OptionError when
        there are none."""
        cells = []
        for cell in self.cells.values():
            hashes = self._hashes(cell.name)
            out = hashes < share
            cells.append(cell.only(out if most is None else sampled(cell.lengths, hashes, out, most)))
        some = [cell for cell in cells if cell.tokens]
        if not some:
            raise OptionError(f"no document is held out at a share of {share:g}: hold out more")
        return some

    @cached_property
    def _places(self) -> dict[str, tuple[TokenFiles, str]]:
        """Where each cell's files are, and what it is called there."""
        own = TokenFiles(self.root, self._tokenizer)
        return {cell: self.elsewhere.get(cell, (own, cell)) for cell in self.weights}

    def _hashes(self, cell: str, purpose: str = _HELD_OUT) -> npt.NDArray[np.float64]:
        """A number from 0 to 1 for each document of the cell, by its id and the purpose alone."""
        files, name = self._places[cell]
        return files.hashes(name, purpose)

    @property
    def _tokenizer(self) -> Vocabulary:
        return vocabulary_of(self.manifest)


@dataclass(frozen=True)
class TokenFiles:
    """The token files of one release."""

    root: Path
    vocabulary: Vocabulary
    _hashed: dict[str, dict[str, npt.NDArray[np.float64]]] = field(default_factory=dict)

    def cell(self, cell: str, name: str) -> Cell:
        """A cell, under the name that a phase gives it."""
        format_ = next(format_ for format_ in FLAT if (self.root / format_).is_dir())
        return Cell.of(name, [self._file(format_, part) for part in self._parts[cell]])

    @cached_property
    def _parts(self) -> dict[str, list[str]]:
        """The parts of each cell, in their order."""
        with (self.root / PARTS).open(encoding="utf-8", newline="") as file:
            found: dict[str, list[str]] = {}
            for row in csv.DictReader(file):
                found.setdefault(row["part"].rpartition("/")[0], []).append(row["part"])
        return {cell: sorted(parts) for cell, parts in found.items()}

    def _file(self, name: str, part: str) -> TokenFile:
        stem = self.root / name / part
        try:
            found = FORMATS[name].reader(stem, self.vocabulary)
        except (ValueError, OSError) as error:
            raise InputError(f"{stem}: {error}. `tamis verify {self.root}` tells more") from error
        assert isinstance(found, FlatPart)
        return TokenFile(str(found.path), MappedIds(found.path, found.type.str), np.cumsum(found.lengths))

    def hashes(self, cell: str, purpose: str) -> npt.NDArray[np.float64]:
        """A number from 0 to 1 for each document of the cell, by its id and the purpose alone."""
        by_part = self._hashes_of_parts(purpose)
        return np.concatenate([by_part[part] for part in self._parts[cell]])

    def _hashes_of_parts(self, purpose: str) -> dict[str, npt.NDArray[np.float64]]:
        if purpose not in self._hashed:
            self._hashed[purpose] = self._read_hashes(purpose)
        return self._hashed[purpose]

    def _read_hashes(self, purpose: str) -> dict[str, npt.NDArray[np.float64]]:
        rows: dict[str, list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]] = {}
        for path in sorted((self.root / "documents").glob("*/*.parquet")):
            table = pq.read_table(path, columns=["id", "part", "number"])
            numbers, hashes = table["number"].to_numpy(), uniform(table["id"].combine_chunks(), 0, purpose)
            coded = table["part"].combine_chunks().dictionary_encode()
            for code, part in enumerate(coded.dictionary.to_pylist()):
                here = coded.indices.to_numpy() == code
                rows.setdefault(part, []).append((numbers[here], hashes[here]))
        found = {}
        for part, pieces in rows.items():
            order = np.argsort(np.concatenate([numbers for numbers, _ in pieces]))
            found[part] = np.concatenate([hashes for _, hashes in pieces])[order]
        return found


def vocabulary_of(manifest: Manifest) -> Vocabulary:
    """The ids that a release's token files are made of."""
    facts = manifest.tokenizer
    assert facts is not None
    return Vocabulary(facts["vocabulary_size"], facts["end_of_document_id"])


def sampled(
    lengths: npt.NDArray[np.int64], hashes: npt.NDArray[np.float64], among: npt.NDArray[np.bool_], tokens: float
) -> npt.NDArray[np.bool_]:
    """A mask of the documents `among` which, in the order of their hashes, have nearest to so many tokens: one at
    least. So a smaller sample is part of a larger one. All arrays have an entry a document."""
    order = np.argsort(hashes, kind="stable")
    order = order[among[order]]
    middles = np.cumsum(lengths[order]) - lengths[order] / 2
    mask = np.zeros(len(lengths), bool)
    mask[order[middles < tokens]] = True
    mask[order[:1]] = True
    return mask


def open_release(root: Path, phase: str = "main", releases_at: Mapping[str, Path] | None = None) -> OpenedRelease:
    """Opens the token files of a release for one phase of its mix. What the phase takes from earlier releases lies
    where the release says, seen from its folder, unless `releases_at` tells another place of it.

    Raises InputError when a release isn't there or has no files that can be mapped, OptionError for a phase it doesn't
    have."""
    manifest = _with_files(root)
    phases = {one["name"]: one for one in read_json(root / PHASES)}
    if phase not in phases:
        raise OptionError(f"{root} has no phase {phase!r}.{did_you_mean(phase, phases)} It has: {', '.join(phases)}")
    chosen = phases[phase]
    in_turn = tuple(map(tuple, chosen["in_turn"]))
    others = _elsewhere(root, manifest, phase, chosen.get("elsewhere", {}), releases_at or {})
    return OpenedRelease(
        root, manifest, phase, dict(sorted(chosen["cells"].items())), chosen["tokens"], in_turn, others
    )


def _with_files(root: Path) -> Manifest:
    """The manifest of a release whose token files can be mapped."""
    manifest = read_manifest(root)
    if manifest.tokenizer is None or not any((root / name).is_dir() for name in FLAT):
        raise InputError(
            f"{root} has no token files to train on. Add `release: {{formats: [megatron]}}` to its recipe (or one of "
            f"{', '.join(FLAT[1:])}) and run it again"
        )
    return manifest


def _elsewhere(
    root: Path, manifest: Manifest, phase: str, cells: Mapping[str, Mapping[str, str]], places: Mapping[str, Path]
) -> dict[str, tuple[TokenFiles, str]]:
    """The cells of a phase that earlier releases have, with their files."""
    opened: dict[str, TokenFiles] = {}
    for where in sorted({one["release"] for one in cells.values()}):
        place = places.get(where, root / where)
        if not (place / NAME).is_file():
            raise InputError(
                f"phase {phase} of {root} takes from the release {where}, and there is none at {place}. Put it there, "
                f"or say where it is: open_release(..., releases_at={{{where!r}: PATH}})"
            )
        there = _with_files(place)
        facts, others = manifest.tokenizer or {}, there.tokenizer or {}
        if any(facts.get(name) != others.get(name) for name in ("sha256", "end_of_document_id")):
            raise InputError(f"{place} has token ids of another tokenizer than {root}: it is not the release meant")
        opened[where] = TokenFiles(place, vocabulary_of(there))
    return {name: (opened[one["release"]], one["cell"]) for name, one in cells.items()}
