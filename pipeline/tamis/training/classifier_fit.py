"""From examples to fastText model files: the same bytes for the same examples.

The library fills only a tenth of a new model's input vectors when it trains with one thread, and takes the others as
the memory happens to be; with several threads, no two trainings are alike. So training runs in a process whose memory
the C library clears (`MALLOC_PERTURB_`), with one thread.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.errors import RunError
from tamis.training.classifier_sample import Example

_PROGRESS = re.compile(rb"Progress: +([0-9.]+)%")
_SPACE = re.compile(rb"[\s\0]+")
_UNWORDS = re.compile(rb"(?:^|(?<= ))(?:__label__[^ ]*|</s>)(?= |$)")
"""What fastText takes for a label or for the end of a line."""
_CLEARED = {"MALLOC_PERTURB_": "255", "GLIBC_TUNABLES": "glibc.malloc.perturb=255"}
"""Makes glibc fill new memory with the complement of 255."""


@dataclass(frozen=True)
class Shape:
    """The model, and how it learns."""

    epochs: int = 10
    learning_rate: float = 0.5
    dim: int = 64
    word_ngrams: int = 2
    subwords: int = 0
    """Longest n-gram of characters, from 3 on; 0: words only."""
    min_count: int = 2
    """How often a word stands in the examples at least."""
    buckets: int = 200_000
    """Rows for n-grams."""
    rows_kept: int = 50_000
    """Vectors that the quantized model keeps: those of the largest norm."""
    seed: int = 0

    def train(self) -> dict[str, Any]:
        """Arguments of the library's training."""
        return {
            "epoch": self.epochs,
            "lr": self.learning_rate,
            "dim": self.dim,
            "wordNgrams": self.word_ngrams,
            "minn": 3 if self.subwords else 0,
            "maxn": self.subwords,
            "minCount": self.min_count,
            "bucket": self.buckets,
            "loss": "softmax",
            "seed": self.seed,
        }

    def quantize(self) -> dict[str, Any]:
        """Arguments of its quantization."""
        return {"cutoff": self.rows_kept, "qnorm": True}


def line_of(example: Example) -> bytes:
    """An example as fastText reads it."""
    text = _SPACE.sub(b" ", example.text)
    return b"__label__" + example.label.encode() + b" " + _UNWORDS.sub(b"", text) + b"\n"


def fit(examples: Iterable[Example], shape: Shape, model: Path, quantized: Path, tell: Callable[[float], None]) -> None:
    """Trains a model on the examples in their order, and writes it and (if it has enough rows) its quantized form.

    `tell` hears the share that is done. Raises RunError when the library fails.
    """
    with tempfile.TemporaryDirectory(dir=model.parent, prefix=".training-") as folder:
        written = Path(folder) / "examples.txt"
        with written.open("wb") as file:
            for example in examples:
                file.write(line_of(example))
        options = {
            "examples": str(written), "model": str(model), "quantized": str(quantized), "train": shape.train(),
            "quantize": shape.quantize(),
        }  # fmt: skip
        _run(json.dumps(options).encode(), tell)


def _run(options: bytes, tell: Callable[[float], None]) -> None:
    command = [sys.executable, "-P", str(Path(__file__).with_name("classifier_program.py"))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **_CLEARED},
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(options)
        process.stdin.close()
        said = b""
        while piece := os.read(process.stderr.fileno(), 4096):
            said = (said + piece)[-4096:]
            done = _PROGRESS.findall(said)
            if done:
                tell(float(done[-1]) / 100)
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        last = lines[-1].strip() if lines else f"exit code {process.returncode}"
        cure = "Lower --learning-rate" if "NaN" in last else "Fewer --buckets or a smaller --dim take less memory"
        raise RunError(f"fastText could not train the model: {last}. {cure}")
