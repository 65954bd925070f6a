"""card.html: the data card as one page that needs nothing else, for a browser, a phone, paper and a screen reader.

Its words and numbers are the card's Markdown; its charts are drawn of the manifest's numbers by the script in
`page.js`. A policy in the page itself forbids every request, so that a reader of a card is seen by nobody.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

import orjson

from tamis.cards.content import key_facts, summary
from tamis.cards.drawing import Drawn, themed
from tamis.cards.numbers import count, share
from tamis.cards.page_data import chart_data
from tamis.cards.page_markdown import Page, Part, inline, parts
from tamis.cards.view import View

PAGE = "card.html"
_STYLE = Path(__file__).with_name("page.css")
_SCRIPT = Path(__file__).with_name("page.js")


def card_page(view: View, body: str, drawn: Mapping[str, Drawn]) -> str:
    """The page of a card's body in Markdown: sections that begin with `## Title`; figures by name."""
    style, script = _STYLE.read_text(encoding="utf-8"), _SCRIPT.read_text(encoding="utf-8")
    charts = chart_data(view)
    page = Page({figure.path: _figure(figure, figure.name in charts) for figure in drawn.values()}, {"top", "main"})
    found = parts(body, page)
    manifest = view.manifest
    return _SHELL.format(
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        title=escape(manifest.title),
        version=escape(manifest.version),
        description=escape(" ".join(re.sub("<[^>]+>", "", inline(summary(view))).split()), quote=True),
        style=style,
        summary=f'<p class="summary">{inline(summary(view))}</p>' if summary(view) else "",
        tiles="\n".join(f"<div><dd>{value}</dd><dt>{what}</dt></div>" for value, what in _tiles(view)),
        identity=escape(manifest.identity),
        contents="\n".join(f'<li><a href="#{part.id}">{escape(part.title)}</a></li>' for part in found if part.title),
        sections="\n".join(map(_section, found)),
        data=_json(charts),
        script=script,
    )


def _tiles(view: View) -> list[tuple[str, str]]:
    totals = view.manifest.totals
    licences = len(view.sums("license"))
    return [
        *((escape(value), escape(what)) for value, what in key_facts(view)),
        (count(licences), "licence" if licences == 1 else "licences"),
        (share(totals["documents"], totals["ingested"]), f"of {count(totals['ingested'])} documents kept"),
    ]


def _section(part: Part) -> str:
    if not part.title:
        return f'<section class="prose">\n{part.html}</section>'
    return (
        f'<section id="{part.id}" aria-labelledby="{part.id}-title">\n'
        f'<h2 id="{part.id}-title">{escape(part.title)}'
        f'<a class="here" href="#{part.id}" aria-label="Link to section {escape(part.title, quote=True)}">#</a></h2>\n'
        f"{part.html}</section>"
    )


def _figure(figure: Drawn, chart: bool) -> str:
    """A figure in the page's own colours; where there is a chart of its data, that takes its place."""
    live = f'<div class="chart" data-chart="{figure.name}" hidden></div>\n' if chart else ""
    data = f'<a href="{figure.twin}">data (CSV)</a> · ' if figure.twin else ""
    return (
        f'<figure id="figure-{figure.name}">\n{live}'
        f'<div class="scroll still" role="region" aria-label="Figure: {escape(figure.caption, quote=True)}" '
        f'tabindex="0">\n{themed(figure.content.decode(), figure.name)}</div>\n'
        f'<figcaption><span class="caption">{inline(figure.caption)}</span> '
        f'<span class="files">{data}<a href="{figure.path}">figure (SVG)</a></span></figcaption>\n</figure>\n'
    )


def _json(data: object) -> str:
    """JSON that can't end its script element."""
    return orjson.dumps(data).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


_SHELL = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{description}">
<meta name="generator" content="Tamis">
<link rel="icon" href="data:,">
<title>{title} {version}: data card</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the card</a>
<header id="top">
<div class="bar"><span class="kind">Data card</span><button id="theme" type="button" hidden></button></div>
<h1>{title} <span class="version">version {version}</span></h1>
{summary}
<dl class="tiles">
{tiles}
</dl>
</header>
<div class="layout">
<nav id="contents" aria-label="Sections of the card">
<button id="menu" type="button" aria-expanded="false" aria-controls="contents-list" hidden>Contents</button>
<ol id="contents-list">
{contents}
</ol>
</nav>
<main id="main" tabindex="-1">
{sections}
</main>
</div>
<footer>
<p>Made by <a href="https://github.com/tamis-data/tamis">Tamis</a>. Every number on this page is computed from the
release’s <a href="manifest.json">manifest</a> and <a href="ledger">ledger</a>; <code>tamis verify</code> recomputes
them. The same card as Markdown: <a href="README.md">README.md</a>.</p>
<p class="identity">Identity <code>{identity}</code></p>
</footer>
<div id="tip" role="status" aria-live="polite" hidden></div>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""
