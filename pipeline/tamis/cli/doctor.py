"""`tamis doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, work_option


@click.command("doctor")
@work_option
@click.option(
    "--warm", is_flag=True, help="First compile every kernel, which else the first run does: about half a minute, once."
)
@json_option
@click.pass_context
def command(ctx: click.Context, work: Path, warm: bool, as_json: bool) -> None:
    """Check this installation: packages, the language model, compiled kernels, folders.

    Exits 1 when something a recipe may need doesn't work, and says what to do.
    """
    from tamis.cli.output import busy, console, duration, errors, escape, print_json
    from tamis.engine.doctor import examine

    if warm:
        from tamis.engine.warm import warm as fill

        with busy("compiling the kernels"):
            seconds = fill()
        errors.print(escape(f"kernels are compiled and cached ({duration(seconds)})"))
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
