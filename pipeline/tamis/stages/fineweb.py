"""FineWeb's own quality filter: how lines end, short lines, duplicate lines, newlines per word."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured

_PENEDO = "Penedo et al. 2024, arXiv:2406.17557; FineWebQualityFilter of datatrove"


class FinewebConfig(StageConfig):
    """What is counted; the thresholds are keep rules."""

    short_line_characters: Annotated[int, Field(ge=1, le=10_000)] = 30
    """A line of at most so many characters, white space included, is a short one."""


def prepare(config: FinewebConfig, _: Models) -> Measure:
    """Returns the stage's function."""
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.fineweb import count_lines

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        counts = count_lines(*text_buffers(batch["text"]), config.short_line_characters)
        per_line = 1 / np.maximum(counts.lines, 1)
        ratios = {
            "terminal_line_ratio": counts.ended_lines * per_line,
            "short_line_ratio": counts.short_lines * per_line,
            "duplicate_line_char_ratio": counts.repeated_characters / np.maximum(counts.characters, 1),
            "newline_word_ratio": counts.newlines / np.maximum(counts.tokens, 1),
            "alpha_token_ratio": counts.letter_tokens / np.maximum(counts.tokens, 1),
        }
        return measured(batch.num_rows, {name: ratio.astype(np.float32) for name, ratio in ratios.items()})

    return measure


STAGE = Stage(
    name="fineweb",
    version=2,
    title="FineWeb's quality heuristics: line ends, short lines, duplicate lines, newlines per token",
    about="""\
The filters that Penedo et al. 2024 ("The FineWeb Datasets") found by comparing statistics of better and
worse web text, with the thresholds and the definitions of datatrove's `FineWebQualityFilter`; its authors chose them
on English.

A line is what stands between two newlines; ratios of lines are over those that aren't blank. A line counts as ended
when its very last character is a mark that ends a sentence in any script (Unicode's Sentence_Terminal, such as
`. ! ? 。 । ؟`): no quotation mark, colon or ellipsis, and no white space behind it. `duplicate_line_char_ratio` has
the characters of lines that stood before in the document over all characters but newlines. `newline_word_ratio` has
all newlines, those of blank lines included, over tokens, as the limit was found on these: pieces between white space,
and each mark of punctuation at their ends (`(see "x").` is seven), a run of full stops or hyphens counting once; a
letter of a script without spaces (Han, kana, Thai, ...) is one of its own. datatrove counts spaCy's tokens, which
differ little.

FineWeb ran it after Gopher's filters and C4's, the latter without the rule on terminal marks. Of Gopher's rules, the
one on words with a letter asked for 80 % of the tokens, punctuation among them: much stricter than `alpha_word_ratio`
of `gopher_quality`, which is the paper's. `alpha_token_ratio: [0.8, null]` is that rule.

A text without a line has ratios 0, so the rule on line ends drops it. Source code ends few lines with a full stop:
a `when` on the language spares it.""",
    config=FinewebConfig,
    reads=("text",),
    adds=(
        Column(
            "terminal_line_ratio",
            pa.float32(),
            "ratio 0..1",
            "Lines whose last character is a mark that ends a sentence.",
            default=Condition(min=0.12),
            # Written without such marks.
            default_by={"language": dict.fromkeys(("lo", "th"), Condition(min=0))},
            citation=f"{_PENEDO}; by language: ours",
        ),
        Column(
            "short_line_ratio",
            pa.float32(),
            "ratio 0..1",
            "Lines of at most `short_line_characters` characters.",
            default=Condition(max=0.67),
            citation=_PENEDO,
        ),
        Column(
            "duplicate_line_char_ratio",
            pa.float32(),
            "ratio 0..1",
            "Characters that are in lines that stood before in the document.",
            default=Condition(max=0.01),
            citation=_PENEDO,
        ),
        Column(
            "newline_word_ratio",
            pa.float32(),
            "newlines per token",
            "Newlines per word or mark at its ends.",
            default=Condition(max=0.3),
            citation=_PENEDO,
        ),
        Column("alpha_token_ratio", pa.float32(), "ratio 0..1", "Words and marks at their ends that have a letter."),
    ),
    prepare=prepare,
)
