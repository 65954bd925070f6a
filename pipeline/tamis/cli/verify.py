"""`tamis verify`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option

SHOWN = 50
"""Problems that are printed for people, at most."""


@click.command("verify")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@json_option
@click.pass_context
def command(ctx: click.Context, release: Path, as_json: bool) -> None:
    """Recompute every checksum and every number of RELEASE: shards, ledger, manifest, card.

    Exits 3 and names file and place when anything differs.
    """
    from tamis.cards.verify import verify
    from tamis.cli.output import busy, number, print_json

    with busy(f"verifying {release}"):
        found = verify(release)
    problems = [
        {"place": problem.place, "found": problem.found, "expected": problem.expected} for problem in found.problems
    ]
    if as_json:
        print_json({"release": str(release), "checks": found.checks, "problems": problems, "notes": list(found.notes)})
    else:
        for problem in problems[:SHOWN]:
            click.echo(f"{problem['place']}: found {problem['found']}, expected {problem['expected']}")
        if len(problems) > SHOWN:
            click.echo(f"... and {number(len(problems) - SHOWN)} more: --json lists all")
        for note in found.notes:
            click.echo(f"note: {note}")
        checks = "1 check" if found.checks == 1 else f"{number(found.checks)} checks"
        verdict = "1 does not hold" if len(problems) == 1 else f"{number(len(problems))} do not hold"
        click.echo(f"{release}: {checks}, {verdict if problems else 'every one holds'}")
    ctx.exit(3 if problems else 0)
