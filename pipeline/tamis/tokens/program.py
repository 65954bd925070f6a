"""From a `tokenizer.json` to the tables of the compiled encoder, or the reason why not.

What is accepted is what is certain to be done alike; every other model, option, pre-tokenizer and normalizer
raises `NotCompiled`. Imports Numba: only `tamis.tokens.compiled` imports it, at the first text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.kernels import bpe_patterns as kinds
from tamis.kernels.bpe import Program
from tamis.kernels.bpe_cache import PieceTable, fill, piece_table
from tamis.kernels.bpe_joins import Joins, joins
from tamis.kernels.bpe_merge import Merges, merge_table
from tamis.kernels.bpe_normal import DROPPED, FOLLOWER, LEADING, MARKED, Rules
from tamis.kernels.bpe_patterns import GPT2_SPLIT, NO_SPLIT, SPLITS, Split
from tamis.kernels.buffers import Bytes
from tamis.kernels.unicode import BLOCKS, POINTS

MARKER = "\u2581"
"""The visible space of SentencePiece."""
MOST_ADDED = 256
"""Added tokens that a text is searched for, at most."""


class NotCompiled(Exception):
    """Why a tokenizer stays with the library, in a clause."""


@dataclass(frozen=True)
class Compiled:
    """A tokenizer that is compiled."""

    program: Program
    form_c: bool
    """The tokenizer composes characters (NFC), which the program leaves undone."""
    added: tuple[bytes, ...]
    """Added tokens that the library would look for in a text, which the program leaves undone."""
    vocabulary: tuple[bytes, ...]
    """What the tokens stand for in a text."""


def compiled(spec: Mapping[str, Any], vocabulary: Mapping[str, int], end_id: int) -> Compiled:
    """Compiles a parsed `tokenizer.json`, as the library itself writes it, or raises NotCompiled.

    `vocabulary` is the model's, as the library has it. Special tokens are taken to be plain text, and
    `end_id` ends every document.
    """
    model = spec["model"]
    _need(model["type"] == "BPE", f"a {model['type']} model is not compiled")
    _need(not model.get("continuing_subword_prefix"), "a prefix of continuing subwords is not compiled")
    _need(not model.get("end_of_word_suffix"), "a suffix of words is not compiled")
    _need(model.get("dropout") is None, "dropout is not compiled")
    # Of tokens with the same id, the library writes one.
    _need(model["vocab"] == vocabulary, "two of its tokens have one id")
    pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
    added = _added(spec.get("added_tokens", []))
    merges = _merges(pairs, vocabulary)
    if spec.get("pre_tokenizer") is None:
        _need(not added, "added tokens that are not special are not compiled where nothing splits the text")
        _need(not model.get("ignore_merges"), "ignore_merges is not compiled where nothing splits the text")
        _need(_independent(pairs), "a merge reaches from the end of a word to the space behind it")
        form_c, rules = _rules(spec.get("normalizer"))
        program = Program(
            spaced=True,
            rules=rules,
            split=NO_SPLIT,
            classes=read_only(np.zeros(1, np.uint8)),
            byte_ids=read_only(_fallback_ids(model)),
            char_ids=read_only(_char_ids(vocabulary)),
            joins=_joins(pairs),
            merges=merges,
            whole=_whole({}),
            end_id=end_id,
        )
        texts = (token.replace(MARKER, " ").encode() for token in vocabulary)
        return Compiled(program, form_c, added, tuple(texts))
    _need(spec.get("normalizer") in (None, {"type": "NFC"}), "its normalizer is not compiled beside a split")
    letters = byte_letters()
    _need(set(letters.values()) <= vocabulary.keys(), "its vocabulary lacks a byte")
    strings = _byte_strings(vocabulary)
    program = Program(
        spaced=False,
        rules=Rules(read_only(np.zeros(1, np.uint8)), False),
        split=_split(spec["pre_tokenizer"]),
        classes=split_classes(),
        byte_ids=read_only(np.array([vocabulary[letters[byte]] for byte in range(256)], np.uint32)),
        char_ids=read_only(np.zeros(1, np.int32)),
        joins=joins((), True),
        merges=merges,
        whole=_whole(strings if model.get("ignore_merges") else {}),
        end_id=end_id,
    )
    return Compiled(program, spec.get("normalizer") is not None, added, tuple(strings))


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that can't be written to: the one type of array that the loops are compiled for."""
    view = array.view()
    view.flags.writeable = False
    return view


def _need(condition: object, reason: str) -> None:
    if not condition:
        raise NotCompiled(reason)


def _added(tokens: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    """What a text must hold for an added token to be found in it; special ones are not looked for."""
    found: set[str] = set()
    for token in tokens:
        if not token["special"]:
            found |= {token["content"], unicodedata.normalize("NFC", token["content"])}
    _need("" not in found, "an added token is empty")
    _need(len(found) <= MOST_ADDED, f"more than {MOST_ADDED} added tokens that are not special are not compiled")
    return tuple(sorted(token.encode() for token in found))


def _merges(pairs: Sequence[tuple[str, ...]], vocabulary: Mapping[str, int]) -> Merges:
    _need(all(len(pair) == 2 for pair in pairs), "a merge is no pair")
    lefts, rights = zip(*pairs, strict=True) if pairs else ((), ())
    columns = [
        np.fromiter(map(vocabulary.get, tokens, repeat(-1)), np.int64, len(pairs))
        for tokens in (lefts, rights, map(add, lefts, rights))
    ]
    ids = np.stack(columns)
    _need((ids >= 0).all() and ids.max(initial=0) < 1 << 31, "a merge is of tokens without an id")
    left, right, merged = ids.astype(np.uint32)
    return merge_table(left, right, merged)


# -- byte-level BPE


def _split(splitter: Mapping[str, Any]) -> Split:
    """The split of a byte-level pre-tokenizer."""
    steps = splitter["pretokenizers"] if splitter["type"] == "Sequence" else [splitter]
    bytes_ = steps[-1] if steps else {}
    _need(bytes_.get("type") == "ByteLevel", "its pre-tokenizer is not byte-level")
    _need(not bytes_.get("add_prefix_space", True), "add_prefix_space is not compiled")
    regex = bytes_.get("use_regex", True)
    if len(steps) == 1:
        _need(regex, "byte-level BPE without a split pattern is not compiled")
        return SPLITS[GPT2_SPLIT]
    first = steps[0]
    _need(
        len(steps) == 2
        and not regex
        and first["type"] == "Split"
        and first["behavior"] == "Isolated"
        and not first["invert"]
        and first["pattern"].get("Regex") in SPLITS,
        "its split pattern is not compiled",
    )
    return SPLITS[first["pattern"]["Regex"]]


@functools.cache
def byte_letters() -> dict[int, str]:
    """The letter that byte-level BPE writes for each byte: the byte's own in Latin-1 if it shows, else another."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + k) for k, byte in enumerate(hidden)}


def _byte_strings(vocabulary: Mapping[str, int]) -> dict[bytes, int]:
    """The tokens that stand for byte strings, as those."""
    letters = byte_letters()
    # What stands for no byte must not pass for one.
    bytes_of = {char: 0x100 for char in range(0x100)} | {ord(letter): byte for byte, letter in letters.items()}
    found = {}
    for token, index in vocabulary.items():
        try:
            found[token.translate(bytes_of).encode("latin-1")] = index
        except UnicodeEncodeError:
            continue
    found.pop(b"", None)
    return found


def _whole(strings: Mapping[bytes, int]) -> PieceTable:
    """Byte strings and their ids as a table, for `ignore_merges`."""
    sizes = np.array([len(string) for string in strings], np.int64)
    longest = int(sizes.max(initial=0))
    _need(longest < 1 << 16, "a token is longer than 65,535 bytes")
    table = piece_table(max(int(np.ceil(np.log2(2 * len(strings) + 1))), 4), int(sizes.sum()), 0, longest)
    if strings:
        data = np.frombuffer(b"".join(strings), np.uint8)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        fill(table, data, offsets, np.fromiter(strings.values(), np.uint32))
    return table


_CUTS = (0xAC00, 0xF900, 0x14000, 0x18000, 0x1C000, 0x20000, 0xE0000)


@functools.cache
def _stretches() -> list[tuple[npt.NDArray[np.uint32], str]]:
    """All code points that may have a class, and as texts: the library is quicker with several short ones.

    The blocks of Han and Hangul are there as their first and last letters. Left out are private use and the
    planes that hold no character.
    """
    ends = np.array([(first, stop - 1) for first, stop in BLOCKS], np.uint32).ravel()
    points = np.sort(np.concatenate([POINTS, ends, np.arange(0xE0000, 0xE1000, dtype=np.uint32)]))
    parts = np.split(points, np.searchsorted(points, _CUTS))
    return [(part, "".join(map(chr, part.tolist()))) for part in parts]


def _ranges(pattern: str) -> Iterator[tuple[str, int, int]]:
    """The runs of code points that the library's regular expression finds: first character, first, last point."""
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    for points, text in _stretches():
        for run, (start, stop) in split.pre_tokenize_str(text):
            yield run[0], int(points[start]), int(points[stop - 1])


@functools.cache
def split_classes() -> Bytes:
    """Classes of all code points (`bpe_patterns`) as the library's regular expressions see them."""
    from tokenizers import Regex, pre_tokenizers

    classes = {
        r"\p{Ll}": kinds.LOWER,
        r"[\p{Lu}\p{Lt}]": kinds.UPPER,
        r"[\p{Lm}\p{Lo}]": kinds.OTHER,
        r"\p{M}": kinds.MARK,
        r"\p{N}": kinds.NUMBER,
        r"\s": kinds.SPACE,
    }
    # One pass finds runs of one class each; which class that is, the runs' first characters tell.
    runs = list(_ranges("|".join(f"{one}+" for one in classes)))
    firsts = "".join(first for first, _, _ in runs)
    table = np.zeros(0x110000, np.uint8)
    for one, bits in classes.items():
        split = pre_tokenizers.Split(Regex(one), "removed", invert=True)
        for _, (place, _) in split.pre_tokenize_str(firsts):
            _, start, stop = runs[place]
            table[start : stop + 1] = bits
    table[[10, 13]] |= kinds.NEWLINE
    return read_only(table)


# -- BPE without a pre-tokenizer


def _independent(pairs: Sequence[tuple[str, ...]]) -> bool:
    """Whether no merge joins another character and a marker behind it."""
    return not any(left[-1:] != MARKER and right[:1] == MARKER for left, right in pairs)


def _joins(pairs: Sequence[tuple[str, ...]]) -> Joins:
    """The pairs of characters that a merge may join: the last one of its left token, the first of its right."""
    # A character that falls back on bytes is never joined unless the bytes are.
    of_bytes = any(_BYTE.fullmatch(token) for pair in pairs for token in pair)
    found = ((left[-1:], right[:1]) for left, right in pairs)
    return joins(((a.replace(MARKER, " "), b.replace(MARKER, " ")) for a, b in found if a and b), of_bytes)


def _fallback_ids(model: Mapping[str, Any]) -> npt.NDArray[np.uint32]:
    """Ids of the bytes of a character that the vocabulary lacks."""
    _need(
        model.get("byte_fallback"),
        "BPE without bytes to fall back on is not compiled where nothing splits the text",
    )
    ids = [model["vocab"].get(f"<0x{byte:02X}>", -1) for byte in range(256)]
    _need(min(ids) >= 0, "its vocabulary lacks a byte")
    return np.array(ids, np.uint32)


def _char_ids(vocabulary: Mapping[str, int]) -> npt.NDArray[np.int32]:
    """Id of each code point, -1 for none; a space stands for the marker."""
    _need(MARKER in vocabulary, f"its vocabulary has no {MARKER}")
    ids = np.full(0x110000, -1, np.int32)
    for token, index in vocabulary.items():
        if len(token) == 1:
            ids[ord(token)] = index
    ids[0x20] = vocabulary[MARKER]
    return ids


@functools.cache
def _followers() -> tuple[tuple[int, int], ...]:
    """The ranges of code points that `[ \\w]` holds: outside brackets, the library's `\\w` has fractions, too."""
    return tuple((start, stop) for _, start, stop in _ranges(r"[ \w]+"))


_BYTE = re.compile("<0x[0-9A-F]{2}>")
_TO_MARKER = {r"[ \u00A0]": " \u00a0", "[ \u00a0]": " \u00a0", " ": " "}
_DROP = {r"[\r\x00]": "\r\0", r"[\x00\r]": "\r\0", r"\r": "\r", r"\x00": "\0"}
# One character before a space or a word character. An escaped letter or digit would be a class or a control.
_LEAD = re.compile(r"(?:\\([^0-9A-Za-z])|([^\\\[\](){}.*+?^$|]))\(\?=\[ \\w\]\)", re.DOTALL)


def _rules(normalizer: Mapping[str, Any] | None) -> tuple[bool, Rules]:
    """Whether a normalizer composes characters, and what else it does, as rules.

    The library does one step after the other, the rules do all in one pass: the order that is asked for, and
    that the sets of characters are disjoint, make that the same.
    """
    _need(normalizer is not None, "BPE with neither normalizer nor pre-tokenizer is not compiled")
    assert normalizer is not None
    steps = list(normalizer["normalizers"]) if normalizer["type"] == "Sequence" else [normalizer]
    form_c = steps[:1] == [{"type": "NFC"}]
    done = [_step(step) for step in steps[form_c:]]
    order = [kind for kind, _ in done]
    _need(
        re.fullmatch("(drop )*(lead )*(prepend )?mark ", "".join(f"{kind} " for kind in order)),
        "the order of its normalizer's steps is not compiled",
    )
    dropped, leading, marked = (
        {char for kind, chars in done if kind == wanted for char in chars} for wanted in ("drop", "lead", "mark")
    )
    marked |= {MARKER}
    classes = np.zeros(0x110000, np.uint8)
    if leading:
        for start, stop in _followers():
            classes[start : stop + 1] = FOLLOWER
    _need(not any(classes[ord(char)] for char in leading), "its normalizer puts spaces into words")
    _need(not (dropped & (leading | marked) or leading & marked), "its normalizer's steps depend on one another")
    for chars, bit in ((dropped, DROPPED), (leading, LEADING), (marked, MARKED)):
        classes[[ord(char) for char in chars]] |= bit
    return form_c, Rules(read_only(classes), "prepend" in order)


def _step(step: Mapping[str, Any]) -> tuple[str, str]:
    """A step of a normalizer: `drop`, `lead`, `prepend` or `mark`, and the characters that it is about."""
    if step["type"] == "Prepend" and step["prepend"] in (" ", MARKER):
        return "prepend", ""
    if step["type"] == "Replace":
        literal, regex = step["pattern"].get("String"), step["pattern"].get("Regex", "")
        content = step["content"]
        if content == MARKER and (literal == " " or regex in _TO_MARKER):
            return "mark", _TO_MARKER[literal or regex]
        if content == "" and (literal in ("\r", "\0") or regex in _DROP):
            return "drop", literal or _DROP[regex]
        found = _LEAD.fullmatch(regex)
        if found is not None and content == f"{found[1] or found[2]} ":
            return "lead", found[1] or found[2]
    raise NotCompiled(f"the {step['type']} of its normalizer is not compiled")
