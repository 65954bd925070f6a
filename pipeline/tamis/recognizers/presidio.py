"""Presidio's own pattern recognizers, run on the windows of the candidate scan.

The recognizer classes are used directly: no analyzer engine, no language model, no context words, no network.
`EmailRecognizer` asks `tldextract` for the public suffix of a domain, which downloads a list on first use;
here the list that `tldextract` carries is used instead.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from tamis.errors import InputError
from tamis.recognizers.phone import may_be_international, possible_regions

Find = Callable[[str, int, int, tuple[str, ...]], list[tuple[int, int]]]
"""`find(text, start, end, phone_regions)`: character positions of what begins in text[start:end]."""

_MIN_SCORE = 0.3
"""Presidio's score of a weak pattern; below it is the bare "::" alone (0.1)."""
_PLUS_ONLY = ("ZZ",)
"""The region code by which `phonenumbers` means "none": numbers with a '+' only."""


def load() -> dict[str, Find]:
    """Presidio's recognizers by kind of personal data.

    Raises:
        InputError: the `presidio-analyzer` package isn't installed.
    """
    try:
        from presidio_analyzer.predefined_recognizers import (
            CreditCardRecognizer,
            EmailRecognizer,
            IbanRecognizer,
            IpRecognizer,
            PhoneRecognizer,
        )
        from tldextract import TLDExtract
    except ImportError as error:
        raise InputError(
            "`presidio: true` needs the package presidio-analyzer, which isn't installed. "
            "Run: pip install 'tamis[presidio]', or take `presidio: true` out of the recipe."
        ) from error
    # Presidio logs the text that a validator fails on.
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    public_suffix = TLDExtract(cache_dir=None, suffix_list_urls=())

    class OfflineEmailRecognizer(EmailRecognizer):
        """Presidio's recognizer with the list of public suffixes that is installed."""

        def validate_result(self, pattern_text: str) -> bool:
            return bool(public_suffix(pattern_text).fqdn)

    phones = functools.cache(lambda regions: PhoneRecognizer(supported_regions=regions or _PLUS_ONLY))
    email, ip, iban, card = OfflineEmailRecognizer(), IpRecognizer(), IbanRecognizer(), CreditCardRecognizer()
    return {
        "email": lambda text, start, end, _: _found(email, text, start, end),
        "phone": lambda text, start, end, regions: _phones(phones, text, start, end, regions),
        "ip": lambda text, start, end, _: _found(ip, text, start, end),
        "iban": lambda text, start, end, _: _found(iban, text, start, end),
        "payment_card": lambda text, start, end, _: _found(card, text, start, end),
    }


def _phones(
    recognizer_of: Callable[[tuple[str, ...]], Any], text: str, start: int, end: int, regions: tuple[str, ...]
) -> list[tuple[int, int]]:
    """What Presidio finds by the plans of these regions; a region whose plan refuses all digits isn't tried."""
    possible = possible_regions(text, start, end, regions)
    if not possible and not may_be_international(text, start, end):
        return []
    return _found(recognizer_of(possible), text, start, end)


def _found(recognizer: Any, text: str, start: int, end: int) -> list[tuple[int, int]]:
    """What a recognizer finds that begins in text[start:end], disjoint: the surest, then the longest first."""
    results = recognizer.analyze(text, recognizer.supported_entities, None)
    found: list[tuple[int, int]] = []
    for result in sorted(results, key=lambda r: (-r.score, r.start - r.end, r.start)):
        apart = all(result.end <= a or b <= result.start for a, b in found)
        if result.score >= _MIN_SCORE and start <= result.start < end and apart:
            found.append((result.start, result.end))
    return sorted(found)
