from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recognizers import payment_card


def found(text: str) -> list[str]:
    return [text[a:b] for a, b in payment_card.find(text, 0, len(text))]


CARDS = [
    "4111 1111 1111 1111", "5500-0000-0000-0004", "2223003122003222", "3782 822463 10005", "6011 1111 1111 1117",
    "3056 930902 5904", "3530111333300000", "6200 0000 0000 0005", "6759 6498 2643 8453",
    "4000\u00a00566\u00a05566\u00a05556",
]  # fmt: skip
"""Numbers that payment providers publish for tests."""


@pytest.mark.parametrize("card", CARDS)
def test_cards(card: str) -> None:
    for text in (f"Card: {card}.", f"card={card},", f"({card})", f"{card} 12/27 123"):
        assert found(text) == [card]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112", "0.4111111111111111", "id4111111111111111", "4111111111111111a", "x-4111111111111111",
        "4111 1111-1111 1111", "4111  1111 1111 1111", "1111 4111 1111 1111 1111", "4111 1111 1111 1111 2222",
        "7992739871300000", "4222222222222", "1700000000000", "9780306406157", "490154203237518",
        "12345678901234567890", "0x4111111111111111", "2024-01-15 10:20:30", "4111111111111111.5",
    ],
)  # fmt: skip
def test_not_cards(text: str) -> None:
    assert found(text) == []


def test_a_card_after_another_number() -> None:
    assert found("1234 4111-1111-1111-1111") == ["4111-1111-1111-1111"]


@settings(max_examples=50, deadline=None)
@given(st.text("0123456789", min_size=1, max_size=19))
def test_luhn(digits: str) -> None:
    """One digit completes every number, and every other one breaks it."""
    assert sum(payment_card.luhn(digits + d) for d in "0123456789") == 1


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CARDS), st.integers(0, 2**64 - 1))
def test_fakes_fail_luhn_and_keep_the_shape(card: str, digest: int) -> None:
    fake = payment_card.fake(card, digest)
    assert fake[0] == card[0] and len(fake) == len(card)
    assert [c.isdigit() for c in fake] == [c.isdigit() for c in card]
    assert payment_card.reserved(fake) and found(fake) == []


def test_canonical() -> None:
    assert payment_card.canonical("4111-1111 1111 1111") == "4111111111111111"
