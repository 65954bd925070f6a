"""`tamis ablate`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import cores, json_option, load, recipe_argument, set_option, work_option, workers_option
from tamis.errors import OptionError

if TYPE_CHECKING:
    from tamis.proxy.ablation import Budget
    from tamis.recipe.model import Recipe

_COUNT = click.IntRange(min=1)


@click.command("ablate")
@recipe_argument
@set_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Compare this variant with the plain recipe. Repeatable.  [default: all that the recipe has]",
)
@click.option(
    "--tokens", type=_COUNT, default=1_000_000, show_default=True, help="Tokens that each model is trained on."
)
@click.option("--length", type=_COUNT, default=256, show_default=True, help="Tokens of a sample.")
@click.option("--batch", type=_COUNT, default=16, show_default=True, help="Samples of a step.")
@click.option("--width", type=_COUNT, default=128, show_default=True, help="Width of the model, a multiple of 4.")
@click.option("--layers", type=_COUNT, default=4, show_default=True, help="Layers of the model.")
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True, help="At its highest."
)
@click.option(
    "--seeds", type=_COUNT, default=1, show_default=True, help="Models of each variant: their spread tells noise."
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    help="Share of the documents that no model is trained on, by a hash of their ids.",
)
@click.option(
    "--asked",
    type=_COUNT,
    default=100_000,
    show_default=True,
    metavar="TOKENS",
    help="Held-out tokens of each cell that the models are asked for, about, at most.",
)
@click.option(
    "--match-repeats/--all-documents",
    default=True,
    show_default=True,
    help="Sample the documents so that each is seen as often as in a whole run; or take them all.",
)
@click.option("--phase", default="main", show_default=True, help="Phase of the mix.")
@work_option
@click.option(
    "--releases",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("releases"),
    show_default=True,
    help="Folder of releases: those that are there are not made again.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ablation"),
    show_default=True,
    help="Folder for ablation.json, .md and .svg, and for trainings under way.",
)
@workers_option
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    recipe: str, settings: tuple[str, ...], variants: tuple[str, ...], work: Path, releases: Path, out: Path,
    workers: int | None, as_json: bool, quiet: bool, **numbers: Any,
) -> None:  # fmt: skip
    """Compare the variants of RECIPE: a small model is trained on each, and asked for the same held-out documents.

    Makes the releases of the plain recipe and its variants, trains a small GPT on each with the same budget, shape
    and seeds, and draws the held-out loss per language and category by variant. What is done is not done again, and
    a training that was killed goes on. Uses a GPU where there is one. Needs the extra torch.

    \b
    tamis ablate my.yaml
    tamis ablate my.yaml --variant more-french --tokens 20000000 --width 256 --layers 8 --seeds 3
    """
    from tamis.cli.output import errors, escape, print_json
    from tamis.proxy.ablation import Budget, ablate
    from tamis.proxy.report import write

    _check_torch()
    budget = Budget(**numbers)
    if budget.width % 4:
        raise OptionError(f"--width {budget.width}: the model has 4 heads, so its width is a multiple of 4")
    plain, base = load(recipe, settings)
    names = tuple(dict.fromkeys(variants)) or plain.variants
    if not names:
        raise OptionError(
            f"{recipe} has no variants to compare. Add some: variants: {{more-french: {{mix.language.shares.fr: 1/2}}}}"
        )
    recipes = [plain, *(load(recipe, settings, variant=name)[0] for name in names)]
    for one in recipes:
        _check_formats(one)
    made = _made(recipes, base, work, releases, workers, quiet or as_json)

    def tell(words: str) -> None:
        if not quiet:
            errors.print(escape(words))

    title = f"{plain.name} {plain.version}"
    data = write(title, ablate(made, budget, out, tell), out)
    if as_json:
        print_json(data)
    else:
        _show(title, data, budget, out)


def _check_torch() -> None:
    """Told at once, not after the releases are made."""
    if importlib.util.find_spec("torch") is None:
        raise OptionError(
            "tamis ablate trains small models with PyTorch, which is not installed: pip install 'tamis[torch]'"
        )


def _check_formats(recipe: Recipe) -> None:
    from tamis.tokens.release import FLAT

    if not set(recipe.release.formats) & set(FLAT):
        raise OptionError(
            f"{recipe.run_name}: its release would have no token files to train on. Add to the recipe "
            f"`release: {{formats: [{FLAT[0]}]}}` (or one of {', '.join(FLAT[1:])})"
        )


def _made(
    recipes: list[Recipe], base: Path, work: Path, releases: Path, workers: int | None, quiet: bool
) -> dict[str, Path]:
    """The release of every variant, made or found."""
    from tamis.cards.data_card import write_card
    from tamis.cli.progress import Bars
    from tamis.engine.run import RunOptions, run
    from tamis.recipe.variants import PLAIN

    options = RunOptions(work, releases, workers or cores())
    made = {}
    for one in recipes:
        with Bars(quiet=quiet) as bars:
            made[one.variant or PLAIN] = run(one, base, options, bars, write_card).release
    return made


def _show(title: str, data: dict[str, Any], budget: Budget, out: Path) -> None:
    from tamis.cli.output import number, table
    from tamis.proxy.report import ALL, Found, told

    variants = list(data["variants"])
    rows = [
        (
            ALL if row["axis"] == ALL else f"{row['axis']} {row['value']}",
            number(row["tokens"]),
            *(told(Found(**row["variants"][name]), name, row["axis"] != ALL) for name in variants),
        )
        for row in data["rows"]
    ]
    table(f"Held-out loss of {title}, nats per token", ("", "tokens asked", *variants), rows, right=(1,))
    click.echo(f"\n(difference to {variants[0]}; less is better) · share of the training tokens")
    if budget.seeds == 1:
        click.echo("one seed tells no spread: small differences may be noise (--seeds 3)")
    click.echo(
        f"{out / 'ablation.md'} has the table, {out / 'ablation.svg'} the figure, {out / 'ablation.json'} all numbers"
    )
