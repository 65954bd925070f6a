"""The markup of a wiki page, kind after kind, as Markdown.

The text is gone through once for each kind of markup: comments and extension tags, templates, links, HTML tags, and
then line by line. What isn't closed stays as it is written. No parser of MediaWiki's own rank is meant: templates are
not expanded but dropped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from tamis.cleaners.html_unescape import STRICT
from tamis.cleaners.wiki_lines import blocks

DROPPED = "ref|references|gallery|timeline|imagemap|score|graph|templatestyles|style|script|section|mapframe|maplink"
VERBATIM = "nowiki|pre|syntaxhighlight|source|math|chem|code"
NAMESPACES = (
    "file image media category fichier catégorie datei bild kategorie archivo imagen categoría immagine categoria "
    "ficheiro imagem bestand afbeelding categorie plik grafika kategoria fil soubor"
)
"""Of links that show a picture or file the page: MediaWiki's own names and those of European languages."""
DEEPEST = 40
"""Templates within templates, links within links; deeper ones stay as they are written."""
_EXTENSION = re.compile(rf"<(?:({DROPPED})|({VERBATIM}))\b([^<>]{{0,500}})>", re.IGNORECASE)
_CLOSING = re.compile(rf"</({DROPPED}|{VERBATIM})\s{{0,9}}>", re.IGNORECASE)
_BRACES = re.compile(r"\{\{+|\}\}+")
_BRACKETS = re.compile(r"\[\[|\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:)?//[^\s\[\]]{1,2000}(?:[ \t]{1,20}([^\[\]\n]{0,2000}))?\]")
_HTML = (
    "abbr|b|bdi|big|blockquote|br|center|cite|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|includeonly|ins|kbd|li|noinclude|ol|"
    "onlyinclude|p|poem|q|rb|ref|references|rp|rt|ruby|s|samp|small|span|strike|strong|sub|sup|table|tbody|td|th|tr|tt|u|ul|var"
)
_TAG = re.compile(rf"<(/?)({_HTML})\b([^<>]{{0,1000}})>", re.IGNORECASE)
_SWITCH = re.compile(r"__[A-Z]{3,30}__")
_REFERENCE = re.compile(STRICT)
_HELD = re.compile("\x02([0-9]{1,9})\x03")


def markdown(text: str, emphasis: bool, kept: Mapping[str, int]) -> str:
    """The page as Markdown, with or without emphasis; `kept`: templates (in lower case) that become one of their
    arguments, by number."""
    held: list[str] = []
    text = _extensions(_without_comments(text.replace("\x02", "").replace("\x03", "")), held)
    text = _links(_templates(text, kept))
    text = _EXTERNAL.sub(lambda match: match[1] or "", text)
    text = _SWITCH.sub("", _TAG.sub(_tag, text))
    text = blocks(text, emphasis)
    text = _REFERENCE.sub(lambda match: html.unescape(match[0]), text)
    return _HELD.sub(lambda match: held[int(match[1])] if int(match[1]) < len(held) else "", text)


def _without_comments(text: str) -> str:
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        pieces.append(text[at:start])
        at = end + 3
    return "".join([*pieces, text[at:]])


def _extensions(text: str, held: list[str]) -> str:
    """Without what extensions show elsewhere; what is verbatim is put aside."""
    closings: dict[str, list[tuple[int, int]]] = {}
    for match in _CLOSING.finditer(text):
        closings.setdefault(match[1].lower(), []).append(match.span())
    for spans in closings.values():
        spans.reverse()
    pieces, at = [], 0
    for match in _EXTENSION.finditer(text):
        if match.start() < at:
            continue
        name = (match[1] or match[2]).lower()
        content, after = "", match.end()
        if not match[3].rstrip().endswith("/"):
            spans = closings.get(name, [])
            while spans and spans[-1][0] < match.end():
                spans.pop()
            if not spans:
                continue
            start, after = spans.pop()
            content = text[match.end() : start]
        pieces.append(text[at : match.start()])
        if match[2]:
            held.append(_verbatim(name, match[3], content))
            pieces.append(f"\x02{len(held) - 1}\x03")
        at = after
    return "".join([*pieces, text[at:]])


def _verbatim(name: str, attributes: str, content: str) -> str:
    if name == "nowiki":
        return content
    if name in ("math", "chem"):
        return f"${content.strip()}$" if content.strip() else ""
    if name == "code" or "inline" in attributes:
        return f"`{content.strip()}`" if content.strip() else ""
    language = re.search(r"lang\s{0,9}=\s{0,9}[\"']?([\w+#-]{1,30})", attributes)
    return f"\n```{language[1] if language else ''}\n{content.strip(chr(10))}\n```\n"


def _templates(text: str, kept: Mapping[str, int]) -> str:
    """Without templates and parameters, but for those that become one of their arguments."""
    # What stands in each open template so far; the first is the page itself.
    open_: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    for match in _BRACES.finditer(text):
        open_[-1][1].append(text[at : match.start()])
        at = match.end()
        braces = len(match[0])
        if match[0][0] == "{":
            while braces >= 2 and len(open_) <= DEEPEST:
                take = 3 if braces == 3 else 2
                open_.append(("{" * take, []))
                braces -= take
            open_[-1][1].append("{" * braces)
            continue
        while braces >= 2 and len(open_) > 1:
            opened, inside = open_.pop()
            take = min(len(opened), braces)
            open_[-1][1].append(opened[take:])
            if kept and len(opened) == 2:
                open_[-1][1].append(_argument("".join(inside), kept))
            braces -= take
        open_[-1][1].append("}" * braces)
    left = [piece for braces_, pieces in open_ for piece in (braces_, *pieces)]
    return "".join([*left, text[at:]])


def _argument(template: str, kept: Mapping[str, int]) -> str:
    name, *arguments = template[:10_000].split("|")
    number = kept.get(name.strip().casefold())
    return arguments[number - 1].strip() if number is not None and number <= len(arguments) else ""


def _links(text: str) -> str:
    """Links as the words they show; without those that show a picture or file the page."""
    open_: list[list[str]] = [[]]
    at = 0
    for match in _BRACKETS.finditer(text):
        open_[-1].append(text[at : match.start()])
        at = match.end()
        if match[0] == "[[":
            if len(open_) <= DEEPEST:
                open_.append([])
            else:
                open_[-1].append("[[")
        elif len(open_) > 1:
            inside = "".join(open_.pop())
            open_[-1].append(_shown(inside))
        else:
            open_[-1].append("]]")
    head, *unclosed = open_
    for pieces in unclosed:
        head += ["[[", *pieces]
    return "".join([*head, text[at:]])


_PUT_ASIDE = frozenset(NAMESPACES.split())


def _shown(link: str) -> str:
    target, bar, words = link.partition("|")
    space, colon, page = target.strip().partition(":")
    if colon and (
        space.strip().lower() in _PUT_ASIDE or (not bar and re.fullmatch(r"[a-z]{2,3}(-[a-z]{2,10})?", space))
    ):
        return ""
    if bar:
        # The pipe trick leaves the words to MediaWiki: the title without namespace and brackets.
        return words or (page if colon else target).partition(" (")[0].strip()
    return target.strip().removeprefix(":").replace("_", " ")


_WRITTEN = {
    "br": ("\n", ""), "p": ("\n\n", "\n\n"), "div": ("\n", "\n"), "blockquote": ("\n\n", "\n\n"), "hr": ("\n", ""),
    "li": ("\n* ", "\n"), "sup": ("$^{", "}$"), "sub": ("$_{", "}$"), "b": ("'''", "'''"), "strong": ("'''", "'''"),
    "i": ("''", "''"), "em": ("''", "''"),
}  # fmt: skip
"""HTML tags that say something: what the opening and the closing one become."""


def _tag(match: re.Match[str]) -> str:
    """What an HTML tag becomes."""
    closing, name = bool(match[1]), match[2].lower()
    return _WRITTEN.get(name, ("", ""))[closing]
