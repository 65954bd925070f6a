"""A web archive of a few hundred MB through a run: URL and date in the ledger, in bounded memory."""

from __future__ import annotations

import io
import itertools
import json
import os
import pydoc
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest
from small_corpus import Place

from made_warcs import id_of, members, page, record, response
from tamis.engine import facts

RECIPE = """
name: small
version: "1"
defaults: {license: CC0-1.0}
sources:
  - {name: web, path: "*.warc*"}
stages:
  - language: {keep: {}}
"""
PEAK = """
import re, sys
from pathlib import Path
from tamis.corpus.documents import InputFile
from tamis.readers import reader_of
from tamis.readers.contract import Tally
from tamis.recipe.model import Source

path = Path(sys.argv[1])
source = Source(name="web", path=(str(path),), license="CC0-1.0")
file, tally = InputFile(path.name, str(path), path.stat().st_size, ""), Tally()
rows = sum(batch.num_rows for batch in reader_of(source, file)(source, file, tally))
# Of this program alone: what getrusage tells begins with the peak of the process that started it.
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
print(rows, tally.read, sum(tally.causes.values()), peak)
"""


def test_url_and_date_of_pages_and_texts_are_in_the_ledger(tmp_path: Path) -> None:
    place = Place(tmp_path, recipe=RECIPE)
    pages = [
        response(
            f"https://a.example/{n}",
            page(f"Das Wasser treibt das Rad Nummer {n}. " * 9),
            date=f"2024-05-{n:02}T00:00:00Z",
        )
        for n in range(1, 9)
    ]
    texts = [
        record(
            "conversion",
            b"The wheel turns in the stream all day long. %d" % n,
            f"https://b.example/{n}",
            f"2023-05-{n:02}T00:00:00Z",
        )
        for n in range(1, 5)
    ]
    place.corpus.mkdir(parents=True, exist_ok=True)
    (place.corpus / "a.warc.gz").write_bytes(members(pages)[:-60])
    (place.corpus / "b.warc.wet.gz").write_bytes(members(texts))
    summary = place.run()
    ledger = pl.concat([pl.read_parquet(path) for path in sorted(summary.release.rglob("ledger/**/*.parquet"))])
    found = {row["url"]: row for row in ledger.iter_rows(named=True)}
    assert len(found) == 11  # the last page is cut off
    assert found["https://a.example/3"]["date"] == "2024-05-03T00:00:00Z"
    assert found["https://a.example/3"]["id"] == f"web:{id_of('https://a.example/3response')}"
    assert found["https://b.example/2"]["date"] == "2023-05-02T00:00:00Z"
    facts = summary.manifest.sources[0]
    assert (facts.read, facts.documents, facts.rejects) == (12, 11, {"truncated_record": 1})


def real_pages() -> Iterator[bytes]:
    """Pages of Debian's documentation, where DEBIAN_DOCS names a folder of it; else the pages that pydoc writes."""
    folder = os.environ.get("DEBIAN_DOCS")
    if folder:
        import zstandard

        for path in sorted(Path(folder).glob("*/html.jsonl.zst")):
            with path.open("rb") as stream:
                for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8"):
                    yield json.loads(line)["html"].encode()
        return
    for name in (
        "argparse",
        "asyncio",
        "collections",
        "decimal",
        "email",
        "http.client",
        "inspect",
        "subprocess",
        "typing",
    ):
        yield pydoc.HTMLDoc().page(name, pydoc.HTMLDoc().document(pydoc.locate(name), name)).encode()


def many_pages(size: int) -> Iterator[bytes]:
    """Real pages up to `size` bytes, again and again, each with a paragraph of its own."""
    pages: list[bytes] = []
    for html in real_pages():
        pages.append(html)
        if sum(map(len, pages)) > size:
            break
    made = 0
    for number, html in enumerate(itertools.cycle(pages)):
        if made >= size:
            return
        yield html.replace(b"</body>", b"<p>Copy %d of this page.</p></body>" % number)
        made += len(html)


@pytest.mark.slow
def test_a_few_hundred_megabytes(tmp_path: Path) -> None:
    place = Place(tmp_path, recipe=RECIPE)
    place.corpus.mkdir(parents=True, exist_ok=True)
    path = place.corpus / "crawl.warc"
    count = 0
    with path.open("wb") as stream:
        for count, html in enumerate(many_pages(300_000_000), 1):
            url = f"https://docs.example/{count}"
            stream.write(
                record("request", b"GET / HTTP/1.1\r\n\r\n", url, Content_Type="application/http; msgtype=request")
            )
            stream.write(response(url, html, date=f"2024-05-06T07:{count % 60:02}:00Z"))
    assert path.stat().st_size > 300_000_000
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], check=True, capture_output=True, text=True)
    rows, read, rejects, peak = map(int, done.stdout.split())
    assert (read, rows + rejects) == (count, count)
    assert rows > 0.98 * count
    assert peak < 900
    summary = place.run()
    ledger = pl.concat([pl.read_parquet(path) for path in sorted(summary.release.rglob("ledger/**/*.parquet"))])
    assert ledger.height == rows
    assert ledger["url"].str.contains(r"^https://docs\.example/\d+$").all()
    numbers = ledger["url"].str.extract(r"(\d+)$").cast(pl.Int64)
    assert (ledger["date"] == ("2024-05-06T07:" + (numbers % 60).cast(pl.String).str.zfill(2) + ":00Z")).all()
    assert numbers.n_unique() == rows


def test_another_version_of_the_extractor_is_another_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, recipe=RECIPE)
    place.corpus.mkdir(parents=True, exist_ok=True)
    (place.corpus / "a.warc").write_bytes(response("https://a.example/", page("Das Wasser treibt das Rad. " * 9)))
    before = place.run().manifest
    assert before.software["resiliparse"] == version("resiliparse")
    installed = facts._installed
    monkeypatch.setattr(facts, "_installed", lambda name: "99" if name == "resiliparse" else installed(name))
    assert place.run().manifest.identity != before.identity
