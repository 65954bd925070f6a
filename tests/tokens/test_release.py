"""A release opened for training: cells and weights of a phase, and documents held out."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError, OptionError
from tamis.tokens.release import open_release, sampled
from trained_release import ids_by_document


@pytest.mark.parametrize("name", ["megatron", "npy", "ds"])
def test_the_cells_have_the_tokens_of_the_shards(tiny_release: Path, tmp_path: Path, name: str) -> None:
    alone = tmp_path / "release"
    shutil.copytree(tiny_release, alone)
    for other in {"megatron", "npy", "ds"} - {name}:
        shutil.rmtree(alone / other)
    opened = open_release(alone)
    found = {
        tuple(cell.piece(document, 0, int(size)).tolist())
        for cell in opened.cells.values()
        for document, size in enumerate(cell.lengths)
    }
    assert found == {tuple(ids) for ids in ids_by_document(tiny_release).values()}


def test_weights_are_the_shares_of_the_mix(tiny_release: Path) -> None:
    opened = open_release(tiny_release)
    shards = pl.read_parquet(tiny_release / "tokens/*/*.parquet", include_file_paths="path")
    mixed = int((shards["copies"] * shards["n_tokens"]).sum())
    assert opened.tokens == mixed
    assert sum(opened.weights.values()) == pytest.approx(1)
    stream = opened.stream(sequence_length=64, seed=1)
    assert len(stream) == mixed // 64
    seen = dict.fromkeys(opened.weights, 0)
    for number in range(len(stream)):
        sample = stream[number]
        seen[stream.cells[sample.cell].name] += sample.tokens
    shares = {name: tokens / sum(seen.values()) for name, tokens in seen.items()}
    assert shares == pytest.approx(opened.weights, abs=0.005)


def test_held_out_documents_are_not_trained_on(tiny_release: Path) -> None:
    opened = open_release(tiny_release)
    every = {name: len(cell.lengths) for name, cell in opened.cells.items()}
    training, held = opened.stream(32, held_out=0.2), opened.held_out_stream(32, 0.2)
    kept = {cell.name: len(cell.lengths) for cell in training.cells}
    out = {cell.name: len(cell.lengths) for cell in held.cells}
    assert {name: kept[name] + out.get(name, 0) for name in every} == every
    assert 0.1 < sum(out.values()) / sum(every.values()) < 0.3
    ids = {tuple(ids) for ids in ids_by_document(tiny_release).values()}
    texts = [
        {tuple(cell.piece(i, 0, int(n)).tolist()) for cell in stream.cells for i, n in enumerate(cell.lengths)}
        for stream in (training, held)
    ]
    assert texts[0] | texts[1] == ids
    # A larger share holds out what a smaller one does, and more.
    more = {
        tuple(cell.piece(i, 0, int(n)).tolist())
        for cell in opened.held_out_stream(32, 0.4).cells
        for i, n in enumerate(cell.lengths)
    }
    assert texts[1] < more


def test_a_few_documents_alone(tiny_release: Path) -> None:
    stream = open_release(tiny_release).stream(32, tokens=3200, documents=2)
    assert all(len(cell.lengths) <= 2 for cell in stream.cells)
    assert len(stream) == 100
    assert np.all([stream[i].tokens == 32 for i in range(100)])


def test_refusals(tiny_release: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no phase 'mian'\. Did you mean '?main"):
        open_release(tiny_release, "mian")
    with pytest.raises(InputError, match="no release here"):
        open_release(tmp_path)
    bare = tmp_path / "bare"
    shutil.copytree(tiny_release, bare)
    for name in ("megatron", "npy", "ds"):
        shutil.rmtree(bare / name)
    with pytest.raises(InputError, match=r"no token files to train on.*formats: \[megatron\]"):
        open_release(bare)
    broken = tmp_path / "broken"
    shutil.copytree(tiny_release, broken)
    victim = next((broken / "megatron").rglob("*.bin"))
    victim.write_bytes(victim.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"the lengths of its documents make.*tamis verify"):
        _ = open_release(broken).cells
    with pytest.raises(OptionError, match="no document is held out at a share of 1e-09"):
        open_release(tiny_release).held_out_stream(32, 1e-9)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.05, 1), held_out=st.sampled_from([0.0, 0.1, 0.4]), length=st.sampled_from([8, 32]))
def test_a_small_run_repeats_what_the_whole_phase_repeats(
    tiny_release: Path, share: float, held_out: float, length: int
) -> None:
    opened = open_release(tiny_release)
    tokens = int(share * opened.tokens)
    whole = opened.stream(length).epochs
    left = {cell.name: cell.tokens for cell in opened.stream(length, held_out=held_out).cells}
    small = opened.stream(length, tokens, held_out=held_out, match_repeats=True)
    for cell in small.cells:
        every = opened.cells[cell.name]
        part = tokens / opened.tokens * every.tokens
        if part > left[cell.name]:
            # Too much is held out for that: all that is left is taken.
            assert cell.tokens == left[cell.name]
            continue
        longest = int(every.lengths.max())
        assert abs(cell.tokens - part) <= longest
        # As often as in the whole phase, but for one document of the cell and a sample of each of the two runs.
        sample = length / cell.tokens + length / every.tokens
        assert abs(small.epochs[cell.name] * cell.tokens / part - whole[cell.name]) <= sample * 2
        least, most = part / (part + longest), part / max(part - longest, cell.lengths.min())
        assert whole[cell.name] * least - sample <= small.epochs[cell.name] <= whole[cell.name] * most + sample


@settings(max_examples=100, deadline=None)
@given(
    documents=st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1, exclude_max=True), st.booleans()), max_size=30),
    tokens=st.tuples(st.floats(0, 900), st.floats(0, 900)),
)
def test_samples_come_nearest_to_their_tokens(
    documents: list[tuple[int, float, bool]], tokens: tuple[float, float]
) -> None:
    lengths, hashes, among = (np.array([one[i] for one in documents]) for i in range(3))
    masks = [sampled(lengths.astype(np.int64), hashes, among.astype(bool), n) for n in sorted(tokens)]
    assert not np.any(masks[0] & ~masks[1]), "a smaller sample is part of a larger one"
    ordered = sorted((h, i) for i, (_, h, is_among) in enumerate(documents) if is_among)
    for mask, wanted in zip(masks, sorted(tokens), strict=True):
        sizes = [sum(documents[i][0] for _, i in ordered[:n]) for n in range(len(ordered) + 1)]
        taken = int(mask.sum())
        assert set(np.flatnonzero(mask).tolist()) == {i for _, i in ordered[:taken]}
        if ordered:
            assert taken >= 1
            assert abs(sizes[taken] - wanted) == min(abs(size - wanted) for size in sizes[1:])


def test_a_smaller_sample_is_part_of_a_larger_one(tiny_release: Path) -> None:
    opened = open_release(tiny_release)
    for held_out in (0.0, 0.3):
        streams = [
            opened.stream(8, opened.tokens // parts, held_out=held_out, match_repeats=True) for parts in (9, 4, 2, 1)
        ]
        texts = [
            {(cell.name, *cell.piece(i, 0, int(n)).tolist()) for cell in one.cells for i, n in enumerate(cell.lengths)}
            for one in streams
        ]
        assert all(small < large for small, large in itertools.pairwise(texts))
    # The whole phase has them all.
    assert texts[-1] == {
        (cell.name, *cell.piece(i, 0, int(n)).tolist())
        for cell in opened.stream(8, held_out=0.3).cells
        for i, n in enumerate(cell.lengths)
    }
    again = opened.stream(8, opened.tokens // 9, held_out=0.3, match_repeats=True)
    assert again.fingerprint == streams[0].fingerprint
