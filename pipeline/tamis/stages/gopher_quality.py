"""Gopher's quality heuristics: length, word length, symbols, bullets, ellipses, letters, stop words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import Column, Measure, Models, Stage, StageConfig, measured
from tamis.corpus.stop_words import STOP_WORDS, UNSPACED_LANGUAGES

_RAE = "Rae et al. 2021, arXiv:2112.11446, appendix A.1.1"
_LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}$")]


class GopherQualityConfig(StageConfig):
    """What is counted; the thresholds are keep rules."""

    stop_words: Mapping[_LanguageCode, tuple[str, ...]] = {}
    """Stop words to add, by ISO 639 code of the language: to the built-in list, or as the list of a
    language that has none. Each is a single word; case doesn't matter."""

    @field_validator("stop_words")
    @classmethod
    def _single_words(cls, lists: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if any(lists.values()):
            from tamis.kernels.words import word_hash

            for words in lists.values():
                for word in words:
                    word_hash(word)
        return lists


def prepare(config: GopherQualityConfig, _: Models) -> Measure:
    """Loads the stop words and returns the stage's function."""
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.gopher import NO_LIST, count_prose, stop_word_tables

    words = {
        language: sorted({*STOP_WORDS.get(language, ()), *config.stop_words.get(language, ())})
        for language in sorted({*STOP_WORDS, *config.stop_words})
    }
    tables = stop_word_tables(list(words.values()))
    row_of = {language: row for row, (language, entries) in enumerate(words.items()) if entries}

    def lists(languages: pa.Array) -> npt.NDArray[np.int32]:
        # A region or script says nothing about stop words: pt-BR is pt.
        encoded = pc.dictionary_encode(languages)
        rows = [
            NO_LIST if name is None else row_of.get(name.split("-")[0].lower(), NO_LIST)
            for name in encoded.dictionary.to_pylist()
        ]
        indices = pc.fill_null(encoded.indices, len(rows)).to_numpy(zero_copy_only=False)
        per_row: npt.NDArray[np.int32] = np.array([*rows, NO_LIST], np.int32)[indices]
        return per_row

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        listed = lists(batch["language"])
        counts = count_prose(*text_buffers(batch["text"]), tables, listed)
        per_word = 1 / np.maximum(counts.words, 1)
        per_line = 1 / np.maximum(counts.lines, 1)
        ratios = {
            "mean_word_length": counts.word_characters * per_word,
            "symbol_word_ratio": np.maximum(counts.hashes, counts.ellipses) * per_word,
            "bullet_line_ratio": counts.bullet_lines * per_line,
            "ellipsis_line_ratio": counts.ellipsis_lines * per_line,
            "alpha_word_ratio": counts.alpha_tokens / np.maximum(counts.tokens, 1),
        }
        return measured(
            batch.num_rows,
            {
                "words": counts.words,
                "lines": counts.lines,
                **{name: ratio.astype(np.float32) for name, ratio in ratios.items()},
                "stop_words": pa.array(counts.stop_words.astype(np.int32), mask=listed == NO_LIST),
            },
        )

    return measure


STAGE = Stage(
    name="gopher_quality",
    version=1,
    title="Gopher's quality heuristics: length, symbols, bullets, letters, stop words",
    about="""\
The document heuristics of Rae et al. 2021 ("Scaling Language Models", appendix A.1.1), measured on words as
every stage has them: runs of letters, digits and marks, so punctuation is no word and `l'eau` is two; a
character of a script without spaces (Han, kana, Thai, ...) is a word of its own.

`symbol_word_ratio` is the larger of two ratios, `#` per word and ellipsis per word, since the paper tests
either; an ellipsis is `…` or three full stops, so a dotted leader counts several times. Line ratios are
over lines that aren't blank. A bullet line starts with one of `-*•‣⁃◦∙·▪▫■□●○▶►➢➤`: long dashes open
dialogue. `alpha_word_ratio` is over pieces between white space, so a lone `=` or `2024` counts against the
text.

`stop_words` counts the different stop words present, not their occurrences: the paper asks for two of eight
English ones. The lists hold some sixty function words each for de, en, es, fr, it, nl and pt, so the same
threshold is looser here; it sorts out lists and tables, not wrong languages. The list is that of the row's
`language` (pt-BR is pt); without one (unknown language, `code`) the signal is null.

A text without words, lines or tokens has ratios 0.""",
    config=GopherQualityConfig,
    reads=("text", "language"),
    adds=(
        Column(
            "words",
            pa.int64(),
            "words",
            "Words in the document.",
            default=Condition(min=50, max=100_000),
            citation=_RAE,
        ),
        Column("lines", pa.int64(), "lines", "Lines that aren't blank."),
        Column(
            "mean_word_length",
            pa.float32(),
            "characters",
            "Characters per word.",
            default=Condition(min=3, max=10),
            default_by={
                "language": {
                    # Compounds: ours.
                    **dict.fromkeys(("de", "nl"), Condition(min=3, max=12)),
                    # Written in syllables; running Korean measures 2.9 to 3.4: ours.
                    **dict.fromkeys(("ko", "vi"), Condition(min=2, max=10)),
                    # A character is a word: ours.
                    **dict.fromkeys(UNSPACED_LANGUAGES, Condition(max=10)),
                }
            },
            citation=f"{_RAE}; by language: ours",
        ),
        Column(
            "symbol_word_ratio",
            pa.float32(),
            "symbols per word",
            "`#` per word or ellipses per word, whichever is more.",
            default=Condition(max=0.1),
            # Comments and directives begin with `#` in many programming languages.
            default_by={"language": {"code": Condition(max=0.5)}},
            citation=f"{_RAE}; code: ours",
        ),
        Column(
            "bullet_line_ratio",
            pa.float32(),
            "ratio 0..1",
            "Lines that start with a bullet.",
            default=Condition(max=0.9),
            citation=_RAE,
        ),
        Column(
            "ellipsis_line_ratio",
            pa.float32(),
            "ratio 0..1",
            "Lines that end with an ellipsis.",
            default=Condition(max=0.3),
            citation=_RAE,
        ),
        Column(
            "alpha_word_ratio",
            pa.float32(),
            "ratio 0..1",
            "Pieces between white space that have a letter.",
            default=Condition(min=0.8),
            default_by={
                "language": {
                    # Operators, brackets and numbers stand alone in code; between two spaces of a script
                    # without spaces is a whole phrase. Both: ours.
                    **dict.fromkeys(("code", *UNSPACED_LANGUAGES), Condition(min=0.5)),
                }
            },
            citation=f"{_RAE}; by language: ours",
        ),
        Column(
            "stop_words",
            pa.int32(),
            "distinct words",
            "Different stop words of the language that occur; null without a list.",
            default=Condition(min=2),
            citation=f"{_RAE} (English); the other languages' lists: ours",
        ),
    ),
    prepare=prepare,
)
