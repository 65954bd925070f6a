"""The linking of few documents, in NumPy, against the compiled loops: the same, whatever the buckets."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels import components, minhash
from tamis.resolve import linking
from tamis.resolve.candidates import buckets


def corpus(seed: int, documents: int, families: int, bands: int, noise: float) -> np.ndarray:
    """Signatures of documents that are more or less like one of their family."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 2**32, (families, 3 * bands), dtype=np.uint32)
    found = base[rng.integers(0, families, documents)]
    other = rng.random(found.shape) < noise
    found[other] = rng.integers(0, 2**32, int(other.sum()), dtype=np.uint32)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(0, 90), st.integers(1, 6), st.integers(1, 5),
    st.sampled_from([0.0, 0.1, 0.3, 0.6]), st.integers(0, 15),
)  # fmt: skip
def test_the_same_components_as_the_compiled_loop(
    seed: int, documents: int, families: int, bands: int, noise: float, least: int
) -> None:
    signatures = corpus(seed, documents, families, bands, noise)
    rng = np.random.default_rng(seed + 1)
    scopes = rng.integers(0, 2, documents).astype(np.uint64)
    keys = minhash.band_keys(signatures, scopes, bands)
    assert np.array_equal(linking.plain_band_keys(signatures, scopes, bands), keys)
    rows = rng.permutation(documents)
    plain, compiled = np.arange(documents), np.arange(documents)
    for band in keys:
        for members, found in buckets(band[rows]):
            linking.plain_link(*linking.unlinked(members, found, plain), rows, signatures, least, plain)
            components.link_buckets(members, found, rows, signatures, least, compiled)
            # Not only in the end: who leads a bucket hangs on what joined its members before.
            assert np.array_equal(linking.plain_roots(plain), components.component_roots(compiled))
    left, right = rng.integers(0, max(documents, 1), (2, documents))
    similarities = linking.plain_similarities(signatures, left, right)
    assert np.array_equal(similarities, minhash.similarities(signatures, left, right))
    assert similarities.dtype == np.float32


def test_large_buckets_of_documents_unlike_one_another() -> None:
    """One bucket of many, most of them unlike: leaders and windows decide."""
    for seed in range(6):
        signatures = corpus(seed, 400, 120, 4, 0.25)
        keys = np.zeros(400, np.uint64)
        plain, compiled = np.arange(400), np.arange(400)
        rows = np.random.default_rng(seed).permutation(400)
        members = np.arange(400)
        linking.plain_link(*linking.unlinked(members, keys, plain), rows, signatures, 7, plain)
        components.link_buckets(members, keys, rows, signatures, 7, compiled)
        assert np.array_equal(linking.plain_roots(plain), components.component_roots(compiled))
        assert 1 < len(np.unique(compiled)) < 400


def test_few_documents_need_no_compiled_code() -> None:
    """And many load it."""
    script = """
import sys
import numpy as np
from tamis.resolve import linking
signatures, scopes = np.zeros((40, 6), np.uint32), np.zeros(40, np.uint64)
keys = linking.band_keys(signatures, scopes, 2, 40)
parent = np.arange(40)
for band in keys:
    linking.link_buckets(np.arange(40), band, np.arange(40), signatures, 4, parent)
assert not linking.component_roots(parent).any()
assert linking.similarities(signatures, parent, parent).all()
assert "numba" not in sys.modules
linking.FEW = 10
linking.link_buckets(np.arange(40), keys[0], np.arange(40), signatures, 4, parent)
assert "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
