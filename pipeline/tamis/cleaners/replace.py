"""`replace`: what a regular expression matches becomes another text."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from pydantic import Field, model_validator

from tamis.cleaners.contract import Cleaner, CleanerConfig, Example, Place, WholeBatch
from tamis.cleaners.patterns import check, multiline


class Replace(CleanerConfig):
    """What becomes of what."""

    pattern: Annotated[str, Field(min_length=1, max_length=2000)]
    r"""Regular expression (RE2; `^` and `$` stand at line ends)."""
    by: Annotated[str, Field(max_length=2000)] = ""
    r"""What takes its place; `\1` is the first group, `\0` all of the match. In YAML, "\n" in double quotes is a line
    end."""
    literal: bool = False
    """Take both as plain text."""

    @model_validator(mode="after")
    def _compiles(self) -> Replace:
        if not self.literal:
            check(multiline(self.pattern), self.by)
        return self


def replaced(texts: pa.Array, config: Replace) -> pa.Array:
    """The texts with all that matches replaced."""
    import pyarrow.compute as pc

    if config.literal:
        return pc.replace_substring(texts, config.pattern, config.by)
    return pc.replace_substring_regex(texts, multiline(config.pattern), config.by)


def _prepare(config: Replace, _: Place) -> WholeBatch:
    return WholeBatch(lambda texts: replaced(texts, config))


CLEANER = Cleaner(
    name="replace",
    version=1,
    title="what a regular expression matches becomes another text",
    about="For the accidents of one source; it may stand several times.",
    config=Replace,
    prepare=_prepare,
    examples=(
        Example("Article 1/nLe présent décret", "Article 1\nLe présent décret", {"pattern": "/n", "by": "\n"}),
        Example("Un   deux\t trois", "Un deux trois", {"pattern": "[ \\t]+", "by": " "}),
        Example("Vu 1 204 fois\nDiscours", "Discours", {"pattern": "^Vu [\\d ]+ fois\\n"}),
    ),
)
