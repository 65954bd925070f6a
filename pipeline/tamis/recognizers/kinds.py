"""The kinds of personal data and secrets: their names, tags, meanings, and what the scans call their windows."""

from __future__ import annotations

from types import ModuleType
from typing import Literal, NamedTuple

Kind = Literal[
    "email", "phone", "ip", "iban", "payment_card",
    "fr_nir", "es_dni", "es_nie", "it_codice_fiscale", "de_steuer_id", "nl_bsn", "pt_nif", "be_rijksregister",
    "pl_pesel", "pl_nip",
    "url_credentials", "api_key", "private_key",
]  # fmt: skip


class Facts(NamedTuple):
    """What there is to say of a kind."""

    tag: str
    """What takes the place of a value."""
    meaning: str


FACTS: dict[Kind, Facts] = {
    "email": Facts("<EMAIL>", "e-mail addresses, spelt ones (name at host dot org), too"),
    "phone": Facts("<PHONE_NUMBER>", "phone numbers"),
    "ip": Facts("<IP_ADDRESS>", "IP addresses, version 4 and 6"),
    "iban": Facts("<IBAN>", "international bank account numbers"),
    "payment_card": Facts("<PAYMENT_CARD>", "payment card numbers"),
    "fr_nir": Facts("<FR_NIR>", "French social security numbers"),
    "es_dni": Facts("<ES_DNI>", "Spanish identity numbers of citizens"),
    "es_nie": Facts("<ES_NIE>", "Spanish identity numbers of foreigners"),
    "it_codice_fiscale": Facts("<IT_CODICE_FISCALE>", "Italian tax codes of persons"),
    "de_steuer_id": Facts("<DE_STEUER_ID>", "German tax numbers of persons"),
    "nl_bsn": Facts("<NL_BSN>", "Dutch citizen service numbers"),
    "pt_nif": Facts("<PT_NIF>", "Portuguese tax numbers of persons"),
    "be_rijksregister": Facts("<BE_RIJKSREGISTER>", "Belgian national register numbers"),
    "pl_pesel": Facts("<PL_PESEL>", "Polish identity numbers"),
    "pl_nip": Facts("<PL_NIP>", "Polish tax numbers"),
    "url_credentials": Facts("<CREDENTIALS>", "users with passwords in URLs"),
    "api_key": Facts("<API_KEY>", "API keys and access tokens"),
    "private_key": Facts("<PRIVATE_KEY>", "private keys, whole blocks"),
}
PRIORITY: tuple[Kind, ...] = (
    "private_key", "url_credentials", "email", "api_key", "iban", "it_codice_fiscale", "fr_nir", "es_dni", "es_nie",
    "be_rijksregister", "de_steuer_id", "pl_pesel", "pl_nip", "nl_bsn", "pt_nif", "payment_card", "ip", "phone",
)  # fmt: skip
"""Where two kinds overlap, the one with the harder test stays: check digits and words nearby before mere shape."""


def modules() -> dict[Kind, ModuleType]:
    """The recognizer of every kind; `spelt_email` is another one for e-mail addresses."""
    from tamis.recognizers import (
        api_key,
        be_rijksregister,
        de_steuer_id,
        email,
        es_dni,
        es_nie,
        fr_nir,
        iban,
        ip_address,
        it_codice_fiscale,
        nl_bsn,
        payment_card,
        phone,
        pl_nip,
        pl_pesel,
        private_key,
        pt_nif,
        url_credentials,
    )

    return {
        "email": email, "phone": phone, "ip": ip_address, "iban": iban, "payment_card": payment_card,
        "fr_nir": fr_nir, "es_dni": es_dni, "es_nie": es_nie, "it_codice_fiscale": it_codice_fiscale,
        "de_steuer_id": de_steuer_id, "nl_bsn": nl_bsn, "pt_nif": pt_nif, "be_rijksregister": be_rijksregister,
        "pl_pesel": pl_pesel, "pl_nip": pl_nip,
        "url_credentials": url_credentials, "api_key": api_key, "private_key": private_key,
    }  # fmt: skip
