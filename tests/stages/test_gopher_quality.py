"""The gopher_quality stage: its columns, its languages, and what its default rules keep."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tamis.corpus.conditions import Condition
from tamis.corpus.stop_words import STOP_WORDS, UNSPACED_LANGUAGES
from tamis.kernels.words import word_hash
from tamis.stages.gopher_quality import STAGE, GopherQualityConfig

PROSE = {
    "de": (
        "Am Abend ging die alte Müllerin noch einmal durch das Haus und löschte die Lampen, weil sie "
        "wusste, dass ihr Sohn nicht mehr kommen würde. Auf dem Tisch stand das Brot, das sie am Morgen "
        "gebacken hatte, und der Hund lag vor dem Ofen. Draußen fiel der Schnee so dicht, dass man den "
        "Weg zum Dorf nicht sah."
    ),
    "en": (
        "In the evening the old miller walked through the house once more and put out the lamps, for she "
        "knew that her son would not come any more. On the table lay the bread that she had baked in the "
        "morning, and the dog slept by the stove. Outside the snow fell so thick that the road to the "
        "village was gone."
    ),
    "es": (
        "Por la tarde la vieja molinera recorrió otra vez la casa y apagó las lámparas, porque sabía que "
        "su hijo ya no vendría. Sobre la mesa estaba el pan que había hecho por la mañana, y el perro "
        "dormía junto a la estufa. Fuera la nieve caía tan espesa que no se veía el camino que llevaba "
        "hasta el pueblo."
    ),
    "fr": (
        "Le soir, la vieille meunière parcourut encore une fois la maison et éteignit les lampes, car "
        "elle savait que son fils ne viendrait plus. Sur la table était posé le pain qu'elle avait cuit "
        "le matin, et le chien dormait devant le poêle. Dehors la neige tombait si dru qu'on ne voyait "
        "plus le chemin du village."
    ),
    "it": (
        "La sera la vecchia mugnaia attraversò ancora una volta la casa e spense le lampade, perché "
        "sapeva che suo figlio non sarebbe più venuto. Sul tavolo c'era il pane che aveva cotto la "
        "mattina, e il cane dormiva davanti alla stufa. Fuori la neve cadeva così fitta che non si vedeva "
        "la strada per il paese."
    ),
    "nl": (
        "In de avond liep de oude molenares nog een keer door het huis en doofde de lampen, want zij wist "
        "dat haar zoon niet meer zou komen. Op de tafel lag het brood dat zij in de ochtend had gebakken, "
        "en de hond sliep voor de kachel. Buiten viel de sneeuw zo dicht dat men de weg naar het dorp "
        "niet meer zag."
    ),
    "pt": (
        "À noite a velha moleira percorreu mais uma vez a casa e apagou as lâmpadas, porque sabia que o "
        "seu filho já não viria. Sobre a mesa estava o pão que ela tinha feito pela manhã, e o cão dormia "
        "ao pé do fogão. Lá fora a neve caía tão espessa que não se via o caminho que levava até à "
        "aldeia."
    ),
}
PYTHON = "\n".join(
    f"def read_{name}(path, limit={i}):\n    # Reads one {name}.\n"
    f"    values = [line.strip() for line in path]\n"
    f"    return values[: limit + {i}] if values else None\n"
    for i, name in enumerate(["header", "table", "footer", "index", "title"])
)


def measure(texts: list[str], languages: list[str | None], config: GopherQualityConfig | None = None) -> pl.DataFrame:
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": pa.array(languages, pa.string())})
    assert STAGE.prepare is not None
    out = STAGE.prepare(config or GopherQualityConfig(), {})(batch)
    assert out.schema.names == [column.name for column in STAGE.adds]
    assert out.schema.types == [column.type for column in STAGE.adds]
    return pl.DataFrame(out)


def failed(text: str, language: str | None) -> set[str]:
    """Signals whose default rule the text fails."""
    signals = measure([text], [language])
    names = set()
    for column in STAGE.adds:
        rule = column.default_by.get("language", {}).get(language or "", column.default)
        if rule is not None and not signals.select(rule.passes(column.name)).item():
            names.add(column.name)
    return names


@pytest.mark.parametrize("language", sorted(PROSE))
def test_prose_passes_the_default_rules(language: str) -> None:
    assert failed(PROSE[language], language) == set()
    assert failed(PROSE[language], None) == set()
    assert measure([PROSE[language]], [language])["stop_words"].item() > 10


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Trop court, ce texte, pour rester.", "fr", {"words"}),
        ("parole de la fin " * 25_001, "fr", {"words"}),
        ("à la de un y a " * 20, "fr", {"mean_word_length"}),
        ("pneumonoultramicroscopical of the " * 30, "en", {"mean_word_length"}),
        ("the words of #spam #tags " * 20, "en", {"symbol_word_ratio"}),
        ("These words of the story continue...\n" * 10, "en", {"symbol_word_ratio", "ellipsis_line_ratio"}),
        ("- the words of a list\n" * 20, "en", {"bullet_line_ratio"}),
        ("the sum of 2024 and 1999 = 4023 now\n" * 20, "en", {"alpha_word_ratio"}),
        ("Sofa rouge livraison gratuite promotion canapé " * 10, "fr", {"stop_words"}),
        ("Sofa rouge livraison gratuite promotion canapé " * 10, None, set()),
        (PYTHON, "code", set()),
        ("東京は日本の首都であり、世界でも大きな都市の一つである。" * 3, "ja", set()),
        ("東京は日本の首都であり、世界でも大きな都市の一つである。" * 3, None, {"mean_word_length"}),
    ],
)
def test_default_rules_name_what_is_wrong(text: str, language: str | None, expected: set[str]) -> None:
    assert failed(text, language) == expected


def test_values() -> None:
    row = measure(["The end of it.\n• #1 …\n"], ["en"]).row(0, named=True)
    assert row == {
        "words": 5,
        "lines": 2,
        "mean_word_length": pytest.approx(11 / 5),
        "symbol_word_ratio": pytest.approx(1 / 5),
        "bullet_line_ratio": 0.5,
        "ellipsis_line_ratio": 0.5,
        "alpha_word_ratio": pytest.approx(4 / 7),
        "stop_words": 3,
    }


def test_the_list_is_the_languages_own() -> None:
    text = "the of and le la et"
    languages = ["en", "fr", "fr-CA", "FR", "code", "sv", None, ""]
    assert measure([text] * 8, languages)["stop_words"].to_list() == [3, 3, 3, 3, None, None, None, None]


def test_added_stop_words_count() -> None:
    config = GopherQualityConfig(stop_words={"fr": ("THE", "le"), "sv": ("och", "att")})
    texts, languages = ["the le och", "och att och", "och"], ["fr", "sv", "da"]
    assert measure(texts, languages, config)["stop_words"].to_list() == [2, 2, None]


@pytest.mark.parametrize("lists", [{"fr": ("qu'il",)}, {"fr": ("",)}, {"french": ("le",)}, {"FR": ("le",)}])
def test_bad_stop_words_are_refused(lists: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValidationError):
        GopherQualityConfig(stop_words=lists)


def test_built_in_lists() -> None:
    assert sorted(STOP_WORDS) == ["de", "en", "es", "fr", "it", "nl", "pt"]
    assert {"the", "be", "to", "of", "and", "that", "have", "with"} <= STOP_WORDS["en"]
    for words in STOP_WORDS.values():
        assert 50 <= len(words) <= 70
        assert all(word == word.lower() and not (len(word) == 1 and word.isascii()) for word in words)
        assert len({word_hash(word) for word in words}) == len(words)


def test_batches_split_and_slice() -> None:
    texts = [PROSE["fr"], "", "  \n\n ", "🎉" * 500, "x" * 300_000, PYTHON]
    languages = ["fr", None, "fr", "en", "de", "code"]
    whole = measure(texts, languages)
    assert whole.equals(pl.concat([measure(texts[:2], languages[:2]), measure(texts[2:], languages[2:])]))
    assert whole["words"].to_list()[1:5] == [0, 0, 0, 1]
    assert whole.row(1, named=True)["mean_word_length"] == 0
    assert measure([], []).height == 0

    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": pa.array(languages)})
    assert STAGE.prepare is not None
    run = STAGE.prepare(GopherQualityConfig(), {})
    assert run(batch.slice(2, 3)).equals(run(batch).slice(2, 3))


def test_every_threshold_has_a_source() -> None:
    for column in STAGE.adds:
        assert (column.default is None) == (column.citation == "")
    assert STAGE.signals["words"].default == Condition(min=50, max=100_000)
    assert set(UNSPACED_LANGUAGES) <= set(STAGE.signals["mean_word_length"].default_by["language"])
