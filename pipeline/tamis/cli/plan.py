"""`tamis plan`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, load, recipe_argument, set_option, work_option


@click.command("plan")
@recipe_argument
@set_option
@work_option
@json_option
def command(recipe: str, settings: tuple[str, ...], work: Path, as_json: bool) -> None:
    """Show what a run of RECIPE would read, measure and write. Reads no text.

    Checks the whole recipe on the way: every column, rule, licence, language and model it names.
    """
    from tamis.cli.output import console, number, print_json, size, table
    from tamis.corpus.store import Store
    from tamis.engine.plan import plan
    from tamis.engine.reporting import Silent
    from tamis.engine.session import Session

    loaded, base = load(recipe, settings)
    facts = plan(Session(loaded, base, Store(work), 1, Silent()))
    if as_json:
        print_json(facts)
        return
    console.print(
        f"[bold]{facts['name']} {facts['version']}[/bold]: text is read {facts['readings_of_text']} times\n"
    )
    table(
        "Sources",
        ("source", "files", "size", "to ingest", "documents", "language", "category", "licence"),
        [
            (
                s["source"], number(s["files"]), size(s["bytes"]), f"{s['to_ingest']} of {s['groups']} groups",
                number(s["documents"]) if s["documents"] else "", s["language"], s["category"], s["license"],
            )
            for s in facts["sources"]
        ],
        right=(1, 2, 3, 4),
    )  # fmt: skip
    console.print()
    table(
        "Stages",
        ("stage", "reading", "cached", "keep", "when"),
        [
            (
                f"{s['stage']} v{s['version']}",
                s["reading"] if s["reading"] else "-",
                _cached(s),
                ", ".join(f"{signal} {rule}" for signal, rule in s["keep"].items())
                + (" (with overrides)" if s["keep_by"] else ""),
                ", ".join(f"{column} {rule}" for column, rule in s["when"].items()),
            )
            for s in facts["stages"]
        ],
        right=(1,),
    )
    for stage in facts["fitted"]:
        console.print(f"\n{stage}: its model is trained in the run, on a sample of the ingested text")


def _cached(stage: dict[str, object]) -> str:
    files = stage["signal_files"]
    return f"{files['cached']} of {files['of']}" if isinstance(files, dict) else "-"
