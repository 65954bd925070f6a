"""`tail`: everything from a regular expression's first match on is dropped."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, Example, Place, WholeBatch
from tamis.cleaners.patterns import Pattern, cut, multiline


class Tail(CleanerConfig):
    """Where the tail starts."""

    pattern: Pattern
    """Regular expression (RE2; `^` and `$` stand at line ends). Its first match starts what is dropped."""
    most: Annotated[float, Field(gt=0, le=1)] = 1
    """A text that would lose a larger share of its characters stays whole."""


def _prepare(config: Tail, _: Place) -> WholeBatch:
    pattern = f"{multiline(config.pattern)}(?s:.*)"
    return WholeBatch(lambda texts: cut(texts, pattern, config.most))


CLEANER = Cleaner(
    name="tail",
    version=1,
    title="everything from a regular expression on is dropped",
    about="Licence texts and imprints at the end, such as Project Gutenberg's.",
    config=Tail,
    prepare=_prepare,
    examples=(
        Example(
            "The end.\n\n*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\nUpdated editions will replace ...",
            "The end.\n\n",
            {"pattern": r"^\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK"},
        ),
    ),
)
