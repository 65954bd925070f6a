"""robots.txt files from web archives: Common Crawl publishes those that it was given, crawl by crawl."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urljoin

from fastwarc import WarcRecord, WarcRecordType

from tamis.corpus.documents import InputFile
from tamis.corpus.urls import Url, split
from tamis.opt_out.asking import robots_row
from tamis.opt_out.snapshot import Row
from tamis.readers.decompress import Damage
from tamis.readers.http_message import body_of, headers_of
from tamis.readers.warc_records import Taken, content, records

_HOPS = 5


class RobotsArchives:
    """What some WARC files hold of robots.txt, a row for each site; what is damaged in them is passed over."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._rows: dict[str, Row] = {}
        self._moved: dict[str, str] = {}
        self.damaged = 0
        """Places that couldn't be read."""
        for path in paths:
            self._read(path)

    def rows(self) -> list[Row]:
        """The rows; a site whose robots.txt has moved to another one's has that one's text."""
        found = []
        for site, row in self._rows.items():
            at = site
            for _ in range(_HOPS):
                at = self._moved.get(at, at)
            target = self._rows.get(at)
            if row["robots"] is None and target is not None and target["robots"] is not None:
                row = row.copy()
                row["status"], row["url"] = target["status"], target["url"]
                row["sha256"], row["robots"] = target["sha256"], target["robots"]
            found.append(row)
        return found

    def _read(self, path: Path) -> None:
        file = InputFile(path.name, str(path), path.stat().st_size, "")
        try:
            for found in records(file, self._take):
                self.damaged += not isinstance(found, Taken)
        except Damage:
            self.damaged += 1

    def _take(self, record: WarcRecord) -> Row | None:
        if record.record_type != WarcRecordType.response:
            return None
        address = str(record.headers.get("WARC-Target-URI", "")).strip("<>")
        url = split(address)
        if url is None or url.path.partition("?")[0] != "/robots.txt":
            return None
        message = content(record)
        headers = headers_of(message)
        good = headers.status is not None and 200 <= headers.status < 300
        text = body_of(headers, message[headers.size :]).decode("utf-8", "replace") if good else None
        date = record.headers.get("WARC-Date")
        row = robots_row(url.site, date, headers.status, text and text.replace("\x00", "\ufffd"), address)
        self._keep(url, row, headers.fields.get("location"))
        return row

    def _keep(self, url: Url, row: Row, location: str | None) -> None:
        """Of several answers for a site (by HTTP and HTTPS, on two days) a good one counts, then the last."""
        before = self._rows.get(url.site)
        if before is None or row["robots"] is not None or before["robots"] is None:
            self._rows[url.site] = row
        target = split(urljoin(row["url"] or "", location)) if location else None
        if target is not None and target.site != url.site:
            self._moved[url.site] = target.site
