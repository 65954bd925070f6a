"""Cleaners one by one: what they change, and what they leave alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cleaned import by, cleaned, prepared
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.cleaners import CLEANERS
from tamis.cleaners.page_numbers import number
from tamis.errors import InputError

# Characters and codes


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("?a=1&copy=2&lang=fr", {}, "?a=1&copy=2&lang=fr"),
        ("?a=1&copy=2", {"semicolon": False}, "?a=1©=2"),
        ("&amp;lt;", {}, "&lt;"),
        ("&amp;lt;", {"times": 2}, "<"),
        ("&nosuchname; &#x1F600; &#55296; AT&T", {}, "&nosuchname; \U0001f600 \ufffd AT&T"),
        ("&#99999999999;", {}, "&#99999999999;"),
    ],
)
def test_references(text: str, options: dict[str, Any], expected: str) -> None:
    assert cleaned("html_unescape", text, **options) == expected


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("text", ["L'été à Noël, où ça s'arrête.", "Über die Brücke, größer.", "El niño mañana."])
def test_text_read_in_the_wrong_encoding_is_repaired(text: str, encoding: str) -> None:
    broken = text.encode().decode(encoding, errors="strict")
    assert broken != text
    assert cleaned("mojibake", broken) == text
    assert cleaned("mojibake", f"{text}\n{broken}\n&eacute; “{text}” ﬁn") == f"{text}\n{text}\n&eacute; “{text}” ﬁn"


def test_codes_are_looked_up_in_the_map_then_the_file(tmp_path: Path) -> None:
    path = tmp_path / "glyphs.json"
    path.write_text(json.dumps({"146": "'", "0133": "…"}))
    work = prepared("cid", files={"file": path}, map={"146": "’"}, file="glyphs.json")
    assert by(work, "L(cid:146)un(cid:133)(cid:0146)(cid:9)(cid:x)") == "L’un…’(cid:9)(cid:x)"
    for wrong in ("{", "[1]", '{"a": "b"}', '{"1": 2}'):
        path.write_text(wrong)
        with pytest.raises(InputError, match=r"glyphs\.json"):
            prepared("cid", files={"file": path}, file="glyphs.json")


# Lines and pages


def lines_twin(text: str, count: int, length: int) -> str:
    seen = Counter(line.strip() for line in text.split("\n"))
    return "\n".join(line for line in text.split("\n") if seen[line.strip()] < count or len(line.strip()) < length)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["Revue", "Revue ", " a", "a", "", "page", "é中é中"]), max_size=30).map("\n".join),
    st.integers(2, 4),
    st.integers(1, 5),
)
def test_repeated_lines_are_those_of_a_slow_count(text: str, count: int, length: int) -> None:
    assert cleaned("repeated_lines", text, count=count, length=length) == lines_twin(text, count, length)


def test_the_first_of_repeated_lines_may_stay() -> None:
    text = "Header here\na\nHeader here\nb\n Header here"
    assert cleaned("repeated_lines", text, count=3, keep_first=True) == "Header here\na\nb"
    assert cleaned("repeated_lines", text, count=4) == text


def test_lucie_thresholds_of_pages_and_lines() -> None:
    page = "\n".join(f"line {n}" for n in range(200))
    assert cleaned("control_pages", f"a\f{page}\fb") == f"a\f{page}\fb"
    assert cleaned("control_pages", f"a\f{page}\nmore\fb") == "a\fb"
    assert cleaned("control_pages", f"{page}\nmore") == f"{page}\nmore", "no form feed, no pages"
    assert cleaned("control_pages", "a\f\x01bcde\fb") is not None
    assert cleaned("control_pages", "a\f\x01bcd\f\x80bcde\fb") == "a\f\x80bcde\fb"
    often = "\n".join(["Université X"] * 10)
    assert cleaned("repeated_lines", f"{often}\nText") == "Text"
    assert cleaned("repeated_lines", often[: -len("\nUniversité X")]) == often[: -len("\nUniversité X")]


@pytest.mark.parametrize(
    "line",
    ["- 12 -", "– 12 –", "Page 3", "page 3 of 10", "Seite 3 von 10", "S. 12", "p.12",
     "Página 3 de 10", "— xiv —", "page 12 out of 40"],
)  # fmt: skip
def test_lines_that_only_a_page_number_looks_like_go(line: str) -> None:
    assert cleaned("page_numbers", f"before\n  {line}\t\nafter") == "before\nafter"


@pytest.mark.parametrize(
    "line",
    ["12", "1848", "xii", "12 apples", "Page three", "Paris", "- yes -", "1.", "12.5", "did",
     "mix", "- 12345 -", "Page", "(c)", "C", "[12]", "3 / 10", ".1."],
)  # fmt: skip
def test_other_lines_stay(line: str) -> None:
    assert cleaned("page_numbers", f"before\n{line}\nafter") == f"before\n{line}\nafter"


def test_numbers_that_run_on_go_and_others_stay() -> None:
    body = "\n\n".join(["text"] * 9)
    book = f"{body}\n11\n{body}\n1848\n{body}\n12\f{body}\n14\n{body}"
    assert cleaned("page_numbers", book, run=3) == f"{body}\n{body}\n1848\n{body}\n\f{body}\n{body}"
    pairs = f"{body}\n3 / 10\n{body}\n[4]\n{body}\n(v)\n{body}"
    assert cleaned("page_numbers", pairs, run=3) == f"{body}\n{body}\n{body}\n{body}"
    sparse = "\n" * 20
    assert cleaned("page_numbers", f"1{sparse}2{sparse}3", run=3) == f"1{sparse}2{sparse}3", "blank lines are no text"
    listed = "a\n1\nb\n2\nc\n3\nd\n4"
    assert cleaned("page_numbers", listed, run=3) == listed, "too near one another"
    assert cleaned("page_numbers", listed, bare="always") == "a\nb\nc\nd\n"
    assert cleaned("page_numbers", book, bare="never") == book
    assert cleaned("page_numbers", f"{body}\n11\n{body}\n12\n{body}", run=3) == f"{body}\n11\n{body}\n12\n{body}", (
        "only two"
    )


@pytest.mark.parametrize(
    ("line", "value"),
    [("12", 12), ("iv", 4), ("XIV", 14), ("cxciv", 194), ("mix", None), ("C", None),
     ("(xii)", 12), ("3 of 10", 3), ("Iv", None), ("iiii", None), ("12345", None), ("٣", None), ("²", None)],
)  # fmt: skip
def test_numbers_are_read(line: str, value: int | None) -> None:
    assert number(line) == value


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exem-\nple", "exemple"),
        ("exem-  \n   ple, donc", "exemple,\ndonc"),
        ("exem\u2010\nple.\nFin", "exemple.\nFin"),
        ("Rhône-\nAlpes", "Rhône-Alpes"),
        ("vis-à-\nvis de", "vis-à-vis\nde"),
        ("RÉPU-\nBLIQUE", "RÉPUBLIQUE"),
        ("dit-\nil, comme dit-il", "dit-il,\ncomme dit-il"),
        ("co-\nopérer ou coopérer", "coopérer\nou coopérer"),
        ("soft\u00ad\nware Rhône\u00ad\nAlpes", "software\nRhôneAlpes"),
        ("1990-\n2000", "1990-\n2000"),
        ("A -\nb", "A -\nb"),
        ("a--\nb", "a--\nb"),
        ("- one\n- two-\n- three", "- one\n- two-\n- three"),
        ("пере-\nнос слова", "перенос\nслова"),
        ("POSIX-\nstyle X-\nRay", "POSIX-style\nX-Ray"),
        ("Vor-\nund Nachteile und so", "Vor-\nund Nachteile und so"),
        ("-unknown-\nchunk", "-unknown-\nchunk"),
        ("deal-\nings of consor-\ntium", "dealings\nof consortium"),
        ("one-\n\ntwo", "one-\n\ntwo"),
        ("a-\nb-\nc d", "ab-\nc d"),
    ],
)
def test_broken_words(text: str, expected: str) -> None:
    assert cleaned("dehyphenation", text) == expected


def test_a_word_that_the_text_does_not_know() -> None:
    assert cleaned("dehyphenation", "exem-\nple", unsure="keep_hyphen") == "exem-ple"
    assert cleaned("dehyphenation", "exem-\nple", unsure="leave") == "exem-\nple"
    assert cleaned("dehyphenation", "exem-\nple, exemple", unsure="leave") == "exemple,\nexemple"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["mot", "-", "\n", " ", "É", "12", "\u00ad", ","]), max_size=24).map("".join))
def test_dehyphenation_takes_nothing_but_hyphens_and_spaces(text: str) -> None:
    after = cleaned("dehyphenation", text)
    assert after is not None
    gone = str.maketrans("", "", "-\u00ad \n")
    assert after.translate(gone) == text.translate(gone)
    assert len(after) <= len(text)


# Regular expressions


def test_head_and_tail_can_be_bounded() -> None:
    text = "head\n*** START ***\nbody " + "x" * 20 + "\n*** END ***\ntail"
    assert cleaned("head", text, pattern=r"^\*+ START \*+\n") == "body " + "x" * 20 + "\n*** END ***\ntail"
    assert cleaned("tail", text, pattern=r"\n\*+ END") == "head\n*** START ***\nbody " + "x" * 20
    assert cleaned("tail", text, pattern="START", most=0.5) == text
    assert cleaned("tail", text, pattern="(?i)start", most=1) == "head\n*** "
    assert cleaned("head", text, pattern="nowhere") == cleaned("tail", text, pattern="nowhere") == text
    assert cleaned("tail", "a END b END c", pattern="END|b") == "a "


def test_replace() -> None:
    assert cleaned("replace", "a.b", pattern=".", by=r"\0", literal=True) == r"a\0b"
    assert cleaned("replace", "Nom: Anna\nNom: Luc", pattern=r"^Nom: (\w+)$", by=r"<\1>") == "<Anna>\n<Luc>"
    assert cleaned("replace", "É\u00a0è", pattern=r"\p{Lu}\s*\x{a0}", by="") == "è"


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("tail", {"pattern": "(?=a)"}, "without lookaround"),
        ("head", {"pattern": "(a"}, "missing"),
        ("replace", {"pattern": "a", "by": r"\3"}, "RE2"),
        ("replace", {"pattern": r"(a)\1"}, "RE2"),
        ("tail", {"pattern": ""}, "at least 1"),
        ("cid", {}, "would change nothing"),
        ("function", {"path": "clean", "version": "1"}, "match pattern"),
        ("repeated_lines", {"count": 1}, "greater than or equal to 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CLEANERS[name].config.model_validate(options)


# Wiki markup


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("a [[b]] [[c|d]]s [[Help:e (f)|]] [[:Category:g]] [[h_i]]", "a b ds e Category:g h i"),
        ("[[File:x.jpg|thumb|A [[dog]] here]]a[[Catégorie:Chien]][[fr:Chien]]", "a"),
        ("x{{a|{{b|{{{1|}}}}}|c}}y {{{z}}}", "xy"),
        ("x{{unclosed [[too", "x{{unclosed [[too"),
        ("x}} ]] y", "x}} ]] y"),
        ("a<ref name=x>b {{c}}</ref><ref name=y/> d<!-- e -->f<references />", "a df"),
        ("<ref>no end", "no end"),
        ("[http://a.b c d] [https://e.f] http://g.h", "c d  http://g.h"),
        ("'''b''' ''i'' '''''bi''''' l'''x'''", "**b** *i* ***bi*** l**x**"),
        ("''unclosed\n'''too", "unclosed\ntoo"),
        ("''''four'''", "'**four**"),
        ("= a =\nx\n==b==\n=== c ===\ny\n== d ==\n", "# a\n\nx\n\n## b\n\n### c\n\ny"),
        ("* a\n** b\n*# c\n# d\n## e\n: f\n; g", "- a\n  - b\n  1. c\n1. d\n   1. e\n\nf\ng"),
        ("a<br>b<sub>2</sub><span style='x'>c</span> 1 < 2", "a\nb$_{2}$c 1 < 2"),
        ("<math>a_{1}^{[[2]]}</math> <nowiki>[[x]]</nowiki> <code>''y''</code>", "$a_{1}^{[[2]]}$ [[x]] `''y''`"),
        ('<syntaxhighlight lang="python">\nx = {{1}}\n</syntaxhighlight>', "```python\nx = {{1}}\n```"),
        ("__NOTOC__a&nbsp;b &amp;lt; c", "a\u00a0b &lt; c"),
        ("a\n\n\n\nb\n----\nc", "a\n\nb\n\nc"),
        (
            "{|\n|+ Title\n|-\n| style='x' | a || b|c\n|-\n| d\ne\n|}\nafter",
            "Title\n\n| a | b\\|c |\n|---|---|\n| d e |\n\nafter",
        ),
        ("{|\n| a\n{|\n| nested\n|}\n|-\n| b\n|}", "| a |\n|---|\n| b |"),
        ("{|\n| no end", "{|\n| no end"),
    ],
)  # fmt: skip
def test_wiki_markup(markup: str, markdown: str) -> None:
    assert (cleaned("wiki_markup", markup) or "").strip() == markdown


def test_emphasis_and_templates_by_option() -> None:
    assert cleaned("wiki_markup", "'''b''' ''i''", emphasis=False) == "b i"
    text = "{{Lang|fr|''oui''}} {{lang|fr}} {{s-|XIX|e}} {{other|a}}"
    assert cleaned("wiki_markup", text, templates={"lang": 2, "s-": 1}) == "*oui*  XIX"


# Functions


def test_a_function_is_found_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "own_cleaner_found.py").write_text("def clean(text):\n    return text[::-1]\n")
    work = prepared("function", tmp_path, path="own_cleaner_found.clean", version="1")
    assert by(work, "abc") == "cba"


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("no_such_module_at_all.clean", "no module is called 'no_such_module_at_all'.*beside the recipe"),
        ("string.no_such", "string has no function 'no_such'"),
        ("string.digits", "string has no function 'digits'"),
        ("own_cleaner_broken.clean", "importing own_cleaner_broken failed: ZeroDivisionError"),
    ],
)
def test_a_function_that_can_not_be_had(path: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "own_cleaner_broken.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match=complaint):
        prepared("function", tmp_path, path=path, version="1")


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("{|\n| a\n{|\n{|\n|}\nAfter.", "{|\n| a\n{|\nAfter."),
        ("{|\n| a\n{|\n| b\n|}\n|}\nAfter.", "| a |\n|---|\n\nAfter."),
        (":{|\n| a\n|}\nAfter.", "| a |\n|---|\n\nAfter."),
    ],
)
def test_a_table_that_does_not_end_takes_nothing_with_it(markup: str, markdown: str) -> None:
    assert cleaned("wiki_markup", markup) == markdown
