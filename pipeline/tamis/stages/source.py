"""The stage `source`: rules on measurements that the sources bring along."""

from __future__ import annotations

import pyarrow as pa

from tamis.corpus.stage import Measure, Models, Stage, StageConfig, measured


class SourceConfig(StageConfig):
    """No options: which fields are read stands under `signals` of each source."""


def _prepare(_: SourceConfig, __: Models) -> Measure:
    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        names = batch.schema.names
        return measured(batch.num_rows, {name.removeprefix("source."): batch.column(name) for name in names})

    return measure


STAGE = Stage(
    name="source",
    version=1,
    title="Measurements that the sources bring along, as signals for keep rules",
    about="""Web corpora come with quality signals of their own: perplexities, classifier scores, upstream
duplicate marks. A source maps them under `signals`, and this stage puts rules on them, so that a threshold can
be tried with `tamis what-if` and every drop is counted, where a `where` filter would leave the row unread:

    sources:
      - name: crawl
        signals: {perplexity: {field: quality.ccnet_perplexity}, edu_score: {field: edu.score}}
    stages:
      - source: {keep: {perplexity: [10, 1000], edu_score: [1, null]}}

A document of a source that does not bring a signal has null there, and passes unless the rule says `nulls: drop`.
It is the cheapest stage: put it first.""",
    config=SourceConfig,
    reads=(),
    adds=(),
    prepare=_prepare,
    from_sources=True,
    once=True,
)
