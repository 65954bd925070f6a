"""Parquet files put together from parts: row groups are copied as they stand, and one footer is made for all.

Several processes can so write one file, each some of its row groups. In the footer and the page index of a part
(Thrift's compact protocol) only positions in the file have to change: a part is described by the bytes between
them. The whole has the bytes that one writer of all row groups would have written.

Format: Apache Parquet, `parquet.thrift`; Thrift, `thrift-compact-protocol.md`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.corpus.commit import Pending

_MAGIC = b"PAR1"
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY = (1, 2), 3, (4, 5, 6), 7, 8
_LISTS, _MAP, _STRUCT = (9, 10), 11, 12
"""Types of Thrift's compact protocol."""

_ROWS, _GROUPS = 3, 4
"""Fields of FileMetaData."""
_GROUPS_HEADER = bytes([(_GROUPS - _ROWS) << 4 | _LISTS[0]])
"""Of the field: how far its number is from the one before, and its type."""
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_SIZE, _ORDINAL = 1, 3, 5, 6, 7
"""Fields of RowGroup."""
_CHUNK_OFFSET, _METADATA, _OFFSET_INDEX, _OFFSET_LENGTH, _COLUMN_INDEX, _COLUMN_LENGTH = 2, 3, 4, 5, 6, 7
"""Fields of ColumnChunk."""
_PAGES = (9, 10, 11)
"""Fields of ColumnMetaData: where data, index and dictionary pages begin."""
_LOCATIONS, _LOCATION = 1, 1
"""Fields of OffsetIndex and PageLocation."""

_PIECE_BYTES = 1 << 18
"""Bytes that are copied and hashed at a time: they stay in the cache of a core meanwhile."""

_DATA, _INDEX, _LENGTH, _OTHER_INDEX, _NUMBER = range(5)
"""What an integer that changes is: a position in the row group, position and length of an offset index, position of
a column index, the number of the row group."""
_Gap = tuple[int, int]
"""Kind and value of an integer."""


@dataclass(frozen=True)
class Template:
    """Some Thrift, cut where integers have to be set anew."""

    pieces: tuple[bytes, ...]
    """One more than gaps."""
    gaps: tuple[_Gap, ...]

    def filled(self, value: Callable[[_Gap], int]) -> bytes:
        """The Thrift with its integers as `value` says."""
        told = [self.pieces[0]]
        for gap, piece in zip(self.gaps, self.pieces[1:], strict=True):
            told += [_integer(value(gap)), piece]
        return b"".join(told)


@dataclass(frozen=True)
class RowGroup:
    """A row group of a part."""

    start: int
    size: int
    """Bytes, from `start`."""
    rows: int
    metadata: Template
    column_indexes: tuple[bytes | None, ...]
    """By column."""
    offset_indexes: tuple[Template | None, ...]


@dataclass(frozen=True)
class Part:
    """A Parquet file whose row groups are to be some of another's."""

    path: Path
    head: bytes
    """Of the footer, up to the number of rows."""
    tail: bytes
    """Of the footer, from the end of the row groups."""
    groups: tuple[RowGroup, ...]


def read_part(path: Path) -> Part:
    """Describes a Parquet file (without Bloom filters and encryption) as a part."""
    with path.open("rb") as file:
        end = file.seek(-8, os.SEEK_END)
        size = int.from_bytes(file.read(4), "little")
        file.seek(end - size)
        footer = _Reader(file.read(size))
        head, tail, found = 0, 0, []
        for number, type_ in footer.fields():
            if number == _ROWS:
                head = footer.at
            if number == _GROUPS:
                found = [_row_group(footer) for _ in range(footer.list_size())]
                tail = footer.at
            else:
                footer.skip(type_)
        groups = tuple(_with_indexes(file, *group) for group in found)
    return Part(path, footer.data[:head], footer.data[tail:], groups)


class Joined:
    """A Parquet file in the making, put together from parts; `close` commits it. It is open only while a part is
    added: there may be many in the making."""

    def __init__(self, path: Path) -> None:
        self._pending = Pending(path)
        self._hash = hashlib.sha256()
        self._size = 0
        self._frame: tuple[bytes, bytes] | None = None
        self._groups: list[tuple[RowGroup, int]] = []
        """With how far each has moved."""
        self._write(_MAGIC)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return sum(group.rows for group, _ in self._groups)

    def add(self, part: Part) -> None:
        """Copies the row groups of a part behind those that are there. Raises ValueError when its columns differ."""
        if self._frame is None:
            self._frame = (part.head, part.tail)
        if (part.head, part.tail) != self._frame:
            raise ValueError(f"{part.path}: its columns are not those of {self._pending.path}")
        room, start = memoryview(bytearray(_PIECE_BYTES)), self._size
        with part.path.open("rb", buffering=0) as file, self._pending.temporary.open("ab", buffering=0) as whole:
            for group in part.groups:
                file.seek(group.start)
                self._groups.append((group, self._size - group.start))
                left = group.size
                while left:
                    piece = room[: file.readinto(room[:left])]
                    if not piece:
                        raise ValueError(f"{part.path} ends within a row group")
                    self._took(piece)
                    whole.write(piece)
                    left -= len(piece)
            if hasattr(os, "posix_fadvise"):
                # The system writes it to disk while others are at work: `close` needn't wait for that.
                os.posix_fadvise(whole.fileno(), start, self._size - start, os.POSIX_FADV_DONTNEED)

    def close(self) -> dict[str, Any]:
        """Commits the file; returns its `bytes`, `rows` and `sha256`."""
        assert self._frame is not None, "no part was added"
        places: list[dict[tuple[int, int], int]] = [{} for _ in self._groups]
        indexes = []
        at = self._size
        for place, (group, _) in zip(places, self._groups, strict=True):
            for column, index in enumerate(group.column_indexes):
                if index is not None:
                    place[_OTHER_INDEX, column] = at
                    indexes.append(index)
                    at += len(index)
        for place, (group, moved) in zip(places, self._groups, strict=True):
            for column, template in enumerate(group.offset_indexes):
                if template is not None:
                    index = template.filled(lambda gap, moved=moved: gap[1] + moved)  # type: ignore[misc]
                    place[_INDEX, column], place[_LENGTH, column] = at, len(index)
                    indexes.append(index)
                    at += len(index)
        footer = self._footer(places)
        self._write(b"".join([*indexes, footer, len(footer).to_bytes(4, "little"), _MAGIC]))
        try:
            self._pending.commit()
        finally:
            self._pending.discard()
        return {"bytes": self._size, "rows": self.rows, "sha256": self._hash.hexdigest()}

    def discard(self) -> None:
        """Removes the file, unless it was committed."""
        self._pending.discard()

    def _footer(self, places: list[dict[tuple[int, int], int]]) -> bytes:
        assert self._frame is not None
        told = [self._frame[0], _integer(self.rows), _GROUPS_HEADER, _list_header(len(self._groups))]
        for number, ((group, moved), place) in enumerate(zip(self._groups, places, strict=True)):

            def value(
                gap: _Gap, number: int = number, moved: int = moved, place: dict[tuple[int, int], int] = place
            ) -> int:
                if gap[0] == _NUMBER:
                    return number
                return gap[1] + moved if gap[0] == _DATA else place[gap]

            told.append(group.metadata.filled(value))
        return b"".join([*told, self._frame[1]])

    def _took(self, piece: bytes | memoryview) -> None:
        self._hash.update(piece)
        self._size += len(piece)

    def _write(self, content: bytes) -> None:
        self._took(content)
        with self._pending.temporary.open("ab", buffering=0) as whole:
            whole.write(content)


class _Reader:
    """Reads Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def integer(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of a struct's fields; whoever iterates reads the value, or skips it."""
        number = 0
        while byte := self.data[self.at]:
            self.at += 1
            number = number + (byte >> 4) if byte >> 4 else self.integer()
            yield number, byte & 0x0F
        self.at += 1

    def list_size(self) -> int:
        """Length of a list, whose values come next."""
        return self._list()[0]

    def _list(self) -> tuple[int, int]:
        byte = self.data[self.at]
        self.at += 1
        return (byte >> 4 if byte >> 4 < 15 else self.unsigned()), byte & 0x0F

    def skip(self, type_: int) -> None:
        """Reads over a field's value."""
        if type_ in _INTEGERS:
            while self.data[self.at] >= 0x80:
                self.at += 1
            self.at += 1
        elif type_ == _BINARY:
            size = self.unsigned()
            self.at += size
        elif type_ in _LISTS:
            size, of = self._list()
            for _ in range(size):
                self._skip_element(of)
        elif type_ == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner)
        elif type_ == _MAP:
            if size := self.unsigned():
                types = self.data[self.at]
                self.at += 1
                for _ in range(size):
                    self._skip_element(types >> 4)
                    self._skip_element(types & 0x0F)
        elif type_ not in _BOOLEANS:
            self.at += {_BYTE: 1, _DOUBLE: 8}[type_]

    def _skip_element(self, type_: int) -> None:
        # A truth value is a byte of its own here; in a field it is the type.
        self.skip(_BYTE if type_ in _BOOLEANS else type_)


class _Cutter:
    """Cuts the Thrift between two places of a reader at integers."""

    def __init__(self, reader: _Reader) -> None:
        self._reader, self._from = reader, reader.at
        self._pieces: list[bytes] = []
        self._gaps: list[_Gap] = []

    def cut(self, kind: int, column: int | None = None) -> int:
        """Reads an integer that has to be set anew, and returns it; one that belongs to a column is known by that."""
        self._pieces.append(self._reader.data[self._from : self._reader.at])
        value = self._reader.integer()
        self._gaps.append((kind, value if column is None else column))
        self._from = self._reader.at
        return value

    def template(self) -> Template:
        """What was read."""
        return Template((*self._pieces, self._reader.data[self._from : self._reader.at]), tuple(self._gaps))


_Indexes = list[dict[int, int]]
"""Of each column, the fields of ColumnChunk that say where its indexes are."""


def _row_group(reader: _Reader) -> tuple[Template, int, int, int, _Indexes]:
    """Template, start, bytes and rows of a row group, and where its indexes are."""
    cutter, columns = _Cutter(reader), []
    start = size = rows = 0
    for number, type_ in reader.fields():
        if number == _COLUMNS:
            columns = [_column(reader, cutter, column) for column in range(reader.list_size())]
        elif number == _GROUP_ROWS:
            rows = reader.integer()
        elif number == _GROUP_OFFSET:
            start = cutter.cut(_DATA)
        elif number == _GROUP_SIZE:
            size = reader.integer()
        elif number == _ORDINAL:
            cutter.cut(_NUMBER)
        else:
            reader.skip(type_)
    return cutter.template(), start, size, rows, columns


def _column(reader: _Reader, cutter: _Cutter, column: int) -> dict[int, int]:
    found = {}
    for number, type_ in reader.fields():
        if number == _METADATA:
            for inner, inner_type in reader.fields():
                if inner in _PAGES:
                    cutter.cut(_DATA)
                else:
                    reader.skip(inner_type)
        elif number in _CUT:
            found[number] = cutter.cut(_CUT[number], column)
        elif number == _COLUMN_LENGTH:
            found[number] = reader.integer()
        elif number == _CHUNK_OFFSET and reader.data[reader.at]:
            cutter.cut(_DATA)
        else:
            reader.skip(type_)
    return found


_CUT = {_OFFSET_INDEX: _INDEX, _OFFSET_LENGTH: _LENGTH, _COLUMN_INDEX: _OTHER_INDEX}


def _with_indexes(file: Any, metadata: Template, start: int, size: int, rows: int, columns: _Indexes) -> RowGroup:
    def read(column: dict[int, int], position: int, length: int) -> bytes | None:
        if position not in column:
            return None
        file.seek(column[position])
        content: bytes = file.read(column[length])
        return content

    offsets = [read(column, _OFFSET_INDEX, _OFFSET_LENGTH) for column in columns]
    return RowGroup(
        start,
        size,
        rows,
        metadata,
        tuple(read(column, _COLUMN_INDEX, _COLUMN_LENGTH) for column in columns),
        tuple(None if content is None else _offset_index(content) for content in offsets),
    )


def _offset_index(content: bytes) -> Template:
    reader = _Reader(content)
    cutter = _Cutter(reader)
    for number, type_ in reader.fields():
        if number != _LOCATIONS:
            reader.skip(type_)
            continue
        for _ in range(reader.list_size()):
            for inner, inner_type in reader.fields():
                if inner == _LOCATION:
                    cutter.cut(_DATA)
                else:
                    reader.skip(inner_type)
    return cutter.template()


def _integer(value: int) -> bytes:
    """Zigzag varint."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    told = bytearray()
    while value >= 0x80:
        told.append(value & 0x7F | 0x80)
        value >>= 7
    told.append(value)
    return bytes(told)


def _list_header(size: int) -> bytes:
    """Of a list of structs."""
    if size < 15:
        return bytes([size << 4 | _STRUCT])
    told = bytearray([0xF0 | _STRUCT])
    while size >= 0x80:
        told.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*told, size])
