"""The language stage: what its two signals say, and when."""

import logging
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tamis.corpus.language_tags import language_tag
from tamis.corpus.references import resolve
from tamis.kernels import fasttext_library, fasttext_model
from tamis.stages.language import STAGE, LanguageConfig

SENTENCES = {
    "fr": "La rivière prend sa source dans les collines et descend doucement vers la mer.",
    "en": "The river rises in the hills above the town and flows slowly down to the sea.",
    "de": "Der Fluss entspringt in den Hügeln über der Stadt und fließt langsam zum Meer.",
    "es": "El río nace en las colinas que rodean el pueblo y baja despacio hacia el mar.",
    "it": "Il fiume nasce tra le colline sopra la città e scende lentamente verso il mare.",
    "ru": "Река берёт начало на холмах над городом и медленно течёт к морю.",
    "ja": "川は町の上の丘に源を発し、ゆっくりと海へ流れていく。",
    "ar": "ينبع النهر من التلال المطلة على المدينة ويجري ببطء نحو البحر.",
}
NOTHING = ["", "   \n ", "12 345 67", "🎉"]


def batch(texts):
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def prepare(config=None):
    config = config or LanguageConfig()
    model = resolve(STAGE.models(config)["model"], Path())
    return STAGE.prepare(config, {"model": model})


@pytest.fixture(scope="module")
def measure():
    return prepare()


def test_each_language_is_recognised(measure):
    found = measure(batch(list(SENTENCES.values())))
    assert found.column("label").to_pylist() == list(SENTENCES)
    assert all(0.65 <= score <= 1 for score in found.column("score").to_pylist())


def test_the_columns_are_those_declared(measure):
    for texts in ([], ["une phrase"]):
        found = measure(batch(texts))
        assert found.schema.names == [column.name for column in STAGE.adds]
        assert found.schema.types == [column.type for column in STAGE.adds]
        assert found.num_rows == len(texts)


def test_a_document_without_anything_known_has_no_language(measure):
    found = measure(batch([*NOTHING, SENTENCES["fr"]]))
    assert found.column("label").to_pylist() == [*[None] * len(NOTHING), "fr"]
    assert found.column("score").null_count == len(NOTHING)


def test_the_default_rule_drops_what_is_unsure_or_unknown_but_not_code(measure):
    score = STAGE.signals["score"]
    frame = pl.DataFrame({"score": [0.9, 0.65, 0.64, None]}, schema={"score": pl.Float64})
    assert frame.select(score.default.passes("score")).to_series().to_list() == [True, True, False, False]
    for_code = score.default_by["language"]["code"]
    assert frame.select(for_code.passes("score")).to_series().to_list() == [True] * 4


def test_a_sliced_batch_gives_its_own_rows(measure):
    whole = batch([*SENTENCES.values(), *NOTHING])
    found = measure(whole)
    for start in range(0, whole.num_rows, 3):
        assert measure(whole.slice(start, 3)).equals(found.slice(start, 3))


def test_max_bytes_cuts_between_characters():
    text = "é" * 3 + " " + SENTENCES["fr"]
    for size in (1, 2, 3, 5, 40, 10_000):
        cut = text.encode()[:size].decode("utf-8", "ignore")
        short = prepare(LanguageConfig(max_bytes=size))(batch([text, "", "😀😀"]))
        whole = prepare()(batch([cut, "", "😀😀".encode()[:size].decode("utf-8", "ignore")]))
        assert short.equals(whole)


def test_max_bytes_looks_no_further():
    text = SENTENCES["en"] + " " + SENTENCES["ru"] * 20
    size = len(SENTENCES["en"].encode())
    assert prepare()(batch([text])).column("label").to_pylist() == ["ru"]
    assert prepare(LanguageConfig(max_bytes=size))(batch([text])).column("label").to_pylist() == ["en"]


@pytest.mark.parametrize("size", [0, -1])
def test_max_bytes_is_positive(size):
    with pytest.raises(ValidationError):
        LanguageConfig(max_bytes=size)


def test_a_model_the_loops_do_not_run_goes_through_the_library(measure, monkeypatch, caplog):
    texts = [*SENTENCES.values(), *NOTHING, "two\nlines", "x </s> y"]
    monkeypatch.setattr(fasttext_model, "EXPANDED_LIMIT", 1000)
    with caplog.at_level(logging.WARNING):
        through_library = prepare()
        found = through_library(batch(texts))
        through_library(batch(texts))
    assert [(r.name, r.levelname) for r in caplog.records] == [("tamis.kernels.fasttext_classifier", "WARNING")]
    assert "through the fastText library" in caplog.text
    ours = measure(batch(texts))
    assert found.column("label").equals(ours.column("label"))
    assert found.column("score").to_pylist() == pytest.approx(ours.column("score").to_pylist(), abs=1e-4)
    assert through_library(batch([])).schema == ours.schema


def test_a_model_on_which_the_loops_err_goes_through_the_library(monkeypatch, caplog):
    def wrong_tree(counts):
        tree = fasttext_model.huffman_tree(counts)
        return fasttext_model.Tree(tree.right, tree.left, tree.rank)

    monkeypatch.setattr("tamis.kernels.fasttext.huffman_tree", wrong_tree)
    with caplog.at_level(logging.WARNING):
        found = prepare()(batch(list(SENTENCES.values())))
    assert "the library __label__" in caplog.text
    assert found.column("label").to_pylist() == list(SENTENCES)


def test_a_sound_model_says_nothing(caplog):
    with caplog.at_level(logging.DEBUG, logger="tamis"):
        prepare()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("label", "tag"),
    [
        ("__label__fr", "fr"),
        ("__label__zh", "zh"),
        ("__label__als", "gsw"),
        ("__label__fra_Latn", "fr"),
        ("__label__arb_Arab", "ar"),
        ("__label__kor_Hang", "ko"),
        ("__label__swh_Latn", "sw"),
        ("__label__srp_Cyrl", "sr"),
        ("__label__srp_Latn", "sr-Latn"),
        ("__label__cmn_Hani", "zh"),
        ("__label__zho_Hant", "zh-Hant"),
        ("__label__yue_Hani", "yue"),
        ("__label__gsw_Latn", "gsw"),
        ("spam", "spam"),
    ],
)
def test_labels_become_tags(label, tag):
    assert language_tag(label) == tag


def test_probes_cover_many_scripts():
    scripts = {chr(ord(char) & ~0x7F) for probe in fasttext_library.PROBES for char in probe}
    assert len(scripts) > 20
