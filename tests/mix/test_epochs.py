from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.hashing import uniform
from tamis.mix.epochs import NO_CATEGORY, UNKNOWN, epochs_of, weight
from tamis.mix.realised import Epochs
from tamis.recipe.mix import Mix

MIX = Mix(
    default=0.5,
    epochs={"fr--book": 2, "fr--none": 3, "und--web": 0.25, "code--code": 1},
    languages={"fr": 1.5, "code": 0.5},
    sources={"gold": 4},
)


def frame(rows: list[tuple[str, str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (f"{source}:{number}", source, language, category)
            for number, (source, language, category) in enumerate(rows)
        ],
        schema={"id": pl.String, "source": pl.String, "language": pl.String, "category": pl.String},
        orient="row",
    )


def many(number: int) -> pl.DataFrame:
    return frame([("web", "fr", "book")] * number)


@pytest.mark.parametrize(
    ("source", "language", "category", "epochs"),
    [
        ("web", "fr", "book", 2 * 1.5),
        ("web", "fr", "web", 0.5 * 1.5),
        ("web", "fr", None, 3 * 1.5),
        ("web", "de", "book", 0.5),
        ("web", None, "web", 0.25),
        ("web", None, None, 0.5),
        ("web", "code", "code", 1 * 0.5),
        ("gold", "fr", "book", 4),
        ("gold", None, None, 4),
    ],
)
def test_epochs_by_source_then_cell_times_language(
    source: str, language: str | None, category: str | None, epochs: float
) -> None:
    assert epochs_of(MIX, frame([(source, language, category)])).tolist() == [epochs]
    assert weight(MIX, source, language or UNKNOWN, category or NO_CATEGORY) == epochs


def test_without_a_mix_every_document_is_seen_once() -> None:
    rows = frame([("web", "fr", "book"), ("web", None, None)])
    assert Epochs(Mix()).copies(rows, 0).tolist() == [1, 1]


@pytest.mark.parametrize("mix", [Mix(), MIX])
def test_no_row_in_no_row_out(mix: Mix) -> None:
    assert epochs_of(mix, frame([])).shape == (0,)
    assert Epochs(mix).copies(frame([]), 0).shape == (0,)


def test_columns_of_no_type() -> None:
    rows = frame([("web", None, None)] * 3).with_columns(pl.lit(None).alias("language"), pl.lit(None).alias("category"))
    assert epochs_of(MIX, rows).tolist() == [0.5] * 3


@pytest.mark.parametrize("epochs", [0, 1, 2, 1000])
def test_whole_epochs_are_the_same_for_all(epochs: int) -> None:
    assert Epochs(Mix(default=epochs)).copies(many(50), 7).tolist() == [epochs] * 50


@pytest.mark.parametrize("epochs", [0.1, 0.5, 0.9, 1.25, 2.3, 7.75])
def test_the_mean_number_of_copies_is_the_epochs(epochs: float) -> None:
    rows = 20_000
    copies = Epochs(Mix(default=epochs)).copies(many(rows), 1)
    assert set(copies.tolist()) == {int(epochs), int(epochs) + 1}
    rest = epochs % 1
    # Four standard deviations of a binomial share.
    assert abs(copies.mean() - epochs) < 4 * (rest * (1 - rest) / rows) ** 0.5


def test_a_fraction_is_realised_by_the_hash_of_the_document() -> None:
    rows = many(200)
    share = uniform(rows["id"].to_arrow(), 5, "mix")
    assert Epochs(Mix(default=2.3)).copies(rows, 5).tolist() == np.where(share < 2.3 - 2, 3, 2).tolist()


def test_the_seed_chooses_other_documents_and_no_other_number_of_them() -> None:
    one, other = (Epochs(Mix(default=0.5)).copies(many(2000), seed) for seed in (1, 2))
    assert (one != other).mean() > 0.4
    assert abs(one.mean() - other.mean()) < 0.1


weights = st.floats(0, 20, allow_subnormal=False)


@settings(max_examples=60, deadline=None)
@given(weights, weights, st.integers(0, 2**63 - 1))
def test_a_higher_weight_keeps_every_copy_of_a_lower_one(one: float, other: float, seed: int) -> None:
    low, high = sorted((one, other))
    rows = many(100)
    fewer, more = (Epochs(Mix(default=epochs)).copies(rows, seed) for epochs in (low, high))
    assert (fewer <= more).all()
    assert ((fewer == np.floor(low)) | (fewer == np.ceil(low))).all()


cells = st.tuples(
    st.sampled_from(["web", "gold"]),
    st.sampled_from([None, "fr", "de", "code"]),
    st.sampled_from([None, "web", "book", "code"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(cells, max_size=12), st.randoms(use_true_random=False), st.integers(0, 100))
def test_the_order_of_rows_and_their_company_change_nothing(rows: list[Any], random: Any, seed: int) -> None:
    whole = frame(rows)
    copies = Epochs(MIX).copies(whole, seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    assert Epochs(MIX).copies(whole[order], seed).tolist() == copies[order].tolist()
    assert [int(Epochs(MIX).copies(whole[row], seed)[0]) for row in order] == copies[order].tolist()
    assert epochs_of(MIX, whole).tolist() == [weight(MIX, s, lang or UNKNOWN, c or NO_CATEGORY) for s, lang, c in rows]
