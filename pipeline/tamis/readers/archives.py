"""Tar and zip: every member is a document, HTML by its main text, all else as plain text.

Nothing is unpacked to disk: a member's name is an id and leads nowhere. Only one member is held at a time. A
member's fields are `member` (its name) and `size`, for row filters: `where: {member: {glob: "**/*.txt"}}`.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Self

import pyarrow as pa

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, is_remote, open_input, over, pieces
from tamis.readers.fields import Problem, documents, roles_of
from tamis.readers.html import decoded
from tamis.readers.values import TYPES, value_as
from tamis.recipe.model import Source

BATCH_BYTES = 8_000_000
_HTML = (".html", ".htm", ".xhtml")
_LARGEST_HEADER = 1_000_000
"""Bytes of a tar header's names at most: a bomb claims more, and all of it would be read into memory."""
_NAMES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
Content = Callable[[], bytes]


def read_tar(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one tar file, plain or compressed, from front to back."""
    return _read(source, file, tally, _tar_members(file, source.max_document_bytes))


def read_zip(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one zip file."""
    return _read(source, file, tally, _zip_members(file, source.max_document_bytes))


def _read(
    source: Source, file: InputFile, tally: Tally, members: Iterator[tuple[str, int, Content]]
) -> Iterator[pa.RecordBatch]:
    rows = _Rows(source, file, tally)
    last = None
    try:
        for name, size, content in members:
            last = name
            rows.add(name, size, content)
            if rows.size >= BATCH_BYTES:
                yield from rows.batch()
    except Damage as damage:
        yield from rows.batch()
        tally.read += 1
        after = f"{damage.detail} (after {last!r})" if last else damage.detail
        tally.reject(Reject(file.name, None, damage.cause, after))
    yield from rows.batch()


class _Rows:
    """Members on their way to a batch."""

    def __init__(self, source: Source, file: InputFile, tally: Tally) -> None:
        self.source, self.file, self.tally = source, file, tally
        self.filters = [role for role in roles_of(source) if role.name.startswith("where.")]
        self.chosen = any(role.path == ("member",) for role in self.filters)
        self.held: list[tuple[str, int, str | Problem, bool]] = []
        self.size = 0

    def add(self, name: str, size: int, content: Content) -> None:
        """Takes one member; `content` is called where its name says that it is text, or the recipe chose it."""
        html = name.lower().endswith(_HTML)
        if not (html or self.chosen or _is_text(name)):
            self.tally.read += 1
            self.tally.filtered += 1
            self.tally.notes["other_member"] += 1
            return
        text: str | Problem
        try:
            data = content()
            text = decoded(data) if html else _utf8(data)
        except _MemberDamage as damage:
            text = (damage.cause, damage.detail)
        self.held.append((name, size, text, html))
        self.size += len(text) + 100

    def batch(self) -> Iterator[pa.RecordBatch]:
        held, self.held, self.size = self.held, [], 0
        if not held:
            return
        fields = [{"member": name, "size": size} for name, size, _, _ in held]
        texts = [text if isinstance(text, str) else None for _, _, text, _ in held]
        pages = [html for _, _, _, html in held]
        columns = {
            "id": pa.array([f"{self.file.name}/{name}" for name, *_ in held], pa.string()),
            "text": pa.array([None if html else t for t, html in zip(texts, pages, strict=True)], pa.large_string()),
        }
        if any(pages):
            columns["html"] = pa.array(
                [t if html else None for t, html in zip(texts, pages, strict=True)], pa.large_string()
            )
        for role in self.filters:
            values = [value_as(row.get(".".join(role.path)), role.kind, True) for row in fields]
            columns[role.name] = pa.array(values, TYPES[role.kind])
        problems: dict[int, Problem] = {}
        for index, (_, _, text, _) in enumerate(held):
            if not isinstance(text, str):
                problems[index] = text
        ready = documents(self.source, self.file, columns, pa.nulls(len(held), pa.int64()), self.tally, problems)
        if ready.num_rows:
            yield ready


class _MemberDamage(Damage):
    """What concerns one member alone: the next one can be read."""


def _is_text(name: str) -> bool:
    from tamis.readers import FORMATS

    return name.lower().endswith(FORMATS["text"])


def _utf8(data: bytes) -> str | Problem:
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        return "bad_utf8", f"line {1 + data.count(10, 0, error.start)}: {error.reason}"


def _bounded(stream: IO[bytes], limit: int) -> bytes:
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise _MemberDamage("too_large", over(limit))
    return data


class _Decompressed:
    """The decompressed file, read from front to back."""

    def __init__(self, file: InputFile) -> None:
        gzipped = file.name.lower().endswith(".tgz")
        self.stream = pieces(replace(file, name=f"{file.name}.gz") if gzipped else file)
        self.piece, self.at = b"", 0
        self.damage: Damage | None = None

    def read(self, size: int) -> bytes:
        parts, wanted = [], size
        while wanted and self.damage is None:
            if self.at == len(self.piece):
                self.piece, self.at = b"", 0
                try:
                    self.piece = next(self.stream, b"")
                except Damage as damage:
                    self.damage = damage
                if not self.piece:
                    break
            part = self.piece[self.at : self.at + wanted]
            parts.append(part)
            self.at += len(part)
            wanted -= len(part)
        return b"".join(parts)


class _Header(tarfile.TarInfo):
    """A header block; a broken one is damage, which tarfile would take for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise Damage("bad_archive", str(error)) from error
        if header.type in _NAMES and header.size > _LARGEST_HEADER:
            raise Damage("bad_archive", f"a name of {header.size} bytes")
        return header


def _tar_members(file: InputFile, limit: int) -> Iterator[tuple[str, int, Content]]:
    stream = _Decompressed(file)
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header, errors="backslashreplace") as archive:  # type: ignore[call-overload]
            for member in archive:
                archive.members = []  # a list of all of them would grow with the archive
                if member.isreg():
                    yield _clean(member.name), member.size, partial(_tar_content, stream, archive, member, limit)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise stream.damage or Damage("bad_archive", str(error) or type(error).__name__) from error
    if stream.damage is not None:
        raise stream.damage


def _tar_content(stream: _Decompressed, archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    if member.size > limit:
        raise _MemberDamage("too_large", over(limit))
    content = archive.extractfile(member)
    assert content is not None
    try:
        return _bounded(content, limit)
    except tarfile.ReadError as error:
        raise stream.damage or Damage("truncated_archive", "it ends within a member") from error


def _zip_members(file: InputFile, limit: int) -> Iterator[tuple[str, int, Content]]:
    with open_input(file) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Damage("bad_archive", str(error)[:200]) from error
        with archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield _clean(info.filename), info.file_size, partial(_zip_content, file, archive, info, limit)


def _zip_content(file: InputFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    if info.file_size > limit:
        raise _MemberDamage("too_large", over(limit))
    if info.flag_bits & 1:
        raise _MemberDamage("encrypted", "it needs a password")
    try:
        with archive.open(info) as stream:
            return _bounded(stream, limit)
    except OSError as error:
        if is_remote(file.location):
            raise
        raise _MemberDamage("unreadable", error.strerror or type(error).__name__) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _MemberDamage("bad_archive", str(error)[:200] or type(error).__name__) from error


def _clean(name: str) -> str:
    """A member's name as valid text on one line."""
    valid = name.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in valid)
