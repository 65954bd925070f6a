"""What reviewers said: a log beside the release, one JSON object a line, only ever added to.

The log is `NAME-VERSION.review.jsonl` beside the folder of the release: outside what is sealed, and still there when
the release is made again. In a release, `stats/review.csv` holds the last verdict of every reviewer on every sample,
reviewers by number: `tamis card` makes it of the log.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from tamis.errors import InputError, OptionError
from tamis.review.samples import Sample

VERDICTS = ("keep", "drop", "unsure")
REVIEW = "stats/review.csv"
_HEADER = ("document", "reviewer", "verdict")
NOTE = 2000
"""Characters of a note, at most."""


@dataclass(frozen=True)
class Verdict:
    """One line of the log."""

    document: str
    stratum: str
    verdict: str
    """One of VERDICTS."""
    reviewer: str
    """A pseudonym."""
    time: str
    """UTC, to the second."""
    shown: str
    """Hash of the text that was shown."""
    note: str = ""


class Given(NamedTuple):
    """A verdict as the release has it."""

    document: str
    reviewer: int
    """From 1 on, in the order of their first verdicts."""
    verdict: str


def log_of(release: Path) -> Path:
    """Where the verdicts on a release are."""
    whole = release.resolve()
    return whole.with_name(f"{whole.name}.review.jsonl")


def now() -> str:
    """The time, as the log has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def append(log: Path, verdict: Verdict) -> None:
    """Adds a line, and has it on disk when it returns. What a killed writer left half-written stays a line of its own.

    Several processes may add to one log. Raises OptionError where it can't be written.
    """
    line = orjson.dumps(asdict(verdict)) + b"\n"
    try:
        handle = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OptionError(f"{log} can't be written: {error.strerror}. Copy the release to where it can") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read_log(log: Path) -> list[Verdict]:
    """All whole lines, in order; none where there is no log.

    A line that is no JSON is what a killed writer left. Raises InputError for one that is JSON and no verdict.
    """
    if not log.exists():
        return []
    found = []
    for number, line in enumerate(log.read_bytes().splitlines(), 1):
        try:
            data = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        try:
            verdict = Verdict(**data)
        except TypeError as error:
            raise InputError(f"{log}:{number}: no verdict: {error}") from error
        if verdict.verdict not in VERDICTS:
            raise InputError(f"{log}:{number}: the verdict is {verdict.verdict!r}; allowed are {', '.join(VERDICTS)}")
        found.append(verdict)
    return found


def latest(verdicts: Iterable[Verdict], samples: Sequence[Sample]) -> dict[tuple[str, str], Verdict]:
    """The last verdict of every reviewer on every sample, by reviewer and document; not those on other texts."""
    shown = {sample.id: sample.shown for sample in samples}
    return {(one.reviewer, one.document): one for one in verdicts if shown.get(one.document) == one.shown}


def given(verdicts: Sequence[Verdict], samples: Sequence[Sample]) -> list[Given]:
    """The last verdicts without names, by document and reviewer."""
    last = latest(verdicts, samples)
    numbers: dict[str, int] = {}
    for one in verdicts:
        if (one.reviewer, one.document) in last:
            numbers.setdefault(one.reviewer, len(numbers) + 1)
    return sorted(Given(one.document, numbers[one.reviewer], one.verdict) for one in last.values())


def to_csv(rows: Iterable[Given]) -> bytes:
    """`stats/review.csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(rows)
    return out.getvalue().encode()


def read_given(release: Path) -> list[Given]:
    """The verdicts that a release has; none where it has none."""
    path = release / REVIEW
    return parse_given(path.read_bytes()) if path.is_file() else []


def parse_given(content: bytes) -> list[Given]:
    """The verdicts in a `stats/review.csv`. A line that is none is left out."""
    rows: Iterable[Mapping[str, str | None]] = csv.DictReader(io.StringIO(content.decode(errors="replace"), newline=""))
    return [
        Given(str(row["document"]), int(str(row["reviewer"])), str(row["verdict"]))
        for row in rows
        if str(row.get("reviewer")).isdigit() and row.get("verdict") in VERDICTS
    ]
