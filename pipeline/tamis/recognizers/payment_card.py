"""Payment card numbers (ISO/IEC 7812): an issuer's prefix and length, and the Luhn check digit.

Written as one block or in the groups printed on cards (4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4) with one kind of
separator. Not taken: digits next to a letter, behind a decimal point, or in a row of groups that goes on (a
table). Thirteen digits (an old Visa) aren't taken either: so long are an EAN bar code and a timestamp.
"""

from __future__ import annotations

import re

_CARD = re.compile(
    r"(?<![\w.+-])"
    r"(?:[0-9]{14,19}"
    r"|[0-9]{4}(?P<four>[ \u00a0-])[0-9]{4}(?P=four)[0-9]{4}(?P=four)[0-9]{4}(?:(?P=four)[0-9]{3})?"
    r"|[0-9]{4}(?P<six>[ \u00a0-])[0-9]{6}(?P=six)[0-9]{4,5})"
    r"(?![\w-]|\.[0-9])"
)
_ROW_BEFORE = re.compile(r"(?<![0-9])[0-9]{4}[ \u00a0]\Z")
_ROW_AFTER = re.compile(r"[ \u00a0][0-9]{4}(?![0-9/])")
_ISSUERS = tuple(
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        (r"4", {16, 19}),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", {16}),  # Mastercard
        (r"3[47]", {15}),  # American Express
        (r"6011|64[4-9]|65", {16, 17, 18, 19}),  # Discover
        (r"30[0-5]|309|36|3[89]", {14, 15, 16, 17, 18, 19}),  # Diners Club
        (r"352[89]|35[3-8]", {16, 17, 18, 19}),  # JCB
        (r"62", {16, 17, 18, 19}),  # UnionPay
        (r"5018|5020|5038|5893|6304|6759|676[1-3]", {16, 17, 18, 19}),  # Maestro
    )
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Card numbers that begin in text[start:end]."""
    found = []
    at = start
    while match := _CARD.search(text, at):
        if match.start() >= end:
            break
        at = match.end()
        if _accepted(text, match):
            found.append(match.span())
        elif match.lastgroup:
            at = match.start() + 5  # the card may begin with a later group
    return found


def _accepted(text: str, match: re.Match[str]) -> bool:
    digits = canonical(match.group())
    if not luhn(digits) or not any(p.match(digits) and len(digits) in lengths for p, lengths in _ISSUERS):
        return False
    separator = match["four"] or match["six"]
    if not separator:
        return True
    first, last = match.span()
    before = text[first - 1 : first] == separator and _ROW_BEFORE.search(text, max(0, first - 6), first)
    return not before and not (text[last : last + 1] == separator and _ROW_AFTER.match(text, last))


def canonical(value: str) -> str:
    """The digits alone."""
    return "".join(c for c in value if c.isdigit())


def reserved(value: str) -> bool:
    """Whether the number fails the Luhn check, as every fake does."""
    return not luhn(canonical(value))


def fake(value: str, digest: int) -> str:
    """A number of the same shape and first digit that fails the Luhn check, so that no card can have it."""
    size = len(canonical(value))
    body = value[0] + "00000" + str(10 ** (size - 7) + digest % 10 ** (size - 7))[1:]
    wrong = next(d for d in "0123456789"[digest % 9 :] if not luhn(body + d))
    digits = iter(body + wrong)
    return "".join(next(digits) if c.isdigit() else c for c in value)
