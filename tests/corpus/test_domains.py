"""Domains of addresses, years of dates."""

from __future__ import annotations

import polars as pl
import pytest

from tamis.corpus.domains import authorities, list_facts, registrable
from tamis.corpus.years import years


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.bbc.co.uk/news?x=1", "bbc.co.uk"),
        ("HTTP://Sub.Example.ORG:8080", "example.org"),
        ("https://someone:secret@example.org/x", "example.org"),
        ("https://someone.github.io/", "github.io"),
        ("https://пример.рф/a", "пример.рф"),
        ("https://xn--e1afmkfd.xn--p1ai/a", "пример.рф"),
        ("https://a.公司.cn/", "a.公司.cn"),
        ("https://example.org./", "example.org"),
        ("http://127.0.0.1/", None),
        ("http://[2001:db8::1]:80/", None),
        ("http://localhost/", None),
        ("https://co.uk/", None),
        ("mailto:someone@example.org", None),
        ("example.org/x", None),
        ("", None),
    ],
)
def test_registrable_domains(url: str, domain: str | None) -> None:
    authority = pl.DataFrame({"url": [url]}).select(authorities(pl.col("url"))).item()
    assert (registrable(authority) if authority else None) == domain


def test_the_list_says_which_it_is() -> None:
    facts = list_facts()
    assert facts["package"].startswith("publicsuffixlist 1.") and len(facts["sha256"]) == 64
    assert facts["version"].startswith("20")


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("2021-03-12", "2021"), ("2021", "2021"), ("20210312", "2021"), ("20210312T101500Z", "2021"),
        ("12 March 2021", "2021"), ("Fri, 12 Mar 2021 10:00:00 GMT", "2021"), ("03/2021", "2021"),
        ("1789-07-14", "1789"),
        ("1616161616", None), ("20211312", None), ("last week", None), ("", None), ("0021-01-01", None),
    ],
)  # fmt: skip
def test_years(date: str, year: str | None) -> None:
    assert pl.DataFrame({"date": [date]}).select(years(pl.col("date"))).item() == year
