"""French social security numbers (NIR, "numéro de sécurité sociale"): 13 characters and a key of two digits.

Sex, year and month of birth, department (2A and 2B in Corsica), municipality, order; the key is 97 less the number
modulo 97, with 19 for 2A and 18 for 2B. In groups as on the card or as one block; without the key there is no
check, and it isn't taken. Months that stand for an unknown one (20, 30 to 42, 50 to 99) need a word nearby.
"""

from __future__ import annotations

import re

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]

_S = "[ \u00a0\u202f.-]?"
_CANONICAL = re.compile(r"([123478])[0-9]{2}([0-9]{2})([0-9]{2}|2[AB])[0-9]{6}([0-9]{2})")
_USUAL_MONTH = re.compile(r"[12][0-9]{2}(?:0[1-9]|1[0-2])")
_CORSICA = {"2A": "19", "2B": "18"}


def valid(value: str) -> bool:
    """Whether 15 characters have the parts and the key of a NIR."""
    match = _CANONICAL.fullmatch(value)
    if not match or match[3] == "00":
        return False
    month = int(match[2])
    if not (1 <= month <= 12 or month == 20 or 30 <= month <= 42 or month >= 50):
        return False
    body = value[:5] + _CORSICA.get(match[3], match[3]) + value[7:13]
    return 97 - int(body) % 97 == int(match[4])


SCHEME = identity.Scheme(
    identity.shape(f"[123478]{_S}[0-9]{{2}}{_S}[0-9]{{2}}{_S}(?:[0-9]{{2}}|2[ABab]){_S}[0-9]{{3}}{_S}[0-9]{{3}}"
                   f"(?:{_S}|/)[0-9]{{2}}"),
    valid,
    lambda value: _USUAL_MONTH.match(canonical(value)) is not None,
    identity.words(
        "nir", "nss", "insee", r"s[ée]cu(?:rit[ée])?(?: sociale)?", r"n[°o]\.? ?ss", "assur[ée]e?s?", "ameli", "cpam",
        "carte vitale", "social security", "immatricul(?:ation|é|ée)",
    ),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
