"""The split patterns of byte-level BPE that are compiled, and what they are made of. Imports nothing."""

from __future__ import annotations

from typing import NamedTuple

LOWER, UPPER, OTHER, MARK, NUMBER, SPACE, NEWLINE = 1, 2, 4, 8, 16, 32, 64
"""Character classes: `\\p{Ll}`; `\\p{Lu}` and `\\p{Lt}`; `\\p{Lm}` and `\\p{Lo}`; `\\p{M}`; `\\p{N}`; `\\s`;
`\\r` and `\\n`, which are SPACE, too."""
LETTER = LOWER | UPPER | OTHER
UNLIMITED = 1 << 62

NO_CONTRACTIONS, LOWER_CONTRACTIONS, ANY_CONTRACTIONS, TRAILING_CONTRACTIONS = 0, 1, 2, 3


class Split(NamedTuple):
    """What tells a split pattern from its siblings."""

    word: int
    """Classes of the characters of a word."""
    cased: bool
    """A word is upper case, then lower case: `HTMLParser` is two."""
    any_lead: bool
    """A word may begin with any one character but a newline, a number or a word's; else with a space only."""
    contractions: int
    """English `'s 't 're 've 'm 'll 'd`: NO_, pieces of their own in LOWER_ or ANY_ case, or in any case
    TRAILING_ in the piece of the word before them."""
    digits: int
    """Most numbers in a piece."""
    spaced_digits: bool
    """A space may begin a piece of numbers."""
    solid: int
    """Classes that a run of symbols doesn't hold."""
    tail: bool
    """A run of symbols takes the newlines behind it."""
    slash_tail: bool
    """... and slashes."""
    newlines: bool
    """White space is cut behind its last newline."""


TAMIS_SPLIT = r"[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""Split of the tokenizers Tamis trains: GPT-4's, with every digit on its own, combining marks in their word
(as Indic scripts need), and no English contractions."""
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's, which many later tokenizers kept."""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LEAD, _WHITE = r"[^\r\n\p{L}\p{N}]?", r"\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = rf"{_CONTRACTION}|{_LEAD}\p{{L}}+"
_REST = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_WHITE}"
LLAMA3_SPLIT = rf"{_WORDS}|\p{{N}}{{1,3}}|{_REST}"
"""Llama 3's, which is GPT-4's (cl100k)."""
QWEN2_SPLIT = rf"{_WORDS}|\p{{N}}|{_REST}"
"""Qwen 2's and 3's."""

_UP, _DOWN = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = (f"{_LEAD}{_UP}*{_DOWN}+", f"{_LEAD}{_UP}+{_DOWN}*")
_SLASHED = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_WHITE}"
O200K_SPLIT = "|".join([*(f"{word}{_CONTRACTION}?" for word in _CASED), rf"\p{{N}}{{1,3}}|{_SLASHED}"])
"""GPT-4o's (o200k)."""
TEKKEN_SPLIT = "|".join([*_CASED, rf"\p{{N}}|{_SLASHED}"])
"""Mistral's since Nemo (Tekken)."""

_SOLID = SPACE | LETTER | NUMBER
_MARKED = LETTER | MARK
SPLITS = {
    TAMIS_SPLIT: Split(_MARKED, False, True, NO_CONTRACTIONS, 1, False, _SOLID | MARK, True, False, True),
    GPT2_SPLIT: Split(LETTER, False, False, LOWER_CONTRACTIONS, UNLIMITED, True, _SOLID, False, False, False),
    LLAMA3_SPLIT: Split(LETTER, False, True, ANY_CONTRACTIONS, 3, False, _SOLID, True, False, True),
    QWEN2_SPLIT: Split(LETTER, False, True, ANY_CONTRACTIONS, 1, False, _SOLID, True, False, True),
    O200K_SPLIT: Split(_MARKED, True, True, TRAILING_CONTRACTIONS, 3, False, _SOLID, True, True, True),
    TEKKEN_SPLIT: Split(_MARKED, True, True, NO_CONTRACTIONS, 1, False, _SOLID, True, True, True),
}
"""The options of the compiled loop (`bpe_split`) for each pattern."""
NO_SPLIT = Split(0, False, False, NO_CONTRACTIONS, 1, False, 0, False, False, False)
"""For a tokenizer that has none."""

DIGITS = {"individual": (r"|\p{N}|", 1), "groups-of-3": (r"|\p{N}{1,3}|", 3), "none": (r"|\p{N}+|", UNLIMITED)}
_KINDS = {"tamis": TAMIS_SPLIT, "gpt-4": LLAMA3_SPLIT, "gpt-4o": O200K_SPLIT}


def split_pattern(kind: str, digits: str) -> str:
    """The split pattern of a kind (`tamis`, `gpt-4`, `gpt-4o`) that takes numbers `individual`ly, in `groups-of-3` from
    the left, or as whole runs (`none`): `gpt-4` is GPT-4's with groups of three, and Qwen 2's with single digits."""
    pattern = _KINDS[kind]
    own = next(spelled for spelled, most in DIGITS.values() if most == SPLITS[pattern].digits)
    return pattern.replace(own, DIGITS[digits][0], 1)


SPLITS |= {
    split_pattern(kind, digits): SPLITS[pattern]._replace(digits=most)
    for kind, pattern in _KINDS.items()
    for digits, (_, most) in DIGITS.items()
}
