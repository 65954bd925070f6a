"""EPUB and PDF, made here byte by byte: reading order, facts, page ends, and what becomes of damage."""

from __future__ import annotations

import io
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_pdf import made_pdf
from tamis import readers
from tamis.corpus.documents import InputFile
from tamis.errors import InputError
from tamis.readers import pdf, text_versions

Reading = Any
CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
 <metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Un  été</dc:title><dc:creator>Ada A.</dc:creator>
  <dc:creator>Bo B.</dc:creator><dc:date>1899-05-06</dc:date><dc:language>fr</dc:language></metadata>
 <manifest>
  <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
  <item id="c2" href="text/b.xhtml" media-type="application/xhtml+xml"/>
  <item id="c1" href="text/a%20b.xhtml" media-type="application/xhtml+xml"/>
  <item id="pic" href="pic.png" media-type="image/png"/>
 </manifest>
 <spine><itemref idref="nav"/><itemref idref="c1"/><itemref idref="pic"/><itemref idref="c2"/></spine>
</package>"""


def page(body: str) -> str:
    return f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body>{body}</body></html>'


MEMBERS = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OPS/book.opf": PACKAGE,
    "OPS/nav.xhtml": page("<nav><ol><li><a href='text/b.xhtml'>INHALT</a></li></ol></nav>"),
    "OPS/text/b.xhtml": page("<h1>Deux</h1><p>La fin.</p>"),
    "OPS/text/a b.xhtml": page("<h1>Un</h1><p>Il faisait <i>très</i> chaud.</p><p>Court.</p>"),
    "OPS/pic.png": "PNG",
}


def epub(**changes: str | None) -> bytes:
    """The book with other members, or without one."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**MEMBERS, **changes}.items():
            if content is not None:
                archive.writestr(name, content)
    return held.getvalue()


def test_a_book_is_its_chapters_in_reading_order(reading: Reading) -> None:
    for name, data in (("book.epub", epub()), ("book.bin", epub())):
        rows, tally = reading(data, name, **({} if name.endswith("epub") else {"format": "epub"}))
        (row,) = rows
        assert row["text"].split() == ["Un", "Il", "faisait", "très", "chaud.", "Court.", "Deux", "La", "fin."]
        assert "\n\nDeux" in row["text"]
        assert (row["title"], row["author"], row["date"]) == ("Un été", "Ada A., Bo B.", "1899-05-06")
        assert (row["own_id"], row["language"], dict(tally.causes)) == (name, None, {})


def test_a_page_without_text_is_no_chapter(reading: Reading) -> None:
    (row,), _ = reading(epub(**{"OPS/text/b.xhtml": page("<img src='../pic.png'/>")}), "b.epub")
    assert row["text"].split() == ["Un", "Il", "faisait", "très", "chaud.", "Court."]


LOCKED = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:e="http://www.w3.org/2001/04/xmlenc#">'
    '<e:EncryptedData><e:CipherData><e:CipherReference URI="URI"/></e:CipherData></e:EncryptedData></encryption>'
)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("changes", "cause", "detail"),
    [
        ({"META-INF/container.xml": None}, "bad_epub", "it lacks 'META-INF/container.xml'"),
        ({"META-INF/container.xml": "<container"}, "bad_epub", "no well-formed XML"),
        ({"META-INF/container.xml": "<container/>"}, "bad_epub", "names no package"),
        ({"OPS/book.opf": None}, "bad_epub", "it lacks 'OPS/book.opf'"),
        ({"OPS/book.opf": "<package/>"}, "bad_epub", "lists no pages"),
        ({"OPS/book.opf": BOMB + "]><x>&i;</x>"}, "bad_epub", "no well-formed XML"),
        ({"OPS/text/b.xhtml": None}, "bad_epub", "it lacks 'OPS/text/b.xhtml'"),
        ({"OPS/text/b.xhtml": "<div>" * 4000}, "too_deep", "OPS/text/b.xhtml"),
        ({"OPS/text/b.xhtml": "x" * 300_000}, "too_large", "over 0.2 MB"),
        ({"META-INF/encryption.xml": LOCKED.replace("URI=\"URI", "URI=\"OPS/text/a%20b.xhtml")}, "encrypted", "DRM"),
        ({name: page("") for name in MEMBERS if name.endswith("b.xhtml")}, "empty_text", "empty"),
    ],
)  # fmt: skip
def test_a_book_that_cant_be_read_whole_is_a_reject(
    reading: Reading, changes: dict[str, str | None], cause: str, detail: str
) -> None:
    rows, tally = reading(epub(**changes), "b.epub", max_document_bytes=200_000)
    assert rows == [] and dict(tally.causes) == {cause: 1}
    assert detail in tally.rejects[0].detail


def test_locked_fonts_lock_no_book(reading: Reading) -> None:
    fonts = LOCKED.replace('URI="URI', 'URI="OPS/font.otf')
    assert len(reading(epub(**{"META-INF/encryption.xml": fonts}), "b.epub")[0]) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.binary(max_size=40))
def test_damage_in_a_book_raises_nothing(reading: Reading, place: int, junk: bytes) -> None:
    data = epub()
    rows, tally = reading(data[:place] + junk + data[place + len(junk) :], "b.epub")
    assert len(rows) + sum(tally.causes.values()) == 1
    rows, tally = reading(data[:place], "b.epub")
    assert rows == [] or place >= len(data)


def test_a_pdf_is_its_pages_with_form_feeds_between(reading: Reading) -> None:
    (row,), tally = reading(made_pdf(["Un été\nchaud", "Deux", "", "Trois"]), "a.pdf")
    assert row["text"] == "Un été\nchaud\fDeux\f\fTrois"
    assert (row["title"], row["author"], row["date"]) == ("Un titre", "Ada", "2021-05-06")
    assert row["own_id"] == "a.pdf" and dict(tally.notes) == {}


def test_a_scan_without_text_is_empty(reading: Reading) -> None:
    rows, tally = reading(made_pdf(["", ""]), "a.pdf")
    assert rows == [] and dict(tally.causes) == {"empty_text": 1}


def test_unusable_facts_are_none(reading: Reading) -> None:
    (row,), _ = reading(made_pdf(["Un"], "/Title () /CreationDate (D:yesterday)"), "a.pdf")
    assert (row["title"], row["author"], row["date"]) == (None, None, None)


def test_a_broken_page_is_noted_and_the_others_stay(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"Deux"}
    extract = pypdf.PageObject.extract_text

    def failing(self: Any) -> str:
        text = extract(self)
        if text in broken:
            raise KeyError(text)
        return text

    monkeypatch.setattr(pypdf.PageObject, "extract_text", failing)
    (row,), tally = reading(made_pdf(["Un", "Deux", "Trois"]), "a.pdf")
    assert row["text"] == "Un\f\fTrois" and dict(tally.notes) == {pdf.BAD_PAGE: 1}
    broken |= {"Un", "Trois"}
    rows, tally = reading(made_pdf(["Un", "Deux", "Trois"]), "a.pdf")
    assert rows == [] and dict(tally.notes) == {}
    assert (tally.rejects[0].cause, tally.rejects[0].detail) == ("bad_pdf", "page 1: KeyError")


def test_half_a_surrogate_pair_is_replaced(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pypdf.PageObject, "extract_text", lambda self: "a\ud83d b \ud83d\ude00\0\f")
    (row,), _ = reading(made_pdf(["x"]), "a.pdf")
    assert row["text"] == "a\ufffd b 😀"


def test_a_pdf_with_a_password(reading: Reading) -> None:
    for password, kept in (("", 1), ("geheim", 0)):
        writer = pypdf.PdfWriter(io.BytesIO(made_pdf(["Un"])))
        writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
        held = io.BytesIO()
        writer.write(held)
        rows, tally = reading(held.getvalue(), "a.pdf")
        assert len(rows) == kept and dict(tally.causes) == ({} if kept else {"encrypted": 1})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1500), st.binary(max_size=30))
def test_damage_in_a_pdf_raises_nothing(reading: Reading, place: int, junk: bytes) -> None:
    data = made_pdf(["Un", "Deux"])
    for damaged in (data[:place] + junk + data[place + len(junk) :], data[:place], junk):
        rows, tally = reading(damaged, "a.pdf")
        assert len(rows) + sum(tally.causes.values()) == 1


def test_a_pdf_over_the_bound(reading: Reading) -> None:
    rows, tally = reading(made_pdf(["Un" * 2000]), "a.pdf", max_document_bytes=1000)
    assert rows == [] and dict(tally.causes) == {"too_large": 1}


def test_the_library_is_part_of_what_is_read(make_source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [InputFile(name, f"/x/{name}", 1, "f") for name in ("a.pdf", "b.epub", "c.txt")]
    source = make_source()
    assert text_versions(source, files) == f"resiliparse {version('resiliparse')}, pypdf {version('pypdf')}"
    assert text_versions(source, files[2:]) is None

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(readers, "version", missing)
    with pytest.raises(InputError, match=r"source s: pypdf, which reads PDF, isn't installed.*'tamis\[pdf\]'"):
        text_versions(source, files[:1])


def test_pdf_without_its_package(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(InputError, match=r"tamis\[pdf\]"):
        reading(made_pdf(["Un"]), "a.pdf")
