"""Polish tax numbers (NIP), of persons and companies alike: ten digits, weights 6 5 7 2 3 4 5 6 7, modulo 11.

One number of ten digits in 11 passes, so the word must stand near.
"""

from __future__ import annotations

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]


def valid(value: str) -> bool:
    """Whether ten digits begin as a tax office's and have the right check digit."""
    return "0" not in value[:1] and identity.weighted(value, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(value[9])


SCHEME = identity.Scheme(
    identity.shape(
        "[0-9]{10}|[0-9]{3}([ -])[0-9]{3}\\2[0-9]{2}\\2[0-9]{2}|[0-9]{3}([ -])[0-9]{2}\\3[0-9]{2}\\3[0-9]{3}"
    ),
    valid,
    identity.never,
    identity.words("nip(?:-?u)?", "identyfikacji podatkowej", "podatnika"),
)


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
