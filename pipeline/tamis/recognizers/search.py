"""The search for personal data in a batch of texts: scan, rules, recognizers, and again where something was found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.buffers import Bytes, text_array, text_buffers
from tamis.kernels.candidate_rules import Rules, sift
from tamis.kernels.candidate_tokens import scan_tokens
from tamis.kernels.candidate_windows import Candidates, Parts, lines_around, near
from tamis.kernels.candidates import CARD, EMAIL, IBAN, IP, PHONE, scan
from tamis.recognizers import CONTEXT
from tamis.recognizers.iban import length_table
from tamis.recognizers.phone import REGIONS

Find = Callable[[str, int, int, tuple[str, ...]], list[tuple[int, int]]]
"""`find(text, start, end, phone_regions)`: character positions of what begins in text[start:end]."""
Keep = Callable[[int, str, tuple[str, ...]], bool]
"""`keep(kind, value, phone_regions)`: whether a value that was found counts."""

_ROW = 1 << 40
"""More bytes than a text has: row * _ROW + position orders positions over rows."""
_MARGIN = 4 * CONTEXT
"""Bytes that hold `CONTEXT` characters."""
_ANY_LANGUAGE = "*"
_NUMBERS = EMAIL | PHONE | IP | IBAN | CARD
"""What `scan` looks for; the rest is `scan_tokens`'."""


class Found(NamedTuple):
    """Values, sorted by row and position, disjoint; entry k of every array belongs to one value."""

    rows: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.uint8]
    """The number of its kind, as the recognizers have it."""
    starts: npt.NDArray[np.int64]
    """First byte, counted from the start of the row's text."""
    ends: npt.NDArray[np.int64]
    """One past the last byte."""

    def take(self, places: npt.NDArray[np.int64]) -> Found:
        """The values at these places."""
        return Found(self.rows[places], self.kinds[places], self.starts[places], self.ends[places])

    def plus(self, kind: int, values: npt.NDArray[np.int64]) -> Found:
        """With values of another kind (shape (values, 3): row, start, end) that overlap none of these."""
        more = Found(values[:, 0], np.full(len(values), kind, np.uint8), values[:, 1], values[:, 2])
        parts = [self, more]
        both = Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return both.take(np.lexsort((both.starts, both.rows)))


class Recognizer(NamedTuple):
    """What finds values of a kind, and where."""

    kind: int
    """A number for the kind, below 256."""
    window: int
    """The bit of the windows that may hold one."""
    find: Find


class Search(NamedTuple):
    """What is looked for, and how."""

    recognizers: tuple[Recognizer, ...]
    """Where two values overlap, the earlier one's stays."""
    rules: Rules | None
    """What windows to spare the recognizers, if they are this package's own."""
    keep: Keep | None
    """Which of the values that other recognizers find count."""


class PhoneRegions(NamedTuple):
    """Phone regions of a batch: row i has `table[places[i]]`."""

    places: npt.NDArray[np.int32]
    table: list[tuple[str, ...]]

    @classmethod
    def of(cls, languages: pa.Array, overrides: Mapping[str, tuple[str, ...]]) -> PhoneRegions:
        """By the languages of the texts; `overrides` goes before `REGIONS`."""
        encoded = languages.cast(pa.string()).dictionary_encode(null_encoding="encode")
        table = [_regions(name, overrides) for name in encoded.dictionary.to_pylist()]
        return cls(encoded.indices.to_numpy(zero_copy_only=False), table)

    def of_row(self, row: int) -> tuple[str, ...]:
        """Those of one row."""
        return self.table[int(self.places[row])]

    def any(self) -> npt.NDArray[np.bool_]:
        """Whether a row has one at all."""
        return np.array([bool(regions) for regions in self.table], np.bool_)[self.places]


def _regions(language: str | None, overrides: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Phone regions of a text by its language; source code has none unless the recipe says so."""
    names = [language, language.partition("-")[0].lower()] if language else []
    for table in (overrides, REGIONS):
        for name in names:
            if name in table:
                return table[name]
    return () if language == "code" else overrides.get(_ANY_LANGUAGE, ())


class _Around(NamedTuple):
    """A window in its surroundings, decoded."""

    text: str
    start: int
    """First character of the window in `text`."""
    end: int
    low: int
    """Byte of the row at which `text` begins."""

    @classmethod
    def of(cls, view: memoryview, first: int, last: int, start: int, end: int) -> _Around:
        """The window start to end of the row view[first:last]."""
        low, high = max(first, first + start - _MARGIN), min(last, first + end + _MARGIN)
        raw = bytes(view[low:high])
        if raw.isascii():
            return cls(raw.decode("ascii"), first + start - low, first + end - low, low - first)
        while low < last and view[low] & 0xC0 == 0x80:
            low += 1
        while high < last and view[high] & 0xC0 == 0x80:
            high += 1
        before = str(view[low : first + start], "utf-8")
        inside = str(view[first + start : first + end], "utf-8")
        text = before + inside + str(view[first + end : high], "utf-8")
        return cls(text, len(before), len(before) + len(inside), low - first)

    def bytes_of(self, start: int, end: int) -> tuple[int, int]:
        """Byte positions in the row of the characters from start to end."""
        if self.text.isascii():
            return self.low + start, self.low + end
        begin = self.low + len(self.text[:start].encode())
        return begin, begin + len(self.text[start:end].encode())


def _recognized(
    text: pa.Array, windows: Candidates, regions: PhoneRegions, search: Search
) -> Iterator[tuple[int, int, int, int]]:
    """What the recognizers find in the windows: row, kind, first and one past the last byte in the row."""
    data, offsets = text_buffers(text)
    view = memoryview(data.data)
    firsts, lasts = offsets[windows.rows], offsets[windows.rows + 1]
    for row, kinds, start, end, first, last in zip(*(c.tolist() for c in (*windows, firsts, lasts)), strict=True):
        here = regions.of_row(row)
        around = _Around.of(view, first, last, start, end)
        for kind, window, find in search.recognizers:
            if kinds & window:
                for a, b in find(around.text, around.start, around.end, here):
                    if search.keep is None or search.keep(kind, around.text[a:b], here):
                        yield (row, kind, *around.bytes_of(a, b))


def _disjoint(values: list[tuple[int, int, int]]) -> list[int]:
    """Places of the values (priority, start, end) of one text that stay: by priority, then the first one."""
    ends: list[int] = []
    kept: list[int] = []
    for place in sorted(range(len(values)), key=lambda k: (values[k][0], values[k][1], -values[k][2])):
        _, start, end = values[place]
        at = bisect_left(ends, start + 1)
        if at == len(kept) or end <= values[kept[at]][1]:
            ends.insert(at, end)
            kept.insert(at, place)
    return kept


def _settled(found: Found, priorities: Mapping[int, int]) -> Found:
    """The values sorted, without overlaps."""
    found = found.take(np.lexsort((found.starts, found.rows)))
    starts, ends = found.rows * _ROW + found.starts, found.rows * _ROW + found.ends
    if not len(starts) or (starts[1:] >= ends[:-1]).all():
        return found
    overlapping = np.unique(found.rows[1:][starts[1:] < np.maximum.accumulate(ends)[:-1]])
    stays = ~np.isin(found.rows, overlapping)
    for row in overlapping.tolist():
        places = np.flatnonzero(found.rows == row)
        columns = (found.kinds[places].tolist(), found.starts[places].tolist(), found.ends[places].tolist())
        stays[places[_disjoint([(priorities[kind], a, b) for kind, a, b in zip(*columns, strict=True)])]] = True
    return found.take(np.flatnonzero(stays))


def _mask(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> None:
    """Writes "<=====>" over the bytes from each start to its end."""
    sizes = ends - starts
    before = np.cumsum(sizes) - sizes
    data[np.repeat(starts - before, sizes) + np.arange(sizes.sum())] = ord("=")
    data[starts] = ord("<")
    data[ends - 1] = ord(">")


def _windows(text: pa.Array, national: npt.NDArray[np.bool_], search: Search, within: Parts | None) -> Candidates:
    """The windows of both scans, each done only if one of its kinds is wanted."""
    wanted = 0
    for recognizer in search.recognizers:
        wanted |= recognizer.window
    scans = []
    if wanted & _NUMBERS:
        scans.append(scan(text, wanted & _NUMBERS, national, length_table(), within))
    if wanted & ~_NUMBERS:
        scans.append(scan_tokens(text, wanted, within))
    return Candidates(*(np.concatenate(columns) for columns in zip(*scans, strict=True)))


def find_all(text: pa.Array, regions: PhoneRegions, search: Search) -> Found:
    """All values in a batch of texts (large_string, none null).

    What is found is masked and its neighbourhood searched again until nothing new turns up: a phone number
    right behind a card number is plain only when the card number is gone.
    """
    national = regions.any()
    priorities: dict[int, int] = {}
    emails = 0
    for place, recognizer in enumerate(search.recognizers):
        priorities.setdefault(recognizer.kind, place)
        emails = recognizer.kind if recognizer.window == EMAIL else emails
    rounds: list[Found] = []
    masked: Bytes | None = None
    windows = _windows(text, national, search, None)
    while True:
        parts = []
        if search.rules:
            sifted = sift(text, windows, search.rules)
            windows = sifted.left
            kinds = np.full(len(sifted.rows), emails, np.uint8)
            parts.append(Found(sifted.rows, kinds, sifted.starts, sifted.ends))
        values = np.array(list(_recognized(text, windows, regions, search)), np.int64).reshape(-1, 4)
        parts.append(Found(values[:, 0], values[:, 1].astype(np.uint8), values[:, 2], values[:, 3]))
        new = _settled(Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True))), priorities)
        rounds.append(new)
        if not len(new.rows):
            whole = Found(*(np.concatenate(columns) for columns in zip(*rounds, strict=True)))
            return whole.take(np.lexsort((whole.starts, whole.rows)))
        if masked is None:
            data, offsets = text_buffers(text)
            masked, offsets = data[offsets[0] : offsets[-1]].copy(), offsets - offsets[0]
            text = text_array(masked, offsets)
        _mask(masked, offsets[new.rows] + new.starts, offsets[new.rows] + new.ends)
        where = (new.rows, new.starts, new.ends)
        windows = near(_windows(text, national, search, lines_around(text, *where)), *where)
