"""`tamis train-classifier`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import SAMPLE, cores, given, json_option, load, work_option, workers_option
from tamis.errors import InputError, OptionError

if TYPE_CHECKING:
    from tamis.recipe.model import Recipe

_COUNT = click.IntRange(min=1)
_RECIPES = (".yaml", ".yml")


@click.command("train-classifier")
@click.argument("inputs", nargs=-1, required=True, metavar="ROWS...|RECIPE")
@click.option(
    "--label",
    default=None,
    metavar="NAME",
    help="Of rows: the field that holds the label (dots reach into nested fields).  [default: label]  Of a recipe: "
    "category, source or language, what each source declares.  [default: category]",
)
@click.option("--text", default="text", show_default=True, metavar="FIELD", help="Of rows: the field of the text.")
@click.option("--language", default=None, metavar="FIELD", help="Of rows: a language code; else it is recognised.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("classifier"),
    show_default=True,
    help="Folder for model.bin, model.ftz, report.md and report.json.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0.01, 0.5),
    default=0.2,
    show_default=True,
    help="Share of the texts that the model never sees and is judged on, by a hash of the text.",
)
@click.option("--per-class", type=_COUNT, default=20_000, show_default=True, help="Texts of a label at most.")
@click.option("--min-rows", type=_COUNT, default=20, show_default=True, help="Labels with fewer texts are left out.")
@click.option(
    "--balance",
    type=click.Choice(["repeat", "cut", "none"]),
    default="repeat",
    show_default=True,
    help="Repeat texts of small labels (10 times at most), cut large labels to the smallest, or take them as they are.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="First bytes of a text that are learned from; 0: all. Give the stage the same.",
)
@click.option("--epochs", type=_COUNT, default=10, show_default=True, help="Passes over the texts.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 5, min_open=True),
    default=0.5,
    show_default=True,
    help="At its highest.",
)
@click.option("--dim", type=click.IntRange(2, 1024), default=64, show_default=True, help="Width of a vector.")
@click.option(
    "--word-ngrams", type=click.IntRange(1, 5), default=2, show_default=True, help="Runs of words up to that length."
)
@click.option(
    "--subwords",
    type=click.IntRange(0, 8),
    default=0,
    show_default=True,
    help="Runs of letters from 3 to that length: for few texts, inflected languages, misspelt words; 0: words alone.",
)
@click.option("--min-count", type=_COUNT, default=2, show_default=True, help="How often a word occurs at least.")
@click.option(
    "--buckets", type=_COUNT, default=200_000, show_default=True, help="Vectors for runs of words or letters."
)
@click.option(
    "--rows-kept",
    type=click.IntRange(min=256),
    default=50_000,
    show_default=True,
    help="Vectors that the quantized model keeps: those of the largest norm.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of draws and training.")
@work_option
@workers_option
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    inputs: tuple[str, ...], label: str | None, text: str, language: str | None, out: Path, work: Path,
    workers: int | None, as_json: bool, quiet: bool, max_bytes: int, seed: int, **numbers: Any,
) -> None:  # fmt: skip
    """Train a fastText classifier for the stages `classifier` and `category`, and tell how good it is.

    From ROWS, files of labelled rows (JSONL, Parquet, CSV, TSV, Arrow; .gz and .zst, too), or from the sources of a
    RECIPE (.yaml), whose declared category, name or language is the label. Texts are read as by `tamis run`. Writes the
    model, its quantized form, and a report: precision, recall and F1 of every label, by language, confusions, what a
    higher score buys, what quantizing costs. Prints the lines to paste into a recipe, with the file's hash.

    The same texts and options give the same bytes. Texts are held out by their hash, so a copy of a text is never on
    both sides.

    \b
    tamis train-classifier scored.jsonl.zst --label quality.score --out models/edu
    tamis train-classifier genres/*.csv --text body --label genre --out models/genre
    tamis train-classifier my.yaml --label category --out models/category
    """
    from tamis.cli.progress import Bars
    from tamis.training.classifier import Task, train
    from tamis.training.classifier_fit import Shape
    from tamis.training.classifier_rows import check_text, corpus_of
    from tamis.training.classifier_sample import Draw

    drawn = ("held_out", "per_class", "min_rows", "balance")
    how = Draw(seed=seed, max_bytes=max_bytes or None, **{name: numbers.pop(name) for name in drawn})
    recipe, base, label, of_sources = _corpus(inputs, label, text, language)
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file: name a folder")
    task = Task(label, of_sources, how, Shape(seed=seed, **numbers))
    with Bars(quiet=quiet or as_json) as bars:
        try:
            session = corpus_of(recipe, base, work, workers or cores(), bars)
        except InputError as error:
            raise error if of_sources else check_text(inputs, text, error) from None
        report = train(session, task, out)
    if as_json:
        from tamis.cli.output import print_json

        print_json(report)
    else:
        _show(report, out)


def _corpus(
    inputs: tuple[str, ...], label: str | None, text: str, language: str | None
) -> tuple[Recipe, Path, str, bool]:
    """The recipe to read, the folder of its paths, the label, and whether the sources declare it."""
    from tamis.training.classifier_rows import AXES, Fields, check_axis, recipe_of_files

    recipes = [one for one in inputs if one.lower().endswith(_RECIPES) or (one == SAMPLE and not Path(one).exists())]
    if recipes:
        if len(inputs) > 1:
            raise OptionError(f"give one recipe, or files of labelled rows: {', '.join(inputs)} are too many")
        for name in filter(given, ("text", "language")):
            raise OptionError(f"--{name} names a field of labelled rows; a recipe's sources map their own: `columns`")
        axis = label or "category"
        if axis not in AXES:
            raise OptionError(
                f"--label {axis}: sources declare {', '.join(AXES)}. To learn a field of the rows, give "
                "their files instead of the recipe"
            )
        recipe, base = load(recipes[0], ())
        check_axis(recipe, axis)
        return recipe, base, axis, True
    files = [Path(one) for one in inputs]
    return recipe_of_files(files, Fields(text, label or "label", language)), Path(), label or "label", False


def _show(report: dict[str, Any], out: Path) -> None:
    from tamis.cli.output import console, escape, number, size, table
    from tamis.training.classifier_report import percent

    whole, small = report["model"], report["quantized"]
    rows = [
        (row["label"], number(report["labels"][row["label"]]["learned"]), number(row["texts"]), *(
            percent(row[name]) for name in ("precision", "recall", "f1")
        ))
        for row in whole["classes"]
    ]  # fmt: skip
    columns = ("label", "learned", "held out", "precision", "recall", "F1")
    table(f"On {number(report['held_out'])} held-out texts", columns, rows, right=range(1, 6))
    console.print(f"\nAccuracy {percent(whole['accuracy'])}, mean F1 {percent(whole['macro_f1'])}")
    if small is not None:
        console.print(
            f"Quantized ({size(small['bytes'])} for {size(whole['bytes'])}): accuracy {percent(small['accuracy'])}, "
            f"{percent(small['same_answers'])} of its answers are the same"
        )
    if report["left_out"]:
        names = ", ".join(f"{label} ({count})" for label, count in list(report["left_out"].items())[:10])
        console.print(f"Left out, having too few texts: {escape(names)}")
    if report["contradicting"]:
        console.print(f"{number(report['contradicting'])} texts stand under several labels, and were left out")
    console.print(f"\n[bold]In a recipe[/bold] (paths are relative to it)\n\n{escape(report['fragment'])}")
    console.print(f"{escape(str(out / 'report.md'))} has all figures, by language, too")
