"""Agreement, against worked examples of textbooks."""

from __future__ import annotations

import pytest

from tamis.review.agreement import agreement, cohen, fleiss


def test_cohen_of_a_textbook() -> None:
    """100 diagnoses by two raters: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd edition
    (2003), table 18.1: agreement 0.89, kappa 0.68."""
    names = ("psychotic", "neurotic", "organic")
    table = ((75, 1, 4), (5, 4, 1), (0, 0, 10))
    pairs = [
        (a, b) for a, row in zip(names, table, strict=True) for b, n in zip(names, row, strict=True) for _ in range(n)
    ]
    observed, kappa = cohen(pairs)
    assert observed == pytest.approx(0.89)
    assert kappa == pytest.approx((0.89 - 0.66) / (1 - 0.66))
    assert round(kappa or 0, 2) == 0.68


def test_fleiss_of_a_worked_example() -> None:
    """Ten subjects, fourteen raters, five categories: the worked example of Wikipedia's article "Fleiss' kappa",
    observed 0.378, by chance 0.213, kappa 0.210."""
    table = (
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    )  # fmt: skip
    observed, kappa = fleiss([{str(name): n for name, n in enumerate(row)} for row in table])
    assert round(observed, 3) == 0.378
    assert round(kappa or 0, 3) == 0.210


def test_two_are_cohen_and_more_are_fleiss() -> None:
    two = {"a": {1: "keep", 2: "keep"}, "b": {1: "drop", 2: "keep"}, "c": {1: "drop", 2: "drop"}, "d": {1: "keep"}}
    found = agreement(two)
    assert found is not None and found.method == "Cohen's kappa" and found.documents == 3 and found.reviewers == 2
    assert found.kappa == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    three = agreement({"a": {1: "keep", 2: "keep", 3: "drop"}, "b": {1: "drop", 3: "drop"}})
    assert three is not None and three.method == "Fleiss' kappa" and three.reviewers == 3


def test_what_is_not_defined_is_said() -> None:
    same = agreement({"a": {1: "keep", 2: "keep"}})
    assert same is not None and same.kappa is None and same.observed == 1
    assert agreement({"a": {1: "keep"}, "b": {2: "keep"}}) is None
