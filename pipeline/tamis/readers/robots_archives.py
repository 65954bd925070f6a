"""robots.txt files from web archives: Common Crawl publishes those that it was given, crawl by crawl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fastwarc import WarcRecord, WarcRecordType

from tamis.corpus.documents import InputFile
from tamis.corpus.urls import split
from tamis.opt_out.asking import robots_row
from tamis.opt_out.snapshot import Row
from tamis.readers.http_message import body_of, headers_of
from tamis.readers.warc_records import Taken, content, records


def robots_rows(path: Path) -> Iterator[Row]:
    """A row for each response to a request for /robots.txt in a WARC file; what is damaged is passed over."""
    file = InputFile(path.name, str(path), path.stat().st_size, "")
    for found in records(file, _row):
        if isinstance(found, Taken):
            yield found.row


def _row(record: WarcRecord) -> Row | None:
    if record.record_type != WarcRecordType.response:
        return None
    address = str(record.headers.get("WARC-Target-URI", "")).strip("<>")
    url = split(address)
    if url is None or url.path.partition("?")[0] != "/robots.txt":
        return None
    message = content(record)
    headers = headers_of(message)
    good = headers.status is not None and 200 <= headers.status < 300
    text = body_of(message, headers).decode("utf-8", "replace").replace("\x00", "\ufffd") if good else None
    return robots_row(url.site, record.headers.get("WARC-Date"), headers.status, text, address)
