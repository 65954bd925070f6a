"""The candidate scan: it covers all that could be a value, and little else."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.candidate_tables import PHONE_JOINTS
from tamis.kernels.candidates import CARD, EMAIL, IBAN, IP, PHONE, Candidates, scan
from tamis.recognizers.iban import LENGTHS, length_table

ALL = EMAIL | PHONE | IP | IBAN | CARD
GAP = f"[{PHONE_JOINTS}]{{0,4}}"
STRETCH = re.compile(rf"\d+(?:{GAP}\d+)*", re.IGNORECASE)

alphabet = st.text(alphabet=st.sampled_from("0123456789 +-.()/x@:aeDEFR\n,éж中😀٣\u00a0\u202f～＋"), max_size=60)
pieces = st.sampled_from(
    [
        "06 12 34 56 78", "+33 6", "ext. 12", "4111 1111 1111 1111", "8.8.8.8", "2001:4860::88", "bob@x.org",
        "DE89 3704 0044 0532 0130 00", "12:30:45", "::", "@", " ", "\n", "word", "été", "1234567", "2024-01-15",
    ]
)  # fmt: skip
mixed = st.lists(st.one_of(pieces, alphabet), max_size=8).map("".join)


def windows(text: str, kinds: int = ALL, national: bool = True) -> list[tuple[int, int, int]]:
    """(kinds, start, end) in bytes of every window of one text."""
    found = scan(pa.array([text], pa.large_string()), kinds, np.array([national]), length_table())
    return list(zip(found.kinds.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True))


def bytes_of(text: str, start: int, end: int) -> tuple[int, int]:
    return len(text[:start].encode()), len(text[:end].encode())


PLAIN = re.compile(
    r"[1-9]\d*|\d{1,7}\.\d+|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:\D(?:\D?\d\D?){,7})?"
)
"""What needs no window: a block without 0 in front, a decimal, a date and little more."""


def required(text: str) -> list[tuple[int, int, int]]:
    """What a window must cover, by definitions that are slow and plain: (kind, first byte, end byte)."""
    spans = []
    for m in re.finditer(r"[A-Za-z0-9]@[A-Za-z0-9]+\.[A-Za-z]{2}", text):
        spans.append((EMAIL, *bytes_of(text, *m.span())))
    for stretch in STRETCH.finditer(text):
        groups = list(re.finditer(r"\d+", stretch.group()))
        at = stretch.start()
        for i in range(len(groups)):
            for j in range(i, len(groups)):
                digits = sum(len(g.group()) for g in groups[i : j + 1])
                if 8 <= digits <= 20 and not PLAIN.fullmatch(stretch.group()):
                    spans.append((PHONE, *bytes_of(text, at + groups[i].start(), at + groups[j].end())))
    separator = "[ \u00a0-]"
    for shape in (
        r"(?<!\d)[0-9]{14,19}(?!\d)",
        rf"(?<!\d)[0-9]{{4}}(?:{separator}[0-9]{{4}}){{3}}(?!\d)",
        rf"(?<!\d)[0-9]{{4}}{separator}[0-9]{{6}}{separator}[0-9]{{4,5}}(?!\d)",
    ):
        spans += [(CARD, *bytes_of(text, *m.span())) for m in re.finditer(shape, text)]
    for m in re.finditer(r"(?<!\d)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\d)", text):
        spans.append((IP, *bytes_of(text, *m.span())))
    for m in re.finditer(r"(?<![^\W_])([A-Z]{2})[0-9]{2}", text):
        length = LENGTHS.get(m.group(1))
        if length:
            printed = re.compile(rf"[A-Z0-9](?:[ \u00a0\u202f-]?[A-Z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
            whole = printed.match(text, m.start())
            if whole:
                spans.append((IBAN, *bytes_of(text, *whole.span())))
    return spans


@settings(max_examples=100, deadline=None)
@given(st.one_of(mixed, st.text(max_size=40)))
def test_covers_everything_that_could_be_a_value(text: str) -> None:
    found = windows(text)
    for kind, start, end in required(text):
        assert any(k & kind and a <= start and end <= b for k, a, b in found), (kind, text)


@settings(max_examples=100, deadline=None)
@given(st.one_of(mixed, st.text(max_size=40)))
def test_windows_are_stretches_of_whole_characters(text: str) -> None:
    data = text.encode()
    for kinds, start, end in windows(text):
        assert 0 <= start < end <= len(data)
        assert 0 < kinds <= ALL
        data[start:end].decode()
    numeric = [(a, b) for k, a, b in windows(text, PHONE | CARD)]
    assert all(b <= c for (_, b), (c, _) in pairwise(numeric))


@settings(max_examples=30, deadline=None)
@given(st.lists(mixed, max_size=5))
def test_rows_are_independent(rows: list[str]) -> None:
    text = pa.array(["padding 06 12 34 56 78", *rows], pa.large_string())[1:]
    found = scan(text, ALL, np.ones(len(rows), np.bool_), length_table())
    for row, one in enumerate(rows):
        mine = found.rows == row
        got = list(
            zip(
                found.kinds[mine].tolist(),
                found.starts[mine].tolist(),
                found.ends[mine].tolist(),
                strict=True,
            )
        )
        assert got == windows(one)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A sentence, with 1 number, 23 others; at 12:30:45 on 2024-01-5.",
        "@property\n    def f(self): return a @ b",
        "std::vector<int>::iterator, Vec::<u8>::new(), a::b",
        "user@host, @mention, mail@",
        "prices 12.50 and 1 234,56 and v1.2.3",
        "中文文本，没有数据。👩‍👩‍👧",
    ],
)
def test_ordinary_text_has_no_windows(text: str) -> None:
    assert windows(text) == []


def test_national_numbers_only_where_wanted() -> None:
    assert windows("06 12 34 56 78", PHONE, national=False) == []
    assert len(windows("+33 6 12 34 56 78", PHONE, national=False)) == 1
    assert len(windows("06 12 34 56 78", PHONE, national=True)) == 1


@pytest.mark.parametrize("plain", ["1234567890", "1234567.890123", "2024-05-11", "2024-05-11 10.12"])
def test_plain_numbers_need_a_word_before_them(plain: str) -> None:
    assert windows(f"on the line,\n{plain}; 12, {plain}", PHONE) == []
    assert len(windows(f"tel.: {plain}", PHONE)) == (0 if "-" in plain else 1)
    assert len(windows(f"(0{plain}", PHONE)) == 1


def test_an_extension_keeps_numbers_together() -> None:
    assert windows("01 23 45 67 89 ext. 5 06 12 34 56 78", PHONE) == [(PHONE, 0, 36)]
    assert len(windows("01 23 45 67 89 or 06 12 34 56 78", PHONE)) == 2


def test_only_the_kinds_asked_for() -> None:
    text = "bob@x.org 06 12 34 56 78 8.8.8.8 DE89370400440532013000 4111111111111111 2001:4860::8888"
    for kind in (EMAIL, PHONE, IP, IBAN, CARD):
        assert {k for k, _, _ in windows(text, kind)} == {kind}


def test_more_windows_than_there_was_room_for() -> None:
    text = "a@b.cd " * 5000
    found = scan(pa.array([text], pa.large_string()), ALL, np.array([True]), length_table())
    assert isinstance(found, Candidates)
    assert found.starts.tolist() == list(range(0, 35000, 7))


def test_phone_punctuation_is_the_librarys() -> None:
    """Every character that libphonenumber lets stand inside a number keeps a stretch together."""
    from phonenumbers import phonenumberutil

    inside = re.compile(f"[{phonenumberutil._VALID_PUNCTUATION}]", re.IGNORECASE)
    ours = re.compile(f"[{PHONE_JOINTS}]")
    every = [chr(p) for p in range(0x110000) if not 0xD800 <= p < 0xE000]
    assert {c for c in every if inside.match(c)} <= {c for c in every if ours.match(c)}
    assert all(ord(c) < 0x20000 for c in every if c.isdecimal())
