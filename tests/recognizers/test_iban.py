from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recognizers import iban


def found(text: str) -> list[str]:
    return [text[a:b] for a, b in iban.find(text, 0, len(text))]


def valid(country: str, rest: str) -> str:
    """An IBAN with right check digits, worked out digit by digit."""
    number = 0
    for c in rest + country + "00":
        value = int(c) if c.isdigit() else ord(c) - 55
        number = (number * (100 if value > 9 else 10) + value) % 97
    return f"{country}{98 - number:02}{rest}"


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(iban.LENGTHS)))
    size = iban.LENGTHS[country] - 4
    return valid(country, draw(st.text(string.digits + string.ascii_uppercase, min_size=size, max_size=size)))


PUBLISHED = [
    "AT61 1904 3002 3457 3201", "BE68 5390 0754 7034", "CH93 0076 2011 6238 5295 7", "DE89 3704 0044 0532 0130 00",
    "ES91 2100 0418 4502 0005 1332", "FR14 2004 1010 0505 0001 3M02 606", "GB29 NWBK 6016 1331 9268 19",
    "IT60 X054 2811 1010 0000 0123 456", "NL91 ABNA 0417 1643 00", "NO93 8601 1117 947",
    "PT50 0002 0123 1234 5678 9015 4",
]  # fmt: skip
"""The example numbers of the ISO 13616 registry."""


@pytest.mark.parametrize("value", PUBLISHED)
def test_published_examples(value: str) -> None:
    for spelt in (value, value.replace(" ", ""), value.replace(" ", "\u00a0"), value.replace(" ", "-")):
        assert found(f"IBAN: {spelt}.") == [spelt]
        assert found(f"({spelt} BIC ABCD)") == [spelt]


@pytest.mark.parametrize(
    "text",
    [
        "DE88 3704 0044 0532 0130 00",  # wrong check digits
        "DE89 3704 0044 0532 0130", "DE89 3704 0044 0532 0130 0012", "XDE89370400440532013000",
        "DE89370400440532013000a", "de89370400440532013000", "ZZ89370400440532013000", "DE89  3704004405320130 00",
        "DE89/3704/0044/0532/0130/00", "FR12", "ISO 13616", "SHA256 B94D27B9934D3E08",
    ],
)  # fmt: skip
def test_not_ibans(text: str) -> None:
    assert found(text) == []


@settings(max_examples=100, deadline=None)
@given(ibans())
def test_every_country(value: str) -> None:
    assert found(value) == [] if iban.reserved(value) else [value]


@settings(max_examples=100, deadline=None)
@given(ibans(), st.integers(0, 2**64 - 1), st.booleans())
def test_fakes_keep_shape_and_check_digits(value: str, digest: int, spaced: bool) -> None:
    printed = " ".join(value[i : i + 4] for i in range(0, len(value), 4)) if spaced else value
    fake = iban.fake(printed, digest)
    assert len(fake) == len(printed)
    assert [c == " " for c in fake] == [c == " " for c in printed]
    plain = iban.canonical(fake)
    assert plain[:2] == value[:2] and valid(plain[:2], plain[4:]) == plain
    assert iban.reserved(fake) and found(fake) == []


def test_table_is_the_lengths() -> None:
    table = iban.length_table().reshape(26, 26)
    assert {chr(65 + a) + chr(65 + b): int(table[a, b]) for a, b in zip(*table.nonzero(), strict=True)} == iban.LENGTHS
