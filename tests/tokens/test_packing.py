"""Samples of a cell: every token once a pass, and packing as good as the plain best fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.packing import best_fit
from tamis.tokens.cells import Cell, TokenFile
from tamis.tokens.packing import Packing, sampler

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def cell(lengths: list[int], name: str = "web/fr/news", files: int = 1) -> Cell:
    """Documents whose ids tell where they stand."""
    made, at = [], 0
    for part in np.array_split(np.array(lengths, np.int64), files):
        size = int(part.sum())
        made.append(TokenFile(name, np.arange(at, at + size, dtype=np.uint32), np.cumsum(part)))
        at += size
    return Cell.of(name, made)


@settings(max_examples=100, deadline=None)
@given(LENGTHS, st.integers(40, 100))
def test_best_fit_uses_as_many_bins_as_the_plain_one(lengths: list[int], capacity: int) -> None:
    bins, used = best_fit(np.array(lengths, np.int64), capacity)
    filled = np.bincount(bins, lengths, used)
    assert filled.max() <= capacity
    assert filled.min() > 0
    rooms: list[int] = []
    for size in sorted(lengths, reverse=True):
        fitting = [i for i, room in enumerate(rooms) if room >= size]
        if fitting:
            rooms[min(fitting, key=lambda i: rooms[i])] -= size
        else:
            rooms.append(capacity - size)
    assert sorted(capacity - filled) == sorted(rooms)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 30), st.sampled_from(["concatenate", "best_fit"]), st.integers(1, 3))
def test_a_pass_has_every_token_once(lengths: list[int], length: int, packing: Packing, files: int) -> None:
    one = cell(lengths, files=files)
    samples = sampler(one, length, 5, packing)
    passes = 3 if packing == "best_fit" else length
    count = round(samples.per_pass * passes)
    seen = np.zeros(one.tokens, np.int64)
    for number in range(count):
        pieces = samples.sample(number)
        if packing == "concatenate":
            assert pieces.lengths.sum() == length
        assert 0 < pieces.lengths.sum() <= length
        for document, start, size in zip(*(column.tolist() for column in pieces), strict=True):
            ids = one.piece(document, start, size)
            assert len(ids) == size
            seen[ids] += 1
    assert (seen == passes).all()


def test_passes_are_shuffled_apart_and_the_first_ends_before_the_second() -> None:
    one = cell([7] * 50)
    samples = sampler(one, 7, 5, "concatenate")
    first, second = ([int(samples.sample(turn * 50 + i).documents[0]) for i in range(50)] for turn in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert [int(sampler(one, 7, 6, "concatenate").sample(i).documents[0]) for i in range(50)] != first
    other = sampler(cell([7] * 50, "web/de/news"), 7, 5, "concatenate")
    assert [int(other.sample(i).documents[0]) for i in range(50)] != first


def test_best_fit_cuts_only_what_is_longer_than_a_sample() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, 500).tolist()
    one = cell([*lengths, 64, 71])
    samples = sampler(one, 32, 5, "best_fit")
    pieces = [samples.sample(i) for i in range(int(samples.per_pass))]
    documents = np.concatenate([p.documents for p in pieces])
    counts = np.bincount(documents)
    assert (counts[:500] == 1).all()
    assert counts[500:].tolist() == [2, 3]
    assert one.tokens / (samples.per_pass * 32) > 0.95


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_a_document_longer_than_many_samples(packing: Packing) -> None:
    one = cell([1000, 3])
    samples = sampler(one, 16, 0, packing)
    found = [samples.sample(i) for i in range(int(samples.per_pass))]
    assert max(len(p.documents) for p in found) <= 3
