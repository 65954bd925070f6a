"""An HTTP response as a web archive keeps it: its headers, and its body with the encodings taken off."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from tamis.readers.warc_records import MAX_PAYLOAD, too_large

MAX_HEADER_BYTES = 65_536
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/\S+\s+(\d{3})(?!\d)", re.IGNORECASE)
_FOLDED = re.compile(r"\r?\n[ \t]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True)
class Headers:
    """The head of a response."""

    status: int | None
    """None where the status line has none."""
    fields: Mapping[str, str]
    """By name in lower case; of a field that stands twice, the first value."""
    size: int
    """Bytes it takes."""

    @property
    def mime_type(self) -> str | None:
        """Type and subtype of Content-Type, in lower case."""
        return mime_of(self.fields.get("content-type"))

    @property
    def charset(self) -> str | None:
        """The character encoding that Content-Type names."""
        found = _CHARSET.search(self.fields.get("content-type", ""))
        return found[1] if found else None


def mime_of(written: str | None) -> str | None:
    """`text/html` of `Text/HTML; charset=utf-8`."""
    return (written or "").partition(";")[0].strip().lower() or None


def headers_of(message: bytes) -> Headers:
    """The headers that a message starts with; all of it, where no blank line ends them."""
    blank = _BLANK_LINE.search(message, 0, MAX_HEADER_BYTES)
    head = message[: blank.start()] if blank else message[:MAX_HEADER_BYTES]
    first, *lines = _FOLDED.sub(" ", head.decode("latin-1")).splitlines() or [""]
    status = _STATUS.match(first)
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return Headers(int(status[1]) if status else None, fields, blank.end() if blank else len(head))


def body_of(headers: Headers, payload: bytes) -> bytes:
    """The payload with chunks joined and compression undone.

    Many archives keep the headers of a message that they decoded: a payload that isn't encoded as the headers
    say is taken as it is. Raises Damage for one that decodes to over MAX_PAYLOAD.
    """
    if "chunked" in headers.fields.get("transfer-encoding", "").lower():
        payload = _joined(payload)
    for encoding in reversed(headers.fields.get("content-encoding", "").lower().split(",")):
        payload = _decoded(encoding.strip(), payload)
        if len(payload) > MAX_PAYLOAD:
            raise too_large()
    return payload


def _joined(payload: bytes) -> bytes:
    """The chunks of a payload; what stands where no chunk starts any more is left out."""
    chunks, at = [], 0
    while match := _CHUNK.match(payload, at):
        size = int(match[1], 16)
        chunks.append(payload[match.end() : match.end() + size])
        at = match.end() + size
        at += 2 if payload[at : at + 2] == b"\r\n" else payload[at : at + 1] == b"\n"
        if not size:
            break
    return b"".join(chunks) if chunks else payload


def _decoded(encoding: str, payload: bytes) -> bytes:
    """At most MAX_PAYLOAD + 1 bytes of what the payload decodes to."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        # 47: behind a gzip or a zlib header; what some servers call deflate has none.
        for window in (47, -15) if encoding == "deflate" else (47,):
            try:
                return zlib.decompressobj(window).decompress(payload, MAX_PAYLOAD + 1)
            except zlib.error:
                continue
    elif encoding == "br":
        from fastwarc.stream_io import BrotliReader

        try:
            return bytes(BrotliReader(io.BytesIO(payload)).read(MAX_PAYLOAD + 1))
        except OSError:
            return payload
    elif encoding == "zstd":
        import zstandard

        try:
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(payload)).read(MAX_PAYLOAD + 1)
        except zstandard.ZstdError:
            return payload
    return payload
