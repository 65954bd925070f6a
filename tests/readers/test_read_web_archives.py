"""WARC, WET and WAT: which records are documents, their facts, encodings, and damage at every place."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from made_warcs import id_of, members, page, record, response
from real_archives import SAMPLES, Archives, Sample, Unavailable
from tamis.readers import warc_records

Reading = Any
SENTENCE = "Der Müller mahlt das Korn, und das Rad dreht sich im Bach bis zum Abend. "
PAGES = [response(f"https://a.example/{n}", page(SENTENCE * 3 + f"Seite {n}.", f"Titel {n}")) for n in range(5)]
INFO = record("warcinfo", b"software: a crawler\r\n", Content_Type="application/warc-fields")
PACKED = ("crawl.warc", "crawl.warc.gz", "crawl.warc.zst")


def packed(records: list[bytes], name: str) -> bytes:
    if name.endswith(".gz"):
        return members(records)
    if name.endswith(".zst"):
        return b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(one) for one in records)
    return b"".join(records)


@pytest.mark.parametrize("name", PACKED)
def test_pages_with_their_url_date_title_and_id(reading: Reading, name: str) -> None:
    request = record("request", b"GET /0 HTTP/1.1\r\n\r\n", "https://a.example/0", Content_Type="application/http")
    rows, tally = reading(packed([INFO, request, *PAGES], name), name)
    assert [row["url"] for row in rows] == [f"https://a.example/{n}" for n in range(5)]
    assert {row["date"] for row in rows} == {"2024-05-06T07:08:09Z"}
    assert rows[3]["title"] == "Titel 3"
    assert rows[3]["own_id"] == id_of("https://a.example/3response")
    assert "Seite 3." in rows[3]["text"] and "Home" not in rows[3]["text"]
    assert (tally.read, tally.filtered) == (5, 0)
    stored = packed([INFO, request], name)
    assert rows[0]["line"] == len(stored)


def test_other_records_media_types_and_statuses(reading: Reading) -> None:
    records = [
        response("https://a.example/pic", b"\x89PNG", "image/png"),
        response("https://a.example/odd", b"x", "a<b/c"),
        response("https://a.example/gone", page("Not found."), status="404 Not Found"),
        response("https://a.example/moved", b"", status="301 Moved"),
        response("https://a.example/text", b"Plain text.", "text/plain; charset=utf-8"),
        response("https://a.example/sniffed", page("No type."), mime=""),
        record("revisit", b"HTTP/1.1 200 OK\r\n\r\n", "https://a.example/text", Content_Type="application/http"),
        record("resource", page("Stored as it is."), "https://a.example/resource", Content_Type="text/html"),
        record("resource", b"started", "metadata://a.example/log", Content_Type="text/plain"),
        response("https://a.example/lies", b"%PDF", "text/html", WARC_Identified_Payload_Type="application/pdf"),
    ]
    rows, tally = reading(members(records), "a.warc.gz")
    assert [row["url"].rpartition("/")[2] for row in rows] == ["text", "sniffed", "resource"]
    assert rows[0]["text"] == "Plain text."
    assert tally.notes == {
        "mime:image/png": 1, "mime:other": 1, "mime:application/pdf": 1, "http_status:404": 1, "http_status:301": 1,
        "not_a_page": 1,
    }  # fmt: skip
    assert (tally.read, tally.filtered, tally.causes) == (9, 6, {})


def test_headers_are_fields(reading: Reading) -> None:
    records = [
        response(
            "https://a.example/fr", page("Bonjour."), head="Content-Language: fr\r\n", WARC_IP_Address="81.2.69.1"
        ),
        response("https://a.example/gone", page("Gone."), status="410 Gone", WARC_IP_Address="81.2.69.2"),
    ]
    fields = {
        "columns": {"language": "http.content-language", "id": "WARC-Target-URI"},
        "signals": {"ip": {"field": "WARC-IP-Address", "type": "string"}, "status": {"field": "http.status"}},
    }
    rows, tally = reading(members(records), "a.warc.gz", **fields, where={"http.status": [200, 499]})
    assert [row["own_id"] for row in rows] == ["https://a.example/fr", "https://a.example/gone"]
    assert [row["source.status"] for row in rows] == [200.0, 410.0]
    assert [row["source.ip"] for row in rows] == ["81.2.69.1", "81.2.69.2"]
    assert [row["language"] for row in rows] == ["fr", None]
    rows, tally = reading(members(records), "a.warc.gz", **fields, where={"http.status": {"in": [410]}})
    assert [row["source.status"] for row in rows] == [410.0]
    assert tally.filtered == 1


def test_many_media_types_are_counted_as_other(reading: Reading) -> None:
    records = [response(f"https://a.example/{n}", b"x", f"application/x-{n}") for n in range(40)]
    _, tally = reading(b"".join(records), "a.warc")
    assert len(tally.notes) == 31
    assert tally.notes["mime:other"] == 10
    assert tally.filtered == 40


BODIES = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress, "identity": bytes,
}  # fmt: skip


@pytest.mark.parametrize("encoding", BODIES)
@pytest.mark.parametrize("chunked", [False, True])
def test_encoded_bodies(reading: Reading, encoding: str, chunked: bool) -> None:
    body = BODIES[encoding](page("Ein Satz über Müller."))
    head = f"Content-Encoding: {encoding}\r\n"
    if chunked:
        head += "Transfer-Encoding: chunked\r\n"
        body = b"".join(
            b"%x;ext=1\r\n%s\r\n" % (len(body[at : at + 50]), body[at : at + 50]) for at in range(0, len(body), 50)
        )
        body += b"0\r\n\r\n"
    rows, _ = reading(members([response("https://a.example/", body, head=head)]), "a.warc.gz")
    assert "Ein Satz über Müller." in rows[0]["text"]


@pytest.mark.parametrize("encoding", BODIES)
def test_a_body_that_was_decoded_already_is_taken_as_it_is(reading: Reading, encoding: str) -> None:
    head = f"Content-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n"
    rows, _ = reading(members([response("https://a.example/", page("Ein Satz."), head=head)]), "a.warc.gz")
    assert "Ein Satz." in rows[0]["text"]


def test_raw_deflate(reading: Reading) -> None:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(page("Ein Satz.")) + packer.flush()
    rows, _ = reading(response("https://a.example/", body, head="Content-Encoding: deflate\r\n"), "a.warc")
    assert "Ein Satz." in rows[0]["text"]


def test_character_encodings(reading: Reading) -> None:
    """The HTTP header goes before the page's own word; UTF-8 and a guess follow."""
    text = "Größe, Çedille, œuvre"
    records = [
        response("https://a.example/http", page(text).decode().encode("cp1252"), "text/html; charset=windows-1252"),
        response("https://a.example/meta", page(text, head="<meta charset=cp1252>").decode().encode("cp1252")),
        response("https://a.example/utf8", page(text)),
        response("https://a.example/wrong", page(text), "text/html; charset=no-such-thing"),
        response("https://a.example/plain", text.encode("utf-16"), "text/plain; charset=utf-16"),
    ]
    rows, tally = reading(members(records), "a.warc.gz")
    assert tally.causes == {}
    assert [text in row["text"] for row in rows] == [True] * 5


@pytest.mark.parametrize("name", PACKED)
def test_a_wrong_byte_anywhere_costs_one_record(reading: Reading, name: str) -> None:
    """The record it stands in is lost or changed; every other one is read."""
    records = [
        record("warcinfo", b"x"),
        *(response(f"https://a.example/{n}", b"Satz %d." % n, "text/plain") for n in range(4)),
    ]
    whole = packed(records, name)
    every = {f"Satz {n}." for n in range(4)}
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        rows, tally = reading(bytes(damaged), name)
        found = {row["text"] for row in rows}
        lost = len(every - found)
        assert lost <= (1 if name != "crawl.warc" else 2), at
        if name != "crawl.warc":
            assert not lost or tally.causes or tally.filtered, at


@pytest.mark.parametrize("name", PACKED)
def test_cut_off_anywhere(reading: Reading, name: str) -> None:
    """Every record before the cut stays; the cut is one reject, unless it falls between two records."""
    records = [response(f"https://a.example/{n}", b"Satz %d." % n, "text/plain") for n in range(3)]
    whole = packed(records, name)
    ends = [len(packed(records[:n], name)) for n in range(4)]
    for cut in range(len(whole) + 1):
        rows, tally = reading(whole[:cut], name)
        done = sum(end <= cut for end in ends[1:])
        loose = 4 if name == "crawl.warc" else 0  # the blank lines at the end of a record
        slack = next((end for end in ends if cut <= end <= cut + loose), None)
        if cut in ends or slack is not None:
            assert tally.causes == {} or slack != cut, cut
        else:
            assert sum(tally.causes.values()) == 1, cut
            assert tally.rejects[0].line == ends[done], cut
        # What is cut off may be a mere checksum: the text of its record is whole.
        assert len(rows) in (done, done + 1), cut


@pytest.mark.parametrize("name", PACKED)
def test_what_stands_between_records_is_one_reject(reading: Reading, name: str) -> None:
    first, rest = packed(PAGES[:2], name), packed(PAGES[2:], name)
    rows, tally = reading(first + b"no record\r\n" * 9000 + rest, name)
    assert [row["title"] for row in rows] == [f"Titel {n}" for n in range(5)]
    assert sum(tally.causes.values()) == 1
    assert tally.rejects[0].line == len(first)


def test_a_wrong_length_hides_no_record(reading: Reading) -> None:
    short = PAGES[1].replace(b"Content-Length: ", b"Content-Length: 9", 1)
    rows, tally = reading(b"".join([PAGES[0], short, *PAGES[2:]]), "a.warc")
    assert [row["title"] for row in rows] == ["Titel 0", "Titel 2", "Titel 3", "Titel 4"]
    assert tally.causes == {"truncated_record": 1}
    assert tally.rejects[0].line == len(PAGES[0])


def test_padding_is_no_damage(reading: Reading) -> None:
    for data in (members(PAGES) + b"\0" * 512, b"".join(PAGES) + b"\r\n\r\n\0"):
        rows, tally = reading(data, "a.warc.gz" if data[0] == 0x1F else "a.warc")
        assert (len(rows), tally.causes) == (5, {})


def test_one_member_around_all_records(reading: Reading) -> None:
    data = gzip.compress(b"".join(PAGES))
    rows, tally = reading(data, "a.warc.gz")
    assert (len(rows), tally.causes) == (5, {})
    rows, tally = reading(data[:-20], "a.warc.gz")
    assert sum(tally.causes.values()) == 1


def test_bare_line_ends(reading: Reading) -> None:
    records = [one.partition(b"\r\n\r\n") for one in PAGES]
    rows, tally = reading(
        b"".join(h.replace(b"\r", b"") + b"\n\n" + rest.rstrip() + b"\n\n" for h, _, rest in records), "a.warc"
    )
    assert (len(rows), tally.causes) == (5, {})


@pytest.mark.parametrize("data", [b"", b"<html>no archive</html>", b"\x1f\x8b\x08no gzip", b"WARC/1.0\r\n"])
def test_what_is_no_archive(reading: Reading, data: bytes) -> None:
    rows, tally = reading(data, "a.warc.gz")
    assert rows == []
    assert sum(tally.causes.values()) == (1 if data else 0)


def test_a_missing_file_is_a_reject(reading_file: Any, input_of: Any, tmp_path: Path) -> None:
    rows, tally = reading_file(input_of(tmp_path / "none.warc.gz"))
    assert (rows, tally.causes) == ([], {"unreadable": 1})


def test_bombs_and_long_records_take_little_memory(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc_records, "MAX_PAYLOAD", 2_000_000)
    monkeypatch.setattr("tamis.readers.http_message.MAX_PAYLOAD", 2_000_000)
    bomb = gzip.compress(bytes(60_000_000))
    records = [
        response("https://a.example/bomb", bomb, head="Content-Encoding: gzip\r\n"),
        response("https://a.example/long", b"a" * 50_000_000),
        response("https://a.example/film", b"a" * 50_000_000, "video/mp4"),
        PAGES[0],
    ]
    data = members(records)
    del records
    tracemalloc.start()
    rows, tally = reading(data, "a.warc.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) == 1
    assert tally.causes == {"too_large": 2}
    assert tally.notes == {"mime:video/mp4": 1}
    assert peak < 20_000_000


def conversion(n: int, text: bytes, **more: str) -> bytes:
    return record("conversion", text, f"https://a.example/{n}", Content_Type="text/plain", **more)


def test_wet(reading: Reading) -> None:
    records = [
        INFO,
        conversion(1, "Größe\n".encode(), WARC_Identified_Content_Language="deu,eng"),
        conversion(2, b"\xff\xfe broken"),
        conversion(3, b""),
        conversion(4, b"Vier."),
    ]
    rows, tally = reading(members(records), "a.warc.wet.gz", columns={"language": "WARC-Identified-Content-Language"})
    assert [(row["text"], row["url"], row["language"]) for row in rows] == [
        ("Größe\n", "https://a.example/1", "de"), ("Vier.", "https://a.example/4", None),
    ]  # fmt: skip
    assert rows[0]["date"] == "2024-05-06T07:08:09Z"
    assert tally.causes == {"bad_utf8": 1, "empty_text": 1}
    assert tally.rejects[0].line == len(members(records[:2]))


def wat(n: int, page: Any, kind: str = "response", mime: str = "text/html") -> bytes:
    told: dict[str, Any] = {"Headers": {"Content-Type": mime}, "Response-Message": {"Status": "200"}}
    if page is not None:
        told["HTML-Metadata"] = page
    envelope = {"WARC-Header-Metadata": {"WARC-Type": kind}, "Payload-Metadata": {"HTTP-Response-Metadata": told}}
    data = json.dumps({"Envelope": envelope, "Container": {"Compressed": True}}).encode()
    return record("metadata", data, f"https://a.example/{n}", Content_Type="application/json")


def test_wat(reading: Reading) -> None:
    page = {
        "Head": {
            "Title": "Die  Mühle",
            "Metas": [{"name": "viewport", "content": "x"}, {"property": "og:description", "content": "Ein Rad."}],
            "Link": [{"rel": "canonical", "url": "https://a.example/muehle"}],
        },
        "Links": [
            {"path": "A@/href", "url": "/"},
            {"path": "IMG@/src", "url": "/a.png"},
            {"path": "A@/href", "url": "/b"},
        ],
    }
    records = [
        INFO,
        wat(1, page),
        wat(2, None, mime="image/png"),
        wat(3, {"Head": {}}),
        wat(4, page, kind="request"),
        record("metadata", b"{broken", "https://a.example/5", Content_Type="application/json"),
        record("metadata", b"[]", "https://a.example/6", Content_Type="application/json"),
        record("metadata", b"fetchTimeMs: 3", "https://a.example/7", Content_Type="application/warc-fields"),
    ]
    rows, tally = reading(
        members(records),
        "a.warc.wat.gz",
        columns={"author": "canonical"},
        signals={
            "links": {"field": "links"},
            "images": {"field": "images"},
            "status": {"field": "http.status"},
            "mime": {
                "field": "Envelope.Payload-Metadata.HTTP-Response-Metadata.Headers.Content-Type",
                "type": "string",
            },
        },
    )
    assert [(row["text"], row["title"], row["url"]) for row in rows] == [
        ("Die Mühle\n\nEin Rad.", "Die Mühle", "https://a.example/1")
    ]
    assert rows[0]["author"] == "https://a.example/muehle"
    assert [rows[0][f"source.{name}"] for name in ("links", "images", "status", "mime")] == [
        2.0,
        1.0,
        200.0,
        "text/html",
    ]
    assert tally.notes == {"mime:image/png": 1}
    assert tally.causes == {"no_description": 1, "bad_json": 1, "wrong_type": 1}
    assert tally.read == 5


@pytest.mark.service
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: Path(sample.path).name)
def test_archives_of_real_crawlers(reading_file: Any, input_of: Any, archives: Archives, sample: Sample) -> None:
    try:
        path = archives.path(sample)
    except Unavailable as failure:
        pytest.skip(str(failure))
    rows, tally = reading_file(input_of(path))
    assert (tally.read, len(rows), dict(tally.causes)) == (sample.rows, sample.documents, sample.rejects)
    assert all(row["url"].startswith("http") and row["date"][:2] == "20" and row["own_id"] for row in rows)
