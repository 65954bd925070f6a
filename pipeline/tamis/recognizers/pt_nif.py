"""Portuguese tax numbers of persons (NIF, "número de contribuinte"): nine digits, the last one modulo 11.

Weights 9 to 2. Numbers of persons begin with 1, 2, 3 or 45; those of companies (5, 6, 8, 9) aren't personal. One
number of nine digits in 11 passes, so a word must stand near.
"""

from __future__ import annotations

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]


def valid(value: str) -> bool:
    """Whether nine digits begin as those of persons and end with the right check digit."""
    rest = identity.weighted(value, range(9, 1, -1)) % 11
    return value.startswith(("1", "2", "3", "45")) and (0 if rest < 2 else 11 - rest) == int(value[8])


SCHEME = identity.Scheme(
    identity.shape(r"[0-9]{9}|[0-9]{3}([ \u00a0\u202f.-])[0-9]{3}\2[0-9]{3}"),
    valid,
    identity.never,
    identity.words("n[.]?i[.]?f[.]?", "contribuinte", r"identifica[çc][ãa]o fiscal", "fiscal n[ºo°.]+", "tax number"),
)


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
