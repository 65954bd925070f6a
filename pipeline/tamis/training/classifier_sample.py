"""Which examples a classifier learns from, and which it is judged on.

Everything is decided by the hash of a text: whatever the order of files and rows, the same texts are held out, and a
text that stands in the corpus twice is never on both sides.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import xxhash

from tamis.errors import InputError
from tamis.training.classifier_rows import Rows

Balance = Literal["repeat", "cut", "none"]
MOST_REPEATS = 10
"""How often a text of a small class is repeated at most."""


class Example(NamedTuple):
    """A text and its label."""

    rank: int
    """A hash of the text: its place in every draw."""
    label: str
    text: bytes
    language: str | None


@dataclass(frozen=True)
class Draw:
    """How examples are drawn."""

    seed: int = 0
    held_out: float = 0.2
    per_class: int = 20_000
    """Texts of a class that are learned from at most."""
    min_rows: int = 20
    """A class with fewer texts is left out."""
    balance: Balance = "repeat"
    max_bytes: int | None = 10_000
    """First bytes of a text that are taken."""

    def most(self, held_out: bool) -> int:
        """Texts of a class on one side at most."""
        return math.ceil(self.per_class * self.held_out / (1 - self.held_out)) if held_out else self.per_class


@dataclass
class Examples:
    """What was drawn."""

    training: list[Example]
    """In an order of chance, small classes repeated."""
    held_out: list[Example]
    rows: Counter[str]
    """Rows of the corpus by label."""
    texts: Counter[str]
    """Texts learned from, each counted once."""
    left_out: dict[str, int]
    """Labels with too few texts -> how many they have."""
    unlabelled: int
    copies: int
    """Rows left out because their text stands there already, under the same label."""
    contradicting: int
    """Texts left out because they stand there under several labels."""


@dataclass
class _Pool:
    """The texts of a class on one side: those of the lowest rank."""

    most: int
    heap: list[tuple[int, bytes, str | None]] = field(default_factory=list)
    """Of (-rank, text, language)."""
    ranks: set[int] = field(default_factory=set)

    def wants(self, rank: int) -> bool:
        return rank not in self.ranks and (len(self.heap) < self.most or rank < -self.heap[0][0])

    def add(self, rank: int, text: bytes, language: str | None) -> None:
        entry = (-rank, text, language)
        self.ranks.add(rank)
        if len(self.heap) < self.most:
            heapq.heappush(self.heap, entry)
        else:
            self.ranks.discard(-heapq.heapreplace(self.heap, entry)[0])


def label_name(label: str) -> str:
    """A label as fastText writes it: white space would end it."""
    return "_".join(label.split())


def draw(rows: Iterable[Rows], how: Draw) -> Examples:
    """Draws the examples. Raises InputError when fewer than two classes have enough texts."""
    pools: dict[tuple[str, bool], _Pool] = {}
    counts: Counter[str] = Counter()
    unlabelled = copies = 0
    salt = xxhash.xxh3_64_intdigest(f"classifier\0{how.seed}".encode())
    for part in rows:
        for place, (digest, name, language) in enumerate(zip(part.digests, part.labels, part.languages, strict=True)):
            label = label_name(name or "")
            if not label:
                unlabelled += 1
                continue
            counts[label] += 1
            rank = xxhash.xxh3_64_intdigest(digest, seed=salt)
            # Not the bits that rank the texts within their side.
            held_out = xxhash.xxh3_64_intdigest(digest, seed=salt + 1 & (1 << 64) - 1) < how.held_out * 2**64
            pool = pools.setdefault((label, held_out), _Pool(how.most(held_out)))
            if pool.wants(rank):
                pool.add(rank, _cut(part.text[place].as_buffer().to_pybytes(), how.max_bytes), language)
            elif rank in pool.ranks:
                copies += 1
    if not counts and unlabelled:
        raise InputError(
            f"none of {unlabelled} rows has a label: name the field that holds it with --label (dots reach into nested "
            "fields)"
        )
    return _chosen(pools, how, counts, unlabelled, copies)


def _cut(text: bytes, size: int | None) -> bytes:
    """The first bytes of a text, moved back to where a character begins."""
    if size is None or len(text) <= size:
        return text
    while size and text[size] & 0xC0 == 0x80:
        size -= 1
    return text[:size]


def _chosen(
    pools: dict[tuple[str, bool], _Pool], how: Draw, counts: Counter[str], unlabelled: int, copies: int
) -> Examples:
    found = [
        (Example(-rank, label, text, language), held_out)
        for (label, held_out), pool in pools.items()
        for rank, text, language in pool.heap
    ]
    times = Counter(example.rank for example, _ in found)
    sides: dict[bool, list[Example]] = {True: [], False: []}
    for example, held_out in found:
        if times[example.rank] == 1:
            sides[held_out].append(example)
    sizes = {side: Counter(example.label for example in examples) for side, examples in sides.items()}
    enough = {label for label in counts if sizes[False][label] + sizes[True][label] >= how.min_rows}
    # Who can't be learned or judged at all, whatever the least number says.
    enough = {label for label in enough if sizes[False][label] and sizes[True][label]}
    left_out = {label: counts[label] for label in sorted(counts) if label not in enough}
    contradicting = sum(1 for count in times.values() if count > 1)
    if len(enough) < 2:
        twice = f". {contradicting} texts stand under several labels, and count for none" if contradicting else ""
        raise InputError(
            "a classifier tells at least two labels apart, and "
            f"{'no label has' if not enough else f'only {min(enough)} has'} {how.min_rows} texts or more "
            f"(--min-rows), some of them held out. Rows by label: "
            f"{', '.join(f'{label} {count}' for label, count in counts.most_common(20)) or 'none'}{twice}"
        )
    training = [example for example in sides[False] if example.label in enough]
    return Examples(
        training=_balanced(training, how),
        held_out=sorted(example for example in sides[True] if example.label in enough),
        rows=counts,
        texts=Counter(example.label for example in training),
        left_out=left_out,
        unlabelled=unlabelled,
        copies=copies,
        contradicting=contradicting,
    )


def _balanced(examples: list[Example], how: Draw) -> list[Example]:
    """Small classes repeated, or large ones cut; in an order of chance, that of a repeat's own hash."""
    sizes = Counter(example.label for example in examples)
    target = {"repeat": max(sizes.values()), "cut": min(sizes.values()), "none": 0}[how.balance]
    ordered: list[tuple[int, Example]] = []
    taken: Counter[str] = Counter()
    for example in sorted(examples):
        size = sizes[example.label]
        times = 1
        if how.balance == "cut":
            times = int(taken[example.label] < target)
        elif how.balance == "repeat":
            # The first ones once more than the others, so that the sum is that of the largest class.
            times = target // size + (taken[example.label] < target % size)
            times = min(times, MOST_REPEATS)
        taken[example.label] += 1
        for turn in range(times):
            ordered.append((xxhash.xxh3_64_intdigest(example.rank.to_bytes(8, "big"), seed=turn + 1), example))
    return [example for _, example in sorted(ordered)]
