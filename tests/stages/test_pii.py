"""The pii stage: finds the same in windows as in whole texts, replaces it, and lets no value out."""

from __future__ import annotations

import logging
import socket
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.corpus.stage import SPANS
from tamis.errors import InputError
from tamis.kernels.edits import apply_edits
from tamis.recognizers import phone, spelt_email
from tamis.recognizers.kinds import FACTS, PRIORITY, modules
from tamis.stages.pii import STAGE, PiiConfig

VALUES = {
    "email": ["bob.dupont@mail.fr", "jürgen@müller.de", "x_y@host.co.uk", "jan (at) host.nl", "jo at x dot org"],
    "phone": [
        "06 12 34 56 78",
        "+33 (0)1 42 68 53 00",
        "0142685300",
        "01.42.68.53.01",
        "+49 30 22661234 ext. 12",
    ],
    "ip": ["85.214.132.117", "2a00:1450:4007:80e::200e", "ip 8.8.8.8"],
    "iban": ["DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606"],
    "payment_card": ["4111 1111 1111 1111", "378282246310005", "5500-0000-0000-0004"],
    "fr_nir": ["2 55 08 14 168 025 38", "255081416802538", "1 85 05 2A 004 123 56"],
    "es_dni": ["12345678Z", "12345678-Z"],
    "es_nie": ["X1234567L", "Y-1234567-X"],
    "it_codice_fiscale": ["RSSMRA85T10A562S", "RSS MRA 85T10 A562S"],
    "de_steuer_id": ["IdNr. 86095742719", "Steuer-ID 36 574 261 809"],
    "nl_bsn": ["BSN 111222333", "BSN: 1234.56.782"],
    "pt_nif": ["NIF 123456789", "contribuinte n.º 123 456 789"],
    "be_rijksregister": ["85.07.30-033.28", "17.07.30-033.84"],
    "pl_pesel": ["PESEL 44051401359"],
    "pl_nip": ["NIP 123-456-32-18"],
    "url_credentials": ["https://jo:s3cr3tPw@host.org/x"],
    "api_key": ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLE"],
    "private_key": [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq9wKdPz3x1vU8yTn5kQe2\nAb==\n-----END RSA PRIVATE KEY-----"
    ],
}
ALONE = {
    value: alone
    for value, alone in (
        ("ip 8.8.8.8", "8.8.8.8"), ("IdNr. 86095742719", "86095742719"), ("Steuer-ID 36 574 261 809", "36 574 261 809"),
        ("BSN 111222333", "111222333"), ("BSN: 1234.56.782", "1234.56.782"), ("NIF 123456789", "123456789"),
        ("contribuinte n.º 123 456 789", "123 456 789"), ("PESEL 44051401359", "44051401359"),
        ("NIP 123-456-32-18", "123-456-32-18"), ("https://jo:s3cr3tPw@host.org/x", "jo:s3cr3tPw"),
    )
}  # fmt: skip
"""The value in a piece of text, where that isn't all of it."""
NOISE = [
    "version 91.2.3.4", "2024-01-15 10:20:30", "12:30:45", "std::vector<int>", "@property", "icon@2x.png", "1 234,56",
    "ISBN 978-2-07-036024-5", "0.0612345678", "4111 1111 1111 1112", "https://user@host.net/x", "ext. 5", "12", "::",
    "DE89 3704", "1234567890123", "2024-05-11 10", "123456.789012", "tel ", "mobile: n° ", "6502530000",
    "2024-1-", " dot com", "(at)", " [dot] ", "tw", "12345678", "123456782",
    "BSN", "NIF", "PESEL", "85.07.30-033.29", "RSSMRA85T10A562T", "ghp_", "-----END RSA PRIVATE KEY-----", "://u:p",
    "été", "中文", "👩‍👩‍👧", ", ", "\n", " / ", "(", ")", "+", "-", ":", ".", "@", "a",
]  # fmt: skip
pieces = st.sampled_from([v for values in VALUES.values() for v in values] + NOISE * 2)
documents = st.lists(st.tuples(pieces, st.sampled_from([" ", " ", " ", "", "\n", ", "])).map("".join), max_size=12).map(
    "".join
)


def batch(texts: list[str], language: str | None = "fr") -> pa.RecordBatch:
    ids = [f"doc-{i}" for i in range(len(texts))]
    columns = [
        pa.array(texts, pa.large_string()),
        pa.array([language] * len(texts), pa.string()),
        pa.array(ids, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["text", "language", "id"])


def measure(texts: list[str], language: str | None = "fr", **options: Any) -> pa.RecordBatch:
    return STAGE.prepare(PiiConfig(**options), {})(batch(texts, language))


def released(texts: list[str], language: str | None = "fr", **options: Any) -> list[str]:
    given = batch(texts, language)
    return apply_edits(given.column("text"), measure(texts, language, **options).column("spans")).to_pylist()


def found(text: str, language: str | None = "fr", **options: Any) -> list[tuple[str, str]]:
    """(kind, value) of every finding in one text."""
    spans = measure([text], language, **options).column("spans")[0].as_py()
    return [(s["kind"], text.encode()[s["start"] : s["end"]].decode()) for s in spans]


def found_in_the_whole(text: str, language: str) -> list[tuple[str, str]]:
    """The recognizers over the whole text, overlaps by kind, again and again on what is left."""
    options: dict[str, tuple[Any, ...]] = {
        "ip": (False, True), "phone": (phone.REGIONS[language], True), "email": (True,), "iban": (True,),
        "url_credentials": (True,), "api_key": (True,), "private_key": (True,),
    }  # fmt: skip
    spans: list[tuple[int, int, str]] = []
    left, known = text, -1
    while known < len(spans):
        known = len(spans)
        for kind in PRIORITY:
            here = modules()[kind].find(left, 0, len(left), *options.get(kind, ()))
            if kind == "email":
                here = sorted(here) + sorted(spelt_email.find(left, 0, len(left), True))
            for a, b in here:
                if all(b <= c or d <= a for c, d, _ in spans):
                    spans.append((a, b, kind))
        for a, b, _ in spans:
            left = left[:a] + "<" + "=" * (b - a - 2) + ">" + left[b:]
    return [(kind, text[a:b]) for a, b, kind in sorted(spans)]


@settings(max_examples=100, deadline=None)
@given(documents, st.sampled_from(["fr", "en", "de"]))
def test_windows_hold_what_the_whole_text_holds(text: str, language: str) -> None:
    assert found(text, language) == found_in_the_whole(text, language)


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_every_kind_is_found_counted_and_replaced(kind: str) -> None:
    texts = [f"Voici : {value}, merci — été." for value in VALUES[kind]]
    result = measure(texts)
    assert result.column(kind).to_pylist() == [1] * len(texts)
    assert result.column("found").to_pylist() == [1] * len(texts)
    tag = FACTS[kind].tag  # type: ignore[index]
    expected = [value.replace(ALONE.get(value, value), tag) for value in VALUES[kind]]
    assert released(texts) == [f"Voici : {value}, merci — été." for value in expected]
    others = tuple(k for k in VALUES if k != kind)
    assert kind not in {k for text in texts for k, _ in found(text, kinds=others)}


@pytest.mark.parametrize("noise", NOISE)
def test_noise_holds_nothing(noise: str) -> None:
    assert found(f"Ici {noise} là") == []


def test_overlaps_go_by_kind() -> None:
    assert found("0612345678@mail.fr") == [("email", "0612345678@mail.fr")]
    assert found("BE68 5390 0754 7034") == [("iban", "BE68 5390 0754 7034")]
    assert found("a@b.fr@c.fr") == [("email", "a@b.fr")]


def test_a_value_behind_another_one_is_found() -> None:
    text = "DE89 3704 0044 0532 0130 00 06 12 34 56 78 4111 1111 1111 1111"
    assert [kind for kind, _ in found(text)] == ["iban", "phone", "payment_card"]
    assert released(["", f"été {text}", "x"])[1] == "été <IBAN> <PHONE_NUMBER> <PAYMENT_CARD>"


def test_columns() -> None:
    result = measure(["06 12 34 56 78", "", "x"])
    assert result.schema.names == ["found", *FACTS, "spans"]
    assert set(PRIORITY) == set(FACTS) == set(VALUES)
    assert result.schema.field("spans").type == SPANS
    assert all(result.schema.field(c.name).type == c.type for c in STAGE.adds)
    assert result.column("spans").to_pylist() == [
        [{"start": 0, "end": 14, "replacement": "<PHONE_NUMBER>", "kind": "phone"}], [], []
    ]  # fmt: skip
    empty = measure([])
    assert empty.num_rows == 0 and empty.schema == result.schema


@settings(max_examples=30, deadline=None)
@given(st.lists(documents, max_size=4), st.integers(0, 4))
def test_rows_are_independent(texts: list[str], cut: int) -> None:
    given, prepared = batch(texts), STAGE.prepare(PiiConfig(replacement="fake"), {})
    whole = prepared(given).to_pylist()
    assert prepared(given[:cut]).to_pylist() + prepared(given[cut:]).to_pylist() == whole
    assert prepared(given).to_pylist() == whole


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=12).map(" ".join), st.sampled_from(["fr", "en", "de", "es", None]))
@example("BSN 111222333 bob.dupont@mail.fr bob.dupont@mail.fr 123456782", "fr")
def test_a_second_run_over_tags_finds_nothing(text: str, language: str | None) -> None:
    """Where values stand apart: the end of a tag may make a word of letters that were glued to a value.

    Values that need a word near them are left out: a tag shorter than its value may bring a far word near.
    """
    again = found(released([text], language)[0], language)
    assert [(kind, value) for kind, value in again if found(value, language)] == []


@pytest.mark.parametrize("replacement", ["tag", "fake"])
@pytest.mark.parametrize("language", ["fr", "en", "de", "es", "it", "pt", "nl", None])
def test_a_second_run_finds_nothing(replacement: str, language: str | None) -> None:
    texts = [f"Voici : {value}, merci." for values in VALUES.values() for value in values]
    for seed in range(5):
        once = released(texts, language, replacement=replacement, seed=seed)
        assert once != texts
        again = measure(once, language, replacement=replacement, seed=seed)
        assert again.column("found").to_pylist() == [0] * len(texts)


def test_fakes_are_the_same_for_the_same_value_in_the_same_document() -> None:
    text = "06 12 34 56 78; +33 6 12 34 56 78; bob@mail.fr; BOB@mail.fr; eva@mail.fr"
    first, second = released([text, text], replacement="fake")
    national, abroad, bob, bob_again, eva = first.split("; ")
    assert abroad == "+33 " + national[1:]
    assert bob == bob_again != eva
    assert second != first
    assert released([text, text], replacement="fake") == [first, second]
    assert released([text], replacement="fake", seed=1) != [first]
    assert "mail.fr" not in first + second


def test_regions_follow_the_language() -> None:
    german, french, spanish = "030/22661234", "01 42 68 53 00", "612 34 56 78"
    assert found(german, "de") and found(french, "fr-CA") and found(spanish, "es")
    assert not found(spanish, "de") and not found(french, "code") and not found(french, None)
    assert found("+33 1 42 68 53 00", None) and found("+33 1 42 68 53 00", "code")
    assert found(french, "de", phone_regions={"de": ("FR",)})
    assert not found(german, "de", phone_regions={"de": ("FR",)})
    for unknown in ("xx", None):
        assert found(french, unknown, phone_regions={"*": ("FR",)})
    assert not found(french, "code", phone_regions={"*": ("FR",)})
    assert found(french, "code", phone_regions={"code": ("FR",)})


def test_private_addresses_on_request() -> None:
    assert found("192.168.100.1") == []
    assert found("192.168.100.1", private_ips=True) == [("ip", "192.168.100.1")]


def test_own_tags() -> None:
    assert released(["bob@mail.fr 06 12 34 56 78"], tags={"email": "<email>"}) == ["<email> <PHONE_NUMBER>"]


@pytest.mark.parametrize(
    "options",
    [
        {"kinds": ()},
        {"kinds": ("passport",)},
        {"replacement": "hash"},
        {"tags": {"passport": "x"}},
        {"seed": -1},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PiiConfig(**options)


def test_an_unknown_region_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="no phone region is called 'UK'"):
        PiiConfig(phone_regions={"en": ("UK",)})


def test_no_value_leaves_the_stage(caplog: pytest.LogCaptureFixture) -> None:
    values = [v for values in VALUES.values() for v in values]
    with caplog.at_level(logging.DEBUG):
        for options in ({}, {"replacement": "fake"}):
            seen = str(measure([f"x {v} y" for v in values], **options).to_pylist())
            assert not [v for v in values if v in seen]
    assert not [v for v in values if v in caplog.text]


def test_many_findings_in_one_long_text() -> None:
    text = "é bob@mail.fr, 06 12 34 56 78. " * 3000
    result = measure([text])
    assert result.column("found").to_pylist() == [6000]
    assert released([text]) == ["é <EMAIL>, <PHONE_NUMBER>. " * 3000]


def test_presidio_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer.predefined_recognizers", None)
    with pytest.raises(InputError, match=r"tamis\[presidio\]"):
        STAGE.prepare(PiiConfig(presidio=True), {})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_presidio_on_the_windows(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("presidio_analyzer")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with caplog.at_level(logging.DEBUG):
        for kind, values in VALUES.items():
            for value in values:
                assert found(f"Voici : {value}, merci.", presidio=True) in (
                    [(kind, value)],
                    [(kind, ALONE.get(value, value))],
                )
    assert not [v for values in VALUES.values() for v in values if v in caplog.text]
    assert found("bob@nowhere.notadomain", presidio=True) == []
    assert found("10.0.0.1 bob@example.org 01 99 00 12 34", presidio=True, reserved=False) == []
    five = ("email", "phone", "ip", "iban", "payment_card")
    options: dict[str, Any] = {"presidio": True, "replacement": "fake", "kinds": five}
    once = released([v for kind in five for v in VALUES[kind]], **options)
    assert measure(once, **options).column("found").to_pylist() == [0] * len(once)


RESERVED = [
    ("email", "bob@example.org"),
    ("ip", "203.0.113.77"),
    ("ip", "2001:db8::17"),
    ("phone", "01 99 00 12 34"),
    ("phone", "+33 1 99 00 12 34"),
]


@pytest.mark.parametrize(("kind", "value"), RESERVED)
def test_values_set_aside_for_documentation(kind: str, value: str) -> None:
    text = f"Voici : {value}, merci."
    assert found(text) == [(kind, value)]
    assert found(text, reserved=False) == []
    # A fake is such a value, so it must not be faked again.
    assert found(text, replacement="fake") == []
