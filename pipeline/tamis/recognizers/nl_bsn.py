"""Dutch citizen service numbers (burgerservicenummer, BSN): nine digits that pass the "elfproef".

Weights 9 to 2 and -1; the sum is divisible by 11. One number of nine digits in 11 passes, so a word must stand near.
"""

from __future__ import annotations

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]


def valid(value: str) -> bool:
    """Whether nine digits pass the test."""
    return not value.startswith("00") and identity.weighted(value, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


SCHEME = identity.Scheme(
    identity.shape(r"[0-9]{9}|[0-9]{3}([ \u00a0\u202f.-])[0-9]{3}\2[0-9]{3}|[0-9]{4}([ .-])[0-9]{2}\3[0-9]{3}"),
    valid,
    identity.never,
    identity.words(
        r"b[.]?s[.]?n[.]?(?:[- ]?(?:nummer|nr)[.]?)?", "burger ?service ?nummer", r"so(?:ci|)fi[- ]?(?:nummer|nr)[.]?",
        "citizen service number",
    ),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
