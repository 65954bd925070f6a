"""How well a classifier does on texts that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.corpus.hashing import file_sha256
from tamis.training.classifier_sample import Example

Labels = npt.NDArray[np.int64]
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
NONE = -1
"""Label of a text of which the model knows nothing."""


@dataclass(frozen=True)
class Answers:
    """What a model says of the held-out texts."""

    labels: Labels
    """Place in the sorted labels, or NONE."""
    scores: npt.NDArray[np.float32]


def predict(model: Path, examples: Sequence[Example], names: Sequence[str]) -> Answers:
    """The model's answers, by the same loops as in a run."""
    from tamis.kernels.fasttext_library import load_classifier

    classifier = load_classifier(model)
    place = {name: index for index, name in enumerate(names)}
    ours = np.array([place[label.removeprefix("__label__")] for label in classifier.labels], np.int64)
    bounds = np.cumsum([0, *(len(example.text) for example in examples)], dtype=np.int64)
    data = np.frombuffer(b"".join(example.text for example in examples), np.uint8)
    found = classifier.predict(data, bounds[:-1], bounds[1:])
    known = (found.labels >= 0) & found.known
    return Answers(np.where(known, ours[np.where(known, found.labels, 0)], NONE), np.where(known, found.scores, 0))


def confusion(truth: Labels, answers: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Texts by true label (rows) and answer (columns; the last one: none)."""
    counts = np.zeros((classes, classes + 1), np.int64)
    np.add.at(counts, (truth, np.where(answers == NONE, classes, answers)), 1)
    return counts


def by_class(counts: npt.NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall and F1 of every class that is true or answered somewhere; null where there is nothing to
    divide by."""
    rows = []
    for index, name in enumerate(names):
        right, true, answered = int(counts[index, index]), int(counts[index].sum()), int(counts[:, index].sum())
        if true or answered:
            rows.append({
                "label": name, "texts": true, "answered": answered, "right": right,
                "precision": _share(right, answered), "recall": _share(right, true),
                "f1": _share(2 * right, true + answered),
            })  # fmt: skip
    return rows


def summary(counts: npt.NDArray[np.int64], names: Sequence[str]) -> dict[str, Any]:
    """Accuracy, and the mean F1 of the classes that are true somewhere."""
    f1 = [row["f1"] for row in by_class(counts, names) if row["texts"]]
    return {
        "texts": int(counts.sum()),
        "accuracy": _share(int(np.trace(counts)), int(counts.sum())),
        "macro_f1": round(sum(f1) / len(f1), 6) if f1 else None,
    }


def measured(model: Path, examples: Sequence[Example], names: Sequence[str]) -> tuple[dict[str, Any], Answers]:
    """All figures of a model file on held-out texts, and its answers."""
    answers = predict(model, examples, names)
    place = {name: index for index, name in enumerate(names)}
    truth = np.array([place[example.label] for example in examples], np.int64)
    counts = confusion(truth, answers.labels, len(names))
    languages = np.array([example.language or "unknown" for example in examples], object)
    by_language = []
    for language in sorted(set(languages)):
        mine = languages == language
        inside = confusion(truth[mine], answers.labels[mine], len(names))
        by_language.append({"language": language, **summary(inside, names), "classes": by_class(inside, names)})
    return {
        "file": model.name,
        "bytes": model.stat().st_size,
        "sha256": file_sha256(model),
        **summary(counts, names),
        "classes": by_class(counts, names),
        "languages": by_language,
        "confusion": {"labels": list(names), "counts": counts.tolist()},
        "thresholds": thresholds(truth, answers),
    }, answers


def thresholds(truth: Labels, answers: Answers) -> list[dict[str, Any]]:
    """What share of texts has such a score, and how many of those answers are right."""
    rows = []
    for least in THRESHOLDS:
        asked = (answers.labels != NONE) & (answers.scores >= least)
        right = int((answers.labels[asked] == truth[asked]).sum())
        count = int(asked.sum())
        rows.append({"score": least, "texts": count, "share": _share(count, len(truth)), "right": _share(right, count)})
    return rows


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
