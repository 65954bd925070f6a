"""`tamis mix`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import (
    json_option,
    load,
    recipe_argument,
    recipe_path,
    set_option,
    variant_option,
    work_option,
)
from tamis.errors import InputError, OptionError, RecipeError, did_you_mean

if TYPE_CHECKING:
    from tamis.mix.plan import MixPlan
    from tamis.mix.words import Unplannable
    from tamis.recipe.model import Recipe

_SOURCES_SHOWN = 30


@click.command("mix")
@recipe_argument
@click.option(
    "--counts", type=click.Path(path_type=Path, exists=True), metavar="FILE",
    help="Plan from these counts: a CSV with the columns dataset, language, category, tokens (and documents, part, "
    "year, quality where there are any), or the folder of a release.  [default: those that the recipe names, or "
    "else those of its last run]",
)  # fmt: skip
@click.option("--phase", metavar="NAME", help="Show one phase alone.")
@set_option
@variant_option
@work_option
@json_option
def command(
    recipe: str, counts: Path | None, phase: str | None, settings: tuple[str, ...], variant: str, work: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Plan what training sees of every language, category and source, phase by phase. Reads counts, no text.

    Solves the recipe's mix (weights, shares, floors, caps, epoch caps) to the token, and says in a sentence what every
    constraint does. What can't hold is explained; with `on_infeasible: relax` in the recipe, the nearest plan is made.

    \b
    tamis mix my.yaml
    tamis mix my.yaml --counts counts.csv
    tamis mix my.yaml --counts counts.csv --set mix.language.shares.fr=1/3
    """
    from tamis.cli.output import print_json

    loaded, base = load(recipe, settings, plan_alone=True, variant=variant)
    plan = _plan(recipe, loaded, base, counts, work)
    names = [one.name for one in plan.phases]
    if phase is not None and phase not in names:
        raise OptionError(f"--phase: the mix has no phase {phase!r}.{did_you_mean(phase, names)}")
    facts = plan.to_json()
    facts["phases"] = [one for one in facts["phases"] if phase in (None, one["name"])]
    if as_json:
        print_json(facts)
    else:
        _show(loaded, facts)


def _plan(recipe: str, loaded: Recipe, base: Path, counts: Path | None, work: Path) -> MixPlan:
    """The plan; what can't be planned is an error at its line of the recipe."""
    from tamis.corpus.store import Store
    from tamis.engine.decided import counts_of_last_run
    from tamis.mix.plan import counts_for, plan
    from tamis.mix.words import Unplannable

    path = recipe_path(recipe)
    last = (
        counts_of_last_run(Store(work).decided(loaded.run_name), loaded.mix)
        if counts is None and loaded.mix.counts is None
        else None
    )
    try:
        found = last or counts_for(loaded.mix, base, counts)
    except InputError as error:
        raise InputError(f"{path}: {error}" if counts is None and loaded.mix.counts is None else str(error)) from None
    try:
        return plan(loaded.mix, found, base)
    except Unplannable as error:
        raise RecipeError(f"{path}:{_line(path, error)}: {error}") from None


def _line(path: Path, error: Unplannable) -> int:
    from tamis.recipe.yaml_lines import line_of, read_yaml

    data = read_yaml(path)
    here = line_of(data, ("mix", *error.path))
    # A phase takes from the mix what it doesn't say.
    shared = error.path[2:] if error.path[:1] == ("phases",) else ()
    phase = line_of(data, ("mix", *error.path[:2]))
    return line_of(data, ("mix", *shared)) if shared and here == phase and shared[0] in data.get("mix", {}) else here


def _show(recipe: Recipe, facts: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape

    console.print(f"[bold]{escape(recipe.name)} {escape(recipe.version)}[/bold]")
    for phase in facts["phases"]:
        console.print()
        _show_phase(phase)
    for note in facts["notes"]:
        console.print(f"\n{escape(note)}")


def _show_phase(phase: dict[str, Any]) -> None:
    from tamis.cli.output import console, escape, number

    length = phase["sequence_length"]
    samples = f", {number(phase['samples'])} samples of {number(length)}" if length else ""
    console.print(f"[bold]phase {escape(phase['name'])}[/bold]: {number(phase['tokens'])} tokens{samples}\n")
    for axis in ("language", "category", "source"):
        _show_axis(axis, phase[f"by_{axis}"] if axis != "source" else phase["sources"])
    for order in phase["year_order"]:
        console.print(f"years in this order: {escape(', '.join(order))}")
    for name in ("constraints", "warnings", "notes"):
        for sentence in phase[name]:
            console.print(f"{'warning: ' if name == 'warnings' else ''}{escape(sentence)}")
    unique, effective = phase["unique_tokens"], phase["effective_tokens"]
    console.print(
        f"{number(unique)} tokens are seen at least once; with repeats, all are worth {number(effective)} seen once "
        "(Muennighoff et al. 2023)",
        style="dim",
    )


def _named(row: dict[str, Any]) -> str:
    """A cell's source, and its bucket of quality where it has one."""
    from tamis.mix.words import cell_words

    return cell_words(row | {"name": row["source"]})


def _show_axis(axis: str, rows: list[dict[str, Any]]) -> None:
    from tamis.cli.output import console, number, table
    from tamis.mix.words import percent

    by_source = axis == "source"
    rows = sorted(rows, key=lambda row: -row["weighted_tokens"])
    documents = not by_source and any(row["document_share"] is not None for row in rows)
    cells = [
        (
            _named(row) if by_source else row["value"],
            *((row["language"], row["category"]) if by_source else ()),
            "?" if row["tokens"] is None else number(row["tokens"]),
            number(row["weighted_tokens"]),
            "?" if row["epochs"] is None else f"{row['epochs']:.4g}",
            percent(row["share"]),
            percent(row["requested"]),
            *((percent(row["document_share"] or 0),) if documents else ()),
        )
        for row in rows[: _SOURCES_SHOWN if by_source else len(rows)]
    ]
    columns = (
        axis, *(("language", "category") if by_source else ()), "tokens", "in the mix", "epochs", "share", "requested",
        *(("of documents",) if documents else ()),
    )  # fmt: skip
    first = columns.index("tokens")
    table("", columns, cells, right=range(first, len(columns)))
    if by_source and len(rows) > _SOURCES_SHOWN:
        console.print(f"{len(rows) - _SOURCES_SHOWN} more cells: --json lists all", style="dim")
    console.print()
