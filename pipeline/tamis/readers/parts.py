"""Documents of several fields: a question and its answers, a title and a body."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from tamis.recipe.parts import Parts

PART = "part."
"""Starts the name of the role of each field; its place in the list follows."""


def joined(parts: Parts, columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The texts of the rows (large_string): the fields that aren't blank, in order; null where all are.

    `columns` has `part.NUMBER` for each field that the file has.
    """
    nothing = pa.nulls(rows, pa.large_string())
    fields = [columns.get(f"{PART}{number}", nothing).to_pylist() for number in range(len(parts.fields))]
    texts = [
        parts.separator.join(text for text in row if text and text.strip()) or None for row in zip(*fields, strict=True)
    ]
    return pa.array(texts, pa.large_string())
