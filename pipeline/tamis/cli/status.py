"""`tamis status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tamis.cli.options import json_option, load, recipe_argument, variant_option, work_option


@click.command("status")
@recipe_argument
@variant_option
@work_option
@click.option("--rejects", is_flag=True, help="List what could not be read, with file and line.")
@json_option
def command(recipe: str, variant: str, work: Path, rejects: bool, as_json: bool) -> None:
    """Show the last run of RECIPE: how it ended or where it is, what failed and why, rates by stage in MB of
    text per CPU second, rejects by cause. Of a recipe with variants, where each of them is."""
    from tamis.cli.output import console, print_json
    from tamis.corpus.store import Store
    from tamis.engine.status import status
    from tamis.recipe.variants import PLAIN

    loaded, base = load(recipe, (), variant=variant)
    facts = status(loaded, base, Store(work))
    if as_json:
        print_json(facts)
        return
    if facts["last_run"] is None:
        console.print(f"{loaded.run_name}: no run yet in {work}", markup=False)
    else:
        _show_run(loaded.run_name, facts["last_run"])
    for name, last in facts["variants"].items():
        if name == (loaded.variant or PLAIN):
            continue
        called = f"variant {name}" if name != PLAIN else "the recipe as it stands"
        console.print(f"{called}: {_said(last) if last is not None else 'no run yet'}", markup=False)
    if facts["sources"]:
        _show_sources(facts["sources"])
    if rejects:
        _show_rejects(facts["sources"])


def _show_run(name: str, last: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, number

    console.print(f"[bold]{escape(name)}[/bold]: {escape(_said(last))}")
    if last.get("error"):
        console.print(escape(last["error"]))
    if "measured" in last:
        console.print(f"signal files: {number(last['measured'])} measured, {number(last['reused'])} reused")
    if last.get("stages"):
        _show_stages(last["stages"])


def _said(last: dict[str, Any]) -> str:
    """How a run ended, or where it is."""
    where = f"in phase {last['phase']!r}" if last.get("phase") else "at its beginning"
    if last.get("tasks"):
        where += f", {last['done']} of {last['tasks']} tasks done"
    state = last["state"]
    if state == "finished":
        return f"finished {last['end']} after {last['seconds']:.1f} s: {last['release']}"
    if state == "running":
        return f"running since {last['begin']} as process {last['process']}, {where}"
    if state == "killed":
        return f"begun {last['begin']}, killed {where}; the same command goes on from there"
    return f"{state} {last['end']} {where}"


def _show_stages(stages: list[dict[str, Any]]) -> None:
    from tamis.cli.output import console, number, size, table

    console.print()
    table(
        "", ("stage", "documents", "text", "cpu s", "MB/cpu-s"),
        [
            (
                s["stage"], number(s["documents"]), size(s["bytes"]), f"{s['cpu_seconds']:.2f}",
                s["mb_per_cpu_second"],
            )
            for s in stages
        ],
        right=(1, 2, 3, 4),
    )  # fmt: skip


def _show_sources(sources: list[dict[str, Any]]) -> None:
    from tamis.cli.output import console, number, table

    console.print()
    table(
        "", ("source", "ingested", "read", "documents", "filtered", "rejected", "causes"),
        [
            (
                s["source"], f"{s['groups_done']} of {s['groups']}", number(s["read"]), number(s["documents"]),
                number(s["filtered"]), number(s["rejected"]),
                ", ".join(f"{cause} {count}" for cause, count in s["causes"].items()),
            )
            for s in sources
        ],
        right=(1, 2, 3, 4, 5),
    )  # fmt: skip
    cleaned = [(source["source"], cleaner) for source in sources for cleaner in source["cleaners"]]
    if cleaned:
        console.print()
        table(
            "", ("source", "cleaner", "texts changed", "characters taken"),
            [(name, c["name"], number(c["documents"]), number(c["chars"])) for name, c in cleaned],
            right=(2, 3),
        )  # fmt: skip


def _show_rejects(sources: list[dict[str, Any]]) -> None:
    click.echo()
    for source in sources:
        for reject in source["rejects"]:
            line = "" if reject["line"] is None else f":{reject['line']}"
            click.echo(f"{source['source']}: {reject['file']}{line}: {reject['cause']}: {reject['detail']}")
        hidden = source["rejected"] - len(source["rejects"])
        if hidden > 0:
            click.echo(f"{source['source']}: ... and {hidden} more")
    if not any(source["rejected"] for source in sources):
        click.echo("no rejects")
