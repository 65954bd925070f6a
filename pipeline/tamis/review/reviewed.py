"""The samples of a release with the verdicts that it holds, and those that its log would give it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tamis.review.samples import Sample, read_samples
from tamis.review.verdicts import Given, given, log_of, parse_given, read_given, read_log, to_csv

Stratum = tuple[str, str, str, str]


@dataclass(frozen=True)
class Reviewed:
    """The samples of a release and the verdicts on them."""

    samples: Sequence[Sample] = ()
    given: Sequence[Given] = ()
    ratings: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """Document -> reviewer -> verdict, of documents that are samples."""

    @classmethod
    def of(cls, samples: Sequence[Sample], rows: Sequence[Given]) -> Reviewed:
        """Verdicts on what is no sample don't count."""
        known = {sample.id for sample in samples}
        counted = [row for row in rows if row.document in known]
        ratings: dict[str, dict[int, str]] = {}
        for row in counted:
            ratings.setdefault(row.document, {})[row.reviewer] = row.verdict
        return cls(samples, counted, ratings)

    @property
    def counts(self) -> dict[Stratum, Counter[str]]:
        """Stratum -> verdicts by name, and `reviewed`: documents with any."""
        found: dict[Stratum, Counter[str]] = {}
        for sample in self.samples:
            here = found.setdefault(sample.stratum, Counter())
            verdicts = self.ratings.get(sample.id, {})
            here.update(verdicts.values())
            here["reviewed"] += bool(verdicts)
        return found


def reviewed_of(release: Path, verdicts: bytes | None = None) -> Reviewed:
    """As the release has it, or with other `verdicts` (a `stats/review.csv`)."""
    rows = read_given(release) if verdicts is None else parse_given(verdicts)
    return Reviewed.of(read_samples(release), rows)


def take_in(release: Path) -> bytes | None:
    """`stats/review.csv` of what reviewers have said by now; None when no log lies beside the release."""
    log = log_of(release)
    return to_csv(given(read_log(log), read_samples(release))) if log.is_file() else None
