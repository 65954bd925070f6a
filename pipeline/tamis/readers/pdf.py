"""PDF: a file is a document, its pages with form feeds between them, so that cleaners know where pages end.

What is read is the layer of text, in the order in which the file has it. A scan without one is an empty text.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from tamis.corpus.documents import InputFile
from tamis.errors import InputError
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, over, whole
from tamis.readers.text import one_document
from tamis.recipe.model import Source

if TYPE_CHECKING:
    from pypdf import PdfReader

PAGE_END = "\f"
BAD_PAGE = "bad_pdf_page"
"""The note on a page that can't be read, of a file that is kept."""


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one PDF file. Raises InputError where pypdf isn't installed."""
    try:
        import pypdf
    except ImportError as error:
        raise InputError(f"source {source.name}: PDF needs the package pypdf. Run: pip install 'tamis[pdf]'") from error
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is wrong with a file is told as a reject
    try:
        data = whole(file, source.max_document_bytes)
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Damage("encrypted", "it needs a password")
        pages, bad = _pages(reader, source.max_document_bytes)
        facts = _facts(reader)
    except Damage as damage:
        yield one_document(source, file, tally, (damage.cause, damage.detail), {})
    except pypdf.errors.DependencyError:
        detail = "its cipher needs another package: pip install cryptography"
        yield one_document(source, file, tally, ("encrypted", detail), {})
    except (InputError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  a broken file leads pypdf anywhere; its messages may hold text
        yield one_document(source, file, tally, ("bad_pdf", type(error).__name__), {})
    else:
        if bad:
            tally.notes[BAD_PAGE] += bad
        yield one_document(source, file, tally, PAGE_END.join(pages), facts)


def _pages(reader: PdfReader, limit: int) -> tuple[list[str], int]:
    """The text of each page, and how many can't be read, which are empty then. If all of them can't, it is Damage."""
    pages: list[str] = []
    size = bad = 0
    failure = ""
    for number in range(1, len(reader.pages) + 1):
        try:
            pages.append(_valid(reader.pages[number - 1].extract_text()))
        except Exception as error:  # noqa: BLE001  as above
            failure = failure or f"page {number}: {type(error).__name__}"
            bad += 1
            pages.append("")
        size += len(pages[-1])
        if size > limit:
            raise Damage("too_large", over(limit))
    if bad and bad == len(pages):
        raise Damage("bad_pdf", failure)
    return pages, bad


def _valid(text: str) -> str:
    """The text with halves of surrogate pairs joined, or replaced; page ends of its own are line ends."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace(PAGE_END, "\n").replace("\0", "").strip("\n")


def _facts(reader: PdfReader) -> dict[str, str | None]:
    """Title, author and date, where the file tells them in a usable form."""
    facts: dict[str, str | None] = {}
    for fact, name in (("title", "title"), ("author", "author"), ("date", "creation_date")):
        try:
            value = getattr(reader.metadata, name, None)
        except Exception:  # noqa: BLE001  as above: a fact that can't be read is none
            value = None
        said = value.date().isoformat() if fact == "date" and value is not None else value
        facts[fact] = " ".join(_valid(str(said)).split())[:500] or None if said is not None else None
    return facts
