"""EPUB: a book is a document, its chapters in the order of the book's spine, with what the package tells of it.

An EPUB is a zip of XHTML pages. The text is all of each page, unlike that of a page of the web: a chapter has no menus
around it. The table of contents that readers show (`nav`) is left out.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

import pyarrow as pa

from tamis.corpus.documents import InputFile
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, over, whole
from tamis.readers.html import Page, decoded, whole_text
from tamis.readers.text import one_document
from tamis.recipe.model import Source

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")
_LARGEST_XML = 16_000_000
"""Bytes of the package's own files at most: their tree takes many times as much."""


class _Book(NamedTuple):
    """What the package document tells."""

    chapters: list[str]
    """Names of the pages, in reading order."""
    facts: dict[str, str | None]


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one book."""
    limit = source.max_document_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(whole(file, limit))) as archive:
            book = _book(archive)
            text = "\n\n".join(_chapters(archive, book.chapters, limit))
        yield one_document(source, file, tally, text, book.facts)
    except Damage as damage:
        yield one_document(source, file, tally, (damage.cause, damage.detail), {})
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield one_document(source, file, tally, ("bad_archive", str(error)[:200]), {})


def _book(archive: zipfile.ZipFile) -> _Book:
    """The book's pages and facts. Raises Damage where they can't be told."""
    container = _xml(archive, _CONTAINER)
    root = next((element.get("full-path") for element in _all(container, "rootfile")), None)
    if not root:
        raise Damage("bad_epub", f"{_CONTAINER} names no package")
    package = _xml(archive, root)
    folder = posixpath.dirname(root)
    pages = {
        element.get("id"): posixpath.normpath(posixpath.join(folder, unquote(element.get("href") or "")))
        for element in _all(package, "item")
        if element.get("media-type") in _PAGES and "nav" not in (element.get("properties") or "").split()
    }
    chapters = [pages[ref] for ref in (element.get("idref") for element in _all(package, "itemref")) if ref in pages]
    if not chapters:
        raise Damage("bad_epub", f"{root[:100]!r} lists no pages to read")
    if _ENCRYPTION in archive.namelist():
        locked = {unquote(element.get("URI") or "") for element in _all(_xml(archive, _ENCRYPTION), "CipherReference")}
        if not locked.isdisjoint(chapters):
            raise Damage("encrypted", "its pages are locked (DRM)")
    facts = {
        "title": _said(package, "title", 1), "author": _said(package, "creator", 20), "date": _said(package, "date", 1)
    }  # fmt: skip
    return _Book(list(dict.fromkeys(chapters)), facts)


def _chapters(archive: zipfile.ZipFile, names: list[str], limit: int) -> Iterator[str]:
    """The text of each page that has any. Raises Damage: a book without one of its chapters is another book."""
    left = limit
    for name in names:
        data = _member(archive, name, left, limit)
        left -= len(data)
        html = decoded(data)
        page = whole_text(html) if isinstance(html, str) else html
        if isinstance(page, Page):
            yield page.text.strip()
        elif page[0] != "no_main_text":
            raise Damage(page[0], f"{name[:100]!r}: {page[1]}")


def _member(archive: zipfile.ZipFile, name: str, left: int, limit: int) -> bytes:
    """A member's bytes, `left` of `limit` at most; what it claims of its size isn't believed."""
    try:
        info = archive.getinfo(name)
        if info.flag_bits & 1:
            raise Damage("encrypted", "it needs a password")
        with archive.open(info) as stream:
            data = stream.read(left + 1)
    except KeyError as error:
        raise Damage("bad_epub", f"it lacks {name[:100]!r}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise Damage("bad_archive", f"{name[:100]!r}: {str(error)[:200] or type(error).__name__}") from error
    if len(data) > left:
        raise Damage("too_large", over(limit))
    return data


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """One of the package's own files, parsed; no entity leads anywhere outside."""
    try:
        return ElementTree.fromstring(_member(archive, name, _LARGEST_XML, _LARGEST_XML))
    except (ElementTree.ParseError, LookupError, ValueError, RecursionError) as error:
        raise Damage("bad_epub", f"{name[:100]!r} is no well-formed XML") from error


def _all(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Elements of a local name, whatever their namespace."""
    return root.iterfind(f".//{{*}}{name}")


def _said(package: ElementTree.Element, name: str, most: int) -> str | None:
    """What the metadata say under a name, on one line; several values with commas between."""
    values = [" ".join("".join(element.itertext()).split()) for element in _all(package, name)]
    return ", ".join(value for value in values[:most] if value)[:500] or None
