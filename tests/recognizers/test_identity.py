"""Identity numbers: published examples, wrong check digits, words nearby, fakes."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recognizers import (
    be_rijksregister,
    de_steuer_id,
    es_dni,
    es_nie,
    fr_nir,
    identity,
    it_codice_fiscale,
    nl_bsn,
    pl_nip,
    pl_pesel,
    pt_nif,
)

SCHEMES: dict[str, ModuleType] = {
    "fr_nir": fr_nir, "es_dni": es_dni, "es_nie": es_nie, "it_codice_fiscale": it_codice_fiscale,
    "de_steuer_id": de_steuer_id, "nl_bsn": nl_bsn, "pt_nif": pt_nif, "be_rijksregister": be_rijksregister,
    "pl_pesel": pl_pesel, "pl_nip": pl_nip,
}  # fmt: skip
PUBLISHED = [
    # Wikipedia, "Numéro de sécurité sociale en France": the worked example.
    ("fr_nir", "2 55 08 14 168 025 38"),
    # python-stdnum, documentation of stdnum.fr.nir.
    ("fr_nir", "2 95 10 99 126 111 93"),
    # Ministerio del Interior, "Cálculo del dígito de control del NIF/NIE": the number of the specimen cards.
    ("es_dni", "12345678Z"),
    ("es_nie", "X1234567L"),
    # python-stdnum, documentation of stdnum.es.dni and stdnum.es.nie.
    ("es_dni", "54362315K"),
    ("es_nie", "X-2482300W"),
    # Wikipedia, "Codice fiscale": Mario Rossi and Matteo Moretti.
    ("it_codice_fiscale", "RSSMRA85T10A562S"),
    ("it_codice_fiscale", "MRTMTT25D09F205Z"),
    # Bundeszentralamt für Steuern, test numbers of the IdNr interface; python-stdnum, stdnum.de.idnr.
    ("de_steuer_id", "86095742719"),
    ("de_steuer_id", "47036892816"),
    ("de_steuer_id", "65929970489"),
    ("de_steuer_id", "36 574 261 809"),
    # Rijksdienst voor Identiteitsgegevens, test numbers; python-stdnum, stdnum.nl.bsn.
    ("nl_bsn", "111222333"),
    ("nl_bsn", "123456782"),
    ("nl_bsn", "1112.22.333"),
    # Wikipedia, "Número de identificação fiscal": 123456789 passes.
    ("pt_nif", "123456789"),
    # Wikipedia, "Rijksregisternummer": births before and since 2000.
    ("be_rijksregister", "85.07.30-033.28"),
    ("be_rijksregister", "17.07.30-033.84"),
    # Wikipedia, "PESEL"; Ministerstwo Cyfryzacji, gov.pl, "Czym jest numer PESEL".
    ("pl_pesel", "44051401359"),
    ("pl_pesel", "44051401458"),
    ("pl_pesel", "02070803628"),
    # Wikipedia, "Numer identyfikacji podatkowej"; python-stdnum, stdnum.pl.nip.
    ("pl_nip", "123-456-32-18"),
    ("pl_nip", "8567346215"),
]
"""Numbers that authorities and encyclopaedias print as examples."""
WORDS = {
    "fr_nir": "n° de sécurité sociale", "es_dni": "DNI", "es_nie": "N.I.E.", "it_codice_fiscale": "codice fiscale",
    "de_steuer_id": "Steuer-ID", "nl_bsn": "burgerservicenummer", "pt_nif": "n.º de contribuinte",
    "be_rijksregister": "numéro national", "pl_pesel": "PESEL", "pl_nip": "NIP",
}  # fmt: skip
SURE = {"fr_nir", "es_dni", "es_nie", "it_codice_fiscale"}


def found(kind: str, text: str) -> list[str]:
    return [text[a:b] for a, b in SCHEMES[kind].find(text, 0, len(text))]


@pytest.mark.parametrize(("kind", "value"), PUBLISHED)
def test_published_examples(kind: str, value: str) -> None:
    assert found(kind, f"{WORDS[kind]} : {value}, etc.") == [value]
    assert found(kind, f"({value}) {WORDS[kind]}") == [value]
    plain = identity.canonical(value)
    assert found(kind, f"{WORDS[kind]}: {plain}.") == [plain]
    for neighbour in "aé_7":
        assert found(kind, f"{WORDS[kind]} {neighbour}{value}") == []
        assert found(kind, f"{WORDS[kind]} {value}{neighbour}") == []


@pytest.mark.parametrize(("kind", "value"), PUBLISHED)
def test_any_other_check_digit_is_wrong(kind: str, value: str) -> None:
    plain = identity.canonical(value)
    others = "0123456789" if plain[-1].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    # Two check digits modulo 97 and the two centuries of Belgium: not one digit alone.
    right = [c for c in others if found(kind, f"{WORDS[kind]} {plain[:-1]}{c}")]
    assert right == [plain[-1]]


@pytest.mark.parametrize(("kind", "value"), PUBLISHED)
def test_words_are_asked_for_where_the_check_is_weak(kind: str, value: str) -> None:
    sure = kind in SURE or value.count(".") > 2
    assert found(kind, f"La valeur {value} ici.") == ([value] if sure else [])
    assert found(kind, f"{WORDS[kind]}{' ' * 60}{value}") == ([value] if sure else [])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("fr_nir", "NIR 3 55 13 14 168 025 38"),
        ("fr_nir", "NIR 2 55 08 14 168 025"),
        ("es_dni", "ref 12345678z and 12345678 Z"),
        ("es_dni", "00001234-L"),
        ("de_steuer_id", "Steuer-ID 11111111111, 12345678903, 01234567890"),
        ("nl_bsn", "BSN 000000000"),
        ("pt_nif", "NIF 501964843"),
        ("be_rijksregister", "85.13.30-033.28"),
        ("pl_pesel", "PESEL 00000000000"),
        ("it_codice_fiscale", "RSSMRA85T99A562S, ABCDEFGHIJKLMNOP"),
    ],
)
def test_not_identity_numbers(kind: str, text: str) -> None:
    assert found(kind, text) == []


def test_corsica() -> None:
    # 97 - 1850519004123 % 97 and 97 - 1850518004123 % 97: 19 for 2A, 18 for 2B.
    assert found("fr_nir", "1 85 05 2A 004 123 56") == ["1 85 05 2A 004 123 56"]
    assert found("fr_nir", f"18505 2b004123{97 - 1850518004123 % 97:02}".replace(" ", "")) != []


def test_omocodia() -> None:
    """Digits give way to letters from the right; the control letter is that of the new code."""
    code = "RSSMRA85T10A56N"
    assert found("it_codice_fiscale", code + it_codice_fiscale.control_letter(code)) != []
    assert found("it_codice_fiscale", "rssmra85t10a562s") == ["rssmra85t10a562s"]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PUBLISHED), st.integers(0, 2**64 - 1))
def test_fakes_are_nobodys(example: tuple[str, str], digest: int) -> None:
    kind, value = example
    module = SCHEMES[kind]
    fake = module.fake(value, digest)
    assert fake != value and [c.isalnum() for c in fake] == [c.isalnum() for c in value]
    assert module.reserved(fake) and not module.reserved(value)
    for other in SCHEMES:
        assert found(other, f"{WORDS[kind]} {WORDS[other]} {fake}") == []
