"""`tamis train-tokenizer`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import cores, given, json_option, load, set_option, variant_option, work_option
from tamis.errors import OptionError

if TYPE_CHECKING:
    from tamis.tokens.train import TrainTokenizer
    from tamis.training.tokenizer import Made
    from tamis.training.tokenizer_texts import Texts

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_LANGUAGES_SHOWN = 30
_SINGULAR = {"special_tokens": "special_token"}
"""Options of a recipe that have another name here."""


@click.command("train-tokenizer")
@click.argument("corpus", metavar="RECIPE|RELEASE")
@click.option(
    "--vocabulary-size", type=click.IntRange(512, 1 << 20), default=32_768, show_default=True, metavar="N",
    help="Ids, special tokens and the 256 bytes among them. Up to 65536 are stored in two bytes each.",
)  # fmt: skip
@click.option(
    "--multiple-of", type=click.IntRange(1, 1024), default=1, metavar="N",
    help="Round the vocabulary up to a multiple, which matrix kernels like: 64 or 128.",
)  # fmt: skip
@click.option(
    "--budget", default="", metavar="NAME=N,...",
    help="Characters to learn from by language or language--category, e.g. fr=5e9,en=6e9,code--python=200M,*=1e8 (* is "
    "each other language; the more specific name holds). What isn't named is left out. A cap: the report tells by what "
    "share a language falls short.",
)  # fmt: skip
@click.option(
    "--characters", default="1e9", show_default=True, metavar="N",
    help="Without --budget: characters to learn from, drawn from all documents alike.",
)  # fmt: skip
@click.option(
    "--document-characters", default="100000", show_default=True, metavar="N",
    help="Most characters to take of one document, from its beginning.",
)  # fmt: skip
@click.option(
    "--held-out", default="500000", show_default=True, metavar="N",
    help="Characters to judge by, of each language and category, from the half that training never sees.",
)  # fmt: skip
@click.option(
    "--digits", type=click.Choice(["individual", "groups-of-3", "none"]), default="individual", show_default=True,
    help="Numbers as single digits, in groups from the left, or merged like letters.",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(["tamis", "gpt-4", "gpt-4o"]), default="tamis", show_default=True,
    help="Pieces that merges don't leave. gpt-4 with individual digits is Qwen 2's; Llama 3's has groups of 3.",
)  # fmt: skip
@click.option(
    "--byte-fallback", is_flag=True,
    help="Merge characters, not bytes, as SentencePiece, Llama 2's and Lucie's do; seldom characters become bytes.",
)  # fmt: skip
@click.option(
    "--alphabet", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N",
    help="With --byte-fallback: so many of the most frequent characters have an id each.",
)  # fmt: skip
@click.option(
    "--whitespace-runs", type=click.IntRange(0, 64), default=0, show_default=True, metavar="N",
    help="Make runs of 2 to N spaces, tabs or newlines tokens for sure; 0: those that are learnt.",
)  # fmt: skip
@click.option(
    "--special-token", "special_tokens", multiple=True, metavar="TOKEN",
    help="A token that no text becomes, e.g. '<|im_start|>'. Repeatable.",
)  # fmt: skip
@click.option(
    "--end-of-document", default="<|endoftext|>", show_default=True, metavar="TOKEN",
    help="The token that ends a document.",
)  # fmt: skip
@click.option(
    "--min-frequency", type=click.IntRange(min=1), default=2, show_default=True, metavar="N",
    help="Times that a pair must stand in the texts to be merged.",
)  # fmt: skip
@click.option(
    "--reference", "references", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Compare with this tokenizer.json (or the folder it is in). Repeatable.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another draw.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("tokenizer"), show_default=True,
    help="Folder for tokenizer.json, the files that transformers reads beside it, and the report.",
)  # fmt: skip
@set_option
@variant_option
@work_option
@json_option
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    corpus: str, settings: tuple[str, ...], variant: str, work: Path, out: Path, references: tuple[Path, ...],
    multiple_of: int, budget: str, characters: str, document_characters: str, held_out: str, seed: int,
    as_json: bool, quiet: bool, **training: Any,
) -> None:  # fmt: skip
    """Train a tokenizer on the documents of a release, or on those that the last run of a recipe keeps.

    Half of the documents, by a hash of their ids, are for training; the other half is held out, and judges the
    tokenizer beside others: tokens per word, characters and bytes per token, by language and category. Writes
    tokenizer.json for Tamis, tokenizers and transformers, and report.md, .json and .svg. The same corpus and
    options give the same bytes.

    \b
    tamis train-tokenizer releases/my-1.0.0 --vocabulary-size 65024
    tamis train-tokenizer my.yaml --budget "fr=5e9,en=6e9,code--programming=2e9,*=6e8" --multiple-of 128
    tamis train-tokenizer my.yaml --byte-fallback --whitespace-runs 8 --reference lucie/tokenizer.json
    """
    from tamis.cli.output import print_json
    from tamis.cli.progress import Bars
    from tamis.training.tokenizer import OWN, make_tokenizer
    from tamis.training.tokenizer_draw import DrawOptions
    from tamis.training.tokenizer_evaluation import references as load_references

    if budget and given("characters"):
        raise OptionError("--characters is for a draw without --budget, which says how many by itself; leave one out")
    if given("alphabet") and not training["byte_fallback"]:
        raise OptionError("--alphabet is for --byte-fallback; without it, characters are merged of bytes. Leave it out")
    training["vocabulary_size"] += -training["vocabulary_size"] % multiple_of
    config = _config(training)
    drawn_by = DrawOptions(
        parse_budget(budget),
        _characters("--characters", characters),
        _characters("--held-out", held_out),
        _characters("--document-characters", document_characters),
        seed,
    )
    compared = load_references(references, OWN)
    with Bars(quiet=quiet or as_json) as bars:
        texts = _texts(corpus, settings, variant, work, bars)
        made = make_tokenizer(texts, drawn_by, config, compared, out, bars)
    if as_json:
        print_json(made.report)
    else:
        _show(made)


def parse_budget(given: str) -> dict[str, int]:
    """Characters by name, from `fr=5e9,code--python=200M`. Raises OptionError."""
    found: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in given.split(","))):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not (name and equals and number):
            raise OptionError(
                f"--budget {part!r}: that is no name and number. Write a language or language--category, =, "
                "and a count of characters: fr=5e9,code--python=200M"
            )
        if name in found:
            raise OptionError(f"--budget names {name} twice; name it once")
        found[name] = _characters(f"--budget {name}", number)
    return found


def _characters(what: str, given: str) -> int:
    match = re.fullmatch(r"([0-9][0-9_]*(?:\.[0-9]+)?(?:e\+?[0-9]{1,2})?)([kmgbt]?)", given.strip().lower())
    count = round(float(match[1].replace("_", "")) * _UNITS[match[2]]) if match else 0
    if not 1 <= count <= 10**12:
        raise OptionError(
            f"{what}: {given!r} is no count of characters from 1 to 1e12; write it as 5e9, 200M or 1_000_000"
        )
    return count


def _config(training: dict[str, Any]) -> TrainTokenizer:
    from pydantic import ValidationError

    from tamis.tokens.train import TrainTokenizer

    try:
        return TrainTokenizer.model_validate(training)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "string_pattern_mismatch":
            said = f"{first['input']!r} could stand in a text; write it as <name> or <|name|>, of letters and _"
        option = f"--{_SINGULAR.get(name, name).replace('_', '-')}: " if name else ""
        raise OptionError(f"{option}{said}") from None


def _texts(corpus: str, settings: tuple[str, ...], variant: str, work: Path, reporter: Any) -> Texts:
    """The release of that folder, or what the recipe's last run keeps."""
    from tamis.corpus.store import Store
    from tamis.engine.session import Session
    from tamis.training.tokenizer_texts import texts_of_release, texts_of_run

    if Path(corpus).is_dir():
        if settings or variant:
            raise OptionError(f"{corpus} is a release, which is made already: --set and --variant change a recipe")
        return texts_of_release(Path(corpus))
    recipe, base = load(corpus, settings, variant=variant)
    return texts_of_run(Session(recipe, base, Store(work), cores(), reporter))


def _show(made: Made) -> None:
    from tamis.cards.numbers import share
    from tamis.cli.output import number, table
    from tamis.training.tokenizer_report import by_language, multiple

    report, own = made.report, made.report["tokenizers"][0]
    rows = [_row(row, report) for row in by_language(made.cells)[: _LANGUAGES_SHOWN + 1] if row.documents]
    names = [one["name"] for one in report["tokenizers"]]
    if rows:
        table("Tokens per word, held out", ("", "characters", *names), rows, right=range(1, 9))
        click.echo()
    for row in report["draw"]["budget"]:
        if row["characters"] < row["asked"] and row["name"] != "all":
            click.echo(
                f"{row['name']}: {number(row['characters'])} characters, {share(row['characters'], row['asked'])} of "
                "those asked for, are all that the half for training has"
            )
    asked = report["training"]["vocabulary_size"]
    short = "" if own["ids"] == asked else f" (of {number(asked)}: the texts have no more to merge)"
    size = "" if short and multiple(own["ids"]) < 64 else f", {_multiple(own['ids'])}"
    click.echo(
        f"{made.folder}: {number(own['ids'])} ids{short}{size}, from "
        f"{number(report['draw']['training']['characters'])} characters; "
        f"{share(own['ids_used'], own['ids'])} of the ids are met in the held-out texts"
    )
    click.echo(
        "Tamis encodes with compiled code"
        if own["compiled"]
        else f"the slower `tokenizers` library encodes: {own['not_compiled_because']}"
    )
    click.echo(f"{made.folder / 'report.md'} has it by category, {made.folder / 'report.json'} all numbers\n")
    click.echo(f"In a recipe:\n\nstages:\n  - tokenize: {{tokenizer: {made.folder / 'tokenizer.json'}}}")


def _row(row: Any, report: dict[str, Any]) -> tuple[str, ...]:
    from tamis.cli.output import number
    from tamis.training.tokenizer_evaluation import rates

    values = [rates(row, one["name"])["fertility"] for one in report["tokenizers"]]
    return row.name, number(row.characters), *("–" if value is None else f"{value:.3f}" for value in values)


def _multiple(size: int) -> str:
    """What the size is a multiple of, or the next multiple of 128."""
    from tamis.cli.output import number
    from tamis.training.tokenizer_report import multiple

    if multiple(size) >= 64:
        return f"a multiple of {multiple(size)}"
    return f"no multiple of 64 (--multiple-of 128 would make it {number(size + -size % 128)})"
