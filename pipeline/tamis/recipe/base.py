"""What people declare in a recipe: the base of those models, and the kinds of text that have a form of their own."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from tamis.described import Described


class Declared(Described, BaseModel):
    """Base of the models that hold declarations."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Text = Annotated[str, Field(min_length=1)]
Line = Annotated[str, Field(min_length=1, max_length=500)]
"""A name or a phrase."""
Prose = Annotated[str, Field(max_length=20_000)]
"""Paragraphs, in Markdown."""


def _pattern(pattern: str) -> FieldInfo:
    """The form, for editors; a placeholder is filled in later."""
    field: FieldInfo = Field(max_length=2000, json_schema_extra={"pattern": rf"^(?:{pattern})$|\{{"})
    return field


def _words(pattern: str, what: str) -> AfterValidator:
    """The form, with a complaint that says in words what the text should be."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} is no {what}")
        return value

    return AfterValidator(check)


def _real_date(value: str) -> str:
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no day of the calendar") from None
    return value


def _orcid(value: str) -> str:
    """The last character checks the others (ISO 7064, MOD 11-2)."""
    total = 0
    for digit in value.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if value[-1] != ("X" if check == 10 else str(check)):
        raise ValueError(f"{value!r} is no ORCID iD: its last character doesn't check the others")
    return value


_NO_COUNTRIES = frozenset(("AA", "EU", "EZ", "QO", "UN", "XA", "XB"))


def _known_country(value: str) -> str:
    import langcodes  # its tables take longer to load than most recipes

    name = langcodes.Language.make(territory=value).territory_name()
    # Groupings are no countries, and `UK` is no code of one.
    if name.startswith("Unknown Region") or value in _NO_COUNTRIES:
        raise ValueError(f"{value!r} is no country: write its ISO 3166 code, such as FR, DE or IT")
    return value


_DATE = r"\d{4}-\d{2}-\d{2}"
_MONTH = r"\d{4}-(?:0[1-9]|1[0-2])"
_URL = r"https?://[^\s<>\"]+"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_ORCID = r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]"
_DOI = r"10\.\d{4,9}/\S+"
_COUNTRY = r"[A-Z]{2}"
Date = Annotated[
    str,
    _pattern(_DATE),
    _words(_DATE, "date: write year-month-day, such as 2026-03-31"),
    AfterValidator(_real_date),
]
Month = Annotated[str, _pattern(_MONTH), _words(_MONTH, "month: write year-month, such as 2026-03")]
Url = Annotated[str, _pattern(_URL), _words(_URL, "web address: it starts with https://")]
Email = Annotated[str, _pattern(_EMAIL), _words(_EMAIL, "e-mail address")]
Orcid = Annotated[
    str,
    _pattern(_ORCID),
    _words(_ORCID, "ORCID iD: write its sixteen digits, such as 0000-0002-1825-0097"),
    AfterValidator(_orcid),
]
Doi = Annotated[str, _pattern(_DOI), _words(_DOI, "DOI: write it without an address, such as 10.5281/zenodo.1234567")]
Country = Annotated[
    str,
    _pattern(_COUNTRY),
    _words(_COUNTRY, "country: write its ISO 3166 code, such as FR, DE or IT"),
    AfterValidator(_known_country),
]
