"""Belgian national register numbers (rijksregisternummer, numéro de registre national): eleven digits.

Day of birth (YYMMDD; the month plus 20 or 40 in the "bis" numbers of people who aren't registered, zeros where it is
unknown), a serial number of three digits, and 97 less the first nine digits modulo 97; with a 2 in front of them for
the births since 2000. Printed in its groups ("85.07.30-033.28") it needs no word nearby; other spellings do.
"""

from __future__ import annotations

import re

from tamis.recognizers import identity
from tamis.recognizers.identity import canonical, fake, reserved

__all__ = ["SCHEME", "canonical", "fake", "find", "reserved", "valid"]

_PRINTED = re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}[- ][0-9]{3}[. ][0-9]{2}")


def valid(value: str) -> bool:
    """Whether eleven digits have a day of birth, a serial number and the right check."""
    month, day, nine, check = int(value[2:4]), int(value[4:6]), int(value[:9]), int(value[9:])
    # 000 and 999 aren't given out.
    if value.startswith(identity.ZEROS) or value[6:9] in ("000", "999") or month % 20 > 12 or month > 52 or day > 31:
        return False
    return check in (97 - nine % 97, 97 - (2_000_000_000 + nine) % 97)


def _sure(value: str) -> bool:
    """Whether it is printed in its groups and has a whole day of birth."""
    digits = canonical(value)
    return _PRINTED.fullmatch(value) is not None and identity.is_day(int(digits[2:4]) % 20, int(digits[4:6]))


SCHEME = identity.Scheme(
    identity.shape("[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{2}"),
    valid,
    _sure,
    identity.words(
        r"rijksregister(?:[- ]?(?:nummer|nr)[.]?)?", "registre national", r"n(?:um[ée]ro|[°or])[.]? national",
        "national[er]*(?:register|registernummer)", r"national(?: register)? number", "nationaal nummer", "niss",
        "insz", "rrn", "nrn",
    ),
)  # fmt: skip


def find(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers that begin in text[start:end]."""
    return identity.find(SCHEME, text, start, end)
