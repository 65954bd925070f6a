"""WARC, WET and WAT: web archives, as Common Crawl and most crawlers write them.

A row is what tells of one page: in a WARC a `response` or `resource` record, in a WET file a `conversion`
record, in a WAT file the metadata of a response. Other records (requests, revisits, ...) aren't rows. The
place of a row is its byte offset in the file as it is stored.

Id, URL and date are those of the record unless the source maps others. Any header is a field, by its name:
`WARC-IP-Address`, `http.Content-Language`, and `http.status`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from fastwarc import WarcRecord, WarcRecordType

from tamis.corpus.documents import InputFile, Reject
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage
from tamis.readers.fields import Problem, Role, documents, roles_of
from tamis.readers.html import decoded
from tamis.readers.http_message import MAX_HEADER_BYTES, Headers, body_of, headers_of, mime_of
from tamis.readers.values import TYPES, value_as
from tamis.readers.warc_records import Broken, content, records
from tamis.readers.wat_metadata import description_of
from tamis.recipe.model import Source

BATCH_BYTES = 8_000_000
"""Bytes of pages that are held before their main texts are taken."""
STATUS = "http.status"
HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
TEXT_TYPES = frozenset(("text/plain",))
_NAMED_TYPES = 30
"""Media types of a file that are counted by name; further ones are `other`."""
_MIME = re.compile(r"[a-z]{1,20}/[a-z0-9.+_-]{1,60}\Z")
_PAGE_URL = re.compile(r"(?:https?|ftps?)://", re.IGNORECASE)
"""Records at other places hold what a crawler says of itself: its log, its arguments, its look-ups of names."""
_BRACKETED = re.compile(r"<(?:urn:uuid:)?([^<>]*)>\Z")
_IN_BRACKETS = frozenset(("warc-record-id", "warc-refers-to", "warc-concurrent-to", "warc-target-uri"))
"""Headers that hold an address in angle brackets: of an id the UUID is kept, of a URL the URL."""
_LANGUAGES = "WARC-Identified-Content-Language"
_HEADERS = {"id": "WARC-Record-ID", "url": "WARC-Target-URI", "date": "WARC-Date"}


@dataclass
class Row:
    """One record as a row: its fields, and its text or why there is none."""

    fields: Mapping[str, Any]
    """By lower-case path: headers, `http.` headers, and what the format tells besides."""
    text: str | None = None
    html: str | None = None
    problem: Problem | None = None
    left_out: str | None = None
    """Why this record is none of those that are read: `mime:image/png`, `http_status:404`, `not_a_page`."""
    facts: dict[str, str | None] = field(default_factory=dict)
    """Document columns the record tells, where the source doesn't map them."""


def read_warc(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads the pages of one WARC file."""
    any_status = any(name.lower() == STATUS for name in source.where)
    return _read(source, file, tally, lambda record: _response(record, any_status))


def read_wet(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads the texts of one WET file."""
    return _read(source, file, tally, _conversion)


def read_wat(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads the titles and descriptions of one WAT file."""
    return _read(source, file, tally, _metadata)


def _read(
    source: Source, file: InputFile, tally: Tally, take: Callable[[WarcRecord], Row | None]
) -> Iterator[pa.RecordBatch]:
    rows = _Rows(source, file, tally)
    try:
        for found in records(file, take):
            if isinstance(found, Broken):
                rows.reject(found.at, found.damage)
                continue
            rows.add(found.at, found.row)
            if rows.bytes >= BATCH_BYTES:
                yield from rows.batch()
    except Damage as damage:
        rows.reject(None, damage)
    yield from rows.batch()


class _Rows:
    """Rows on their way to a batch."""

    def __init__(self, source: Source, file: InputFile, tally: Tally) -> None:
        self.source, self.file, self.tally = source, file, tally
        self.roles = [role for role in roles_of(source) if role.kind != "text"]
        self.paths = {".".join(role.path).lower() for role in self.roles}
        self.held: list[tuple[int, Row]] = []
        self.bytes = 0
        self.types: Counter[str] = Counter()

    def reject(self, at: int | None, damage: Damage) -> None:
        self.tally.read += 1
        self.tally.reject(Reject(self.file.name, at, damage.cause, damage.detail))

    def add(self, at: int, row: Row) -> None:
        if row.left_out is not None:
            self.tally.read += 1
            self.tally.filtered += 1
            name = row.left_out
            if name not in self.types and len(self.types) >= _NAMED_TYPES:
                name = f"{name.partition(':')[0]}:other"
            self.types[name] += 1
            self.tally.notes[name] += 1
            return
        row.fields = {path: row.fields.get(path) for path in self.paths}
        self.held.append((at, row))
        self.bytes += len(row.text or "") + len(row.html or "") + 1000

    def batch(self) -> Iterator[pa.RecordBatch]:
        """The rows held, as a batch, if any document is among them."""
        held, self.held, self.bytes = self.held, [], 0
        if not held:
            return
        rows = [row for _, row in held]
        columns = {role.name: self._column(role, rows) for role in self.roles}
        for name in sorted({name for row in rows for name in row.facts} - columns.keys()):
            columns[name] = pa.array([row.facts.get(name) for row in rows], pa.string())
        columns["text"] = pa.array([row.text for row in rows], pa.large_string())
        if any(row.html is not None for row in rows):
            columns["html"] = pa.array([row.html for row in rows], pa.large_string())
        problems = {index: row.problem for index, row in enumerate(rows) if row.problem is not None}
        lines = pa.array([at for at, _ in held], pa.int64())
        ready = documents(self.source, self.file, columns, lines, self.tally, problems)
        if ready.num_rows:
            yield ready

    def _column(self, role: Role, rows: list[Row]) -> pa.Array:
        """A mapped field; headers are strings, so a number is read out of one."""
        path = ".".join(role.path).lower()
        values = [row.fields.get(path) for row in rows]
        if role.name == "language" and path == _LANGUAGES.lower():
            values = [value.partition(",")[0] if value else None for value in values]  # the most likely one first
        return pa.array([value_as(value, role.kind, True) for value in values], TYPES[role.kind])


def _fields_of(record: WarcRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in record.headers.items():
        fields.setdefault(name.lower(), value)
    for name in _IN_BRACKETS & fields.keys():
        found = _BRACKETED.match(fields[name])
        fields[name] = found[1] if found else fields[name]
    return fields


def _facts_of(fields: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: fields.get(header.lower()) for name, header in _HEADERS.items()}


def _response(record: WarcRecord, any_status: bool) -> Row | None:
    """The page that a response or resource record holds."""
    if record.record_type not in (WarcRecordType.response, WarcRecordType.resource):
        return None
    fields = _fields_of(record)
    row = Row(fields, facts=_facts_of(fields))
    if not _PAGE_URL.match(fields.get("warc-target-uri", "")):
        row.left_out = "not_a_page"
        return row
    start: bytes = record.reader.read(MAX_HEADER_BYTES)
    if mime_of(fields.get("content-type")) == "application/http":
        headers = headers_of(start)
        fields |= {f"http.{name}": value for name, value in headers.fields.items()}
        fields[STATUS] = headers.status
        if headers.status is not None and not any_status and not 200 <= headers.status < 300:
            row.left_out = f"http_status:{headers.status}"
            return row
        mime = mime_of(fields.get("warc-identified-payload-type")) or headers.mime_type
    else:
        headers = Headers(None, {}, 0)
        mime = mime_of(fields.get("content-type"))
    mime = mime or _sniffed(start[headers.size :])
    if mime not in HTML_TYPES and mime not in TEXT_TYPES:
        row.left_out = _other_type(mime)
        return row
    body = body_of(headers, content(record, start)[headers.size :])
    page = decoded(body, headers.charset)
    if not isinstance(page, str):
        row.problem = page
    elif mime in HTML_TYPES:
        row.html = page
    else:
        row.text = page
    return row


def _other_type(mime: str | None) -> str:
    return f"mime:{mime}" if mime and _MIME.match(mime) else "mime:other"


def _sniffed(payload: bytes) -> str | None:
    """HTML, where nothing says what it is and it starts like it."""
    start = payload[:1024].lower()
    return "text/html" if b"<html" in start or b"<!doctype html" in start else None


def _conversion(record: WarcRecord) -> Row | None:
    """The text of a conversion record."""
    if record.record_type != WarcRecordType.conversion:
        return None
    fields = _fields_of(record)
    row = Row(fields, facts=_facts_of(fields))
    mime = mime_of(fields.get("content-type"))
    if mime not in (None, *TEXT_TYPES):
        row.left_out = _other_type(mime)
        return row
    try:
        row.text = content(record).decode()
    except UnicodeDecodeError as error:
        row.problem = ("bad_utf8", f"byte {error.start + 1} of the text: {error.reason}")
    return row


def _metadata(record: WarcRecord) -> Row | None:
    """What a metadata record tells of a page: its title and description are the text."""
    if record.record_type != WarcRecordType.metadata:
        return None
    headers = _fields_of(record)
    if mime_of(headers.get("content-type")) != "application/json":
        return None
    told = description_of(content(record))
    if told is None:
        return None
    row = Row(headers, facts=_facts_of(headers))
    if not isinstance(told, dict):
        row.problem = told
        return row
    row.fields = {**headers, **told}
    if not told["html"]:
        row.left_out = _other_type(mime_of(told.get("http.content-type")))
        return row
    row.facts["title"] = told["title"]
    parts = [part for part in (told["title"], told["description"]) if part]
    if parts:
        row.text = "\n\n".join(parts)
    else:
        row.problem = ("no_description", "the page has neither title nor description")
    return row
