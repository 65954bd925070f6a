"""`tamis doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tamis.cli.options import json_option, work_option


@click.command("doctor")
@work_option
@json_option
def command(work: Path, as_json: bool) -> None:
    """Check this installation: packages, the language model, compiled kernels, folders.

    Exits 1 when something a recipe may need doesn't work, and says what to do.
    """
    from tamis.cli.output import console, print_json
    from tamis.engine.doctor import examine

    findings = examine(work)
    if as_json:
        print_json({"checks": findings})
    else:
        for finding in findings:
            mark = (
                "[green]ok[/green]  "
                if finding["ok"]
                else "[red]no[/red]  "
                if finding["needed"]
                else "[yellow]-[/yellow]   "
            )
            console.print(f"{mark}{finding['what']}: {finding['found']}")
    sys.exit(0 if all(finding["ok"] or not finding["needed"] for finding in findings) else 1)
