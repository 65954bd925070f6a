"""Presidio: its recognizers of e-mail, phone, IP, IBAN and card on the full text, run by its `AnalyzerEngine`.

These are the recognizers that Tamis' `pii` stage runs behind its own scan with `presidio: true`, with the same phone
regions by language and the same least score; neither has a language model. The engine's `NoOpNlpEngine`, meant for
recognizers that need no words, finds the same as a blank spaCy pipeline in a third of the time. Less than Tamis: the
stage leaves out private addresses and test cards, replaces what it found, and lets no two findings overlap.

Offline: `EmailRecognizer` asks `tldextract`, which downloads the list of public suffixes; here it takes the list
that it carries. Presidio is slow, so only the first LIMIT bytes of documents are read; the notes tell how many they
are. One thread, whatever `--workers` says.
"""

from __future__ import annotations

import logging
from functools import partial
from importlib.metadata import version
from typing import Any

from protocol import Job, main

LIMIT = 10_000_000
LEAST_SCORE = 0.3
KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "payment_card",
    "ES_NIF": "es_dni",
    "ES_NIE": "es_nie",
    "IT_FISCAL_CODE": "it_codice_fiscale",
    "DE_TAX_ID": "de_steuer_id",
    "PL_PESEL": "pl_pesel",
}
REGIONS = {
    "en": ("GB", "US", "IE", "AU", "NZ"),
    "fr": ("FR", "BE", "CH", "CA"),
    "de": ("DE", "AT", "CH"),
    "es": ("ES", "MX", "CO"),
    "it": ("IT", "CH"),
    "pt": ("PT", "BR"),
    "nl": ("NL", "BE"),
    "code": ("ZZ",),
}
"""Tamis' regions; in source code only numbers with a country code, which `phonenumbers` calls ZZ."""


def analyzer(identity: bool = False) -> Any:
    """An engine with the five recognizers for each language, and source code as one more.

    `identity`: with those of identity numbers, too, each in its language; the Polish one in English.
    """
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
    )
    from tldextract import TLDExtract

    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    public_suffix = TLDExtract(cache_dir=None, suffix_list_urls=())

    class OfflineEmailRecognizer(EmailRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return public_suffix(pattern_text).fqdn != ""

    recognizers = []
    for language, regions in REGIONS.items():
        for kind in (OfflineEmailRecognizer, IpRecognizer, IbanRecognizer, CreditCardRecognizer):
            recognizers.append(kind(supported_language=language))
        recognizers.append(PhoneRecognizer(supported_language=language, supported_regions=regions))
    if identity:
        recognizers += _identity()
    engine = NoOpNlpEngine([{"lang_code": language, "model_name": "none"} for language in REGIONS])
    registry = RecognizerRegistry(recognizers, supported_languages=[*REGIONS])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[*REGIONS])


def _identity() -> list[Any]:
    """The recognizers of identity numbers that Presidio has for countries of the European Union."""
    from presidio_analyzer.predefined_recognizers import (
        DeTaxIdRecognizer,
        EsNieRecognizer,
        EsNifRecognizer,
        ItFiscalCodeRecognizer,
        PlPeselRecognizer,
    )

    return [
        EsNifRecognizer(supported_language="es"),
        EsNieRecognizer(supported_language="es"),
        ItFiscalCodeRecognizer(supported_language="it"),
        DeTaxIdRecognizer(supported_language="de"),
        PlPeselRecognizer(supported_language="en"),
    ]


def pii(job: Job, clean: bool = False, identity: bool = False) -> None:
    """What is found in the first documents; if `clean`, in those of them in which there is nothing."""
    engine = analyzer(identity)
    documents, size = [], 0
    for document in job.documents():
        size += len(document["text"].encode())
        documents.append(document)
        if size >= LIMIT:
            break
    # phonenumbers reads a region's data when it is first asked for.
    for language in REGIONS:
        engine.analyze("+33 1 02 03 04 05", language=language)

    def search(document: dict[str, Any]) -> list[tuple[str, int, int]]:
        results = engine.analyze(document["text"], language=document["language"], score_threshold=LEAST_SCORE)
        return sorted((KINDS[r.entity_type], r.start, r.end) for r in results)

    if clean:
        documents = [document for document in documents if not search(document)]
        size = sum(len(document["text"].encode()) for document in documents)
    with job.timed():
        found = [search(document) for document in documents]
    job.notes |= {"workers": 1, "bytes": size}
    job.write({"id": document["id"], "findings": of_one} for document, of_one in zip(documents, found, strict=True))


if __name__ == "__main__":
    main(
        version("presidio-analyzer"),
        {"pii_presidio": pii, "pii_clean": partial(pii, clean=True), "pii_kinds": partial(pii, identity=True)},
    )
