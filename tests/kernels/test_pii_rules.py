"""The compiled rules refuse only what the recognizers refuse, and settle e-mail addresses as they do."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.candidate_rules import Rules, packed, sift
from tamis.kernels.candidate_tables import byte_tables, char_table
from tamis.kernels.candidate_windows import lines_around, near
from tamis.kernels.candidates import CARD, EMAIL, IBAN, IP, PHONE, Candidates, scan
from tamis.recognizers import email, ip_address, payment_card, phone
from tamis.recognizers.iban import length_table

ALL = EMAIL | PHONE | IP | IBAN | CARD

pieces = st.sampled_from(
    [
        "06 12 34 56 78", "+33 6 12 34 56 78", "(020) 7183 8750", "0x12345678", "12 ext. 345678901", "555 0100 x 12",
        "1-800-555-1234", "10.12.2024 12345", "2024-01-15 12:30", "1.234.567.890", "12.5 1234567", "8 1 2 3 4567890",
        "20240115 12", "91.22.33.44", "8.8.8.8", "10.0.0.7", "1.2.3.4", "256.1.1.1", "8.8.8.8:53", "8.08.8.8", "::1",
        "4111 1111 1111 1111", "378282246310005", "5500-0000-0000-0004", "4111111111111112", "6304 000000 00000",
        "bob@mail.fr",
        "o'neil.x@a-b.co.uk", "git@host.org", "a..b@x.fr", "icon@2x.png", "q@k.tr", "x@xn--p1ai.xn--p1ai",
        "a@1.3.x",
        "a@b.c.d.e.f.g.h.i.jk.lm", "jürgen@müller.de", "https://u", "://", "tel", "Tel.", "tél", "nr", "mobile",
        "appelez le", "version", "ip", "host", "é", "中", "☎", "_", "x", "~", "#", ";", "=", "a", "@",
        "/", ".", ",", ":", "-",
        "(", ")", "[", "+", " ", " ", "\n", "\u00a0", "²",
    ]
)  # fmt: skip
noise = st.text(alphabet=st.sampled_from("0123456789 .-/()x@ab:é_\n~"), max_size=24)
digits = st.text("0123456789", min_size=1, max_size=9)
texts = st.lists(
    st.tuples(st.one_of(pieces, pieces, noise, digits), st.sampled_from(["", "", " ", "-", "."])), max_size=9
)
texts = texts.map(lambda parts: "".join(a + b for a, b in parts))


def windows_of(text: str, kind: int) -> tuple[pa.Array, Candidates]:
    column = pa.array([text], pa.large_string())
    return column, scan(column, kind, np.array([True]), length_table())


def spans(windows: Candidates) -> list[tuple[int, int]]:
    return list(zip(windows.starts.tolist(), windows.ends.tolist(), strict=True))


def sifted(text: str, kind: int, private: bool = False) -> tuple[list[str], list[str], list[str]]:
    """The windows of a kind that stay and those that go, and the addresses that are settled."""
    column, windows = windows_of(text, kind)
    result = sift(column, windows, Rules(packed(email.FILE_ENDINGS), packed(phone.CALL_WORDS), private, True))
    data, left = text.encode(), spans(result.left)
    settled = [data[a:b].decode() for a, b in zip(result.starts, result.ends, strict=True)]
    gone = [span for span in spans(windows) if span not in left]
    return [data[a:b].decode() for a, b in left], [data[a:b].decode() for a, b in gone], settled


def characters(text: str, span: tuple[int, int]) -> tuple[int, int]:
    data = text.encode()
    return len(data[: span[0]].decode()), len(data[: span[1]].decode())


@settings(max_examples=100, deadline=None)
@given(texts, st.sampled_from([PHONE, IP, CARD]), st.booleans(), st.sampled_from(["fr", "en", "de"]))
def test_nothing_goes_that_a_recognizer_would_find(text: str, kind: int, private: bool, language: str) -> None:
    column, windows = windows_of(text, kind)
    result = sift(column, windows, Rules(packed(email.FILE_ENDINGS), packed(phone.CALL_WORDS), private, True))
    for span in set(spans(windows)) - set(spans(result.left)):
        start, end = characters(text, span)
        if kind == PHONE:
            assert phone.find(text, start, end, phone.REGIONS[language], True) == []
        elif kind == IP:
            assert ip_address.find(text, start, end, private, True) == []
        else:
            assert payment_card.find(text, start, end) == []


@settings(max_examples=100, deadline=None)
@given(texts)
def test_addresses_are_settled_as_the_recognizer_does(text: str) -> None:
    column, windows = windows_of(text, EMAIL)
    result = sift(column, windows, Rules(packed(email.FILE_ENDINGS), packed(phone.CALL_WORDS), False, True))
    found = [characters(text, span) for span in zip(result.starts.tolist(), result.ends.tolist(), strict=True)]
    for span in spans(result.left):
        found += email.find(text, *characters(text, span), True)
    assert sorted(found) == sorted(v for w in spans(windows) for v in email.find(text, *characters(text, w), True))


local = st.text("aZ9._%+'&~-", min_size=1, max_size=66)
label = st.text("aB7-", min_size=1, max_size=64)
domain = st.lists(
    st.one_of(label, st.sampled_from(["com", "CO", "png", "xn--p1ai", "2x", "1", "3"])), min_size=1, max_size=11
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["", "://", "://x:", "https://a.b/", " ", "("]),
    local,
    domain.map(".".join),
    st.text("a.(:/_- é5", max_size=3),
)
def test_addresses_of_any_shape(before: str, user: str, host: str, after: str) -> None:
    text = f"{before}{user}@{host}{after}"
    left, _, settled = sifted(text, EMAIL)
    if not left:
        whole = email.find(text, 0, len(text), True)
        assert settled == [text[a:b] for a, b in whole]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("at pinctrl@35004800 here", PHONE),
        ("size 0x12345678,", PHONE),
        ("row 1 2 345 678", PHONE),
        ("LilyPond 2.19.30 2.19.30", PHONE),
        ("on 30 12.05.2024", PHONE),
        ("pays 1.234.567.890", PHONE),
        ("x 7.1341335 5.2804896", PHONE),
        ("CVE-2018-12127", PHONE),
        ("server 10.0.0.7", IP),
        ("LilyPond:                          2.19.30.1", IP),
        ("256.1.1.1", IP),
        ("lib-91.22.33.44a", IP),
        ("0000000000000000", CARD),
        ("4111 1111 1111 1112", CARD),
        ("a..b@mail.fr", EMAIL),
        ("icon@image.png", EMAIL),
        ("https://user@host.net", EMAIL),
        ("q@k.transpose(0)", EMAIL),
    ],
)
def test_what_goes(text: str, kind: int) -> None:
    left, gone, settled = sifted(text, kind)
    assert left == settled == [] and len(gone) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tel 35004800", PHONE),
        ("☎\n3500 4800", PHONE),
        ("numéro 35004800", PHONE),
        ("06 12 34 56 78", PHONE),
        ("(06 12 34 56 78", PHONE),
        ("+33612345678", PHONE),
        ("020 7183 8750 x 12", PHONE),
        ("91.22.33.44", IP),
        ("ip 1.2.3.4", IP),
        ("1.2.3.4:80", IP),
        ("2a00:1450:4007:80e::200e", IP),
        ("4111 1111 1111 1111", CARD),
        ("4111\u00a01111\u00a01111\u00a01112", CARD),
        ("jürgen@mail.de", EMAIL),
        ("git@host.org:path", EMAIL),
    ],
)
def test_what_stays(text: str, kind: int) -> None:
    left, gone, settled = sifted(text, kind)
    assert len(left) == 1 and gone == settled == []


def test_private_addresses_stay_on_request() -> None:
    assert sifted("server 10.0.0.7", IP, private=True)[0] == ["10.0.0.7"]


def test_every_word_that_announces_a_number_is_known() -> None:
    """What the recognizer's regular expression takes for such a word in ASCII is in the list the rules have."""
    for word in phone.CALL_WORDS:
        text = f"x {word} 35004800" if word not in {"n", "no", "nr", "number", "numero"} else f"tel {word} 35004800"
        assert phone._CALLED.search(text, 0, text.index("3")), word
        assert sifted(text, PHONE)[0] == ["35004800"]
    alternatives = re.search(r"b\(\?:([^)]*(?:\)[^)]*)*?)\|t\|m\)", phone._CALLED.pattern.replace("\\", ""))
    assert alternatives
    words = re.sub(r"\[(.).\]", r"\1", alternatives[1]).replace("appel(?:er|ez)?", "appel|appeler|appelez").split("|")
    assert {word for word in words if word.isascii()} <= set(phone.CALL_WORDS)
    assert len(words) > 25


def test_the_scan_stops_wherever_it_must() -> None:
    """The wide comparison that finds the next stop lets none of the bytes out that the table stops at."""
    passed = {*range(0x30, 0x3B), 0x40, *range(0xD9, 0xE2), 0xEA, 0xEF, 0xF0}
    assert set(np.flatnonzero(byte_tables()[0]).tolist()) <= passed
    wide = [chr(point) for point in np.flatnonzero(char_table() & 1).tolist() if point >= 128]
    text = "".join(f"{'.' * 70}{digit}2345678{'.' * 70}\n" for digit in wide)
    assert windows_of(text, PHONE)[1].rows.size == len(wide) > 600


def test_no_window_goes_over_the_end_of_a_line() -> None:
    assert char_table()[ord("\n")] == 0
    assert byte_tables()[1][ord("\n")] == 0


lines = st.lists(st.one_of(texts, st.just("06 12 34 56 78"), st.just("a@b.fr")), max_size=6).map("\n".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(lines, min_size=1, max_size=4), st.data())
def test_lines_around_values_hold_the_windows_near_them(rows: list[str], data: st.DataObject) -> None:
    column = pa.array(["padding\n", *rows], pa.large_string())[1:]
    at, starts, ends = [], [], []
    for row, text in enumerate(rows):
        cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False):
            at.append(row)
            starts.append(len(text[:a].encode()))
            ends.append(len(text[:b].encode()))
    values = tuple(np.array(c, np.int64) for c in (at, starts, ends))
    national, lengths = np.ones(len(rows), np.bool_), length_table()
    whole = near(scan(column, ALL, national, lengths), *values)
    parts = near(scan(column, ALL, national, lengths, lines_around(column, *values)), *values)
    assert [c.tolist() for c in parts] == [c.tolist() for c in whole]
