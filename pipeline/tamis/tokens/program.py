"""From a `tokenizer.json` to the tables of the compiled encoder, or the reason why not.

What is accepted is what is certain to be done alike; every other model, option, pre-tokenizer and normalizer
raises `NotCompiled`.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.kernels import bpe_normal
from tamis.kernels import bpe_patterns as classes_of
from tamis.kernels.bpe import Program
from tamis.kernels.bpe_cache import PieceTable, fill, piece_table
from tamis.kernels.bpe_merge import Merges, merge_table
from tamis.kernels.bpe_normal import Rules
from tamis.kernels.bpe_patterns import GPT2_SPLIT, NO_SPLIT, SPLITS, Split

Ids = npt.NDArray[np.uint32]

MARKER = "\u2581"
"""The visible space of SentencePiece."""


class NotCompiled(Exception):
    """Why a tokenizer stays with the library, in a clause."""


@dataclass(frozen=True)
class Compiled:
    """A tokenizer that can be compiled."""

    program: Program
    form_c: bool
    """The tokenizer composes characters (NFC), which the program leaves undone."""
    added: tuple[bytes, ...]
    """Added tokens that are looked for in a text, which the program leaves undone."""


def _need(condition: object, reason: str) -> None:
    if not condition:
        raise NotCompiled(reason)


def _compiled(spec: Mapping[str, Any], end_id: int) -> CompiledEncoder:
    """The encoder of a parsed `tokenizer.json`, not yet proved."""
    from tamis.kernels.bpe import Program
    from tamis.kernels.bpe_cache import piece_table
    from tamis.kernels.bpe_normal import Rules
    from tamis.kernels.bpe_split import Split

    model = spec["model"]
    _need(model["type"] == "BPE", f"a {model['type']} model is not compiled")
    _need(not model.get("continuing_subword_prefix"), "prefixes of continuing subwords are not compiled")
    _need(not model.get("end_of_word_suffix"), "suffixes of words are not compiled")
    _need(model.get("dropout") is None, "dropout is not compiled")
    vocabulary: dict[str, int] = model["vocab"]
    _need(len(set(vocabulary.values())) == len(vocabulary), "two tokens have one id")
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    splitter = spec.get("pre_tokenizer")
    added = _added(spec)
    none = np.zeros(0, np.int32)
    nothing = np.zeros(0, np.uint8)
    if splitter is None:
        _need(not added, "added tokens that are not special are not compiled without a pre-tokenizer")
        _need(not model.get("ignore_merges"), "ignore_merges is not compiled without a pre-tokenizer")
        _need(_independent(pairs), "merges reach over the begin of a word")
        form_c, rules = _rules(spec.get("normalizer"))
        no_split = Split(0, False, False, 0, 0, False, 0, False, False, False)
        program = Program(
            True, rules, no_split, nothing, _fallback_ids(model), _char_ids(vocabulary),
            _merges(pairs, vocabulary), piece_table(0, 0, 0, 0), end_id,
        )  # fmt: skip
    else:
        _need(spec.get("normalizer") in (None, {"type": "NFC"}), "its normalizer is not compiled with a split")
        form_c = spec.get("normalizer") is not None
        letters = _byte_letters()
        _need(letters.keys() <= vocabulary.keys(), "its vocabulary lacks bytes")
        whole = _whole(vocabulary, letters) if model.get("ignore_merges") else piece_table(0, 0, 0, 0)
        program = Program(
            False, Rules(nothing, False), _split(splitter), _split_classes(),
            np.array([vocabulary[letter] for letter in letters], np.uint32), none,
            _merges(pairs, vocabulary), whole, end_id,
        )  # fmt: skip
    cache = piece_table(CACHE_SLOTS, CACHE_BYTES, CACHE_IDS, CACHE_LONGEST)
    return CompiledEncoder(program, form_c, added, cache)


def _added(spec: Mapping[str, Any]) -> tuple[bytes, ...]:
    """What a text must hold for an added token to be found in it: special ones are not looked for."""
    import unicodedata

    found: set[str] = set()
    for token in spec.get("added_tokens", []):
        if not token["special"]:
            found |= {token["content"], unicodedata.normalize("NFC", token["content"])}
    _need("" not in found, "an added token is empty")
    _need(len(found) <= 256, "it has hundreds of added tokens that are not special")
    return tuple(sorted(token.encode() for token in found))


def _merges(pairs: list[tuple[str, ...]], vocabulary: Mapping[str, int]) -> Any:
    from tamis.kernels.bpe_merge import merge_table

    _need(all(len(pair) == 2 for pair in pairs), "a merge is no pair")
    columns = (
        [vocabulary.get(left, -1) for left, _ in pairs],
        [vocabulary.get(right, -1) for _, right in pairs],
        [vocabulary.get(left + right, -1) for left, right in pairs],
    )
    ids = np.array(columns, np.int64).reshape(3, -1)
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
        _need(regex, "byte-level BPE without a split is not compiled")
        return _split_of(GPT2_SPLIT)
    split = steps[0]
    _need(
        len(steps) == 2
        and not regex
        and split["type"] == "Split"
        and split["behavior"] == "Isolated"
        and not split["invert"]
        and split["pattern"].get("Regex") in SPLITS,
        "its split pattern is not compiled",
    )
    return _split_of(split["pattern"]["Regex"])


def _split_of(pattern: str) -> Split:
    """The options of the compiled loop for a pattern of `SPLITS`."""
    from tamis.kernels import bpe_split as k

    solid = k.SPACE | k.LETTER | k.NUMBER
    marked = k.LETTER | k.MARK
    none, any_, trailing = k.NO_CONTRACTIONS, k.ANY_CONTRACTIONS, k.TRAILING_CONTRACTIONS
    free = k.UNLIMITED
    return {
        TAMIS_SPLIT: k.Split(marked, False, True, none, 1, False, solid | k.MARK, True, False, True),
        GPT2_SPLIT: k.Split(k.LETTER, False, False, k.LOWER_CONTRACTIONS, free, True, solid, False, False, False),
        LLAMA3_SPLIT: k.Split(k.LETTER, False, True, any_, 3, False, solid, True, False, True),
        QWEN2_SPLIT: k.Split(k.LETTER, False, True, any_, 1, False, solid, True, False, True),
        O200K_SPLIT: k.Split(marked, True, True, trailing, 3, False, solid, True, True, True),
        TEKKEN_SPLIT: k.Split(marked, True, True, none, 1, False, solid, True, True, True),
    }[pattern]


@functools.cache
def _byte_letters() -> dict[str, int]:
    """The letter that byte-level BPE writes for each byte, in the order of the bytes."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown} | {byte: chr(256 + k) for k, byte in enumerate(hidden)}
    return {letters[byte]: byte for byte in range(256)}


def _whole(vocabulary: Mapping[str, int], letters: Mapping[str, int]) -> PieceTable:
    """The tokens of a vocabulary that are byte strings, for `ignore_merges`."""
    from tamis.kernels.bpe_cache import fill, piece_table

    items = [
        (bytes(map(letters.__getitem__, token)), index)
        for token, index in vocabulary.items()
        if token and letters.keys() >= set(token)
    ]
    sizes = np.array([len(token) for token, _ in items], np.int64)
    longest = int(sizes.max())
    _need(longest < 1 << 16, "a token is longer than 65,535 bytes")
    table = piece_table(max(int(np.ceil(np.log2(2 * len(items)))), 4), int(sizes.sum()), 0, longest)
    data = np.frombuffer(b"".join(token for token, _ in items), np.uint8)
    ids = np.array([index for _, index in items], np.uint32)
    fill(table, data, np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]), ids)
    return table


def _ranges(pattern: str) -> Iterator[tuple[str, int, int]]:
    """The runs of code points that the library's regular expression finds: the first character, first, last.

    Planes 4 to 13, without a character, and those of private use are left out.
    """
    from tokenizers import Regex, pre_tokenizers

    points = [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE1000)]
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    for run, (start, stop) in split.pre_tokenize_str("".join(map(chr, points))):
        yield run[0], points[start], points[stop - 1]


@functools.cache
def _split_classes() -> Bytes:
    """Classes of all code points for `tamis.kernels.bpe_split`, as the library's regular expressions see them."""
    from tokenizers import Regex, pre_tokenizers

    from tamis.kernels import bpe_split as k

    classes = {
        r"\p{Ll}": k.LOWER,
        r"[\p{Lu}\p{Lt}]": k.UPPER,
        r"[\p{Lm}\p{Lo}]": k.OTHER,
        r"\p{M}": k.MARK,
        r"\p{N}": k.NUMBER,
        r"\s": k.SPACE,
    }
    # One pass finds the runs of one class each, and a second, over the first characters, which class it is.
    ranges = list(_ranges("|".join(f"{one}+" for one in classes)))
    firsts = "".join(first for first, _, _ in ranges)
    table = np.zeros(0x110000, np.uint8)
    for one, bits in classes.items():
        split = pre_tokenizers.Split(Regex(one), "removed", invert=True)
        for _, (place, _) in split.pre_tokenize_str(firsts):
            _, start, stop = ranges[place]
            table[start : stop + 1] = bits
    table[[10, 13]] |= k.NEWLINE
    table.flags.writeable = False
    return table


# -- BPE without a pre-tokenizer


def _independent(pairs: list[tuple[str, ...]]) -> bool:
    """Whether no merge joins a marker to another character before it."""
    return not any(left[-1:] != MARKER and right[:1] == MARKER for left, right in pairs)


def _fallback_ids(model: Mapping[str, Any]) -> Ids:
    """Ids of the bytes of characters that the vocabulary lacks."""
    _need(model.get("byte_fallback"), "without byte fallback, BPE without a pre-tokenizer is not compiled")
    ids = [model["vocab"].get(f"<0x{byte:02X}>") for byte in range(256)]
    _need(None not in ids, "its vocabulary lacks bytes")
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


_INSERTION = re.compile(r"(?:\\([^0-9A-Za-z])|([^\\\[\](){}.*+?^$|]))\(\?=\[ \\w\]\)", re.DOTALL)
"""One character before a space or a word character; escaped, if it is a letter, it would be a class."""
_MARKED = {"[ ]": " ", "[ \\u00A0]": " \u00a0", "[\\u00A0 ]": " \u00a0", "[ \u00a0]": " \u00a0", " ": " ", "\\s": None}
_DROPPED = {"[\\r\\x00]": "\r\0", "[\\x00\\r]": "\r\0", "\\r": "\r", "\\x00": "\0", "\r": "\r", "\0": "\0"}


def _rules(normalizer: Mapping[str, Any] | None) -> tuple[bool, Rules]:
    """Whether a normalizer composes, and the rest of it as rules."""
    from tamis.kernels import bpe_normal as k

    _need(normalizer is not None, "BPE with neither normalizer nor pre-tokenizer is not compiled")
    assert normalizer is not None
    steps = list(normalizer["normalizers"]) if normalizer["type"] == "Sequence" else [normalizer]
    form_c = bool(steps) and steps[0] == {"type": "NFC"}
    steps = steps[form_c:]
    classes = np.zeros(0x110000, np.uint8)
    dropped, leading, marked, prepended = "", "", "", False
    for step in steps:
        kind, text = _step(step)
        # Each step must see what it sees when all are done in one pass.
        _need(not marked, "its normalizer goes on after the markers")
        if kind == "drop":
            _need(not leading and not prepended, "its normalizer drops characters late")
            dropped += text
        elif kind == "lead":
            leading += text
        elif kind == "prepend":
            _need(not prepended, "its normalizer prepends twice")
            prepended = True
        else:
            marked = text
    _need(" " in marked, "its normalizer leaves spaces")
    _need(not set(dropped) & set(leading + marked + MARKER), "its normalizer drops spaces")
    if leading:
        for _, start, stop in _ranges(r"\w+"):
            classes[start : stop + 1] |= k.FOLLOWER
        classes[0x20] |= k.FOLLOWER
        _need(not any(classes[ord(char)] for char in leading), "its normalizer puts spaces into words")
        _need(not set(leading) & set(marked + MARKER), "its normalizer puts spaces behind spaces")
    for chars, bit in ((dropped, k.DROPPED), (leading, k.LEADING), (marked + MARKER, k.MARKER)):
        classes[[ord(char) for char in chars]] |= bit
    classes.flags.writeable = False
    return form_c, k.Rules(classes, prepended)


def _step(step: Mapping[str, Any]) -> tuple[str, str]:
    """A step of a normalizer: `drop`, `lead`, `prepend` or `mark`, and the characters that it is about."""
    if step["type"] == "Prepend" and step["prepend"] in (" ", MARKER):
        return "prepend", ""
    if step["type"] == "Replace":
        literal, regex = step["pattern"].get("String"), step["pattern"].get("Regex")
        content = step["content"]
        if content == MARKER and (literal == " " or _MARKED.get(regex)):
            return "mark", " " if literal == " " else _MARKED[regex]
        if content == "" and (literal in ("\r", "\0") or regex in _DROPPED):
            return "drop", literal or _DROPPED[regex]
        found = _INSERTION.fullmatch(regex or "")
        if found is not None:
            char = found[1] or found[2]
            if content == char + " ":
                return "lead", char
    raise NotCompiled(f"its normalizer's {step['type']} is not compiled")
