"""The files of a package -> documents: which files count, their language, their text.

A document is a dict with the fields of the three outputs, always in the same order:

    html.jsonl.zst   id html language license title url path format category
    text.jsonl.zst   id text language license title url path format category
    code.jsonl.zst   the same as text, and prog_language

HTML is kept as it is (decoded); finding the main text is the pipeline's work. Manual pages are laid out by
mandoc on lines wide enough to hold a paragraph. A file that can't be read is a reject with its cause.
"""

from __future__ import annotations

import gzip
import html
import re
import subprocess
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from copyrights import normalise_tag

Document = dict[str, Any]


@dataclass(frozen=True)
class Package:
    """One row of packages.csv."""

    name: str
    subset: str
    """`ci` (in both subsets) or `full`."""
    languages: tuple[str, ...]
    """Kept languages; the first one is that of a file whose path names none."""
    category: str
    parts: frozenset[str]
    """What counts as a document: html, text, man, mallard, fortunes, code."""
    copyright_files: str = "*"
    """The `Files:` pattern of the copyright file that covers the material."""
    skip: tuple[str, ...] = ()
    """Globs of paths that are no documents (generated tables, sources of pages that are there as HTML)."""


@dataclass
class Tally:
    """What became of a package's files."""

    rejects: list[tuple[str, str]] = field(default_factory=list)
    """(path, cause) of files that can't be read."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Files left out on purpose, by reason."""


class UnreadableError(Exception):
    """A file that can't be read, with the cause."""


CODE_LANGUAGES = {
    ".c": "c", ".cc": "cpp", ".cpp": "cpp", ".el": "emacs-lisp", ".go": "go", ".h": "c", ".hpp": "cpp",
    ".js": "javascript", ".lua": "lua", ".php": "php", ".pl": "perl", ".pm": "perl", ".pod": "perl",
    ".py": "python", ".rb": "ruby", ".rs": "rust", ".tcc": "cpp", ".tcl": "tcl", ".ts": "typescript",
    ".vim": "vim",
}  # fmt: skip
_SUFFIX_KINDS = {
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".txt": "text", ".text": "text", ".rst": "text", ".md": "text",
}  # fmt: skip
_FORMATS = {".rst": "restructuredtext", ".md": "markdown"}
_MAN = re.compile(r"usr/share/man/(?:(?P<lang>[a-z]{2,3}(?:[_@.]\w+)*)/)?man\d\w*/(?P<page>[^/]+)\.gz")
_FORTUNE = re.compile(r"usr/share/games/fortunes(?:/[a-z]{2})?/[^/.]+(?:\.fortunes)?")


def kind_of(path: str, package: Package) -> str | None:
    """The part that `path` belongs to, or None when it is no document of this package."""
    kind = _kind(path)
    if kind not in package.parts or path == f"usr/share/doc/{package.name}/copyright":
        return None
    return None if any(fnmatchcase(path, glob) for glob in package.skip) else kind


def _kind(path: str) -> str | None:
    if _MAN.fullmatch(path):
        return "man"
    if _FORTUNE.fullmatch(path):
        return "fortunes"
    if path.startswith("usr/share/help/") and path.endswith(".page"):
        return "mallard"
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    if suffix in CODE_LANGUAGES and not path.startswith("usr/share/doc/"):
        return "code"
    return _SUFFIX_KINDS.get(suffix)


# --- language ------------------------------------------------------------------------------------------

# Names of language folders in documentation trees; anything else of two letters is a folder like any other.
_TAGS = frozenset({
    "ar", "ast", "be", "bg", "bn", "bs", "ca", "cs", "da", "de", "el", "en", "eo", "es", "et", "eu",
    "fa", "fi", "fr", "gl", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ka", "kk", "ko", "lt",
    "lv", "mk", "ms", "nb", "nl", "nn", "no", "oc", "pl", "pt", "ro", "ru", "sk", "sl", "sp", "sq",
    "sr", "sv", "ta", "te", "th", "tr", "uk", "vi", "zh",
})  # fmt: skip
_ALIASES = {"c": "en", "sp": "es"}  # gettext's untranslated locale; the kernel's name for Spanish
_REGION = re.compile(r"([a-z]{2,3})[_-][A-Za-z]{2}")


def language_of(path: str, languages: tuple[str, ...]) -> str:
    """ISO 639-1 code of a file, by its path; `languages[0]` when the path says nothing."""
    if m := _MAN.fullmatch(path):
        return _base(m["lang"]) if m["lang"] else "en"
    if path.startswith("usr/share/help/"):
        return _base(path.split("/")[3])
    if len(languages) > 1:
        folders, name = path.split("/")[3:-1], path.rsplit("/", 1)[-1]
        for folder in folders:
            if (m := _REGION.fullmatch(folder)) and m[1] in _TAGS:
                return _base(m[1])
            tag = folder.rsplit("-", 1)[-1]
            if tag in _TAGS:
                return _base(tag)
        infix = name.removesuffix(".gz").split(".")
        if len(infix) > 2 and _base(infix[-2]) in _TAGS:
            return _base(infix[-2])
    return languages[0]


def _base(tag: str) -> str:
    base = re.split(r"[-_@.]", tag)[0].lower()
    return _ALIASES.get(base, base)


# --- bytes to text -------------------------------------------------------------------------------------


def gunzip(path: str, raw: bytes) -> bytes:
    """`raw` uncompressed if its name ends in .gz. Raises `UnreadableError`."""
    if not path.endswith(".gz"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"gzip: {error}") from error


def decode(raw: bytes) -> str:
    """Text of unknown encoding: UTF-8, else the charset it declares, else Windows-1252, else Latin-1.

    Raises `UnreadableError` on binary data (a NUL byte).
    """
    if b"\0" in raw:
        raise UnreadableError("binary: contains NUL bytes")
    declared = re.search(rb"(?:charset|coding|encoding)\s*[:=]\s*[\"']?([A-Za-z0-9_.-]+)", raw[:2048])
    for encoding in ("utf-8-sig", declared[1].decode() if declared else "cp1252", "cp1252"):
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return raw.decode("latin-1")


def html_title(page: str) -> str | None:
    """The content of <title>, on one line."""
    m = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return " ".join(html.unescape(m[1]).split()) or None if m else None


WIDTH = 1000
"""Columns of the terminal that mandoc lays a page out for: the most it takes."""


def man_text(raw: bytes, mandoc: Path) -> str:
    """A manual page (roff source) as plain text. Raises `UnreadableError`."""
    command = [str(mandoc), "-T", "utf8", "-O", f"width={WIDTH},indent=0", "-W", "unsupp"]
    try:
        done = subprocess.run(
            command, input=raw, capture_output=True, env={"LC_ALL": "C.UTF-8"}, timeout=30, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError("mandoc: no answer in 30 s") from error
    text = layout(done.stdout.decode("utf-8", "replace"))
    if not text:
        raise UnreadableError(f"mandoc: no text ({done.stderr.decode(errors='replace').strip()[:200]})")
    return text


def layout(terminal: str) -> str:
    """Terminal output of a manual page -> text: no overstrikes, head line, foot line or body indent.

    A paragraph longer than the terminal is wide was broken between words; it's joined again.
    """
    lines = [line.rstrip() for line in re.sub(r".\x08", "", terminal).split("\n")]
    lines = "\n".join(lines).strip("\n").split("\n")[1:-1]
    lines = [_row(line) for line in lines if not _RULE.fullmatch(line)]
    out: list[str] = []
    filled = 0  # length of the line before, as laid out
    for line in lines:
        words = line.split(maxsplit=1)
        if words and filled > WIDTH // 2 and filled + 1 + len(words[0]) > WIDTH:
            out[-1] += " " + line.lstrip(" ")
        else:
            out.append(line)
        filled = len(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_dedent(line) for line in out)).strip("\n")


_RULE = re.compile(r"\s*[\u2500-\u257f][\s\u2500-\u257f]*")
"""A line of a table's frame."""


def _row(line: str) -> str:
    """A table row without its padding (a table can be as wide as the terminal): `a | b`."""
    if "\u2502" not in line:
        return line
    indent = line[: len(line) - len(line.lstrip(" "))]
    return indent + " | ".join(" ".join(cell.split()) for cell in line.strip().strip("\u2502").split("\u2502"))


def _dedent(line: str) -> str:
    """The body of a manual page is indented by 7 columns, a subheading by 3."""
    return line[min(7, len(line) - len(line.lstrip(" "))) :]


_MALLARD_BLOCKS = frozenset({
    "page", "section", "title", "subtitle", "p", "screen", "example", "note", "list", "steps", "terms",
    "item", "table", "td", "th",
})  # fmt: skip


def mallard_text(raw: bytes) -> tuple[str, str | None]:
    """Text and title of a Mallard page (GNOME help): one paragraph a block. Raises `UnreadableError`."""
    try:
        root = ET.fromstring(raw)
    except ET.ParseError as error:
        raise UnreadableError(f"xml: {error}") from error
    blocks: list[list[str]] = [[]]

    def walk(node: ET.Element) -> None:
        tag = node.tag.rsplit("}", 1)[-1]
        if tag in ("info", "media"):
            return
        if tag in _MALLARD_BLOCKS:
            blocks.append([])
        blocks[-1].append(node.text or "")
        for child in node:
            walk(child)
            blocks[-1].append(child.tail or "")
        if tag in _MALLARD_BLOCKS:
            blocks.append([])

    walk(root)
    lines = [" ".join("".join(b).split()) for b in blocks]
    lines = [line for line in lines if line]
    title = root.find("{*}title")
    return "\n\n".join(lines), " ".join("".join(title.itertext()).split()) if title is not None else None


# --- documents -----------------------------------------------------------------------------------------


class Converter:
    """Turns the files of one package into documents, in the order of their paths."""

    def __init__(self, package: Package, license: str, release: str, mandoc: Path | None) -> None:
        self.package = package
        self.license = license
        self.release = release
        self.mandoc = mandoc
        self.tally = Tally()

    def documents(self, files: dict[str, bytes]) -> Iterator[tuple[str, Document]]:
        """(`html` | `text` | `code`, document) for each document."""
        for path in sorted(files):
            kind = kind_of(path, self.package)
            if kind is None:
                continue
            language = "code" if kind == "code" else language_of(path, self.package.languages)
            if language not in self.package.languages:
                self.tally.skipped[f"language {language}"] += 1
                continue
            try:
                raw = gunzip(path, files[path])
                yield from self._convert(kind, path, raw, language)
            except UnreadableError as reject:
                self.tally.rejects.append((path, str(reject)))

    def _convert(self, kind: str, path: str, raw: bytes, language: str) -> Iterator[tuple[str, Document]]:
        if not raw.strip():
            self.tally.skipped["empty"] += 1
        elif kind == "man":
            yield from self._man(path, raw, language)
        elif kind == "mallard":
            text, title = mallard_text(raw)
            yield "text", self._document(path, text, language, "mallard", title)
        elif kind == "fortunes":
            for number, text in enumerate(fortunes(decode(raw)), start=1):
                document = self._document(path, text, language, "fortune", None)
                yield "text", document | {"id": f"{document['id']}#{number}"}
        elif kind == "html":
            # The text is decoded by now: an XML declaration of another encoding would be a lie.
            page = re.sub(r"^\s*<\?xml[^>]*\?>\s*", "", decode(raw))
            yield "html", self._document(path, page, language, "html", html_title(page), field="html")
        else:
            suffix = Path(path.removesuffix(".gz")).suffix.lower()
            text = decode(raw)
            document = self._document(path, text, language, _FORMATS.get(suffix, "text"), None)
            if kind == "code":
                yield "code", document | {"format": "code", "prog_language": CODE_LANGUAGES[suffix]}
            else:
                yield "text", document

    def _man(self, path: str, raw: bytes, language: str) -> Iterator[tuple[str, Document]]:
        if re.match(rb"(?:[.']\s*\\\".*\n|\s*\n)*\.so\s", raw):
            self.tally.skipped["alias"] += 1
            return
        if self.mandoc is None:
            raise UnreadableError("mandoc: not available")
        page = path.rsplit("/", 1)[-1].removesuffix(".gz")
        name, _, section = page.rpartition(".")
        document = self._document(path, man_text(raw, self.mandoc), language, "man", f"{name}({section})")
        document["license"] = self._page_licence(raw, path)
        folder = _MAN.fullmatch(path)
        locale = (folder and folder["lang"]) or "en"
        document["url"] = f"https://manpages.debian.org/{self.release}/{self.package.name}/{page}.{locale}.html"
        yield "text", document

    def _page_licence(self, raw: bytes, path: str) -> str:
        """A page's own licence tag, if it has one; a translation is also under the package's licence."""
        tag = file_licence(raw[:4096].decode("latin-1"))
        if tag is None or tag == self.license:
            return self.license
        translated = not path.startswith("usr/share/man/man")
        return f"{_bracket(self.license)} AND {_bracket(tag)}" if translated else tag

    def _document(
        self, path: str, text: str, language: str, format: str, title: str | None, field: str = "text"
    ) -> Document:
        return {
            "id": f"{self.package.name}/{path}",
            field: text,
            "language": language,
            "license": self.license if format == "html" else file_licence(text) or self.license,
            "title": title,
            "url": f"https://packages.debian.org/{self.release}/{self.package.name}#{path}",
            "path": path,
            "format": format,
            "category": self.package.category,
        }


def _bracket(expression: str) -> str:
    return f"({expression})" if " " in expression else expression


def file_licence(text: str) -> str | None:
    """The SPDX tag at the head (4,096 characters) of a file, if it's there."""
    m = re.search(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]+)", text[:4096])
    return normalise_tag(m[1]) or None if m else None


def fortunes(text: str) -> list[str]:
    """The sayings of a fortune file: separated by lines of a single %."""
    pieces = re.split(r"^%+[ \t]*$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    return [piece.strip("\n") for piece in pieces if piece.strip()]
