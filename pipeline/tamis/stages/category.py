"""The stage `category`: the genre of documents whose source leaves it open, by rules on their metadata."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator, model_validator

from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured

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
    default: str | None = None
    """The category of documents that no rule matches."""


def _prepare(config: CategoryConfig, _: Models) -> Measure:
    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        label: Any = pa.array([config.default] * batch.num_rows, pa.string())
        # Backwards, so that the first matching rule has the last word.
        for rule in reversed(config.rules):
            hit: Any = pa.array([True] * batch.num_rows)
            for name in FIELDS:
                pattern = getattr(rule, name)
                if pattern is not None:
                    found = pc.match_substring_regex(batch.column(name), pattern)
                    hit = pc.and_(hit, pc.fill_null(found, False))
            label = pc.if_else(hit, pa.scalar(rule.category, pa.string()), label)
        return measured(batch.num_rows, {"label": label})

    return measure


STAGE = Stage(
    name="category",
    version=1,
    title="Category of documents whose source declares none, by rules on URL and metadata",
    about="""A source that declares its category, or maps a column to it, needs no rule: what it says stands.
For the others, rules are tried in order on the document's source, URL, title, author, date and licence, as
regular expressions in RE2 syntax (linear time, no look-around); the first whose patterns are all found
decides. Weights by `language--category` and keep rules under `when: {category: ...}` use the result.

    - category:
        rules:
          - {category: wiki, url: '^https?://[a-z]+[.]wikipedia[.]org/'}
          - {category: forum, url: '/forum/|/thread'}
        default: web
""",
    config=CategoryConfig,
    reads=FIELDS,
    adds=(
        Column(
            "label",
            pa.string(),
            "label",
            "category by the rules; null when none matches and there is no default",
        ),
    ),
    prepare=_prepare,
    provides={"category": "label"},
)
