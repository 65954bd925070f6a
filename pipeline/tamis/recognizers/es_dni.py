"""Spanish identity numbers (DNI, for citizens also their tax number NIF): eight digits and a control letter.

The letter is the number modulo 23 in a fixed order without I, Ñ, O, U. A capital right behind the digits, or behind
a hyphen, is enough; small letters, a space in between and points between thousands need a word nearby.
"""

from __future__ import annotations

import re

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, reserved

__all__ = ["LETTERS", "SCHEME", "canonical", "fake", "find", "reserved", "valid"]

LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
"""The control letter by the rest of the division by 23 (Ministerio del Interior)."""
_UNUSED = "U"
_SURE = re.compile("[0-9]{8}-?[A-Z]")


def valid(value: str) -> bool:
    """Whether eight digits have the right letter; numbers below 10,000 aren't given out."""
    return not value.startswith(identity.ZEROS) and LETTERS[int(value[:8]) % 23] == value[8]


SCHEME = identity.Scheme(
    identity.shape(rf"(?:[0-9]{{8}}|[0-9]{{2}}([. ])[0-9]{{3}}\2[0-9]{{3}})[ -]?[{LETTERS}{LETTERS.lower()}]"),
    valid,
    lambda value: _SURE.fullmatch(value) is not None,
    identity.words(
        "d[.]?n[.]?i[.]?", "n[.]?i[.]?f[.]?", "documento nacional", "identidad", "identificaci[óo]n", "identity card",
    ),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)


def fake(value: str, digest: int) -> str:
    """A number of the same shape that begins with zeros, with a letter that is never a control letter."""
    return identity.fake(value[:-1], digest) + (_UNUSED if value[-1].isupper() else _UNUSED.lower())
