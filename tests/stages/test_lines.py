"""The lines stage against plain Python, and by hand."""

from __future__ import annotations

import re
import statistics
import unicodedata
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.unicode import JOINER, UNSPACED, WORD, char_tables
from tamis.stages.lines import STAGE, LinesConfig

PIECES = ["a", "Word", "ÉTÉ", "Ǆ", "ǅ", "東", "。", "3", "²", "½", ".", "x" * 29, "🎉", "\u00a0", "\u3000", "{", "}"]
PIECES += [
    "javascript",
    "JavaScript",
    "javajavascript",
    "javascrip",
    "-",
    "re-",
    "\u00ad",
    "\u2010",
    "e\u0301",
    "ß",
    "ª",
]
SEPARATORS = [" ", "", "\n", "\n", "\n\n", "\n \n", " \n", "\t"]
documents = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda parts: "".join(piece + separator for piece, separator in parts)
)
texts = documents | st.text(max_size=80)


def is_space(char: str) -> bool:
    return char in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85" or unicodedata.category(char)[0] == "Z"


def words(text: str) -> int:
    """Runs of word characters, and each character of a script without spaces."""
    classes = [int(char_tables().classes[ord(char)]) for char in text]
    kinds = "".join(
        "u" if kind & WORD and kind & UNSPACED else "w" if kind & WORD else " "
        for kind in classes
        if kind & (WORD | JOINER) != JOINER
    )
    return len(re.findall("w+|u", kinds))


def is_upper(char: str) -> bool:
    other_letter = unicodedata.category(char) == "Lo"
    return char.isalpha() and not other_letter and len(char.lower()) == 1 and char.lower() != char


def twin(text: str, few: int) -> dict[str, float]:
    every = text.split("\n")[: None if text and text[-1] != "\n" else -1]
    lines = [line for line in every if not all(map(is_space, line))]
    paragraphs = [
        part.strip("\n")
        for part in re.split(r"\n(?:\n)+", "\n".join("" if all(map(is_space, line)) else line for line in every))
        if part.strip("\n")
    ]
    out: dict[str, float] = {
        "characters": len(text),
        "lines": len(lines),
        "blank_line_ratio": (len(every) - len(lines)) / max(len(every), 1),
        "paragraphs": len(paragraphs),
    }
    for what, parts in (("line", lines), ("paragraph", paragraphs)):
        for unit, sizes in (("words", list(map(words, parts))), ("characters", list(map(len, parts)))):
            sizes = sizes or [0]
            out[f"mean_{what}_{unit}"] = statistics.mean(sizes)
            out[f"median_{what}_{unit}"] = statistics.median(sizes)
            out[f"max_{what}_{unit}"] = max(sizes)

    def share(test: Any, of: Any = lines) -> float:
        of = list(of)
        return sum(map(bool, map(test, of))) / max(len(of), 1)

    def category(char: str) -> str:
        return unicodedata.category(char)

    solid = [[char for char in line if not is_space(char)] for line in lines]
    cased = [[char for char in line if is_upper(char) or category(char) == "Ll"] for line in lines]
    out["few_word_line_ratio"] = share(lambda line: words(line) < few)
    out["upper_case_line_ratio"] = share(lambda line: 2 * sum(map(is_upper, line)) > len(line), cased)
    out["digit_line_ratio"] = share(lambda line: 2 * sum(category(c)[0] == "N" for c in line) > len(line), solid)
    out["letterless_line_ratio"] = share(lambda line: not any(category(c)[0] == "L" for c in line))
    out["hyphen_line_ratio"] = share(
        lambda line: (s := line.rstrip()) and s[-1] in "-\u00ad\u2010" and len(s) > 1 and category(s[-2])[0] == "L"
    )
    out["javascript_line_ratio"] = share(lambda line: re.search("javascript", line, re.IGNORECASE | re.ASCII))
    out["curly_bracket_line_ratio"] = share(lambda line: "{" in line or "}" in line)
    out["upper_case_letter_ratio"] = share(is_upper, [char for line in cased for char in line])
    out["digit_ratio"] = share(lambda char: category(char)[0] == "N", [char for line in solid for char in line])
    return out


def measure(texts: list[str], **options: Any) -> pl.DataFrame:
    assert STAGE.prepare is not None
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    out = STAGE.prepare(LinesConfig(**options), {})(batch)
    assert out.schema.types == [column.type for column in STAGE.adds]
    return pl.DataFrame(out)


@given(st.lists(texts, max_size=4), st.sampled_from([1, 3]))
@settings(max_examples=100, deadline=None)
def test_signals_are_those_of_the_twin(texts: list[str], few: int) -> None:
    found = measure(texts, few_words=few)
    for row, text in zip(found.rows(named=True), texts, strict=True):
        expected = twin(text, few)
        assert list(row) == list(expected)
        assert list(row.values()) == pytest.approx(list(expected.values()), rel=1e-6), text


def test_by_hand() -> None:
    text = "CHAPTER ONE\n\nThe mill stood by the ri-\nver, and 12 men\n  \n3 4 5 6\nvar a = {};\n"
    [row] = measure([text]).rows(named=True)
    assert (row["lines"], row["paragraphs"], row["max_line_words"], row["max_paragraph_words"]) == (5, 3, 6, 10)
    assert row["median_line_words"] == 4 and row["mean_line_words"] == pytest.approx(18 / 5)
    assert row["max_paragraph_characters"] == len("The mill stood by the ri-\nver, and 12 men")
    assert row["blank_line_ratio"] == pytest.approx(2 / 7)
    for name in ("few_word", "upper_case", "digit", "letterless", "hyphen", "curly_bracket"):
        wanted = 2 / 5 if name == "few_word" else 1 / 5
        assert row[f"{name}_line_ratio"] == pytest.approx(wanted), name
    assert row["javascript_line_ratio"] == 0


def test_a_document_does_not_change_its_neighbours() -> None:
    texts = ["x y.\n" * 5000, "", "a.\n\nB\nb", "y\n" * 900, "été.\n" * 30]
    together = measure(texts)
    for i, text in enumerate(texts):
        assert measure([text]).rows() == [together.row(i)]


def test_lengths_keep_their_numbers_in_a_long_text() -> None:
    [row] = measure(["ab " * 1_000_000 + "\n" + "c" * 7]).rows(named=True)
    assert (row["max_line_characters"], row["max_line_words"]) == (3_000_000, 1_000_000)
    assert row["median_line_characters"] == np.float32(1_500_003.5)


def test_shares_of_a_line_longer_than_a_sum_holds() -> None:
    [row] = measure(["Ab1é! " * 700 + "\n" + "javascript " * 500 + "\nx-"]).rows(named=True)
    assert row["upper_case_letter_ratio"] == pytest.approx(700 / (3 * 700 + 10 * 500 + 1))
    assert row["digit_ratio"] == pytest.approx(700 / (5 * 700 + 10 * 500 + 2))
    assert row["mean_line_words"] == pytest.approx(1201 / 3)
    assert row["javascript_line_ratio"] == row["hyphen_line_ratio"] == pytest.approx(1 / 3)
    # The word may begin in one sum and end in the next.
    [row] = measure(["." * 995 + "JavaScript\n" + "." * 999 + "javascript\n" + "." * 1000 + "javascript"]).rows(
        named=True
    )
    assert row["javascript_line_ratio"] == 1
