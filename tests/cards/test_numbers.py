"""Numbers and Markdown as a card writes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.cards.markdown import code, fenced, link, table, text, top
from tamis.cards.numbers import count, share, short, size

ANY_TEXT = st.text(max_size=40)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (999, "999"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (12_345_678, "12.3 M"),
        (2_320_600_000_000, "2.32 T"),
    ],
)
def test_short_numbers(value: int, written: str) -> None:
    assert short(value) == written.replace(" ", "\u202f")


def test_counts_sizes_and_shares() -> None:
    assert count(1234567) == "1\u202f234\u202f567"
    assert size(999) == "999\u202fB" and size(999_499) == "999\u202fkB" and size(999_500) == "1\u202fMB"
    assert (
        share(1, 3) == "33.3\u202f%"
        and share(1, 0) == "–"
        and share(3, 3) == "100\u202f%"
        and share(0, 3) == "0\u202f%"
    )
    # A rest never hides behind the rounding.
    assert share(1, 10**9).startswith("<") and share(10**9 - 1, 10**9).startswith(">")


@given(st.integers(1, 10**15))
@settings(max_examples=100, deadline=None)
def test_a_short_number_is_near_the_number(value: int) -> None:
    number, _, letter = short(value).partition("\u202f")
    scale = {"": 1, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[letter]
    assert abs(float(number) * scale - value) <= 0.0051 * value


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=4))
@settings(max_examples=100, deadline=None)
def test_no_cell_breaks_its_table(rows: list[tuple[str, str]]) -> None:
    lines = table(("A", "B"), "lr", [(text(a), code(b)) for a, b in rows]).split("\n")
    assert len(lines) == len(rows) + 2
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3


@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_no_text_becomes_markup(value: str) -> None:
    written = text(value)
    assert "<" not in written and "\n" not in written
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[]", written)


def test_only_addresses_become_links() -> None:
    assert link("https://example.org/a_b?c=d") == "<https://example.org/a_b?c=d>"
    assert link("see https://example.org") == "see https://example.org"
    assert link("https://example.org/> <script>") == "https://example.org/> &lt;script>"


def test_a_fence_is_longer_than_any_in_its_body() -> None:
    assert fenced("yaml", "a\n````\n").startswith("`````yaml\n")


def test_the_top_of_a_table_says_what_is_left_out() -> None:
    rows = [(str(n),) for n in range(5)]
    assert top(rows, 5, "x.csv") == (rows, "")
    shown, more = top(rows, 3, "x.csv")
    assert len(shown) == 3 and "2 more rows are in [`x.csv`](x.csv)" in more
