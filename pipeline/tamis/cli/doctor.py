"""`tamis doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, work_option


@click.command("doctor")
@work_option
@json_option
@click.pass_context
def command(ctx: click.Context, work: Path, as_json: bool) -> None:
    """Check this installation: packages, the language model, compiled kernels, folders.

    Exits 1 when something a recipe may need doesn't work, and says what to do.
    """
    from tamis.cli.output import busy, console, escape, print_json
    from tamis.engine.doctor import examine

    with busy("looking at the installation (kernels are compiled at their first use)"):
        findings = examine(work)
    broken = [finding for finding in findings if finding["needed"] and not finding["ok"]]
    if as_json:
        print_json({"ok": not broken, "checks": findings})
    else:
        for finding in findings:
            mark = (
                "[green]ok[/green]"
                if finding["ok"]
                else "[red]no[/red]"
                if finding["needed"]
                else "[yellow]-[/yellow] "
            )
            console.print(f"{mark}  {escape(finding['what'])}: {escape(finding['found'])}")
        if broken:
            console.print(f"\n{len(broken)} of {len(findings)} checks failed")
    ctx.exit(1 if broken else 0)
