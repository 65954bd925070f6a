"""What the reader tests share: reading given bytes as a file of a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tamis.corpus.documents import InputFile
from tamis.readers import reader_of
from tamis.readers.contract import Tally, raw_schema
from tamis.recipe.model import Source

Reading = Callable[..., tuple[list[dict[str, Any]], Tally]]


def source_of(**fields: Any) -> Source:
    return Source.model_validate({"name": "s", "path": "x", "license": "CC0-1.0", **fields})


def read_file(file: InputFile, **fields: Any) -> tuple[list[dict[str, Any]], Tally]:
    """Rows and tally; checks what every reader promises."""
    source, tally = source_of(**fields), Tally()
    rows: list[dict[str, Any]] = []
    for batch in reader_of(source, file)(source, file, tally):
        assert batch.schema == raw_schema(source)
        batch.validate(full=True)
        rows += batch.to_pylist()
    assert tally.read == len(rows) + tally.filtered + sum(tally.causes.values())
    assert len(tally.rejects) == min(sum(tally.causes.values()), 1000)
    return rows, tally


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """`reading(data, name, **source fields)` -> rows and tally of a file with these bytes."""
    folder = tmp_path_factory.mktemp("reading")

    def read(data: bytes, name: str, **fields: Any) -> tuple[list[dict[str, Any]], Tally]:
        path = folder / name
        path.write_bytes(data)
        return read_file(InputFile(name, str(path), len(data), "f"), **fields)

    return read


@pytest.fixture(scope="session")
def reading_file() -> Reading:
    """`reading_file(InputFile, **source fields)` -> rows and tally."""
    return read_file


@pytest.fixture(scope="session")
def make_source() -> Callable[..., Source]:
    """A source with these fields."""
    return source_of


@pytest.fixture(scope="session")
def input_of() -> Callable[[Path], InputFile]:
    """A local file as `locate` describes it."""
    return lambda path: InputFile(path.name, str(path), path.stat().st_size if path.exists() else 0, "f")
