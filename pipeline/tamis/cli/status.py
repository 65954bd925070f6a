"""`tamis status`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, load, recipe_argument, work_option


@click.command("status")
@recipe_argument
@work_option
@click.option("--rejects", is_flag=True, help="List what could not be read, with file and line.")
@json_option
def command(recipe: str, work: Path, rejects: bool, as_json: bool) -> None:
    """Show the last run of RECIPE: rates by stage in MB of text per CPU second, rejects by cause."""
    from tamis.cli.output import console, number, print_json, size, table
    from tamis.corpus.store import Store
    from tamis.engine.status import status

    loaded, base = load(recipe, ())
    facts = status(loaded, base, Store(work))
    if as_json:
        print_json(facts)
        return
    last = facts["last_run"]
    if last is None:
        console.print(f"{loaded.name}: no finished run in {work}")
    else:
        console.print(
            f"[bold]{loaded.name}[/bold]: last run {last['seconds']:.1f} s, {last['measured']} signal files measured, "
            f"{last['reused']} reused; {last['release']}\n"
        )
        table(
            "", ("stage", "documents", "text", "cpu s", "MB/cpu-s"),
            [
                (s["stage"], number(s["documents"]), size(s["bytes"]), f"{s['cpu_seconds']:.2f}", s["mb_per_cpu_second"])
                for s in last["stages"]
            ],
            right=(1, 2, 3, 4),
        )  # fmt: skip
    console.print()
    table(
        "", ("source", "groups done", "read", "documents", "filtered", "rejected", "causes"),
        [
            (
                s["source"], f"{s['groups_done']} of {s['groups']}", number(s["read"]), number(s["documents"]),
                number(s["filtered"]), number(s["rejected"]),
                ", ".join(f"{cause} {count}" for cause, count in s["causes"].items()),
            )
            for s in facts["sources"]
        ],
        right=(1, 2, 3, 4, 5),
    )  # fmt: skip
    if rejects:
        for source in facts["sources"]:
            for file, line, cause, detail in source["rejects"]:
                click.echo(
                    f"{source['source']}: {file}{f':{line}' if line is not None else ''}: {cause}: {detail}"
                )
