"""Near-duplicate clusters against a twin that compares every pair."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.components import shared_keys
from tamis.resolve import candidates
from tamis.resolve.candidates import near_clusters, partner_keys


def column(signatures: np.ndarray, absent: tuple[int, ...] = (), chunks: int = 1) -> list[pa.Array]:
    width = 4 * signatures.shape[1]
    values = [None if i in absent else row.astype("<u4").tobytes() for i, row in enumerate(signatures)]
    cuts = np.linspace(0, len(values), chunks + 1).astype(int)
    return [pa.array(values[a:b], pa.binary(width)) for a, b in itertools.pairwise(cuts)]


def packed(signatures: np.ndarray) -> list[pa.Array]:
    kind = pa.binary(4 * signatures.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(signatures, "<u4"))
    return [pa.Array.from_buffers(kind, len(signatures), [None, data])]


def twin(signatures: np.ndarray, scopes: list[int], absent: tuple[int, ...], bands: int, least: float) -> list[int]:
    """Kept rows when row numbers are the ranks."""
    component = list(range(len(signatures)))
    rows = signatures.shape[1] // bands
    for a, b in itertools.combinations(range(len(signatures)), 2):
        if a in absent or b in absent or scopes[a] != scopes[b]:
            continue
        equal = signatures[a] == signatures[b]
        if equal.reshape(bands, rows).all(axis=1).any() and equal.mean() >= least:
            low, high = sorted((component[a], component[b]))
            component = [low if c == high else c for c in component]
    return component


@settings(max_examples=100, deadline=None)
@given(
    # Up to 9 documents: every bucket is then compared in full.
    st.lists(st.lists(st.integers(0, 1), min_size=6, max_size=6), max_size=9),
    st.lists(st.integers(0, 1), min_size=9, max_size=9),
    st.sets(st.integers(0, 8), max_size=2),
    st.sampled_from([0.0, 0.5, 2 / 3, 0.7, 1.0]),
)
def test_twin(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[list[int]],
    scopes: list[int],
    absent: set[int],
    least: float,
) -> None:
    signatures = np.array(values, np.uint32).reshape(-1, 6)
    n = len(signatures)
    kept, similarity = near_clusters(
        column(signatures, tuple(absent)), np.arange(n), np.array(scopes[:n], np.uint64), (3, 2), least, Path()
    )
    assert kept.tolist() == twin(signatures, scopes, tuple(absent), 3, least)
    expected = [float((signatures[i] == signatures[k]).mean()) for i, k in enumerate(kept)]
    assert similarity.tolist() == pytest.approx(expected)


def related(n: int, seed: int = 0, agree: float = 0.85) -> np.ndarray:
    """Random signatures of 112 slots; the second half are relatives of the first."""
    rng = np.random.default_rng(seed)
    signatures = rng.integers(0, 2**32, (n, 112), dtype=np.uint32)
    half = n // 2
    same = rng.random((half, 112)) < agree
    signatures[half : 2 * half] = np.where(same, signatures[:half], signatures[half : 2 * half])
    return signatures


def test_files_partitions_and_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = related(2000)
    signatures[:300, :8] = 7  # a bucket with more strangers than leaders
    order = np.random.default_rng(1).permutation(2000)
    scopes = np.zeros(2000, np.uint64)
    plain = near_clusters(packed(signatures), order, scopes, (14, 8), 0.7, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(candidates, "SPILL_BYTES", 1000)
    monkeypatch.setattr(candidates, "PARTITION_ROWS", 300)
    monkeypatch.setattr(candidates, "_CHUNK_ROWS", 97)
    spilled = near_clusters(column(signatures, chunks=5), order, scopes, (14, 8), 0.7, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["band_keys.npy", "signatures.npy"]
    assert (plain[0] == spilled[0]).all()
    assert (plain[1] == spilled[1]).all()
    assert 900 < (plain[0] != np.arange(2000)).sum() < 1001


@pytest.mark.parametrize("seed", range(4))
def test_partners_are_all_that_can_be_in_a_cluster(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    signatures = related(400, seed)
    signatures[rng.choice(400, 60), :8] = 7
    absent = tuple(rng.choice(400, 20, replace=False).tolist())
    present = ~np.isin(np.arange(400), absent)
    keys = partner_keys(packed(signatures[present])[0], (14, 8))
    partners = present.copy()
    partners[present] = np.any([shared_keys([band[:150], band[150:]]) for band in keys], axis=0)
    assert 0 < partners.sum() < 380
    for _ in range(5):
        here = np.flatnonzero(rng.random(400) < rng.uniform(0.2, 1))
        few = here[partners[here]]
        gone = {i: tuple(np.flatnonzero(np.isin(rows, absent))) for i, rows in enumerate((here, few))}
        all_kept, all_like = (
            near_clusters(
                column(signatures[here], gone[0]), np.arange(len(here)), np.zeros(len(here), np.uint64),
                (14, 8), 0.7, tmp_path,
            )
        )  # fmt: skip
        kept, like = near_clusters(
            column(signatures[few], gone[1]), np.arange(len(few)), np.zeros(len(few), np.uint64), (14, 8), 0.7, tmp_path
        )
        among = partners[here]
        assert (few[kept] == here[all_kept][among]).all()
        assert (like == all_like[among]).all()
        assert (all_kept[~among] == np.flatnonzero(~among)).all()
        assert (kept != np.arange(len(kept))).any()


def test_leaders_and_neighbours_are_compared_in_a_large_bucket() -> None:
    signatures = related(40, agree=0)
    signatures[:, :8] = 7  # all 40 share the first band
    for best, other in ((0, 39), (25, 26), (20, 28)):
        signatures[other] = signatures[best]
        signatures[other, 8::8] += 1  # and this pair no other one
    order, scopes = np.arange(40), np.zeros(40, np.uint64)
    kept, similarity = near_clusters(packed(signatures), order, scopes, (14, 8), 0.7, Path())
    assert {i: int(k) for i, k in enumerate(kept) if i != k} == {39: 0, 26: 25, 28: 20}
    assert similarity[39] == pytest.approx(99 / 112)


def timed(signatures: np.ndarray, least: float = 0.7) -> tuple[np.ndarray, float]:
    n = len(signatures)
    near_clusters(packed(signatures[:4]), np.arange(4), np.zeros(4, np.uint64), (14, 8), least, Path())  # compiles
    start = time.process_time()
    kept, _ = near_clusters(packed(signatures), np.arange(n), np.zeros(n, np.uint64), (14, 8), least, Path())
    return kept, time.process_time() - start


def test_a_large_cluster_costs_no_more_than_its_size() -> None:
    kept, seconds = timed(np.repeat(related(1), 10_000, axis=0))
    assert (kept == 0).all()
    assert seconds < 2


def test_a_large_bucket_of_strangers_costs_no_more_than_its_size() -> None:
    signatures = related(40_000, agree=0)
    signatures[:, :8] = 7
    kept, seconds = timed(signatures)
    assert (kept == np.arange(40_000)).all()
    assert seconds < 4


def test_two_hundred_thousand_documents() -> None:
    kept, seconds = timed(related(200_000))
    assert (kept[:100_000] == np.arange(100_000)).all()
    assert (kept[100_000:] == np.arange(100_000)).mean() > 0.97
    assert seconds < 10
