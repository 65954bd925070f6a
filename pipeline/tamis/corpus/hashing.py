"""Hashes: identity of configurations and texts, and per-document randomness."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from tamis.corpus.commit import canonical_json

DIGEST = pa.binary(16)
"""Arrow type of a content hash: xxh3-128 of the UTF-8 text, big-endian."""

_PIECE_BYTES = 1 << 18
"""Bytes of a file that are hashed at a time: they stay in the cache of a core."""


def key_of(*parts: Any) -> str:
    """32 hex digits that identify `parts` (anything JSON can say)."""
    return hashlib.blake2b(canonical_json(parts), digest_size=16).hexdigest()


def content_hashes(text: pa.Array) -> pa.Array:
    """xxh3-128 of each row's UTF-8 bytes."""
    _, offset_buffer, data_buffer = text.buffers()
    if len(text) == 0:
        return pa.array([], DIGEST)
    offsets = np.frombuffer(offset_buffer, np.int64)[text.offset : text.offset + len(text) + 1]
    view = memoryview(data_buffer) if data_buffer is not None else memoryview(b"")
    digest = xxhash.xxh3_128_digest
    # One call a document: hashing runs at several GB/s, the loop costs 0.3 us a row.
    joined = b"".join([digest(view[a:b]) for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)])
    return pa.Array.from_buffers(DIGEST, len(text), [None, pa.py_buffer(joined)])


def uniform(ids: pa.Array | pa.ChunkedArray, seed: int, purpose: str) -> npt.NDArray[np.float64]:
    """One number in [0, 1) per document id: the same for an id, a seed and a purpose, wherever it is asked."""
    salt = xxhash.xxh3_64_intdigest(f"{purpose}\0{seed}".encode())
    hashed = np.fromiter(
        (xxhash.xxh3_64_intdigest(value.encode(), seed=salt) for value in ids.to_pylist()), np.uint64, count=len(ids)
    )
    return (hashed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def file_fingerprint(path: Path) -> str:
    """xxh3-128 of a file's bytes, in hex: tells whether an input file changed."""
    hasher, room = xxhash.xxh3_128(), memoryview(bytearray(_PIECE_BYTES))
    with path.open("rb", buffering=0) as handle:
        while size := handle.readinto(room):
            hasher.update(room[:size])
    return hasher.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
