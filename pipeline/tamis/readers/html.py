"""HTML: the main text of a page, with the facts its head tells.

Main text is found by resiliparse, after `_prepared` puts right what misleads it and without the navigation
bars that documentation generators write. On 300 pages of software manuals in seven languages it keeps 98% of
the text in paragraphs, and nearly all table cells, headings and definitions; trafilatura keeps 97% of the
paragraphs, but a fifth of the headings and half of the definitions, and takes seven times as long. A page that is
all links (a table of contents) has no main text for either. As training data the two are on
a par (Li et al. 2024, DataComp-LM, arXiv:2406.11794, section 4.2).
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree, NodeType

from tamis.corpus.documents import InputFile
from tamis.readers.contract import Tally
from tamis.readers.decompress import Damage, whole
from tamis.readers.fields import Problem
from tamis.readers.text import one_document
from tamis.recipe.model import Source

MAX_PAGE_CHARS = 32_000_000
"""A longer page is a reject: its tree takes about ten times as much memory."""
MAX_DEPTH = 3000
"""Elements of the kinds in `_NESTING` within one another; beyond, the extractor's time grows with the square."""
_NAVIGATION = (
    "nav", "[role=navigation]",
    ".nav_table", ".nav-panel",  # Texinfo
    ".navheader", ".navfooter",  # DocBook
    ".related", ".sphinxsidebar", ".headerlink",  # Sphinx
    "#nav-path", ".topNav", ".subNav", ".bottomNav",  # Doxygen, Javadoc
)  # fmt: skip
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_SELF_CLOSED = re.compile(r"<([A-Za-z][A-Za-z0-9]*)((?:\s[^<>]*)?[\"'\s]|)/>")
_LINK = re.compile(r"<a\b[^<>]{0,2000}>([^<]{0,300}(?:<(?!/?a\b)[^<]{0,300}){0,8})</a>", re.IGNORECASE)
_SENTENCE = re.compile(r"[\w.,;:!?()«»\"'’“”…]")
_BODY = re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
_NESTING = re.compile(r"<(/?)(?:div|ul|ol|article)\b", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml[^>]{0,100}encoding=[\"']([A-Za-z0-9._-]+)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_META = {
    "date": ("article:published_time", "date", "dc.date", "dcterms.date", "dcterms.created", "datepublished"),
    "author": ("author", "article:author", "dc.creator", "dcterms.creator"),
}


@dataclass(frozen=True)
class Page:
    """What was found in a page."""

    text: str
    title: str | None
    date: str | None
    author: str | None


def main_text(html: str, extractor: str = "resiliparse") -> Page | Problem:
    """The main text of a page as `extractor` finds it, or why there is none. The facts are those of its head, told
    alike whatever finds the text."""
    return _page(html, lambda tree: _by_trafilatura(html) if extractor == "trafilatura" else _by_resiliparse(tree))


def whole_text(html: str) -> Page | Problem:
    """All text of a page that has nothing but its text, such as a chapter of a book, or why there is none."""
    return _page(html, lambda tree: _by_resiliparse(tree, main=False))


def _page(html: str, text_of: Callable[[HTMLTree], str]) -> Page | Problem:
    """A page's text and the facts of its head, within bounds of size and depth."""
    if len(html) > MAX_PAGE_CHARS:
        return "too_large", f"a page over {MAX_PAGE_CHARS // 1_000_000} million characters"
    if _too_deep(html):
        return "too_deep", f"elements nested deeper than {MAX_DEPTH} levels"
    try:
        tree = HTMLTree.parse(_prepared(html))
        text = text_of(tree)
        title, meta = tree.title, _meta(tree)
    except Exception as error:  # noqa: BLE001  whatever a page does to an extractor, the others go on
        return "extraction_failed", type(error).__name__
    if not text.strip():
        return "no_main_text", "the page has no main text"
    return Page(text, _line(title), meta["date"], meta["author"])


def _by_resiliparse(tree: HTMLTree, main: bool = True) -> str:
    text: str = extract_plain_text(
        tree,
        main_content=main,
        alt_texts=False,
        comments=False,
        post_meta=False,
        skip_elements=_NAVIGATION,
    )
    return text


def _by_trafilatura(html: str) -> str:
    """Main text by trafilatura with its own settings: tables, no comments, its fallbacks where it finds little.

    Its metadata is left alone: it guesses at dates and takes none that lies after today, so another day might find
    others.
    """
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # a page without text is told as a reject
    return trafilatura.extract(html, include_comments=False, include_tables=True) or ""


def read(source: Source, file: InputFile, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Reads one HTML file."""
    page: Page | Problem
    try:
        html = decoded(whole(file, source.max_document_bytes))
        page = main_text(html, source.extractor) if isinstance(html, str) else html
    except Damage as damage:
        page = (damage.cause, damage.detail)
    if isinstance(page, Page):
        facts = {"title": page.title, "date": page.date, "author": page.author}
        yield one_document(source, file, tally, page.text, facts)
    else:
        yield one_document(source, file, tally, page, {})


def decoded(data: bytes, charset: str | None = None) -> str | Problem:
    """A page's characters: by byte order mark, `charset` (of the HTTP headers), the page's own declaration,
    UTF-8, and at last by a guess."""
    head = data[:1024]
    names: list[str | None] = [name for mark, name in _BOMS if data.startswith(mark)]
    names.append(charset)
    declared = _XML_ENCODING.match(head)
    if declared:
        names.append(declared[1].decode())
    if b"charset" in head.lower():
        names.append(detect_encoding(head, from_html_meta=True))
    names += ["utf-8", detect_encoding(data)]
    for name in filter(None, names):
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return "bad_encoding", f"is none of {', '.join(dict.fromkeys(filter(None, names)))}"


def _too_deep(html: str) -> bool:
    if html.count("<") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _NESTING.finditer(html):
        depth += -1 if match[1] else 1
        if depth > MAX_DEPTH:
            return True
        depth = max(depth, 0)
    return False


def _prepared(html: str) -> str:
    """The page with what misleads the extractor put right, by its text: changing the tree takes far longer.

    An XHTML element closed by `/>` would stay open in HTML (an anchor so becomes a link around all that
    follows). A link within a sentence counts as text, or paragraphs with many links look like menus. And
    lists near the body look like menus, too: further down they are judged by what is in them.
    """
    html = _SELF_CLOSED.sub(_closed, html)
    html = _LINK.sub(_in_sentence, html)
    return _BODY.sub(r"\g<0><div><div><div>", html, count=1)


def _closed(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name.lower() in _VOID else f"<{name}{match[2]}></{name}>"


def _in_sentence(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 40) : match.start()].rstrip()[-1:]
    after = match.string[match.end() : match.end() + 40].lstrip()[:1]
    content: str = match[1]
    return content if _SENTENCE.match(before) or _SENTENCE.match(after) or not content.strip() else match[0]


def _meta(tree: HTMLTree) -> dict[str, str | None]:
    """Date and author as `<meta>` elements tell them."""
    found: dict[str, str | None] = dict.fromkeys(_META)
    if tree.head is None:
        return found
    for element in _meta_elements(tree.head):
        key = (element.getattr("property") or element.getattr("name") or element.getattr("itemprop") or "").lower()
        for fact, keys in _META.items():
            if key in keys and found[fact] is None:
                found[fact] = _line(element.getattr("content"))
    return found


def _meta_elements(head: Any) -> Iterator[Any]:
    """The head's `<meta>` elements with a content, one after the other: a selector's matches take time that grows with
    the square of their number."""
    node = head.first_child
    while node is not None:
        if node.type == NodeType.ELEMENT and node.tag == "meta" and node.getattr("content") is not None:
            yield node
        node = node.next


def _line(value: str | None) -> str | None:
    """A fact on one line, or None when nothing is left."""
    return " ".join((value or "").split())[:500] or None
