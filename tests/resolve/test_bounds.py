"""Bounds of clusters against every set of documents they are bounds for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.resolve import bounds
from tamis.resolve.bounds import Presence, exact_bounds, near_bounds
from tamis.resolve.candidates import near_clusters

BANDS, SLOTS = 3, 12
BAND = SLOTS // BANDS


def packed(signatures: np.ndarray) -> list[pa.Array]:
    kind = pa.binary(4 * signatures.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(signatures, "<u4"))
    return [pa.Array.from_buffers(kind, len(signatures), [None, data])]


def worlds(rng: Any, scopes: np.ndarray, presence: Presence, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sets of rows that may turn out to be there, with their scopes: all of them when there are few."""
    doubtful = np.flatnonzero(~presence.sure)
    free = 2 ** len(doubtful) <= most and not presence.wild.any()
    for number in range(2 ** len(doubtful) if free else most):
        here = presence.sure.copy()
        bits = [(number >> bit) & 1 for bit in range(len(doubtful))] if free else rng.integers(0, 2, len(doubtful))
        here[doubtful] = np.array(bits, bool)
        placed = np.where(presence.wild, rng.integers(0, 3, len(scopes)), scopes).astype(np.uint64)
        yield here, placed


def signals(kept: np.ndarray) -> dict[str, np.ndarray]:
    itself = np.arange(len(kept))
    return {
        "is_duplicate": kept != itself,
        "duplicate_of": kept,
        "cluster_size": np.bincount(kept, minlength=len(kept))[kept],
    }


def seen_in(here: np.ndarray, order: np.ndarray, resolve: Any) -> dict[str, np.ndarray]:
    """Signals of the rows that are `here`, by row of the whole; -1 for the others."""
    rows = np.flatnonzero(here)
    place = np.full(len(here), -1)
    place[rows] = np.arange(len(rows))
    kept = rows[resolve(rows, place[order[here[order]]])]
    whole = np.where(here, np.arange(len(here)), -1)
    whole[rows] = kept
    found = signals(np.where(whole < 0, np.arange(len(here)), whole))
    return {name: np.where(here, values, -1) for name, values in found.items()}


def check(
    rng: Any, scopes: np.ndarray, presence: Presence, order: np.ndarray, found: Any, resolve: Any, most: int = 64
) -> dict[str, tuple[int, int]]:
    """Asserts that what is certain never varies; returns how many rows are certain, and how many never varied."""
    seen: dict[str, list[set[int]]] = {name: [set() for _ in scopes] for name in found.certain()}
    for here, placed in worlds(rng, scopes, presence, most):
        values = seen_in(here, order, partial(resolve, placed))
        for name, column in values.items():
            for row in np.flatnonzero(here):
                seen[name][row].add(int(column[row]))
    counts = {}
    for name, certain in found.certain().items():
        if name == "similarity":
            continue
        varied = np.array([len(values) > 1 for values in seen[name]], bool)
        assert not (varied & certain).any(), (name, np.flatnonzero(varied & certain), presence)
        counts[name] = (int(certain.sum()), int((~varied).sum()))
    return counts


def families(rng: Any, rows: int, values: int) -> np.ndarray:
    """Relatives of a few documents: chains of them, and buckets of all sizes."""
    parents = rng.integers(0, values, (max(1, rows // 6), SLOTS), dtype=np.uint32)
    matrix = parents[rng.integers(0, len(parents), rows)]
    return np.where(rng.random(matrix.shape) < 0.25, rng.integers(0, values, matrix.shape), matrix)


def crowd(rng: Any, rows: int) -> np.ndarray:
    """A large bucket of small families: who is compared in it depends on who else is there. Each has a
    relative of a relative, too, which is alike to the one alone, or stands outside the crowd."""
    matrix = rng.integers(0, 2**31, (rows, SLOTS))
    matrix[:, :BAND] = 7
    for _ in range(rows // 3):
        best, other = rng.integers(0, rows, 2)
        matrix[other] = matrix[best]
        matrix[other, BAND::BAND] = rng.integers(0, 2**31, BANDS - 1)
        third = rng.integers(0, rows)
        matrix[third] = matrix[other]
        if rng.random() < 0.3:
            matrix[third, 0] = 8
        else:
            matrix[third, BAND + 1 :: BAND] = rng.integers(0, 2**31, BANDS - 1)
    return matrix


def near_case(
    seed: int, rows: int, values: int, doubt: float, wild: float, scopes: int, most: int = 64
) -> dict[str, tuple[int, int]]:
    """Checks random documents: a crowd when they may have no values."""
    rng = np.random.default_rng(seed)
    matrix = (families(rng, rows, values) if values else crowd(rng, rows)).astype(np.uint32)
    own = rng.integers(0, scopes, rows).astype(np.uint64)
    sure = rng.random(rows) >= doubt
    presence = Presence(sure, ~sure & (rng.random(rows) < wild))
    order = rng.permutation(rows)
    least = float(rng.choice([0.0, 0.5, 0.7]) if values else 0.7)
    found = near_bounds(packed(matrix), order, own, presence, (BANDS, BAND), least, Path())

    def resolve(placed: np.ndarray, rows: np.ndarray, order: np.ndarray) -> np.ndarray:
        return near_clusters(packed(matrix[rows]), order, placed[rows], (BANDS, BAND), least, Path())[0]

    return check(rng, own, presence, order, found, resolve, most)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(1, 48), st.sampled_from([0, 0, 2, 3, 5]), st.sampled_from([0.05, 0.2, 0.6]),
    st.sampled_from([0.0, 0.0, 0.5]), st.integers(1, 2),
)  # fmt: skip
def test_near_duplicates_that_are_certain_never_vary(
    seed: int, rows: int, values: int, doubt: float, wild: float, scopes: int
) -> None:
    near_case(seed, rows, values, doubt, wild, scopes)


@pytest.mark.parametrize("huge", [4, 512])
def test_most_of_what_never_varies_is_certain(monkeypatch: pytest.MonkeyPatch, huge: int) -> None:
    """Large buckets leave some rows in doubt that don't vary; few of them."""
    monkeypatch.setattr(bounds, "FULL_BUCKET", huge)
    certain = constant = 0
    for seed in range(20):
        counts = near_case(seed, 40, 4 * (seed % 2), 0.1, 0, 1)["is_duplicate"]
        certain, constant = certain + counts[0], constant + counts[1]
    assert certain > 0.5 * constant


@pytest.mark.parametrize("seed", range(10))
def test_in_small_buckets_all_that_never_varies_is_certain(seed: int) -> None:
    for certain, constant in near_case(seed, 9, 3, 0.3, 0, 1, most=512).values():
        assert certain == constant


def test_rows_far_from_the_doubtful_one_are_steady() -> None:
    matrix = np.repeat(np.arange(4, dtype=np.uint32)[:, None], SLOTS, axis=1)[[0, 0, 1, 1, 2, 3]]
    sure = np.array([True, True, True, False, True, True])
    presence = Presence(sure, np.zeros(6, bool))
    found = near_bounds(packed(matrix), np.arange(6), np.zeros(6, np.uint64), presence, (BANDS, BAND), 0.7, Path())
    assert found.steady.tolist() == [True, True, False, True, True, True]
    assert found.low[2] == found.high[2] == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.sampled_from([0.1, 0.5]), st.booleans(), st.integers(1, 3))
def test_exact_duplicates_that_are_certain_never_vary(
    seed: int, rows: int, doubt: float, wild: bool, scopes: int
) -> None:
    rng = np.random.default_rng(seed)
    texts = rng.integers(0, max(1, rows // 3), rows)
    hashes = pa.chunked_array([pa.array([bytes([text]) * 16 for text in texts], pa.binary(16))])
    own = rng.integers(0, scopes, rows).astype(np.uint64)
    sure = rng.random(rows) >= doubt
    presence = Presence(sure, ~sure & wild)
    order = rng.permutation(rows)
    found = exact_bounds(hashes, order, own, presence)

    def resolve(placed: np.ndarray, rows: np.ndarray, order: np.ndarray) -> np.ndarray:
        best: dict[Any, int] = {}
        for row in order:
            best.setdefault((texts[rows[row]], placed[rows[row]]), int(row))
        return np.array([best[texts[row], placed[row]] for row in rows], np.int64)

    counts = check(rng, own, presence, order, found, resolve, 512)
    if not wild and (~sure).sum() <= 9:
        assert all(certain == constant for certain, constant in counts.values())
