"""A tokenizer of a corpus's own: the draw, the training, the files, and how it does on what it hasn't seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import tokenizers

from tamis import __version__
from tamis.corpus.commit import write_bytes, write_json
from tamis.engine.reporting import Reporter
from tamis.errors import InputError
from tamis.tokens.train import TrainTokenizer, train_tokenizer
from tamis.training.tokenizer_draw import DrawOptions, draw
from tamis.training.tokenizer_evaluation import FILE, Cell, Judged, evaluate, judged, to_json
from tamis.training.tokenizer_figure import figure
from tamis.training.tokenizer_report import markdown
from tamis.training.tokenizer_texts import Texts

FORMAT = 1
REPORT = "report"
OWN = "trained"
"""What the tokenizer is called beside those it is compared with."""


@dataclass(frozen=True)
class Made:
    """What was written, and the report's data."""

    folder: Path
    report: dict[str, Any]
    cells: list[Cell]


def make_tokenizer(
    texts: Texts,
    drawn_by: DrawOptions,
    config: TrainTokenizer,
    compared: Sequence[Judged],
    out: Path,
    reporter: Reporter,
) -> Made:
    """Draws, trains, judges, and writes `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`, and
    `report.json`, `.md` and `.svg` into `out`. The same corpus and options give the same bytes.

    Of `config`, `characters` and `document_characters` are those of the draw. Raises InputError when there is nothing
    to learn from.
    """
    drawn = draw(texts, drawn_by, reporter)
    if not drawn.characters:
        raise InputError(
            "the draw holds no text for training: the budget names nothing that the corpus has much of, or the half of "
            "the documents that is for training is empty; ask for other languages, or add documents"
        )
    limits = {"characters": drawn.characters, "document_characters": drawn_by.document_characters}
    config = config.model_copy(update=limits)
    # The draw is the limit: a larger one lets the texts be read to their end, which is when pairs begin to be merged.
    unlimited = config.model_copy(update={"characters": drawn.characters + 1})
    content = train_tokenizer(unlimited, drawn.training_texts())
    write_bytes(out / FILE, content)
    for name, facts in transformers_files(config, content).items():
        write_json(out / name, facts)
    everyone = [judged(OWN, out / FILE), *compared]
    cells, used = evaluate(drawn.held_out_texts(), everyone)
    report = {
        "format": FORMAT,
        "corpus": texts.facts,
        "draw": drawn.facts,
        "training": config.model_dump(mode="json"),
        "tokenizers": [one.facts(used[one.name]) for one in everyone],
        "cells": [to_json(cell) for cell in cells],
        "software": {"tamis": __version__, "tokenizers": tokenizers.__version__},
    }
    write_json(out / f"{REPORT}.json", report)
    write_bytes(out / f"{REPORT}.md", markdown(report, cells).encode())
    drawing = out / f"{REPORT}.svg"
    if cells:
        write_bytes(drawing, figure(cells, [one.name for one in everyone]))
    else:
        drawing.unlink(missing_ok=True)
    return Made(out, report, cells)


def transformers_files(config: TrainTokenizer, content: bytes) -> dict[str, dict[str, Any]]:
    """`tokenizer_config.json` and `special_tokens_map.json`, as `transformers` reads them beside a `tokenizer.json`.

    Nothing is added to a text by itself: no token at its beginning or end, no space before it.
    """
    added = {
        str(token["id"]): {k: v for k, v in token.items() if k != "id"}
        for token in orjson.loads(content)["added_tokens"]
    }
    named: dict[str, Any] = {"eos_token": config.end_of_document}
    if config.special_tokens:
        named["additional_special_tokens"] = list(config.special_tokens)
    return {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "added_tokens_decoder": added,
            "add_bos_token": False,
            "add_eos_token": False,
            "add_prefix_space": False,
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1_000_000_000_000,
            "unk_token": None,
            **named,
        },
        "special_tokens_map.json": named,
    }
