"""fastText model files (`.bin` and `.ftz`) as the arrays that the compiled loops read.

Layout, little-endian (fastText 0.9, file version 12): a header of options; the dictionary (words, then
labels); the buckets that pruning left; the input matrix, dense or product-quantized; the output matrix.
Reading it here, and not through the library, gives the loops the matrices of quantized models, too.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.errors import InputError

MAGIC = 793712314
VERSION = 12
SUPERVISED = 3
HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
"""Losses, as the file numbers them."""
EOS = b"</s>"
LABEL_PREFIX = b"__label__"
EXPANDED_LIMIT = 1 << 29
"""Most bytes a quantized matrix may take as float32: lid.176.ftz takes 4 MB; every worker holds a copy."""

Floats = npt.NDArray[np.float32]


class UnsupportedModelError(ValueError):
    """A sound model that the compiled loops don't run; the library does."""


@dataclass(frozen=True)
class FastTextModel:
    """A supervised fastText model."""

    dim: int
    loss: int
    bucket: int
    minn: int
    maxn: int
    word_ngrams: int
    words: list[bytes]
    labels: list[bytes]
    label_counts: list[int]
    """Training examples per label; they shape the tree of the hierarchical softmax."""
    kept_buckets: npt.NDArray[np.int32] | None
    """Rows (bucket, row after the words) of a pruned model; None: every bucket has its row."""
    rows: Floats
    """Input matrix, (words + buckets, dim)."""
    output: Floats
    """Output matrix, (labels, dim); for the hierarchical softmax row i is inner node i of the tree."""


class Tree(NamedTuple):
    """The Huffman tree of a hierarchical softmax: nodes 0..labels-1 are leaves, the last one is the root."""

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int32]
    """Of leaves: the order in which a search that goes left first comes to them."""


def read_model(path: Path) -> FastTextModel:
    """Reads a model file. Dense matrices stay in the file's mapping, which all workers share.

    Raises InputError when it is no supervised fastText model, UnsupportedModelError when it is one that only
    the library runs.
    """
    reader = _Reader(path)
    with _whole(reader):
        return _read(reader)


def labels_of(path: Path) -> list[str] | None:
    """The labels of a model file, in its order, without its matrices; None when only the library can tell.

    Raises InputError as `read_model` does.
    """
    reader = _Reader(path)
    try:
        with _whole(reader):
            _header(reader)
            _, labels, _, _ = _dictionary(reader)
    except UnsupportedModelError:
        return None
    return [label.decode("utf-8", "replace") for label in labels]


@contextmanager
def _whole(reader: _Reader) -> Iterator[None]:
    """Around the reading of a file: what breaks it is told as damage."""
    try:
        yield
    except (struct.error, ValueError, IndexError) as error:
        if isinstance(error, UnsupportedModelError):
            raise
        raise InputError(
            f"{reader.path} ends or breaks at byte {reader.at} of {len(reader.file)}: the fastText model is damaged "
            f"({error}). Fetch it again"
        ) from error


def _header(reader: _Reader) -> tuple[int, tuple[int, ...]]:
    """File version and options, up to the dictionary."""
    magic, version = reader.take("ii") if len(reader.file) >= 8 else (0, 0)
    if magic != MAGIC:
        raise InputError(f"{reader.path} is no fastText model: give a .bin or .ftz file that `save_model` wrote")
    if version > VERSION:
        raise UnsupportedModelError(f"file version {version} (known: up to {VERSION})")
    options = reader.take("12i")
    reader.take("d")
    if options[7] != SUPERVISED:
        raise InputError(
            f"{reader.path} is a fastText model of word vectors, without labels; a classifier "
            "(trained with `train_supervised`) is needed"
        )
    return version, options


def _read(reader: _Reader) -> FastTextModel:
    version, (dim, _, _, _, _, word_ngrams, loss, _, bucket, minn, maxn, _) = _header(reader)
    if version == 11:
        maxn = 0  # supervised models of that version were trained without subwords
    if loss not in (HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL):
        raise UnsupportedModelError(f"loss number {loss}")
    words, labels, counts, kept = _dictionary(reader)
    quantized = bool(reader.take("?")[0])
    rows = reader.quantized_matrix() if quantized else reader.dense_matrix()
    output = reader.quantized_matrix() if reader.take("?")[0] and quantized else reader.dense_matrix()
    features = len(kept) if kept is not None else (bucket if maxn > 0 or word_ngrams > 1 else 0)
    if rows.shape[1] != dim or rows.shape[0] < len(words) + features or output.shape != (len(labels), dim):
        raise ValueError(f"matrices of {rows.shape} and {output.shape} for {len(words)} words, {len(labels)} labels")
    return FastTextModel(dim, loss, bucket, minn, maxn, word_ngrams, words, labels, counts, kept, rows, output)


def _dictionary(
    reader: _Reader,
) -> tuple[list[bytes], list[bytes], list[int], npt.NDArray[np.int32] | None]:
    size, _, _ = reader.take("iii")
    _, kept_size = reader.take("qq")
    words: list[bytes] = []
    labels: list[bytes] = []
    counts: list[int] = []
    for _ in range(size):
        text = reader.string()
        count, is_label = reader.take("qb")
        if is_label:
            labels.append(text)
            counts.append(count)
        else:
            words.append(text)
    if not labels:
        raise ValueError("no labels")
    kept = None if kept_size < 0 else reader.array(np.int32, 2 * kept_size).reshape(-1, 2).copy()
    return words, labels, counts, kept


class _Reader:
    """Little-endian values from a mapped file, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        with path.open("rb") as file:
            empty = file.seek(0, 2) == 0
            self.file: Any = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.file, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def string(self) -> bytes:
        """Bytes up to the next zero."""
        end = self.file.find(b"\0", self.at)
        if end < 0:
            raise ValueError("a word without end")
        text = bytes(self.file[self.at : end])
        self.at = end + 1
        return text

    def array(self, dtype: Any, count: int) -> npt.NDArray[Any]:
        """`count` values, without a copy; they needn't be aligned."""
        values = np.frombuffer(self.file, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def dense_matrix(self) -> Floats:
        height, width = self.take("qq")
        return self.array(np.float32, height * width).reshape(height, width)

    def quantized_matrix(self) -> Floats:
        """A product-quantized matrix, expanded: each row is a few centroids side by side, times its norm."""
        with_norms, height, width, code_bytes = self.take("?qqi")
        if 4 * height * width > EXPANDED_LIMIT:
            raise UnsupportedModelError(f"a quantized matrix of {height} x {width}: expanded, it would fill memory")
        codes = self.array(np.uint8, code_bytes)
        _, parts, part_width, last_width = self.take("4i")
        codes = codes.reshape(height, parts)
        centroids = self.array(np.float32, 256 * width)
        matrix = np.empty((height, width), np.float32)
        for part in range(parts):
            columns = last_width if part == parts - 1 else part_width
            first = part * part_width
            table = centroids[256 * first :][: 256 * columns].reshape(256, columns)
            matrix[:, first : first + columns] = table[codes[:, part]]
        if with_norms:
            norm_codes = self.array(np.uint8, height)
            self.take("4i")
            matrix *= self.array(np.float32, 256)[norm_codes][:, None]
        matrix.flags.writeable = False
        return matrix


def huffman_tree(counts: list[int]) -> Tree:
    """The tree that fastText builds from the labels' counts, which the file lists in descending order."""
    leaves = len(counts)
    total = [*counts, *[10**15] * (leaves - 1)]
    left = np.full(2 * leaves - 1, -1, np.int32)
    right = np.full(2 * leaves - 1, -1, np.int32)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, 2 * leaves - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[parent], right[parent] = pair
        total[parent] = total[pair[0]] + total[pair[1]]
    rank = np.full(2 * leaves - 1, -1, np.int32)
    waiting, reached = [2 * leaves - 2], 0
    while waiting:
        place = waiting.pop()
        if place < leaves:
            rank[place] = reached
            reached += 1
        else:
            waiting += [int(right[place]), int(left[place])]
    return Tree(left, right, rank)


def word_hashes(words: list[bytes]) -> npt.NDArray[np.uint32]:
    """fastText's 32-bit FNV-1a of each word; as in its models, bytes are taken as signed."""
    lengths = np.array([len(word) for word in words], np.int64)
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(words), np.int8).astype(np.int32).view(np.uint32)
    hashes = np.full(len(words), 2166136261, np.uint32)
    active = np.flatnonzero(lengths > 0)
    position = 0
    while len(active):
        hashes[active] = (hashes[active] ^ data[starts[active] + position]) * np.uint32(16777619)
        position += 1
        active = active[lengths[active] > position]
    return hashes


EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
MULTIPLIER = np.uint32(2654435769)


class Table(NamedTuple):
    """Open addressing from uint32 keys to int32 values: a key is at `key * MULTIPLIER >> shift` or after."""

    slots: npt.NDArray[np.uint64]
    """key << 32 | value, or EMPTY; a power of two of them, at most half full."""
    shift: int


def build_table(keys: npt.NDArray[np.uint32], values: npt.NDArray[np.int32]) -> Table:
    """The table of all pairs; equal keys stay apart, one after the other."""
    bits = max(4, int(2 * len(keys)).bit_length())
    slots = np.full(1 << bits, EMPTY, np.uint64)
    entries = keys.astype(np.uint64) << np.uint64(32) | values.astype(np.uint64)
    places = (keys * MULTIPLIER >> np.uint32(32 - bits)).astype(np.int64)
    waiting = np.arange(len(keys))
    while len(waiting):
        # Of those that want the same free slot one gets it; the others go on to the next slot.
        free = waiting[slots[places[waiting]] == EMPTY]
        taken, winners = np.unique(places[free], return_index=True)
        slots[taken] = entries[free[winners]]
        waiting = np.setdiff1d(waiting, free[winners], assume_unique=True)
        places[waiting] = (places[waiting] + 1) & ((1 << bits) - 1)
    return Table(slots, 32 - bits)
