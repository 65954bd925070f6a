"""Cleaners at work: on the raw texts of a batch, row by row counted, before normalisation."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.cleaners.contract import EachText, Place, WholeBatch, Work
from tamis.corpus.documents import Reject
from tamis.corpus.references import content_hash, resolve
from tamis.errors import InputError
from tamis.readers.contract import Tally
from tamis.recipe.cleaning import Cleaning
from tamis.recipe.load import expand
from tamis.recipe.model import Source

FAILED, REJECTED = "cleaner_failed", "cleaner_rejected"
"""Causes of rejects: what a cleaner raised on a text, and a row that one gave up."""


@dataclass
class Count:
    """What one cleaner did to the rows read."""

    documents: int = 0
    """Texts changed."""
    chars: int = 0
    """Characters taken from them; below zero where there are more than before."""


def cleaning_key(source: Source, base: Path) -> list[Any]:
    """What the cleaned text of a source depends on: cleaners, versions, options, the files and libraries they use.
    Raises InputError for a file or library that isn't there."""
    stated = cleaners_of(source, base)
    return [[facts, use.config.model_dump(mode="json")] for facts, use in zip(stated, source.clean, strict=True)]


def cleaners_of(source: Source, base: Path) -> list[dict[str, Any]]:
    """Each cleaner of a source as the manifest names it. Raises InputError for a file or library that isn't there."""
    return [
        {
            "name": use.name,
            "version": use.cleaner.version,
            "options": use.config.model_dump(mode="json", exclude_defaults=True),
            "files": {name: content_hash(path) for name, path in _files(use, base).items()},
            "libraries": {library: _version(use, library) for library in use.cleaner.libraries},
        }
        for use in source.clean
    ]


def check_cleaning(source: Source, base: Path) -> None:
    """Raises InputError when a cleaner of the source can't work: a function or a file that isn't there."""
    for use in source.clean:
        prepared(use, base, source.name)


def prepared(use: Cleaning, base: Path, source: str) -> Work:
    """A cleaner with its options, ready to work."""
    try:
        return use.cleaner.prepare(use.config, Place(_files(use, base), base))
    except InputError as error:
        raise InputError(f"source {source}: {error}") from None


def _files(use: Cleaning, base: Path) -> dict[str, Path]:
    return {name: resolve(expand(reference), base) for name, reference in use.cleaner.files(use.config).items()}


def _version(use: Cleaning, library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        raise InputError(f"cleaner {use.name} needs the package {library}: pip install {library}") from None


class Cleaners:
    """The cleaners of a source, at work on its batches."""

    def __init__(self, source: Source, base: Path) -> None:
        self.stated = cleaners_of(source, base)
        self.works = [(use.name, prepared(use, base, source.name)) for use in source.clean]
        self.counts = [Count() for _ in source.clean]

    def record(self) -> list[dict[str, Any]]:
        """Each cleaner and what it did so far."""
        return [{**facts, **asdict(count)} for facts, count in zip(self.stated, self.counts, strict=True)]

    def apply(self, batch: pa.RecordBatch, file: str, tally: Tally) -> pa.RecordBatch:
        """The batch with cleaned texts; rows that a cleaner fails on or gives up are rejects."""
        for (name, work), count in zip(self.works, self.counts, strict=True):
            column = batch.schema.get_field_index("text")
            before = batch.column(column)
            lost: dict[int, Reject] = {}
            if isinstance(work, WholeBatch):
                after = _all_changed(before, work, count)
            else:
                after, lost = _each_changed(before, work, count)
            batch = batch.set_column(column, batch.schema.field(column), after)
            if lost:
                batch = _without(batch, name, lost, file, tally)
        return batch


def with_line_feeds(texts: pa.Array) -> pa.Array:
    """Large strings with "\\n" for CR LF and CR, as normalisation makes them: cleaners know no other line end."""
    if not pc.any(pc.match_substring(texts, "\r")).as_py():
        return texts
    return pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")


def _all_changed(before: pa.Array, work: WholeBatch, count: Count) -> pa.Array:
    after = work.clean(before)
    changed = pc.not_equal(before, after)
    count.documents += pc.sum(changed).as_py() or 0
    count.chars += (pc.sum(pc.utf8_length(before)).as_py() or 0) - (pc.sum(pc.utf8_length(after)).as_py() or 0)
    return after


def _each_changed(before: pa.Array, work: EachText, count: Count) -> tuple[pa.Array, dict[int, Reject]]:
    """The texts, changed one by one, and by row what became of those that are lost (a reject without its place)."""
    if work.concerns is None:
        rows: Sequence[int] = range(len(before))
    else:
        rows = pc.indices_nonzero(work.concerns(before)).to_pylist()
    lost: dict[int, Reject] = {}
    changed: dict[int, bytes] = {}
    for row in rows:
        text = before[row].as_py()
        try:
            cleaned = work.clean(text)
            if cleaned is None:
                lost[row] = Reject("", None, REJECTED, "it gave the text up")
                continue
            if not isinstance(cleaned, str):
                raise TypeError(f"it returned {type(cleaned).__name__}, not str")
            if cleaned != text:
                changed[row] = cleaned.encode()
        except Exception as error:  # noqa: BLE001  whatever a text does to a cleaner, the others go on
            lost[row] = Reject("", None, FAILED, _told(error))
            continue
        if row in changed:
            count.documents += 1
            count.chars += len(text) - len(cleaned)
    if not changed:
        return before, lost
    mask = [False] * len(before)
    for row in changed:
        mask[row] = True
    texts = pa.array(list(changed.values()), pa.large_binary()).cast(pa.large_string())
    return pc.replace_with_mask(before, pa.array(mask), texts), lost


def _told(error: Exception) -> str:
    """What was raised and where, without any of the text, which a message may hold."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    message = f": {error}" if isinstance(error, TypeError) and Path(frame.filename) == Path(__file__) else ""
    return f"{type(error).__name__}{message} at {Path(frame.filename).name}:{frame.lineno}"


def _without(batch: pa.RecordBatch, name: str, lost: dict[int, Reject], file: str, tally: Tally) -> pa.RecordBatch:
    lines = batch.column("line").to_pylist()
    for row, reject in lost.items():
        tally.reject(Reject(file, lines[row], reject.cause, f"cleaner {name}: {reject.detail}"))
    return batch.filter(pa.array([row not in lost for row in range(batch.num_rows)], pa.bool_()))
