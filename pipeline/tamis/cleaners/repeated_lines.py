"""`repeated_lines`: lines that stand many times in a text, such as running headers, are dropped."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place


class RepeatedLines(CleanerConfig):
    """Which lines are dropped."""

    count: Annotated[int, Field(ge=2)] = 10
    """From how many occurrences on."""
    length: Annotated[int, Field(ge=1)] = 10
    """Shorter lines stay; in characters, without spaces around."""
    keep_first: bool = False
    """Keep the first occurrence."""


def _prepare(config: RepeatedLines, _: Place) -> EachText:
    import pyarrow.compute as pc

    def clean(text: str) -> str:
        lines = text.split("\n")
        bare = [line.strip() for line in lines]
        seen = Counter(line for line in bare if len(line) >= config.length)
        often = {line for line, count in seen.items() if count >= config.count}
        if not often:
            return text
        kept, met = [], set()
        for line, stripped in zip(lines, bare, strict=True):
            if stripped not in often:
                kept.append(line)
            elif config.keep_first and stripped not in met:
                met.add(stripped)
                kept.append(line)
        return "\n".join(kept)

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.greater_equal(pc.count_substring(texts, "\n"), config.count - 1)

    return EachText(clean, concerns)


CLEANER = Cleaner(
    name="repeated_lines",
    version=1,
    title="lines that stand many times in a text are dropped",
    about="Running headers and footers of digitised books and PDF. Lines are compared without spaces around. The "
    "defaults are those of the Lucie corpus for theses.",
    config=RepeatedLines,
    prepare=_prepare,
    examples=(
        Example(
            "Revue d'histoire\nPremière page.\nRevue d'histoire\nDeuxième page.\nRevue d'histoire\nFin.",
            "Première page.\nDeuxième page.\nFin.",
            {"count": 3},
        ),
    ),
)
