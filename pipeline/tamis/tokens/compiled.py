"""Compiled encoding of text columns, and the proof that it does what the `tokenizers` library does.

Two kinds of BPE are compiled (`tamis.tokens.program` decides, `tamis.kernels.bpe` encodes); all else stays with
the library:

* byte-level BPE whose split pattern is one of `tamis.kernels.bpe_patterns.SPLITS`, with no normalizer or NFC;
* BPE with byte fallback and no pre-tokenizer, whose normalizer is made of NFC, dropped characters, spaces put
  behind a character before a space or a word character, one space put first, and spaces made markers (U+2581):
  Lucie's, Llama 2's and others converted from SentencePiece. No merge may reach from another character to a
  marker behind it: then a text can be cut before every run of markers, and wherever else no merge reaches over.

What is compiled is read from the library's own serialization of the tokenizer that it would encode with, and
classes of characters are those that its regular expressions find. Then both encode the `probes`. If an id
differs, the library does the work, and the log of `tamis.tokens` says so, once.

A document goes to the library by itself if it holds an added token that is no special one, or isn't composed
(NFC) where the tokenizer would compose it; ingested text is.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tamis.kernels.bpe import SLACK, VALUES, encode_rows, find_any
from tamis.kernels.bpe_cache import PieceTable, piece_table
from tamis.kernels.bpe_normal import check_form_c, form_c_classes
from tamis.kernels.buffers import Bytes, Offsets, text_buffers
from tamis.tokens.program import Compiled, NotCompiled, compiled, read_only
from tamis.tokens.tokenizer import batches

Ids = npt.NDArray[np.uint32]
Encode = Callable[[pa.Array], tuple[Ids, Offsets]]
"""A text column without nulls to the ids of all its documents, each with its end, and int64 offsets."""

CACHE_BITS = 20
"""Binary logarithm of the slots of the cache of pieces: 32 MiB, for 655,000 pieces."""
CACHE_BYTES, CACHE_IDS = 24 << 20, 6 << 20
"""Room for the bytes of pieces longer than 15 of them (24 MiB), and for ids where a piece has more than three
(24 MiB). The cache starts anew when something is full."""
LONGEST = 192
"""Bytes of the longest piece that is kept."""
BATCH_BYTES, BATCH_DOCUMENTS = 1 << 26, 1 << 20
"""Text encoded at once; a larger document alone."""

_LOG = logging.getLogger("tamis.tokens")


@dataclass(frozen=True, eq=False)
class CompiledEncoder:
    """Encodes text columns as the library does. Any thread may call it; one at a time runs."""

    compiled: Compiled
    cache: PieceTable
    """Ids of the pieces seen so far; for as long as the encoder lives."""
    lock: Any = field(default_factory=threading.Lock)

    def encode(self, column: pa.Array, library: Encode) -> tuple[Ids, Offsets]:
        """Ids of all documents of a text column without nulls, each with its end, and int64 offsets.

        `library` encodes the documents that the compiled code leaves to it.
        """
        parts = [
            self._encode(column.slice(start, stop - start), library)
            for start, stop in batches(text_buffers(column)[1], BATCH_BYTES, BATCH_DOCUMENTS)
        ]
        if len(parts) == 1:
            return parts[0]
        ids = [np.zeros(0, np.uint32), *(ids for ids, _ in parts)]
        return np.concatenate(ids), _offsets(*(np.diff(offsets) for _, offsets in parts))

    def _encode(self, column: pa.Array, library: Encode) -> tuple[Ids, Offsets]:
        program = self.compiled.program
        data, bounds = text_buffers(column)
        data, bounds = read_only(data), read_only(bounds)
        left = self._left(column, data, bounds)
        sizes = np.diff(bounds)
        # Room for the worst case. What isn't written takes no memory, and the rest is given back.
        widening = 2 if program.spaced else 1
        scratch = np.empty(widening * int(sizes.max(initial=0)) + 1 if program.spaced else 0, np.uint8)
        ids = np.empty(widening * int(sizes.sum()) + 2 * len(column) + SLACK, np.uint32)
        offsets = np.zeros(len(column) + 1, np.int64)
        values = np.empty(VALUES, np.uint64)
        with self.lock:
            count = encode_rows(program, self.cache, data, bounds, left, scratch, values, ids, offsets)
        ids.resize(count, refcheck=False)
        if not left.any():
            return ids, offsets
        return _spliced(ids, offsets, np.flatnonzero(left), *library(column.filter(pa.array(left))))

    def _left(self, column: pa.Array, data: Bytes, bounds: Offsets) -> npt.NDArray[np.bool_]:
        """Which documents the library must encode."""
        left = np.zeros(len(column), np.bool_)
        added = self.compiled.added
        if added:
            starts = np.zeros(256, np.bool_)
            starts[[token[0] for token in added]] = True
            ends = np.cumsum([0, *map(len, added)], dtype=np.int64)
            find_any(data, bounds, np.frombuffer(b"".join(added), np.uint8), ends, starts, left)
        if self.compiled.form_c:
            unsure = np.zeros(len(column), np.bool_)
            check_form_c(data, bounds, form_c_classes(), unsure)
            for row in np.flatnonzero(unsure & ~left):
                text = column[int(row)].as_py()
                left[row] = _composed(text) != text
        return left


def _composed(text: str) -> str:
    """The text in normal form C, as the library has it."""
    from tokenizers import normalizers

    composed: str = normalizers.NFC().normalize_str(text)
    return composed


def _offsets(*counts: Offsets) -> Offsets:
    return np.concatenate([np.zeros(1, np.int64), *counts]).cumsum()


def _spliced(ids: Ids, offsets: Offsets, rows: Offsets, more: Ids, bounds: Offsets) -> tuple[Ids, Offsets]:
    """`ids` with those of `rows`, which have none yet, put in from `more`."""
    counts = np.diff(offsets)
    counts[rows] = np.diff(bounds)
    parts, done = [], 0
    for k, row in enumerate(rows):
        parts += [ids[done : offsets[row]], more[bounds[k] : bounds[k + 1]]]
        done = offsets[row]
    return np.concatenate([*parts, ids[done:]]), _offsets(counts)


def compiled_encoder(library: Any, end_id: int, name: str, encode: Encode) -> CompiledEncoder | None:
    """The compiled encoder of a `tokenizers.Tokenizer`, or None when the library must do the work.

    `library` takes special tokens in a text as plain text; `encode` encodes with it and ends every document
    with `end_id`. `name` tells the tokenizer in the log, where None is explained once per process.
    """
    try:
        vocabulary = library.get_vocab(with_added_tokens=False)
        made = compiled(orjson.loads(library.to_str()), vocabulary, end_id)
        encoder = CompiledEncoder(made, piece_table(CACHE_BITS, CACHE_BYTES, CACHE_IDS, LONGEST))
        _prove(encoder, encode)
    except NotCompiled as reason:
        _say(name, str(reason))
        return None
    return encoder


@functools.cache
def _say(name: str, reason: str) -> None:
    _LOG.warning("tokenizer %s: %s; the slower `tokenizers` library gives its ids", name, reason)


def _prove(encoder: CompiledEncoder, encode: Encode) -> None:
    """Raises NotCompiled when an id of a probe differs, or one of the library's fails."""
    column = pa.array(list(probes(encoder.compiled.vocabulary)), pa.large_string())
    wanted, bounds = encode(column)
    for _ in range(2):  # with an empty cache, and from it
        ids, offsets = encoder.encode(column, encode)
        if not (np.array_equal(ids, wanted) and np.array_equal(offsets, bounds)):
            raise NotCompiled("the compiled encoder and the library disagree on a probe")


_TEXTS = (
    "",
    "Le tamis retient les gros grains ; l'été, on l'utilise aussi pour le « sable » (ou «la farine»).",
    "The quick brown fox doesn't jump over 1,234,567.89 lazy dogs. WE'LL SEE; I'D SAY they'Re.\n\nIt's HTMLParser2.",
    "Straßenbahnhaltestelle, Überlegung und Größe: „das“ sind drei Wörter – oder‚ vier‘?",
    "Съешь же ещё этих мягких французских булок. Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία.",
    "中文没有空格。日本語のテキストと、カタカナ。 한국어 텍스트 입니다. ไม่มีช่องว่าง ၁၂၃ ལྷ་ས",
    "हिन्दी में लिखा हुआ पाठ, বাংলা লেখা ১২৩, தமிழ் எழுத்து, اَلْعَرَبِيَّةُ ٢٠٢٤ וְעִבְרִית",
    "def f(x: int) -> int:\n    if x[0] >= 10:\r\n\t\treturn {'a': x ** 2}  # TODO\n\n\n\tpass\n",
    '<a href="https://example.org/a/b?c=%20d&e=f#g">\n  <!-- x -->\n</a>\n{"k": [1, 2.5e-3, null]}',
    "SELECT * FROM t WHERE a<>'b' AND c = ( d / 2 );\n/* [ { ' \" « “ ‘ ‚ ‹ — – ― */ ( a [ b { c / d < e ' f",
    "👩‍👩‍👧‍👦 🇫🇷 👍🏽 ☎️ 1️⃣ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﬁ ½ Ⅷ ² ① ǅ ʰ ª ſ \u212a \u212b",
    "<|endoftext|> </s><s> <unk> [EOS] <|im_start|>user\n<0x41> <pad>",
    " ", "\n", "\t", "\r", "\r\n \r", "\0", "\u00a0", "\u3000\u2003", "\u2581 \u2581\u2581a", "   \n\n   ",
    "\u0301", "e\u0301\u0323",
)  # fmt: skip
_FRAGMENTS = (
    *" \n\t'aBéßǅʰ中あ한ह1²½Ⅷ٣7.,-/_(<\"«—’",
    *"\u0301\u093f\u094d\u00a0\u3000\u2581\u200d\ufeff\u00ad\x85\r\0",
    "  ", "    ", "\n\n", "\r\n", "'s", "'T", "'ll", "'VE", "'ſ", "The", "les", "ing", "ABC",
    "über", "слово", "العربية", "123", "2024", "...", "====", "://", "();", " (",
    "👍🏽", "\U0010fffd", "\U000e0041", "\u0378", "</s>", "<|endoftext|>",
)  # fmt: skip


def probes(vocabulary: tuple[bytes, ...]) -> Iterator[str]:
    """Texts on which an encoder is proved: about 100 kB, the same in every process.

    Real ones in many scripts, random ones of what split patterns and normalizers tell apart, tokens of the
    vocabulary in a row, and long ones without a space.
    """
    dice = random.Random(0)
    yield from _TEXTS
    for k in range(1200):
        yield "".join(dice.choices(_FRAGMENTS, k=60 if k % 24 == 0 else dice.randint(1, 12)))
    for _ in range(600):
        tokens = dice.choices(vocabulary or (b"",), k=dice.randint(1, 10))
        yield b"".join(tokens).decode(errors="ignore")
    letters = "".join(dice.choices("abcdeghilmnoprstu", k=3000))
    yield from (letters, "ab" * 500, " " * 700, "=" * 700, "0123456789" * 70, "中文字" * 200)
