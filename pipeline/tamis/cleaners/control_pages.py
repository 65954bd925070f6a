"""`control_pages`: pages that are no text, by their lines and control characters, are dropped."""

from __future__ import annotations

import re
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place

PAGE = "\f"
CONTROL = r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"
"""Control characters but tab, line end and form feed; a carriage return is a line end."""


class ControlPages(CleanerConfig):
    """Which pages are dropped."""

    lines: Annotated[int, Field(ge=1)] = 200
    """Pages with more lines: tables and figures that were taken apart."""
    control: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Pages with a larger share of control characters: fonts that could not be read."""


def _prepare(config: ControlPages, _: Place) -> EachText:
    import pyarrow.compute as pc

    control = re.compile(CONTROL)

    def sound(page: str) -> bool:
        return len(control.findall(page)) <= config.control * len(page)

    def clean(text: str) -> str:
        if PAGE not in text:
            return text if sound(text) else ""
        pages = text.split(PAGE)
        return PAGE.join(page for page in pages if page.strip("\n").count("\n") < config.lines and sound(page))

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.match_substring_regex(texts, r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]")

    return EachText(clean, concerns)


CLEANER = Cleaner(
    name="control_pages",
    version=1,
    title="pages that are no text are dropped",
    about="Pages end in form feeds, as extractors of PDF write them; a text without any is one page, of any number "
    "of lines. The defaults are those of the Lucie corpus for theses.",
    config=ControlPages,
    prepare=_prepare,
    examples=(
        Example("First page.\f\x01\x02\x03\x04 x\fThird page.", "First page.\fThird page."),
        Example("First page.\f1\n2\n3\n4\fThird page.", "First page.\fThird page.", {"lines": 3}),
    ),
)
