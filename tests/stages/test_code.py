"""The code stage against plain Python, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.stages.code import STAGE, CodeConfig

MEASURE = STAGE.prepare(CodeConfig(), {}) if STAGE.prepare else None


def measured(*texts: str, language: str | None = "code", name: str = "s:a.py") -> list[dict[str, Any]]:
    rows = len(texts)
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(texts, pa.large_string()),
            pa.array([language] * rows, pa.string()),
            pa.nulls(rows, pa.string()),
            pa.array([name] * rows, pa.string()),
        ],
        names=list(STAGE.reads),
    )
    assert MEASURE is not None
    rows_out: list[dict[str, Any]] = MEASURE(batch).to_pylist()
    return rows_out


def twin(text: str) -> dict[str, float]:
    lines = text.removesuffix("\n").split("\n")
    filled = [line.lstrip(" \t") for line in lines if any(c not in " \t" for c in line)]
    return {
        "max_line_length": max(map(len, lines)),
        "mean_line_length": np.float32(sum(map(len, lines)) / len(lines)),
        "comment_line_ratio": np.float32(sum(line.startswith("#") for line in filled) / max(len(filled), 1)),
    }


pieces = st.sampled_from(["x", "été", " ", "\n", "\n", "# ", "#", "\t", "=", "1", "東", "🎉", "(", "\\"])


@given(st.lists(pieces, min_size=1, max_size=40).map("".join) | st.text("ab #\n", min_size=1))
@settings(max_examples=100, deadline=None)
def test_lines_as_plain_python_counts_them(text: str) -> None:
    [found] = measured(text)
    assert {name: found[name] for name in twin(text)} == pytest.approx(twin(text))
    ratio = sum(character.isalnum() for character in text) / len(text)
    assert found["alphanumeric_ratio"] == pytest.approx(ratio, abs=1e-6)


def test_a_file_by_hand() -> None:
    text = "#!/usr/bin/python3\n# SPDX-License-Identifier: MIT\n\nprint(1)\n    # done\n"
    [found] = measured(text, name="s:tool")
    assert found == {
        "language": "python",
        "license": "MIT",
        "max_line_length": 30,
        "mean_line_length": pytest.approx((18 + 30 + 0 + 8 + 10) / 5),
        "alphanumeric_ratio": pytest.approx(sum(c.isalnum() for c in text) / len(text)),
        "comment_line_ratio": pytest.approx(3 / 4),
        "generated": False,
    }


@pytest.mark.parametrize("language", ["fr", None])
def test_prose_is_not_measured(language: str | None) -> None:
    assert measured("x" * 2000, "", language=language) == [dict.fromkeys(STAGE.signals)] * 2


def test_comments_have_the_marks_of_their_language() -> None:
    text = "/* a\n * b\n */\nint x; // c\n// d\n\nint y;\n# e\n-- f\n% g\n"
    shares = {name: measured(text, name=name)[0]["comment_line_ratio"] for name in ("a.c", "a.lua", "a.tex", "a.json")}
    assert shares == {"a.c": pytest.approx(4 / 9), "a.lua": pytest.approx(1 / 9), "a.tex": pytest.approx(1 / 9),
                      "a.json": None}  # fmt: skip


def test_the_defaults_are_those_of_codex_and_codeparrot() -> None:
    rules = {name: str(column.default) for name, column in STAGE.signals.items() if column.default is not None}
    assert rules == {
        "max_line_length": "[, 1000]",
        "mean_line_length": "[, 100]",
        "alphanumeric_ratio": "[0.25, ]",
        "generated": "false",
    }
