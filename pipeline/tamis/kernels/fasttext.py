"""Prediction with a supervised fastText model over Arrow text buffers.

The arithmetic and the tokens are fastText's own: words are cut at ASCII white space and NUL, each word adds
its row and those of its character n-grams, word n-grams add hashed rows, the end of the text adds the
row of `</s>`; the mean of all rows goes through the output layer. What makes it quick is a word cache:
the summed rows of a word are kept and found again by the word's bytes (compared in full, so a hit is
never wrong). Sums are float64 in the order of the words, so a score depends on its document alone; the
library's float32 sums drift from them, by up to 1e-4 on texts of 20 kB and 1e-3 on texts of megabytes.

Two things follow the library to the letter: a token that starts with `__label__` is no word, and a token
`</s>` ends the document.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.fasttext_model import (
    EMPTY,
    EOS,
    HIERARCHICAL,
    LABEL_PREFIX,
    MULTIPLIER,
    SOFTMAX,
    FastTextModel,
    Floats,
    Tree,
    build_table,
    huffman_tree,
    word_hashes,
)

_CACHE_BYTES = 1 << 22
"""Most bytes of summed rows in a call's word cache: about what a core's own caches serve quickly."""
_BASIS = np.uint32(2166136261)
_PRIME = np.uint32(16777619)
_NGRAM_PRIME = np.uint64(116049371)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_PREFIX = np.frombuffer(LABEL_PREFIX, np.uint8)
_EOS = np.frombuffer(EOS, np.uint8)


class Features(NamedTuple):
    """The input side of a model, as `sum_features` reads it."""

    vocabulary: Bytes
    """Bytes of all words, then of all labels, joined."""
    bounds: Offsets
    """Word i is `vocabulary[bounds[i]:bounds[i + 1]]`."""
    words: int
    """Entries below are words, the others labels."""
    word_slots: npt.NDArray[np.uint64]
    word_shift: np.uint32
    pruned: bool
    """Only some buckets of n-grams kept their row."""
    bucket: np.uint32
    kept: Bytes
    """Bit b of a pruned model: bucket b has a row. Small enough to stay in a core's cache."""
    bucket_rows: npt.NDArray[np.int32]
    """Row, after the words, of each kept bucket of a pruned model."""
    minn: int
    maxn: int
    word_ngrams: int
    eos: int
    """Row of `</s>`, or -1."""
    eos_hash: np.uint32
    rows: Floats


class Predictions(NamedTuple):
    """The best label of each document."""

    labels: npt.NDArray[np.int32]
    """Index into the model's labels, or -1 where there is nothing to predict from. Of equals the last."""
    scores: npt.NDArray[np.float32]
    """Probability of the label."""
    known: npt.NDArray[np.bool_]
    """Whether the model knows anything of the document: if not, it gave what it gives for an empty text."""


class Predictor:
    """A model made ready: `predict` gives each document's best label and its probability."""

    def __init__(self, model: FastTextModel) -> None:
        self.labels = [label.decode("utf-8", "replace") for label in model.labels]
        self._features = _features(model)
        self._output = np.array(model.output if model.loss == HIERARCHICAL else model.output.T, order="C")
        self._loss = model.loss
        single = Tree(np.full(1, -1, np.int32), np.full(1, -1, np.int32))
        self._tree = huffman_tree(model.label_counts) if model.loss == HIERARCHICAL else single

    def predict(self, data: Bytes, starts: Offsets, ends: Offsets) -> Predictions:
        """What the model says of each document `data[starts[i]:ends[i]]` of UTF-8; newlines are spaces."""
        documents = len(starts)
        hidden = np.empty((documents, self._features.rows.shape[1]), np.float64)
        counts = np.empty(documents, np.int64)
        labels = np.empty(documents, np.int32)
        scores = np.empty(documents, np.float32)
        if documents:
            budget = min(_CACHE_BYTES, max(1 << 12, int((ends - starts).sum()) * 8))
            slots = 1 << max(8, (budget // (4 * hidden.shape[1])).bit_length() - 1)
            data, starts, ends = _frozen(data), _frozen(starts), _frozen(ends)
            sum_features(data, starts, ends, self._features, slots, hidden, counts)
            totals = counts + (self._features.eos >= 0)
            best_labels(hidden, totals, self._output, self._loss, self._tree, labels, scores)
        return Predictions(labels, scores, counts > 0)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: one type for the compiler, whoever made the array."""
    view = array.view()
    view.flags.writeable = False
    return view


def _features(model: FastTextModel) -> Features:
    entries = [*model.words, *model.labels]
    bounds = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(entry) for entry in entries], out=bounds[1:])
    words = build_table(word_hashes(entries), np.arange(len(entries), dtype=np.int32))
    kept = model.kept_buckets if model.kept_buckets is not None else np.zeros((0, 2), np.int32)
    bucket_rows = np.full(model.bucket if len(kept) else 0, -1, np.int32)
    bucket_rows[kept[:, 0]] = kept[:, 1]
    # A model whose pruning kept no bucket, or that has none, has no n-grams of either kind.
    ngrams = model.bucket > 0 and (model.kept_buckets is None or len(kept) > 0)
    return Features(
        vocabulary=np.frombuffer(b"".join(entries), np.uint8),
        bounds=bounds,
        words=len(model.words),
        word_slots=words.slots,
        word_shift=np.uint32(words.shift),
        pruned=model.kept_buckets is not None,
        bucket=np.uint32(max(1, model.bucket)),
        kept=np.packbits(bucket_rows >= 0, bitorder="little"),
        bucket_rows=bucket_rows,
        minn=model.minn,
        maxn=model.maxn if ngrams else 0,
        word_ngrams=model.word_ngrams if ngrams else 1,
        eos=model.words.index(EOS) if EOS in model.words else -1,
        eos_hash=word_hashes([EOS])[0],
        rows=model.rows,
    )


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def _step(h, byte):  # type: ignore[no-untyped-def]
    """FNV-1a with the byte as a signed one."""
    return np.uint32((h ^ np.uint32(np.int32(np.int8(byte)))) * _PRIME)


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def _is_space(byte):  # type: ignore[no-untyped-def]
    return byte <= 32 and (byte == 32 or (9 <= byte <= 13) or byte == 0)


@njit(nogil=True, cache=True, boundscheck=False, inline="always")
def _same(left, at, right, start, size):  # type: ignore[no-untyped-def]
    """Whether `left[at:]` and `right[start:]` share their first `size` bytes."""
    k = 0
    while k < size and left[at + k] == right[start + k]:
        k += 1
    return k == size


@njit(nogil=True, cache=True, boundscheck=False)
def _row_of(features, bucket):  # type: ignore[no-untyped-def]
    """Row of a bucket of n-grams, or -1 where pruning dropped it."""
    if not features.pruned:
        return features.words + np.int64(bucket)
    if (features.kept[bucket >> 3] >> (bucket & 7)) & 1 == 0:
        return np.int64(-1)
    return features.words + np.int64(features.bucket_rows[bucket])


@njit(nogil=True, cache=True, boundscheck=False)
def _entry_of(features, data, start, end, h):  # type: ignore[no-untyped-def]
    """Index of the token `data[start:end]` among words and labels, or -1."""
    slots, bounds, vocabulary = features.word_slots, features.bounds, features.vocabulary
    slot = np.int64(np.uint32(h * MULTIPLIER) >> features.word_shift)
    while slots[slot] != EMPTY:
        if np.uint32(slots[slot] >> _HIGH) == h:
            index = np.int64(slots[slot] & _LOW)
            at = bounds[index]
            if bounds[index + 1] - at == end - start and _same(vocabulary, at, data, start, end - start):
                return index
        slot = (slot + 1) & (len(slots) - 1)
    return np.int64(-1)


@njit(nogil=True, cache=True, boundscheck=False)
def _sum_subwords(features, word, total):  # type: ignore[no-untyped-def]
    """Adds the rows of the character n-grams of `word` (`<` and `>` around it); returns their number."""
    rows = features.rows
    added = 0
    size = len(word)
    for first in range(size):
        if (word[first] & 0xC0) == 0x80:
            continue
        h = _BASIS
        i = first
        length = 1
        while i < size and length <= features.maxn:
            h = _step(h, word[i])
            i += 1
            while i < size and (word[i] & 0xC0) == 0x80:
                h = _step(h, word[i])
                i += 1
            if length >= features.minn and not (length == 1 and (first == 0 or i == size)):
                row = _row_of(features, np.uint32(h % features.bucket))
                if row >= 0:
                    added += 1
                    for k in range(total.shape[0]):
                        total[k] += rows[row, k]
            length += 1
    return added


@njit(nogil=True, cache=True, boundscheck=False)
def sum_features(data, starts, ends, features, slots, hidden, counts):  # type: ignore[no-untyped-def]
    """Sums each document's rows into `hidden`, and counts them in `counts`, which leaves out `</s>`."""
    rows = features.rows
    dim = rows.shape[1]
    cached_at = np.full((slots, 2), -1, np.int64)  # where in data a cached word stands; length << 32 | rows
    cached = np.empty((slots, dim), np.float32)
    word = np.empty(256, np.uint8)
    total = np.empty(dim, np.float64)
    running = np.zeros(max(1, features.word_ngrams), np.uint64)
    for document in range(len(starts)):
        into = hidden[document]
        into[:] = 0.0
        count = 0
        tokens = 0
        i = starts[document]
        end = ends[document]
        ended = False
        while not ended:
            while i < end and _is_space(data[i]):
                i += 1
            start = i
            h = _BASIS
            while i < end and not _is_space(data[i]):
                h = _step(h, data[i])
                i += 1
            size = i - start
            if size == 0:
                h = features.eos_hash
            if size == 0 or (size == len(_EOS) and _same(_EOS, 0, data, start, size)):
                ended = True  # the token `</s>` is the end, too
                if features.eos >= 0:
                    for k in range(dim):
                        into[k] += rows[features.eos, k]
            else:
                slot = np.int64(h * MULTIPLIER) & (slots - 1)
                at = cached_at[slot, 0]
                if at >= 0 and cached_at[slot, 1] >> 32 == size and _same(data, at, data, start, size):
                    for k in range(dim):
                        into[k] += cached[slot, k]
                    count += cached_at[slot, 1] & 0xFFFFFFFF
                else:
                    entry = _entry_of(features, data, start, i, h)
                    if entry >= features.words:
                        continue
                    if entry < 0 and size >= len(_PREFIX) and _same(_PREFIX, 0, data, start, len(_PREFIX)):
                        continue
                    added = 0
                    total[:] = 0.0
                    if entry >= 0:
                        for k in range(dim):
                            total[k] += rows[entry, k]
                        added = 1
                    if features.maxn > 0:
                        if len(word) < size + 2:
                            word = np.empty(2 * size + 2, np.uint8)
                        word[0] = 60
                        word[1 : size + 1] = data[start:i]
                        word[size + 1] = 62
                        added += _sum_subwords(features, word[: size + 2], total)
                    cached_at[slot, 0] = start
                    cached_at[slot, 1] = size << 32 | added
                    for k in range(dim):
                        cached[slot, k] = total[k]
                        into[k] += cached[slot, k]
                    count += added
            if features.word_ngrams > 1:
                # running[j % n] is the hash of the n-gram that began at token j; each new token extends
                # those of the n - 1 tokens before it and begins its own.
                value = np.uint64(np.int64(np.int32(h)))
                for j in range(max(0, tokens - features.word_ngrams + 1), tokens):
                    place = j % features.word_ngrams
                    running[place] = running[place] * _NGRAM_PRIME + value
                    row = _row_of(features, np.uint32(running[place] % np.uint64(features.bucket)))
                    if row >= 0:
                        count += 1
                        for k in range(dim):
                            into[k] += rows[row, k]
                running[tokens % features.word_ngrams] = value
                tokens += 1
        counts[document] = count


@njit(nogil=True, cache=True, boundscheck=False)
def best_labels(hidden, totals, output, loss, tree, labels, scores):  # type: ignore[no-untyped-def]
    """Best label and probability from each document's summed rows, of which it has `totals`.

    `output` is (inner nodes, dim) for the hierarchical softmax, which is searched from the root, left
    first, without the branches that can't beat the best label so far; (dim, labels) for the others.
    As in the library, probabilities carry its 1e-5, and the sigmoid is a table of 512 steps.
    """
    dim = hidden.shape[1]
    size = len(tree.left) // 2 + 1 if loss == HIERARCHICAL else output.shape[1]
    mean = np.empty(dim, np.float32)
    values = np.empty(size, np.float32)
    stack = np.empty(size + 1, np.int32)
    reached = np.empty(size + 1, np.float64)
    least = np.log(1e-5)
    for document in range(len(totals)):
        labels[document] = -1
        scores[document] = 0.0
        if totals[document] == 0:
            continue
        share = np.float32(1.0 / totals[document])
        for k in range(dim):
            mean[k] = hidden[document, k] * share
        best = -np.inf
        label = -1
        if loss == HIERARCHICAL:
            depth = 1
            stack[0] = 2 * size - 2
            reached[0] = 0.0
            while depth > 0:
                depth -= 1
                node = stack[depth]
                score = reached[depth]
                if score < least or score < best:
                    continue
                if node < size:
                    best = score
                    label = node
                    continue
                x = np.float32(0.0)
                for k in range(dim):
                    x += mean[k] * output[node - size, k]
                right = 1.0 / (1.0 + np.exp(-np.float64(x)))
                stack[depth] = tree.right[node]
                reached[depth] = score + np.log(right + 1e-5)
                stack[depth + 1] = tree.left[node]
                reached[depth + 1] = score + np.log(1.0 - right + 1e-5)
                depth += 2
        else:
            values[:] = 0.0
            for k in range(dim):
                for j in range(size):
                    values[j] += mean[k] * output[k, j]
            if loss == SOFTMAX:
                top = values.max()
                total = 0.0
                for j in range(size):
                    values[j] = np.exp(values[j] - top)
                    total += values[j]
                for j in range(size):
                    values[j] /= total
            else:
                for j in range(size):
                    z = np.float64(values[j])
                    step = np.floor((z + 8.0) * 32.0) / 32.0
                    values[j] = 0.0 if z < -8.0 else 1.0 if z > 8.0 else 1.0 / (1.0 + np.exp(8.0 - step))
            for j in range(size):
                if values[j] >= best:
                    best = values[j]
                    label = j
            best = np.log(best + 1e-5)
        if label >= 0:
            labels[document] = label
            scores[document] = min(1.0, np.exp(best))
