"""Line and paragraph statistics: how long they are, and what share of the lines is no running text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured

if TYPE_CHECKING:
    from tamis.kernels.line_statistics import Lines

Numbers = npt.NDArray[Any]


class LinesConfig(StageConfig):
    """What is counted; thresholds are keep rules."""

    few_words: Annotated[int, Field(ge=1, le=1000)] = 3
    """A line of fewer words counts in `few_word_line_ratio`."""


def _columns(lines: Lines, few_words: int) -> dict[str, Numbers]:
    """Every signal by its name."""
    from tamis.kernels.groups import spread
    from tamis.kernels.line_statistics import CURLY_BRACKET, HYPHEN, JAVASCRIPT

    documents = len(lines.all_lines)
    owners = lines.document

    def total(values: Numbers) -> Numbers:
        return np.bincount(owners, values, documents)

    count = np.bincount(owners, minlength=documents)
    first = np.flatnonzero(np.diff(lines.paragraph, prepend=-1))
    paragraphs = owners[first]
    inner = np.diff(first, append=len(owners)) - 1
    by_paragraph = {
        "characters": (np.add.reduceat(lines.characters, first) if len(first) else lines.characters) + inner,
        "words": np.add.reduceat(lines.words, first) if len(first) else lines.words,
    }
    columns: dict[str, Numbers] = {
        "lines": count,
        "blank_line_ratio": (lines.all_lines - count) / np.maximum(lines.all_lines, 1),
        "paragraphs": np.bincount(paragraphs, minlength=documents),
    }
    for unit in ("words", "characters"):
        for what, of, values in (("line", owners, getattr(lines, unit)), ("paragraph", paragraphs, by_paragraph[unit])):
            found = spread(of, values, documents)
            columns |= {
                f"mean_{what}_{unit}": found.mean,
                f"median_{what}_{unit}": found.median,
                f"max_{what}_{unit}": found.largest,
            }
    of_lines = {
        "few_word": lines.words < few_words,
        "upper_case": 2 * lines.upper > lines.cased,
        "digit": 2 * lines.digits > lines.solid,
        "letterless": lines.letters == 0,
        "hyphen": lines.marks & HYPHEN,
        "javascript": lines.marks & JAVASCRIPT,
        "curly_bracket": lines.marks & CURLY_BRACKET,
    }
    for name, hits in of_lines.items():
        columns[f"{name}_line_ratio"] = total(hits != 0) / np.maximum(count, 1)
    columns["upper_case_letter_ratio"] = total(lines.upper) / np.maximum(total(lines.cased), 1)
    columns["digit_ratio"] = total(lines.digits) / np.maximum(total(lines.solid), 1)
    return columns


def prepare(config: LinesConfig, _: Models) -> Measure:
    """Returns the stage's function."""
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.line_statistics import scan_lines

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        text = batch["text"]
        columns = _columns(scan_lines(*text_buffers(text)), config.few_words)
        columns["characters"] = pc.utf8_length(text).to_numpy(zero_copy_only=False)
        types = {column.name: column.type.to_pandas_dtype() for column in STAGE.adds}
        return measured(batch.num_rows, {name: columns[name].astype(type_) for name, type_ in types.items()})

    return measure


def _length_columns() -> list[Column]:
    meanings = {"mean": "Mean {} a {}.", "median": "Median of the {} a {}.", "max": "Most {} of a {}."}
    return [
        Column(
            f"{kind}_{what}_{unit}",
            pa.int64() if kind == "max" else pa.float32(),
            unit,
            meaning.format(unit, what),
        )
        for what in ("line", "paragraph")
        for unit in ("words", "characters")
        for kind, meaning in meanings.items()
    ]


def _ratio(name: str, meaning: str) -> Column:
    return Column(name, pa.float32(), "ratio 0..1", meaning)


STAGE = Stage(
    name="lines",
    version=1,
    title="Line and paragraph statistics: lengths, capitals, digits, hyphens, markup",
    about="""\
Statistics of a document's lines and paragraphs, such as RedPajama-V2's `rps_lines_*` signals list line by line and
as Dolma's and NeMo Curator's taggers sum up, in one pass. None has a keep rule by default: the literature has
thresholds for the signals of `gopher_quality`, `gopher_repetition`, `c4` and `fineweb`, which this stage doesn't
measure again. Bullets and ellipses are in the first of them, duplicate lines and paragraphs in the second, terminal
marks and lines of few characters in `fineweb`, sentences and long lines in `c4`.

A line is what stands between two newlines. Ratios and lengths are of lines that aren't blank (`lines` counts these,
as `gopher_quality` does), white space at their ends included; blank lines part paragraphs, whose characters include the
line breaks inside them. Words are those that every stage counts: a Chinese character is a word.

A line is in upper case when more than half of its letters with case are, and one of digits when more than half of its
characters other than white space are. A hyphen counts at the end of a line behind a letter (`-`, U+2010, soft hyphen):
words broken by a printed line, which tell of scans and PDF files. `javascript` counts in any case and in any line; C4's
rule, on lines that its other rules leave, is in `c4`.

What rules could say: captions and menus have few words a line (`median_line_words: [4, null]`), tables and indexes many
digits (`digit_ratio: [null, 0.15]`; NeMo Curator drops texts of more than 15% digits, white space counted), headlines
and shouting many capitals (`upper_case_letter_ratio: [null, 0.5]`). A text without a line has zeros everywhere but in
`characters`.""",
    config=LinesConfig,
    reads=("text",),
    adds=(
        Column("characters", pa.int64(), "characters", "Characters of the text, white space and newlines included."),
        Column("lines", pa.int64(), "lines", "Lines that aren't blank."),
        _ratio("blank_line_ratio", "Blank lines, of all lines."),
        Column("paragraphs", pa.int64(), "paragraphs", "Paragraphs: what blank lines part."),
        *_length_columns(),
        _ratio("few_word_line_ratio", "Lines of fewer words than `few_words`."),
        _ratio("upper_case_line_ratio", "Lines most of whose letters with case are in upper case."),
        _ratio("digit_line_ratio", "Lines most of whose characters other than white space are digits."),
        _ratio("letterless_line_ratio", "Lines without a letter."),
        _ratio("hyphen_line_ratio", "Lines that end with a hyphen behind a letter."),
        _ratio("javascript_line_ratio", "Lines with the word `javascript`, in any case."),
        _ratio("curly_bracket_line_ratio", "Lines with `{` or `}`."),
        _ratio("upper_case_letter_ratio", "Letters in upper case, of all letters with case."),
        _ratio("digit_ratio", "Digits, of all characters other than white space."),
    ),
    prepare=prepare,
)
