"""The samples of a training run over several cells: each computed from its number alone.

A sample is the same whoever asks for it, in whatever order, on however many workers; so a run goes on where it
stopped from the number of samples it has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from tamis.errors import InputError, OptionError
from tamis.tokens.cells import Cell
from tamis.tokens.mixture import Mixture, largest_remainder
from tamis.tokens.packing import Packing, Pieces, Sampler, sampler

IGNORED = -100
"""Label of a position that counts in no loss: what PyTorch's cross entropy leaves out."""
Longs = npt.NDArray[np.int64]


class Sample(NamedTuple):
    """One sample of a run."""

    input_ids: Longs
    """Token ids, shape (length,)."""
    labels: Longs
    """The id that follows each of them, shape (length,); IGNORED at a document's end and on padding."""
    positions: Longs
    """Place of each token in its piece of a document, shape (length,)."""
    cu_seqlens: npt.NDArray[np.int32]
    """Where its pieces of documents begin and end, shape (pieces + 1,); padding is a piece of its own."""
    cell: int
    """Number of the cell it comes from."""
    tokens: int
    """How many of its tokens aren't padding."""


@dataclass(frozen=True)
class StreamOptions:
    """What decides the samples of a run. Changing one changes them."""

    sequence_length: int
    """Tokens of a sample."""
    seed: int = 0
    """Seed of the order of documents and samples."""
    packing: Packing = "concatenate"
    """Documents end to end, cut where a sample is full; or packed whole where they fit, and padded."""
    pad_id: int = 0
    """Token id of padding (best fit only)."""
    in_turn: tuple[tuple[str, ...], ...] = ()
    """Groups of cells, by name, that come one after the other instead of all the time: years in rising order."""


@dataclass(frozen=True, eq=False)
class Stream:
    """The samples of a run: `tokens` of them in all, in shares by cell."""

    cells: Sequence[Cell]
    weights: Sequence[float]
    """Share of each cell in the tokens of the run; they needn't sum to 1."""
    tokens: int
    """Tokens of the run: as many whole samples as they make."""
    options: StreamOptions
    _samplers: dict[int, Sampler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.cells):
            raise OptionError(f"{len(self.weights)} weights for {len(self.cells)} cells: each cell needs one")
        for cell, weight in zip(self.cells, self.weights, strict=True):
            if not (np.isfinite(weight) and weight >= 0):
                raise OptionError(f"the weight of {cell.name} is {weight}: it must be a number from 0 up")
            if weight > 0 and not cell.tokens:
                raise InputError(f"{cell.name} has no token, so it can't have a share of the mixture")
        if not any(self.weights):
            raise OptionError("every cell has the weight 0: there is nothing to read")
        if len(self) < 1:
            raise OptionError(
                f"{self.tokens} tokens don't fill one sample of {self.options.sequence_length}: ask for more tokens "
                "or shorter samples"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process makes its own orders: they needn't travel.
        return Stream, (self.cells, self.weights, self.tokens, self.options)

    def __len__(self) -> int:
        """Samples of the run."""
        return self.tokens // self.options.sequence_length

    def __getitem__(self, number: int) -> Sample:
        """A sample. Raises IndexError beyond the last one."""
        if not 0 <= number < len(self):
            raise IndexError(f"sample {number} of {len(self)}")
        cell, of_cell = self.mixture.at(number)
        return self._filled(cell, self._sampler(cell).sample(of_cell))

    @cached_property
    def mixture(self) -> Mixture:
        """The order in which the cells' samples come."""
        # A packed sample isn't full: a cell whose samples are emptier needs more of them for its share.
        shares = [
            weight * (self._sampler(i).per_pass * self.options.sequence_length / self.cells[i].tokens if weight else 0)
            for i, weight in enumerate(self.weights)
        ]
        counts = largest_remainder(shares, len(self))
        number = {cell.name: i for i, cell in enumerate(self.cells)}
        groups = [[number[name] for name in group if name in number] for group in self.options.in_turn]
        return Mixture(counts, self.options.seed, groups)

    @property
    def epochs(self) -> Mapping[str, float]:
        """How often each cell's documents are seen in the run, by name."""
        counts = self.mixture.counts.tolist()
        return {
            cell.name: count / self._sampler(i).per_pass if count else 0.0
            for i, (cell, count) in enumerate(zip(self.cells, counts, strict=True))
        }

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the samples: two runs with the same one read the same."""
        facts = {
            "cells": [[cell.name, cell.tokens, _digest(cell.lengths)] for cell in self.cells],
            "weights": [float(weight) for weight in self.weights],
            "samples": len(self),
            "sequence_length": self.options.sequence_length,
            "seed": self.options.seed,
            "packing": self.options.packing,
            "pad_id": self.options.pad_id,
            "in_turn": self.options.in_turn,
        }
        return xxhash.xxh3_128_hexdigest(json.dumps(facts, sort_keys=True).encode())

    def _sampler(self, cell: int) -> Sampler:
        if cell not in self._samplers:
            options = self.options
            self._samplers[cell] = sampler(self.cells[cell], options.sequence_length, options.seed, options.packing)
        return self._samplers[cell]

    def _filled(self, cell: int, pieces: Pieces) -> Sample:
        length = self.options.sequence_length
        ids = np.full(length, self.options.pad_id, np.int64)
        labels = np.full(length, IGNORED, np.int64)
        positions = np.zeros(length, np.int64)
        edges = [0]
        at = 0
        for document, start, size in zip(*(column.tolist() for column in pieces), strict=True):
            # One token more than the piece has, where the document goes on: it is the last one's label.
            found = self.cells[cell].piece(document, start, size + 1)
            ids[at : at + size] = found[:size]
            labels[at : at + len(found) - 1] = found[1:]
            positions[at : at + size] = np.arange(size)
            at += size
            edges.append(at)
        if at < length:
            positions[at:] = np.arange(length - at)
            edges.append(length)
        return Sample(ids, labels, positions, np.array(edges, np.int32), cell, at)


def _digest(values: Longs) -> str:
    return xxhash.xxh3_64_hexdigest(np.ascontiguousarray(values, "<i8").tobytes())
