"""Italian tax codes of persons (codice fiscale): 16 letters and digits, the last one a control letter.

Three letters of the surname, three of the name, year, letter of the month, day (plus 40 for women), four of the
place; where two people would have the same code, digits give way to letters (omocodia). Ministerial decree of 23
December 1976. As one block, or in groups as on forms ("RSS MRA 85T10 A562S").
"""

from __future__ import annotations

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical

__all__ = ["SCHEME", "canonical", "control_letter", "fake", "find", "reserved", "valid"]

_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What a letter, or the digit of its place in the alphabet, counts at odd places."""
_DIGIT = "[0-9LMNP-V]"
_CODE = f"[A-Z]{{6}}{_DIGIT}{{2}}[ABCDEHLMPRST]{_DIGIT}{{2}}[A-Z]{_DIGIT}{{3}}[A-Z]"
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")
_NOBODY = "XXXXXX00A00X"


def control_letter(code: str) -> str:
    """The last letter for the first 15 characters."""
    total = 0
    for place, character in enumerate(code[:15]):
        value = int(character) if character.isdigit() else ord(character) - ord("A")
        total += value if place % 2 else _ODD[value]
    return chr(ord("A") + total % 26)


def valid(value: str) -> bool:
    """Whether the day is one, a digit is left, and the control letter is right."""
    day = int(value[9:11].translate(_OMOCODIA))
    return 1 <= day % 40 <= 31 and day < 72 and control_letter(value) == value[15] and not value.isalpha()


SCHEME = identity.Scheme(
    identity.shape(
        f"(?ai:{_CODE}|[A-Z]{{3}} ?[A-Z]{{3}} [0-9]{{2}}[ABCDEHLMPRST][0-9]{{2}} [A-Z][0-9]{{3}} ?[A-Z])"
    ),
    valid,
    lambda _: True,
    identity.words("codice fiscale"),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Codes that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)


def reserved(value: str) -> bool:
    """Whether it is a fake: there is no day 0."""
    return canonical(value).startswith(_NOBODY)


def fake(value: str, digest: int) -> str:
    """A code of the same shape, with right control letter, on a day that doesn't exist."""
    code = _NOBODY + f"{digest % 1000:03}"
    characters = iter(code + control_letter(code))
    return "".join(next(characters) if c.isalnum() else c for c in value)
