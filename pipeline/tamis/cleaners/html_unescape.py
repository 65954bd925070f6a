"""`html_unescape`: character references of HTML become the characters they stand for."""

from __future__ import annotations

import html
import re
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place

STRICT = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
"""A reference that ends in a semicolon, as HTML wants it."""
LOOSE = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?"


class HtmlUnescape(CleanerConfig):
    """How references are read."""

    times: Annotated[int, Field(ge=1, le=3)] = 1
    """How often: 2 makes `é` of `&amp;eacute;`."""
    semicolon: bool = True
    """Leave references without a semicolon alone: they are mostly parts of addresses (`?a=1&copy=2`)."""


def _prepare(config: HtmlUnescape, _: Place) -> EachText:
    import pyarrow.compute as pc

    reference = re.compile(STRICT if config.semicolon else LOOSE)

    def clean(text: str) -> str:
        for _ in range(config.times):
            text = reference.sub(lambda match: html.unescape(match[0]), text)
        return text

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.match_substring(texts, "&")

    return EachText(clean, concerns)


CLEANER = Cleaner(
    name="html_unescape",
    version=1,
    title="character references of HTML become characters",
    about="`&eacute;`, `&#233;` and `&#xE9;` become é, by HTML's table of names. Tags stay: of HTML, take the main "
    "text (`columns: {html: ...}`).",
    config=HtmlUnescape,
    prepare=_prepare,
    examples=(
        Example("Caf&eacute; &amp; th&#233;: http://a.fr?x=1&copy=2", "Café & thé: http://a.fr?x=1&copy=2"),
        Example("Caf&amp;eacute;", "Café", {"times": 2}),
    ),
)
