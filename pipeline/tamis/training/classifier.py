"""Trains a fastText classifier, judges it on held-out texts, and writes model and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis import __version__
from tamis.corpus.commit import write_json
from tamis.corpus.hashing import key_of
from tamis.corpus.references import resolve
from tamis.engine.reporting import Reporter
from tamis.engine.session import Session
from tamis.engine.tasks import Done
from tamis.training.classifier_fit import Shape, fit
from tamis.training.classifier_report import fragment, markdown
from tamis.training.classifier_rows import rows_of
from tamis.training.classifier_sample import Draw, Example, Examples, draw
from tamis.training.classifier_scores import measured

MODEL, QUANTIZED, REPORT, TABLES = "model.bin", "model.ftz", "report.json", "report.md"
"""Files of the folder that is written."""


@dataclass(frozen=True)
class Task:
    """What is learned, from what."""

    label: str
    """The rows' field, or what the sources of a recipe declare."""
    of_sources: bool
    draw: Draw
    shape: Shape


def train(session: Session, task: Task, out: Path) -> dict[str, Any]:
    """Trains on the session's corpus; returns the report, which is in `out` with the model.

    Raises InputError when there aren't two classes to tell apart.
    """
    reporter = session.reporter
    reporter.phase("draw examples", 0, 0)
    examples = draw(rows_of(session, task.label if task.of_sources else None), task.draw)
    names = sorted(examples.texts)
    out.mkdir(parents=True, exist_ok=True)
    (out / QUANTIZED).unlink(missing_ok=True)
    size = sum(len(example.text) for example in examples.training)
    tell = _progress(reporter, task.shape.epochs, size)
    fit(examples.training, task.shape, out / MODEL, out / QUANTIZED, tell)
    reporter.phase("judge", 0, 0)
    held_out = _with_languages(examples.held_out)
    report = _report(task, examples, len(held_out)) | _judged(out, held_out, names)
    report["fragment"] = fragment(task.label, task.of_sources, task.draw.max_bytes, out, report)
    write_json(out / REPORT, report)
    (out / TABLES).write_text(markdown(report), encoding="utf-8")
    return report


@dataclass(frozen=True)
class _Epoch:
    """A pass over the examples, for progress: it runs inside the library."""

    bytes: int
    label = "train"

    def run(self) -> None:
        """Nothing is left to do."""


def _progress(reporter: Reporter, epochs: int, size: int) -> Callable[[float], None]:
    """Hears the share of the training that is done, and tells the epochs."""
    reporter.phase("train", epochs, epochs * size)
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        while told < min(epochs, int(share * epochs + 1e-6)):
            told += 1
            reporter.done(Done(_Epoch(size), None, 0.0))

    return tell


def _with_languages(examples: list[Example]) -> list[Example]:
    """Each with its language: what the language stage says where the corpus says nothing."""
    open_ = [place for place, example in enumerate(examples) if example.language is None]
    if not open_:
        return examples
    from tamis.stages.language import STAGE

    assert STAGE.prepare is not None
    config = STAGE.config()
    models = {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()}
    texts = pa.array([examples[place].text.decode() for place in open_], pa.large_string())
    batch = pa.RecordBatch.from_arrays([texts], names=["text"])
    told = STAGE.prepare(config, models)(batch).column("label").to_pylist()
    found = list(examples)
    for place, language in zip(open_, told, strict=True):
        found[place] = found[place]._replace(language=language)
    return found


def _judged(out: Path, held_out: list[Example], names: list[str]) -> dict[str, Any]:
    """The figures of both files, and where the smaller one answers otherwise."""
    whole, answers = measured(out / MODEL, held_out, names)
    if not (out / QUANTIZED).exists():
        return {"model": whole, "quantized": None}
    small, others = measured(out / QUANTIZED, held_out, names)
    small["same_answers"] = round(float(np.mean(answers.labels == others.labels)), 6)
    return {"model": whole, "quantized": small}


def _report(task: Task, examples: Examples, held_out: int) -> dict[str, Any]:
    rows = [[example.rank, example.label, example.text.decode()] for example in examples.training]
    return {
        "label": task.label,
        "of": "sources" if task.of_sources else "rows",
        "labels": {
            label: {
                "rows": examples.rows[label],
                "learned": examples.texts[label],
                "held_out": sum(1 for example in examples.held_out if example.label == label),
            }
            for label in sorted(examples.texts)
        },
        "left_out": examples.left_out,
        "unlabelled": examples.unlabelled,
        "copies": examples.copies,
        "contradicting": examples.contradicting,
        "lines": len(examples.training),
        "held_out": held_out,
        "draw": asdict(task.draw),
        "shape": asdict(task.shape),
        "examples_hash": key_of(rows),
        "software": {"tamis": __version__, "fasttext-numpy2": version("fasttext-numpy2")},
    }
