"""Patterns as conditions: globs and regular expressions, in Polars and in Arrow alike."""

from __future__ import annotations

import fnmatch
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.cards.check_rules import _satisfied
from tamis.corpus.conditions import Condition

PATHS = [
    "docs/a.txt",
    "docs/deep/er/b.txt",
    "a.txt",
    "docs/a.md",
    "https://x.fr/a/b",
    "https://y.x.fr/",
    "a\nb",
    "",
    None,
]


def kept(condition: Condition, values: list[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"c": pl.Series(values, dtype=pl.String)})
    passed = frame.select(condition.passes("c").alias("_")).to_series().to_numpy()
    assert np.array_equal(passed, _satisfied(condition, pa.chunked_array([pa.array(values, pa.string())])))
    return [value for value, passes in zip(values, passed, strict=True) if passes and value is not None]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.txt", ["a.txt"]),
        ("docs/*.txt", ["docs/a.txt"]),
        ("docs/**/*.txt", ["docs/a.txt", "docs/deep/er/b.txt"]),
        ("**/*.txt", ["docs/a.txt", "docs/deep/er/b.txt", "a.txt"]),
        ("docs/**", ["docs/a.txt", "docs/deep/er/b.txt", "docs/a.md"]),
        ("?.txt", ["a.txt"]),
        ("docs/[!b].[mt]*", ["docs/a.txt", "docs/a.md"]),
        ("https://*.fr/**", ["https://x.fr/a/b", "https://y.x.fr/"]),
        (["*.txt", "https://x.*/**"], ["a.txt", "https://x.fr/a/b"]),
        ("a**b", ["a\nb"]),
        ("a.tx", []),
    ],
)
def test_globs(glob: Any, expected: list[str]) -> None:
    condition = Condition.model_validate({"glob": glob})
    assert kept(condition, PATHS) == expected
    others = kept(Condition.model_validate({"not_glob": glob}), PATHS)
    assert sorted([*expected, *others]) == sorted(path for path in PATHS if path is not None)
    assert Condition.model_validate(condition.to_recipe()) == condition


def test_regular_expressions() -> None:
    assert kept(Condition.model_validate({"regex": r"\.(md|txt)$"}), PATHS) == PATHS[:4]
    assert kept(Condition.model_validate({"not_regex": "a"}), PATHS) == ["docs/deep/er/b.txt", "https://y.x.fr/", ""]
    both = Condition.model_validate({"glob": "docs/**", "not_regex": "deep", "nulls": "drop"})
    assert kept(both, PATHS) == ["docs/a.txt", "docs/a.md"]
    assert str(both) == "like docs/** not like deep not null"


LETTERS = st.text("ab*?[].(|\\+^$", max_size=6)


@settings(max_examples=100, deadline=None)
@given(glob=LETTERS, value=st.text("ab.(|\\+^$*", max_size=5))
def test_globs_without_steps_match_as_the_shell_does(glob: str, value: str) -> None:
    if "**" in glob or "[" in glob or not glob:
        return
    condition = Condition.model_validate({"glob": glob})
    assert kept(condition, [value]) == ([value] if fnmatch.fnmatchcase(value, glob) else [])


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"regex": "("}, "is no regular expression"),
        ({"glob": []}, "lists nothing"),
        ({"glob": "a", "min": 3}, "patterns are for names"),
        ({"regex": ["a"]}, "string"),
    ],
)
def test_patterns_that_cannot_be_meant(written: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Condition.model_validate(written)
