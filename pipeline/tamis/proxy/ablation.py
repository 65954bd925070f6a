"""Variants of a recipe compared: a small model trained on each, alike in all but the data.

All see as many tokens, in samples of one length, with the same seeds; and all are asked for the same documents, held
out from every one of them. What is done lies in OUT/runs and isn't done again:

    OUT/runs/VARIANT-SEED-KEY/log.jsonl, checkpoint.pt    a training under way
    OUT/runs/VARIANT-SEED-KEY/result.json                 one that is done

Torch is imported where a model is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tamis.corpus.commit import read_record, write_json
from tamis.corpus.hashing import key_of
from tamis.errors import OptionError
from tamis.recipe.variants import PLAIN
from tamis.tokens.cells import Cell
from tamis.tokens.release import OpenedRelease, open_release
from tamis.tokens.stream import Stream

Tell = Callable[[str], None]
CHECKPOINTS = 10
"""Checkpoints of a training, about."""
VERSION = 1
"""Of what is trained and how: a result of another one is made anew."""


@dataclass(frozen=True)
class Budget:
    """What every variant gets alike."""

    tokens: int = 1_000_000
    length: int = 256
    """Tokens of a sample."""
    batch: int = 16
    """Samples of a step."""
    width: int = 128
    layers: int = 4
    learning_rate: float = 1e-3
    seeds: int = 1
    held_out: float = 0.05
    """Share of the documents that no model sees."""
    asked: int = 100_000
    """Held-out tokens of a cell that a model is asked for, about at most."""
    match_repeats: bool = True
    """Sample the documents, so that they are seen as often as in the whole phase."""
    phase: str = "main"

    @property
    def steps(self) -> int:
        """Steps of a training."""
        return self.tokens // (self.length * self.batch)


@dataclass(frozen=True)
class _Contest:
    """What is compared, opened."""

    releases: Mapping[str, OpenedRelease]
    """By variant; the plain recipe first."""
    held_out: list[Cell]
    budget: Budget

    def stream(self, variant: str, seed: int) -> Stream:
        """What a variant is trained on."""
        budget = self.budget
        return self.releases[variant].stream(
            budget.length,
            budget.steps * budget.batch * budget.length,
            seed,
            held_out=budget.held_out,
            match_repeats=budget.match_repeats,
        )


def ablate(releases: Mapping[str, Path], budget: Budget, out: Path, tell: Tell) -> dict[str, Any]:
    """Trains on the release of every variant (`plain` is that of the recipe as it stands). Returns what came out:
    `budget`, `held_out` (what was asked), `variants` (shares and epochs) and `runs` (loss by cell, of each seed).

    Raises OptionError when the variants can't be compared, InputError for a release without token files.
    """
    if not budget.steps:
        raise OptionError(
            f"{budget.tokens} tokens are not one step of {budget.batch} samples of {budget.length}: raise --tokens, or "
            "lower --batch or --length"
        )
    opened = {name: open_release(path, budget.phase) for name, path in releases.items()}
    _check_tokenizers(opened)
    held_out = opened[PLAIN].held_out_cells(budget.held_out, budget.asked)
    contest = _Contest(opened, held_out, budget)
    runs = []
    for variant in opened:
        for seed in range(budget.seeds):
            runs.append(_run(contest, variant, seed, out, partial(_named, tell, variant, seed)))
    return {
        "budget": asdict(budget),
        "held_out": [
            {"cell": cell.name, "documents": len(cell.lengths), "tokens": cell.tokens} for cell in contest.held_out
        ],
        "variants": {name: _facts(contest, name) for name in opened},
        "runs": runs,
    }


def _named(tell: Tell, variant: str, seed: int, words: str) -> None:
    tell(f"{variant}, seed {seed}: {words}")


def _check_tokenizers(opened: Mapping[str, OpenedRelease]) -> None:
    """A loss per token says nothing across tokenizers."""
    tokenizers = {
        name: [(one.manifest.tokenizer or {}).get(fact) for fact in ("sha256", "end_of_document_id")]
        for name, one in opened.items()
    }
    others = sorted(name for name, tokenizer in tokenizers.items() if tokenizer != tokenizers[PLAIN])
    if others:
        raise OptionError(
            f"{', '.join(others)}: another tokenizer than the plain recipe's. A loss per token can't be compared "
            "between tokenizers: a variant may change neither the options of tokenize, nor, where the tokenizer is "
            "trained in the run, the sources or the seed. Name a fixed one: tokenize: {tokenizer: FILE}"
        )


def _facts(contest: _Contest, variant: str) -> dict[str, Any]:
    """A variant's release, and what its training sees of each cell."""
    opened, stream = contest.releases[variant], contest.stream(variant, 0)
    return {
        "release": opened.root.name,
        "identity": opened.manifest.identity,
        "phase_tokens": opened.tokens,
        "cells": {
            cell.name: {
                "share": opened.weights[cell.name],
                "epochs": stream.epochs[cell.name],
                "phase_epochs": opened.weights[cell.name] * opened.tokens / max(1, opened.cells[cell.name].tokens),
            }
            for cell in stream.cells
        },
    }


def _run(contest: _Contest, variant: str, seed: int, out: Path, tell: Tell) -> dict[str, Any]:
    """The result of a variant and seed: found, or trained for."""
    stream, budget = contest.stream(variant, seed), contest.budget
    identities = [contest.releases[name].manifest.identity for name in (variant, PLAIN)]
    shape = {name: value for name, value in asdict(budget).items() if name != "seeds"}
    folder = out / "runs" / f"{variant}-{seed}-{key_of(VERSION, stream.fingerprint, identities, shape)[:12]}"
    path = folder / "result.json"
    if path.exists():
        tell("done before")
        found: dict[str, Any] = read_record(path, f"Delete {folder} and run again")
        return found
    result = {"variant": variant, "seed": seed, **_trained(contest, variant, seed, stream, folder, tell)}
    write_json(path, result)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return result


def _trained(contest: _Contest, variant: str, seed: int, stream: Stream, folder: Path, tell: Tell) -> dict[str, Any]:
    import torch

    from tamis.proxy.evaluation import losses
    from tamis.proxy.model import Model, Shape, device
    from tamis.proxy.training import Training, train
    from tamis.tokens.loader import Loader

    budget, opened = contest.budget, contest.releases[variant]
    torch.manual_seed(seed)
    model = Model(Shape(opened.vocabulary, budget.length, budget.width, budget.layers)).to(device())
    every = max(1, -(-budget.steps // CHECKPOINTS))
    training = Training(budget.steps, budget.learning_rate, "cosine", every)
    log = train(model, Loader(stream, budget.batch), training, folder, tell).lines
    found = losses(model, contest.held_out, budget.length, budget.batch, opened.end_of_document)
    last = log[-every:]
    return {
        "parameters": model.size,
        "training_loss": sum(line["loss"] for line in last) / len(last),
        "cells": {name: {"nats": loss.nats, "tokens": loss.tokens} for name, loss in found.items()},
    }
