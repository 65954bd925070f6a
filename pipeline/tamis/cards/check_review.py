"""Is what the card counts of the review what the log beside the release says?"""

from __future__ import annotations

from pathlib import Path

from tamis.cards.checks import Checks
from tamis.errors import InputError
from tamis.review.samples import read_samples
from tamis.review.verdicts import REVIEW, given, log_of, read_given, read_log


def check_review(release: Path, checks: Checks) -> list[str]:
    """Compares verdict by verdict; returns notes. The log may have gone on since."""
    held = read_given(release)
    log = log_of(release)
    if not log.is_file():
        return [f"{REVIEW} was not counted anew: {log.name} does not lie beside this release"] if held else []
    try:
        said = given(read_log(log), read_samples(release))
    except InputError as error:
        return [f"{REVIEW} was not counted anew: {error}"]
    verdicts = {(row.document, row.reviewer): row.verdict for row in said}
    for row in held:
        place = f"{REVIEW}: {row.document}, reviewer {row.reviewer}"
        checks.holds((row.document, row.reviewer) in verdicts, place, row.verdict, f"no such verdict in {log.name}")
    # A reviewer may have changed their mind, or judged more: that is no fault of the release.
    if sorted(held) != said:
        return [f"{log.name} has verdicts that the card doesn't count yet: tamis card {release}"]
    return []
