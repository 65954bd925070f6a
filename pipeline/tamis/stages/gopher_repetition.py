"""Gopher's repetition heuristics: duplicate lines, paragraphs and word n-grams inside a document."""

from __future__ import annotations

import pyarrow as pa

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.corpus.stop_words import UNSPACED_LANGUAGES

_RAE = "Rae et al. 2021, arXiv:2112.11446, table A1"
_LINE_LIMITS = {
    "duplicate_line_ratio": (0.30, "Lines that occurred before in the document."),
    "duplicate_paragraph_ratio": (0.30, "Paragraphs that occurred before in the document."),
    "duplicate_line_char_ratio": (0.20, "Characters of lines that are in duplicate lines."),
    "duplicate_paragraph_char_ratio": (0.20, "Characters of paragraphs that are in duplicate paragraphs."),
}
_TOP_LIMITS = {2: 0.20, 3: 0.18, 4: 0.16}
_DUPLICATE_LIMITS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


class GopherRepetitionConfig(StageConfig):
    """Nothing to choose: the sizes are the paper's, the thresholds are keep rules."""


def _columns() -> tuple[Column, ...]:
    columns = []
    for name, (limit, meaning) in _LINE_LIMITS.items():
        columns.append(_column(name, meaning, limit, ("code",)))
    for size, limit in _TOP_LIMITS.items():
        meaning = f"Characters of words that are in the most frequent {size}-gram."
        columns.append(_column(f"top_{size}gram_char_ratio", meaning, limit, ()))
    for size, limit in _DUPLICATE_LIMITS.items():
        meaning = f"Characters of words that are in duplicate {size}-grams."
        name = f"duplicate_{size}gram_char_ratio"
        columns.append(_column(name, meaning, limit, ("code", *UNSPACED_LANGUAGES)))
    return tuple(columns)


def _column(name: str, meaning: str, limit: float, doubled: tuple[str, ...]) -> Column:
    """A ratio with the paper's `limit`, and twice that for the languages in `doubled`."""
    by = {"language": dict.fromkeys(doubled, Condition(max=round(2 * limit, 2)))} if doubled else {}
    citation = f"{_RAE}; twice that by language: ours" if doubled else _RAE
    return Column(name, pa.float32(), "ratio 0..1", meaning, Condition(max=limit), by, citation)


def prepare(_: GopherRepetitionConfig, __: Models) -> Measure:
    """Returns the stage's function."""
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.repetition import measure_repetition

    names = [column.name for column in STAGE.adds]

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        ratios = measure_repetition(*text_buffers(batch["text"]))
        return measured(batch.num_rows, dict(zip(names, ratios, strict=True)))

    return measure


STAGE = Stage(
    name="gopher_repetition",
    version=1,
    title="Gopher's repetition heuristics: duplicate lines, paragraphs and n-grams in a document",
    about="""\
The repetition heuristics of Rae et al. 2021 ("Scaling Language Models", table A1).

A line is a line of the text that isn't blank, and lines are equal when their characters are; blank lines part
paragraphs. A duplicate is any occurrence after the first, so a text of n equal lines has a ratio of (n-1)/n.
Character ratios are of the characters in all lines, or in all paragraphs (with the line breaks inside them).

n-grams are of words as every stage has them, lower-cased and without punctuation. Their character ratios
count the characters of words, over those of all words: spaces and punctuation are on neither side, as in
RedPajama-V2's signals. The top n-gram is the most frequent one that occurs twice or more, counting
occurrences that don't overlap (of equally frequent ones the longest); its ratio is its length times its
count. Duplicate n-grams are found by going through the text from its start: where the n words at hand were
met before as an n-gram, their characters count and the next n-gram starts behind them, so no character counts
twice; otherwise the n-gram is noted and the next one starts a word further on. The first occurrence
doesn't count. datatrove goes the same way, over the characters of the whole text, with a single n-gram as a
possible top.

Where a character is a word (Chinese, Japanese, Thai, ...), five words are a much shorter phrase, and source
code repeats its phrases by nature: both get twice the paper's duplicate limits by default, a choice of ours.

A text without lines, paragraphs or n-grams has ratios 0. Time is linear in the text.""",
    config=GopherRepetitionConfig,
    reads=("text",),
    adds=_columns(),
    prepare=prepare,
)
