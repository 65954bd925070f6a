"""Regular expressions of recipes: RE2's, which take time in proportion to the text whatever either says."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from pydantic import AfterValidator, Field


def multiline(pattern: str) -> str:
    """The expression with `^` and `$` at line ends, as a group of its own."""
    return f"(?m:{pattern})"


def check(pattern: str, replacement: str = "") -> None:
    """Raises ValueError when RE2 can't compile the expression, or the replacement names a group that isn't there."""
    import pyarrow.compute as pc

    try:
        pc.replace_substring_regex(pa.array(["-"], pa.large_string()), pattern, replacement)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        told = str(error).removeprefix("Invalid regular expression: ")
        raise ValueError(
            f"{told}. It is an expression of RE2: with classes such as \\p{{Lu}} and (?i), without lookaround and "
            "backreferences. In YAML, single quotes leave backslashes alone: '\\d+'"
        ) from None


def _checked(pattern: str) -> str:
    check(multiline(pattern))
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_checked)]
"""A regular expression of RE2; `^` and `$` stand at line ends."""


def cut(texts: pa.Array, pattern: str, most: float) -> pa.Array:
    """Large strings without what the expression first matches in each, where that is at most the share `most` of its
    characters."""
    import pyarrow.compute as pc

    left = pc.replace_substring_regex(texts, pattern, "", max_replacements=1)
    if most >= 1:
        return left
    before = pc.utf8_length(texts)
    taken = pc.cast(pc.subtract(before, pc.utf8_length(left)), pa.float64())
    allowed = pc.less_equal(taken, pc.multiply(pc.cast(before, pa.float64()), most))
    return pc.if_else(allowed, left, texts)
