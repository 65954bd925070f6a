"""CSV and TSV: the first line names the fields, every further record is a row.

CSV is quoted as RFC 4180 has it: a field in double quotes may hold delimiters, line ends and doubled quotes.
TSV knows no quotes (IANA's text/tab-separated-values); a file with tabs and quotes is `csv` with
`delimiter: "\\t"`. A row's place is the line it starts in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pyarrow as pa

from tamis.corpus.documents import InputFile, Reject
from tamis.errors import did_you_mean
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, over, pieces
from tamis.readers.fields import Problem, Role, documents, roles_of, value_of
from tamis.readers.jsonl import blocks
from tamis.readers.values import TYPES, at_path, value_as
from tamis.recipe.model import Source

BATCH_BYTES = 8_000_000
"""Characters of rows that are yielded at a time."""
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_csv(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one CSV file."""
    return _read(source, file, tally, csv.QUOTE_MINIMAL, source.delimiter or ",")


def read_tsv(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one TSV file."""
    return _read(source, file, tally, csv.QUOTE_NONE, source.delimiter or "\t")


def _read(source: Source, file: InputFile, tally: Tally, quoting: int, delimiter: str) -> Iterator[pa.RecordBatch]:
    csv.field_size_limit(source.max_document_bytes)
    rows = _Rows(source, file, tally)
    lines = _Lines(file, source.max_document_bytes)
    parser = csv.reader(lines, delimiter=delimiter, quoting=quoting, doublequote=True)  # type: ignore[arg-type]
    try:
        while True:
            start = lines.number + 1
            try:
                row = next(parser, None)
            except csv.Error as error:
                rows.reject(start, *_problem(error, source.max_document_bytes))
                continue
            for line in lines.taken_out():
                rows.reject(line, "line_too_long", over(source.max_document_bytes))
            if row is None:
                break
            rows.add(max(start, lines.first), row)
            if rows.size >= BATCH_BYTES:
                yield from rows.batch()
    except Damage as damage:
        yield from rows.batch()
        rows.reject(lines.number + 1 if lines.number else None, damage.cause, damage.detail)
    yield from rows.batch()


def _problem(error: csv.Error, limit: int) -> Problem:
    if "field larger" in str(error):
        return "too_large", f"a record {over(limit)}: is a quote open?"
    return "bad_csv", str(error).partition(" - ")[0]


class _Lines:
    """The lines of a file as text; bytes that aren't UTF-8 become lone surrogates, so that their row is known."""

    def __init__(self, file: InputFile, limit: int) -> None:
        self.number = 0
        """Number of the last line given."""
        self.first = 1
        """Line that follows the last one taken out."""
        self._taken_out: list[int] = []
        self._lines = self._all(file, limit)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def taken_out(self) -> list[int]:
        """Lines too long to be given, since the last call."""
        lines, self._taken_out = self._taken_out, []
        return lines

    def _all(self, file: InputFile, limit: int) -> Iterator[str]:
        for block in blocks(pieces(file), limit):
            if block.state == "too_long":
                self._taken_out.append(block.first)
                self.number, self.first = block.first, block.first + 1
                continue
            if block.state == "cut":
                continue
            text = block.data.decode("utf-8", "surrogateescape")
            if block.first == 1:
                text = text.removeprefix("\ufeff")
            lines = text.split("\n")
            if not lines[-1]:
                lines.pop()
            for line in lines:
                self.number += 1
                yield f"{line}\n"


class _Rows:
    """Rows on their way to a batch, once the first one has named the fields."""

    def __init__(self, source: Source, file: InputFile, tally: Tally) -> None:
        self.source, self.file, self.tally = source, file, tally
        self.roles = roles_of(source)
        self.names: list[str] | None = None
        self.places: dict[str, int] = {}
        self.held: list[tuple[int, list[str]]] = []
        self.size = 0

    def reject(self, line: int | None, cause: str, detail: str) -> None:
        self.tally.read += 1
        self.tally.reject(Reject(self.file.name, line, cause, detail))

    def add(self, line: int, row: list[str]) -> None:
        if not row:
            return
        if self.names is None:
            self.names = [name.strip() for name in row]
            self.places = {name: at for at, name in reversed(list(enumerate(self.names)))}
            self._check()
            return
        if len(row) != len(self.names):
            self.reject(line, "wrong_fields", f"{len(row)} fields, the first line names {len(self.names)}")
            return
        self.held.append((line, row))
        self.size += sum(map(len, row)) + 100

    def _check(self) -> None:
        """Raises Damage when no field that a text could come from is there."""
        texts = [role for role in self.roles if role.kind == "text"]
        if not any(".".join(role.path) in self.places for role in texts):
            name = ".".join(texts[0].path)
            names = [name for name in self.places if name.isprintable()][:1000]
            raise Damage("missing_column", f"no field {name!r}.{did_you_mean(name, names)}")

    def _place(self, role: Role) -> tuple[int | None, tuple[str, ...]]:
        """Where a role's field is, and the steps from there into the JSON that it holds."""
        for end in range(len(role.path), 0, -1):
            at = self.places.get(".".join(role.path[:end]))
            if at is not None:
                return at, role.path[end:]
        return None, ()

    def batch(self) -> Iterator[pa.RecordBatch]:
        held, self.held, self.size = self.held, [], 0
        if not held:
            return
        problems: dict[int, Problem] = {}
        columns = {}
        for role in self.roles:
            at, rest = self._place(role)
            if at is None:
                continue
            values = [_valid(row[at]) for _, row in held]
            if role.kind == "text":
                problem = ("bad_utf8", f"{role.name} isn't UTF-8")
                problems |= {index: problem for index, value in enumerate(values) if value is None}
            columns[role.name] = pa.array([_value(value, rest, role) for value in values], TYPES[role.kind])
        lines = pa.array([line for line, _ in held], pa.int64())
        ready = documents(self.source, self.file, columns, lines, self.tally, problems)
        if ready.num_rows:
            yield ready


def _valid(value: str) -> str | None:
    """The value, or None where it isn't UTF-8."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _value(value: str | None, rest: tuple[str, ...], role: Role) -> object:
    """A field as the role's kind: all of CSV is strings, and an empty one says nothing."""
    if rest:
        return value_of(at_path(value, rest), role)
    if role.kind == "text":
        return value
    if value is None or not value.strip():
        return None
    return _BOOLEANS.get(value.strip().lower()) if role.kind == "boolean" else value_as(value, role.kind, True)
