"""The chunks stage: signals by hand, perplexity by a language model written out here, and the edit."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from datatrove.utils.perplexity import KenlmModel
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tamis.corpus.references import resolve
from tamis.errors import InputError
from tamis.kernels.edits import apply_edits
from tamis.kernels.perplexity import normalized
from tamis.stages.chunks import STAGE, ChunksConfig
from tamis.tokens.train import TrainTokenizer, train_tokenizer

FRENCH = "La rivière prend sa source dans les collines et descend doucement vers la mer.\n"
ENGLISH = "The river rises in the hills above the town and flows slowly down to the sea.\n"
NOISE = "l1 ;~ ^ .,' i ~\\ r) 1 :: ij ,. 0 | _ ' f .- x; «* 3 ) ii\n"


def measure(texts: list[str], languages: list[str | None] | None = None, **options: Any) -> pl.DataFrame:
    config = ChunksConfig.model_validate(options)
    models = {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()}
    assert STAGE.prepare is not None
    told = pa.array(languages or [None] * len(texts), pa.string())
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": told})
    out = STAGE.prepare(config, models)(batch)
    assert out.schema.names == [*STAGE.signals, "spans"]
    assert out.schema.types[:-1] == [column.type for column in STAGE.adds]
    return pl.DataFrame(out.drop_columns("spans")).with_columns(
        pl.Series("edited", apply_edits(pa.array(texts, pa.large_string()), out["spans"]).to_pylist(), dtype=pl.String)
    )


def test_signals_by_hand() -> None:
    text = "aa bb cc d" + "1234 6789 " + "x" * 5
    found = measure([text * 8, ""], language_model=None, size=100).rows(named=True)
    assert [row["chunks"] for row in found] == [2, 0]
    assert found[0]["words_per_character"] == pytest.approx(42 / 200)
    assert found[0]["max_words_per_character"] == pytest.approx(21 / 100)
    assert found[0]["min_letter_ratio"] == pytest.approx(48 / 80)
    nulls = [name for name, value in found[1].items() if value is None]
    assert nulls == [column.name for column in STAGE.adds if column.name != "chunks"]
    assert found[0]["mean_perplexity"] is None and found[0]["language"] is None and found[0]["bad_chunks"] is None


def test_the_language_of_most_characters() -> None:
    [row, digits] = measure([FRENCH * 20 + ENGLISH * 10, "1 2 3"], size=len(FRENCH) * 5).rows(named=True)
    assert row["language"] == "fr" and digits["language"] is None and digits["language_ratio"] is None
    assert row["language_ratio"] == pytest.approx(2 / 3, abs=0.1)
    assert 0.7 < row["language_score"] <= 1


def test_bad_chunks_become_a_mark() -> None:
    text = FRENCH * 20 + ENGLISH * 40 + FRENCH * 21
    options = {"size": 500, "replace": {"language": "fr", "language_score": [0.5, None]}}
    [row] = measure([text], **options).rows(named=True)
    before, after = row["edited"].split("\n\n[...]\n\n")
    # Chunks of 500 characters begin anywhere: where two languages meet, a few lines go with them or stay.
    assert before == FRENCH.strip() if before == FRENCH else (FRENCH * 20 + ENGLISH * 3).startswith(before)
    assert len(before) > 15 * len(FRENCH) and after.endswith(FRENCH) and len(after) > 15 * len(FRENCH)
    assert all(line + "\n" in (FRENCH, ENGLISH) for line in [*before.split("\n"), *after.strip("\n").split("\n")])
    assert 0.3 < row["bad_char_ratio"] < 0.7 and row["bad_chunks"] < row["chunks"]


def test_the_ends_of_a_text_and_texts_all_bad() -> None:
    options = {"size": 200, "language_model": None, "replace": {"letter_ratio": [0.7, None]}}
    texts = [NOISE * 20, NOISE * 20 + FRENCH * 20, FRENCH * 20 + NOISE * 20, FRENCH * 20, "", " \n"]
    found = measure(texts, **options)["edited"].to_list()
    assert found[0] == "[...]"
    assert found[1].startswith("[...]\n\nLa rivière") or found[1].startswith("[...]\n\n" + NOISE[:3])
    assert found[2].endswith("\n\n[...]")
    assert found[3:] == [*texts[3:-1], "[...]"]
    kept = measure(texts[:1], first=2, **options)["edited"].item()
    assert kept.startswith(NOISE * 6) and kept.endswith("\n\n[...]") and len(kept) < 450
    assert measure(texts[1:2], replacement="\n", **options)["edited"].item().startswith(("La", NOISE[:3]))


def test_smart_chunks_leave_the_prose_around_noise() -> None:
    text = FRENCH * 10 + NOISE * 10 + FRENCH * 10
    options = {"language_model": None, "replace": {"letter_ratio": [0.7, None]}}
    [row] = measure([text], cut="smart", **options).rows(named=True)
    assert row["edited"] == FRENCH.strip().join([""]) + (FRENCH * 10).strip() + "\n\n[...]\n\n" + FRENCH * 10
    assert (row["chunks"], row["bad_chunks"]) == (3, 1)
    assert measure([text], **options)["edited"].item() == text


def test_tokens_per_character(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(train_tokenizer(TrainTokenizer(vocabulary_size=512), [pa.array([FRENCH] * 9, pa.large_string())]))
    found = measure([FRENCH * 5, NOISE * 5, ""], tokenizer=str(path), language_model=None)
    prose, noise, empty = found["tokens_per_character"].to_list()
    assert prose < noise <= found["max_tokens_per_character"][1] and empty is None
    replaced = measure(
        [FRENCH, NOISE], tokenizer=str(path), replace={"tokens_per_character": [None, (prose + noise) / 2]}
    )
    assert replaced["edited"].to_list() == [FRENCH, "[...]"]


ARPA = """\\data\\
ngram 1={unigrams}
ngram 2=2

\\1-grams:
-99\t<s>\t-0.3
-1.5\t</s>
-3\t<unk>
{lines}

\\2-grams:
-0.25\t<s> {first}
-0.5\t{first} {second}

\\end\\
"""


class Model:
    """A bigram model whose every probability is known, and the pieces it is over."""

    def __init__(self, folder: Path) -> None:
        sentencepiece = pytest.importorskip("sentencepiece")
        pytest.importorskip("kenlm")
        corpus = folder / "corpus.txt"
        corpus.write_text("la riviere prend sa source dans les collines et descend vers la mer 0 00\n" * 20)
        self.pieces = folder / "pieces.model"
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=str(folder / "pieces"), vocab_size=40, hard_vocab_limit=False, minloglevel=2
        )
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(self.pieces))
        self.first, self.second = self.processor.encode_as_pieces("la mer")[:2]
        self.log10 = {self.processor.id_to_piece(i): -1 - i / 64 for i in range(3, self.processor.get_piece_size())}
        lines = "\n".join(f"{value}\t{piece}\t-0.125" for piece, value in self.log10.items())
        self.arpa = folder / "model.arpa"
        self.arpa.write_text(
            ARPA.format(unigrams=3 + len(self.log10), lines=lines, first=self.first, second=self.second)
        )

    @property
    def options(self) -> dict[str, Any]:
        return {"model": str(self.arpa), "sentencepiece": str(self.pieces)}

    def tokenize(self, text: str) -> str:
        return " ".join(self.processor.encode_as_pieces(text))

    def perplexity(self, text: str) -> float:
        """By the definition of a back-off model."""
        pieces = self.processor.encode_as_pieces(normalized(text))
        bigrams = {("<s>", self.first): -0.25, (self.first, self.second): -0.5}
        total, before = 0.0, "<s>"
        for piece in [*pieces, "</s>"]:
            alone = -1.5 if piece == "</s>" else self.log10.get(piece, -3.0)
            back_off = -0.3 if before == "<s>" else -0.125 if before in self.log10 else 0.0
            total += bigrams.get((before, piece), alone + back_off)
            before = piece
        return float(10 ** (-total / (len(pieces) + 1)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(tmp_path_factory.mktemp("kenlm"))


def test_perplexity_is_that_of_the_definition(model: Model) -> None:
    texts = ["La mer", "La Rivière\nprend 42 « sources » !", FRENCH * 3, "東京", "", "\u0301"]
    found = measure(texts, perplexity=model.options, language_model=None)["mean_perplexity"].to_list()
    assert found[:4] == pytest.approx([model.perplexity(text) for text in texts[:4]], rel=1e-5)
    assert found[4:] == [None, None]
    # By hand: two pieces that are a known pair, and the end.
    if model.processor.encode_as_pieces("la mer") == [model.first, model.second]:
        total = -0.25 - 0.5 + (-1.5 - 0.125)
        assert found[0] == pytest.approx(10 ** (-total / 3), rel=1e-5)


def test_perplexity_is_datatroves(model: Model) -> None:
    import kenlm

    theirs = KenlmModel("none", "none")
    theirs._model, theirs._tokenizer = kenlm.Model(str(model.arpa)), model
    texts = ["La mer", FRENCH * 3, "« Les collines » – et… la MER !\nLa rivière", NOISE.replace("0", "")]
    found = measure(texts, perplexity=model.options, language_model=None)["mean_perplexity"].to_list()
    assert found == pytest.approx([theirs.get_perplexity(text.strip()) for text in texts], abs=0.051)


def test_a_model_for_each_language(model: Model, tmp_path: Path) -> None:
    for language in ("fr", "pt", "pt-BR"):
        (tmp_path / f"{language}.model").write_bytes(model.pieces.read_bytes())
    (tmp_path / "fr.arpa").write_text(model.arpa.read_text())
    (tmp_path / "pt.arpa").write_text(model.arpa.read_text().replace("-1.5\t</s>", "-2.5\t</s>"))
    options = {"model": f"{tmp_path}/{{language}}.arpa", "sentencepiece": f"{tmp_path}/{{language}}.model"}
    options["languages"] = ["fr", "pt"]
    texts, languages = ["La mer"] * 4, ["pt-BR", "fr", "de", None]
    found = measure(texts, languages, perplexity=options, language_model=None)["lower_perplexity"].to_list()
    expected = model.perplexity("la mer")
    pieces = len(model.processor.encode_as_pieces("la mer"))
    assert found == [pytest.approx(expected * 10 ** (1 / (pieces + 1)), rel=1e-5), pytest.approx(expected), None, None]
    # A region's own model goes before.
    (tmp_path / "pt-BR.arpa").write_text(model.arpa.read_text())
    options["languages"] = ["fr", "pt", "pt-BR"]
    found = measure(texts[:1], languages[:1], perplexity=options, language_model=None)["lower_perplexity"].to_list()
    assert found == [pytest.approx(expected)]


def test_mean_and_median_of_chunks(model: Model) -> None:
    chunks = ["la mer et la mer " * 6, "zzzz qqq " * 12, "les collines et la mer " * 5]
    chunks = [(chunk * 2)[:100] for chunk in chunks]
    text = "".join(chunks)
    options = {"perplexity": model.options, "size": 100, "language_model": None}
    [row] = measure([text], **options).rows(named=True)
    values = sorted(map(model.perplexity, chunks))
    assert row["mean_perplexity"] == pytest.approx(sum(values) / 3, rel=1e-5)
    assert row["median_perplexity"] == row["lower_perplexity"] == pytest.approx(values[1], rel=1e-5)
    limit = (values[1] + values[2]) / 2
    [row] = measure([text], **options, replace={"perplexity": [None, limit]}).rows(named=True)
    assert (row["bad_chunks"], row["bad_char_ratio"]) == (1, pytest.approx(1 / 3))
    assert "[...]" in row["edited"] and "zzzz qqq zzzz" not in row["edited"]


@given(st.text(max_size=40) | st.sampled_from(["Été «a» — …", "Ａ．b～c►d━e％", "İ ǅ ﬁ ½", "a\u0085b\u200b\tc"]))
@settings(max_examples=100, deadline=None)
def test_texts_are_normalized_as_datatrove_does(text: str) -> None:
    # It writes one 0 for each number (1,234.5) where CCNet does for each digit.
    text = "".join(char for char in text if unicodedata.category(char) != "Nd").replace("\n", " ")
    assert normalized(text) == KenlmModel("none", "none").normalize(text.strip())


def test_ccnet_takes_newlines_out_and_writes_a_zero_a_digit() -> None:
    assert normalized("1,234.5 １２ ٣") == "0,000.0 00 0"
    assert normalized(" Le 14 Juillet\n1789 : « Ça ira… »\x07\n") == 'le 00 juillet0000 : " ca ira... "'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replace": {"perplexity": [10, 1000]}}, "add `perplexity: {model"),
        ({"replace": {"tokens_per_character": [None, 0.3]}}, "add `tokenizer"),
        ({"replace": {"language": "fr"}, "language_model": None}, "add a `language_model`"),
        ({"replace": {}}, "it replaces nothing"),
        ({"cut": "smart", "size": 100}, "min_size 200 is above size 100"),
        ({"perplexity": {"model": "{language}.arpa", "sentencepiece": "a"}}, "list them"),
        (
            {"perplexity": {"model": "{language}.arpa", "sentencepiece": "a", "languages": ["fra"]}},
            "canonical code 'fr'",
        ),
        ({"perplexity": {"model": "a.arpa", "sentencepiece": "a", "languages": ["fr"]}}, "one for all languages"),
        ({"replace": {"language": [10, 1000]}}, "it is a name: write a set such as"),
        ({"replace": {"letter_ratio": "fr"}}, "it is a number: write a range such as"),
        ({"replace": {"language": "french"}}, "fr"),
        ({"replace": {"speed": [1, 2]}}, "speed"),
    ],
)
def test_options_that_can_not_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ChunksConfig.model_validate(options)


def test_options_are_written_as_a_recipe_has_them() -> None:
    config = ChunksConfig.model_validate({"replace": {"language": "fr", "language_score": [0.65, None]}})
    written = config.model_dump(mode="json", exclude_defaults=True)
    assert written == {"replace": {"language": ["fr"], "language_score": [0.65, None]}}
    assert ChunksConfig.model_validate(written) == config


def test_missing_packages_and_wrong_files_are_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    files = model.options
    for wrong, word in (("model", "KenLM can't read it"), ("sentencepiece", "SentencePiece can't read it")):
        with pytest.raises(InputError, match=word):
            measure(["a"], perplexity=files | {wrong: __file__}, language_model=None)
    for module in ("sentencepiece", "kenlm"):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(InputError, match=r"pip install 'tamis\[kenlm\]'"):
            measure(["a"], perplexity=files, language_model=None)
