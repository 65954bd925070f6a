"""The year of a date as its source writes it."""

from __future__ import annotations

import polars as pl

_ALONE = r"(?:^|[^0-9])(1[0-9]{3}|20[0-9]{2})(?:[^0-9]|$)"
"""Four digits by themselves: 2021-03-12, 12 March 2021, 03/2021."""
_COMPACT = r"^(1[0-9]{3}|20[0-9]{2})(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)"
"""20210312, 20210312T101500Z."""


def years(date: pl.Expr) -> pl.Expr:
    """The year in a date, 1000 to 2099, as text; null where none can be read."""
    return pl.coalesce(date.str.extract(_ALONE), date.str.extract(_COMPACT))
