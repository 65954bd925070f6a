"""Conditions on one column, as keep rules, `when` clauses and source filters write them.

Spellings in a recipe:

    [50, 100000]            a range, inclusive; null on one side leaves it open
    [fr, en]                a set of allowed values
    fr                      a set of one
    true / false            a boolean
    {min: 50, max: 100}     the range, spelled out
    {in: [fr, en]}          the set, spelled out; {not_in: [...]} its complement; numbers are listed so, too
    {glob: ["*.fr/**"]}     a pattern that the whole value must match: * and ? within a step of a path, ** over any
    {regex: "^a+$"}         a regular expression that is found in the value; {not_glob: ...}, {not_regex: ...}
    {..., nulls: drop}      a null fails, too (a null passes otherwise: nothing is known against it)

A NaN is a null. A bound means the same number in a float32 column as in a float64 one: 0.3 is in [null, 0.3].
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator

Scalar = str | bool | int | float
_SPELLINGS = {"in": "in_", "is": "is_"}
_SETS = ("in_", "not_in", "glob", "not_glob")
_PATTERNS = ("glob", "not_glob", "regex", "not_regex")


class Condition(BaseModel):
    """What one column's value must satisfy."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    min: float | None = None
    """Smallest allowed value, inclusive."""
    max: float | None = None
    """Largest allowed value, inclusive."""
    in_: tuple[Scalar, ...] | None = None
    """Allowed values."""
    not_in: tuple[Scalar, ...] | None = None
    """Forbidden values."""
    glob: tuple[str, ...] | None = None
    """Patterns, one of which the whole value matches: `*` and `?` stand for letters within a step of a path or an
    address, `**` for any, `[abc]` for one of some."""
    not_glob: tuple[str, ...] | None = None
    """Patterns, none of which it matches."""
    regex: str | None = None
    """A regular expression found in the value."""
    not_regex: str | None = None
    """A regular expression not found in it."""
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
        for expression, _ in self.patterns:
            _check_expression(expression)
        if self.patterns and (self.min is not None or self.max is not None or self.is_ is not None):
            raise ValueError("patterns are for names, ranges for numbers: one rule can't hold both")
        if self == Condition.model_construct():
            raise ValueError("it allows everything: write a range, a set, a boolean, or `nulls: drop`")
        return self

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values its sets list."""
        return (self.in_ or ()) + (self.not_in or ())

    @property
    def patterns(self) -> tuple[tuple[str, bool], ...]:
        """Regular expressions for glob and regex, and whether each is to be found in the value."""
        written = (
            (None if self.glob is None else "|".join(map(_expression, self.glob)), True),
            (None if self.not_glob is None else "|".join(map(_expression, self.not_glob)), False),
            (self.regex, True),
            (self.not_regex, False),
        )
        return tuple((expression, found) for expression, found in written if expression is not None)

    def passes(self, column: str) -> pl.Expr:
        """Polars expression: true where the column satisfies this condition; never null."""
        value = pl.col(column)
        if self.min is not None or self.max is not None or (self.values and all(map(_is_number, self.values))):
            # To Polars a NaN is above every number.
            value = value.fill_nan(None)
        verdict = pl.lit(True)
        if self.min is not None:
            verdict = verdict & (value >= self.min)
        if self.max is not None:
            verdict = verdict & (value <= self.max)
        if self.in_ is not None:
            verdict = verdict & _one_of(value, self.in_)
        if self.not_in is not None:
            verdict = verdict & ~_one_of(value, self.not_in)
        for expression, found in self.patterns:
            matches = value.str.contains(expression)
            verdict = verdict & (matches if found else ~matches)
        if self.is_ is not None:
            verdict = verdict & (value == self.is_)
        if self.nulls == "drop":
            return value.is_not_null() & verdict.fill_null(False)
        return verdict.fill_null(True)

    @property
    def is_range(self) -> bool:
        """Whether it is about bounds and nulls alone."""
        return all(other is None for other in (self.in_, self.not_in, self.is_)) and not self.patterns

    def holds(self, numbers: pl.Series) -> npt.NDArray[np.bool_]:
        """What `passes` tells, of a range and a column of numbers, no NaN among them. For some thousand rows this takes
        a tenth of the time."""
        # A null of whole numbers, too, comes as a NaN: it is above and below nothing.
        values = numbers.to_numpy()
        verdict = np.ones(len(values), bool)
        if self.min is not None:
            verdict &= values >= self.min
        if self.max is not None:
            verdict &= values <= self.max
        if numbers.null_count():
            verdict[numbers.is_null().to_numpy()] = self.nulls == "keep"
        return verdict

    def __str__(self) -> str:
        parts = []
        if self.min is not None or self.max is not None:
            low = "" if self.min is None else _num(self.min)
            high = "" if self.max is None else _num(self.max)
            parts.append(f"[{low}, {high}]")
        if self.in_ is not None:
            parts.append("{" + ", ".join(map(_shown, self.in_)) + "}")
        if self.not_in is not None:
            parts.append("not {" + ", ".join(map(_shown, self.not_in)) + "}")
        for name in _PATTERNS:
            written = getattr(self, name)
            if written is not None:
                told = ", ".join((written,) if isinstance(written, str) else written)
                parts.append(f"{'not ' if name.startswith('not_') else ''}like {told}")
        if self.is_ is not None:
            parts.append(_shown(self.is_))
        if self.nulls == "drop":
            parts.append("not null")
        return " ".join(parts)

    def to_recipe(self) -> Any:
        """The shortest recipe spelling of this condition, in terms of JSON."""
        full = self.model_dump(exclude_defaults=True)
        if full.keys() <= {"min", "max"}:
            return [_plain(self.min), _plain(self.max)]
        if full.keys() == {"in_"} and all(isinstance(value, str) for value in full["in_"]):
            return list(full["in_"])
        if full.keys() == {"is_"}:
            return self.is_
        return {
            key.removesuffix("_"): list(value) if key in _SETS else _plain(value) if key in ("min", "max") else value
            for key, value in full.items()
        }


def _expression(glob: str) -> str:
    """A glob as a regular expression of the whole value."""
    made, at = [], 0
    while at < len(glob):
        letter = glob[at]
        closing = glob.find("]", at + 2) if letter == "[" else -1
        if glob.startswith("**/", at):
            made.append("(?:.*/)?")
            at += 3
        elif glob.startswith("**", at):
            made.append(".*")
            at += 2
        elif closing > 0:
            inside = glob[at + 1 : closing].replace("\\", r"\\").replace("[", r"\[")
            made.append(f"[{'^' + inside[1:] if inside[0] == '!' else inside}]")
            at = closing + 1
        else:
            made.append({"*": "[^/]*", "?": "[^/]"}.get(letter) or re.escape(letter))
            at += 1
    return f"(?s:^{''.join(made)}$)"


def _check_expression(expression: str) -> None:
    try:
        pl.Series([""]).str.contains(expression)
    except pl.exceptions.ComputeError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise ValueError(f"{expression!r} is no regular expression: {reason}") from None


def _one_of(value: pl.Expr, allowed: tuple[Scalar, ...]) -> pl.Expr:
    """Whether `value` is one of `allowed`: null for a null."""
    if all(map(_is_number, allowed)):
        # `is_in` takes no numbers of another type than the column's, `==` compares in the column's own.
        return pl.any_horizontal([value == number for number in allowed])
    return value.is_in(list(allowed))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _num(value: float) -> str:
    return str(_plain(value))


def _shown(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: float | None) -> float | int | None:
    # Above 2**53 not every whole number is a float: there, as it is.
    return int(value) if value is not None and abs(value) < 2**53 and float(value).is_integer() else value


def parse_condition(value: Any) -> Any:
    """The fields of a `Condition` from any of its recipe spellings."""
    if isinstance(value, Condition):
        return value.model_dump()
    if isinstance(value, bool):
        return {"is_": value}
    if isinstance(value, str):
        return {"in_": (value,)}
    if isinstance(value, dict):
        return _spelled_out(value)
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and all(item is None or _is_number(item) for item in value):
            return _spelled_out({"min": value[0], "max": value[1]})
        if value and all(isinstance(item, str) for item in value):
            return {"in_": tuple(value)}
        raise ValueError(
            f"{list(value)!r} is neither a range [min, max] nor a set of names [fr, en]: "
            "write null for an open side, and other sets as {in: [1, 2, 3]}"
        )
    raise ValueError(
        f"{'null' if value is None else repr(value)} is no condition: write a range [min, max], a set [fr, en], "
        "true, false, or {min:, max:, in:, not_in:, glob:, not_glob:, regex:, not_regex:, is:, nulls: drop}"
    )


def _spelled_out(value: dict[str, Any]) -> dict[str, Any]:
    fields = {_SPELLINGS.get(key, key): item for key, item in value.items()}
    for key in ("min", "max"):
        bound = fields.get(key)
        if bound is not None and not (_is_number(bound) and math.isfinite(bound)):
            raise ValueError(f"{key} is a number, or null where that side is open; got {bound!r}")
    for key in _SETS:
        listed = fields.get(key)
        if isinstance(listed, (str, int, float, bool)):
            fields[key] = (listed,)
        elif isinstance(listed, (list, tuple)):
            if not listed:
                raise ValueError(f"`{key.removesuffix('_')}` lists nothing: name at least one value")
            fields[key] = tuple(listed)
    return fields
