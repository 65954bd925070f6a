"""Samples of a run: their tokens and labels, shares by cell, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError, OptionError
from tamis.tokens.cells import Cell, MappedIds, TokenFile
from tamis.tokens.packing import Packing
from tamis.tokens.stream import IGNORED, Stream, StreamOptions

END = 0


def cells(count: int, seed: int = 0, documents: int = 400, mean: int = 60) -> list[Cell]:
    """Cells of random documents that end with END."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        lengths = rng.geometric(1 / mean, documents) + 1
        ends = np.cumsum(lengths)
        ids = rng.integers(1, 60_000, ends[-1]).astype(np.uint16)
        ids[ends - 1] = END
        made.append(Cell.of(f"cell{number}", [TokenFile(f"cell{number}.bin", ids, ends)]))
    return made


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 50), st.sampled_from(["concatenate", "best_fit"]), st.integers(0, 3))
def test_a_sample_is_its_pieces(length: int, packing: Packing, seed: int) -> None:
    some = cells(2, seed, documents=9, mean=7)
    stream = Stream(some, [1, 2], 60 * length, StreamOptions(length, seed, packing, pad_id=77))
    for number in range(len(stream)):
        sample = stream[number]
        assert sample.cu_seqlens[0] == 0
        assert sample.cu_seqlens[-1] == length
        for a, b in zip(sample.cu_seqlens, sample.cu_seqlens[1:], strict=False):
            assert sample.positions[a:b].tolist() == list(range(b - a))
            ids, labels = sample.input_ids[a:b], sample.labels[a:b]
            if a >= sample.tokens:
                assert (ids == 77).all()
                assert (labels == IGNORED).all()
                continue
            assert (ids[:-1] != END).all()
            assert (labels[:-1] == ids[1:]).all()
            assert (labels[-1] == IGNORED) == (ids[-1] == END)
        assert packing == "best_fit" or sample.tokens == length


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_realised_shares_are_those_of_the_plan(packing: Packing) -> None:
    some = cells(6)
    weights = np.array([cell.tokens for cell in some]) * np.array([0.3, 1, 2.5, 1, 4, 0])
    stream = Stream(some, weights.tolist(), int(weights.sum()), StreamOptions(32, 1, packing))
    seen = np.zeros(6)
    for number in range(len(stream)):
        sample = stream[number]
        seen[sample.cell] += sample.tokens
    assert seen[5] == 0
    assert np.abs(seen / seen.sum() - weights / weights.sum()).max() < 0.005
    if packing == "concatenate":
        assert list(stream.epochs.values()) == pytest.approx([0.3, 1, 2.5, 1, 4, 0], abs=0.01)


def test_the_fingerprint_tells_streams_apart() -> None:
    some = cells(2)
    base = Stream(some, [1, 2], 3000, StreamOptions(16))
    assert base.fingerprint == Stream(cells(2), [1, 2], 3000, StreamOptions(16)).fingerprint
    others = [
        Stream(some, [1, 3], 3000, StreamOptions(16)),
        Stream(some, [1, 2], 3016, StreamOptions(16)),
        Stream(some, [1, 2], 3000, StreamOptions(15)),
        Stream(some, [1, 2], 3000, StreamOptions(16, 1)),
        Stream(some, [1, 2], 3000, StreamOptions(16, packing="best_fit")),
        Stream(cells(2, seed=1), [1, 2], 3000, StreamOptions(16)),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_a_memory_map_travels_by_its_path(tmp_path: Path) -> None:
    (one,) = cells(1)
    path = tmp_path / "one.bin"
    np.asarray(one.files[0].ids).tofile(path)
    mapped = Cell.of("cell0", [TokenFile(str(path), MappedIds(path, "<u2"), one.files[0].ends)])
    stream = Stream([mapped], [1], 9999, StreamOptions(64))
    plain = Stream([one], [1], 9999, StreamOptions(64))
    assert stream.fingerprint == plain.fingerprint
    stream[0]
    sent = pickle.dumps(stream)
    assert len(sent) < 8 * one.tokens
    there = pickle.loads(sent)
    for a, b in zip(there[7], plain[7], strict=True):
        assert np.array_equal(a, b)


def test_refusals() -> None:
    some = cells(2)
    empty = Cell.of("empty", [TokenFile("empty.bin", np.zeros(0, np.uint16), np.zeros(0, np.int64))])
    with pytest.raises(OptionError, match="3 weights for 2 cells"):
        Stream(some, [1, 2, 3], 1000, StreamOptions(16))
    with pytest.raises(OptionError, match="weight of cell1 is -1"):
        Stream(some, [1, -1], 1000, StreamOptions(16))
    with pytest.raises(OptionError, match="every cell has the weight 0"):
        Stream(some, [0, 0], 1000, StreamOptions(16))
    with pytest.raises(OptionError, match="15 tokens don't fill one sample of 16"):
        Stream(some, [1, 1], 15, StreamOptions(16))
    with pytest.raises(InputError, match="empty has no token"):
        Stream([*some, empty], [1, 1, 1], 1000, StreamOptions(16))
    with pytest.raises(InputError, match="documents end at token 3, but it has 4"):
        Cell.of("x", [TokenFile("x.bin", np.zeros(4, np.uint16), np.array([3]))])
    stream = Stream([*some, empty], [1, 1, 0], 1000, StreamOptions(16))
    with pytest.raises(IndexError):
        stream[len(stream)]
