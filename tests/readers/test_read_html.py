"""HTML: main text, facts, encodings, pages without any."""

from __future__ import annotations

import io
import json
import time
import zipfile
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_warcs import response
from tamis import readers
from tamis.corpus.documents import InputFile
from tamis.errors import InputError
from tamis.readers import html, text_versions
from tamis.readers.html import MAX_DEPTH, Page, main_text

Reading = Any
ARTICLE = (
    "<!DOCTYPE html><html lang=fr><head><title>Le  titre\n du jour</title>"
    "<meta name='Author' content='Une Personne'><meta property='article:published_time' content='2021-05-06'>"
    "<script>var x = 'nicht sichtbar';</script></head><body><nav><a href='/'>Accueil</a></nav>"
    "<article><h1>Un été</h1><p>Il faisait chaud,\n très <b>chaud</b>.</p><ul><li>un</li><li>deux</li></ul></article>"
    "<footer>Droits réservés</footer></body></html>"
)


def test_main_text_and_facts(reading: Reading) -> None:
    rows, _ = reading(ARTICLE.encode(), "page.html")
    (row,) = rows
    assert "Il faisait chaud, très chaud." in row["text"]
    assert row["text"].startswith("Un été")
    assert "deux" in row["text"]
    for absent in ("Accueil", "sichtbar", "Droits", "<"):
        assert absent not in row["text"]
    assert (row["title"], row["author"], row["date"]) == ("Le titre du jour", "Une Personne", "2021-05-06")
    assert (row["own_id"], row["language"]) == ("page.html", None)


@pytest.mark.parametrize(
    "bar",
    [
        '<table class="nav_table"><tr><td>[ &lt;&lt; BAR ]</td></tr></table>',
        '<div class="navheader">BAR</div>',
        '<div class="related" role="navigation"><ul><li>BAR</li></ul></div>',
        '<div class="topNav"><ul><li>BAR</li></ul></div>',
    ],
)
def test_navigation_bars_of_documentation_are_skipped(bar: str) -> None:
    page = main_text(f"<body>{bar}<h2>Chapitre</h2><p>Le texte du chapitre, en entier.</p></body>")
    assert isinstance(page, Page)
    assert " ".join(page.text.split()) == "Chapitre Le texte du chapitre, en entier."


@pytest.mark.parametrize(
    ("fragment", "kept"),
    [
        # XHTML: the anchor is closed, the paragraph isn't its content.
        ('<h2><a id="x"/>Titre</h2><p>Une phrase. Une autre.</p>', "Titre Une phrase. Une autre."),
        ("<table><tr><td/><td>deux</td></tr></table><p>fin</p>", "deux fin"),
        (
            "<p>Voir <a href='a'>ceci</a>, <a href='b'>cela</a> et <a href='c'>le reste</a>.</p>",
            "Voir ceci, cela et le reste.",
        ),
        ("<p>Avant.</p><ul><li>un</li><li>deux</li></ul><p>Après.</p>", "Avant. • un • deux Après."),
    ],
)
def test_content_that_looks_like_a_menu_is_kept(fragment: str, kept: str) -> None:
    page = main_text(f"<html><body class=x>{fragment}</body></html>")
    assert isinstance(page, Page)
    assert " ".join(page.text.split()) == kept


def test_a_menu_is_no_content() -> None:
    links = "".join(f"<li><a href='/{n}'>Rubrique {n}</a></li>" for n in range(20))
    page = main_text(f"<html><body><div class='menu'><ul>{links}</ul></div><p>{'Un vrai paragraphe. ' * 10}</p></body>")
    assert isinstance(page, Page)
    assert "Rubrique" not in page.text


@pytest.mark.parametrize("hostile", ["<a ", "<a>", "<a>x", "<a href='", "<x/>", "<body", "<div\t"])
def test_preparing_a_page_takes_linear_time(hostile: str) -> None:
    page = hostile * (1_000_000 // len(hostile))
    started = time.process_time()
    html._prepared(page)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("<meta charset='iso-8859-1'>", "cp1252"),
        ("<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=ISO-8859-15'>", "iso-8859-15"),
        ("<meta charset=utf-8>", "cp1252"),  # a wrong declaration
    ],
)
def test_encodings(reading: Reading, head: str, encoding: str) -> None:
    text = "L'été à l'hôtel déçoit; les élèves préfèrent la forêt près du château, où ils rêvent déjà."
    rows, tally = reading(f"<html><head>{head}</head><body><p>{text}</p></body></html>".encode(encoding), "a.html")
    assert [row["text"] for row in rows] == [text], tally.rejects


def test_xml_declaration(reading: Reading) -> None:
    page = "<?xml version='1.0' encoding='ISO-8859-2'?><html><body><p>Příliš žluťoučký kůň</p></body></html>"
    rows, _ = reading(page.encode("iso-8859-2"), "a.xhtml")
    assert rows[0]["text"] == "Příliš žluťoučký kůň"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "no_main_text"),
        (b"<html><body><script>1</script></body></html>", "no_main_text"),
        (b"\xff\xfe\x00\xd8<p>", "bad_encoding"),
        (b"<div>" * (MAX_DEPTH + 1) + b"x", "too_deep"),
    ],
)
def test_rejects(reading: Reading, data: bytes, cause: str) -> None:
    rows, tally = reading(data, "a.html")
    assert (rows, dict(tally.causes), tally.read) == ([], {cause: 1}, 1)


def test_depth_and_size_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    shallow = "<div>a</div>" * (2 * MAX_DEPTH)
    assert isinstance(main_text(f"<body>{shallow}<p>b</p>"), Page)
    assert main_text("<DIV>" * 50_000 + "x")[0] == "too_deep"  # type: ignore[index]
    monkeypatch.setattr(html, "MAX_PAGE_CHARS", 10)
    assert main_text("<p>hello world")[0] == "too_large"  # type: ignore[index]


def test_a_failure_of_the_extractor_is_a_reject(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise ValueError("the page says: secret")

    monkeypatch.setattr(html, "extract_plain_text", fail)
    _, tally = reading(ARTICLE.encode(), "a.html")
    assert tally.causes == {"extraction_failed": 1}
    assert "secret" not in tally.rejects[0].detail


@pytest.mark.parametrize("error", [AttributeError, IndexError, RecursionError])
def test_whatever_an_extractor_raises_is_a_reject(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> str:
        raise error

    monkeypatch.setattr(html, "_by_trafilatura", fail)
    assert main_text("<p>Some words.</p>", "trafilatura") == ("extraction_failed", error.__name__)


def test_pages_in_jsonl(reading: Reading) -> None:
    rows_in = [
        {"page": ARTICLE, "plain": None, "title": "Eigener"},
        {"page": ARTICLE, "plain": "schon Text"},
        {"page": None, "plain": None},
        {"page": 5, "plain": None},
        {"page": "<p></p>"},
    ]
    data = "\n".join(map(json.dumps, rows_in)).encode()
    columns = {"html": "page", "text": "plain", "title": "title"}
    rows, tally = reading(data, "a.jsonl", columns=columns)
    assert [row["line"] for row in rows] == [1, 2]
    assert rows[0]["text"].startswith("Un été")
    assert (rows[0]["title"], rows[0]["author"]) == ("Eigener", "Une Personne")
    assert (rows[1]["text"], rows[1]["title"], rows[1]["author"]) == ("schon Text", None, None)
    assert [(r.line, r.cause) for r in sorted(tally.rejects, key=lambda r: r.line or 0)] == [
        (3, "missing_text"), (4, "wrong_type"), (5, "no_main_text"),
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(
                ["<p>", "</p>", "<table>", "<tr><td>", "</b>", "text ", "&amp;", "&#0;", "<!--", "<svg>", "\0"]
            ),
            max_size=30,
        ).map("".join),
    )
)
def test_any_page_is_text_or_a_reject(page: str) -> None:
    result = main_text(page)
    assert (result.text.strip() if isinstance(result, Page) else result[0]) != ""


BODY = "".join(
    f"<p>Absatz {number} handelt vom Mühlrad, das sich im Bach dreht, bis es <a href='x'>Abend</a> wird.</p>"
    for number in range(12)
)
COLUMN = (
    f"<html><head><title>Rad</title><meta name=author content=Mia></head><body><nav>Leiste</nav>{BODY}</body></html>"
)


def zipped(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


@pytest.mark.parametrize("extractor", ["resiliparse", "trafilatura"])
def test_two_extractors_of_every_html(extractor: str, reading: Reading) -> None:
    """Files, members of archives, web archives and columns of HTML; title and author are the same by either."""
    pytest.importorskip(extractor)
    made = {
        "a.html": (COLUMN.encode(), {}),
        "a.zip": (zipped({"a.html": COLUMN.encode()}), {}),
        "a.warc": (response("https://a.example/", COLUMN.encode()), {}),
        "a.jsonl": (json.dumps({"page": COLUMN}).encode() + b"\n", {"columns": {"html": "page"}}),
    }
    texts = set()
    for name, (data, fields) in made.items():
        (row,), tally = reading(data, name, extractor=extractor, **fields)
        assert (row["title"], row["author"], dict(tally.causes)) == ("Rad", "Mia", {})
        texts.add(row["text"])
    (text,) = texts
    assert all(f"Absatz {number} handelt" in text for number in range(12))
    assert "Leiste" not in text and "<" not in text


def test_the_extractors_find_other_texts_and_are_told_apart(make_source: Any) -> None:
    pytest.importorskip("trafilatura")
    tables = f"<body><table><tr><td>Rad</td><td>Bach</td></tr></table>{BODY}</body>"
    one, other = main_text(tables), main_text(tables, "trafilatura")
    assert isinstance(one, Page) and isinstance(other, Page) and one.text != other.text
    file = InputFile("a.html", "/x/a.html", 1, "f")
    told = [text_versions(make_source(extractor=name), [file]) for name in ("resiliparse", "trafilatura")]
    assert told[0] == f"resiliparse {version('resiliparse')}"
    assert str(told[1]).startswith(f"trafilatura {version('trafilatura')}, lxml ")
    assert text_versions(make_source(extractor="trafilatura"), [InputFile("a.jsonl", "/x/a.jsonl", 1, "f")]) is None


def test_an_extractor_that_is_not_installed(make_source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(readers, "version", missing)
    with pytest.raises(InputError, match=r"source s: `extractor: trafilatura` isn't installed.*'tamis\[trafilatura\]'"):
        text_versions(make_source(extractor="trafilatura"), [InputFile("a.html", "/x/a.html", 1, "f")])


@pytest.mark.parametrize(
    "page", ["", "<p>", "<ul><li>" * 2000 + "x", "<?xml version='1.0' encoding='x'?><p>a", "\0" * 99]
)
def test_odd_pages_by_the_other_extractor(page: str) -> None:
    pytest.importorskip("trafilatura")
    found = main_text(page, "trafilatura")
    assert isinstance(found, Page) or found[0] in ("no_main_text", "extraction_failed")


@pytest.mark.parametrize("tag", ["div", "ul><li", "ol><li", "article", "DIV"])
def test_deep_pages_take_little_time(tag: str) -> None:
    begin = time.process_time()
    assert main_text(f"<body>{f'<{tag}>' * 20_000}x")[0] == "too_deep"  # type: ignore[index]
    assert time.process_time() - begin < 2


def test_a_head_of_many_facts_takes_little_time() -> None:
    head = "<title>T</title>" + "<meta name=keywords content=x> <!-- -->" * 5000 + "<meta name=author content=' A  B '>"
    begin = time.process_time()
    page = main_text(f"<head>{head}</head><p>Some words here.</p>")
    assert isinstance(page, Page) and (page.title, page.author) == ("T", "A B")
    assert time.process_time() - begin < 2
