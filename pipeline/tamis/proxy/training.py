"""The training loop: logs the loss of every cell, and goes on from wherever it was stopped. Needs the extra `torch`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tamis.corpus.commit import committing, write_bytes
from tamis.proxy.model import Model, nats
from tamis.tokens.cells import kinds_of
from tamis.tokens.loader import Loader

WARM_UP, LEAST = 0.05, 0.1
"""Of the schedule `cosine`: the share of steps in which the rate rises, and the share of it that is left at the end."""
RECENT = 50
"""Steps whose mean loss the table shows."""
CELLS_SHOWN = 20
Line = dict[str, Any]
"""A step in the log: `step`, `loss` and the loss `by_cell`."""


@dataclass(frozen=True)
class Training:
    """How a model is trained."""

    steps: int
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    every: int = 20
    """Steps between two checkpoints."""


@dataclass(frozen=True)
class Trained:
    """What a training left."""

    lines: list[Line]
    """Its log, from the first step on, also of those before it was stopped."""
    seconds: float
    waited: float
    """Of these, how many it waited for batches."""


def train(
    model: Model,
    loader: Loader,
    options: Training,
    out: Path,
    tell: Callable[[str], None],
    stop_at: int | None = None,
) -> Trained:
    """Trains `model`, which lies on its device already, from the checkpoint in `out` if there is one.

    Writes `log.jsonl` (a line a step) and `checkpoint.pt` into `out`. `stop_at`: ends after that step as an
    interruption would. Raises OptionError when the checkpoint is of other data.
    """
    place = next(model.parameters()).device
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
    lines = _resumed(model, optimizer, loader, out, place)
    if lines:
        tell(f"goes on after step {len(lines)}")
    names = [cell.name for cell in loader.stream.cells]
    last = min(options.steps, stop_at or options.steps)
    begin, waited = time.monotonic(), 0.0
    before = begin
    for batch in loader if len(lines) < last else ():
        batch = {name: values.to(place, non_blocking=True) for name, values in batch.items()}
        waited += time.monotonic() - before
        _set_rate(optimizer, options, len(lines))
        each = _step(model, optimizer, batch)
        lines.append(_line(len(lines) + 1, each, batch["cell"], names))
        if len(lines) % options.every == 0 or len(lines) == last:
            tell(f"step {len(lines)}: loss {lines[-1]['loss']:.4f}")
            _save(out, model, optimizer, loader, lines)
        if len(lines) == last:
            break
        before = time.monotonic()
    return Trained(lines, time.monotonic() - begin, waited)


def table(loader: Loader, lines: Sequence[Line]) -> list[str]:
    """What was planned, seen and learned, as lines of text: the largest cells, then by source and by language."""
    losses = _recent(lines)
    shares = {
        name: (planned, seen, planned, losses[name]) if name in losses else (planned, seen, 0.0, 0.0)
        for name, (seen, planned) in loader.realised().items()
    }
    largest = sorted(shares, key=lambda name: (-shares[name][0], name))
    parts = [("cell", {name: [name] for name in largest[:CELLS_SHOWN]})]
    for axis in ("source", "language"):
        members: dict[str, list[str]] = {}
        for name in largest:
            members.setdefault(kinds_of(name)[axis], []).append(name)
        parts.append((axis, members))
    text = [f"{'':40} {'planned':>9} {'seen':>9} {'loss':>8}   (the last {min(RECENT, len(lines))} steps)"]
    for axis, members in parts:
        rows = [_sums(name, [shares[one] for one in inside]) for name, inside in members.items()]
        text += ["", f"by {axis}", *(row for _, row in sorted(rows, key=lambda one: -one[0]))]
        if axis == "cell" and len(largest) > CELLS_SHOWN:
            text.append(f"{len(largest) - CELLS_SHOWN:,} smaller cells: log.jsonl has them")
    return text


def _sums(name: str, cells: Iterable[tuple[float, float, float, float]]) -> tuple[float, str]:
    """A row of the table, and the share it is sorted by."""
    planned = seen = weight = loss = 0.0
    for cell in cells:
        planned, seen, weight, loss = planned + cell[0], seen + cell[1], weight + cell[2], loss + cell[2] * cell[3]
    mean = f"{loss / weight:8.3f}" if weight else f"{'-':>8}"
    return planned, f"{name:40} {planned:9.2%} {seen:9.2%} {mean}"


def _recent(lines: Sequence[Line]) -> Mapping[str, float]:
    """Mean loss of each cell in the last steps that had any of it."""
    found: dict[str, list[float]] = {}
    for line in lines[-RECENT:]:
        for name, loss in line["by_cell"].items():
            found.setdefault(name, []).append(loss)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _step(model: Model, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]) -> Tensor:
    """One step; returns the mean loss of each sample."""
    total, counted = nats(model, batch)
    each = total / counted.clamp(min=1)
    optimizer.zero_grad(set_to_none=True)
    each.mean().backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return each.detach()


def _set_rate(optimizer: torch.optim.Optimizer, options: Training, done: int) -> None:
    """The learning rate of the step after `done` ones."""
    if options.schedule == "constant":
        return
    warm = max(1, round(WARM_UP * options.steps))
    along = min(1.0, max(0.0, done + 1 - warm) / max(1, options.steps - warm))
    share = min(1.0, (done + 1) / warm) * (LEAST + (1 - LEAST) * (1 + math.cos(math.pi * along)) / 2)
    for group in optimizer.param_groups:
        group["lr"] = options.learning_rate * share


def _line(step: int, each: Tensor, cells: Tensor, names: Sequence[str]) -> Line:
    """A step's loss, in all and by cell."""
    by_cell = {names[int(cell)]: each[cells == cell].mean().item() for cell in cells.unique()}
    return {"step": step, "loss": each.mean().item(), "by_cell": by_cell}


def _resumed(model: Model, optimizer: torch.optim.Optimizer, loader: Loader, out: Path, place: Any) -> list[Line]:
    """Takes up the checkpoint, and returns the log up to it; nothing of either when there is none."""
    path = out / "checkpoint.pt"
    if not path.exists():
        return []
    state = torch.load(path, map_location=place, weights_only=True)
    loader.load_state_dict(state["loader"])
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    # The log may be ahead of the checkpoint, never behind it.
    written = (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in written[: state["step"]]]


def _save(out: Path, model: Model, optimizer: torch.optim.Optimizer, loader: Loader, lines: Sequence[Line]) -> None:
    """Writes log and checkpoint, each whole or not at all."""
    write_bytes(out / "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    state = {
        "step": len(lines),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "loader": loader.state_dict(),
    }
    with committing(out / "checkpoint.pt") as temporary:
        torch.save(state, temporary)
