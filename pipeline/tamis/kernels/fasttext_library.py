"""The fastText library behind the same face as the compiled predictor, and the check of one by the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.fasttext import Predictions, Predictor
from tamis.kernels.fasttext_model import Floats, UnsupportedModelError, read_model

_log = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest difference of probabilities on the probes: their sums are too short for rounding to show."""

PROBES = (
    "The river rises in the hills and flows slowly down to the sea.",
    "La rivière prend sa source dans les collines et descend vers la mer.",
    "Der Fluss entspringt in den Hügeln und fließt langsam zum Meer.",
    "El río nace en las colinas y baja despacio hacia el mar.",
    "Il fiume nasce tra le colline e scende lentamente verso il mare.",
    "O rio nasce nas colinas e desce devagar até o mar.",
    "De rivier ontspringt in de heuvels en stroomt langzaam naar de zee.",
    "Rzeka wypływa ze wzgórz i powoli płynie do morza.",
    "Řeka pramení v kopcích a pomalu teče k moři.",
    "Joki saa alkunsa kukkuloilta ja virtaa hitaasti mereen.",
    "Nehir tepelerden doğar ve yavaşça denize akar.",
    "Sông bắt nguồn từ những ngọn đồi và chảy chậm ra biển.",
    "Река берёт начало на холмах и медленно течёт к морю.",
    "Ο ποταμός πηγάζει από τους λόφους και κυλά αργά προς τη θάλασσα.",
    "ينبع النهر من التلال ويجري ببطء نحو البحر.",
    "הנהר נובע בגבעות וזורם לאט אל הים.",
    "नदी पहाड़ियों से निकलती है और धीरे-धीरे समुद्र तक बहती है।",
    "แม่น้ำเริ่มจากเนินเขาและไหลช้าๆ ลงสู่ทะเล",
    "川は丘に源を発し、ゆっくりと海へ流れる。",
    "河流发源于山丘，缓缓流向大海。",
    "강은 언덕에서 시작되어 천천히 바다로 흘러간다.",
    "def area(width, height): return width * height  # 42",
    "12 345,67 -- 89% + 10 = ?",
    "👩‍🚀🎉 ok 👍🏽 …",
    "",
    " \t ",
    "a </s> b __label__none c",
    "one\u00a0two\u2009three\u3000four",
    "x" * 300,
)
"""Short texts in many scripts, and the corners of the tokenizer."""


class Library:
    """The library's own predictions, for models that the compiled loops don't run."""

    def __init__(self, path: Path) -> None:
        import fasttext

        self._model = fasttext.load_model(str(path))
        self.labels: list[str] = list(self._model.labels)
        self._index = {label: i for i, label in enumerate(self.labels)}
        self._of_nothing = self._best([""])

    def predict(self, data: Bytes, starts: Offsets, ends: Offsets) -> Predictions:
        """As `Predictor.predict`, through a Python string for each document."""
        labels, scores = self._best(_strings(data, starts, ends))
        of_no_label, of_no_score = self._of_nothing
        return Predictions(labels, scores, (labels != of_no_label) | (scores != of_no_score))

    def predict_with(self, data: Bytes, starts: Offsets, ends: Offsets, wanted: Offsets) -> tuple[Predictions, Floats]:
        """As `Predictor.predict_with`."""
        of_wanted = np.zeros((len(starts), len(wanted)), np.float32)
        if len(starts) and len(wanted):
            names = [self.labels[label] for label in wanted]
            found = self._model.predict(_strings(data, starts, ends), k=-1)
            for row, (labels, values) in enumerate(zip(*found, strict=True)):
                told = dict(zip(labels, values, strict=True))
                of_wanted[row] = [min(1.0, told.get(name, 0.0)) for name in names]
        return self.predict(data, starts, ends), of_wanted

    def _best(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        labels = np.full(len(texts), -1, np.int32)
        scores = np.zeros(len(texts), np.float32)
        if texts:
            for i, (names, values) in enumerate(zip(*self._model.predict(texts), strict=True)):
                if names:
                    labels[i] = self._index[names[0]]
                    scores[i] = min(1.0, values[0])
        return labels, scores


def _strings(data: Bytes, starts: Offsets, ends: Offsets) -> list[str]:
    return [data[start:end].tobytes().decode().replace("\n", " ") for start, end in zip(starts, ends, strict=True)]


def load_classifier(path: Path, wanted: Callable[[list[str]], Offsets] | None = None) -> Predictor | Library:
    """A supervised fastText model: compiled if it answers the probes as the library does, else the library.

    `wanted`: which labels' probabilities are compared, too, as indexes into the labels that it is given.
    Raises InputError when the file is no such model.
    """
    try:
        predictor = Predictor(read_model(path))
    except UnsupportedModelError as error:
        reason: str | None = f"it has {error}"
        library = Library(path)
    else:
        library = Library(path)
        reason = disagreement(predictor, library, wanted(predictor.labels) if wanted else None)
        if reason is None:
            return predictor
    _log.warning("%s runs through the fastText library, several times slower: %s", path, reason)
    return library


def disagreement(predictor: Predictor, library: Library, wanted: Offsets | None = None) -> str | None:
    """What the compiled predictor and the library answer differently on the probes, or None.

    `wanted`: indexes of labels whose probabilities are compared, too.
    """
    data = "".join(PROBES).encode()
    bounds = np.cumsum([0, *(len(probe.encode()) for probe in PROBES)], dtype=np.int64)
    column = np.frombuffer(data, np.uint8)
    asked = np.zeros(0, np.int64) if wanted is None else wanted
    ours, our_scores = predictor.predict_with(column, bounds[:-1], bounds[1:], asked)
    theirs, their_scores = library.predict_with(column, bounds[:-1], bounds[1:], asked)
    for i, probe in enumerate(PROBES):
        gap = abs(float(ours.scores[i]) - float(theirs.scores[i]))
        if ours.labels[i] != theirs.labels[i] or gap > TOLERANCE:
            answers = [
                f"{model.labels[found.labels[i]] if found.labels[i] >= 0 else None} {found.scores[i]:.6f}"
                for model, found in ((predictor, ours), (library, theirs))
            ]
            return f"{probe[:40]!r}: {answers[0]}, the library {answers[1]}"
        apart = np.abs(our_scores[i] - their_scores[i])
        if apart.size and apart.max() > TOLERANCE:
            label = predictor.labels[asked[apart.argmax()]]
            return f"{probe[:40]!r}: the probability of {label} is {apart.max():.6f} from the library's"
    return None
