"""A small GPT trained on a release: `python examples/train_tiny.py releases/my-1.0 --steps 300`.

It shows how a trainer reads a release with `tamis.tokens.loader`: the loss of every source and the shares of the
mixture as they come, and a run that, stopped at any step and started again, goes on along the same curve. It runs
on a GPU where there is one. Needs `pip install 'tamis[torch]'` and a release with `formats: [megatron]`.

    --out DIR       writes DIR/log.jsonl (a line a step) and DIR/checkpoint.pt
    --stop-at N     ends after step N as an interruption would; the same command without it goes on from there
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tamis.tokens.loader import Loader
from tamis.tokens.release import open_release


@dataclass(frozen=True)
class Shape:
    """Size of the model."""

    vocabulary: int
    length: int
    width: int = 128
    layers: int = 4
    heads: int = 4


class Block(nn.Module):
    """Attention within the document and a two-layer perceptron, each after a norm and around a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norms = nn.ModuleList([nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)])
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.GELU(), nn.Linear(4 * shape.width, shape.width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x` (samples, length, width) after the block; `mask` says who sees whom."""
        samples, length, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(samples, length, 3, self.heads, width // self.heads)
        q, k, v = (part.transpose(1, 2) for part in parts.unbind(2))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(samples, length, width))
        return x + self.mlp(self.norms[1](x))


class Model(nn.Module):
    """A GPT with learned positions, which begin anew with every document."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Embedding(shape.length, shape.width)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Logits, (samples, length, vocabulary)."""
        # A token sees those before it in its own document: documents are told apart by where positions begin.
        document = (positions == 0).cumsum(1)
        same = document[:, :, None] == document[:, None, :]
        mask = (same & torch.ones_like(same[0]).tril())[:, None]
        x = self.tokens(ids) + self.places(positions)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x) @ self.tokens.weight.T


def losses(model: Model, batch: dict[str, Tensor]) -> Tensor:
    """Mean loss of every sample; labels of -100 don't count."""
    logits = model(batch["input_ids"], batch["positions"])
    each = functional.cross_entropy(logits.flatten(0, 1).float(), batch["labels"].flatten(), reduction="none")
    counted = (batch["labels"] != -100).float()
    return (each.view_as(counted) * counted).sum(1) / counted.sum(1).clamp(min=1)


def trained(model: Model, loader: Loader, options: argparse.Namespace, device: str) -> list[dict[str, Any]]:
    """Trains from the last checkpoint (or from the start), and returns the lines of its log."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
    checkpoint, log = options.out / "checkpoint.pt", options.out / "log.jsonl"
    lines: list[dict[str, Any]] = []
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
        lines = [json.loads(line) for line in log.read_text().splitlines()][: state["step"]]
        print(f"goes on after step {state['step']}")
    names = [cell.name for cell in loader.stream.cells]
    last = min(options.steps, options.stop_at or options.steps)
    begin, waited = time.monotonic(), 0.0
    before = time.monotonic()
    if len(lines) < last:
        for batch in loader:
            batch = {name: values.to(device, non_blocking=True) for name, values in batch.items()}
            waited += time.monotonic() - before
            each = losses(model, batch)
            optimizer.zero_grad(set_to_none=True)
            each.mean().backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            lines.append(_line(len(lines) + 1, each.detach(), batch["cell"], names))
            if len(lines) % options.every == 0 or len(lines) == last:
                print(f"step {len(lines)}: loss {lines[-1]['loss']:.4f}", flush=True)
                _save(options.out, len(lines), model, optimizer, loader, lines)
            if len(lines) == last:
                break
            before = time.monotonic()
    _report(loader, lines, time.monotonic() - begin, waited)
    return lines


def _line(step: int, each: Tensor, cells: Tensor, names: list[str]) -> dict[str, Any]:
    """A step's loss, in all and by source (that of the cell, whatever its language and category)."""
    by_cell = {names[int(cell)]: each[cells == cell].mean().item() for cell in cells.unique()}
    return {"step": step, "loss": each.mean().item(), "by_cell": by_cell}


def _save(
    out: Path, step: int, model: Model, optimizer: torch.optim.Optimizer, loader: Loader, lines: list[dict[str, Any]]
) -> None:
    """Writes log and checkpoint; the checkpoint takes its place whole."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "loader": loader.state_dict(),
    }
    torch.save(state, out / "checkpoint.new")
    (out / "checkpoint.new").rename(out / "checkpoint.pt")


def _report(loader: Loader, lines: list[dict[str, Any]], seconds: float, waited: float) -> None:
    """Prints shares and losses by cell, and how long the trainer waited for data."""
    recent: dict[str, list[float]] = {}
    for line in lines[-50:]:
        for name, loss in line["by_cell"].items():
            recent.setdefault(name, []).append(loss)
    print(f"\n{'cell':40} {'planned':>9} {'seen':>9} {'loss':>8}   (the last 50 steps)")
    for name, (seen, planned) in sorted(loader.realised().items(), key=lambda item: -item[1][1]):
        loss = f"{sum(recent[name]) / len(recent[name]):8.3f}" if name in recent else f"{'-':>8}"
        print(f"{name:40} {planned:9.2%} {seen:9.2%} {loss}")
    print(f"{seconds:.1f} s, of which {waited:.2f} s waiting for batches")


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Trains as the command line says; returns the log."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--phase", default="main", help="phase of the mix whose weights are used (default: main)")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--stop-at", type=int, metavar="N")
    parser.add_argument("--batch", type=int, default=16, help="samples of a step (default: 16)")
    parser.add_argument("--length", type=int, default=256, help="tokens of a sample (default: 256)")
    parser.add_argument("--packing", choices=("concatenate", "best_fit"), default="concatenate")
    parser.add_argument("--documents", type=int, help="train on so many documents of each cell alone: to overfit")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--workers", type=int, default=0, help="processes that read ahead (default: 0)")
    parser.add_argument("--every", type=int, default=20, help="steps between two checkpoints (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("tiny"))
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(options.seed)
    opened = open_release(options.release, options.phase)
    stream = opened.stream(
        tokens=options.steps * options.batch * options.length,
        sequence_length=options.length,
        seed=options.seed,
        packing=options.packing,
        documents=options.documents,
    )
    model = Model(Shape(opened.vocabulary, options.length, options.width, options.layers)).to(device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters on {device}; {len(stream):,} samples")
    return trained(model, Loader(stream, options.batch, workers=options.workers), options, device)


if __name__ == "__main__":
    main()
