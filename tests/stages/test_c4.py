"""The c4 stage against plain Python, against datatrove's filter, and by hand."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import regex
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.kernels.edits import apply_edits
from tamis.kernels.unicode import (
    LETTER,
    PUNCTUATION,
    SENTENCE_END,
    SYMBOL,
    WORD,
    char_tables,
    sentence_table,
)
from tamis.stages.c4 import STAGE, C4Config

POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
PIECES = [
    "[1]", "[12]", "[]", "[edit]", "[Edit]", "[citation needed]", "[٣]", "[²]", "[", "]", "[1", "{", "}",
    "javascript", "JavaScript", "java", "script", "lorem ipsum", "Lorem Ipsum", "lorem  ipsum", "Terms of Use",
    "terms of", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies", "Cookies",
    "...", "....", ".", "!", "?", '"', "'", "”", "»", ")", "。", "؟", "।", "…", "一", "東京", "a", "J", "e.g", "word",
    "Été", "über", "two words here", "1", "№", "🎉", "\u00ad", "\u0301", "x" * 40, "ab " * 30,
]  # fmt: skip
SEPARATORS = [" ", " ", " ", "", "\n", "\n", ".\n", " \n", "\n\n", "\u00a0", "\u3000", "\t"]
documents = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda parts: "".join(piece + separator for piece, separator in parts)
)
texts = documents | st.text(max_size=80) | st.text(st.sampled_from("a A.?!'\"[1]{\n"), max_size=200)
options = st.fixed_dictionaries(
    {
        "terminal_mark": st.sampled_from(["c4", "any_script", "none"]),
        "min_words": st.sampled_from([0, 1, 3]),
        "max_word_length": st.sampled_from([0, 5, 1000]),
        "citations": st.booleans(),
        "javascript": st.booleans(),
        "policy": st.booleans(),
        "page_marks": st.sampled_from(["kept_lines", "all_lines"]),
        "long_line_characters": st.sampled_from([1, 30, 200]),
    }
)


def class_of(char: str) -> int:
    return int(char_tables().classes[ord(char)])


def is_end(char: str) -> bool:
    return bool(sentence_table()[ord(char)] & SENTENCE_END)


def sentences(line: str) -> int:
    n = 1
    i = 0
    while i < len(line):
        if not is_end(line[i]):
            i += 1
            continue
        at = i
        while i < len(line) and (is_end(line[i]) or class_of(line[i]) & PUNCTUATION):
            i += 1
        if i == len(line):
            break
        marks = [char for char in line[at:i] if is_end(char)]
        if not line[i].isspace() and all(map(str.isascii, marks)):
            continue
        while i < len(line) and not class_of(line[i]) & (WORD | SYMBOL):
            i += 1
        if i == len(line):
            break
        alone = at > 0 and class_of(line[at - 1]) & LETTER and not (at > 1 and class_of(line[at - 2]) & WORD)
        before_lower = unicodedata.category(line[i]) == "Ll"
        if set(marks) != {"."} or not (alone or before_lower):
            n += 1
    return n


def ended(line: str, mark: str) -> bool:
    if line.endswith("..."):
        return False
    if line.endswith((".", "?", "!", '"', "'")):
        return True
    if mark == "c4":
        return False
    while line and not is_end(line[-1]) and unicodedata.category(line[-1]) in ("Pe", "Pf", "Pi"):
        line = line[:-1]
        if line.endswith(('"', "'")):
            line = line.rstrip("\"'")
    return bool(line) and is_end(line[-1])


def judge(line: str, rules: dict[str, Any]) -> tuple[str, str]:
    """The rule that a line fails, or "kept"; and the line without citations."""
    words = line.split()
    if rules["max_word_length"] and any(len(word) > rules["max_word_length"] for word in words):
        return "long_word", line
    if rules["citations"]:
        line = CITATION.sub("", line)
    lower = "".join(char.lower() if char.isascii() else char for char in line)
    if rules["terminal_mark"] != "none" and not ended(line, rules["terminal_mark"]):
        return "no_terminal_mark", line
    if len(words) < rules["min_words"]:
        return "few_words", line
    if rules["javascript"] and "javascript" in lower:
        return "javascript", line
    if rules["policy"] and any(phrase in lower for phrase in POLICIES):
        return "policy", line
    return "kept", line


def twin(text: str, **rules: Any) -> tuple[str, dict[str, int]]:
    """The text that is left, and the counts."""
    rules = C4Config(**rules).model_dump()
    names = ("lines", "removed_lines", "sentences", "lorem_ipsum", "curly_bracket", "no_terminal_mark", "few_words")
    counts = dict.fromkeys((*names, "long_word", "javascript", "policy", "citations", "long_lines"), 0)
    kept = []
    for raw in text.split("\n"):
        counts["long_lines"] += len(raw) >= rules["long_line_characters"]
        line = raw.strip()
        if not line:
            if rules["terminal_mark"] == "none" and rules["min_words"] == 0:
                kept.append("")
            continue
        counts["lines"] += 1
        verdict, left = judge(line, rules)
        met = left if verdict in ("javascript", "policy", "kept") else ""
        seen = line if rules["page_marks"] == "all_lines" else met
        counts["lorem_ipsum"] += "lorem ipsum" in "".join(char.lower() if char.isascii() else char for char in seen)
        if rules["page_marks"] == "all_lines" or verdict != "javascript":
            counts["curly_bracket"] += "{" in seen
        if verdict == "kept":
            kept.append(left)
            counts["sentences"] += sentences(left) if left else 0
            counts["citations"] += len(CITATION.findall(line)) if rules["citations"] else 0
        else:
            counts[verdict] += 1
            counts["removed_lines"] += 1
    return "\n".join(kept).strip(), counts


def measure(texts: list[str], **rules: Any) -> tuple[list[str], pa.RecordBatch]:
    assert STAGE.prepare is not None
    column = pa.array(texts, pa.large_string())
    out = STAGE.prepare(C4Config(**rules), {})(pa.record_batch({"text": column}))
    return apply_edits(column, out["spans"]).to_pylist(), out


def check(texts: list[str], **rules: Any) -> None:
    left, out = measure(texts, **rules)
    for text, got, row in zip(texts, left, out.to_pylist(), strict=True):
        expected, counts = twin(text, **rules)
        assert got == expected
        assert {name: row[name] for name in counts} == counts
        assert row["removed_char_ratio"] == pytest.approx((len(text) - len(expected)) / max(len(text), 1), abs=1e-6)


@given(st.lists(texts, max_size=4))
@settings(max_examples=100, deadline=None)
def test_lines_are_cut_as_by_the_twin(texts: list[str]) -> None:
    check(texts)


@given(st.lists(texts, max_size=3), options)
@settings(max_examples=100, deadline=None)
def test_rules_are_those_of_the_twin(texts: list[str], rules: dict[str, Any]) -> None:
    check(texts, **rules)


@given(documents, st.integers(0, 130))
@settings(max_examples=60, deadline=None)
def test_blocks_of_bytes_do_not_matter(text: str, before: int) -> None:
    check(["a" * before + text, "b" * before + " c.\n" + text + "é" * before])


@given(documents)
@settings(max_examples=100, deadline=None)
def test_the_text_left_is_datatroves(text: str) -> None:
    document = Document(text, "one")
    kept = C4QualityFilter(min_num_sentences=-1).filter(document)
    left, out = measure([text])
    row = out.to_pylist()[0]
    assert (kept is True) == (row["lorem_ipsum"] == 0 and row["curly_bracket"] == 0)
    if kept is True:
        assert left == [document.text]


def test_spans_say_what_they_cut() -> None:
    text = "Menu\n\n  One two three.[1]  \nFour five six.\n\n\nHome\nSeven[edit] eight nine!\nEnd"
    left, out = measure([text])
    assert left == ["One two three.\nFour five six.\nSeven eight nine!"]
    data = text.encode()
    spans = [(data[s["start"] : s["end"]].decode(), s["replacement"], s["kind"]) for s in out["spans"][0].as_py()]
    assert spans == [
        ("Menu\n\n  ", "", "lines"),
        ("[1]  \n", "\n", "citation"),
        ("\n\nHome\n", "", "lines"),
        ("[edit]", "", "citation"),
        ("\nEnd", "", "lines"),
    ]
    again, out = measure(left)
    assert again == left and out["spans"].to_pylist() == [[]]


def test_without_a_cut_the_text_stays() -> None:
    text = "Menu\nOne two three.\nLorem ipsum dolor sit amet."
    left, out = measure([text], cut=False)
    assert left == [text]
    assert out.drop_columns("spans").to_pylist() == measure([text])[1].drop_columns("spans").to_pylist()
    assert out["removed_lines"].to_pylist() == [1]
    assert measure([], cut=False)[1].num_rows == 0


@pytest.mark.parametrize(
    ("line", "n"),
    [
        ("One. Two! Three? Four", 4),
        ('He said "Stop." Then he left.', 2),
        ("Wait... what? No!? (Yes.) Good.", 4),
        ("Version 1.2.3 of e.g. Foo by J. Smith, z. B. Bar, approx. ten.", 1),
        ("今日は。「はい。」と言った。", 3),
        ("यह एक है। यह दो है॥", 2),
        ("هل هذا سؤال؟ نعم.", 2),
        ("Um. 🎉 Ende.", 2),
        ("no mark at all", 1),
    ],
)
def test_sentences_by_hand(line: str, n: int) -> None:
    rules: dict[str, Any] = {"terminal_mark": "none", "min_words": 0}
    assert measure([line], **rules)[1]["sentences"].to_pylist() == [n] == [sentences(line)]


@pytest.mark.slow
def test_sentence_ends_are_unicodes() -> None:
    ends = {chr(point) for point, bits in enumerate(sentence_table()) if bits & SENTENCE_END}
    chars = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    theirs = {char for char in chars if regex.match(r"\p{Sentence_Terminal}", char)}
    assert theirs <= ends
    # Three Khmer signs, and what later versions of Unicode have made one.
    extra = {char for char in ends - theirs if not regex.match(r"\p{Cn}", char)}
    assert extra >= set("\u17d6\u17d9\u17da")
    assert len(extra) < 12


def test_the_rules_are_c4s() -> None:
    rules = {column.name: str(column.default) for column in STAGE.adds if column.default}
    assert rules == {"sentences": "[5, ]", "lorem_ipsum": "[, 0]", "curly_bracket": "[, 0]"}
    assert all("1910.10683" in column.citation for column in STAGE.adds if column.default)


def failed(text: str, **rules: Any) -> set[str]:
    signals = pl.DataFrame(measure([text], **rules)[1].drop_columns("spans"))
    defaults = {column.name: column.default for column in STAGE.adds if column.default}
    return {name for name, rule in defaults.items() if not signals.select(rule.passes(name)).item()}


def test_what_the_default_rules_drop() -> None:
    page = "It rained all day.\n" * 5
    assert failed(page) == set()
    assert failed(page[: 19 * 4]) == {"sentences"}
    assert failed(page + "Lorem Ipsum dolor sit amet.") == {"lorem_ipsum"}
    assert failed(page + "Write {x} for a set.") == {"curly_bracket"}
    # Those lines fail before anybody looks into them.
    assert failed(page + "lorem ipsum\nif (x) {\nJavascript { is on.") == set()
    assert failed(page + "lorem ipsum\nif (x) {", page_marks="all_lines") == {"lorem_ipsum", "curly_bracket"}


def test_a_document_does_not_change_its_neighbours() -> None:
    texts = ["One two three. [1]\n" * 3000, "", "x", "a b c.\n{\n" * 40, "[1]" * 500, "Ein Satz. Noch einer.\n" * 9]
    left, out = measure(texts)
    for i, text in enumerate(texts):
        alone, row = measure([text])
        assert alone == [left[i]]
        assert row.to_pylist() == [out.to_pylist()[i]]
