"""A folder of input that is broken, odd or made to do harm, and what must become of each file.

Every good document holds a word of its own, `kept<FILE><NUMBER>`: so a test tells which of them came through.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from made_warcs import members, page, record, response

SENTENCE = "The miller wrote down what the river carried past the wheel on that day"


@dataclass(frozen=True)
class Hostile:
    """One file, and what is told of it."""

    name: str
    data: bytes
    kept: int
    """Good documents in it, all of which must be in the release."""
    rejects: tuple[tuple[int | str | None, str], ...] = ()
    """Place (line, row, offset; a member's name starts the detail) and cause of each."""


def text(name: str, number: int) -> str:
    """The text of a good document."""
    return f"{SENTENCE}, kept{word(name)}{number}."


def word(name: str) -> str:
    """A file's name as a word: its letters."""
    return "".join(letter for letter in name if letter.isalpha())


def row(name: str, number: int, **more: Any) -> bytes:
    return json.dumps({"id": f"{word(name)}-{number}", "text": text(name, number), **more}).encode()


def lines(name: str, count: int) -> list[bytes]:
    return [row(name, number) for number in range(count)]


def mixed(name: str, bad: Sequence[tuple[bytes, str]]) -> Hostile:
    """A JSONL file: a good line, then each bad one with a good one after it."""
    held, rejects = [row(name, 0)], []
    for number, (line, cause) in enumerate(bad):
        held += [line, row(name, number + 1)]
        if cause:
            rejects.append((len(held) - 1, cause))
    kept = len(held) - len(rejects)
    return Hostile(f"lines/{name}", b"\n".join(held) + b"\n", kept, tuple(rejects))


def jsonl() -> Iterator[Hostile]:
    yield mixed("utf8.jsonl", [(b'{"text": "\xff\xfe"}', "bad_utf8"), (b'{"text": "caf\xc3"}', "bad_utf8")])
    yield mixed(
        "null.jsonl",
        [
            (b'{"text": null}', "missing_text"),
            (b'{"id": "no text"}', "missing_text"),
            (b'{"text": ""}', "empty_text"),
            (b'{"text": " \\u0000\\t\\n "}', "empty_text"),
            (b"null", "wrong_type"),
        ],
    )
    yield mixed(
        "types.jsonl",
        [
            (b'{"text": 7}', "wrong_type"),
            (b'{"text": ["a", "b"]}', "wrong_type"),
            (b'{"text": {"text": "a"}}', "wrong_type"),
            (b'{"text": true}', "wrong_type"),
            (b"[1, 2]", "wrong_type"),
            (b'"a string"', "wrong_type"),
            (row("types.jsonl", 90).replace(b'"typesjsonl-90"', b"[1]"), ""),
        ],
    )
    yield mixed(
        "json.jsonl",
        [
            (b'{"text": "no end', "bad_json"),
            (b'{"text": "a"} {"text": "b"}', "bad_json"),
            (b"{'text': 'quotes'}", "bad_json"),
            (b'{"text": "a raw \x00 byte"}', "bad_json"),
            (b"\x00" * 50, "bad_json"),
        ],
    )
    yield mixed(
        "surrogates.jsonl",
        [
            (b'{"text": "half \\ud83d"}', "bad_unicode"),
            (b'{"text": "half \\ude00 of it"}', "bad_unicode"),
            (row("surrogates.jsonl", 90).replace(b"miller", b"miller \\ud83d\\ude00"), ""),
            (row("surrogates.jsonl", 91).replace(b"miller", b"miller \\u0000"), ""),
        ],
    )
    deep = b"[" * 500_000 + b"]" * 500_000
    yield mixed(
        "deep.jsonl",
        [
            (b'{"text": ' + deep + b"}", "too_deep"),
            (row("deep.jsonl", 90)[:-1] + b', "more": ' + deep + b"}", ""),
            (b'{"a":' * 400_000 + b"1" + b"}" * 400_000, "missing_text"),
            (deep, "too_deep"),
        ],
    )
    same = [row("same.jsonl", number).replace(b"samejsonl-%d" % number, b"same") for number in range(5)]
    yield Hostile("lines/same.jsonl", b"\n".join([*same, same[0]]), 6)
    yield Hostile("lines/windows.jsonl", b"\xef\xbb\xbf" + b"\r\n".join(lines("windows.jsonl", 3)) + b"\r\n\r\n", 3)
    yield Hostile("lines/empty.jsonl", b"", 0)
    yield Hostile("lines/empty.jsonl.gz", b"", 0)
    yield Hostile("lines/blank.jsonl.gz", gzip.compress(b"\n \n\n"), 0)
    yield Hostile("lines/wide.jsonl", '{"text": "a"}\n'.encode("utf-16"), 0, ((1, "bad_utf8"), (2, "bad_json")))
    yield Hostile("lines/plain.jsonl.gz", b"\n".join(lines("plain.jsonl.gz", 3)), 0, ((None, "bad_archive"),))
    yield from cut_short()


def cut_short() -> Iterator[Hostile]:
    """Compressed files that end too early, or hold wrong bytes: what comes before is kept."""
    for ending, pack in (("gz", gzip.compress), ("zst", zstandard.ZstdCompressor().compress)):
        name = f"cut.jsonl.{ending}"
        whole = pack(b"\n".join(noisy(name, 3000)))
        data = whole[: len(whole) * 2 // 3]
        kept = before_damage(data, ending)
        yield Hostile(f"lines/{name}", data, kept, ((kept + 1, "truncated_archive"),))
        name = f"two.jsonl.{ending}"
        first = pack(b"\n".join(lines(name, 40)) + b"\n")
        yield Hostile(f"lines/{name}", first + b"\0" * 512, 40)
        name = f"junk.jsonl.{ending}"
        first = pack(b"\n".join(lines(name, 40)) + b"\n")
        yield Hostile(f"lines/{name}", first + b"no archive at all", 40, ((41, "bad_archive"),))


def noisy(name: str, count: int) -> list[bytes]:
    """Rows that don't pack well, so that an archive of them has many blocks."""
    from hashlib import sha256

    return [row(name, number, noise=sha256(str(number).encode()).hexdigest()) for number in range(count)]


def before_damage(data: bytes, ending: str) -> int:
    """Whole lines that the system's own decoders find in a cut archive."""
    if ending == "gz":
        import zlib

        found = zlib.decompressobj(wbits=31).decompress(data)
    else:
        found = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return found.count(b"\n")


def parquet() -> Iterator[Hostile]:
    def stored(table: pa.Table, **how: Any) -> bytes:
        sink = io.BytesIO()
        pq.write_table(table, sink, **how)
        return sink.getvalue()

    def table(name: str, count: int) -> pa.Table:
        return pa.table({"text": [text(name, number) for number in range(count)]})

    whole = stored(table("a.parquet", 40))
    yield Hostile("rows/cut.parquet", whole[:-30], 0, ((None, "bad_parquet"),))
    yield Hostile("rows/empty.parquet", b"", 0, ((None, "bad_parquet"),))
    yield Hostile(
        "rows/text.parquet", b"this is no Parquet file at all, though it is long enough", 0, ((None, "bad_parquet"),)
    )
    yield Hostile("rows/none.parquet", stored(table("none.parquet", 0)), 0)
    yield Hostile("rows/column.parquet", stored(pa.table({"words": ["a"]})), 0, ((None, "missing_column"),))
    good = text("null.parquet", 0)
    yield Hostile(
        "rows/null.parquet", stored(pa.table({"text": [None, good, "", " \0 "]})), 1,
        ((1, "missing_text"), (3, "empty_text"), (4, "empty_text")),
    )  # fmt: skip
    yield Hostile("rows/types.parquet", stored(pa.table({"text": [1, 2]})), 0, ((1, "wrong_type"), (2, "wrong_type")))
    raw = pa.array([text("bytes.parquet", 0).encode(), b"\xff\xfe", b"caf\xc3"], pa.binary())
    yield Hostile("rows/bytes.parquet", stored(pa.table({"text": raw})), 1, ((2, "bad_utf8"), (3, "bad_utf8")))
    groups = stored(table("groups.parquet", 40), row_group_size=10, compression="none", use_dictionary=False)
    start = pq.ParquetFile(io.BytesIO(groups)).metadata.row_group(1).column(0).data_page_offset
    broken = groups[:start] + b"\xff" * 40 + groups[start + 40 :]
    yield Hostile("rows/groups.parquet", broken, 30, ((11, "bad_parquet"),))
    # Half a gigabyte in a few kilobytes: one long value that every row points at.
    bomb = ["x" * 3_000_000] * 170 + [text("bomb.parquet", 0)]
    yield Hostile(
        "rows/bomb.parquet", stored(pa.table({"text": bomb}), dictionary_pagesize_limit=8_000_000), 1,
        tuple((number, "too_large") for number in range(1, 171)),
    )  # fmt: skip


def arrow() -> Iterator[Hostile]:
    def stored(batches: Sequence[pa.RecordBatch], new: Callable[..., Any]) -> bytes:
        sink = io.BytesIO()
        with new(sink, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return sink.getvalue()

    def batch(name: str, first: int) -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict({"text": [text(name, number) for number in range(first, first + 5)]})

    stream = stored([batch("cut.arrow", 0), batch("cut.arrow", 5)], pa.ipc.new_stream)
    yield Hostile("rows/cut.arrow", stream[: len(stream) * 3 // 4], 5, ((6, "bad_arrow"),))
    framed = stored([batch("a.arrow", 0)], pa.ipc.new_file)
    yield Hostile("rows/footer.arrow", framed[:-20], 0, ((None, "bad_arrow"),))
    yield Hostile("rows/empty.arrow", b"", 0, ((None, "bad_arrow"),))
    values = pa.array(["x" * 3_000_000, text("bomb.arrow", 0)])
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 170 + [1], pa.int32()), values)
    bomb = stored([pa.RecordBatch.from_arrays([coded], ["text"])], pa.ipc.new_file)
    yield Hostile("rows/bomb.arrow", bomb, 1, tuple((number, "too_large") for number in range(1, 171)))


def csv() -> Iterator[Hostile]:
    def good(name: str, number: int) -> bytes:
        return f'{word(name)}-{number},"{text(name, number)}"'.encode()

    def table(name: str, *bad: tuple[bytes, str]) -> Hostile:
        held, rejects = [b"id,text", good(name, 0)], []
        for number, (line, cause) in enumerate(bad):
            held += [line, good(name, number + 1)]
            rejects.append((len(held) - 1, cause))
        return Hostile(f"tables/{name}", b"\n".join(held) + b"\n", len(bad) + 1, tuple(rejects))

    yield table("fields.csv", (b"1,2,3", "wrong_fields"), (b"1", "wrong_fields"), (b"1,", "empty_text"))
    yield table("bytes.csv", (b"1,caf\xe9", "bad_utf8"), (b'2,"\xff\xfe"', "bad_utf8"))
    yield table("returns.csv", (b"1,old\rMac", "bad_csv"))
    yield Hostile("tables/nul.csv", b"id,text\n1," + text("nul.csv", 0).replace(",", " \0").encode() + b"\n", 1)
    yield Hostile("tables/empty.csv", b"", 0)
    yield Hostile("tables/header.csv", b"id,text\n", 0)
    yield Hostile("tables/names.csv", b"id,words\n1,a\n", 0, ((2, "missing_column"),))
    whole = gzip.compress(b"id,text\n" + b"\n".join(good("cut.csv.gz", number) for number in range(3000)))
    data = whole[: len(whole) // 2]
    kept = before_damage(data, "gz") - 1
    yield Hostile("tables/cut.csv.gz", data, kept, ((kept + 2, "truncated_archive"),))
    yield Hostile(
        "tables/null.tsv", b"id\ttext\n1\t\n2\t" + text("null.tsv", 0).encode() + b"\n", 1, ((2, "empty_text"),)
    )


def warc() -> Iterator[Hostile]:
    def good(name: str, number: int) -> bytes:
        return response(f"https://{word(name)}.example/{number}", page(f"{text(name, number)} " * 4))

    packed = [gzip.compress(good("cut.warc.gz", number), mtime=0) for number in range(3)]
    whole = b"".join(packed)
    yield Hostile("pages/cut.warc.gz", whole[:-50], 2, ((len(packed[0]) + len(packed[1]), "truncated_record"),))
    first, second = (gzip.compress(good("junk.warc.gz", number), mtime=0) for number in range(2))
    yield Hostile("pages/junk.warc.gz", first + b"junk" * 25 + second, 2, ((len(first), "bad_record"),))
    short = record("response", b"HTTP/1.1 200 OK\r\n\r\nx", "https://a.example/", Content_Type="application/http")
    lying = short.replace(b"Content-Length: 20", b"Content-Length: 999999")
    before = good("length.warc", 0)
    yield Hostile("pages/length.warc", before + lying, 1, ((len(before), "truncated_archive"),))
    bomb = response("https://bomb.example/", page("x" * 90_000_000))
    start, end = (gzip.compress(good("bomb.warc.gz", number), mtime=0) for number in range(2))
    yield Hostile("pages/bomb.warc.gz", start + gzip.compress(bomb, 1, mtime=0) + end, 2, ((len(start), "too_large"),))
    inner = gzip.compress(bytes(90_000_000), 1, mtime=0)
    coded = response("https://bomb.example/", inner, head="Content-Encoding: gzip\r\n")
    yield Hostile("pages/inner.warc.gz", members([coded, good("inner.warc.gz", 0)]), 1, ((0, "too_large"),))
    yield Hostile("pages/empty.warc.gz", b"", 0)
    yield Hostile("pages/text.warc", b"this is no web archive\n", 0, ((0, "bad_record"),))


def packed() -> Iterator[Hostile]:
    def zipped(files: dict[str, bytes]) -> bytes:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return sink.getvalue()

    def tarred(files: dict[str, bytes]) -> bytes:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return sink.getvalue()

    for kind, pack in (("zip", zipped), ("tar.gz", lambda files: gzip.compress(tarred(files)))):
        name = f"odd.{kind}"
        files = {
            "../../etc/one.txt": text(name, 0).encode(), "/root/two.txt": text(name, 1).encode(),
            "bytes.txt": b"caf\xe9", "empty.txt": b"", "blank.txt": b" \0 ", "main.html": b"<p>",
            "bomb.txt": bytes(400_000_000), "last.txt": text(name, 2).encode(),
        }  # fmt: skip
        rejects = (
            ("bytes.txt", "bad_utf8"),
            ("empty.txt", "empty_text"),
            ("blank.txt", "empty_text"),
            ("main.html", "no_main_text"),
            ("bomb.txt", "too_large"),
        )
        yield Hostile(f"packed/{name}", pack(files), 3, rejects)
    whole = zipped({"a.txt": b"a"})
    yield Hostile("packed/cut.zip", whole[:-10], 0, ((None, "bad_archive"),))
    broken = bytearray(zipped({"a.txt": text("crc.zip", 0).encode(), "b.txt": text("crc.zip", 0).encode()}))
    broken[40] ^= 255
    yield Hostile("packed/crc.zip", bytes(broken), 1, (("a.txt", "bad_archive"),))
    yield Hostile("packed/empty.zip", b"", 0, ((None, "bad_archive"),))
    held = {f"{number}.txt": f"{text('cut.tar', number)} ".encode() * 30 for number in range(4)}
    yield Hostile("packed/cut.tar", tarred(held)[:8000], 2, (("2.txt", "truncated_archive"),))


def html() -> Iterator[Hostile]:
    def good(name: str) -> bytes:
        return page(f"{text(name, 0)} " * 5)

    yield Hostile("html/nul.html", good("nul.html").replace(b"miller", b"mil\0ler"), 1)
    yield Hostile("html/latin.html", page(f"{text('latin.html', 0)} " * 5 + "café").decode().encode("latin-1"), 1)
    yield Hostile("html/open.html", good("open.html")[: -len(b"</p></main></body></html>")], 1)
    yield Hostile("html/empty.html", b"", 0, ((None, "no_main_text"),))
    yield Hostile("html/lists.html", b"<ul><li>" * 200_000 + b"x", 0, ((None, "too_deep"),))
    yield Hostile("html/divs.html", b"<div>" * 200_000 + b"x" + b"</div>" * 200_000, 0, ((None, "too_deep"),))
    yield Hostile("html/bomb.html.gz", gzip.compress(bytes(400_000_000), 1), 0, ((None, "too_large"),))


def plain() -> Iterator[Hostile]:
    yield Hostile("text/nul.txt", b"\0" + text("nul.txt", 0).encode() + b"\0", 1)
    yield Hostile("text/bytes.txt", b"one\ncaf\xe9\n", 0, ((None, "bad_utf8"),))
    yield Hostile("text/surrogate.txt", b"CESU \xed\xa0\x80", 0, ((None, "bad_utf8"),))
    yield Hostile("text/empty.txt", b"", 0, ((None, "empty_text"),))
    yield Hostile("text/bomb.txt.gz", gzip.compress(b"x" * 400_000_000, 1), 0, ((None, "too_large"),))
    yield Hostile(
        "text/cut.txt.gz", gzip.compress(text("cut.txt.gz", 0).encode())[:-12], 0, ((None, "truncated_archive"),)
    )


def hostile_files() -> list[Hostile]:
    """All of them, whatever the format."""
    return [file for made in (jsonl, parquet, arrow, csv, warc, packed, html, plain) for file in made()]


def write(folder: Path, files: Sequence[Hostile]) -> None:
    """Puts them into a folder, and two that can't be opened: a link that leads nowhere, one without rights."""
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    (folder / "lines/gone.jsonl").symlink_to(folder / "nowhere")
    locked = folder / "lines/locked.jsonl"
    locked.write_bytes(b"\n".join(lines("locked.jsonl", 3)))
    locked.chmod(0)
