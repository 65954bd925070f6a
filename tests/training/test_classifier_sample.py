"""The draw of examples: by hash of the text, whatever the order; copies, contradictions, caps and balance."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pytest

from tamis.corpus.hashing import content_hashes
from tamis.errors import InputError
from tamis.training.classifier_fit import line_of
from tamis.training.classifier_rows import Rows
from tamis.training.classifier_sample import MOST_REPEATS, Draw, Example, draw


def rows(pairs: list[tuple[str, str | None]], size: int = 7) -> list[Rows]:
    parts = []
    for start in range(0, len(pairs), size):
        part = pairs[start : start + size]
        text = pa.array([text for text, _ in part], pa.large_string())
        parts.append(Rows(text, content_hashes(text).to_pylist(), [label for _, label in part], ["en"] * len(part)))
    return parts


def corpus(sizes: dict[str, int]) -> list[tuple[str, str | None]]:
    return [(f"{label} text number {i}", label) for label, size in sizes.items() for i in range(size)]


def test_the_order_of_rows_changes_nothing() -> None:
    pairs = corpus({"a": 300, "b": 120, "c": 40})
    how = Draw(per_class=100, held_out=0.25)
    first = draw(rows(pairs), how)
    random.Random(1).shuffle(pairs)
    second = draw(rows(pairs, size=50), how)
    assert (first.training, first.held_out) == (second.training, second.held_out)
    assert draw(rows(pairs), Draw(per_class=100, held_out=0.25, seed=1)).held_out != first.held_out


def test_no_text_is_on_both_sides_and_the_share_is_right() -> None:
    found = draw(rows(corpus({"a": 2000, "b": 2000})), Draw(held_out=0.2))
    learned, held_out = ({example.text for example in side} for side in (found.training, found.held_out))
    assert not learned & held_out
    assert len(learned) + len(held_out) == 4000
    assert 0.17 < len(held_out) / 4000 < 0.23


def test_caps_are_kept_by_class_and_side() -> None:
    found = draw(rows(corpus({"a": 1000, "b": 200})), Draw(per_class=100, held_out=0.2, balance="none"))
    assert found.texts == {"a": 100, "b": 100}
    assert Counter(example.label for example in found.held_out)["a"] == 25
    whole = draw(rows(corpus({"a": 1000, "b": 200})), Draw(held_out=0.2, balance="none"))
    # The texts of a smaller draw are among those of a larger one.
    assert {example.text for example in found.training} < {example.text for example in whole.training}


def test_copies_stand_once_and_contradictions_not_at_all() -> None:
    pairs = corpus({"a": 60, "b": 60})
    twice = [*pairs, *pairs[:10], ("both", "a"), ("both", "b"), ("nothing", None), ("blank", "  ")]
    found = draw(rows(twice), Draw())
    assert (found.copies, found.contradicting, found.unlabelled) == (10, 1, 2)
    assert found.rows == {"a": 71, "b": 61}
    texts = [example.text for example in (*found.training, *found.held_out)]
    assert b"both" not in texts and set(texts) == {text.encode() for text, _ in pairs}


@pytest.mark.parametrize("balance", ["repeat", "cut", "none"])
def test_balance(balance: str) -> None:
    found = draw(rows(corpus({"a": 400, "b": 150, "c": 22})), Draw(balance=balance, min_rows=5))  # type: ignore[arg-type]
    lines = Counter(example.label for example in found.training)
    times = Counter(example.rank for example in found.training)
    if balance == "repeat":
        assert lines["a"] == lines["b"] == found.texts["a"]
        assert lines["c"] == MOST_REPEATS * found.texts["c"] < lines["a"]
    elif balance == "cut":
        assert set(lines.values()) == {found.texts["c"]}
    else:
        assert lines == found.texts
    assert balance == "repeat" or max(times.values()) == 1
    # In an order of chance: no class stands by itself.
    first = [example.label for example in found.training[: len(found.training) // 3]]
    assert len(set(first)) == 3


def test_small_classes_are_left_out_and_one_class_is_none() -> None:
    found = draw(rows(corpus({"a": 60, "b": 60, "rare": 5})), Draw())
    assert found.left_out == {"rare": 5}
    assert {example.label for example in (*found.training, *found.held_out)} == {"a", "b"}
    with pytest.raises(InputError, match=r"only a has 20 texts or more .*Rows by label: a 60, rare 5"):
        draw(rows(corpus({"a": 60, "rare": 5})), Draw())
    with pytest.raises(InputError, match="no label has 20 texts"):
        draw([], Draw())
    with pytest.raises(InputError, match="30 texts stand under several labels, and count for none"):
        draw(rows([(f"text {i}", label) for label in "ab" for i in range(30)]), Draw())


def test_texts_are_cut_between_characters() -> None:
    found = draw(rows([(f"{label}é{i}é" + "é" * 9, label) for label in "ab" for i in range(40)]), Draw(max_bytes=4))
    assert all(len(example.text.decode()) in (2, 3) for example in found.training)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\tthree  four", b"__label__x one two three four\n"),
        ("a __label__spam b", b"__label__x a  b\n"),
        ("__label__spam", b"__label__x \n"),
        ("a </s> b x</s>", b"__label__x a  b x</s>\n"),
        ("a_b__label__c", b"__label__x a_b__label__c\n"),
    ],
)
def test_no_word_of_a_text_is_taken_for_a_label_or_an_end(text: str, line: bytes) -> None:
    assert line_of(Example(1, "x", text.encode(), None)) == line
