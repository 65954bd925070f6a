"""How far reviewers agree: percent, and kappa, which takes chance into account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Ratings = Mapping[str, Mapping[int, str]]
"""Document -> reviewer -> verdict."""


class Agreement(NamedTuple):
    """Over the documents that several reviewers judged."""

    documents: int
    reviewers: int
    observed: float
    """Share of pairs of verdicts on the same document that are the same."""
    kappa: float | None
    """None where every verdict is the same: chance alone agrees as well."""
    method: str
    """`Cohen's kappa` of two reviewers, `Fleiss' kappa` of more."""


def agreement(ratings: Ratings) -> Agreement | None:
    """Agreement of all reviewers; None when no document has two verdicts."""
    several = {document: by for document, by in ratings.items() if len(by) > 1}
    reviewers = sorted({reviewer for by in several.values() for reviewer in by})
    if not several:
        return None
    counts = [Counter(by.values()) for by in several.values()]
    if len(reviewers) == 2:
        pairs = [(by[reviewers[0]], by[reviewers[1]]) for by in several.values()]
        observed, kappa = cohen(pairs)
        return Agreement(len(several), 2, observed, kappa, "Cohen's kappa")
    observed, kappa = fleiss(counts)
    return Agreement(len(several), len(reviewers), observed, kappa, "Fleiss' kappa")


def cohen(pairs: Sequence[tuple[str, str]]) -> tuple[float, float | None]:
    """Observed agreement and kappa of two reviewers who judged the same documents (J. Cohen 1960: A coefficient of
    agreement for nominal scales. Educational and Psychological Measurement 20)."""
    total = len(pairs)
    observed = sum(a == b for a, b in pairs) / total
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[name] * second[name] for name in first) / total**2
    return observed, _kappa(observed, by_chance)


def fleiss(counts: Sequence[Mapping[str, int]]) -> tuple[float, float | None]:
    """Observed agreement and kappa of several reviewers, from each document's verdicts by name (J. L. Fleiss 1971:
    Measuring nominal scale agreement among many raters. Psychological Bulletin 76). Documents need not have the same
    number of verdicts, but two at least."""
    agreeing = []
    names: Counter[str] = Counter()
    for by_name in counts:
        size = sum(by_name.values())
        agreeing.append(sum(n * (n - 1) for n in by_name.values()) / (size * (size - 1)))
        names.update(by_name)
    observed = sum(agreeing) / len(agreeing)
    by_chance = sum((n / names.total()) ** 2 for n in names.values())
    return observed, _kappa(observed, by_chance)


def _kappa(observed: float, by_chance: float) -> float | None:
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None
