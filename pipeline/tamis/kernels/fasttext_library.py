"""The fastText library behind the same face as the compiled predictor, and the check of one by the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.fasttext import Predictions, Predictor

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
        texts = [data[start:end].tobytes().decode().replace("\n", " ") for start, end in zip(starts, ends, strict=True)]
        labels, scores = self._best(texts)
        of_no_label, of_no_score = self._of_nothing
        return Predictions(labels, scores, (labels != of_no_label) | (scores != of_no_score))

    def _best(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        labels = np.full(len(texts), -1, np.int32)
        scores = np.zeros(len(texts), np.float32)
        if texts:
            for i, (names, values) in enumerate(zip(*self._model.predict(texts), strict=True)):
                if names:
                    labels[i] = self._index[names[0]]
                    scores[i] = min(1.0, values[0])
        return labels, scores


def disagreement(predictor: Predictor, library: Library) -> str | None:
    """What the compiled predictor and the library answer differently on the probes, or None."""
    data = "".join(PROBES).encode()
    bounds = np.cumsum([0, *(len(probe.encode()) for probe in PROBES)], dtype=np.int64)
    column = np.frombuffer(data, np.uint8)
    ours = predictor.predict(column, bounds[:-1], bounds[1:])
    theirs = library.predict(column, bounds[:-1], bounds[1:])
    for i, probe in enumerate(PROBES):
        gap = abs(float(ours.scores[i]) - float(theirs.scores[i]))
        if ours.labels[i] != theirs.labels[i] or gap > TOLERANCE:
            answers = [
                f"{model.labels[found.labels[i]] if found.labels[i] >= 0 else None} {found.scores[i]:.6f}"
                for model, found in ((predictor, ours), (library, theirs))
            ]
            return f"{probe[:40]!r}: {answers[0]}, the library {answers[1]}"
    return None
