"""Verifies a release: every checksum, every number of the manifest, every byte of the card.

The manifest's numbers are counted anew from the ledger, by other code than made them; shards are walked in
step with the ledger; the card is rendered again. `stats/facts.csv` holds the manifest's facts a second
time, so that a change of any of them is found by its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from tamis.cards.check_card import check_card
from tamis.cards.check_changes import check_changes
from tamis.cards.check_cuts import check_cuts
from tamis.cards.check_declared import check_declared, check_identity, check_twin
from tamis.cards.check_files import check_files, check_spelling
from tamis.cards.check_formats import check_formats
from tamis.cards.check_numbers import check_numbers
from tamis.cards.check_review import check_review
from tamis.cards.check_rules import check_rules, rules_of
from tamis.cards.check_samples import check_samples
from tamis.cards.check_shards import check_ids, check_shards
from tamis.cards.check_spread import check_spread
from tamis.cards.check_tokens import TOKENIZER, check_tokenizer
from tamis.cards.check_withheld import check_withheld
from tamis.cards.checks import Checks, Problem
from tamis.cards.tally import Tally, row_groups
from tamis.cards.tally_spread import SpreadTally, specs_of
from tamis.cards.twins import FACTS
from tamis.corpus.commit import read_json
from tamis.corpus.manifest import NAME, Manifest
from tamis.errors import InputError

__all__ = ["Problem", "Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What a verification found."""

    checks: int
    """Comparisons made."""
    problems: list[Problem]
    notes: list[str]
    """What could not be checked, and why."""


def verify(release: Path) -> Verification:
    """Recomputes everything in a release folder. Raises InputError when there is no release in it."""
    if not (release / NAME).is_file():
        raise InputError(f"{release}: no release here ({NAME} is missing). `tamis run RECIPE` makes one")
    checks = Checks()
    manifest = _manifest(release, checks)
    notes = [] if manifest is None else _verify(manifest, release, checks)
    return Verification(checks.made, checks.problems, notes)


def _manifest(release: Path, checks: Checks) -> Manifest | None:
    try:
        return Manifest.model_validate(read_json(release / NAME))
    except ValidationError as error:
        for item in error.errors():
            checks.holds(False, f"{NAME}: {'.'.join(map(str, item['loc']))}", item["input"], item["msg"])
    except ValueError as error:
        checks.holds(False, NAME, str(error), "JSON")
    return None


def _read_ledger(manifest: Manifest, release: Path, checks: Checks) -> tuple[Tally, SpreadTally]:
    """Counts and judges the ledger anew, a row group at a time."""
    tally, spread = Tally(), SpreadTally(specs_of(manifest))
    rules, untold = rules_of(manifest)
    for file in manifest.files:
        if file.path.startswith("ledger/"):
            start = 0
            for table in row_groups(release / file.path):
                tally.add(table)
                spread.add(table)
                check_rules(file.path, start, table, rules, untold, checks)
                start += table.num_rows
            tally.files += 1
    return tally, spread


def _verify(manifest: Manifest, release: Path, checks: Checks) -> list[str]:
    damaged = check_files(manifest, release, checks)
    check_spelling(manifest, release, checks)
    if FACTS not in damaged and (release / FACTS).is_file():
        check_twin(manifest, release, checks)
    if not checks.any_in(NAME):
        check_declared(manifest, checks)
        check_identity(manifest, checks)
    broken = {path for path in damaged if path.startswith("ledger/")}
    if broken:
        return [f"numbers, shards and card were not compared: {', '.join(sorted(broken))} is not what they are made of"]
    try:
        tally, spread = _read_ledger(manifest, release, checks)
        check_numbers(manifest, tally, checks)
        check_cuts(manifest, release, checks)
        check_spread(manifest, release, spread, checks)
        check_ids(manifest, release, checks)
        tokenizer_holds = TOKENIZER not in damaged and check_tokenizer(manifest, release, checks)
        withheld = check_withheld(manifest, release, checks)
        check_shards(manifest, release, tally, tokenizer_holds, checks)
        check_formats(manifest, release, checks)
        check_samples(manifest, release, damaged, checks)
        notes = [*withheld, *check_changes(manifest, release, checks), *check_review(release, checks)]
        return [*notes, *check_card(manifest, release, damaged, checks)]
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        if not checks.found:
            raise
        return [f"the rest was not compared: {type(error).__name__}: {error}"]
