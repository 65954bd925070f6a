"""Polish identity numbers (PESEL): eleven digits, weights 1 3 7 9, modulo 10.

Day of birth first, with 80, 20, 40 or 60 added to the month for the centuries around the twentieth. One number of
eleven digits in 50 passes, so a word must stand near.
"""

from __future__ import annotations

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]


def valid(value: str) -> bool:
    """Whether eleven digits have a day of birth and the right check digit."""
    day = identity.is_day(int(value[2:4]) % 20, int(value[4:6]))
    return day and identity.weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


SCHEME = identity.Scheme(identity.shape("[0-9]{11}"), valid, identity.never, identity.words("pesel(?:u|em|owi)?"))


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
