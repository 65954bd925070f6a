"""What a stage is: one declaration from which validation, schemas, help, docs and the card all come.

A stage is a versioned, named, pure piece of work: `prepare(config, models)` loads what it needs once per
worker and returns `measure`, a function from an Arrow record batch holding the columns in `reads` to a
record batch with the columns in `adds` (and `payload`): same rows, same order. It never drops a row,
never mutates its input, never logs a text.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from tamis.corpus.conditions import Condition
from tamis.described import Described
from tamis.errors import RecipeError, did_you_mean

Measure = Callable[[pa.RecordBatch], pa.RecordBatch]
Models = Mapping[str, Path]
"""Files a stage loads, by the names its `models` function gave them."""

SPANS = pa.list_(
    pa.struct(
        [
            pa.field("start", pa.int64(), nullable=False),
            pa.field("end", pa.int64(), nullable=False),
            pa.field("replacement", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
        ]
    )
)
"""Arrow type of an edit: sorted, disjoint spans; `start` and `end` are UTF-8 byte positions in the text
the stage saw; `replacement` takes their place. A span never holds the text it covers."""


class StageConfig(Described, BaseModel):
    """Base of every stage's measuring options: frozen, and closed to unknown names.

    Every field is part of the identity of what is measured: change one and the signals are new.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


@dataclass(frozen=True)
class Column:
    """One column that a stage adds."""

    name: str
    type: pa.DataType
    unit: str
    """`words`, `ratio 0..1`, `label`, `count`, ..."""
    meaning: str
    """One line."""
    default: Condition | None = None
    """The keep rule that applies when the recipe writes no `keep` for the stage."""
    default_by: Mapping[str, Mapping[str, Condition]] = field(default_factory=dict)
    """Default overrides per value of another column: {"language": {"de": Condition(...)}}."""
    citation: str = ""
    """Where the default comes from."""


class SketchReader(Protocol):
    """What a resolver sees: the rows that are alive, and their sketches; never a text."""

    @property
    def rows(self) -> pa.Table:
        """One row per document alive at this point, in ledger order: id (string), source (string), language
        (string, null when unknown), content_hash (fixed_size_binary 16), priority (int32: higher wins),
        chars (int64)."""
        ...

    def __len__(self) -> int:
        """How many rows."""
        ...

    def pieces(self, column: str) -> Iterable[pa.Array]:
        """One sketch column, or `content_hash`, piece by piece, in the order of `rows`: all of it may not fit in
        memory."""
        ...


Resolve = Callable[[Any, SketchReader, Path], pa.Table]
"""`resolve(config, reader, scratch_folder)`: the stage's `adds` columns, aligned with `reader.rows`."""


@dataclass(frozen=True)
class Partners:
    """Which rows `resolve` could find related to one another, whichever of the rows are taken away: those that have
    a key in common. Too many of them cost time, one too few a wrong result."""

    column: str
    """A sketch column, or `content_hash`. A row where it is null has no partner."""
    keys: Callable[[Any, pa.Array], npt.NDArray[np.uint64]]
    """`keys(config, values)`: shape (keys of a row, rows). Only keys of the same number are compared."""


def _no_columns(_: Any) -> tuple[Column, ...]:
    return ()


def _no_models(_: Any) -> dict[str, str]:
    return {}


def _stage_of_module(module: str, reads: tuple[str, ...], adds: tuple[Column, ...]) -> Stage:
    stage: Stage = importlib.import_module(module).STAGE
    return replace(stage, reads=reads, adds=adds) if stage.from_sources or stage.shape is not None else stage


@dataclass(frozen=True)
class Stage:
    """A stage's declaration: one file each, exported there as `STAGE`."""

    name: str
    version: int
    title: str
    """One line: what it measures."""
    about: str
    """A paragraph or more for `tamis stages NAME`: method, source, limits."""
    config: type[StageConfig]
    reads: tuple[str, ...]
    """Columns of the batch it is given: `text`, document columns, or columns of earlier stages as
    `stage.column`. `language` is the document's language as known so far."""
    adds: tuple[Column, ...]
    """Signals: they go to the ledger, and keep rules may name them."""
    prepare: Callable[[Any, Models], Measure] | None = None
    payload: Callable[[Any], tuple[Column, ...]] = _no_columns
    """Columns kept beside the signals and out of the ledger: a sketch, token ids, spans."""
    models: Callable[[Any], dict[str, str]] = _no_models
    """Model references by name; each file's hash is part of the identity of the signals."""
    check: Callable[[Any, Models], None] | None = None
    """`check(config, models)` raises InputError when the options ask the models for what they don't have: told before
    any text is read."""
    spans: str | None = None
    """An edit: the payload column of type SPANS that rewrites the text for later stages and the release."""
    provides: Mapping[str, str] = field(default_factory=dict)
    """Document columns this stage decides: {"language": "label"} makes its `label` the document's
    language from here on, where the source left it open."""
    resolve: Resolve | None = None
    """A resolver: sees the sketches (`payload`) of all alive rows and adds the signals."""
    partners: Partners | None = None
    """Of a resolver: all that it is asked about. They are found once for the sketches measured, whatever the rules
    then keep of them."""
    alone: Mapping[str, Any] = field(default_factory=dict)
    """A resolver's signals on a row without a partner; null where it names none."""
    resolve_only: frozenset[str] = frozenset()
    """Config fields that only `resolve` reads: changing one measures nothing again."""
    exhaustive: bool = False
    """Measure dropped rows, too, as sketches do: what-if can then say exactly who duplicates whom."""
    from_sources: bool = False
    """Its signals are those that the sources of the recipe bring along."""
    shape: Callable[[Any], tuple[tuple[str, ...], tuple[Column, ...]]] | None = None
    """What the stage reads and adds under a config, where its options decide that; `reads` and `adds` are those of the
    plainest one."""
    once: bool = False
    """It stands in a recipe once at most: what comes after it goes by its name."""
    fit: Callable[[Any], Any] | None = None
    """Options of a model that is fitted on the corpus in the run, or None when the config names one."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process finds the declaration in the stage's own file: its functions needn't travel.
        return _stage_of_module, (self.config.__module__, self.reads, self.adds)

    def with_source_signals(self, types: Mapping[str, pa.DataType]) -> Stage:
        """This declaration with the signals that a recipe's sources bring along, by name."""
        columns = tuple(
            Column(name, type_, "as the source says", "brought along by the source") for name, type_ in types.items()
        )
        return replace(self, reads=tuple(f"source.{name}" for name in types), adds=columns)

    def shaped(self, config: Any) -> Stage:
        """This declaration with the columns that it reads and adds under a config."""
        if self.shape is None:
            return self
        reads, adds = self.shape(config)
        return replace(self, reads=reads, adds=adds)

    @property
    def signals(self) -> dict[str, Column]:
        """`adds` by name."""
        return {column.name: column for column in self.adds}


class Registry:
    """The stages by name."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._stages = {stage.name: stage for stage in stages}

    def __iter__(self) -> Iterator[Stage]:
        return iter(self._stages.values())

    def names(self) -> list[str]:
        """All names, in the recommended order."""
        return list(self._stages)

    def get(self, name: str) -> Stage:
        """The stage of that name, or a RecipeError that names near matches."""
        if name not in self._stages:
            raise RecipeError(f"no stage is called {name!r}.{did_you_mean(name, self._stages)}")
        return self._stages[name]


def measured(rows: int, columns: Mapping[str, pa.Array | npt.NDArray[Any]]) -> pa.RecordBatch:
    """A record batch of new columns, each of `rows` rows, for a stage to return."""
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    for name, values in arrays.items():
        if len(values) != rows:
            raise ValueError(f"column {name!r} has {len(values)} rows for {rows} documents")
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
