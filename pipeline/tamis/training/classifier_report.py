"""The report of a trained classifier as Markdown, and what to paste into a recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tamis.cards.markdown import code, text

MOST_LABELS = 30
"""Labels of which a table of confusions is drawn at most."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SIGNAL = re.compile(r"[^a-z0-9]+")
_UNQUOTED = re.compile(r"[\w./~][\w./~@+:=-]*")


def fragment(label: str, of_sources: bool, max_bytes: int | None, out: Path, report: dict[str, Any]) -> str:
    """The stage that uses the model, its hash pinned, as a recipe writes it."""
    file = report["quantized"] or report["model"]
    model = _scalar(f"{out / file['file']}@sha256:{file['sha256']}")
    cut = [f"max_bytes: {max_bytes}"] if max_bytes is not None else []
    if of_sources and label in ("category", "language"):
        return _stage(label, [f"model: {model}", *cut, *(["min_score: 0.5"] if label == "category" else [])])
    labels = sorted(report["labels"])
    told = []
    if all(_NUMBER.fullmatch(one) for one in labels):
        numbers = ", ".join(f'"{one}": {one}' for one in labels)
        told.append(f"scale: {{{numbers}}}")
    return _stage("classifier", [f"as: {_name_of(label)}", f"model: {model}", *cut, *told])


def _name_of(label: str) -> str:
    """What the fragment calls the stage: the label's field, where a recipe may."""
    from tamis.recipe.rules import AS_NAME, DECIDING, NOT_A_NAME
    from tamis.stages import STAGES

    name = _SIGNAL.sub("_", label.lower()).strip("_") or "label"
    if name in ("label", *DECIDING, *NOT_A_NAME, *STAGES.names()) or not AS_NAME.fullmatch(name):
        name = f"by_{name}"[:40].rstrip("_")
    return name


def _scalar(path: str) -> str:
    """A path as YAML, in quotes where it wants them."""
    return path if _UNQUOTED.fullmatch(path) else json.dumps(path, ensure_ascii=False)


def _stage(stage: str, options: Iterable[str]) -> str:
    return "\n".join([f"- {stage}:", *(f"    {option}" for option in options)]) + "\n"


def markdown(report: dict[str, Any]) -> str:
    """The report for people."""
    parts = [
        f"# Classifier of {text(report['label'])}",
        _intro(report),
        "## In a recipe",
        "Paths are relative to the recipe's folder: put the model where the path says, or change it.",
        f"```yaml\n{report['fragment']}```",
        "## On held-out texts",
        _files(report),
        _classes(report["model"]["classes"]),
        "## By language",
        "A language is what the corpus says of a text; where it says nothing, what the language stage says.",
        _languages(report["model"]["languages"]),
        "## By score",
        "Who asks for a higher score gets fewer answers, and more of them right: so choose `min_score`, or a rule.",
        _table(("score at least", "texts", "share", "right"), [
            (row["score"], row["texts"], percent(row["share"]), percent(row["right"]))
            for row in (report["quantized"] or report["model"])["thresholds"]
        ]),
        "## Confusions",
        _confusions(report["model"]["confusion"]),
        "## How it was made",
        _made(report),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _intro(report: dict[str, Any]) -> str:
    rows = sum(row["rows"] for row in report["labels"].values())
    learned = sum(row["learned"] for row in report["labels"].values())
    words = [
        f"A fastText model of {len(report['labels'])} labels, from {rows} labelled rows: {learned} texts were learned "
        f"from, and {report['held_out']} others held out, by a hash of the text."
    ]
    if report["left_out"]:
        named = ", ".join(f"{code(label)} ({count})" for label, count in list(report["left_out"].items())[:20])
        words.append(f"Left out, having too few texts: {named}.")
    for count, what in (
        (report["unlabelled"], "rows have no label"),
        (report["copies"], "rows hold a text that stands in the rows before"),
        (report["contradicting"], "texts stand there under several labels, and were left out"),
    ):
        if count:
            words.append(f"{count} {what}.")
    return " ".join(words)


def _files(report: dict[str, Any]) -> str:
    rows = []
    for file in (report["model"], report["quantized"]):
        if file is not None:
            same = percent(file["same_answers"]) if "same_answers" in file else ""
            rows.append((f"`{file['file']}`", f"{file['bytes']:,}".replace(",", " "), percent(file["accuracy"]),
                         percent(file["macro_f1"]), same))  # fmt: skip
    header = ("file", "bytes", "accuracy", "mean F1", "same answers as the whole")
    told = "The quantized model (`.ftz`) is what a recipe wants: it is small, and answers almost the same.\n\n"
    if report["quantized"] is None:
        told = "There are too few words to quantize the model.\n\n"
    return told + _table(header, rows)


def _classes(rows: Sequence[dict[str, Any]]) -> str:
    return _table(
        ("label", "texts", "precision", "recall", "F1"),
        [(code(r["label"]), r["texts"], percent(r["precision"]), percent(r["recall"]), percent(r["f1"])) for r in rows],
    )


def _languages(languages: Sequence[dict[str, Any]]) -> str:
    rows = [
        (one["language"], code(row["label"]), row["texts"], percent(row["precision"]), percent(row["recall"]))
        for one in languages
        for row in one["classes"]
    ]
    total = [
        (one["language"], one["texts"], percent(one["accuracy"]), percent(one["macro_f1"])) for one in languages
    ]  # fmt: skip
    return "\n\n".join(
        (
            _table(("language", "texts", "accuracy", "mean F1"), total),
            _table(("language", "label", "texts", "precision", "recall"), rows, names=2),
        )
    )


def _confusions(found: dict[str, Any]) -> str:
    labels, counts = found["labels"], found["counts"]
    if len(labels) > MOST_LABELS:
        return f"{len(labels)} labels are too many for a table: `report.json` has all counts."
    rows = [(code(label), *row) for label, row in zip(labels, counts, strict=True)]
    told = "Texts by their label (rows) and by what the model says (columns; none: it knows no word of the text).\n\n"
    return told + _table(("", *(code(label) for label in labels), "none"), rows)


def _made(report: dict[str, Any]) -> str:
    draw, shape = report["draw"], report["shape"]
    sums = [(code(label), row["rows"], row["learned"], row["held_out"]) for label, row in report["labels"].items()]
    options = ", ".join(f"{name} {value}" for name, value in {**draw, **shape}.items())
    software = ", ".join(f"{name} {value}" for name, value in report["software"].items())
    return "\n\n".join(
        (
            _table(("label", "rows", "learned from", "held out"), sums),
            f"{report['lines']} lines were trained on (balance: {draw['balance']}). Options: {options}.",
            f"Hash of the examples: `{report['examples_hash']}`. Software: {software}. The same examples, options and "
            "software give the same bytes.",
            *(
                f"SHA-256 of `{file['file']}`: `{file['sha256']}`"
                for file in (report["model"], report["quantized"])
                if file is not None
            ),
        )
    )


def percent(share: float | None) -> str:
    """A share as a percentage; nothing where there was nothing to divide by."""
    return "" if share is None else f"{100 * share:.1f}%"


def _table(header: Sequence[object], rows: Sequence[Sequence[object]], names: int = 1) -> str:
    """A table whose first columns are `names`, the others numbers."""
    align = [*["---"] * names, *["---:"] * (len(header) - names)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (header, align, *rows))
