"""`tamis cleaners`."""

from __future__ import annotations

from typing import Any

import click

from tamis.cli.options import json_option


@click.command("cleaners")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the cleaners of a source's `clean`, or document cleaner NAME: options, examples."""
    from tamis.cleaners import CLEANERS
    from tamis.cli.output import print_json, table
    from tamis.errors import OptionError, did_you_mean
    from tamis.recipe.cleaner_docs import cleaner_facts

    if name is None:
        if as_json:
            print_json({"cleaners": [cleaner_facts(cleaner) for cleaner in CLEANERS.values()]})
            return
        table("", ("cleaner", "what it does"), [(cleaner.name, cleaner.title) for cleaner in CLEANERS.values()])
        click.echo("\ntamis cleaners NAME documents one")
        return
    if name not in CLEANERS:
        raise OptionError(f"no cleaner is called {name!r}.{did_you_mean(name, CLEANERS)}")
    facts = cleaner_facts(CLEANERS[name])
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _show(facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, table
    from tamis.cli.stages import spelled

    console.print(f"[bold]{escape(facts['name'])}[/bold] v{facts['version']}: {escape(facts['title'])}\n")
    console.print(f"{escape(facts['about'])}\n")
    if facts["options"]:
        table(
            "Options",
            ("option", "type", "default", "meaning"),
            [(o["name"], o["type"], spelled(o["default"]), o["meaning"]) for o in facts["options"]],
        )
        console.print()
    for example in facts["examples"]:
        console.print(f"clean: [{example['entry']}]", markup=False)
        console.print(f"  before  {visible(example['before'])}", markup=False)
        console.print(f"  after   {visible(example['after'])}\n", markup=False)
    if facts["libraries"]:
        console.print(f"Done by {', '.join(facts['libraries'])}.\n", markup=False)
    console.print(
        "Every cleaner stands in a source's `clean`, also under `defaults`: see docs/cleaners.md", markup=False
    )


def visible(text: str) -> str:
    """A text on one line, its control characters spelled out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
