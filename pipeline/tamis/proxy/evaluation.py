"""The loss of a model on documents that it wasn't trained on. Needs the extra `torch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from tamis.proxy.model import Model, nats
from tamis.tokens.cells import Cell
from tamis.tokens.loader import batch_of
from tamis.tokens.packing import sampler
from tamis.tokens.stream import Stream, StreamOptions


class Loss(NamedTuple):
    """A sum over tokens."""

    nats: float
    tokens: int
    """Tokens that were to be told: all but the first one of each document."""


def losses(model: Model, cells: Sequence[Cell], length: int, batch_size: int, pad_id: int) -> dict[str, Loss]:
    """The loss on every document of these cells, each seen once, by cell.

    Documents longer than `length` tokens are cut: what follows a cut is told without what stands before it.
    """
    place = next(model.parameters()).device
    found = {}
    model.eval()
    with torch.inference_mode():
        for cell in cells:
            count = round(sampler(cell, length, 0, "best_fit").per_pass)
            options = StreamOptions(length, 0, "best_fit", pad_id)
            stream = Stream([cell], [1.0], count * length, options)
            total, tokens = 0.0, 0
            for first in range(0, count, batch_size):
                samples = [stream[number] for number in range(first, min(first + batch_size, count))]
                batch = {name: values.to(place) for name, values in batch_of(samples, length).items()}
                sums, counted = nats(model, batch)
                total += float(sums.double().sum())
                tokens += int(counted.sum())
            found[cell.name] = Loss(total, tokens)
    model.train()
    return found
