"""Documents of aligned texts: every layout by a plain twin, how often each is drawn, and rows that can't be read."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.corpus.documents import InputFile
from tamis.errors import RecipeError
from tamis.readers import text_versions
from tamis.readers.halves import halves
from tamis.readers.pairs import pair_text
from tamis.recipe.model import Source
from tamis.recipe.pairs import Pairs

Reading = Any
COLUMNS = {"fr": "text_fr", "en": "text_en"}
NAMES = {
    "code": ("fr", "en"),
    "own": ("français", "english"),
    "first": ("français", "anglais"),
    "second": ("french", "english"),
}


def test_who_names_the_languages_is_part_of_what_is_read(make_source: Any) -> None:
    file = InputFile("a.jsonl", "/x/a.jsonl", 1, "f")
    versions = f"langcodes {version('langcodes')}, language-data {version('language-data')}"
    assert text_versions(make_source(pairs={"columns": COLUMNS}, columns={}), [file]) == versions


def pairs(**options: Any) -> Pairs:
    return Pairs.model_validate_json(json.dumps({"columns": COLUMNS, **options}))


def layouts(options: Pairs, one: str, other: str) -> set[str]:
    """Every document that the options allow, by plain loops."""
    found = set()
    for separator in options.separators:
        if options.prefix < 1:
            found.add(one + separator + other)
        for bracket in options.brackets if options.prefix else ():
            for mark in options.marks:
                clear = bool(bracket) or "\t" in separator or "\n" in separator
                before = bracket[:1]
                after = mark.strip().rstrip(".-—") + bracket[1] + " " if bracket else mark
                for way in options.names:
                    if way == "code" and not clear:
                        continue
                    for capital in (True, False) if clear else (True,):
                        first, second = (n.capitalize() if capital else n for n in NAMES[way])
                        parts = [before + first + after + one, before + second + after + other]
                        found |= {separator.join(parts), separator.join(reversed(parts))}
    return found


@given(st.text(max_size=20), st.integers(0, 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_a_document_is_one_of_the_layouts(row: str, seed: int) -> None:
    options = pairs(seed=seed)
    text = pair_text(options, "Un texte.", "A text.", row)
    assert text in layouts(options, "Un texte.", "A text.")
    assert text == pair_text(options, "Un texte.", "A text.", row)


def test_everything_is_drawn_and_as_often_as_it_should_be() -> None:
    options = pairs(marks=[": "], separators=[" ", "\n"], brackets=["", "[]"], names=["code", "own"])
    found = Counter(pair_text(options, "A.", "B.", f"s:{number}") for number in range(8000))
    assert set(found) == layouts(options, "A.", "B.")
    assert found["A. B."] + found["A.\nB."] == pytest.approx(4000, abs=150)
    turned = sum(n for text, n in found.items() if text.index("B.") < text.index("A."))
    assert turned == pytest.approx(2000, abs=150)
    assert sum(n for text, n in found.items() if "[" in text) == pytest.approx(2000, abs=150)


def test_shares_of_none_and_all() -> None:
    texts = [pair_text(pairs(prefix=0), "A", "B", str(row)) for row in range(200)]
    assert {"".join(text.split()) for text in texts} == {"AB"}
    turned = [pair_text(pairs(prefix=1, inverted=1, separators=["|"], brackets=["<>"]), "A", "B", str(row))
              for row in range(200)]  # fmt: skip
    assert all(text.index("B|") < text.index("> A") for text in turned)


def test_another_seed_draws_otherwise() -> None:
    rows = [str(number) for number in range(100)]
    one, other = ([pair_text(pairs(seed=seed), "A", "B", row) for row in rows] for seed in (0, 1))
    assert sum(a != b for a, b in zip(one, other, strict=True)) > 50


def written(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def test_rows_become_documents_in_both_languages(reading: Reading) -> None:
    rows = [{"id": f"d{n}", "text_fr": f" Phrase {n}. ", "text_en": f"Sentence {n}."} for n in range(50)]
    options = {"pairs": {"columns": COLUMNS, "seed": 3}, "columns": {"id": "id"}}
    found, _ = reading(written(rows), "pairs.jsonl", **options)
    assert [row["language"] for row in found] == ["fr-en"] * 50
    assert [row["text"] for row in found] == [
        pair_text(pairs(seed=3), f"Phrase {n}.", f"Sentence {n}.", f"s:d{n}") for n in range(50)
    ]
    # Neither order nor company matters.
    turned, _ = reading(written(rows[::-2]), "turned.jsonl", **options)
    assert [row["text"] for row in turned] == [row["text"] for row in found[::-2]]


def test_without_ids_the_texts_decide(reading: Reading) -> None:
    rows = [{"text_fr": f"Phrase {n}.", "text_en": f"Sentence {n}."} for n in range(50)]
    once, _ = reading(written(rows), "a.jsonl", pairs={"columns": COLUMNS})
    again, _ = reading(written(rows[::-1]), "b.jsonl", pairs={"columns": COLUMNS})
    assert [row["text"] for row in once] == [row["text"] for row in again[::-1]]


def test_a_missing_half_is_a_reject(reading: Reading) -> None:
    rows = [
        {"text_fr": "Un.", "text_en": "One."},
        {"text_fr": "Deux."},
        {"text_fr": " ", "text_en": "Three."},
        {"text_fr": 4, "text_en": "Four."},
    ]
    found, tally = reading(written(rows), "holes.jsonl", pairs={"columns": COLUMNS})
    assert len(found) == 1
    assert [(r.line, r.cause) for r in tally.rejects] == [(2, "missing_text"), (3, "missing_text"), (4, "wrong_type")]


def test_other_formats_and_a_declared_language(reading: Reading) -> None:
    table = pa.table({"text_fr": ["Un.", "Deux."], "text_en": ["One.", None]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data = sink.getvalue().to_pybytes()
    found, tally = reading(data, "p.parquet", pairs={"columns": COLUMNS, "prefix": 0}, language="mul")
    assert ["".join(row["text"].split()) for row in found] == ["Un.One."] and tally.causes == {"missing_text": 1}
    assert found[0]["language"] is None
    found, _ = reading(b"text_fr,text_en\nUn.,One.\n", "p.csv", pairs={"columns": COLUMNS, "prefix": 0})
    assert [row["language"] for row in found] == ["fr-en"]
    _, tally = reading(b"a,b\nUn.,One.\n", "q.csv", pairs={"columns": COLUMNS})
    assert tally.causes == {"missing_column": 1}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"columns": {"fr": "a"}}, "at least 2"),
        ({"columns": {"fr": "a", "french": "b"}}, "no language code"),
        ({"columns": {"code": "a", "en": "b"}}, "pairs are of two languages"),
        ({"brackets": ["["]}, "an opening and a closing one"),
        ({"prefix": 2}, "less than or equal to 1"),
        ({"names": ["english"]}, "'code', 'own', 'first' or 'second'"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        pairs(**options)


def test_a_document_has_one_text() -> None:
    with pytest.raises(ValidationError, match="text and pairs: documents are made of one of them"):
        Source(name="s", path=("x",), license="MIT", pairs=pairs(), columns={"text": "t"})


FRENCH = (
    "La rivière prend sa source dans les collines.",
    "Elle descend lentement vers la mer.",
    "Les arbres sont verts.",
)
ENGLISH = ("The river rises in the hills.", "It flows slowly down to the sea.", "The trees are green.")


@pytest.mark.parametrize("between", ["\n", "\n\n", " "])
@given(st.integers(1, 60), st.integers(1, 60), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_field_is_cut_where_a_language_ends(between: str, french: int, english: int, turned: bool) -> None:
    one = between.join((FRENCH * 20)[:french])
    other = between.join((ENGLISH * 20)[:english])
    text = between.join((other, one) if turned else (one, other))
    assert halves([text, None], ("fr", "en")) == [(one, other), None]
    assert halves([text], ("en", "fr")) == [(other, one)]


@pytest.mark.parametrize("between", ["\t", "  ", "     ", "\n\n", " \t "])
def test_separators_of_sentence_pairs_go_first(between: str) -> None:
    # By itself the model takes the first half for English.
    french = "Le marché du village ouvre tôt chaque matin."
    english = "Mr. Smith told us. The village market opens early every morning."
    assert halves([f"{french}{between}{english}"], ("fr", "en")) == [(french, english)]
    assert halves([f"{english}{between}{french}"], ("fr", "en")) == [(french, english)]
    assert halves([f"{english}{between}{ENGLISH[0]}"], ("fr", "en")) == [None]


@pytest.mark.parametrize("text", ["", "mot", "Only English here. Nothing else at all.", "12 34\n56 78"])
def test_a_text_of_one_language_is_not_cut(text: str) -> None:
    assert halves([text], ("fr", "en")) == [None]


def test_a_field_with_both_languages(reading: Reading) -> None:
    rows = [f"{ENGLISH[0]} {FRENCH[0]}", ENGLISH[1], None]
    data = "\n".join(json.dumps({"id": str(at), "text": text}) for at, text in enumerate(rows)).encode()
    options = {"columns": {"fr": "text", "en": "text"}, "prefix": 0, "separators": ["\n"]}
    found, tally = reading(data, "a.jsonl", columns={"id": "id"}, pairs=options, language="detect")
    assert [(row["text"], row["language"]) for row in found] == [(f"{FRENCH[0]}\n{ENGLISH[0]}", "fr-en")]
    assert tally.causes == {"not_two_languages": 1, "missing_text": 1}
    assert [(reject.line, reject.detail) for reject in tally.rejects if reject.cause == "not_two_languages"] == [
        (2, "no place parts the text into fr and en")
    ]


def test_a_language_that_the_model_does_not_know() -> None:
    with pytest.raises(RecipeError, match="doesn't know 'tlh'"):
        halves(["a b"], ("fr", "tlh"))
