"""Where a classifier's examples come from: files of labelled rows, or the sources of a recipe.

Both go through ingest, so that a model learns from texts as the stages see them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from tamis.corpus.store import Store
from tamis.engine.reporting import Reporter
from tamis.engine.session import Session
from tamis.errors import InputError, OptionError
from tamis.recipe.model import DETECT, Recipe, Source

AXES = ("category", "source", "language")
"""What a source of a recipe declares, and a model can learn."""


class Rows(NamedTuple):
    """A piece of the corpus."""

    text: pa.Array
    digests: list[bytes]
    """Hash of each text."""
    labels: list[str | None]
    languages: list[str | None]


@dataclass(frozen=True)
class Fields:
    """Fields of labelled rows."""

    text: str
    label: str
    language: str | None = None


def recipe_of_files(files: Sequence[Path], fields: Fields) -> Recipe:
    """A recipe whose only source is files of labelled rows."""
    signals = {"label": {"field": fields.label, "type": "string"}}
    if fields.language is not None:
        signals["language"] = {"field": fields.language, "type": "string"}
    data: dict[str, Any] = {
        "name": "rows",
        "path": [str(path.absolute()) for path in files],
        "columns": {"text": fields.text},
        "signals": signals,
        "license": "LicenseRef-Unknown",
        "license_url": "unknown",
    }
    try:
        source = Source.model_validate(data)
    except ValidationError as error:
        raise OptionError("; ".join(item["msg"] for item in error.errors(include_url=False))) from None
    return Recipe(name="labelled-rows", version="0", sources=(source,), stages=())


def corpus_of(recipe: Recipe, base: Path, work: Path, workers: int, reporter: Reporter) -> Session:
    """The recipe's documents, read where they aren't yet. Its stages are left out: nothing is measured or dropped."""
    store = Store(work)
    session = Session(recipe.model_copy(update={"stages": ()}), base, store, workers, reporter)
    with store.lock(), session.crew:
        session.locate()
        session.ingest(frames=False)
    return session


def check_text(files: Sequence[str], text: str, error: InputError) -> InputError:
    """The error of rows that can't be read: where it is the name of the text's field, in the words of the command."""
    if "missing_text" not in str(error):
        return error
    names = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return InputError(f"{names}: no row has a text in the field {text!r}. Name the field that holds it with --text")


def rows_of(session: Session, axis: str | None) -> Iterator[Rows]:
    """All documents with their labels: what the source says on `axis`, or (None) the rows' own field."""
    for context in session.contexts:
        source = context.source
        wanted = ["text", "content_hash", "language", "category", *(f"source.{name}" for name in source.signals)]
        with pq.ParquetFile(context.shard.path) as file:
            names = [name for name in wanted if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                yield _rows(file.read_row_group(group, columns=names), source, axis)


def _rows(table: pa.Table, source: Source, axis: str | None) -> Rows:
    text = table["text"].combine_chunks()
    text = text if isinstance(text, pa.Array) else pa.concat_arrays(text.chunks)
    languages = _told(table["language"].to_pylist(), None if source.language == DETECT else source.language)
    if axis is None:
        labels = table["source.label"].to_pylist()
        if "source.language" in table.column_names:
            languages = table["source.language"].to_pylist()
    elif axis == "source":
        labels = [source.name] * len(table)
    else:
        labels = languages if axis == "language" else _told(table["category"].to_pylist(), source.category)
    return Rows(text, table["content_hash"].to_pylist(), labels, languages)


def _told(values: list[str | None], declared: str | None) -> list[str | None]:
    return [declared if value is None else value for value in values]


def check_axis(recipe: Recipe, axis: str) -> None:
    """Raises OptionError unless the recipe's sources can tell two labels on the axis."""
    if axis == "source":
        told = {source.name for source in recipe.sources}
    else:
        declared = {getattr(source, axis) for source in recipe.sources} - {None, DETECT}
        mapped = {f"the column of {source.name}" for source in recipe.sources if axis in source.columns}
        told = declared | mapped
    if not told or (len(told) == 1 and not any(one.startswith("the column of") for one in told)):
        raise OptionError(
            f"--label {axis}: a classifier tells at least two labels apart, and the sources of {recipe.name} declare "
            f"{'only ' + next(iter(told)) if told else 'none'}. Write `{axis}:` in each source (or map a column), "
            f"or choose another of {', '.join(AXES)}"
        )
