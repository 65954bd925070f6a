"""`tamis run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tamis.cli.options import (
    cores,
    given,
    json_option,
    load,
    out_option,
    recipe_argument,
    set_option,
    work_option,
    workers_option,
)
from tamis.engine.worker import prepare_workers
from tamis.errors import OptionError

if TYPE_CHECKING:
    from polars import DataFrame

    from tamis.corpus.manifest import Manifest
    from tamis.engine.run import RunSummary


@click.command("run")
@recipe_argument
@set_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Make the release NAME-VERSION+VARIANT of this variant of the recipe. Repeatable.",
)
@click.option("--all-variants", is_flag=True, help="Make the releases of the recipe as it stands and of all variants.")
@work_option
@out_option
@workers_option
@click.option(
    "--max-rejects",
    type=click.FloatRange(min=0),
    default=None,
    metavar="N",
    help="Stop when more input than this can't be read: a share below 1 (0.01) or a count of rows.",
)
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    recipe: str, settings: tuple[str, ...], variants: tuple[str, ...], all_variants: bool, work: Path, out: Path,
    workers: int | None, max_rejects: float | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Make the release of RECIPE (default: the sample inside the package).

    Ingests what is new, measures what is alive and not measured, decides, writes text shards, token
    shards, ledger, manifest and data card. Killed at any moment, the same command goes on; run twice, it
    does nothing.

    Variants share all that is measured. With several, --json prints {"releases": [...]}.
    """
    workers = workers or cores()
    if workers > 1 and next(out.glob("*/manifest.json"), None) is None:
        # There is no release, so there is work to do: workers load what they need while this process does.
        prepare_workers()
    from tamis.cli.output import print_json
    from tamis.cli.progress import Bars
    from tamis.engine.run import RunOptions, run

    if all_variants and variants:
        raise OptionError("--all-variants makes them all: leave out --variant, or name those you want")
    names = ("", *load(recipe, settings)[0].variants) if all_variants else tuple(dict.fromkeys(variants)) or ("",)
    # All are checked before the first one is made.
    recipes = [load(recipe, settings, variant=name) for name in names]
    options = RunOptions(work, out, workers, max_rejects)
    summaries = []
    for loaded, base in recipes:
        with Bars(quiet=quiet or as_json) as bars:
            summaries.append(run(loaded, base, options, bars, _write_card))
        if not as_json:
            _show(summaries[-1], recipe, work)
    if as_json:
        facts = [summary.to_json() for summary in summaries]
        print_json(facts[0] if len(facts) == 1 else {"releases": facts})


def _write_card(manifest: Manifest, ledger: DataFrame, folder: Path) -> list[Path]:
    # Only now: where nothing is to do, no card is written.
    from tamis.cards.data_card import write_card

    return write_card(manifest, ledger, folder)


def _show(summary: RunSummary, recipe: str, work: Path) -> None:
    from tamis.cli.output import duration, number

    totals = summary.manifest.totals
    if summary.nothing_to_do:
        click.echo(f"nothing to do: {summary.release} is up to date ({summary.seconds:.1f} s)")
        return
    rejected = sum(sum(source.rejects.values()) for source in summary.manifest.sources)
    tokens = ""
    if any(stage.name == "tokenize" for stage in summary.manifest.stages):
        tokens = f", {number(totals['tokens'])} tokens ({number(totals['mixed_tokens'])} with repeats)"
    click.echo(
        f"{summary.release}: {number(totals['documents'])} of {number(totals['ingested'])} documents{tokens} "
        f"in {duration(summary.seconds)}"
    )
    if rejected:
        pieces = "1 piece" if rejected == 1 else f"{number(rejected)} pieces"
        named = given("work")
        place = f" --work {work}" if named else ""
        click.echo(f"{pieces} of input could not be read: tamis status {recipe}{place} --rejects")
    click.echo(f"read {summary.release}/README.md, then: tamis verify {summary.release}")
