"""The records of a WARC file, one after another, whatever damage lies between them.

FastWARC parses; it stops at the first broken record. Here reading goes on behind it: at the next compressed
member that starts with a WARC header, or in a plain file at the next line that starts one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

from fastwarc import ArchiveIterator, WarcRecord

from tamis.corpus.documents import InputFile
from tamis.readers.decompress import Damage, is_remote, open_input

MAX_PAYLOAD = 64_000_000
"""Bytes of a record's content, decoded; a longer one is a reject."""
_BUFFER = 1 << 18
_FEED = 32_768
_HEADER_BYTES = 65_536
_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_RECORD = re.compile(rb"(?:\A|\n)(?=WARC/1\.\d\r?\n)")
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Broken:
    """A place where something can't be read."""

    at: int
    """Bytes from the start of the file as it is stored."""
    damage: Damage


@dataclass(frozen=True)
class Taken(Generic[_Row]):
    """What a caller took of the record at `at`."""

    at: int
    row: _Row


def records(file: InputFile, take: Callable[[WarcRecord], _Row | None]) -> Iterator[Taken[_Row] | Broken]:
    """What `take` makes of each record of a file, in order, and the places that can't be read.

    `take` is called while the record can be read; of a record that it gives None for, nothing is yielded. It
    may raise Damage: then the record is a broken place. Raises Damage for a file that can't be opened, and
    the failure of a network as it is.
    """
    with open_input(file) as stored:
        stream = _Stream(stored)
        start: int | None = 0
        bare = _bare_line_ends(stored)
        while start is not None:
            pass_ = _Pass(stream, start, bare)
            yield from pass_.records(take)
            if stream.failure is not None:
                yield _unreadable(file, stream.failure, pass_.reached)
                return
            broken = pass_.broken()
            start = None if broken is None else _next_record(stored, pass_.behind(broken))
            if broken is not None and (start is None or not _blank(stored, broken.at, start)):
                yield broken


def _unreadable(file: InputFile, failure: Exception, at: int) -> Broken:
    if is_remote(file.location) or not isinstance(failure, OSError):
        raise failure
    return Broken(at, Damage("unreadable", failure.strerror or type(failure).__name__))


class _Stream:
    """A file as FastWARC reads it; remembers an error of the file itself."""

    def __init__(self, stored: BinaryIO) -> None:
        self.stored = stored
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self.stored.read(size)
        except Exception as failure:
            self.failure = failure
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.stored.seek(offset, whence)

    def tell(self) -> int:
        return self.stored.tell()

    def close(self) -> None:
        """The file is closed by who opened it."""


class _Pass:
    """One way through a file, from a record's start to its end or to the first damage."""

    def __init__(self, stream: _Stream, start: int, bare: bool) -> None:
        self.stream, self.start, self.reached, self.bare = stream, start, start, bare
        self.length: int | None = None
        """Content length of the record at `reached`; None before the first one."""
        self.error: Exception | None = None
        self.inside = False
        """Whether the error came while that record was read."""

    def records(self, take: Callable[[WarcRecord], _Row | None]) -> Iterator[Taken[_Row]]:
        self.stream.seek(self.start)
        try:
            found = ArchiveIterator(self.stream, parse_http=False, quirks_mode=self.bare, buffer_size=_BUFFER)
            for record in found:
                self.reached, self.length, self.inside = record.stream_pos, record.content_length, True
                row = take(record)
                self.inside = False
                if row is not None:
                    yield Taken(self.reached, row)
        except (Damage, OSError, ValueError) as error:
            self.error = error

    def broken(self) -> Broken | None:
        """What ended this pass before the end of the file; FastWARC doesn't tell of every file cut short."""
        stored = self.stream.stored
        if self.error is None:
            if self.length is None:
                stored.seek(self.start)
                cut = None if _padding(stored) else self.start
            else:
                cut = _cut_short(stored, self.start, self.reached, self.length)
            return None if cut is None else Broken(cut, Damage("truncated_archive", "the file ends within a record"))
        if self.inside:
            if isinstance(self.error, Damage):
                return Broken(self.reached, self.error)
            return Broken(self.reached, Damage("bad_record", _said(self.error)))
        end = self.start if self.length is None else _end(stored, self.reached, self.length)
        if end is None:
            return Broken(self.reached, Damage("bad_archive", _said(self.error)))
        stored.seek(end)
        if self.length is not None and _padding(stored):
            return None
        cause = "bad_archive" if _packing(stored, end) else "bad_record"
        return Broken(end, Damage(cause, _said(self.error)))

    def behind(self, broken: Broken) -> int:
        """Where to look for a whole record again. In a plain file a wrong length may have hidden one."""
        packed = _packing(self.stream.stored, self.start)
        return (broken.at if packed else self.reached) + 1


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _bare_line_ends(stored: BinaryIO) -> bool:
    """Whether the file's first line ends without a carriage return, as those of some old crawls do. They are
    read leniently: FastWARC then passes over what it can't parse."""
    magic = _packing(stored, 0)
    stored.seek(0)
    head = stored.read(512)
    if magic:
        try:
            head = _decoder(magic).decompress(head)
        except Exception:  # noqa: BLE001 - each decoder has errors of its own; the pass meets them again
            return False
    line, newline, _ = head.partition(b"\n")
    return bool(newline) and line.startswith(b"WARC/") and not line.endswith(b"\r")


def _packing(stored: BinaryIO, at: int) -> bytes:
    """How what starts at `at` is compressed: its magic number, or nothing."""
    stored.seek(at)
    head = stored.read(4)
    return next((magic for magic in (_GZIP, _ZSTD) if head.startswith(magic)), b"")


def _decoder(magic: bytes) -> Any:
    if magic == _GZIP:
        return zlib.decompressobj(wbits=31)
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


def _member_end(stored: BinaryIO, at: int, magic: bytes) -> int | None:
    """Where the compressed member at `at` ends; None where it is damaged or cut short."""
    import zstandard

    stored.seek(at)
    decoder, size = _decoder(magic), at
    while chunk := stored.read(_FEED if magic == _GZIP else _FEED // 16):
        try:
            decoder.decompress(chunk)
        except (zlib.error, zstandard.ZstdError):
            return None
        size += len(chunk)
        if decoder.eof:
            return size - len(decoder.unused_data)
    return None


def _end(stored: BinaryIO, at: int, length: int) -> int | None:
    """Where the record at `at` ends, by its compressed member or by its content length."""
    magic = _packing(stored, at)
    if magic:
        return _member_end(stored, at, magic)
    stored.seek(at)
    head = stored.read(_HEADER_BYTES)
    header = re.search(rb"\r*\n\r*\n", head)
    if header is None:
        return None
    end = at + header.end() + length
    stored.seek(end)
    after = stored.read(4)
    return end + len(after) - len(after.lstrip(b"\r\n"))


def _cut_short(stored: BinaryIO, start: int, at: int, length: int) -> int | None:
    """The start of the member or record within which the file ends, its last whole header being at `at`; None
    where all is there."""
    if not _packing(stored, at) and _packing(stored, start):
        at = start  # all records in one member
    end = _end(stored, at, length)
    while end is not None and (magic := _packing(stored, end)):
        at, end = end, _member_end(stored, end, magic)
    if end is None or end > stored.seek(0, 2):
        return at
    stored.seek(end)
    return None if _padding(stored) else end


def _padding(stored: BinaryIO) -> bool:
    """Whether nothing but line ends and zero bytes follows."""
    while chunk := stored.read(_BUFFER):
        if chunk.strip(b"\0\r\n"):
            return False
    return True


def _blank(stored: BinaryIO, start: int, end: int) -> bool:
    """Whether more line ends than there should be are all that stands there."""
    stored.seek(start)
    return 0 < end - start < _HEADER_BYTES and not stored.read(end - start).strip(b"\r\n")


def _next_record(stored: BinaryIO, start: int) -> int | None:
    """Where the next record starts at or after `start`; None where none does."""
    for at in _candidates(stored, start):
        magic = _packing(stored, at)
        if not magic:
            return at
        stored.seek(at)
        try:
            head = _decoder(magic).decompress(stored.read(512))
        except Exception:  # noqa: BLE001 - each decoder has errors of its own
            continue
        if _RECORD.match(head) or (not head and magic == _ZSTD):
            return at
    return None


def _candidates(stored: BinaryIO, start: int) -> Iterator[int]:
    """Places at or after `start` that look like the start of a record, in order."""
    pattern = re.compile(b"|".join(map(re.escape, (_GZIP, _ZSTD))) + rb"|(?<=\n)WARC/1\.\d\r?\n")
    held, base = b"", start
    while True:
        stored.seek(base + len(held))
        piece = stored.read(_BUFFER)
        if not piece:
            return
        held += piece
        for match in pattern.finditer(held):
            yield base + match.start()
        # What was found lies before the last bytes, or is looked at again with the next ones.
        rest = max(len(held) - 16, 0)
        held, base = held[rest:], base + rest


def content(record: WarcRecord, read: bytes = b"") -> bytes:
    """The content of a record; `read` is what was taken of it before.

    Raises Damage where it is cut short or over MAX_PAYLOAD.
    """
    if record.content_length > MAX_PAYLOAD:
        raise too_large()
    data: bytes = read + record.reader.read(MAX_PAYLOAD + 1)
    if len(data) < record.content_length:
        raise Damage("truncated_record", f"{len(data)} of {record.content_length} bytes are there")
    return data


def too_large() -> Damage:
    """What a record is that would take too much memory."""
    return Damage("too_large", f"a record over {MAX_PAYLOAD // 1_000_000} MB")
