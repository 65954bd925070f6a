"""Tables of counts: what is read, what is one cell, and what is wrong in which line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import InputError
from tamis.mix.counts import SCHEMA, counts_of, read_counts, series_of, year_of
from tamis.mix.csv_table import read_lengths, read_shares

HEAD = "dataset,language,category,tokens\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "counts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_cells(tmp_path: Path) -> None:
    text = (
        "\ufeffdataset,language,category,ocr,documents,tokens,part,year,quality\n"
        'web--2019,fr,web,true,3,10,,,0.5\n"a, b",,,,,7,long,1999,\n\nweb--2019,fr,web,false,4,5,,,0.5\n'
    )
    cells = read_counts(write(tmp_path, text)).cells
    assert dict(zip(cells.columns, cells.dtypes, strict=True)) == SCHEMA
    assert cells.rows() == [
        ("a, b", "und", "none", "long", 1999, None, 7, None),
        ("web--2019", "fr", "web", None, 2019, 0.5, 15, 7),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty"),
        ("dataset,language,category\n", 1, "no column tokens"),
        ("name,language,category,tokens\n", 1, "no column dataset or source"),
        ("dataset,language,category,token\n", 1, "Did you mean 'token'?"),
        ("dataset,dataset,language,category,tokens\n", 1, "'dataset' stands twice"),
        (HEAD, None, "there are no counts below the header"),
        (HEAD + "a,fr,web,1\na,fr,web\n", 3, "3 values, and the header names 4 columns"),
        (HEAD + "a,fr,web,12a\n", 2, "column tokens: '12a' is not a whole number from 0 up"),
        (HEAD + "a,fr,web,-3\n", 2, "column tokens: '-3'"),
        (HEAD + "a,fr,web,1.5\n", 2, "column tokens: '1.5'"),
        (HEAD + "a,fr,web,1e9\n", 2, "column tokens: '1e9'"),
        (HEAD + "a,fr,web,٣\n", 2, "column tokens: '٣'"),
        (HEAD + f"a,fr,web,{10**30}\n", 2, "column tokens"),
        (HEAD + ",fr,web,1\n", 2, "column dataset: '' is not a name"),
        (HEAD[:-1] + ",part\n" + "a,fr,web,1,middle\n", 2, "column part: 'middle' is not long or short"),
        (HEAD[:-1] + ",year\n" + "a,fr,web,1,19\n", 2, "column year: '19' is not a year"),
        (HEAD[:-1] + ",quality\n" + "a,fr,web,1,1.5\n", 2, "column quality: '1.5' is not a number from 0 to 1"),
        (HEAD[:-1] + ",quality\n" + "a,fr,web,1,nan\n", 2, "column quality: 'nan'"),
        (HEAD + 'a,fr,web,1\n"b,fr,web,1\n', 3, "no CSV"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_counts(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert said in str(caught.value)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(HEAD.encode() + b"caf\xe9,fr,web,1\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_counts(path)
    with pytest.raises(InputError, match="no such file"):
        read_counts(tmp_path / "none.csv")


def test_a_folder_that_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no release here"):
        read_counts(tmp_path)


rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b--2020", "b--2021"]),
        st.sampled_from(["fr", "en", None, ""]),
        st.sampled_from(["web", None]),
        st.integers(0, 10**12),
        st.one_of(st.none(), st.integers(0, 10**6)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 5), st.randoms(use_true_random=False))
def test_neither_order_nor_shards_count(table: list[Any], shards: int, order: random.Random) -> None:
    """Each row cut into shards, and all of them shuffled, give the same cells."""
    names = ("source", "language", "category", "tokens", "documents")
    types = {name: SCHEMA[name] for name in names}
    whole = counts_of(pl.DataFrame(table, schema=types, orient="row"))
    pieces = []
    for source, language, category, tokens, documents in table:
        cuts = sorted(order.randint(0, tokens) for _ in range(shards - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, tokens], strict=True)]
        some = [None if documents is None else documents if at == 0 else 0 for at in range(shards)]
        pieces += [(source, language, category, part, one) for part, one in zip(parts, some, strict=True)]
    order.shuffle(pieces)
    cut = counts_of(pl.DataFrame(pieces, schema=types, orient="row").to_arrow())
    assert cut.cells.equals(whole.cells)
    assert whole.tokens == sum(row[3] for row in table)


def test_a_table_without_what_it_needs_is_told() -> None:
    with pytest.raises(InputError, match=r"counts: there is no column tokens \(columns: source, language, category\)"):
        counts_of(pl.DataFrame({"source": ["a"], "language": ["fr"], "category": ["web"]}))


def test_more_tokens_than_can_be_counted_are_told() -> None:
    table = pl.DataFrame({"source": ["a"] * 3, "language": "fr", "category": "web", "tokens": 4 * 10**17})
    with pytest.raises(InputError, match="more tokens than"):
        counts_of(table)


@pytest.mark.parametrize(
    ("source", "year", "series"),
    [
        ("RedPajama--fr--2023", 2023, "RedPajama--fr--*"),
        ("FineWebEdu--cc-main-2019", 2019, "FineWebEdu--cc-main-*"),
        ("crawl-2019-30-2020", 2020, "crawl-2019-30-*"),
        ("Gutenberg--fr.80", None, "Gutenberg--fr.80"),
        ("books-20190", None, "books-20190"),
        ("x-1789", None, "x-1789"),
    ],
)
def test_the_year_in_a_name(source: str, year: int | None, series: str) -> None:
    assert (year_of(source), series_of(source)) == (year, series)


def test_fitted_ratios(tmp_path: Path) -> None:
    path = write(tmp_path, "domain,weight\nweb,0.75\nbook,0.25\n")
    assert read_shares(path, "category") == {"web": 0.75, "book": 0.25}
    assert read_shares(write(tmp_path, "category,ratio,note\nweb,3,x\n"), "category") == {"web": 3}
    for text, said in (
        ("domain\nweb\n", ":1: there is no column weight or share or ratio"),
        ("domain,weight\nweb,x\n", ":2: column weight: 'x' is not a number from 0 up"),
        ("domain,weight\nweb,\n", ":2: column weight: '' is not a number"),
        ("domain,weight\n,1\n", ":2: column domain: '' is not a name"),
        ("domain,weight\nweb,1\nweb,2\n", ":3: column domain: 'web' is not new"),
        ("domain,weight\nweb,0\n", ": no weight is above 0"),
    ):
        with pytest.raises(InputError) as caught:
            read_shares(write(tmp_path, text), "category")
        assert str(caught.value).startswith(f"{path}{said}")


def test_lengths(tmp_path: Path) -> None:
    path = write(tmp_path, "dataset,language,tokens_long,tokens_short\na,fr,10,\nb,fr,,3\n")
    assert read_lengths(path) == {"a": (10, 0), "b": (0, 3)}
    with pytest.raises(InputError, match=r"counts\.csv:3: 'a' stands in an earlier line"):
        read_lengths(write(tmp_path, "dataset,tokens_long,tokens_short\na,1,1\na,2,2\n"))
    with pytest.raises(InputError, match=r"counts\.csv:2: column tokens_long: 'many'"):
        read_lengths(write(tmp_path, "dataset,tokens_long,tokens_short\na,many,1\n"))
