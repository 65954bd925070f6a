"""Options that several commands share."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tamis.errors import OptionError

if TYPE_CHECKING:
    from tamis.recipe.model import Recipe

SAMPLE = "sample"
"""Stands for the recipe inside the package."""

recipe_argument = click.argument("recipe", default=SAMPLE, metavar="[RECIPE]")
set_option = click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE",
    help="Change the recipe for this call, e.g. gopher_quality.keep.words=30, (a range, open above), "
    "mix.epochs.fr--book=2, or language.keep.score=off. Repeatable.",
)  # fmt: skip
variant_option = click.option(
    "--variant", default="", metavar="NAME", help="Take this variant of the recipe.  [default: the recipe as it stands]"
)
work_option = click.option(
    "--work", type=click.Path(path_type=Path, file_okay=False), default=Path(".tamis"), envvar="TAMIS_WORK",
    show_default=True, help="Work folder: corpus shards and signals, shared by all recipes. Also $TAMIS_WORK.",
)  # fmt: skip
out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("releases"), show_default=True,
    help="Folder of releases.",
)  # fmt: skip
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), default=None, metavar="N",
    help="Worker processes.  [default: the cores this process may use]",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def given(name: str) -> bool:
    """Whether the parameter stands on the command line of the command that runs."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def sample_recipe() -> Path:
    """The recipe inside the package."""
    return Path(str(files("tamis") / "sample" / "sample.yaml"))


def recipe_path(recipe: str) -> Path:
    """The recipe's file; `sample` is the one inside the package, unless a file has that name."""
    path = Path(recipe)
    return sample_recipe() if recipe == SAMPLE and not path.is_file() else path


def load(recipe: str, settings: tuple[str, ...], plan_alone: bool = False, variant: str = "") -> tuple[Recipe, Path]:
    """The recipe, or its variant, after `--set`, and the folder its paths start in. A recipe that only plans a mix is
    an OptionError, unless `plan_alone`."""
    from tamis.recipe.load import load_recipe
    from tamis.stages import STAGES

    path = recipe_path(recipe)
    loaded = load_recipe(path, STAGES, settings, variant)
    _check(loaded, path, plan_alone)
    return loaded, path.parent


def _check(loaded: Recipe, path: Path, plan_alone: bool = False) -> None:
    if not loaded.sources and not plan_alone:
        raise OptionError(
            f"{path} plans a mix from counts: it has no sources, so there is nothing to run. "
            f"See the plan: tamis mix {path}"
        )
    if loaded.card.template:
        _check_card_template(loaded.card.template, path.parent)


def load_both(recipe: str, settings: tuple[str, ...], variant: str) -> tuple[Recipe, Recipe, Path]:
    """The recipe as it stands, the same changed (as by `load`), and the folder their paths start in."""
    from tamis.recipe.load import build_recipe
    from tamis.recipe.yaml_lines import read_yaml
    from tamis.stages import STAGES

    path = recipe_path(recipe)
    data = read_yaml(path)
    before = build_recipe(copy.deepcopy(data), str(path), STAGES, ())
    after = build_recipe(data, str(path), STAGES, settings, variant)
    for one in (before, after):
        _check(one, path)
    return before, after, path.parent


def print_json(data: Any) -> None:
    """One JSON object on stdout."""
    import orjson

    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())


def _check_card_template(name: str, base: Path) -> None:
    """What is wrong with the template of a card is told before anything is made."""
    from tamis.cards.data_card import SECTIONS
    from tamis.cards.template import check_template
    from tamis.engine.template import template_text

    check_template(str(base / name), template_text(name, base), SECTIONS)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Around the writing of what the user wants at `path`: that it can't be written is no bug."""
    try:
        yield
    except OSError as error:
        raise OptionError(f"{path} can't be written: {error.strerror}. Choose another place") from error
