from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recognizers import phone


def found(text: str, language: str | None = "fr") -> list[str]:
    regions = phone.REGIONS[language] if language else ()
    return [text[a:b] for a, b in phone.find(text, 0, len(text), regions)]


@pytest.mark.parametrize(
    ("text", "language", "numbers"),
    [
        ("Tél. : 01 42 68 53 00", "fr", ["01 42 68 53 00"]),
        ("0142685300, 01.42.68.53.01 et 01-42-68-53-02", "fr", ["0142685300", "01.42.68.53.01", "01-42-68-53-02"]),
        ("(01 42 68 53 00)", "fr", ["01 42 68 53 00"]),
        ("01 42 68 53 00 / 06 12 34 56 78", "fr", ["01 42 68 53 00", "06 12 34 56 78"]),
        ("01 42 68 53 00 - 06 12 34 56 78", "fr", ["01 42 68 53 00", "06 12 34 56 78"]),
        ("0033 1 42 68 53 00 et +33 (0)1 42 68 53 01", "fr", ["0033 1 42 68 53 00", "+33 (0)1 42 68 53 01"]),
        ("(030) 2266 0 und 030/22661234", "de", ["(030) 2266 0", "030/22661234"]),
        ("0664 1234567, 044 668 18 00", "de", ["0664 1234567", "044 668 18 00"]),
        ("020 7183 8750 or (650) 253-0000 ext. 12", "en", ["020 7183 8750", "(650) 253-0000 ext. 12"]),
        ("call 6502530000 now", "en", ["6502530000"]),
        ("612 34 56 78 / 91 234 56 78", "es", ["612 34 56 78", "91 234 56 78"]),
        ("tel 612.345.678", "es", ["612.345.678"]),
        ("06 6982 1234 e 347 123 4567", "it", ["06 6982 1234", "347 123 4567"]),
        ("212 345 678 e (11) 96123-4567", "pt", ["212 345 678", "(11) 96123-4567"]),
        ("020-1234567", "nl", ["020-1234567"]),
        ("+33 6 12 34 56 78, +1-650-253-0000, ＋４９ ３０ ２２６６１２３４", None,
         ["+33 6 12 34 56 78", "+1-650-253-0000", "＋４９ ３０ ２２６６１２３４"]),
        ("tel:+442071838750", None, ["+442071838750"]),
    ],
)  # fmt: skip
def test_numbers(text: str, language: str | None, numbers: list[str]) -> None:
    assert found(text, language) == numbers


HARD = [
    "1234567890", "order 5551234567", "ISBN 0-306-40615-2", "ISBN: 978-2-07-036024-5", "2-07-036024-4",
    "isbn 0306406152", "2024-01-15 10:20:30", "03.05.2024", "03.05.2024 - 05.06.2024", "12/05/2024", "20240115",
    "192.168.100.200", "0.0612345678", "12,0612345678", "3.14159265358979", "1700000000", "1.234.567.890",
    "12 345 678,90", "550e8400-e29b-41d4-a716-446655440000", "deadbeef0612345678", "0612345678abc",
    "x_0612345678", "061234567890123456789012345", "09:26:01 2009 -0500", "gcc (12-20220302-1", "MA 02110-1301",
    "v0612345678", "lib-2022-10/0097", "94.244 325.18", "$0612345678", "12:30:45", "6 7 8 9 0 1 2 3 4 5", "-0612345678",
]  # fmt: skip


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("language", ["fr", "en", "de", "es"])
def test_not_numbers(text: str, language: str) -> None:
    assert found(text, language) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [("01 99 00 12 34", "fr"), ("(202) 555-0143", "en"), ("+44 1632 960123", "fr"), ("030 23125 123", "de")],
)
def test_numbers_of_fiction_are_nobodys(text: str, language: str) -> None:
    assert found(text, language) == []
    assert phone.reserved(text, phone.REGIONS[language])


def test_source_code_has_no_national_numbers() -> None:
    assert found("x = [01 42 68 53 00, 0142685300, 650-253-0000]", None) == []


digits = st.text("0123456789", min_size=1, max_size=12)
joints = st.sampled_from(
    [" ", "", "-", ".", "/", " - ", " (", ") ", "(", ")", "x", " ext. ", "~", "\u00a0", ", ", "\n"]
)
starts = st.sampled_from(["", "+33 ", "+1 ", "0", "00", "06 ", "01 4", "(0", "020 7", "650 253 ", "+", "tel ", "0800 "])
messy = st.lists(st.tuples(starts, digits, joints).map("".join), max_size=6).map("".join)


@st.composite
def printed(draw: st.DrawFn) -> str:
    """Example numbers of many countries as people write them."""
    region = draw(st.sampled_from(sorted({r for regions in phone.REGIONS.values() for r in regions})))
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]))
    number = phonenumbers.example_number_for_type(region, kind)
    style = draw(
        st.sampled_from([phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL])
    )
    return phonenumbers.format_number(number, style)


@settings(max_examples=100, deadline=None)
@given(st.one_of(messy, st.lists(st.one_of(printed(), messy), max_size=3).map(" ; ".join)), st.data())
def test_the_quick_refusal_loses_nothing(text: str, data: st.DataObject) -> None:
    """With the regular expressions of the plans out of the way, the matcher finds the same."""
    regions = phone.REGIONS[data.draw(st.sampled_from(["fr", "en", "de", "es", "it", "nl"]))]
    quick = phone.find(text, 0, len(text), regions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phone, "_promising", lambda text, start, end, regions: list(regions))
        assert phone.find(text, 0, len(text), regions) == quick


@settings(max_examples=100, deadline=None)
@given(messy, st.sampled_from(["fr", "en", "de", "es", None]))
def test_only_what_the_matcher_accepts(text: str, language: str | None) -> None:
    regions = phone.REGIONS[language] if language else ()
    accepted = {
        text[m.start : m.end].lstrip("([")
        for region in (*regions, None)
        for m in phonenumbers.PhoneNumberMatcher(text, region)
    }
    for a, b in phone.find(text, 0, len(text), regions):
        assert text[a:b].lstrip("([") in accepted


@pytest.mark.parametrize("language", sorted(phone.REGIONS))
def test_examples_of_every_region(language: str) -> None:
    """The library's example number of every region is found in both spellings, and its fake is not."""
    regions = phone.REGIONS[language]
    for region in regions:
        number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        for style in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
            value = phonenumbers.format_number(number, style)
            text = f"Tel. {value}, "
            if phone.reserved(value, regions) or sum(c.isdigit() for c in value) < 8:
                continue
            assert [text[a:b] for a, b in phone.find(text, 0, len(text), regions)] == [value]
            for digest in (0, 12345678901234567890, 2**64 - 1):
                fake = f"Tel. {phone.fake(value, digest, regions)}, "
                assert phone.find(fake, 0, len(fake), regions) == []


def test_fakes_are_reserved_numbers() -> None:
    fr, en, de = phone.REGIONS["fr"], phone.REGIONS["en"], phone.REGIONS["de"]
    assert phone.fake("06 12 34 56 78", 0, fr) == "01 99 00 00 00"
    assert phone.fake("+33 6 12 34 56 78", 1, fr) == "+33 2 61 91 00 00"
    assert phone.fake("020 7183 8750", 2, en) == "01632 960001"
    assert phone.fake("650-253-0000", 43, en) == "202-555-0143"
    assert phone.fake("030 22661234", 5, de) == "030 23125001"
    assert phone.fake("612 34 56 78", 4321, phone.REGIONS["es"]) == "000 00 43 21"
    assert phone.fake("+34 612 34 56 78", 4321, phone.REGIONS["es"]) == "+34 000 00 43 21"
    for digest in range(40):
        for value, regions in (("06 12 34 56 78", fr), ("+44 20 7183 8750", en), ("030 22661234", de)):
            assert phone.reserved(phone.fake(value, digest, regions), regions)


def test_spellings_share_a_canonical_form() -> None:
    fr = phone.REGIONS["fr"]
    forms = {phone.canonical(v, fr) for v in ("06 12 34 56 78", "0612345678", "+33 (0)6.12.34.56.78", "0033612345678")}
    assert forms == {"+33612345678"}
    assert phone.canonical("12-34") == "1234"


@settings(max_examples=100, deadline=None)
@given(st.one_of(messy, st.lists(st.one_of(printed(), messy), max_size=3).map(" ; ".join)), st.data())
def test_presidio_finds_the_same_without_the_regions_that_refuse(text: str, data: st.DataObject) -> None:
    pytest.importorskip("presidio_analyzer")
    from tamis.recognizers import presidio

    find = presidio.load()["phone"]
    regions = phone.REGIONS[data.draw(st.sampled_from(["fr", "en", "de", "es", "it", "nl"]))]
    quick = find(text, 0, len(text), regions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presidio, "possible_regions", lambda text, start, end, regions: regions)
        assert find(text, 0, len(text), regions) == quick
