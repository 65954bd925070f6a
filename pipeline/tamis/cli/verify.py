"""`tamis verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tamis.cli.options import json_option


@click.command("verify")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
def command(release: Path, as_json: bool) -> None:
    """Recompute every checksum and every number of RELEASE: shards, ledger, manifest, card.

    Exits 3 and names file and place when anything differs.
    """
    from tamis.cards.verify import verify
    from tamis.cli.output import number, print_json

    found = verify(release)
    problems = [
        {"place": problem.place, "found": problem.found, "expected": problem.expected}
        for problem in found.problems
    ]
    if as_json:
        print_json({"release": str(release), "checks": found.checks, "problems": problems})
    else:
        for problem in problems:
            click.echo(f"{problem['place']}: found {problem['found']}, expected {problem['expected']}")
        verdict = "every one holds" if not problems else f"{number(len(problems))} do not hold"
        click.echo(f"{release}: {number(found.checks)} checks, {verdict}")
    sys.exit(3 if problems else 0)
