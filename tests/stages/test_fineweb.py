"""The fineweb stage against plain Python, against datatrove's filter, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.unicode import (
    LETTER,
    PUNCTUATION,
    SENTENCE_END,
    SPACE,
    SYMBOL,
    UNSPACED,
    WORD,
    char_tables,
    sentence_table,
)
from tamis.stages.fineweb import STAGE, FinewebConfig

NAMES = [column.name for column in STAGE.adds]
PIECES = [
    "a",
    "word",
    "été",
    "東",
    "。",
    ".",
    "?",
    "!",
    "…",
    '"',
    "x" * 29,
    "b" * 70,
    "🎉",
    "\u00a0",
    "\u3000",
    "\x01",
    "{",
    "(see",
    'x").',
    "l’eau",
    "«",
    "-->",
    "--",
    "-",
    "2nd",
    "x86-64",
    "a--b",
    "กา",
    "c東",
    "e\u0301",
    "\u00ad",
]
SEPARATORS = [" ", "", "\n", "\n", ".\n", "\n\n", "\n \n", " \n", "\t"]
documents = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda parts: "".join(piece + separator for piece, separator in parts)
)
texts = documents | st.text(max_size=80) | documents.map(lambda text: text * 2)


def tokens(text: str) -> tuple[int, int]:
    """Tokens, and those with a letter."""
    total = letters = 0
    for piece in "".join(" " if kind_of(char) & SPACE else char for char in text).split(" "):
        core = [n for n, char in enumerate(piece) if kind_of(char) & WORD]
        ends = [piece[: core[0]], piece[core[-1] + 1 :]] if core else [piece]
        for end in ends:
            for n, char in enumerate(end):
                again = char in ".-" and end[n - 1 : n] == char
                total += bool(kind_of(char) & (PUNCTUATION | SYMBOL)) and not again
        inside = [kind_of(piece[n]) for n in core]
        alone = sum(bool(kind & UNSPACED and kind & LETTER) for kind in inside)
        total += alone + any(not kind & UNSPACED for kind in inside)
        letters += alone + any(not kind & UNSPACED and kind & LETTER for kind in inside)
    return total, letters


def kind_of(char: str) -> int:
    return int(char_tables().classes[ord(char)])


def twin(text: str, short: int = 30) -> list[float]:
    lines = [line for line in text.split("\n") if line.strip()]
    n = max(len(lines), 1)
    again = sum(len(line) for i, line in enumerate(lines) if line in lines[:i])
    return [
        sum(bool(sentence_table()[ord(line[-1])] & SENTENCE_END) for line in lines) / n,
        sum(len(line) <= short for line in lines) / n,
        again / max(len(text.replace("\n", "")), 1),
        text.count("\n") / max(tokens(text)[0], 1),
        tokens(text)[1] / max(tokens(text)[0], 1),
    ]


def measure(texts: list[str], **options: Any) -> pl.DataFrame:
    assert STAGE.prepare is not None
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    out = STAGE.prepare(FinewebConfig(**options), {})(batch)
    assert out.schema.names == NAMES
    assert out.schema.types == [column.type for column in STAGE.adds]
    return pl.DataFrame(out)


@given(st.lists(texts, max_size=4), st.sampled_from([1, 30, 71]))
@settings(max_examples=100, deadline=None)
def test_ratios_are_those_of_the_twin(texts: list[str], short: int) -> None:
    expected = np.array([twin(text, short) for text in texts]).reshape(len(texts), 5)
    np.testing.assert_allclose(measure(texts, short_line_characters=short).to_numpy(), expected, rtol=1e-6)


@given(documents, st.integers(0, 130))
@settings(max_examples=60, deadline=None)
def test_blocks_of_bytes_do_not_matter(text: str, before: int) -> None:
    texts = ["a" * before + text, text + "\né" * before, "é" * before + "\n" + text]
    np.testing.assert_allclose(measure(texts).to_numpy(), [twin(text) for text in texts], rtol=1e-6)


def failed(text: str, language: str = "en") -> list[str]:
    signals = measure([text])
    rules = [column.default_by.get("language", {}).get(language, column.default) for column in STAGE.adds]
    return [
        name
        for name, rule in zip(NAMES, rules, strict=True)
        if rule is not None and not signals.select(rule.passes(name)).item()
    ]


REASONS = {
    "line_punct_ratio": "terminal_line_ratio",
    "short_line_ratio": "short_line_ratio",
    "char_dup_ratio": "duplicate_line_char_ratio",
    "list_ratio": "newline_word_ratio",
    "empty": "terminal_line_ratio",
}


@given(documents)
@settings(max_examples=100, deadline=None)
def test_the_rules_on_lines_are_datatroves(text: str) -> None:
    class Filter(FineWebQualityFilter):
        """Without its last rule, which counts spaCy's words."""

        def __init__(self) -> None:
            super().__init__(new_line_ratio=float("inf"))

    verdict = Filter().filter(Document(text + "\nword", "one"))
    failures = [name for name in failed(text + "\nword") if name != "newline_word_ratio"]
    assert failures[:1] == ([] if verdict is True else [REASONS[verdict[1]]])


def test_sentences_end_where_datatrove_has_it() -> None:
    ends = {chr(point) for point, bits in enumerate(sentence_table()) if bits & SENTENCE_END}
    assert ends >= TERMINAL_PUNCTUATION
    # Scripts, and versions of Unicode, that its list lacks.
    assert len(ends - TERMINAL_PUNCTUATION) < 20


def test_the_limits_are_fineweb_s() -> None:
    limits = {column.name: str(column.default) for column in STAGE.adds if column.default}
    assert limits == dict(zip(NAMES[:-1], ["[0.12, ]", "[, 0.67]", "[, 0.01]", "[, 0.3]"], strict=True))
    assert all("2406.17557" in column.citation for column in STAGE.adds if column.default)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A line that is long enough to be none of the short ones.\n" + "And another one that is not the same.", []),
        ("", ["terminal_line_ratio"]),
        ("A line without any mark at its end, of which this page has only one", ["terminal_line_ratio"]),
        ("Home.\nAbout us.\nContact.\nA line that is long enough to be none of the short ones.", ["short_line_ratio"]),
        ("A line that stands twice in the text.\n" * 2, ["duplicate_line_char_ratio"]),
        ("Extraordinarily-long-hyphenation.\n\n" + "Pneumonoultramicroscopic" * 2 + ".\n\n", ["newline_word_ratio"]),
    ],
)
def test_what_the_default_rules_drop(text: str, names: list[str]) -> None:
    assert failed(text) == names


@pytest.mark.parametrize(
    ("text", "count", "letters"),
    [
        ('(see "x").', 7, 2),
        ("don't stop... now -- or e.g. 3.14, a/b", 11, 6),
        ("2nd x86-64 100%", 4, 2),
        ("=== a", 4, 1),
        ("東京は、2024年。", 6, 4),
        ("\u00ab\u00a0l\u2019eau\u00a0\u00bb", 3, 1),
    ],
)
def test_tokens_by_hand(text: str, count: int, letters: int) -> None:
    assert tokens(text) == (count, letters)
    assert measure([text])["alpha_token_ratio"].item() == pytest.approx(letters / count)


def test_thai_has_no_marks() -> None:
    assert failed("ภาษาไทยไม่มีเครื่องหมายจบประโยคและเขียนติดกันเป็นบรรทัดยาว", "th") == []


def test_a_document_does_not_change_its_neighbours() -> None:
    texts = ["x y.\n" * 5000, "", "a.\nb\nb", "y\n" * 900, "été.\n" * 30]
    together = measure(texts)
    for i, text in enumerate(texts):
        assert measure([text]).rows() == [together.row(i)]
