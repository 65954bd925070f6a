"""`head`: everything up to a regular expression's first match is dropped, the match with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, Example, Place, WholeBatch
from tamis.cleaners.patterns import Pattern, cut, multiline


class Head(CleanerConfig):
    """Where the head ends."""

    pattern: Pattern
    """Regular expression (RE2; `^` and `$` stand at line ends). Its first match ends what is dropped."""
    most: Annotated[float, Field(gt=0, le=1)] = 1
    """A text that would lose a larger share of its characters stays whole."""


def _prepare(config: Head, _: Place) -> WholeBatch:
    pattern = rf"\A(?s:.*?){multiline(config.pattern)}"
    return WholeBatch(lambda texts: cut(texts, pattern, config.most))


CLEANER = Cleaner(
    name="head",
    version=1,
    title="everything up to a regular expression is dropped",
    about="Cover pages and licence texts at the beginning, such as Project Gutenberg's and those of open archives.",
    config=Head,
    prepare=_prepare,
    examples=(
        Example(
            "Title: Emma\n*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***\nEmma Woodhouse, handsome, clever ...",
            "\nEmma Woodhouse, handsome, clever ...",
            {"pattern": r"^\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK.*$"},
        ),
    ),
)
