"""Conditions on one column, as keep rules, `when` clauses and source filters write them.

Spellings in a recipe:

    [50, 100000]            a range, inclusive; null or nothing on one side leaves it open
    [fr, en]                a set of allowed values
    fr                      a set of one
    true / false            a boolean
    {min: 50, max: 100}     the range, spelled out
    {in: [fr, en]}          the set, spelled out; {not_in: [...]} its complement
    {..., nulls: drop}      a null fails, too (a null passes otherwise: nothing is known against it)
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator

Scalar = str | bool | int | float


class Condition(BaseModel):
    """What one column's value must satisfy."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    min: float | None = None
    """Smallest allowed value, inclusive."""
    max: float | None = None
    """Largest allowed value, inclusive."""
    in_: tuple[Scalar, ...] | None = None
    """Allowed values."""
    not_in: tuple[Scalar, ...] | None = None
    """Forbidden values."""
    is_: bool | None = None
    """The allowed truth value."""
    nulls: Literal["keep", "drop"] = "keep"
    """What becomes of a document whose value is null."""

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        return parse_condition(value)

    @model_validator(mode="after")
    def _consistent(self) -> Condition:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"the range [{_num(self.min)}, {_num(self.max)}] is empty: min is above max")
        if self == Condition.model_construct(nulls=self.nulls) and self.nulls == "keep":
            raise ValueError("a condition needs a range, a set, a boolean, or `nulls: drop`")
        return self

    def passes(self, column: str) -> pl.Expr:
        """Polars expression: true where the column satisfies this condition; never null."""
        value = pl.col(column)
        verdict = pl.lit(True)
        if self.min is not None:
            verdict = verdict & (value >= self.min)
        if self.max is not None:
            verdict = verdict & (value <= self.max)
        if self.in_ is not None:
            verdict = verdict & value.is_in(list(self.in_))
        if self.not_in is not None:
            verdict = verdict & ~value.is_in(list(self.not_in))
        if self.is_ is not None:
            verdict = verdict & (value == self.is_)
        return (
            verdict.fill_null(self.nulls == "keep")
            if self.nulls == "keep"
            else (verdict.fill_null(False) & value.is_not_null())
        )

    def __str__(self) -> str:
        parts = []
        if self.min is not None or self.max is not None:
            low = "" if self.min is None else _num(self.min)
            high = "" if self.max is None else _num(self.max)
            parts.append(f"[{low}, {high}]")
        if self.in_ is not None:
            parts.append("{" + ", ".join(map(str, self.in_)) + "}")
        if self.not_in is not None:
            parts.append("not {" + ", ".join(map(str, self.not_in)) + "}")
        if self.is_ is not None:
            parts.append(str(self.is_).lower())
        if self.nulls == "drop":
            parts.append("not null")
        return " ".join(parts)

    def to_recipe(self) -> Any:
        """The shortest recipe spelling of this condition."""
        full = self.model_dump(exclude_defaults=True)
        if full.keys() <= {"min", "max"}:
            return [_plain(self.min), _plain(self.max)]
        if full.keys() == {"in_"}:
            return list(full["in_"])
        if full.keys() == {"is_"}:
            return self.is_
        return {key.rstrip("_"): value for key, value in full.items()}


def _num(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e15 else repr(value)


def _plain(value: float | None) -> float | int | None:
    return int(value) if value is not None and float(value).is_integer() else value


def parse_condition(value: Any) -> Any:
    """The fields of a `Condition` from any of its recipe spellings."""
    if isinstance(value, Condition):
        return value.model_dump()
    if isinstance(value, bool):
        return {"is_": value}
    if isinstance(value, str):
        return {"in_": (value,)}
    if isinstance(value, dict):
        renamed = {{"in": "in_", "is": "is_"}.get(k, k): v for k, v in value.items()}
        for key in ("in_", "not_in"):
            if isinstance(renamed.get(key), (str, int, float, bool)):
                renamed[key] = (renamed[key],)
        return renamed
    if isinstance(value, (list, tuple)):
        numeric = all(v is None or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in value)
        if numeric and len(value) == 2:
            return {"min": value[0], "max": value[1]}
        if value and all(isinstance(v, str) for v in value):
            return {"in_": tuple(value)}
        raise ValueError("a list here is a range [min, max] or a set of names [fr, en]")
    raise ValueError(
        f"{value!r} is no condition: write a range [min, max], a set [fr, en], true, false, "
        "or {min:, max:, in:, not_in:, is:, nulls: drop}"
    )
