"""JSON Lines, plain or compressed. Empty lines are skipped; every other line is a row.

A block of whole lines is parsed by Arrow at once, with the types that the source's roles ask for. Where
that fails, the block is taken line by line: bad lines become rejects, the others stay. Of a key that
stands twice in an object, the last value counts. NaN and Infinity are read (as null): Python writes them.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.json as pajson

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, over, pieces
from tamis.readers.fields import Fields, Problem, Role, documents, roles_of, value_of
from tamis.readers.values import TYPES, at_path
from tamis.recipe.model import Source

BLOCK_BYTES = 16_000_000
"""Bytes of lines parsed and yielded at a time (a longer line is a block of its own)."""
_LISTS = pa.list_(pa.list_(pa.float64()))
"""What most signals that are aggregated are: [start, end, value] several times."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Some lines of a file."""

    first: int
    """Number of the first line, from 1."""
    data: bytes
    """The lines; every one but the file's last ends in a newline."""
    state: str = "whole"
    """`cut`: one line that damage cut short; `too_long`: one line over the limit, without its data."""


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one JSONL file."""
    parser = _Parser(source, file, tally)
    last: Block | None = None
    try:
        for block in blocks(pieces(file), source.max_document_bytes):
            last = block
            if block.state == "too_long":
                parser.reject(block.first, "line_too_long", over(source.max_document_bytes))
                continue
            batch = parser.parse(block)
            if batch is not None and batch.num_rows:
                yield batch
    except Damage as damage:
        reached = 1 if last is None else last.first + last.data.count(b"\n")
        parser.reject(reached if reached > 1 else None, damage.cause, damage.detail)


def blocks(stream: Iterator[bytes], limit: int) -> Iterator[Block]:
    """Cuts a stream of bytes at line ends into blocks of about BLOCK_BYTES; a line over `limit` bytes is a block of
    its own, without its data.

    A Damage in the stream is raised after everything before it was given.
    """
    for block in _uneven(stream, limit):
        yield from (block,) if len(block.data) <= limit else _parted(block, limit)


def _parted(block: Block, limit: int) -> Iterator[Block]:
    """The block without lines that are too long, wherever the stream's pieces happened to end."""
    kept: list[bytes] = []
    number = first = block.first
    for line in io.BytesIO(block.data):
        if len(line) - line.endswith(b"\n") > limit:
            if kept:
                yield Block(first, b"".join(kept))
            yield Block(number, b"", "too_long")
            kept, first = [], number + 1
        else:
            kept.append(line)
        number += 1
    if kept:
        yield Block(first, b"".join(kept), block.state)


def _uneven(stream: Iterator[bytes], limit: int) -> Iterator[Block]:
    """Blocks in which a line may be too long still, if a single piece of the stream held it."""
    cutter = _Cutter(limit)
    damage: Damage | None = None
    while True:
        try:
            piece = next(stream, None)
        except Damage as found:
            piece, damage = None, found
        if piece is None:
            break
        yield from cutter.feed(piece)
    yield from cutter.head_block()
    if cutter.tail_size:
        yield Block(cutter.line, b"".join(cutter.tail), "cut" if damage else "whole")
    if damage:
        raise damage


class _Cutter:
    """What of a stream isn't given yet: whole lines (`head`), and the start of one (`tail`)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Bytes of a line at most."""
        self.line = 1
        self.head: list[bytes] = []
        self.tail: list[bytes] = []
        self.head_size = self.tail_size = 0
        self.skipping = False
        """Within a line that is too long."""

    def head_block(self) -> Iterator[Block]:
        """The whole lines held, if any."""
        if self.head:
            data = b"".join(self.head)
            yield Block(self.line, data)
            self.line += data.count(b"\n")
            self.head, self.head_size = [], 0

    def feed(self, piece: bytes) -> Iterator[Block]:
        """Takes the next bytes; gives what is full."""
        first = piece.find(b"\n")
        if not self.skipping and self.tail_size + (len(piece) if first < 0 else first) > self.limit:
            yield from self.head_block()
            yield Block(self.line, b"", "too_long")
            self.tail, self.tail_size, self.skipping = [], 0, True
        if self.skipping:
            if first < 0:
                return
            piece, self.skipping = piece[first + 1 :], False
            self.line += 1
        cut = piece.rfind(b"\n") + 1
        if cut:
            self.head += [*self.tail, piece[:cut]]
            self.head_size += self.tail_size + cut
            self.tail, self.tail_size = [], 0
        self.tail.append(piece[cut:])
        self.tail_size += len(piece) - cut
        if self.head_size >= BLOCK_BYTES:
            yield from self.head_block()


class _Parser:
    """Turns the blocks of one file into batches."""

    def __init__(self, source: Source, file: InputFile, tally: Tally) -> None:
        self.source, self.file, self.tally = source, file, tally
        self.roles = roles_of(source)
        self.types = {role.path: _LISTS if role.aggregate else TYPES[role.kind] for role in reversed(self.roles)}

    def reject(self, line: int | None, cause: str, detail: str) -> None:
        self.tally.read += 1
        self.tally.reject(Reject(self.file.name, line, cause, detail))

    def parse(self, block: Block) -> pa.RecordBatch | None:
        data = block.data
        if block.first == 1:
            data = data.removeprefix(_BOM)
        if block.state == "cut":
            return self._row_by_row([block.first], [data], silent=True)
        batch = self._at_once(data, block.first)
        return batch if batch is not None else self._line_by_line(data, block.first)

    def _at_once(self, data: bytes, first: int) -> pa.RecordBatch | None:
        """The block by Arrow's parser, or None when it must be looked at line by line."""
        lines = _plain_lines(data) if data else None
        if lines is None or len(lines) == 0:
            return None
        schema = _schema(self.types)
        if schema is None:
            return None
        try:
            table = _arrow_parse(data, schema)
        except pa.ArrowException:
            return None
        if table.num_rows != len(lines):
            return None
        fields = Fields(table)
        columns = {}
        for role in self.roles:
            column = fields.column(role)
            assert column is not None
            columns[role.name] = column
        return documents(self.source, self.file, columns, pa.array(lines + first, pa.int64()), self.tally)

    def _line_by_line(self, data: bytes, first: int) -> pa.RecordBatch | None:
        numbers, lines = [], []
        for number, line in enumerate(data.split(b"\n"), first):
            if line.strip(b" \t\r"):
                numbers.append(number)
                lines.append(line)
        return self._row_by_row(numbers, lines)

    def _row_by_row(
        self, numbers: Sequence[int], lines: Sequence[bytes], silent: bool = False
    ) -> pa.RecordBatch | None:
        """Rows of single lines; `silent` when a bad line isn't to be counted (damage is, in its place)."""
        rows: list[dict[str, Any]] = []
        good: list[int] = []
        for number, line in zip(numbers, lines, strict=True):
            row = self._row(line)
            if isinstance(row, dict):
                rows.append(row)
                good.append(number)
            elif not silent:
                self.reject(number, *row)
        if not rows:
            return None
        problems: dict[int, Problem] = {}
        columns = {}
        parsed: list[dict[tuple[str, ...], Any]] = [{} for _ in rows]
        for role in self.roles:
            values = [at_path(row, role.path, within) for row, within in zip(rows, parsed, strict=True)]
            self._learn(role, values)
            if role.kind == "text" and role.aggregate is None:
                for index, value in enumerate(values):
                    if value is not None and not isinstance(value, str):
                        problems[index] = ("wrong_type", f"{role.name} is {_named(value)}, not a string")
            columns[role.name] = pa.array([value_of(value, role) for value in values], TYPES[role.kind])
        self._learn_strings(parsed)
        return documents(self.source, self.file, columns, pa.array(good, pa.int64()), self.tally, problems)

    def _row(self, line: bytes) -> dict[str, Any] | Problem:
        row = _parse_line(line)
        if isinstance(row, tuple) and row[0] == "too_deep":
            # Arrow's parser doesn't mind how deep a field lies that nothing is mapped to.
            schema = _schema(self.types)
            with contextlib.suppress(pa.ArrowException):
                rows: list[dict[str, Any]] = _arrow_parse(line, schema).to_pylist() if schema is not None else []
                if len(rows) == 1:
                    return rows[0]
        return row

    def _learn(self, role: Role, values: Sequence[Any]) -> None:
        """Takes the type that a field has in this block for the next one: ids and years may be integers."""
        if role.kind == "text" or role.aggregate:
            return
        seen = {type(value) for value in values if value is not None}
        written = any(other.path == role.path and other.kind == "string" for other in self.roles)
        if seen == {int} and all(-(1 << 63) <= value < 1 << 63 for value in values if value is not None):
            self.types[role.path] = pa.int64() if written else pa.float64()
        elif seen == {str}:
            self.types[role.path] = pa.string()
        elif seen == {bool}:
            self.types[role.path] = pa.bool_()

    def _learn_strings(self, parsed: Sequence[dict[tuple[str, ...], Any]]) -> None:
        """Takes a field that holds JSON in a string for one in the next block, too."""
        for place in {place for within in parsed for place in within}:
            self.types = {path: type_ for path, type_ in self.types.items() if path[: len(place)] != place}
            self.types[place] = pa.string()


def _plain_lines(data: bytes) -> npt.NDArray[np.int64] | None:
    """Positions (0, 1, ...) of the lines that aren't empty; None unless each of them is `{...}`.

    As no line ends between `}` and `{` within an object, Arrow's rows are then these lines, if they are as
    many. None, too, when the block isn't valid UTF-8, which Arrow's parser doesn't check.
    """
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == 10)
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    lines = np.arange(len(starts))
    returns = (ends > starts) & (array[ends - 1] == 13)
    ends = ends - returns
    filled = ends > starts
    if not filled.all():
        starts, ends, lines = starts[filled], ends[filled], lines[filled]
    if not ((array[starts] == ord("{")) & (array[ends - 1] == ord("}"))).all():
        return None
    try:
        offsets = pa.array([0, len(data)], pa.int64()).buffers()[1]
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return None
    return lines


def _schema(types: dict[tuple[str, ...], pa.DataType]) -> pa.Schema | None:
    """The fields at these paths as nested structs; None when one path lies within another."""
    tree: dict[str, Any] = {}
    for path, type_ in types.items():
        level = tree
        for step in path[:-1]:
            level = level.setdefault(step, {})
            if not isinstance(level, dict):
                return None
        if path[-1] in level:
            return None
        level[path[-1]] = type_
    return pa.schema([_field(name, below) for name, below in tree.items()])


def _field(name: str, below: Any) -> pa.Field:
    if isinstance(below, dict):
        return pa.field(name, pa.struct([_field(step, deeper) for step, deeper in below.items()]))
    return pa.field(name, below)


def _arrow_parse(data: bytes, schema: pa.Schema) -> pa.Table:
    return pajson.read_json(
        pa.BufferReader(data),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _parse_line(line: bytes) -> dict[str, Any] | Problem:
    """The object on a line, or why there is none."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        row = _second_look(line, str(error))
    if isinstance(row, (dict, tuple)):
        return row
    return "wrong_type", f"the line is {_named(row)}, not an object"


def _second_look(line: bytes, complaint: str) -> Any:
    """The lines that the strict parser refuses: NaN and Infinity are read, the others are told apart."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return "bad_utf8", f"byte {error.start + 1} of the line: {error.reason}"
    if "surrogate" in complaint:
        return "bad_unicode", "an escape \\uD800 to \\uDFFF without its other half"
    try:
        row = json.loads(text)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "bad_unicode", "an escape \\uD800 to \\uDFFF without its other half"
    except RecursionError:
        return "too_deep", "nested deeper than 1000 levels"
    except ValueError:
        return "bad_json", complaint.partition(": line")[0]
    return row


def _named(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names[type(value)]
