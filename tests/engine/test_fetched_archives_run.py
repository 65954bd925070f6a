"""Real web archives through a run: those of crawlers as they are, and real pages as a crawler would store them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from fastwarc import WarcRecord, WarcRecordType
from fastwarc.stream_io import GzipWriter
from small_corpus import Place

from debian_pages import fetch, rows
from made_warcs import id_of
from real_archives import SAMPLES, Archives, Unavailable
from tamis.corpus.manifest import read_manifest
from tamis.readers.html import main_text

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: web, path: "*.war[ct]*"}
stages:
  - language: {keep: {}}
"""


def ledger_of(release: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((release / "ledger").rglob("*.parquet"))])


@pytest.mark.service
def test_what_crawlers_wrote_has_url_and_date_in_the_ledger(archives: Archives, tmp_path: Path) -> None:
    place = Place(tmp_path, recipe=RECIPE)
    place.corpus.mkdir(parents=True)
    for sample in SAMPLES:
        try:
            path = archives.path(sample)
        except Unavailable as failure:
            pytest.skip(str(failure))
        (place.corpus / path.name).write_bytes(path.read_bytes())
    outcome = place.run()
    (source,) = outcome.manifest.sources
    ledger = outcome.ledger()
    assert ledger.height == source.documents == sum(sample.documents for sample in SAMPLES)
    assert (source.read, sum(source.rejects.values())) == (sum(sample.rows for sample in SAMPLES), 1)
    assert ledger["url"].str.contains(r"^https?://[a-z0-9.-]+\.[a-z]+").all()
    assert ledger["date"].str.contains(r"^20[0-2]\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?Z$").all()
    # The same crawl as pages, as texts and as metadata.
    assert ledger.filter(pl.col("date").str.starts_with("2014-08-21")).height == 7


PACKAGES = (
    *(f"libreoffice-help-{language}" for language in ("de", "es", "fr", "it")),
    *(f"lilypond-doc-html-{language}" for language in ("de", "es", "fr")),
    "apache2-doc",
)
"""About 10,000 pages of 300 MB: small ones and large ones; 23 MB to fetch."""
ARCHIVE_BYTES = 50_000_000
"""Of pages in one archive."""
CUT = "crawl-2.warc.gz"
ONE_IN = 10
"""Of so many pages one is in the corpus as a file of its own, too."""
LEAST_BYTES = 200_000_000
MOST_PEAK = 800_000_000
OF_FILES = "  - {name: files, path: pages/*.html}\nstages:"


class Page(NamedTuple):
    """A response as it was written."""

    file: str
    at: int
    end: int
    url: str
    date: str
    html: str | None
    """None in one that is none of the pages."""


def stored(kind: WarcRecordType, content: bytes, url: str, date: str) -> bytes:
    """A record as a gzip member of its own, with its digest."""
    record = WarcRecord()
    record.init_headers(kind, f"uuid:{id_of(url if kind == WarcRecordType.response else date)}".encode())
    record.headers["WARC-Target-URI"] = url
    record.headers["WARC-Date"] = date
    record.headers["Content-Type"] = "application/http"
    record.set_bytes_content(content)
    held = io.BytesIO()
    writer = GzipWriter(held, compression_level=1)
    record.write(writer, checksum_data=True)
    writer.finish()
    return held.getvalue()


def write_archives(folder: Path, pages: Iterable[str]) -> Iterator[Page]:
    """Writes the pages into archives, between requests, missing pages and pictures; yields each response."""
    out, size, number = None, 0, 0
    for count, html in enumerate(pages):
        if out is None or size > ARCHIVE_BYTES:
            if out:
                out.close()
            out, size, number = (folder / f"crawl-{number}.warc.gz").open("wb"), 0, number + 1
        data = html.encode()
        size += len(data)
        date = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=97 * count)).strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"https://docs{count % 7}.example.org/{count}.html?größe={count}"
        out.write(stored(WarcRecordType.request, f"GET /{count}.html HTTP/1.1\r\n\r\n".encode(), url, date))
        answers = [(url, b"200 OK", b"text/html; charset=utf-8", data, html)]
        if count % 40 == 0:
            answers.append((f"{url}&gone", b"404 Not Found", b"text/html", b"<p>Not found.", None))
        if count % 60 == 0:
            answers.append((f"{url}.png", b"200 OK", b"image/png", b"\x89PNG" * 1000, None))
        for where, status, mime, body, of_page in answers:
            content = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n\r\n%s" % (status, mime, body)
            at = out.tell()
            out.write(stored(WarcRecordType.response, content, where, date))
            yield Page(Path(out.name).name, at, out.tell(), where, date, of_page)
    if out:
        out.close()


def cut(folder: Path, written: list[Page]) -> list[Page]:
    """Cuts an archive within a page at its middle; returns the responses that there still are, the broken one last."""
    path = folder / CUT
    last = next(page for page in written if page.file == CUT and page.html and page.at > path.stat().st_size // 2)
    os.truncate(path, (last.at + last.end) // 2)
    return [page for page in written if page.file != CUT or page.at < last.at] + [last]


def run_watched(place: Place) -> tuple[dict[str, object], int, int]:
    """`tamis run` with two workers, in a process of its own: what it prints, its workers, the highest peak of one."""
    recipe = place.corpus / "small.yaml"
    recipe.write_text(place.text)
    command = [
        sys.executable, "-m", "tamis.cli.main", "run", str(recipe), "--work", str(place.work),
        "--out", str(place.out), "--workers", "2", "--quiet", "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place.corpus)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for child in below(process.pid):
            peaks[child] = max(peaks.get(child, 0), peak_of(child))
        time.sleep(0.1)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out), len(peaks), max(peaks.values(), default=0)


def below(parent: int) -> list[int]:
    """The processes that one has started, and theirs."""
    try:
        children = [
            int(child)
            for thread in Path(f"/proc/{parent}/task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except OSError:  # it has ended
        return []
    return children + [one for child in children for one in below(child)]


def peak_of(process: int) -> int:
    """Bytes of memory that a process had at its most."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def texts_of(release: Path) -> dict[str, str]:
    """The texts of a release by id."""
    shards = pl.concat([pl.read_parquet(path, columns=["id", "text"]) for path in release.rglob("data/**/*.parquet")])
    return dict(shards.iter_rows())


def rejects_of(place: Place) -> dict[tuple[str, int | None], tuple[str, str]]:
    """Cause and detail of each reject by file and offset."""
    records = [json.loads(path.read_bytes()) for path in (place.work / "corpus").rglob("record.json")]
    return {(file, at): (cause, detail) for record in records for file, at, cause, detail in record["rejects"]}


@pytest.mark.service
@pytest.mark.slow
def test_hundreds_of_megabytes_of_fetched_pages(tmp_path: Path) -> None:
    fetch(tmp_path / "debian", PACKAGES)
    place = Place(tmp_path, recipe=RECIPE.replace("stages:", OF_FILES))
    (place.corpus / "pages").mkdir(parents=True)
    pages = (row["html"] for package in PACKAGES for row in rows(tmp_path / "debian", package, "html"))
    written = list(write_archives(place.corpus, pages))
    assert sum(len((page.html or "").encode()) for page in written) > LEAST_BYTES
    there = cut(place.corpus, written)
    copies = {f"{number}.html": page for number, page in enumerate(there[:-1]) if page.html and number % ONE_IN == 0}
    for name, page in copies.items():
        (place.corpus / "pages" / name).write_text(page.html or "", encoding="utf-8-sig")

    summary, workers, peak = run_watched(place)
    release = Path(str(summary["release"]))
    assert workers >= 2
    assert peak < MOST_PEAK, f"{peak / 1e6:.0f} MB"

    # Each response is a document, a reject or left out; what is cut off costs what stands behind the cut alone.
    source = next(one for one in read_manifest(release).sources if one.name == "web")
    assert source.read == len(there)
    assert source.documents + sum(source.rejects.values()) + source.filtered == source.read
    assert source.filtered == sum(page.html is None for page in there)
    rejects = rejects_of(place)
    assert rejects.pop((CUT, there[-1].at))[0] == "truncated_record"
    by_place = {(page.file, page.at): page for page in there[:-1]}
    unreadable = {by_place[at].url: told for at, told in rejects.items() if at in by_place}
    assert len(unreadable) + 1 == sum(source.rejects.values()) < len(there) // 50
    assert unreadable == {page.url: main_text(page.html or "") for page in there if page.url in unreadable}

    # Every other page is there, with the URL, the date and the id that were written.
    ledger = ledger_of(release)
    found = {row[0]: row[1:] for row in ledger.filter(source="web").select("url", "date", "id").iter_rows()}
    documents = [page for page in there[:-1] if page.html and page.url not in unreadable]
    assert found == {page.url: (page.date, f"web:{id_of(page.url)}") for page in documents}

    # And with the text that the page has as a file.
    texts = texts_of(release)
    of_files = {name: texts.get(f"files:{name}") for name in copies}
    assert of_files == {name: texts[found[page.url][1]] if page.url in found else None for name, page in copies.items()}
    assert sum(text is not None for text in of_files.values()) > 100

    again, _, _ = run_watched(place)
    assert again["nothing_to_do"] and again["identity"] == summary["identity"]
