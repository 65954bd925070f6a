"""CSV files of the mix: read strictly, and every complaint at its file, line and column."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tamis.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    file: str
    line: int
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """What stands in a column; empty when the table has no such column."""
        return self.values.get(column, "")

    def whole(self, column: str) -> int | None:
        """A whole number from 0 up, or None where nothing stands."""
        text = self.text(column)
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or int(text) >= 2**62:
            raise self.wrong(column, "a whole number from 0 up, in digits alone (or nothing, where it is not known)")
        return int(text)

    def number(self, column: str, most: float = float("inf")) -> float | None:
        """A number from 0 to `most`, or None where nothing stands."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most or value == float("inf"):
            raise self.wrong(column, f"a number from 0 {'up' if most == float('inf') else f'to {most:g}'}")
        return value

    def wrong(self, column: str, allowed: str) -> InputError:
        """The error about a value."""
        return InputError(f"{self.file}:{self.line}: column {column}: {self.text(column)!r} is not {allowed}")


def read_table(path: Path, needed: Sequence[Sequence[str]]) -> Iterator[Row]:
    """The lines of a CSV file with a header. Of each group in `needed`, one column must be there.

    Raises InputError with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.object[error.start]:#04x}): save it as UTF-8") from None
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        _check_header(path, header, needed)
        for values in lines:
            if not values:
                continue
            if len(values) != len(header):
                raise InputError(
                    f"{path}:{lines.line_num}: {len(values)} values, and the header names {len(header)} columns: "
                    f"{', '.join(header)}"
                )
            cells = {name: value.strip() for name, value in zip(header, values, strict=True)}
            yield Row(str(path), lines.line_num, cells)
    except csv.Error as error:
        raise InputError(f"{path}:{lines.line_num}: no CSV: {error}") from None


def _check_header(path: Path, header: Sequence[str], needed: Sequence[Sequence[str]]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{path}:1: the column {twice[0]!r} stands twice")
    for group in needed:
        if not any(name in header for name in group):
            hint = did_you_mean(group[0], header) if any(header) else " (the file is empty)"
            raise InputError(f"{path}:1: there is no column {' or '.join(group)}.{hint}")


def read_shares(path: Path, axis: str) -> dict[str, float]:
    """Value -> weight of a CSV of fitted ratios.

    The value stands in the column `domain`, `dataset` or the axis' name, its weight in `weight`, `share` or `ratio`,
    as RegMix and olmix write them.
    """
    names, numbers = ("domain", axis, "dataset", "source"), ("weight", "share", "ratio")
    found: dict[str, float] = {}
    for row in read_table(path, (names, numbers)):
        name = next(column for column in names if column in row.values)
        column = next(column for column in numbers if column in row.values)
        value = row.number(column)
        if not row.text(name):
            raise row.wrong(name, "a name")
        if value is None:
            raise row.wrong(column, "a number from 0 up")
        if row.text(name) in found:
            raise row.wrong(name, "new: it stands in an earlier line")
        found[row.text(name)] = value
    if not sum(found.values()) > 0:
        raise InputError(f"{path}: no weight is above 0")
    return found


def read_lengths(path: Path) -> dict[str, tuple[int, int]]:
    """Source -> tokens in long and in short documents."""
    found: dict[str, tuple[int, int]] = {}
    for row in read_table(path, (("dataset", "source"), ("tokens_long",), ("tokens_short",))):
        name = row.text("dataset") or row.text("source")
        if name in found:
            raise InputError(f"{row.file}:{row.line}: {name!r} stands in an earlier line")
        found[name] = (row.whole("tokens_long") or 0, row.whole("tokens_short") or 0)
    return found
