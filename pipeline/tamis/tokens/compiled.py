"""Compiled encoding: which tokenizers it can do, and the proof that it does them.

Two kinds of BPE are compiled (`tamis.kernels.bpe`); all else, and whatever is not certain, stays with the
`tokenizers` library:

* byte-level BPE whose split pattern is one of `SPLITS`, with no normalizer or NFC;
* BPE with byte fallback and no pre-tokenizer, whose normalizer is made of NFC, dropped characters, spaces put
  behind a character before a space or a word character, one space put first, and the space marker U+2581
  (Lucie's, Llama 2's and others converted from SentencePiece), if no merge reaches from another character to
  a marker behind it: then pieces cut before runs of markers are independent.

What is compiled is read from the library's own serialization of the tokenizer that it would encode with, and the
classes of characters are those that its regular expressions find. Before the first text, both encode the probes
(`probes`): scripts, code, white space, emoji, digits, special tokens, edge cases. If an id differs, the library
does the work, and the log of `tamis.tokens` says so, once.

A document goes to the library by itself if it holds an added token that is no special one, or isn't in NFC
where the tokenizer asks for that (ingested text is).
"""

from __future__ import annotations

import functools
import json
import logging
import random
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.kernels.bpe import SLACK, Program, encode_rows, find_any
from tamis.kernels.bpe_cache import PieceTable, piece_table
from tamis.kernels.bpe_normal import UNKNOWN, UNSURE, check_form_c, form_c_classes
from tamis.kernels.buffers import Bytes, Offsets, text_buffers
from tamis.tokens.program import NotCompiled, compiled

Ids = npt.NDArray[np.uint32]
Encode = Callable[[pa.Array], tuple[Ids, Offsets]]
"""A text column to all its ids and where each document's begin and end."""

CACHE_SLOTS = 20
"""Binary logarithm of the slots of the cache of pieces: 32 MiB."""
CACHE_BYTES, CACHE_IDS, CACHE_LONGEST = 24 << 20, 6 << 20, 192
"""Room for the bytes (24 MiB) and the ids (24 MiB) of longer pieces, and the longest piece kept, in bytes."""
ROWS, BYTES = 1 << 16, 1 << 26
"""Documents and bytes encoded at once; a longer document alone."""

_LOG = logging.getLogger("tamis.tokens")


@dataclass(frozen=True, eq=False)
class CompiledEncoder:
    """Encodes text columns as the library does, compiled; any thread may call it, one at a time runs."""

    program: Program
    form_c: bool
    """The tokenizer composes characters: a text that isn't composed goes to the library."""
    added: tuple[bytes, ...]
    """Added tokens that a text may hold: a text that does goes to the library."""
    cache: PieceTable
    """Ids of the pieces seen so far."""
    lock: Any = field(default_factory=threading.Lock)

    def encode(self, column: pa.Array, library: Encode) -> tuple[Ids, Offsets]:
        """All ids of a text column without nulls, with the end of each document, and int64 offsets.

        `library` encodes the documents that the compiled code leaves to it.
        """
        parts: list[Ids] = []
        counts: list[npt.NDArray[np.int64]] = []
        for start, stop in batches(text_buffers(column)[1], BYTES, ROWS):
            ids, offsets = self._encode(column.slice(start, stop - start), library)
            parts.append(ids)
            counts.append(np.diff(offsets))
        values = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint32), *parts])
        return values, np.concatenate([np.zeros(1, np.int64), *counts]).cumsum()

    def _encode(self, column: pa.Array, library: Encode) -> tuple[Ids, Offsets]:
        from tamis.kernels.bpe import SLACK, encode_rows

        data, bounds = text_buffers(column)
        data = _read_only(data)
        skipped = self._skipped(column, data, bounds)
        sizes = np.diff(bounds)
        widest = 2 * int(sizes.max(initial=0)) + 1 if self.program.spaced else 0
        # Most of both is never written, so it takes no memory.
        scratch = np.empty(widest, np.uint8)
        room = int(sizes.sum()) * (2 if self.program.spaced else 1)
        out = np.empty(room + 2 * len(column) + SLACK, np.uint32)
        offsets = np.zeros(len(column) + 1, np.int64)
        with self.lock:
            count = encode_rows(
                self.program, self.cache, data, bounds, skipped, scratch, _read_only(scratch), out, offsets
            )
        out.resize(count, refcheck=False)
        if skipped.any():
            return _spliced(out, offsets, np.flatnonzero(skipped), *library(column.filter(pa.array(skipped))))
        return out, offsets

    def _skipped(self, column: pa.Array, data: Bytes, bounds: Offsets) -> npt.NDArray[np.bool_]:
        """The rows that the library must encode."""
        from tamis.kernels.bpe import find_any
        from tamis.kernels.bpe_normal import UNKNOWN, UNSURE, check_form_c, form_c_classes

        skipped = np.zeros(len(column), np.bool_)
        if self.added:
            starts = np.zeros(256, np.bool_)
            starts[[token[0] for token in self.added]] = True
            needles = np.frombuffer(b"".join(self.added), np.uint8)
            find_any(data, bounds, needles, np.cumsum([0, *map(len, self.added)]), starts, skipped)
        if self.form_c:
            flags = np.zeros(len(column), np.uint8)
            check_form_c(data, bounds, form_c_classes(), flags)
            skipped |= (flags & UNKNOWN) != 0
            for row in np.flatnonzero((flags == UNSURE) & ~skipped):
                skipped[row] = not _is_form_c(column[int(row)].as_py())
        return skipped


def _is_form_c(text: str) -> bool:
    import unicodedata

    return unicodedata.is_normalized("NFC", text)


def _read_only(array: Bytes) -> Bytes:
    view = array.view()
    view.flags.writeable = False
    return view


def _spliced(
    ids: Ids, offsets: Offsets, rows: npt.NDArray[np.int64], more: Ids, bounds: Offsets
) -> tuple[Ids, Offsets]:
    """`ids` with those of `rows`, which have none there, put in from `more`."""
    counts = np.diff(offsets)
    counts[rows] = np.diff(bounds)
    parts, done = [], 0
    for k, row in enumerate(rows):
        parts += [ids[done : offsets[row]], more[bounds[k] : bounds[k + 1]]]
        done = offsets[row]
    return np.concatenate([*parts, ids[done:]]), np.concatenate([np.zeros(1, np.int64), counts]).cumsum()


def batches(bounds: Offsets, size: int, documents: int) -> Iterator[tuple[int, int]]:
    """Row ranges of at most `size` bytes and `documents` rows; a larger document has one to itself."""
    start, rows = 0, len(bounds) - 1
    while start < rows:
        fits = int(np.searchsorted(bounds, bounds[start] + size, side="right")) - 1
        stop = min(max(fits, start + 1), start + documents, rows)
        yield start, stop
        start = stop


# -- choosing


def compiled_encoder(library: Any, end_id: int, name: str, encode: Encode) -> CompiledEncoder | None:
    """The compiled encoder of a `tokenizers.Tokenizer`, or None when the library must do the work.

    `library` takes special tokens in a text as plain text; `encode` encodes with it and ends every document
    with `end_id`. `name` tells the tokenizer in the log, which gets one warning per process and name when the
    answer is None.
    """
    try:
        made = _compiled(json.loads(library.to_str()), end_id)
        _prove(made, encode)
    except _NotCompiled as reason:
        _say_once(name, str(reason))
        return None
    return made


@functools.cache
def _say_once(name: str, reason: str) -> None:
    _LOG.warning(
        "tokenizer %s: %s; the `tokenizers` library encodes instead, with the same ids, at a tenth of the speed",
        name,
        reason,
    )


