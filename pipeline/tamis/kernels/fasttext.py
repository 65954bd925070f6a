"""Prediction with a supervised fastText model over Arrow text buffers.

The arithmetic and the tokens are fastText's own: words are cut at ASCII white space and NUL, each word adds
its row and those of its character n-grams, word n-grams add hashed rows, the end of the text adds the
row of `</s>`; the mean of all rows goes through the output layer. What makes it quick is a cache of the
summed rows of words, which lasts from one call to the next, and that the text is taken in blocks: all
tokens of a block are found, then all their places in the cache, then the sums of new words, then all sums
are added, so that no step waits for memory.

A document's sum is float64, added up in the order of its words from float32 sums of four, whatever the cache
holds, so a score depends on its document alone; the library's float32 sums drift from it, by up to 1e-4 on
texts of 20 kB and 1e-3 on texts of megabytes.

Two things follow the library to the letter: a token that starts with `__label__` is no word, and a token
`</s>` ends the document.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.kernels.buffers import Bytes, Offsets
from tamis.kernels.fasttext_features import (
    Features,
    add_row,
    aligned,
    features_of,
    frozen,
    is_label,
    open_features,
    row_of,
)
from tamis.kernels.fasttext_lanes import add_four16, bytes_of, spaces64, ways
from tamis.kernels.fasttext_model import EOS, HIERARCHICAL, FastTextModel, Floats, Tree, huffman_tree
from tamis.kernels.fasttext_output import best_labels, label_scores
from tamis.kernels.fasttext_tokens import LONG, is_space, long_key, mixed, short_key, spaces_at_end, word_hash
from tamis.kernels.fasttext_words import LONGEST, Room, sum_words
from tamis.kernels.jit import kernel
from tamis.kernels.simd import ones, pointer, prefetch, trailing_zeros

_CACHE_BYTES = 20 << 20
"""Most bytes of a predictor's word cache. Twice as many make a first pass over 50 MB of web text 3% quicker."""
_NO_LABEL = np.zeros(0, np.int64)
_BLOCK = 1024
"""Most bytes of text in a block, a multiple of 64; it has half as many tokens at most, and one begun before."""
_WAYS = 4
_FAR = 4096
"""Bytes of text that are fetched ahead."""
_RECENT = 16
"""New words of a block that the next one is compared with."""
_NGRAM_PRIME = np.uint64(116049371)
_END = np.uint64(int.from_bytes(EOS, "little"))
# The second word of a key: 48 bits of the token's key, 14 of the number of rows, 2 of how often it was found.
_COUNT, _KEY, _MOST = np.uint64(48), np.uint64((1 << 48) - 1), np.uint64((1 << 14) - 1)
_TIMES, _SEEN, _OFTEN = np.uint64(62), np.uint64(1 << 62), np.uint64(3 << 62)
_NONE = np.uint64(1 << 6)


class Cache(NamedTuple):
    """Summed rows of words by their keys, and the room that the loop works in; for one thread at a time."""

    keys: npt.NDArray[np.uint64]
    """Four keys of two words to a set, which is a cache line; a free one is zero."""
    shift: int
    """64 less the binary logarithm of the number of sets."""
    turn: npt.NDArray[np.int64]
    """How many words were put in."""
    sums: Floats
    """A row for each key; then one for each new word of a block, and zeros. Filled up to 16 columns."""
    marks: npt.NDArray[np.int64]
    """Where a block's tokens begin and end."""
    wanted: npt.NDArray[np.uint64]
    """Of each token its key and its set's place in `keys`."""
    found: npt.NDArray[np.int64]
    """Of each token the place of its sum in `sums`."""
    missed: npt.NDArray[np.int64]
    """The tokens that have no sum yet."""
    new: npt.NDArray[np.int64]
    """Of each distinct one of these: its first token, how often it stands in the block, which its number of rows
    replaces, and its place in `keys`."""
    into: npt.NDArray[np.float64]
    """The document's sum."""
    word: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint32]
    items: npt.NDArray[np.uint64]
    places: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    total: npt.NDArray[np.float64]


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
        self._features = features_of(model)
        self._output = np.array(model.output if model.loss == HIERARCHICAL else model.output.T, order="C")
        self._loss = model.loss
        single = Tree(*(np.full(1, -1, np.int32) for _ in range(3)))
        self._tree = huffman_tree(model.label_counts) if model.loss == HIERARCHICAL else single
        self._caches: list[Cache] = []

    def predict(self, data: Bytes, starts: Offsets, ends: Offsets) -> Predictions:
        """What the model says of each document `data[starts[i]:ends[i]]` of UTF-8; newlines are spaces."""
        return self.predict_with(data, starts, ends, _NO_LABEL)[0]

    def predict_with(self, data: Bytes, starts: Offsets, ends: Offsets, wanted: Offsets) -> tuple[Predictions, Floats]:
        """As `predict`, and the probability of each label in `wanted` (indexes into `labels`): (documents, wanted)."""
        documents = len(starts)
        hidden = np.empty((documents, self._features.dim), np.float64)
        counts = np.empty(documents, np.int64)
        labels = np.empty(documents, np.int32)
        scores = np.empty(documents, np.float32)
        of_wanted = np.empty((documents, len(wanted)), np.float32)
        if documents:
            data, starts, ends = frozen(data), frozen(starts), frozen(ends)
            # Threads that predict at the same time have a cache each.
            cache = self._caches.pop() if self._caches else _cache(self._features)
            sum_features(data, starts, ends, self._features, cache, hidden, counts)
            self._caches.append(cache)
            totals = counts + (self._features.eos >= 0)
            best_labels(hidden, totals, self._output, self._loss, self._tree, labels, scores)
            if len(wanted):
                label_scores(hidden, totals, self._output, self._loss, self._tree, wanted, of_wanted)
        return Predictions(labels, scores, counts > 0), of_wanted


def _cache(features: Features) -> Cache:
    """An empty cache; its pages of memory come into being as they are used."""
    width = -(-features.dim // 16) * 16
    bits = max(4, (_CACHE_BYTES // (16 + 4 * width) // _WAYS).bit_length() - 1)
    slots = _WAYS << bits
    tokens = _BLOCK // 2 + 1
    keys = aligned((2 * slots,), np.uint64)
    keys[:] = 0
    sums = aligned((slots + tokens + 1, width), np.float32)
    sums[slots:] = 0
    ngrams = (_BLOCK + LONGEST + 2 * tokens) * features.maxn + 64
    return Cache(
        keys=keys,
        shift=64 - bits,
        turn=np.zeros(1, np.int64),
        sums=sums,
        marks=np.empty(2 * tokens + 64, np.int64),
        wanted=np.empty(3 * tokens, np.uint64),
        found=np.empty(tokens + 4, np.int64),
        missed=np.empty(tokens, np.int64),
        new=np.empty(3 * tokens, np.int64),
        into=np.empty(width, np.float64),
        word=np.zeros((LONGEST + features.maxn) // 8 + 8, np.uint64),
        hashes=np.empty(16, np.uint32),
        items=np.empty(ngrams, np.uint64),
        places=np.empty(ngrams, np.uint32),
        counts=np.empty(tokens, np.int64),
        total=np.empty(width, np.float64),
    )


@kernel()
def _place(keys, base, turn):  # type: ignore[no-untyped-def]
    """Where in its set a new key goes: to a free place, or that of the word found least often, all in turn."""
    least = ~np.uint64(0)
    way = 0
    for k in range(_WAYS):
        found = keys[base + 2 * k + 1] >> _TIMES << np.uint64(2) | np.uint64((k - turn) & (_WAYS - 1))
        way = k if found < least else way
        least = min(least, found)
    for k in range(_WAYS):
        keys[base + 2 * k + 1] -= least >> np.uint64(2) << _TIMES
    return base + 2 * way


@kernel()
def _add_ngrams(f, text, start, end, room, running, into):  # type: ignore[no-untyped-def]
    """Adds the rows of a document's word n-grams to `into`; returns their number."""
    count = 0
    tokens = 0
    i = start
    n = f.word_ngrams
    while True:
        while i < end and is_space(text[i]):
            i += 1
        at = i
        while i < end and not is_space(text[i]):
            i += 1
        size = i - at
        lo, hi = long_key(text, at, size, room)
        last = size == 0 or (lo == _END and hi == 0)
        if not last and is_label(f, text, at, size, lo, hi):
            continue
        # running[j % n] is the hash of the n-gram that began at token j; each new token extends
        # those of the n - 1 tokens before it and begins its own.
        value = np.uint64(np.int64(np.int32(f.eos_hash if last else word_hash(text, at, size))))
        for j in range(max(0, tokens - n + 1), tokens):
            running[j % n] = running[j % n] * _NGRAM_PRIME + value
            row, has = row_of(f, np.int64(running[j % n] % np.uint64(f.bucket)))
            if has:
                count += 1
                add_row(f, row, into)
        running[tokens % n] = value
        tokens += 1
        if last:
            return count


@kernel()
def sum_features(data, starts, ends, features, cache, hidden, counts):  # type: ignore[no-untyped-def]
    """Sums each document's rows into `hidden`, and counts them in `counts`, which leaves out `</s>`."""
    f = open_features(features)
    text, room = pointer(data), len(data)
    keys, sums, width = pointer(cache.keys), pointer(cache.sums), cache.sums.shape[1]
    marks, wanted, found = pointer(cache.marks), pointer(cache.wanted), pointer(cache.found)
    missed, new, into = pointer(cache.missed), pointer(cache.new), pointer(cache.into)
    eights = pointer(cache.word)
    space = Room(
        bytes_of(eights),
        eights,
        pointer(cache.hashes),
        pointer(cache.items),
        pointer(cache.places),
        pointer(cache.counts),
        pointer(cache.total),
    )
    slots = len(cache.keys) // 2
    zeros = (cache.sums.shape[0] - 1) * width
    shift = np.uint64(cache.shift)
    running = np.zeros(max(1, f.word_ngrams), np.uint64)
    turn = cache.turn[0]
    for document in range(len(starts)):
        for k in range(width):
            into[k] = 0.0
        count = np.int64(0)
        i = starts[document]
        end = ends[document]
        before = np.uint64(1)
        m = 0
        while i < end:
            # Where the block's tokens begin and end: where white space does.
            stop = min(i + _BLOCK, end)
            while i < stop:
                prefetch(text, i + _FAR)
                gaps = spaces64(text, i) if i + 64 <= room else spaces_at_end(text, i, room)
                if end - i < 64:
                    gaps |= ~np.uint64(0) << np.uint64(end - i)
                edges = gaps ^ (gaps << np.uint64(1) | before)
                before = gaps >> np.uint64(63)
                more = m + ones(edges)
                while m < more:
                    # Four at once; those behind the last one are written over.
                    for k in range(4):
                        marks[m + k] = i + trailing_zeros(edges)
                        edges &= edges - np.uint64(1)
                    m += 4
                m = more
                i += 64
            if i >= end and m & 1:
                marks[m] = end
                m += 1
            tokens = m >> 1
            # Their keys; the cache lines of these are fetched meanwhile.
            for t in range(tokens):
                at = marks[2 * t]
                size = marks[2 * t + 1] - at
                if size < LONG and at + 16 <= room:
                    lo, hi = short_key(text, at, size)
                else:
                    lo, hi = long_key(text, at, size, room)
                if lo == _END and hi == 0:
                    tokens = t
                    i = end
                    m = 0
                    break
                base = (mixed(lo, hi) >> shift) * np.uint64(2 * _WAYS)
                wanted[3 * t] = lo
                wanted[3 * t + 1] = hi
                wanted[3 * t + 2] = base
                prefetch(keys, np.int64(base))
            # Their sums in the cache.
            misses = 0
            for t in range(tokens):
                base = np.int64(wanted[3 * t + 2])
                hits = ways(keys, base, wanted[3 * t], wanted[3 * t + 1])
                place = base + trailing_zeros(hits | _NONE)
                entry = keys[place + 1]
                at = (place >> 1) * width
                found[t] = at
                prefetch(sums, at)
                missed[misses] = t
                misses += hits == 0
                count += np.int64(entry >> _COUNT & _MOST) if hits else 0
                if entry < _OFTEN and hits:
                    keys[place + 1] = entry + _SEEN
            # The others' sums, behind those of the cache: a word that is new twice is summed once.
            distinct = 0
            for j in range(misses):
                t = missed[j]
                k = max(0, distinct - _RECENT)
                while k < distinct and not (
                    wanted[3 * t] == wanted[3 * new[3 * k]] and wanted[3 * t + 1] == wanted[3 * new[3 * k] + 1]
                ):
                    k += 1
                found[t] = (slots + k) * width
                if k == distinct:
                    turn += 1
                    place = _place(keys, np.int64(wanted[3 * t + 2]), turn)
                    prefetch(sums, (place >> 1) * width)
                    new[3 * k], new[3 * k + 1], new[3 * k + 2] = t, 0, place
                    distinct += 1
                new[3 * k + 1] += 1
            count += sum_words(f, text, room, marks, wanted, new, distinct, space, sums, width, slots)
            # All of them, in the order of the text.
            for t in range(tokens, (tokens + 3) & ~3):
                found[t] = zeros
            for t in range(0, tokens, 4):
                for k in range(0, width, 16):
                    add_four16(into, k, sums, found[t] + k, found[t + 1] + k, found[t + 2] + k, found[t + 3] + k)
            # Now no token of the block needs the sums that the new ones take the place of.
            for j in range(distinct):
                t, rows, place = new[3 * j], new[3 * j + 1], new[3 * j + 2]
                if rows <= np.int64(_MOST):
                    keys[place] = wanted[3 * t]
                    keys[place + 1] = wanted[3 * t + 1] | np.uint64(rows) << _COUNT
                    for k in range(width):
                        sums[(place >> 1) * width + k] = sums[(slots + j) * width + k]
            # A token that the block's end cut goes on in the next one.
            if m & 1:
                marks[0] = marks[m - 1]
            m &= 1
        if f.eos >= 0:
            add_row(f, f.eos, into)
        if f.word_ngrams > 1:
            count += _add_ngrams(f, text, starts[document], ends[document], room, running, into)
        for k in range(f.dim):
            hidden[document, k] = into[k]
        counts[document] = count
    cache.turn[0] = turn
