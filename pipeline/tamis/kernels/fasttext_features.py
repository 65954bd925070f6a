"""The input side of a fastText model: its words, its buckets of n-grams, and where their rows are.

Of a pruned model only some buckets have a row; an index of 8 bytes for 32 buckets tells which, and where it is. It is
small enough (500 kB for two million buckets) to stay in a core's own cache, and behind a sieve of 32 kB, as nine of
ten n-grams have no row. Another such sieve stands before the table of words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.fasttext_model import (
    EMPTY,
    EOS,
    LABEL_PREFIX,
    MULTIPLIER,
    FastTextModel,
    Floats,
    build_table,
    word_hashes,
)
from tamis.kernels.fasttext_tokens import HALF, long_key, mixed
from tamis.kernels.jit import kernel
from tamis.kernels.simd import ones, pointer

LOW = np.uint64(0xFFFFFFFF)
_SIEVE = 1 << 12
_PREFIX = np.frombuffer(LABEL_PREFIX, np.uint8)


class Features(NamedTuple):
    """The input side of a model; `open_features` makes its arrays pointers."""

    vocabulary: Bytes
    """Bytes of all words, then of all labels, joined."""
    bounds: Offsets
    """Word i is `vocabulary[bounds[i]:bounds[i + 1]]`."""
    words: int
    """Entries below are words, the others labels."""
    word_slots: npt.NDArray[np.uint64]
    word_shift: np.uint32
    word_mask: int
    word_sieve: npt.NDArray[np.uint64]
    """Bit b: the hash of some word or label is b, modulo the number of bits."""
    pruned: bool
    """Only some buckets of n-grams kept their row."""
    bucket: int
    share: int
    """2**32 over `bucket`, rounded down; less than 2**32."""
    sieve: npt.NDArray[np.uint64]
    """Bit b: some kept bucket is b, modulo the number of bits. It fits a core's first cache."""
    kept: npt.NDArray[np.uint64]
    """Of a pruned model, for 32 buckets: which of them have a row (low half), and the first such row less the
    words (high half); their rows stand one after the other."""
    minn: int
    maxn: int
    word_ngrams: int
    eos: int
    """Row of `</s>`, or -1."""
    eos_hash: np.uint32
    dim: int
    rows: Floats


def features_of(model: FastTextModel) -> Features:
    """A model's features; the rows of a pruned model are put in the order of their buckets."""
    entries = [*model.words, *model.labels]
    bounds = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(entry) for entry in entries], out=bounds[1:])
    vocabulary = np.frombuffer(b"".join(entries), np.uint8)
    hashes = np.empty(len(entries), np.uint32)
    _hash_entries(vocabulary, bounds, hashes)
    words = build_table(hashes, np.arange(len(entries), dtype=np.int32))
    rows, kept, sieve = model.rows, np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    if model.kept_buckets is not None:
        buckets, places = model.kept_buckets[np.argsort(model.kept_buckets[:, 0])].T
        has_row = np.zeros(-(-max(1, model.bucket) // 32) * 32, bool)
        has_row[buckets] = True
        before = np.concatenate([[0], np.cumsum(has_row.reshape(-1, 32).sum(1))[:-1]]).astype(np.uint64)
        kept = before << HALF | np.packbits(has_row, bitorder="little").view("<u4")
        sieve = _sieve(buckets)
        rows = aligned((len(model.words) + len(buckets), model.dim), np.float32)
        rows[: len(model.words)] = model.rows[: len(model.words)]
        rows[len(model.words) :] = model.rows[len(model.words) + places]
    # A model whose pruning kept no bucket, or that has none, has no n-grams of either kind.
    ngrams = model.bucket > 0 and (model.kept_buckets is None or len(model.kept_buckets) > 0)
    bucket = max(1, model.bucket)
    return Features(
        vocabulary=vocabulary,
        bounds=bounds,
        words=len(model.words),
        word_slots=words.slots,
        word_shift=np.uint32(words.shift),
        word_mask=len(words.slots) - 1,
        word_sieve=_sieve(hashes),
        pruned=model.kept_buckets is not None,
        bucket=bucket,
        share=min(0xFFFFFFFF, (1 << 32) // bucket),
        sieve=sieve,
        kept=kept,
        minn=model.minn,
        maxn=model.maxn if ngrams else 0,
        word_ngrams=model.word_ngrams if ngrams else 1,
        eos=model.words.index(EOS) if EOS in model.words else -1,
        eos_hash=word_hashes([EOS])[0],
        dim=model.dim,
        rows=frozen(rows),
    )


def _sieve(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Bit b: some key is b, modulo the number of bits."""
    bits = np.zeros(64 * _SIEVE, bool)
    bits[keys % len(bits)] = True
    return np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)


def aligned(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """An array from a cache line's begin on: no row of 16 float32 spans two. A large one begins on a large page."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    bounds = 1 << 21 if size >= 1 << 21 else 64
    raw = np.empty(size + bounds, np.uint8)
    first = -raw.ctypes.data % bounds
    array: npt.NDArray[Any] = raw[first : first + size].view(dtype).reshape(shape)
    return array


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: one type for the compiler, whoever made the array."""
    view = array.view()
    view.flags.writeable = False
    return view


@kernel()
def open_features(f):  # type: ignore[no-untyped-def]
    """The Features with pointers for arrays, which must outlive them."""
    return Features(
        pointer(f.vocabulary),
        pointer(f.bounds),
        f.words,
        pointer(f.word_slots),
        f.word_shift,
        f.word_mask,
        pointer(f.word_sieve),
        f.pruned,
        f.bucket,
        f.share,
        pointer(f.sieve),
        pointer(f.kept),
        f.minn,
        f.maxn,
        f.word_ngrams,
        f.eos,
        f.eos_hash,
        f.dim,
        pointer(f.rows),
    )


@kernel()
def _same(left, at, right, start, size):  # type: ignore[no-untyped-def]
    """Whether `left[at:]` and `right[start:]` share their first `size` bytes."""
    k = 0
    while k < size and left[at + k] == right[start + k]:
        k += 1
    return k == size


@kernel()
def _hash_entries(vocabulary, bounds, hashes):  # type: ignore[no-untyped-def]
    """Writes the hash by which `entry_of` finds each word and label."""
    text = pointer(vocabulary)
    for i in range(len(hashes)):
        lo, hi = long_key(text, bounds[i], bounds[i + 1] - bounds[i], len(vocabulary))
        hashes[i] = np.uint32(mixed(lo, hi) >> HALF)


@kernel()
def entry_of(f, text, at, size, lo, hi):  # type: ignore[no-untyped-def]
    """Index of the token `text[at:at + size]` of key (lo, hi) among words and labels, or -1."""
    h = np.uint32(mixed(lo, hi) >> HALF)
    slot = np.int64(np.uint32(h * MULTIPLIER) >> f.word_shift)
    while f.word_slots[slot] != EMPTY:
        if np.uint32(f.word_slots[slot] >> HALF) == h:
            index = np.int64(f.word_slots[slot] & LOW)
            first = f.bounds[index]
            if f.bounds[index + 1] - first == size and _same(f.vocabulary, first, text, at, size):
                return index
        slot = (slot + 1) & f.word_mask
    return np.int64(-1)


@kernel()
def starts_as_label(text, at, size):  # type: ignore[no-untyped-def]
    """Whether a token starts with `__label__`: if it is no word, the library leaves it out."""
    return size >= len(_PREFIX) and _same(_PREFIX, 0, text, at, len(_PREFIX))


@kernel()
def is_label(f, text, at, size, lo, hi):  # type: ignore[no-untyped-def]
    """Whether a token is one of the labels or, being no word, looks like one: then the library leaves it out."""
    h = np.int64(np.uint32(mixed(lo, hi) >> HALF))
    entry = entry_of(f, text, at, size, lo, hi) if passes(f.word_sieve, h) else np.int64(-1)
    return entry >= f.words or (entry < 0 and starts_as_label(text, at, size))


@kernel()
def passes(sieve, key):  # type: ignore[no-untyped-def]
    """1 if a key passes a sieve, as every key that it was made of does and few others; else 0."""
    return np.int64(sieve[(key >> 6) & (_SIEVE - 1)] >> np.uint64(key & 63) & np.uint64(1))


@kernel()
def row_of(f, bucket):  # type: ignore[no-untyped-def]
    """Row of a bucket of n-grams, or another one where pruning dropped it, and whether it has one."""
    if not f.pruned:
        return f.words + bucket, 1
    entry = f.kept[bucket >> 5]
    bit = np.uint64(1) << np.uint64(bucket & 31)
    row = f.words + np.int64(entry >> HALF) + ones(entry & (bit - np.uint64(1)))
    return row, np.int64((entry & bit) != 0)


@kernel()
def add_row(f, row, total):  # type: ignore[no-untyped-def]
    """Adds a row to `total`."""
    at = row * f.dim
    for k in range(f.dim):
        total[k] += f.rows[at + k]
