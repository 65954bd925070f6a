"""A small GPT trained on a release: `python examples/train_tiny.py releases/my-1.0 --steps 300`.

It shows how a trainer reads a release with `tamis.tokens.loader`: the loss of every source and the shares of the
mixture as they come, and a run that, stopped at any step and started again, goes on along the same curve. It runs
on a GPU where there is one. Needs `pip install 'tamis[torch]'` and a release with `formats: [megatron]`.

    --out DIR       writes DIR/log.jsonl (a line a step) and DIR/checkpoint.pt
    --stop-at N     ends after step N as an interruption would; the same command without it goes on from there
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tamis.proxy.model import Model, Shape, device
from tamis.proxy.training import Line, Training, table, train
from tamis.tokens.loader import Loader
from tamis.tokens.release import open_release


def main(arguments: list[str] | None = None) -> list[Line]:
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
    torch.manual_seed(options.seed)
    opened = open_release(options.release, options.phase)
    stream = opened.stream(
        tokens=options.steps * options.batch * options.length,
        sequence_length=options.length,
        seed=options.seed,
        packing=options.packing,
        documents=options.documents,
    )
    model = Model(Shape(opened.vocabulary, options.length, options.width, options.layers)).to(device())
    print(f"{model.size:,} parameters on {device()}; {len(stream):,} samples")
    loader = Loader(stream, options.batch, workers=options.workers)
    training = Training(options.steps, options.learning_rate, every=options.every)
    trained = train(model, loader, training, options.out, lambda words: print(words, flush=True), options.stop_at)
    print("", *table(loader, trained.lines), sep="\n")
    print(f"{trained.seconds:.1f} s, of which {trained.waited:.2f} s waiting for batches")
    return trained.lines


if __name__ == "__main__":
    main()
