"""The card's Markdown as HTML for its page: the same words, in elements that can be sorted, folded and read aloud.

Raw HTML passes only where it is a plain tag of PASSED: prose of a recipe or a template can't bring in scripts,
styles or addresses to load from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

WHOLE = 16
"""Letters up to which a piece of code stays in one line: a rule such as `0.1 to 0.9`."""
PASSED = re.compile(r"</?(?:details|summary|br|sub|sup|kbd|p|em|strong|code)\s*/?>|<details open>")
FOLDED = 20
"""Points of a list up to which it is shown whole."""
RAW = "raw"
"""Type of a token whose content is HTML made here."""
SHOWN = 12
"""Points of a longer list that stand before the fold."""
_LIST = re.compile(r"(?s)^<ul>\n(.*?)\n?^</ul>$", re.M)
_FOLDS = re.compile(rf"(?:<details>\n(?:(?!</?details>).)*?</details>\n?){{{SHOWN + 1},}}", re.S)


@dataclass
class Page:
    """What is known of the page while its sections are rendered."""

    figures: Mapping[str, str]
    """HTML of each figure, by the path that the Markdown names."""
    ids: set[str] = field(default_factory=set)
    """Ids taken."""
    captions: set[str] = field(default_factory=set)

    def fresh(self, wanted: str, taken: set[str]) -> str:
        """The wanted name, or that with the next free number."""
        name, number = wanted, 0
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name)
        return name


def anchor(title: str) -> str:
    """The id that the Hub and GitHub give a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


@dataclass(frozen=True)
class Part:
    """A section of the page: what stands below one `## Title`. Prose before the first has no title."""

    id: str
    title: str
    html: str


def parts(markdown: str, page: Page) -> list[Part]:
    """The body of a card as HTML, section by section."""
    reader = _reader()
    cuts: list[list[Token]] = [[]]
    for token in reader.parse(markdown):
        if token.type == "heading_open" and token.tag == "h2":
            cuts.append([])
        cuts[-1].append(token)
    found = []
    for tokens in cuts:
        title = _words(tokens[1]) if tokens and tokens[0].tag == "h2" else ""
        name = page.fresh(anchor(title), page.ids) if title else ""
        rest = _figures(tokens[3:] if title else tokens, page)
        for token in rest:
            _harmless(token)
        _headings(rest, page)
        _tables(rest, page, title or "Introduction")
        html = _many_folds(_long_lists(reader.renderer.render(rest, reader.options, {})))
        # Code that is wider than its box can be scrolled by key.
        html = html.replace("<pre><code", '<pre tabindex="0" role="group" aria-label="Code"><code')
        if title or html.strip():
            found.append(Part(name, title, html))
    return found


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    reader.add_render_rule(RAW, lambda renderer, tokens, place, options, env: tokens[place].content)
    reader.add_render_rule("code_inline", lambda renderer, tokens, place, options, env: _code(tokens[place].content))
    return reader


def _code(content: str) -> str:
    """Code in a line; a long name may break behind its dots and underscores."""
    if len(content) <= WHOLE:
        return f'<code class="whole">{escape(content)}</code>'
    return "<code>" + re.sub(r"(?<=\w)([._/])(?=\w)", r"\1<wbr>", escape(content)) + "</code>"


def inline(markdown: str) -> str:
    """One paragraph or line as HTML without its `<p>`."""
    reader = _reader()
    tokens = reader.parseInline(markdown)
    for token in tokens:
        _harmless(token)
    return str(reader.renderer.render(tokens, reader.options, {})).strip()


def _harmless(token: Token) -> None:
    """Escapes HTML that is not plain markup; an image that is no figure becomes a link."""
    for child in token.children or ():
        _harmless(child)
    if token.type in ("html_block", "html_inline"):
        token.content = "".join(
            part if PASSED.fullmatch(part) else escape(part, quote=False)
            for part in re.split(f"({PASSED.pattern})", _plain_comment(token.content))
        )
    elif token.type == "image":
        address, words = escape(str(token.attrs["src"])), escape(token.content)
        token.type, token.content = "html_inline", f'<a href="{address}">{words or address}</a>'


def _plain_comment(html: str) -> str:
    return re.sub(r"(?s)<!--.*?-->", "", html)


def _figures(tokens: list[Token], page: Page) -> list[Token]:
    """A paragraph of one figure, and the caption behind it, as the figure's HTML."""
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        html = _figure(tokens[place : place + 3], page)
        if html is None:
            found.append(tokens[place])
            place += 1
            continue
        found.append(Token(RAW, "", 0, content=html))
        place += 3
        # The caption is a paragraph that is all emphasis; the figure has it already.
        if place + 1 < len(tokens) and _is_caption(tokens[place + 1]):
            place += 3
    return found


def _figure(tokens: list[Token], page: Page) -> str | None:
    if len(tokens) < 3 or tokens[0].type != "paragraph_open":
        return None
    children = tokens[1].children or []
    if len(children) != 1 or children[0].type != "image":
        return None
    return page.figures.get(str(children[0].attrs["src"]))


def _is_caption(token: Token) -> bool:
    children = token.children or []
    return bool(children) and children[0].type == "em_open" and children[-1].type == "em_close"


def _headings(tokens: list[Token], page: Page) -> None:
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrs["id"] = page.fresh(anchor(_words(tokens[place + 1])), page.ids)


def _words(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


def _tables(tokens: list[Token], page: Page, about: str) -> None:
    """Tables get a caption, a box of their own to scroll in, headers of rows, and their total as a foot."""
    heading = ""
    place = 0
    while place < len(tokens):
        if tokens[place].type == "heading_open":
            heading = _words(tokens[place + 1])
        elif tokens[place].type == "table_open":
            end = next(at for at in range(place, len(tokens)) if tokens[at].type == "table_close")
            words = page.fresh(f"{about}: {heading}" if heading else about, page.captions)
            made = _table(tokens[place : end + 1], words)
            tokens[place : end + 1] = made
            place += len(made) - 1
        place += 1


def _table(tokens: list[Token], words: str) -> list[Token]:
    keyed = not any(token.content for token in tokens[: _index(tokens, "thead_close")] if token.type == "inline")
    body = tokens[_index(tokens, "tbody_open") + 1 : _index(tokens, "tbody_close")] if _has_rows(tokens) else []
    rows = _rows(body)
    total = [row for row in rows if row[2].content.strip() == "**total**"]
    for row in rows:
        # The first cell names the row.
        row[1].tag = row[3].tag = "th"
        row[1].attrs["scope"] = "row"
    for token in tokens:
        if token.type == "th_open":
            token.attrs["scope"] = "col"
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            style = str(token.attrs.pop("style"))
            if style.endswith("right"):
                token.attrs["class"] = "n"
    kind = "facts" if keyed else "data"
    name = escape(words, quote=True)
    head = [] if keyed else tokens[_index(tokens, "thead_open") : _index(tokens, "thead_close") + 1]
    flat = [token for row in rows if row not in total for token in row]
    foot = [_html("<tfoot>\n"), *(token for row in total for token in row), _html("</tfoot>\n")] if total else []
    return [
        _html(
            f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">\n<table class="{kind}" '
            f'data-rows="{len(rows) - len(total)}">\n<caption>{name}</caption>\n'
        ),
        *head,
        _html("<tbody>\n"),
        *flat,
        _html("</tbody>\n"),
        *foot,
        _html("</table>\n</div>\n"),
    ]


def _has_rows(tokens: list[Token]) -> bool:
    return any(token.type == "tbody_open" for token in tokens)


def _index(tokens: list[Token], type_: str) -> int:
    return next(place for place, token in enumerate(tokens) if token.type == type_)


def _rows(tokens: list[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        rows[-1].append(token)
    return rows


def _html(content: str) -> Token:
    return Token(RAW, "", 0, content=content)


def _long_lists(html: str) -> str:
    """A long list shows its beginning; the rest is folded."""

    def fold(match: re.Match[str]) -> str:
        items = re.findall(r"(?s)<li>.*?</li>", match[1])
        if len(items) <= FOLDED:
            return match[0]
        first, rest = "\n".join(items[:SHOWN]), "\n".join(items[SHOWN:])
        more = f"<details>\n<summary>{len(items) - SHOWN} more</summary>\n<ul>\n{rest}\n</ul>\n</details>"
        return f"<ul>\n{first}\n</ul>\n{more}"

    return _LIST.sub(fold, html)


def _many_folds(html: str) -> str:
    """A run of many folded blocks is a box that can be filtered."""
    return _FOLDS.sub(lambda match: f'<div class="folds">\n{match[0]}</div>\n', html)
