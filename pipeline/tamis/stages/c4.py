"""C4's heuristics: cuts the lines that look like no prose, and measures what tells a page without any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from tamis.corpus.conditions import Condition
from tamis.corpus.stage import SPANS, Column, Measure, Models, Stage, StageConfig, measured

if TYPE_CHECKING:
    from tamis.kernels.c4 import LineCuts

_RAFFEL = "Raffel et al. 2020, arXiv:1910.10683, section 2.2, as c4_utils.py of TensorFlow Datasets has it"
_LINE = pa.int32()


class C4Config(StageConfig):
    """Which rules there are for lines; those for documents are keep rules."""

    cut: bool = True
    """Cut the lines that fail, blank lines, citations, and the white space at both ends of lines. If false, the text
    stays as it is, and the signals say what would be cut."""
    terminal_mark: Literal["c4", "any_script", "none"] = "c4"
    """A line must end with a mark, and not with `...`: one of `. ? ! " '` as in C4; or a mark that ends a sentence in
    any script, with the quotes and brackets that close behind it; or it may end with anything."""
    min_words: Annotated[int, Field(ge=0, le=100)] = 3
    """Fewest words (pieces between white space) of a line."""
    max_word_length: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """A line with a word of more characters fails; 0 for no limit."""
    citations: bool = True
    """Cut `[1]`, `[edit]` and `[citation needed]` out of the lines that stay."""
    javascript: bool = True
    """A line with the word `javascript`, in any case, fails."""
    policy: bool = True
    """A line fails that has `terms of use`, `privacy policy`, `cookie policy`, `uses cookies`, `use of cookies` or
    `use cookies`, in any case."""
    page_marks: Literal["kept_lines", "all_lines"] = "kept_lines"
    """Where `lorem_ipsum` and `curly_bracket` look: in the lines that the rules before them leave, as C4's code does,
    or in all lines, as the paper says."""
    long_line_characters: Annotated[int, Field(ge=1, le=100_000)] = 200
    """A line of so many characters is a long one."""


def _spans(cuts: LineCuts) -> pa.Array:
    """A column of SPANS; row i has the next `cuts.spans[i]`."""
    offsets = np.zeros(len(cuts.spans) + 1, np.int32)
    np.cumsum(cuts.spans, out=offsets[1:])
    most = int(cuts.newlines.max(initial=0))
    breaks = pa.array(["\n" * n for n in range(most + 1)], pa.string())
    kinds = pa.array(["white space", "citation", "lines"], pa.string())
    values = pa.StructArray.from_arrays(
        [
            pa.array(cuts.starts, pa.int64()),
            pa.array(cuts.ends, pa.int64()),
            breaks.take(pa.array(cuts.newlines)),
            kinds.take(pa.array(cuts.kinds)),
        ],
        fields=list(SPANS.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS)


def prepare(config: C4Config, _: Models) -> Measure:
    """Returns the stage's function."""
    from tamis.kernels.buffers import text_buffers
    from tamis.kernels.c4 import LineRules, apply_line_rules

    rules = LineRules(
        mark=config.terminal_mark != "none",
        any_script=config.terminal_mark == "any_script",
        min_words=config.min_words,
        max_word_length=config.max_word_length,
        citations=config.citations,
        javascript=config.javascript,
        policy=config.policy,
        everywhere=config.page_marks == "all_lines",
        long_line=config.long_line_characters,
    )

    def measure(batch: pa.RecordBatch) -> pa.RecordBatch:
        cuts = apply_line_rules(*text_buffers(batch["text"]), rules)
        rows = batch.num_rows
        columns: dict[str, Any] = {
            column.name: pa.array(getattr(cuts, column.name), column.type)
            for column in STAGE.adds
            if column.name in cuts._fields
        }
        failed = (cuts.no_terminal_mark, cuts.few_words, cuts.long_word, cuts.javascript, cuts.policy)
        columns["removed_lines"] = pa.array(sum(failed, np.zeros(rows, np.int64)), pa.int64())
        columns["removed_char_ratio"] = (cuts.removed / np.maximum(cuts.characters, 1)).astype(np.float32)
        columns["spans"] = _spans(cuts) if config.cut else pa.array([[]] * rows, SPANS)
        return measured(rows, {name: columns[name] for name in (*STAGE.signals, "spans")})

    return measure


STAGE = Stage(
    name="c4",
    version=1,
    title="C4's heuristics: lines without terminal mark, short lines, notices, placeholder text, code",
    about="""\
The heuristics of Raffel et al. 2020 ("Exploring the Limits of Transfer Learning", section 2.2), in the order and with
the details of the code that made C4, which datatrove's `C4QualityFilter` follows, too. An edit: the failing lines are
cut out, and the text is what is left, one line below the other, without blank lines.

A line, without the white space at its ends, fails the first of these that applies: a word (a piece between white
space) of more than 1,000 characters; no `. ? ! " '` at its end, or `...`; fewer than three words; the word
`javascript`; a phrase from a notice on terms, privacy or cookies. Citations are gone before the end of the line is
looked at, but count among the words; the space before one stays, so `so. [1]` fails, as it does in C4. `lorem_ipsum`
and `curly_bracket` are asked in this order, too: right before and right after `javascript`.

`sentences` are those of the lines that stay, at least one a line. C4 counted them with NLTK, datatrove does with spaCy;
here one ends at a mark with Unicode's property Sentence_Terminal, in any script, and what punctuation stands
behind it, where white space and then a word follow (after marks beyond ASCII a word is enough); not at a full stop
before a lower-case letter or behind a letter that stands alone.

The paper was about English. Scripts with marks of their own lose every line to `terminal_mark: c4`, and texts with
typographic quotes the lines that end with one: `any_script` is for these. mC4 has no rules on lines but wants three
lines of 200 characters: that is `{cut: false, keep: {long_lines: [3, null]}}`, as they are counted before the cut.
FineWeb ran C4's filter with `terminal_mark: none`. The list of bad words is not part of this stage.

A word on white space: it is cut with what it surrounds, and counts in `removed_char_ratio`.""",
    config=C4Config,
    reads=("text",),
    adds=(
        Column("lines", pa.int64(), "lines", "Lines that aren't blank."),
        Column("removed_lines", pa.int64(), "lines", "Lines that fail, by whichever rule."),
        Column("removed_char_ratio", pa.float32(), "ratio 0..1", "Characters that the cut takes out."),
        Column(
            "sentences",
            pa.int64(),
            "sentences",
            "Sentences in the lines that stay.",
            default=Condition(min=5),
            citation=_RAFFEL,
        ),
        Column(
            "lorem_ipsum",
            _LINE,
            "lines",
            "Lines with `lorem ipsum`, in any case.",
            default=Condition(max=0),
            citation=_RAFFEL,
        ),
        Column("curly_bracket", _LINE, "lines", "Lines with `{`.", default=Condition(max=0), citation=_RAFFEL),
        Column("no_terminal_mark", _LINE, "lines", "Lines that fail for what they end with."),
        Column("few_words", _LINE, "lines", "Lines that fail for too few words."),
        Column("long_word", _LINE, "lines", "Lines that fail for a word too long."),
        Column("javascript", _LINE, "lines", "Lines that fail for `javascript`."),
        Column("policy", _LINE, "lines", "Lines that fail for a notice on terms, privacy or cookies."),
        Column("citations", _LINE, "count", "Citations in the lines that stay."),
        Column("long_lines", _LINE, "lines", "Lines of `long_line_characters` or more; mC4 wants three."),
    ),
    payload=lambda _: (Column("spans", SPANS, "bytes", "what is cut: `lines`, `citation`, `white space`"),),
    prepare=prepare,
    spans="spans",
)
