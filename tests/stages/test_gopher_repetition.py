"""The gopher_repetition stage: its columns and what its default rules keep."""

from __future__ import annotations

import random

import polars as pl
import pyarrow as pa
import pytest

from tamis.stages.gopher_repetition import STAGE, GopherRepetitionConfig

PAPER = {
    "duplicate_line_ratio": 0.30,
    "duplicate_paragraph_ratio": 0.30,
    "duplicate_line_char_ratio": 0.20,
    "duplicate_paragraph_char_ratio": 0.20,
    "top_2gram_char_ratio": 0.20,
    "top_3gram_char_ratio": 0.18,
    "top_4gram_char_ratio": 0.16,
    "duplicate_5gram_char_ratio": 0.15,
    "duplicate_6gram_char_ratio": 0.14,
    "duplicate_7gram_char_ratio": 0.13,
    "duplicate_8gram_char_ratio": 0.12,
    "duplicate_9gram_char_ratio": 0.11,
    "duplicate_10gram_char_ratio": 0.10,
}


def unlike(lines: int, seed: int = 0) -> list[str]:
    """Lines of eight words that share none."""
    draw = random.Random(seed)
    return [" ".join(f"{draw.getrandbits(32):08x}" for _ in range(8)) for _ in range(lines)]


def measure(texts: list[str]) -> pl.DataFrame:
    assert STAGE.prepare is not None
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    out = STAGE.prepare(GopherRepetitionConfig(), {})(batch)
    assert out.schema.names == [column.name for column in STAGE.adds]
    assert out.schema.types == [column.type for column in STAGE.adds]
    return pl.DataFrame(out)


def failed(text: str, language: str = "en") -> set[str]:
    signals = measure([text])
    names = set()
    for column in STAGE.adds:
        rule = column.default_by.get("language", {}).get(language, column.default)
        assert rule is not None
        if not signals.select(rule.passes(column.name)).item():
            names.add(column.name)
    return names


def test_the_limits_are_the_papers() -> None:
    assert {column.name: column.default.max for column in STAGE.adds if column.default} == PAPER
    assert all("2112.11446" in column.citation for column in STAGE.adds)


def test_varied_text_passes() -> None:
    assert failed("\n".join(unlike(50))) == set()


def test_a_third_of_lines_again_fails() -> None:
    lines = unlike(20)
    # Short lines between long ones: many duplicates, few characters in them.
    short = "\n".join(f"{line}\nmenu" for line in lines)
    assert failed(short) == {"duplicate_line_ratio"}
    assert failed(short, "code") == set()
    repeated = failed("\n".join(lines + lines))
    assert repeated == {name for name in PAPER if name.startswith("duplicate") and "paragraph" not in name}


def test_repeated_paragraphs_fail() -> None:
    lines = unlike(30)
    blocks = ["\n".join(lines[i : i + 3]) for i in range(0, 30, 3)]
    names = failed("\n\n".join(blocks + blocks[:5]))
    assert {
        "duplicate_paragraph_ratio",
        "duplicate_paragraph_char_ratio",
        "duplicate_10gram_char_ratio",
    } <= names


def test_a_phrase_over_and_over_fails() -> None:
    words = " ".join(unlike(10)).split()
    spam = " ".join(f"{word} buy cheap watches" for word in words)
    assert failed(spam) == {"top_2gram_char_ratio", "top_3gram_char_ratio"}


def test_languages_without_spaces_get_wider_limits() -> None:
    draw = random.Random(1)
    text = "".join(chr(draw.randrange(0x4E00, 0x9000)) for _ in range(800))
    again = text + text[:200]  # a fifth of the characters
    assert "duplicate_5gram_char_ratio" in failed(again)
    assert failed(again, "zh") == set()


@pytest.mark.parametrize("text", ["", "\n\n", "🎉🎉🎉", "word", "!?" * 50])
def test_texts_without_ngrams_are_zero(text: str) -> None:
    assert set(measure([text]).row(0)) == {0.0}


def test_batches_split_and_slice() -> None:
    texts = ["", "\n".join(unlike(5)), "a b " * 3000, "été\n" * 10, "\n\n".join(unlike(3) * 2)]
    whole = measure(texts)
    assert whole.equals(pl.concat([measure(texts[:2]), measure(texts[2:])]))
    assert measure([]).height == 0
    assert all(0 <= value <= 1 for row in whole.rows() for value in row)

    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    assert STAGE.prepare is not None
    run = STAGE.prepare(GopherRepetitionConfig(), {})
    assert run(batch.slice(1, 3)).equals(run(batch).slice(1, 3))
