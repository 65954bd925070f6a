"""Normalisation against its definition in plain Python."""

from __future__ import annotations

import re
import sys
import time
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.normalize import normalize
from tamis.kernels.unicode import POINTS, composition

PIECES = [
    *"aé\n\r\t \x00\x0b\x0c\x1f\x7f\x85\x9f\u00a0\u2028\u2029\u3000\ufdd0\ufeff\uffff\U0001fffe\U0010ffff",
    *"\u0301\u0323\u0345e\u0958\u09c7\u09be\u1100\u1161\u11a8\uac00\u212b\u2126\u094d\u093c\u05b0\u05bc漢\U0002f800🎉",
    "\r\n",
    "\n \n",
    "word ",
]
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


def twin(text: str) -> str:
    """The module's docstring, step by step."""
    text = text.replace("\r\n", "\n")
    text = re.sub("[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    text = "".join(
        c for c in text if c in "\n\t" or not (unicodedata.category(c) == "Cc" or c == "\ufeff" or nonchar(c))
    )
    lines = unicodedata.normalize("NFC", text).split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines)


def nonchar(char: str) -> bool:
    return 0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE


def run(rows: list[str]) -> list[str]:
    result = normalize(pa.array(rows, pa.large_string()))
    assert result.type == pa.large_string()
    result.validate(full=True)
    return result.to_pylist()


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=6))
def test_equals_the_definition_and_is_idempotent(rows: list[str]) -> None:
    once = run(rows)
    assert once == [twin(row) for row in rows]
    assert run(once) == once


def test_every_character_alone_and_after_a_letter() -> None:
    chars = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    rows = [f"a{char}b" for char in chars if ord(char) < 0x32000 or ord(char) & 0xFFFF > 0xFFF0]
    assert run(rows) == [twin(row) for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\x85d\u2028e\x0cf", "a\nb\nc\nd\ne\nf"),
        ("\ufeffBonjour\x00 \x07monde", "Bonjour monde"),
        ("e\u0301te\u0301", "été"),
        ("a\u0323\x00\u0302", "ậ"),  # a mark joins its letter when what stood between is gone
        ("\n \n    def f():\n        pass  \n\n \n", "    def f():\n        pass  "),
        (" \t\u3000\n ", ""),
        ("", ""),
        ("keep  double spaces\u00a0and “quotes” ", "keep  double spaces\u00a0and “quotes” "),
    ],
)
def test_what_changes_and_what_stays(text: str, expected: str) -> None:
    assert run([text]) == [expected]


def test_clean_text_is_returned_as_it_is() -> None:
    clean = pa.array(["Où l'été déçoit,\n\tnaïveté.", "हिन्दी", "漢字", "", "x"], pa.large_string())
    assert normalize(clean) is clean
    assert normalize(clean.slice(1, 2)).to_pylist() == ["हिन्दी", "漢字"]
    dirty = pa.array(["\n", "a\r", "e\u0301", "b"], pa.large_string())
    assert normalize(dirty.slice(1, 3)).to_pylist() == ["a", "é", "b"]


def test_rows_do_not_touch_one_another() -> None:
    rows = ["e", "\u0301x", "\r", "\n", "\ufeff", "y\n"]
    assert run(rows) == ["e", "\u0301x", "", "", "", "y"]
    assert run(rows[:3]) + run(rows[3:]) == run(rows)


@pytest.mark.slow
def test_clean_text_passes_at_300_megabytes_a_second() -> None:
    text = pa.array(["Où l'été déçoit, là-bas. The quick brown fox.\n" * 2000 + "."] * 500, pa.large_string())
    normalize(text)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        normalize(text)
        seconds.append(time.process_time() - started)
    assert text.nbytes / min(seconds) > 300e6


def test_composition_is_known_of_all_characters() -> None:
    """What is left out of the table neither combines nor composes; what composes is uncertain."""
    combining, uncertain = composition()
    classes = np.zeros(sys.maxunicode + 1, np.uint8)
    classes[POINTS] = combining
    unsure = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        assert classes[point] == unicodedata.combining(char), hex(point)
        pair = unicodedata.decomposition(char)
        if pair and not pair.startswith("<"):
            if unicodedata.normalize("NFC", char) != char:
                unsure.add(point)
            elif " " in pair:
                unsure.add(int(pair.split()[1], 16))
    assert set(uncertain) == unsure
