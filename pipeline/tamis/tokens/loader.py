"""Batches of a mixture for a PyTorch trainer: deterministic, shared out by rank, resumable at any batch.

    stream = open_release(Path("releases/my-1.0"), phase="main", sequence_length=4096, seed=1)
    loader = Loader(stream, batch_size=256, rank=rank, world_size=world, workers=2)
    for batch in loader:                 # batch["input_ids"]: (256 / world, 4096)
        ...
        save(loader.state_dict())        # a few numbers; load_state_dict goes on with the next batch

The batches are the same for any number of workers, and those of all ranks together the same for any number of
ranks. Needs `pip install tamis[torch]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from tamis.errors import OptionError
from tamis.tokens.stream import Sample, Stream

STATE_VERSION = 1


@dataclass(frozen=True, eq=False)
class _Batches:
    """One rank's part of every batch, by its number."""

    stream: Stream
    batch_size: int
    rank: int
    world_size: int

    def __len__(self) -> int:
        return len(self.stream) // self.batch_size

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        mine = self.batch_size // self.world_size
        first = number * self.batch_size + self.rank * mine
        samples = [self.stream[first + place] for place in range(mine)]
        return batch_of(samples, self.stream.options.sequence_length)


def batch_of(samples: Sequence[Sample], length: int) -> dict[str, torch.Tensor]:
    """Samples of `length` tokens as a batch, a dict of tensors: see `Loader`."""
    edges = [sample.cu_seqlens[:-1] + place * length for place, sample in enumerate(samples)]
    columns = {
        "input_ids": np.stack([sample.input_ids for sample in samples]),
        "labels": np.stack([sample.labels for sample in samples]),
        "positions": np.stack([sample.positions for sample in samples]),
        "cu_seqlens": np.concatenate([*edges, [len(samples) * length]]).astype(np.int32),
        "cell": np.array([sample.cell for sample in samples]),
        "tokens": np.array([sample.tokens for sample in samples]),
    }
    return {name: torch.from_numpy(values) for name, values in columns.items()}


class Loader:
    """Iterates over the batches of a stream, from the first one or from where a state says.

    A batch is a dict of tensors, for `n = batch_size / world_size` samples of `length` tokens: `input_ids`, `labels`
    (-100 where no token follows) and `positions` (from 0 in every document), each (n, length) int64; `cu_seqlens`,
    int32: where pieces of documents begin in the n samples put end to end, as variable-length attention kernels want
    it; `cell` (n,): number of the cell in `stream.cells`; `tokens` (n,): how many are no padding.
    """

    def __init__(
        self,
        stream: Stream,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        workers: int = 0,
        prefetch: int = 4,
    ) -> None:
        """`batch_size`: samples of a step, of all ranks together; `workers`: processes that read ahead, each
        `prefetch` batches; 0 reads in this process. Raises OptionError."""
        if batch_size < 1 or world_size < 1 or batch_size % world_size:
            raise OptionError(f"batches of {batch_size} samples can't be shared out evenly to {world_size} ranks")
        if not 0 <= rank < world_size:
            raise OptionError(f"rank {rank} of {world_size}: ranks count from 0")
        if batch_size > len(stream):
            raise OptionError(f"the run has {len(stream)} samples, not one batch of {batch_size}")
        self.stream, self.workers, self.prefetch = stream, workers, prefetch
        self._batches = _Batches(stream, batch_size, rank, world_size)
        self._next = 0
        self._seen = np.zeros(len(stream.cells), np.int64)

    def __len__(self) -> int:
        """Batches of the run; samples that don't fill one are left out."""
        return len(self._batches)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """The batches that are left."""
        ahead: Mapping[str, Any] = {"prefetch_factor": self.prefetch} if self.workers else {}
        reader = DataLoader(
            self._batches,
            batch_size=None,
            sampler=range(self._next, len(self)),
            num_workers=self.workers,
            **ahead,
        )
        for batch in reader:
            # Counted before it is handed out: a state taken while it is worked on goes on behind it.
            self._next += 1
            np.add.at(self._seen, batch["cell"].numpy(), batch["tokens"].numpy())
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: what `load_state_dict` goes on from. The same on every rank but for `seen`."""
        return {
            "version": STATE_VERSION,
            "fingerprint": self.stream.fingerprint,
            "samples": self._next * self._batches.batch_size,
            "seen": {cell.name: int(n) for cell, n in zip(self.stream.cells, self._seen, strict=True) if n},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on behind the last batch of a state. The batch size and the number of ranks may have changed, if the
        samples seen are whole batches. Raises OptionError when it is of other data or settings."""
        if state["version"] != STATE_VERSION or state["fingerprint"] != self.stream.fingerprint:
            raise OptionError(
                "this state is of another stream: the token files, weights, tokens, sequence length, packing and seed "
                "must be those it was saved with"
            )
        batches, rest = divmod(state["samples"], self._batches.batch_size)
        if rest:
            raise OptionError(
                f"{state['samples']} samples were seen, which are no whole batches of {self._batches.batch_size}"
            )
        self._next = batches
        self._seen = np.array([state["seen"].get(cell.name, 0) for cell in self.stream.cells], np.int64)

    def realised(self) -> dict[str, tuple[float, float]]:
        """By cell: its share of the tokens this rank has seen, and its share in the plan."""
        seen, planned = self._seen / max(1, self._seen.sum()), np.array(self.stream.weights, np.float64)
        planned = planned / planned.sum()
        return {cell.name: (float(a), float(b)) for cell, a, b in zip(self.stream.cells, seen, planned, strict=True)}
