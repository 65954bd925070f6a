"""Any fastText classifier: its label, how sure it is, and the probabilities of the labels that matter.

Owns what the signals mean; the prediction itself is `kernels.fasttext`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.errors import InputError, did_you_mean
from tamis.kernels.buffers import cut_ends, text_buffers

PREFIX = "__label__"
_SIGNAL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OWN = ("label", "score", "value", "measured")


class ClassifierConfig(StageConfig):
    """Options of `classifier`."""

    model: str
    """A supervised fastText model (.ftz or .bin): a path, `package:` or `hub:` reference. `tamis train-classifier`
    makes one. With `@sha256:HEX` at its end, another file of that name is an error."""
    scores: dict[str, str] = Field(default_factory=dict)
    """Signal -> label: the probability of that label as a signal of its own, `{toxic: __label__1}`. `__label__` may
    be left out."""
    scale: dict[str, float] = Field(default_factory=dict)
    """Label -> number: adds the signal `value`, the mean of these numbers weighted by the labels' probabilities, as
    FineWeb-Edu's educational quality from 0 to 5. It names every label of the model."""
    max_bytes: PositiveInt | None = None
    """Look only at the first bytes of each document (cut between characters); null: at all of it. A model does best
    on texts as long as those that it was trained on."""

    @field_validator("scores", "scale", mode="before")
    @classmethod
    def _spelled(cls, value: Any, info: ValidationInfo) -> Any:
        """Labels that are numbers needn't be quoted."""
        if not isinstance(value, dict):
            return value
        if info.field_name == "scale":
            return {_text(label): number for label, number in value.items()}
        return {name: _text(label) for name, label in value.items()}

    @field_validator("scores")
    @classmethod
    def _signals(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name in _OWN:
                raise ValueError(f"{name!r} is taken: the stage measures a signal of that name. Choose another")
            if not _SIGNAL.fullmatch(name):
                raise ValueError(f"{name!r} can't name a signal: use a-z, 0-9 and _, a letter first")
        return value


def _text(label: Any) -> Any:
    return str(label) if isinstance(label, int) and not isinstance(label, bool) else label


def _shape(config: ClassifierConfig) -> tuple[tuple[str, ...], tuple[Column, ...]]:
    value = Column("value", pa.float32(), "of the scale", "mean of the scale's numbers, weighted by probability")
    scores = [
        Column(name, pa.float32(), "ratio 0..1", f"probability of {label.removeprefix(PREFIX)}")
        for name, label in config.scores.items()
    ]
    return STAGE.reads, (*STAGE.adds, *([value] if config.scale else []), *scores)


def _check(config: ClassifierConfig, models: Models) -> None:
    from tamis.kernels.fasttext_model import labels_of

    labels = labels_of(models["model"]) if config.scores or config.scale else None
    if labels is not None:
        _wanted(config, labels, models["model"])


def _prepare(config: ClassifierConfig, models: Models) -> Measure:
    from tamis.kernels.fasttext_library import load_classifier

    def wanted_of(labels: list[str]) -> npt.NDArray[np.int64]:
        return _wanted(config, labels, models["model"])

    classifier = load_classifier(models["model"], wanted_of)
    wanted = wanted_of(classifier.labels)
    scale = np.array(list(config.scale.values()), np.float64)
    names = pa.array([label.removeprefix(PREFIX) for label in classifier.labels], pa.string())

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        data, offsets = text_buffers(batch.column("text"))
        starts, ends = offsets[:-1], offsets[1:]
        if config.max_bytes is not None:
            ends = cut_ends(data, starts, ends, config.max_bytes)
        found, scores = classifier.predict_with(data, starts, ends, wanted)
        unknown = (found.labels < 0) | ~found.known
        columns: dict[str, pa.Array] = {
            "label": names.take(pa.array(found.labels, mask=unknown)),
            "score": pa.array(found.scores, mask=unknown),
        }
        if config.scale:
            columns["value"] = pa.array(_value(scores[:, len(config.scores) :], scale), pa.float32(), mask=unknown)
        for column, name in enumerate(config.scores):
            columns[name] = pa.array(np.ascontiguousarray(scores[:, column]), mask=unknown)
        return measured(batch.num_rows, columns)

    return measure


def _value(scores: npt.NDArray[np.float32], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Mean of the scale by the probabilities, which needn't add up to 1 (one against all)."""
    weights = scores.astype(np.float64)
    # Column after column, so that a document's value doesn't hang on how many others there are.
    sums, total = np.zeros(len(weights)), np.zeros(len(weights))
    for column, number in enumerate(scale):
        sums += weights[:, column] * number
        total += weights[:, column]
    mean: npt.NDArray[np.float32] = (sums / np.where(total == 0, 1, total)).astype(np.float32)
    return mean


def _wanted(config: ClassifierConfig, labels: list[str], path: Path) -> npt.NDArray[np.int64]:
    """Places of the labels of `scores`, then of `scale`; they may be given without `__label__`."""
    plain = {label.removeprefix(PREFIX): place for place, label in enumerate(labels)}
    places = []
    for label in (*config.scores.values(), *config.scale):
        name = label.removeprefix(PREFIX)
        if name not in plain:
            raise InputError(f"stage classifier: {path} has no label {label!r}.{did_you_mean(name, plain)}")
        places.append(plain[name])
    missing = [name for name in plain if name not in {label.removeprefix(PREFIX) for label in config.scale}]
    if config.scale and missing:
        more = ", ..." if len(missing) > 10 else ""
        raise InputError(
            f"stage classifier: `scale` gives no number for {', '.join(missing[:10])}{more}, which {path} "
            "predicts, too: give every label one"
        )
    return np.array(places, np.int64)


STAGE = Stage(
    name="classifier",
    version=1,
    title="What a fastText classifier of your choice says: label, probabilities, a value on a scale",
    about="""\
A supervised fastText model (Joulin et al. 2017), such as `tamis train-classifier` trains or DataComp-LM,
Dolma and FineWeb publish: quality, topic, genre, toxicity. `label` is the best label without `__label__`, `score`
its probability. `scores` makes the probability of any label a signal; `scale` makes one number of them
all, so that a rule can cut where it likes:

    - classifier:
        as: edu
        model: models/edu.ftz
        scale: {"0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
        keep: {value: [2.5, null]}
    - classifier: {as: toxicity, model: models/toxic.bin, scores: {toxic: __label__1}, keep: {toxic: [null, 0.5]}}

`as` names a use, so a recipe can hold several: their signals are `edu.value`, `toxicity.toxic`. There is no
default rule: what a score means is the model's affair. Look at `tamis what-if` and at the spread of the signal in the
card before you choose a threshold.

The model runs in the compiled loops of the language stage, newlines read as spaces; when it is loaded, they and
the library predict a set of probes, and a model on which they differ runs through the library, and a warning
says so. The file's hash is part of the identity of the signals. A document that holds nothing the model knows has
null signals. Train and predict on texts treated alike: a model that was trained on lower-cased or cut texts wants
such texts here, too (`max_bytes` cuts; letters stay as they are).""",
    config=ClassifierConfig,
    reads=("text",),
    adds=(
        Column("label", pa.string(), "label", "most probable label, without `__label__` (null: nothing to tell from)"),
        Column("score", pa.float32(), "ratio 0..1", "probability of that label"),
    ),
    shape=_shape,
    prepare=_prepare,
    models=lambda config: {"model": config.model},
    check=_check,
)
