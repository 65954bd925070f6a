"""What holds of every cleaner: its examples, any text, hostile texts."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from cleaned import by, concerned, prepared
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.cleaners import CLEANERS

EXAMPLES = [(name, example) for name, cleaner in CLEANERS.items() for example in cleaner.examples]
USES: list[tuple[str, dict[str, Any]]] = [
    *((name, dict(example.options)) for name, example in EXAMPLES),
    ("html_unescape", {"semicolon": False, "times": 3}),
    ("page_numbers", {"bare": "always"}),
    ("dehyphenation", {"unsure": "keep_hyphen"}),
    ("dehyphenation", {"unsure": "leave"}),
    ("wiki_markup", {"emphasis": False}),
    ("repeated_lines", {"count": 2, "length": 1, "keep_first": True}),
    ("tail", {"pattern": "a|$", "most": 0.5}),
    ("control_pages", {"lines": 1, "control": 0}),
]
PIECES = (
    "== x ==\n{{a|b}}[[c|d]]<ref>&amp;&#233;&eacute;&copy''' ''\n{|\n|-\n! a !! b\n|}\n* # : ; -\n"
    "\u00ad¬\f\x01\x02 12 iv Page 3 of 4\n"
    "exam-\nple (cid:146) Ã© â€™ é 中 \U0001f600 /n __TOC__ <!-- --> </nowiki><nowiki> <math> [http://a b]"
)  # fmt: skip
ANY = st.text(max_size=60) | st.lists(st.sampled_from(PIECES) | st.sampled_from(PIECES.split(" ")), max_size=60).map(
    "".join
)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_are_true(name: str, example: Any) -> None:
    work = prepared(name, **example.options)
    assert by(work, example.before) == example.after
    assert concerned(work, example.before)


@pytest.mark.parametrize(("name", "options"), USES, ids=[name for name, _ in USES])
@settings(max_examples=60, deadline=None)
@given(text=ANY)
@example(text="----")
@example(text="\u2003== x ==\nsaid")
@example(text="\x1f\x85 \t-----\nsaid")
def test_any_text_is_cleaned_and_one_that_does_not_concern_it_stays(
    name: str, options: dict[str, Any], text: str
) -> None:
    work = prepared(name, **options)
    after = by(work, text)
    assert isinstance(after, str)
    after.encode()
    if not concerned(work, text):
        if name == "wiki_markup":
            # Unread it keeps its spaces, blank lines and control characters; nothing else would have changed.
            after, text = (re.sub(r"[\s\x02\x03]", "", one) for one in (after, text))
        assert after == text


LONG = 200_000
HOSTILE = {
    "letters": "a" * LONG,
    "spaces": " " * LONG,
    "line ends": "\n" * LONG,
    "form feeds": "\f" * LONG,
    "controls": "\x01" * LONG,
    "ampersands": "&" * LONG,
    "references": "&a" * (LONG // 2),
    "numeric references": "&#" + "9" * LONG + ";",
    "hyphens": "a-\n" * (LONG // 3),
    "only hyphens": "-" * LONG,
    "numbers": "\n".join(map(str, range(LONG // 6))),
    "roman": "ivxlcdm\n" * (LONG // 8),
    "codes": "(cid:" * (LONG // 5),
    "open templates": "{{" * (LONG // 2),
    "templates": "{{a|" * (LONG // 4),
    "closed templates": "{{" * (LONG // 4) + "}}" * (LONG // 4),
    "closings": "}}" * (LONG // 2),
    "open links": "[[" * (LONG // 2),
    "links": "[[a|" * (LONG // 6) + "]]" * (LONG // 6),
    "addresses": "[http://" * (LONG // 8),
    "long address": "[http://" + "a" * LONG,
    "tags": "<b" * (LONG // 2),
    "references of pages": "<ref>" * (LONG // 5),
    "verbatim": "<nowiki>" * (LONG // 8) + "</nowiki>" * 10,
    "comments": "<!--" * (LONG // 4),
    "tables": "{|\n" * (LONG // 3),
    "closed tables": "{|\n" * (LONG // 6) + "|}\n" * (LONG // 6),
    "cells": "{|\n|" + "a||" * (LONG // 3) + "\n|}",
    "rows": "{|\n|" + "a||" * 1000 + "\n" + "|-\n|b\n" * (LONG // 6) + "|}",
    "quotes": "'" * LONG,
    "quotes apart": "'' " * (LONG // 3),
    "headings": "=a=\n" * (LONG // 4),
    "stars": "*" * LONG,
    "mojibake": "Ã©" * (LONG // 2),
    "odd mojibake": "Ãâ€" * (LONG // 3),
}
TRIED = [
    *{name: (name, options) for name, options in USES}.values(),
    ("replace", {"pattern": "(a+)+b"}),
    ("tail", {"pattern": "(a|a)*b|(&+)+$x"}),
]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_more_time_than_others(text: str) -> None:
    """A quadratic loop would take minutes on each of them."""
    for name, options in TRIED:
        begin = time.process_time()
        after = by(prepared(name, **options), text)
        assert isinstance(after, str) and len(after) < 20 * len(text) + 100, name
        assert time.process_time() - begin < 5, name
