"""German tax numbers of persons (Steuerliche Identifikationsnummer, IdNr): eleven digits, ISO 7064 MOD 11,10.

The first digit isn't 0; of the first ten exactly one digit comes twice or three times (three times not in a row), the
others once at most (Bundeszentralamt für Steuern). One number of eleven digits in 290 passes, so a word must stand
near.
"""

from __future__ import annotations

from collections import Counter

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]


def valid(value: str) -> bool:
    """Whether eleven digits repeat as they must and end with the right check digit."""
    repeats = sorted(n for n in Counter(value[:10]).values() if n > 1)
    if value[0] == "0" or repeats not in ([2], [3]) or any(d * 3 in value[:10] for d in set(value[:10])):
        return False
    product = 10
    for digit in map(int, value[:10]):
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(value[10])


SCHEME = identity.Scheme(
    identity.shape(r"[0-9]{11}|[0-9]{2}([ \u00a0\u202f./-])[0-9]{3}\2[0-9]{3}\2[0-9]{3}"),
    valid,
    identity.never,
    identity.words(
        r"steuer[ -]?id(?:ent)?(?:[ .-]*n(?:r|ummer))?[.]?", "(?:steuer(?:liche)?[ -]?)?identifikations-?nummer",
        "id[ .-]?nr[.]?", "tin", r"tax (?:id|number|identification)(?: number)?", "steuer-?nummer",
    ),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
