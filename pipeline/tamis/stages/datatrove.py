"""Any filter of datatrove, or written for it, as a stage: asked document by document whether it keeps the text."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import Field, JsonValue, model_validator

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from datatrove.pipeline.filters.base_filter import BaseFilter

_log = logging.getLogger(__name__)

_INSTALL = "Run: pip install 'tamis[datatrove]'"
_INSTEAD = {
    "SamplerFilter": "its draw hangs on the order of documents; write `sample_rate` in the source",
    "LambdaFilter": "a recipe holds no functions; write a subclass of BaseFilter and name it by its dotted path",
}
"""Filters that can't be a stage, and what to do instead."""
_METADATA = ("language", "source", "category", "url")
"""Columns that a filter finds in a document's metadata, where they are known."""


def _installed() -> str | None:
    """The version of datatrove here."""
    try:
        return version("datatrove")
    except PackageNotFoundError:
        return None


class DatatroveConfig(StageConfig):
    """Which filter is asked."""

    filter: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", max_length=300)]
    """Dotted path of a subclass of datatrove's `BaseFilter`: `datatrove.pipeline.filters.GopherQualityFilter`, or one
    of your own that Python can import."""
    options: Mapping[str, JsonValue] = {}
    """What the filter's constructor takes, by name."""
    version: Annotated[str, Field(min_length=1, max_length=100)] = "1"
    """Part of what is measured: give it another value when a filter of your own, or a file that it loads, has changed.
    What is in datatrove itself is known by `library`."""
    library: str | None = None
    """Version of datatrove; filled in with the one that is installed. Written here, it is insisted on."""

    @model_validator(mode="before")
    @classmethod
    def _with_library(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("library") is None:
            return {**data, "library": _installed()}
        return data

    @model_validator(mode="after")
    def _can_be_made(self) -> DatatroveConfig:
        # Where the library is missing, a recipe or release can still be read; only measuring needs it.
        if _installed() is not None:
            try:
                _signature_of(_class_of(self.filter), self.options)
            except InputError as error:
                raise ValueError(str(error)) from error
        return self


def _class_of(path: str) -> type[BaseFilter]:
    """The filter's class; InputError when there is none of that name, or it can't be a stage."""
    module_name, _, name = path.rpartition(".")
    try:
        from datatrove.pipeline.filters.base_filter import BaseFilter

        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"the filter {path!r} can't be imported: {error}. {_INSTALL}, or correct the path") from error
    except (Exception, SystemExit) as error:  # any code may stand there
        said = f"{type(error).__name__}: {error}"
        raise InputError(f"the filter {path!r}: importing {module_name} failed with {said}. Mend it") from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseFilter)) or inspect.isabstract(found):
        filters = {n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, BaseFilter)}
        there = did_you_mean(name, filters - {"BaseFilter"}) if filters - {"BaseFilter"} else ""
        raise InputError(
            f"{module_name} has no filter {name!r}: a subclass of BaseFilter with a method `filter`.{there}"
        )
    if found.__module__.startswith("datatrove.") and name in _INSTEAD:
        raise InputError(f"{name} can't be a stage: {_INSTEAD[name]}")
    return found


def _signature_of(filter_: type[BaseFilter], options: Mapping[str, Any]) -> None:
    """InputError when the constructor doesn't take the options."""
    taken = inspect.signature(filter_).parameters
    for name in options:
        if name == "exclusion_writer":
            raise InputError("`exclusion_writer` has nothing to do here: the ledger remembers what is dropped, and why")
        if name not in taken and all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in taken.values()):
            allowed = set(taken) - {"exclusion_writer"}
            raise InputError(f"{filter_.__name__} has no option {name!r}.{did_you_mean(name, allowed)}")
    try:
        inspect.signature(filter_).bind(**options)
    except TypeError as error:
        raise InputError(f"{filter_.__name__}: {error}") from error


def _made(config: DatatroveConfig) -> BaseFilter:
    """The filter, set up."""
    installed = _installed()
    if installed is None:
        raise InputError(f"stage datatrove needs the package datatrove, which isn't installed. {_INSTALL}")
    if config.library != installed:
        raise InputError(
            f"stage datatrove: the recipe has `library: {config.library}`, and datatrove {installed} is installed. "
            f"Install datatrove=={config.library}, or take `library` out of the recipe"
        )
    from loguru import logger

    # It writes to the terminal by itself, texts included.
    logger.disable("datatrove")
    filter_ = _class_of(config.filter)
    try:
        return filter_(**config.options)
    except ImportError as error:
        raise InputError(f"{config.filter} needs a package that isn't installed: {error}. {_INSTALL}") from error
    except Exception as error:
        raise InputError(f"{config.filter} can't be set up with these options: {error}") from error


class _Verdict(NamedTuple):
    kept: bool | None
    reason: str | None
    error: str | None


def _documents(batch: pa.RecordBatch) -> Iterator[Any]:
    from datatrove.data import Document

    columns = [batch.column(name) for name in ("id", "text", *_METADATA)]
    for row in range(batch.num_rows):
        id_, text, *known = (column[row].as_py() for column in columns)
        metadata = {name: value for name, value in zip(_METADATA, known, strict=True) if value is not None}
        yield Document(text, id_, metadata=metadata)


def _prepare(config: DatatroveConfig, _: Models) -> Measure:
    filter_ = _made(config)
    told: set[str] = set()

    def ask(document: Any) -> _Verdict:
        try:
            answer = filter_.filter(document)
        except ImportError as error:
            raise InputError(f"{config.filter} needs a package that isn't installed: {error}. {_INSTALL}") from error
        except Exception as error:  # noqa: BLE001 - any code may stand here, and one document must not end the run
            # Its message may quote the text.
            name = type(error).__name__
            if name not in told:
                told.add(name)
                _log.warning("%s failed on a document with %s: see the signal `error`", config.filter, name)
            return _Verdict(None, None, name)
        kept, reason = answer if isinstance(answer, tuple) else (answer, None)
        return _Verdict(bool(kept), None if kept else str(reason or "dropped"), None)

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        verdicts = [ask(document) for document in _documents(batch)]
        columns = {
            column.name: pa.array([getattr(verdict, column.name) for verdict in verdicts], column.type)
            for column in STAGE.adds
        }
        return measured(batch.num_rows, columns)

    return measure


STAGE = Stage(
    name="datatrove",
    version=1,
    title="Any filter of datatrove, or written for it, by its dotted path",
    about="""\
Asks a filter of datatrove whether it keeps a document, one document at a time:

    stages:
      - datatrove:
          filter: datatrove.pipeline.filters.GopherQualityFilter
          options: {min_doc_words: 60, language: fra}
          keep: {kept: true}

This is for filters that Tamis has no stage for, and for your own subclasses of `BaseFilter`. Each text becomes a Python
object and most filters cut it into words with spaCy, so it is a hundred to a thousand times slower than a stage of
Tamis that does the same: `docs/datatrove.md` names one for every filter. A filter says yes or no, so a threshold in its
`options` is part of what is measured, where those of `keep` rules cost nothing to change.

The filter sees `text`, `id` and, in its metadata, `language`, `source`, `category` and `url`, where they are known. Its
word is all that counts: what it writes into the text or the metadata is lost, since a stage rewrites text by spans
(`c4` cuts lines as datatrove's `C4QualityFilter` does). Formatters are no filters, and can't be named.

A document on which the filter fails has null for `kept` and `reason`, and the class of the exception in `error`, so
the ledger counts them; it is kept, unless the rule is `kept: {is: true, nulls: drop}`. A package that the filter
wants and doesn't find ends the run.

A filter must say the same of a text whatever came before it. `SamplerFilter`, and `C4BadWordsFilter` with a
`keep_fraction`, draw by the order of documents. What a filter downloads, it downloads on its own. A recipe that names a
filter runs its code: read recipes by others before you run them.""",
    config=DatatroveConfig,
    reads=("text", "id", *_METADATA),
    adds=(
        Column(
            "kept",
            pa.bool_(),
            "flag",
            "Whether the filter keeps the document; null where it failed.",
            default=Condition(is_=True),
            citation="the filter's own decision",
        ),
        Column("reason", pa.string(), "label", "Why the filter drops it, in the filter's words; null if it doesn't."),
        Column(
            "error", pa.string(), "label", "Class of the exception with which the filter failed; null if it didn't."
        ),
    ),
    prepare=_prepare,
)
