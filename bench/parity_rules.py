"""Every rule of datatrove's Gopher, C4 and FineWeb filters beside our signal, and the definitions in which they differ.

A rule is computed in three ways: by datatrove's filter with all other rules switched off, by our stage, and by a plain
function that takes any mixture of the two sides' definitions. With none of ours it must decide as datatrove does, with
all of ours as the stage does; so where the two disagree, putting one definition of ours at a time into theirs tells
which one it is that makes the difference.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from parity_views import LANGUAGES, View, again, repeated, share, top
from tamis.corpus.conditions import Condition
from tamis.corpus.stop_words import STOP_WORDS
from tamis.kernels.gopher import BULLETS
from tamis.kernels.unicode import SENTENCE_END, sentence_table
from tamis.stages import STAGES

Value = Callable[[View, Set[str]], float]
"""`value(document, ours)`: the number that is judged, with our definition of what `ours` names."""
ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")
"""datatrove's stop words, whatever the language."""
_QUALITY_OFF: Mapping[str, Any] = dict.fromkeys(
    (
        "min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length", "max_symbol_word_ratio",
        "max_bullet_lines_ratio", "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words",
    )
)  # fmt: skip
_REPETITION_OFF: Mapping[str, Any] = {
    **dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac")),
    "top_n_grams": (),
    "dup_n_grams": (),
}
_C4_OFF: Mapping[str, Any] = {"min_num_sentences": -1, "filter_lorem_ipsum": False, "filter_curly_bracket": False}
_FINEWEB_OFF: Mapping[str, Any] = {
    "line_punct_thr": 0.0,
    "short_line_thr": 1.0,
    "char_duplicates_ratio": 1.0,
    "new_line_ratio": float("inf"),
}
FILTERS = {
    "gopher_quality": ("GopherQualityFilter", _QUALITY_OFF),
    "gopher_repetition": ("GopherRepetitionFilter", _REPETITION_OFF),
    "c4": ("C4QualityFilter", _C4_OFF),
    "fineweb": ("FineWebQualityFilter", _FINEWEB_OFF),
}
"""Our stage; datatrove's filter, and the options that switch all its rules off."""


@dataclass(frozen=True)
class Rule:
    """One rule of both libraries."""

    stage: str
    name: str
    """Of the rule, and of the signal."""
    options: Mapping[str, Any] = field(hash=False)
    """What switches the rule on in datatrove's filter."""
    value: Value | None = None
    """None: it takes the whole of the filter (C4's lines), so nothing can be mixed."""
    differences: tuple[str, ...] = ()
    """Definitions in which the two differ: the likeliest first."""
    signal: str = ""
    """Ours, if it has another name."""
    signal_of: str = ""
    """Our stage, if it is another."""
    limit: Condition | None = None
    """The rule on our signal, if it has none by default."""
    shipped_stop_words: bool = False
    """datatrove gets its own stop words instead of ours."""

    @property
    def own(self) -> bool:
        """Whether it is one of the stage's default rules."""
        return not (self.signal or self.signal_of)

    @property
    def condition(self) -> Condition:
        """The paper's rule on our signal, the same for every language."""
        found = self.limit or STAGES.get(self.stage).signals[self.signal or self.name].default
        assert found is not None
        return found

    def keeps(self, view: View, ours: Set[str]) -> bool:
        """Decision by the plain function; our signals are single-precision numbers."""
        assert self.value is not None
        number = self.value(view, ours)
        rule = self.condition
        if ours:
            number = float(np.float32(number))
            low, high = (None if x is None else float(np.float32(x)) for x in (rule.min, rule.max))
        else:
            low, high = rule.min, rule.max
        return (low is None or number >= low) and (high is None or number <= high)

    def causes(self, view: View, ours: bool) -> str:
        """The fewest of our definitions that turn datatrove's decision into ours."""
        for size in range(1, len(self.differences) + 1):
            for some in combinations(self.differences, size):
                if self.keeps(view, set(some)) == ours:
                    return " and ".join(some)
        return "unexplained"


def _quality(name: str, differences: tuple[str, ...], value: Value, /, **options: Any) -> Rule:
    return Rule("gopher_quality", name, options, value, differences)


def _words(view: View, ours: Set[str]) -> float:
    return len(view.words if "words" in ours else view.no_marks)


def _mean_word_length(view: View, ours: Set[str]) -> float:
    words = view.words if "words" in ours else view.no_marks
    return share(sum(map(len, words)), len(words))


def _symbols(view: View, ours: Set[str]) -> float:
    ellipses = view.text.count("...") + view.text.count("…")
    return share(max(view.text.count("#"), ellipses), len(view.words if "words" in ours else view.tokens))


def _lines(view: View, ours: Set[str]) -> list[str]:
    return view.lines if "blank lines" in ours else view.text.splitlines()


def _bullets(view: View, ours: Set[str]) -> float:
    lines, marks = _lines(view, ours), tuple(BULLETS if "bullets" in ours else "•-")
    return share(sum(line.lstrip().startswith(marks) for line in lines), len(lines))


def _ellipses(view: View, ours: Set[str]) -> float:
    lines = _lines(view, ours)
    return share(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines))


def _letters(view: View, ours: Set[str]) -> float:
    pieces = view.text.split() if "pieces" in ours else view.tokens
    return share(sum(any(map(str.isalpha, piece)) for piece in pieces), len(pieces))


def _letter_tokens(view: View, ours: Set[str]) -> float:
    return share(view.pieces[1], view.pieces[0]) if "tokens" in ours else _letters(view, ours)


def _stop_words(view: View, ours: Set[str], words: tuple[str, ...] | None = None) -> float:
    found = view.words if "words" in ours else view.tokens
    met = set(map(str.lower, found)) if "case" in ours else set(found)
    return len(met & set(STOP_WORDS[view.language] if words is None or "list" in ours else words))


def _english_stop_words(view: View, ours: Set[str]) -> float:
    return _stop_words(view, ours, ENGLISH)


QUALITY = (
    _quality("words", ("words",), _words, min_doc_words=50, max_doc_words=100_000),
    _quality("mean_word_length", ("words",), _mean_word_length, min_avg_word_length=3, max_avg_word_length=10),
    _quality("symbol_word_ratio", ("words",), _symbols, max_symbol_word_ratio=0.1),
    _quality("bullet_line_ratio", ("blank lines", "bullets"), _bullets, max_bullet_lines_ratio=0.9),
    _quality("ellipsis_line_ratio", ("blank lines",), _ellipses, max_ellipsis_lines_ratio=0.3),
    _quality("alpha_word_ratio", ("pieces",), _letters, max_non_alpha_words_ratio=0.8),
    _quality("stop_words", ("case", "words"), _stop_words, min_stop_words=2),
    Rule(
        "gopher_quality", "alpha_token_ratio", {"max_non_alpha_words_ratio": 0.8}, _letter_tokens, ("tokens",),
        signal_of="fineweb", limit=Condition(min=0.8),
    ),
    Rule(
        "gopher_quality", "stop_words_english", {"min_stop_words": 2}, _english_stop_words, ("list", "case", "words"),
        signal="stop_words", shipped_stop_words=True,
    ),
)  # fmt: skip


def _broken_lines(view: View, ours: Set[str]) -> list[str]:
    return view.lines if "blank lines" in ours else re.split("\n+", view.text)


def _paragraphs(view: View, ours: Set[str]) -> list[str]:
    return view.paragraphs if "paragraph breaks" in ours else re.split("\n{2,}", view.text.strip())


def _items(view: View, ours: Set[str], split: Callable[[View, Set[str]], list[str]]) -> float:
    items = split(view, ours)
    return share(again(items)[0], len(items))


def _item_characters(view: View, ours: Set[str], split: Callable[[View, Set[str]], list[str]]) -> float:
    items = split(view, ours)
    return share(again(items)[1], sum(map(len, items)) if "denominator" in ours else len(view.text))


def _top(view: View, ours: Set[str], size: int) -> float:
    words = view.lower if "words" in ours else view.tokens
    spaces = "denominator" not in ours
    whole = len(view.text) if spaces else sum(map(len, words))
    return share(top(words, size, spaces, "counting" in ours), whole)


def _repeated(view: View, ours: Set[str], size: int) -> float:
    words = view.lower if "words" in ours else view.tokens
    whole = sum(map(len, words)) if "denominator" in ours else len(view.text)
    return share(repeated(words, size), whole)


def _repetition() -> tuple[Rule, ...]:
    rules = []
    splits: tuple[tuple[str, str, Any], ...] = (
        ("line", "blank lines", _broken_lines),
        ("paragraph", "paragraph breaks", _paragraphs),
    )
    for what, difference, split in splits:
        option = f"dup_{what[:4]}"
        count, characters = (functools.partial(f, split=split) for f in (_items, _item_characters))
        rules += [
            Rule("gopher_repetition", f"duplicate_{what}_ratio", {f"{option}_frac": 0.3}, count, (difference,)),
            Rule(
                "gopher_repetition",
                f"duplicate_{what}_char_ratio",
                {f"{option}_char_frac": 0.2},
                characters,
                (difference, "denominator"),
            ),
        ]
    differences = ("words", "denominator", "counting")
    for size, limit in ((2, 0.2), (3, 0.18), (4, 0.16)):
        value = functools.partial(_top, size=size)
        options: dict[str, Any] = {"top_n_grams": ((size, limit),)}
        rules.append(Rule("gopher_repetition", f"top_{size}gram_char_ratio", options, value, differences))
    for size, limit in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1)):
        value = functools.partial(_repeated, size=size)
        options = {"dup_n_grams": ((size, limit),)}
        rules.append(Rule("gopher_repetition", f"duplicate_{size}gram_char_ratio", options, value, differences[:2]))
    return tuple(rules)


C4 = (
    Rule("c4", "sentences", {"min_num_sentences": 5}),
    Rule("c4", "lorem_ipsum", {"filter_lorem_ipsum": True}),
    Rule("c4", "curly_bracket", {"filter_curly_bracket": True}),
)
C4_LINES = Rule("c4", "lines", {})
"""The rules on lines alone."""


@functools.cache
def _marks(ours: bool) -> tuple[str, ...]:
    from datatrove.utils.text import TERMINAL_PUNCTUATION

    if not ours:
        return tuple(TERMINAL_PUNCTUATION)
    return tuple(chr(point) for point, bits in enumerate(sentence_table()) if bits & SENTENCE_END)


def _ended(view: View, ours: Set[str]) -> float:
    return share(sum(line.endswith(_marks("marks" in ours)) for line in view.lines), len(view.lines))


def _short(view: View, _: Set[str]) -> float:
    return share(sum(len(line) <= 30 for line in view.lines), len(view.lines))


def _again(view: View, _: Set[str]) -> float:
    return share(again(view.lines)[1], len(view.text.replace("\n", "")))


def _newlines(view: View, ours: Set[str]) -> float:
    return share(view.text.count("\n"), view.pieces[0] if "tokens" in ours else len(view.tokens))


FINEWEB = (
    Rule("fineweb", "terminal_line_ratio", {"line_punct_thr": 0.12}, _ended, ("marks",)),
    Rule("fineweb", "short_line_ratio", {"short_line_thr": 0.67}, _short),
    Rule("fineweb", "duplicate_line_char_ratio", {"char_duplicates_ratio": 0.01}, _again),
    Rule("fineweb", "newline_word_ratio", {"new_line_ratio": 0.3}, _newlines, ("tokens",)),
)
RULES = (*QUALITY, *_repetition(), *C4, *FINEWEB)


@functools.cache
def datatrove_filter(stage: str, rule: Rule | None, language: str) -> Any:
    """datatrove's filter with that rule alone, or with all of its rules, for a language."""
    from datatrove.pipeline import filters

    name, off = FILTERS[stage]
    options = {**off, **rule.options} if rule is not None else {}
    if stage == "gopher_quality" and not (rule is not None and rule.shipped_stop_words):
        options["stop_words"] = list(STOP_WORDS[language])
    return getattr(filters, name)(language=LANGUAGES[language], **options)
