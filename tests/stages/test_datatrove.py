"""The stage datatrove: filters of the library and of one's own, their failures, their mistakes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import C4ParagraphFilter, RegexFilter
from datatrove.pipeline.filters.base_filter import BaseFilter
from pydantic import ValidationError

from tamis.errors import InputError
from tamis.stages import datatrove as module
from tamis.stages.datatrove import STAGE, DatatroveConfig

PARAGRAPH = "datatrove.pipeline.filters.C4ParagraphFilter"
REGEX = "datatrove.pipeline.filters.RegexFilter"


class Picky(BaseFilter):
    """Fails on texts with a number, and looks at the metadata."""

    name = "picky"

    def __init__(self, language: str = "fr", wants: str | None = None) -> None:
        super().__init__()
        self.language, self.wants = language, wants

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        if self.wants:
            __import__(self.wants)
        if any(char.isdigit() for char in doc.text):
            raise ValueError(f"a secret: {doc.text}")
        doc.text = "changed"
        if doc.metadata.get("language") != self.language:
            return False, f"is {doc.metadata.get('language')}"
        return "url" in doc.metadata


class Broken(Picky):
    def __init__(self) -> None:
        raise RuntimeError("no model")


OWN = f"{__name__}.Picky"


def batch(texts: list[str], languages: list[str | None] | None = None, urls: list[str | None] | None = None) -> Any:
    rows = len(texts)
    columns = {
        "text": pa.array(texts, pa.large_string()),
        "id": pa.array([f"s:{n}" for n in range(rows)], pa.string()),
        "language": pa.array(languages or ["fr"] * rows, pa.string()),
        "source": pa.array(["s"] * rows, pa.string()),
        "category": pa.nulls(rows, pa.string()),
        "url": pa.array(urls or [None] * rows, pa.string()),
    }
    return pa.record_batch([columns[name] for name in STAGE.reads], names=list(STAGE.reads))


def measure(given: pa.RecordBatch, filter_: str, **fields: Any) -> dict[str, list[Any]]:
    assert STAGE.prepare is not None
    # As a recipe's options are read.
    config = DatatroveConfig.model_validate_json(json.dumps({"filter": filter_, **fields}), strict=True)
    out = STAGE.prepare(config, {})(given)
    assert [(f.name, f.type) for f in out.schema] == [(c.name, c.type) for c in STAGE.adds]
    found: dict[str, list[Any]] = out.to_pydict()
    return found


def test_the_word_is_the_filters() -> None:
    texts = ["one line", "\n".join(["long " * 50] * 3), "lorem ipsum", ""]
    theirs = C4ParagraphFilter()
    answers = [theirs.filter(Document(text, "one")) for text in texts]
    found = measure(batch(texts), PARAGRAPH)
    assert found["kept"] == [answer is True for answer in answers] == [False, True, False, False]
    assert found["reason"] == [None if answer is True else answer[1] for answer in answers]  # type: ignore[index]
    assert found["error"] == [None] * 4


def test_options_reach_the_filter() -> None:
    texts = ["Lorem Ipsum", "dolor"]
    theirs = RegexFilter(regex_exp="(?i)lorem ipsum")
    expected = [theirs.filter(Document(text, "one")) for text in texts]
    found = measure(batch(texts), REGEX, options={"regex_exp": "(?i)lorem ipsum"})
    assert found["kept"] == [answer is True for answer in expected]
    assert len(set(found["kept"])) == 2


def test_a_filter_of_ones_own_sees_metadata_and_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    given = batch(
        ["abc", "def", "ghi", "2nd", "3rd"], ["fr", "de", None, "fr", "fr"], ["http://a.example"] + [None] * 4
    )
    with caplog.at_level(logging.WARNING):
        found = measure(given, OWN)
    assert found["kept"] == [True, False, False, None, None]
    assert found["reason"] == [None, "is de", "is None", None, None]
    assert found["error"] == [None, None, None, "ValueError", "ValueError"]
    # Said once, and never with the text.
    assert len(caplog.messages) == 1 and "ValueError" in caplog.messages[0] and "secret" not in caplog.text
    assert measure(batch(["abc"]), OWN)["reason"] == ["dropped"]
    assert measure(batch(["abc"]), OWN, options={"language": "de"})["reason"] == ["is fr"]


def test_the_default_rule_keeps_what_the_filter_keeps() -> None:
    rule = STAGE.signals["kept"].default
    assert rule is not None and rule.is_ is True and rule.nulls == "keep"
    assert all(column.default is None for name, column in STAGE.signals.items() if name != "kept")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"filter": "GopherQualityFilter"}, ["pattern"]),
        ({"filter": "no_such_package.Filter"}, ["no_such_package", "tamis[datatrove]"]),
        ({"filter": "datatrove.pipeline.filters.GopherQuality"}, ["no filter", "'GopherQualityFilter'"]),
        ({"filter": "datatrove.pipeline.filters.BaseFilter"}, ["no filter"]),
        ({"filter": "datatrove.pipeline.formatters.PIIFormatter"}, ["no filter"]),
        ({"filter": "datatrove.pipeline.filters.SamplerFilter", "options": {"rate": 0.5}}, ["sample_rate"]),
        ({"filter": REGEX}, ["regex_exp"]),
        ({"filter": REGEX, "options": {"regex": "a"}}, ["no option 'regex'", "'regex_exp'"]),
        ({"filter": PARAGRAPH, "options": {"exclusion_writer": None}}, ["ledger"]),
    ],
)
def test_mistakes_are_told_when_the_recipe_is_read(fields: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        DatatroveConfig(**fields)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise RuntimeError('no key')", "RuntimeError: no key"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_fails_is_told(code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "filters_of_mine.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValidationError, match=f"importing filters_of_mine failed with {said}"):
        DatatroveConfig(filter="filters_of_mine.Mine")


def test_a_module_without_filters_has_none_to_offer() -> None:
    with pytest.raises(ValidationError) as raised:
        DatatroveConfig(filter="json.JSONDecoder")
    assert "allowed" not in str(raised.value)


def test_what_ends_the_run() -> None:
    assert STAGE.prepare is not None
    with pytest.raises(InputError, match="no model"):
        STAGE.prepare(DatatroveConfig(filter=f"{__name__}.Broken"), {})
    with pytest.raises(InputError, match=r"datatrove==0\.0\.1"):
        STAGE.prepare(DatatroveConfig(filter=PARAGRAPH, library="0.0.1"), {})
    with pytest.raises(InputError, match="no_such_package"):
        measure(batch(["abc"]), OWN, options={"wants": "no_such_package"})


def test_a_recipe_is_read_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", lambda: None)
    assert STAGE.prepare is not None
    config = DatatroveConfig(filter="anything.at.All")
    assert config.library is None
    with pytest.raises(InputError, match=r"pip install 'tamis\[datatrove\]'"):
        STAGE.prepare(config, {})


def test_the_librarys_version_is_part_of_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    here = DatatroveConfig(filter=PARAGRAPH).model_dump(mode="json")
    assert here["library"] and here["version"] == "1"
    assert DatatroveConfig.model_validate(here).model_dump(mode="json") == here
    monkeypatch.setattr(module, "_installed", lambda: "99.0")
    assert DatatroveConfig(filter=PARAGRAPH).model_dump(mode="json") == {**here, "library": "99.0"}
