"""Runs of white space as tokens of a trained BPE model: put in front of what it learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

RUN_LETTERS = {" ": "\u0120", "\t": "\u0109", "\n": "\u010a"}
"""How byte-level BPE writes the white space that has runs."""

Pair = tuple[str, str]


def run_tokens(longest: int, letters: Iterable[str]) -> list[str]:
    """Runs of 2 up to `longest` of each letter."""
    return [letter * length for letter in letters for length in range(2, longest + 1)]


def run_merges(longest: int, letters: Iterable[str]) -> list[Pair]:
    """Merges after which every run of at most `longest` of a letter is one token: first the powers of two, then what
    a power of two and a shorter run make."""
    found: list[Pair] = []
    for letter in letters:
        lengths = sorted(range(2, longest + 1), key=lambda n: (n & (n - 1) != 0, n))
        for length in lengths:
            left = 1 << (length - 1).bit_length() - 1
            found.append((letter * left, letter * (length - left)))
    return found


def with_runs(model: dict[str, Any], letters: Iterable[str], longest: int, size: int) -> dict[str, Any]:
    """A BPE model (as `tokenizer.json` has it) with runs of up to `longest` of each letter as tokens.

    Their merges come first. A token that was learnt in another way than these leave open is learnt anew from the
    parts that they make of it. What no longer fits into `size` ids is left out, what was learnt last first.
    """
    letters = list(letters)
    merges: list[Pair] = [(left, right) for left, right in model["merges"]]
    learnt = {left + right for left, right in merges}
    names = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1]) if token not in learnt]
    made = run_merges(longest, letters)
    ranks = {pair: rank for rank, pair in enumerate(made)}
    vocabulary = dict.fromkeys([*names, *(left + right for left, right in made)])
    for left, right in merges:
        pair: Pair = (left, right)
        if any(letter * 2 in left + right for letter in letters):
            parts = merged(left + right, ranks)
            if len(parts) != 2:
                continue
            pair = (parts[0], parts[1])
        if pair in ranks or not vocabulary.keys() >= {*pair}:
            continue
        if left + right not in vocabulary:
            if len(vocabulary) == size:
                break
            vocabulary[left + right] = None
        ranks[pair] = len(ranks)
    return {
        **model,
        "vocab": {token: number for number, token in enumerate(vocabulary)},
        "merges": [list(pair) for pair in ranks],
    }


def merged(token: str, ranks: dict[Pair, int]) -> Sequence[str]:
    """The parts that merges leave of a token's letters."""
    parts = list(token)
    while len(parts) > 1:
        pairs = [(parts[at], parts[at + 1]) for at in range(len(parts) - 1)]
        at = min(range(len(pairs)), key=lambda at: (ranks.get(pairs[at], len(ranks)), at))
        if pairs[at] not in ranks:
            break
        parts[at : at + 2] = ["".join(pairs[at])]
    return parts
