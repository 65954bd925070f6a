"""A release opened for training: cells and weights of a phase, and documents held out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tamis.errors import InputError, OptionError
from tamis.tokens.release import open_release
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
