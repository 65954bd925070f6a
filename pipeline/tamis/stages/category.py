"""The stage `category`: the genre of documents whose source leaves it open, by rules on their metadata and a model."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, PositiveInt, field_validator, model_validator

from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.kernels.buffers import cut_ends, text_buffers

FIELDS = ("source", "url", "title", "author", "date", "license")


class CategoryRule(StageConfig):
    """One rule: every pattern given must be found."""

    category: str
    """The category of documents that match."""
    source: str | None = None
    """Regular expression (RE2) searched in the source's name."""
    url: str | None = None
    """Searched in the URL."""
    title: str | None = None
    """Searched in the title."""
    author: str | None = None
    """Searched in the author."""
    date: str | None = None
    """Searched in the date."""
    license: str | None = None
    """Searched in the licence."""

    @field_validator(*FIELDS)
    @classmethod
    def _regular(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                pc.match_substring_regex(pa.array([""]), pattern)
            except pa.ArrowInvalid as error:
                raise ValueError(f"{pattern!r} is no regular expression (RE2 syntax): {error}") from None
        return pattern

    @model_validator(mode="after")
    def _decides(self) -> CategoryRule:
        if not any(getattr(self, name) for name in FIELDS):
            raise ValueError(f"a rule needs at least one of {', '.join(FIELDS)}")
        if not re.fullmatch(r"[a-z0-9_]+", self.category):
            raise ValueError(f"{self.category!r} can't name a category: use a-z, 0-9 and _")
        return self


class CategoryConfig(StageConfig):
    """Options of `category`."""

    rules: tuple[CategoryRule, ...] = ()
    """Tried in order; the first that matches decides."""
    model: str | None = None
    """A supervised fastText model (.ftz or .bin) whose labels are categories: a path, `package:` or `hub:` reference.
    It decides where no rule matches. `tamis train-classifier` makes one."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability that the model's label needs at least to decide."""
    max_bytes: PositiveInt | None = None
    """Let the model look only at the first bytes of each document (cut between characters); null: at all of it."""
    default: str | None = None
    """The category of documents that neither a rule nor the model decides on."""


def category_of(label: str) -> str:
    """The category that a model's label stands for: lower case, `__label__` taken off, `_` for what is no letter or
    digit."""
    return re.sub(r"[^a-z0-9]+", "_", label.removeprefix("__label__").lower()).strip("_") or "other"


def _shape(config: CategoryConfig) -> tuple[tuple[str, ...], tuple[Column, ...]]:
    if config.model is None:
        return STAGE.reads, STAGE.adds
    score = Column("score", pa.float32(), "ratio 0..1", "probability of the model's label; null where a rule decided")
    return (*STAGE.reads, "text"), (*STAGE.adds, score)


def _prepare(config: CategoryConfig, models: Models) -> Measure:
    told = _model(config, models["model"]) if config.model is not None else None

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        ruled = _by_rules(config, batch)
        if told is None:
            return measured(batch.num_rows, {"label": pc.fill_null(ruled, config.default) if config.default else ruled})
        label, score = told(batch.column("text"))
        sure = pc.fill_null(pc.greater_equal(score, pa.scalar(config.min_score, pa.float32())), False)
        fallback = pa.scalar(config.default, pa.string())
        open_ = pc.is_null(ruled)
        label = pc.if_else(open_, pc.if_else(sure, label, fallback), ruled)
        return measured(
            batch.num_rows, {"label": label, "score": pc.if_else(open_, score, pa.scalar(None, pa.float32()))}
        )

    return measure


def _by_rules(config: CategoryConfig, batch: pa.RecordBatch) -> Any:
    """The category that the rules give each document, or null."""
    label: Any = pa.nulls(batch.num_rows, pa.string())
    # Backwards, so that the first matching rule has the last word.
    for rule in reversed(config.rules):
        hit: Any = pa.array([True] * batch.num_rows)
        for name in FIELDS:
            pattern = getattr(rule, name)
            if pattern is not None:
                found = pc.match_substring_regex(batch.column(name), pattern)
                hit = pc.and_(hit, pc.fill_null(found, False))
        label = pc.if_else(hit, pa.scalar(rule.category, pa.string()), label)
    return label


def _model(config: CategoryConfig, path: Path) -> Callable[[pa.Array], tuple[Any, Any]]:
    """What the model says of texts: the category, and its probability; null where it knows nothing of a text."""
    from tamis.kernels.fasttext_library import load_classifier

    classifier = load_classifier(path)
    names = pa.array([category_of(label) for label in classifier.labels], pa.string())

    def told(texts: pa.Array) -> tuple[Any, Any]:
        data, offsets = text_buffers(texts)
        starts, ends = offsets[:-1], offsets[1:]
        if config.max_bytes is not None:
            ends = cut_ends(data, starts, ends, config.max_bytes)
        found = classifier.predict(data, starts, ends)
        unknown = (found.labels < 0) | ~found.known
        return names.take(pa.array(found.labels, mask=unknown)), pa.array(found.scores, mask=unknown)

    return told


STAGE = Stage(
    name="category",
    version=1,
    title="Category of documents whose source declares none, by rules on URL and metadata, and by a model",
    about="""A source that declares its category, or maps a column to it, needs no rule: what it says stands.
For the others, rules are tried in order on the document's source, URL, title, author, date and licence, as
regular expressions in RE2 syntax (linear time, no look-around); the first whose patterns are all found
decides. Weights by `language--category` and keep rules under `when: {category: ...}` use the result.

    - category:
        rules:
          - {category: wiki, url: '^https?://[a-z]+[.]wikipedia[.]org/'}
          - {category: forum, url: '/forum/|/thread'}
        default: web

Where no rule matches, a fastText `model` may decide, if the probability of its label is `min_score` or more: its
labels are the categories, in lower case and without `__label__`. It then adds the signal `score`, and reads the text
in the compiled loops of the language stage. The file's hash is part of the identity of the signals.

    - category: {rules: [{category: wiki, url: wikipedia}], model: models/genre.ftz, min_score: 0.7, default: web}
""",
    config=CategoryConfig,
    reads=FIELDS,
    adds=(
        Column(
            "label",
            pa.string(),
            "label",
            "category by the rules, else by the model; null when neither decides and there is no default",
        ),
    ),
    shape=_shape,
    prepare=_prepare,
    models=lambda config: {"model": config.model} if config.model is not None else {},
    provides={"category": "label"},
)
