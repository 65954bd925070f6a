"""Which texts a tokenizer is trained on, and which it is judged by: drawn by a hash of the documents' ids.

One half of all documents is for training, the other is held out; which, one bit of the hash says, so the halves stay
the same whatever budget, corpus size or order of files. In each half documents are taken in the order of their hashes
until a budget is used up: a larger budget takes all that a smaller one does, and more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tamis.engine.reporting import Reporter, Silent
from tamis.engine.tasks import Done
from tamis.errors import OptionError, did_you_mean
from tamis.kernels.buffers import one_chunk
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN
from tamis.training.tokenizer_texts import Reading, Rows, Texts

EACH = "*"
"""In a budget: every language that isn't named."""
ALL = "all"
"""The one bucket of a draw without a budget by language."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DrawOptions:
    """What is drawn."""

    budget: Mapping[str, int]
    """Characters for training by `language` or `language--category`; EACH is any other language. The more specific
    one holds. Empty: `characters` of all documents, as the corpus has them."""
    characters: int
    """Characters for training in all, where there is no budget."""
    held_out_characters: int
    """Characters to judge by, of each language and category."""
    document_characters: int
    """Characters taken of one document, from its beginning."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Draw:
    """Characters to take of every document, in the order of `texts`."""

    texts: Texts
    cells: tuple[str, ...]
    """Names of the cells, `language--category`."""
    cell: npt.NDArray[np.int32]
    """Cell of each document."""
    training: Counts
    """Characters taken of each document for training; 0: it isn't."""
    held_out: Counts
    """The same of those to judge by."""
    facts: dict[str, Any]
    """What a report says of the draw: counts by bucket and cell, and the digests of both halves."""
    reporter: Reporter

    @property
    def characters(self) -> int:
        """Characters for training."""
        return int(self.training.sum())

    def training_texts(self) -> TrainingTexts:
        """The texts for training, in corpus order; to be read as often as wanted."""
        return TrainingTexts(self)

    def held_out_texts(self) -> Iterator[tuple[str, pa.Array]]:
        """Texts to judge by: a cell, and some of its documents, in corpus order."""
        for first, table in self.parts("judge by held-out texts", self.held_out):
            rows = np.arange(first, first + table.num_rows)
            for cell in np.unique(self.cell[rows][self.held_out[rows] > 0]):
                mine = np.flatnonzero((self.cell[rows] == cell) & (self.held_out[rows] > 0))
                yield self.cells[cell], _taken(table, mine, self.held_out[rows[mine]])

    def parts(self, phase: str, taken: Counts) -> Iterator[tuple[int, pa.Table]]:
        """The parts of which something is taken: number of the first document, documents."""
        firsts = np.cumsum([0, *(part.rows for part in self.texts.parts)]).tolist()
        wanted = [
            (first, part)
            for first, part in zip(firsts, self.texts.parts, strict=False)
            if taken[first : first + part.rows].any()
        ]
        tables = _read(phase, [part for _, part in wanted], self.reporter)
        yield from zip((first for first, _ in wanted), tables, strict=True)


@dataclass(frozen=True, eq=False)
class TrainingTexts:
    """Text columns of the documents to train on."""

    draw: Draw

    def __iter__(self) -> Iterator[pa.Array]:
        for first, table in self.draw.parts("read texts", self.draw.training):
            taken = self.draw.training[first : first + table.num_rows]
            mine = np.flatnonzero(taken)
            yield _taken(table, mine, taken[mine])
        self.draw.reporter.phase("merge pairs", 0, 0)


def _read(phase: str, parts: Sequence[Rows], reporter: Reporter) -> Iterator[pa.Table]:
    reporter.phase(phase, len(parts), sum(part.bytes for part in parts))
    for part in parts:
        yield part.read()
        reporter.done(Done(Reading(part.bytes), None, 0.0))


def _taken(table: pa.Table, rows: Counts, characters: Counts) -> pa.Array:
    """The beginnings of some texts."""
    column = table.column("text").cast(pa.large_string()).take(pa.array(rows))
    return pa.array(
        [text[:most] for text, most in zip(column.to_pylist(), characters.tolist(), strict=True)], pa.large_string()
    )


def draw(texts: Texts, options: DrawOptions, reporter: Reporter | None = None) -> Draw:
    """Draws; reads every document once. Raises OptionError when the budget names what the corpus doesn't hold."""
    reporter = reporter or Silent()
    hashes, chars, cell, cells = _measured(texts, options.seed, reporter)
    taken = np.minimum(chars, options.document_characters)
    _check(options.budget, cells, cell, chars)
    buckets = {name: _bucket(name, options.budget) for name in cells}
    names = sorted({name for name in buckets.values() if name is not None})
    numbers = np.array([-1 if (own := buckets[name]) is None else names.index(own) for name in cells], np.int64)
    most = [_budget(name, options) for name in names]
    out = (hashes & np.uint64(1)).astype(bool)
    order = np.argsort(hashes, kind="stable")
    training = _fill(order[~out[order]], numbers[cell], most, taken)
    held_out = _fill(order[out[order]], cell.astype(np.int64), [options.held_out_characters] * len(cells), taken)
    facts = {
        "documents": len(hashes),
        "characters": int(chars.sum()),
        "seed": options.seed,
        "document_characters": options.document_characters,
        "budget": [
            _bucket_facts(name, want, numbers[cell] == number, training, np.where(out, 0, taken))
            for number, (name, want) in enumerate(zip(names, most, strict=True))
        ],
        "cells": [
            {
                "cell": name,
                "documents": int((cell == number).sum()),
                "characters": int(chars[cell == number].sum()),
                "training": _sums(training[cell == number]),
                "held_out": _sums(held_out[cell == number]),
            }
            for number, name in enumerate(cells)
        ],
        "training": {**_sums(training), "digest": _digest(hashes, training)},
        "held_out": {**_sums(held_out), "digest": _digest(hashes, held_out)},
    }
    return Draw(texts, cells, cell, training, held_out, facts, reporter)


def _measured(
    texts: Texts, seed: int, reporter: Reporter
) -> tuple[npt.NDArray[np.uint64], Counts, npt.NDArray[np.int32], tuple[str, ...]]:
    """Hash of its id, characters and cell of every document, and the names of the cells, sorted."""
    salt = xxhash.xxh3_64_intdigest(f"tokenizer\0{seed}".encode())
    hashes, chars, labels = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], []
    for table in _read("draw texts", texts.parts, reporter):
        ids = table.column("id").to_pylist()
        hashes.append(
            np.fromiter((xxhash.xxh3_64_intdigest(one.encode(), seed=salt) for one in ids), np.uint64, len(ids))
        )
        chars.append(one_chunk(pc.utf8_length(table.column("text"))).to_numpy().astype(np.int64))
        pairs = [
            table.column(name).cast(pa.string()).fill_null(unknown)
            for name, unknown in (("language", UNKNOWN), ("category", NO_CATEGORY))
        ]
        labels.append(pc.binary_join_element_wise(*pairs, "--"))
    column = pa.chunked_array([chunk for label in labels for chunk in label.chunks], pa.string())
    coded = one_chunk(column.dictionary_encode().unify_dictionaries())
    names = coded.dictionary.to_pylist()
    cells = tuple(sorted(names))
    places = np.array([cells.index(name) for name in names], np.int32)
    return np.concatenate(hashes), np.concatenate(chars), places[coded.indices.to_numpy()], cells


def _check(budget: Mapping[str, int], cells: tuple[str, ...], cell: npt.NDArray[np.int32], chars: Counts) -> None:
    """What the budget names must be there: a misspelt language would else be left out without a word."""
    known = {*cells, *(name.partition("--")[0] for name in cells)}
    for name in budget:
        if name != EACH and name not in known:
            raise OptionError(
                f"--budget {name}={budget[name]}: the corpus has no document of {name}.{did_you_mean(name, known)}"
            )


def _bucket(cell: str, budget: Mapping[str, int]) -> str | None:
    """The bucket that a cell is drawn for; None: for none."""
    language = cell.partition("--")[0]
    if not budget:
        return ALL
    if cell in budget:
        return cell
    return language if language in budget or EACH in budget else None


def _budget(bucket: str, options: DrawOptions) -> int:
    return options.budget.get(bucket, options.budget.get(EACH, options.characters))


def _fill(order: Counts, bucket: Counts, most: list[int], characters: Counts) -> Counts:
    """Characters taken of each document: in `order`, until the budget of its bucket is used up."""
    taken = np.zeros(len(characters), np.int64)
    buckets = bucket[order]
    for number, want in enumerate(most):
        rows = order[buckets == number]
        before = np.cumsum(characters[rows]) - characters[rows]
        taken[rows] = np.clip(want - before, 0, characters[rows])
    return taken


def _bucket_facts(name: str, want: int, mine: npt.NDArray[np.bool_], taken: Counts, there: Counts) -> dict[str, Any]:
    """What was asked for, what there is in the half for training, and what was taken."""
    return {"name": name, "asked": want, "there": int(there[mine].sum()), **_sums(taken[mine])}


def _sums(taken: Counts) -> dict[str, int]:
    return {"documents": int(np.count_nonzero(taken)), "characters": int(taken.sum())}


def _digest(hashes: npt.NDArray[np.uint64], taken: Counts) -> str:
    """Of which documents so many characters are taken, whatever their order."""
    rows = np.flatnonzero(taken)
    rows = rows[np.lexsort((taken[rows], hashes[rows]))]
    hasher = hashlib.sha256()
    hasher.update(hashes[rows].astype("<u8").tobytes())
    hasher.update(taken[rows].astype("<i8").tobytes())
    return hasher.hexdigest()
