"""Source code: programming language, licence, and how far a file looks written by people."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from tamis.corpus.conditions import Condition
from tamis.corpus.programs import COMMENT_LINES, COMMENT_OF, is_generated, language_of, license_of
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.recipe.languages import CODE

_CODEX = "Chen et al. 2021 (Codex), arXiv:2107.03374, section 3.1"
_SANTA = "Ben Allal et al. 2023 (SantaCoder), arXiv:2301.03988, after CodeParrot; kept by StarCoder"


class CodeConfig(StageConfig):
    """What is looked at; the thresholds are keep rules."""

    head_characters: Annotated[int, Field(ge=100, le=100_000)] = 5_000
    """Characters at the start of a file in which its licence is looked for."""


def prepare(config: CodeConfig, _: Models) -> Measure:
    """Returns the stage's function."""

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = pc.fill_null(pc.equal(batch.column("language"), CODE), False)
        texts = batch.column("text").filter(rows)
        heads = pc.utf8_slice_codeunits(texts, 0, config.head_characters).to_pylist()
        paths = zip(*(batch.column(name).filter(rows).to_pylist() for name in ("url", "id")), strict=True)
        languages = [language_of(path, head) for path, head in zip(paths, heads, strict=True)]
        found = {
            "language": pa.array(languages, pa.string()),
            "license": pa.array([license_of(head) for head in heads], pa.string()),
            **_line_signals(texts, languages),
            "generated": pa.array([is_generated(head) for head in heads], pa.bool_()),
        }
        return measured(batch.num_rows, {name: _spread(found[name], rows) for name in STAGE.signals})

    return measure


def _spread(values: pa.Array, rows: pa.Array) -> pa.Array:
    """The values at the rows that are source code, null at the others."""
    asked = rows.to_numpy(zero_copy_only=False)
    return values.take(pa.array(np.cumsum(asked) - 1, mask=~asked))


def _line_signals(texts: pa.Array, languages: list[str | None]) -> dict[str, pa.Array]:
    """Lengths of lines in characters, share of letters and digits, share of comment lines."""
    text = pl.col("text")
    lengths = text.str.strip_suffix("\n").str.split("\n").list.eval(pl.element().str.len_chars())
    kept = text.str.replace_all(r"[^\p{L}\p{N}]+", "").str.len_chars()
    frame = pl.DataFrame({"text": pl.from_arrow(texts), "kind": [COMMENT_OF.get(name or "") for name in languages]},
                         schema={"text": pl.String, "kind": pl.String})  # fmt: skip
    # A line of comment by the kind that its language has.
    comments = pl.lit(None, pl.UInt32)
    for kind in frame["kind"].unique().drop_nulls().sort():
        starts = text.str.count_matches(rf"(?m)^[ \t]*{COMMENT_LINES[kind]}")
        comments = pl.when(pl.col("kind") == kind).then(starts).otherwise(comments)
    found = frame.select(
        max_line_length=lengths.list.max().cast(pl.Int64),
        mean_line_length=lengths.list.mean().cast(pl.Float32),
        alphanumeric_ratio=(kept / text.str.len_chars().clip(1)).cast(pl.Float32),
        comment_line_ratio=(comments / text.str.count_matches(r"(?m)^[ \t]*\S").clip(1)).cast(pl.Float32),
    )
    return {name: found[name].to_arrow() for name in found.columns}


STAGE = Stage(
    name="code",
    version=1,
    title="Source code: programming language, licence header, line lengths, letters and digits, comments",
    about="""\
For documents whose language is `code` (a source says so: `language: code`); all signals are null for others, so its
rules let prose pass.

`language` is the programming language, by the extension or name of the file (the last step of the document's URL, or of
its id, which for files is their path), with a look at the text where two share an extension (`.h`, `.m`, `.pl`, ...); a
file without a name that tells is known by its `#!` line. The names are those of The Stack (Kocetkov et al. 2022,
arXiv:2211.15533): `c++`, `c#`, `tex`. A path in another field becomes the id or the URL by the source's `columns`.

`license` is what the head of the file says: its `SPDX-License-Identifier`, else the phrases that the headers of
Apache-2.0, MIT, BSD, MPL, EPL, the GNU licences and some others are made of; null where the head names none. It tells
nothing of the licence of the repository around the file: a source that knows maps a `license` column.

The default thresholds are those that Codex and CodeParrot introduced and SantaCoder, The Stack's models and StarCoder
kept: no line above 1,000 characters, 100 on average, a quarter letters or digits, and no word in the first five
lines that a program wrote the file. Formats of data (JSON, CSV, SVG) fail them by nature. Lines are parted by
newlines, one at the very end counts for nothing; characters are Unicode's, letters and digits those of any script.

`comment_line_ratio` counts the lines that start as a comment does in the language, over those that aren't blank: the
inner lines of a C comment where they start with `*`, and no docstrings.""",
    config=CodeConfig,
    reads=("text", "language", "url", "id"),
    adds=(
        Column("language", pa.string(), "label", "Programming language; null where name and first line tell none."),
        Column("license", pa.string(), "SPDX", "Licence that the file's head names; null where it names none."),
        Column(
            "max_line_length",
            pa.int64(),
            "characters",
            "Characters of the longest line.",
            default=Condition(max=1000),
            citation=_CODEX,
        ),
        Column(
            "mean_line_length",
            pa.float32(),
            "characters",
            "Characters of a line, on average.",
            default=Condition(max=100),
            citation=_CODEX,
        ),
        Column(
            "alphanumeric_ratio",
            pa.float32(),
            "ratio 0..1",
            "Characters that are letters or digits.",
            default=Condition(min=0.25),
            citation=_SANTA,
        ),
        Column("comment_line_ratio", pa.float32(), "ratio 0..1", "Lines of comment; null where none are known."),
        Column(
            "generated",
            pa.bool_(),
            "flag",
            "The first five lines say that a program wrote it.",
            default=Condition.model_validate(False),
            citation=_SANTA,
        ),
    ),
    prepare=prepare,
)
