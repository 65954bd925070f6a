"""International bank account numbers (ISO 13616): country, length, and check digits by ISO 7064 MOD 97-10.

Capitals and digits, as printed (one space, no-break space or hyphen between groups) or as stored (none). Of
the country's own structure only the length is checked: a stretch of the right length passes the check digits
by chance once in 97 times.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21,
    "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
    "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25,
    "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Characters of an IBAN by country, from the registry that SWIFT keeps for ISO 13616."""

_START = re.compile(r"(?<![^\W_])(?=([A-Z]{2})[0-9]{2})")
_SEPARATORS = " \u00a0\u202f-"
_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NO_BANK = ("9999", "XXXX")
"""First four characters after the check digits of a fake: nines, or X where the bank's code has letters."""


def length_table() -> npt.NDArray[np.uint8]:
    """`LENGTHS` as 26 * 26 numbers, for the candidate scan; 0 where there is no such country."""
    table = np.zeros(26 * 26, np.uint8)
    for country, length in LENGTHS.items():
        table[(ord(country[0]) - 65) * 26 + ord(country[1]) - 65] = length
    return table


def find(text: str, start: int, end: int, reserved_too: bool = False) -> list[tuple[int, int]]:
    """IBANs that begin in text[start:end]; those of banks that can't exist only if told so."""
    found: list[tuple[int, int]] = []
    for match in _START.finditer(text, start):
        first = match.start()
        if first >= end:
            break
        length = LENGTHS.get(match.group(1), 0)
        last = _end(text, first, length) if length else -1
        if last < 0 or (found and first < found[-1][1]):
            continue
        value = canonical(text[first:last])
        if _remainder(value) == 1 and (reserved_too or not reserved(value)):
            found.append((first, last))
    return found


def _end(text: str, first: int, length: int) -> int:
    """One past the `length` capitals and digits from `first`, at most one separator between two, or -1."""
    count = 0
    separated = True
    for i in range(first, min(len(text), first + 2 * length)):
        if text[i] in _CHARACTERS:
            count += 1
            separated = False
            if count == length:
                return -1 if text[i + 1 : i + 2].isalnum() else i + 1
        elif text[i] not in _SEPARATORS or separated:
            return -1
        else:
            separated = True
    return -1


def _remainder(value: str) -> int:
    """The number modulo 97 that must be 1 (ISO 7064)."""
    return int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97


def canonical(value: str) -> str:
    """The IBAN without separators."""
    return "".join(c for c in value if c in _CHARACTERS)


def reserved(value: str) -> bool:
    """Whether the bank's code is the one that fakes have, which isn't a bank's."""
    return canonical(value)[4:8] in _NO_BANK


def fake(value: str, digest: int) -> str:
    """An IBAN of the same country and shape, with right check digits, at a bank that doesn't exist."""
    plain = canonical(value)
    bank = _NO_BANK[plain[4].isalpha() and plain[5].isalpha()]
    account = str(10 ** (len(plain) - 8) + digest % 10 ** (len(plain) - 8))[1:]
    check = 98 - _remainder(plain[:2] + "00" + bank + account)
    characters = iter(f"{plain[:2]}{check:02}{bank}{account}")
    return "".join(next(characters) if c in _CHARACTERS else c for c in value)
