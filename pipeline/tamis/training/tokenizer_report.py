"""What the report of a trained tokenizer says, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.cards.markdown import code, folded, section, table, text
from tamis.cards.numbers import count, share
from tamis.training.tokenizer_evaluation import Cell, rates, summed

ALL = "all"
LESS, MORE = "less is better", "more is better"
MEASURES = {
    "fertility": ("Fertility: tokens per word", LESS),
    "characters_per_token": ("Characters per token", MORE),
    "bytes_per_token": ("Bytes per token", MORE),
    "split_words": ("Share of words that are cut", LESS),
}
"""Measures of a report: title, and which way is good."""


def by_language(cells: Sequence[Cell]) -> list[Cell]:
    """All cells as one, then a row a language, the one with most text first."""
    languages: dict[str, list[Cell]] = {}
    for cell in cells:
        languages.setdefault(cell.name.partition("--")[0], []).append(cell)
    rows = [summed(name, inside) for name, inside in languages.items()]
    return [summed(ALL, cells), *sorted(rows, key=lambda row: (-row.characters, row.name))]


def markdown(report: Mapping[str, Any], cells: Sequence[Cell]) -> str:
    """The report."""
    tokenizers = report["tokenizers"]
    names = [one["name"] for one in tokenizers]
    parts = [f"# Tokenizer of {text(report['corpus']['name'])} {text(report['corpus']['version'])}", _head(report)]
    if cells:
        parts.append(_measures(cells, names))
    parts += [_draw(report["draw"]), _vocabulary(tokenizers), _options(report)]
    return "\n\n".join(parts) + "\n"


def multiple(size: int) -> int:
    """The largest power of two, 1,024 at most, that a vocabulary's size is a multiple of."""
    return min(size & -size, 1024)


def _head(report: Mapping[str, Any]) -> str:
    own = report["tokenizers"][0]
    asked = report["training"]["vocabulary_size"]
    short = "" if own["ids"] == asked else f" of the {count(asked)} asked for: the texts have no more to merge"
    way = (
        "Tamis encodes with compiled code."
        if own["compiled"]
        else f"The `tokenizers` library encodes, which is slower: {text(own['not_compiled_because'])}."
    )
    return (
        f"{count(own['ids'])} ids{short}, a multiple of {multiple(own['ids'])}; stored as {code(own['id_type'])}. "
        f"`{own['end_of_document']}`, id {own['end_of_document_id']}, ends a document. {way}\n\n"
        f"SHA-256 of `tokenizer.json`: {code(own['sha256'])}."
    )


def _measures(cells: Sequence[Cell], names: Sequence[str]) -> str:
    rows = by_language(cells)
    parts = [
        "Of documents that training has not seen; in `report.svg` as a figure. A word is a run of letters and digits, "
        "or a character of a script that is written without spaces; a word is cut when it takes more than one token "
        "both by itself and behind a space, words being what stands between spaces there."
    ]
    for measure, (title, good) in MEASURES.items():
        parts += [f"**{title}** ({good})", _table(rows, names, measure)]
    if len(cells) > len(rows) - 1:
        by_category = sorted(cells, key=lambda cell: (-cell.characters, cell.name))
        title = f"{MEASURES['fertility'][0]}, by language and category; report.json has the other measures"
        parts.append(folded(title, _table(by_category, names, "fertility")))
    whole = rows[0]
    lines = [
        (
            text(name),
            count(whole.counted[name].tokens),
            count(whole.counted[name].unknown),
            f"{count(whole.documents - whole.counted[name].altered)} of {count(whole.documents)}",
        )
        for name in names
    ]
    header = ("", "tokens", "unknown tokens", "documents that come back as they were")
    return section("On held-out texts", *parts, table(header, "lrrr", lines))


def _table(rows: Sequence[Cell], names: Sequence[str], measure: str) -> str:
    """One measure of every tokenizer."""
    lines = [(code(row.name), count(row.characters), *(_rate(row, name, measure) for name in names)) for row in rows]
    return table(("", "characters", *map(text, names)), f"lr{'r' * len(names)}", lines)


def _rate(row: Cell, name: str, measure: str) -> str:
    value = rates(row, name)[measure]
    if value is None:
        return "–"
    return share(value, 1) if measure == "split_words" else f"{value:.3f}"


def _draw(facts: Mapping[str, Any]) -> str:
    training, held_out = facts["training"], facts["held_out"]
    said = (
        f"{count(training['characters'])} characters of {count(training['documents'])} documents for training, "
        f"{count(held_out['characters'])} of {count(held_out['documents'])} to judge by, out of "
        f"{count(facts['characters'])} of {count(facts['documents'])}. A hash of its id says which half a document is "
        f"in and when its turn comes (seed {facts['seed']}); of one document, {count(facts['document_characters'])} "
        "characters at most are taken.\n\n"
        f"Digests of what was taken: training {code(training['digest'])}, held out {code(held_out['digest'])}."
    )
    budget = [
        (code(row["name"]), count(row["asked"]), count(row["characters"]), count(row["documents"]), _short(row))
        for row in facts["budget"]
    ]
    cells = [
        (
            code(row["cell"]),
            count(row["documents"]),
            count(row["characters"]),
            count(row["training"]["characters"]),
            count(row["held_out"]["characters"]),
        )
        for row in facts["cells"]
    ]
    return section(
        "What it was trained on",
        said,
        table(("budget", "characters asked for", "characters taken", "documents", ""), "lrrrl", budget),
        folded(
            f"By language and category ({count(len(cells))})",
            table(("language and category", "documents", "characters", "for training", "held out"), "lrrrr", cells),
        ),
    )


def _short(row: Mapping[str, Any]) -> str:
    """By what share a budget that was asked for is met, where it is not."""
    if row["characters"] >= row["asked"] or row["name"] == ALL:
        return ""
    return f"{share(row['characters'], row['asked'])}: all that the half for training has"


def _vocabulary(tokenizers: Sequence[Mapping[str, Any]]) -> str:
    kinds = list(dict.fromkeys(kind for one in tokenizers for kind in one["scripts"]))
    rows = [(text(kind), *(count(one["scripts"].get(kind, 0)) for one in tokenizers)) for kind in kinds]
    used = ("met in the held-out texts", *(share(one["ids_used"], one["ids"]) for one in tokenizers))
    size = ("ids", *(count(one["ids"]) for one in tokenizers))
    way = ("encoded by", *("compiled code" if one["compiled"] else "the library" for one in tokenizers))
    header = ("", *(text(one["name"]) for one in tokenizers))
    return section("Vocabulary", table(header, f"l{'r' * len(tokenizers)}", [size, used, way, *rows]))


def _options(report: Mapping[str, Any]) -> str:
    rows = [(code(name), code(_plain(value))) for name, value in report["training"].items()]
    rows += [(text(name), code(version)) for name, version in report["software"].items()]
    return section("Options", table(("", ""), "ll", rows))


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
