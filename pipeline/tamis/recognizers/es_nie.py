"""Spanish identity numbers of foreigners (NIE): X, Y or Z, seven digits, and a control letter.

The letter is that of a DNI, with 0, 1 or 2 for X, Y or Z. Small letters and spaces need a word nearby.
"""

from __future__ import annotations

import re

from tamis.recognizers import es_dni, identity
from tamis.recognizers.es_dni import fake
from tamis.recognizers.identity import canonical, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]

_SURE = re.compile("[XYZ]-?[0-9]{7}-?[A-Z]")


def valid(value: str) -> bool:
    """Whether first letter and digits have the right control letter."""
    if value[1:].startswith(identity.ZEROS):
        return False
    return es_dni.LETTERS[int(str("XYZ".index(value[0])) + value[1:8]) % 23] == value[8]


SCHEME = identity.Scheme(
    identity.shape(rf"[XYZxyz][ -]?[0-9]{{7}}[ -]?[{es_dni.LETTERS}{es_dni.LETTERS.lower()}]"),
    valid,
    lambda value: _SURE.fullmatch(value) is not None,
    identity.words("n[.]?i[.]?e[.]?", "n[.]?i[.]?f[.]?", "extranjer[oa]s?", "identidad", "identificaci[óo]n"),
)


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
