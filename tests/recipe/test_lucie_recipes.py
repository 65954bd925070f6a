"""The recipes of the Lucie training set: the corpus has the cells of the mix, and runs on small files that are like the
real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from small_recipes import complaints

from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe, load_recipe_text
from tamis.recipe.model import Source
from tamis.recipe.schema import recipe_schema
from tamis.stages import STAGES

FOLDER = Path(__file__).parents[2] / "recipes" / "lucie"
CORPUS = FOLDER / "corpus.yaml"
# What the card of the published set has a section on, Europarl and its aligned texts in one.
SUB_CORPORA = {
    "AmendementsParlement": "amendements-parlement", "AmericanStories": "american-stories", "Claire": "claire-",
    "CroissantAligned": "croissant-aligned", "DiscoursPublics": "discours-publics", "Europarl": "europarl-",
    "Eurovoc": "eurovoc-", "FineWebEdu": "fineweb-edu-", "GallicaMonographies": "gallica-monographies",
    "GallicaPress": "gallica-press-", "Gutenberg": "gutenberg-", "HAL": "hal", "InterventionsParlement":
    "interventions-parlement", "LEGI": "legi", "MathPile": "mathpile-", "OpenData": "opendata-", "OpenEdition":
    "open-edition", "PeS2o": "pes2o", "Pile": "pile-", "QuestionsEcritesParlement": "questions-ecrites-parlement",
    "RedPajama": "redpajama-", "STAC": "stac", "TheStack": "the-stack-", "Theses": "theses",
    "Wikipedia": "wikipedia-", "Wikisource": "wikisource-fr", "Wiktionary": "wiktionary-fr",
    "YouTube": "youtube-fr",
}  # fmt: skip


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_they_load(file: Path) -> None:
    recipe = load_recipe(file, STAGES)
    for variant in recipe.variants:
        assert load_recipe(file, STAGES, variant=variant).variant == variant


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_schema_knows_them(file: Path) -> None:
    jsonschema.validate(YAML(typ="safe").load(file), recipe_schema(STAGES))


@pytest.fixture(scope="module")
def sources() -> tuple[Source, ...]:
    return load_recipe(CORPUS, STAGES).sources


def cell(source: Source) -> str:
    language = source.pairs.tag if source.pairs else source.language
    return f"{language}--{source.category}"


def test_the_cells_are_those_of_the_mix(sources: tuple[Source, ...]) -> None:
    weighted = set(load_recipe(FOLDER / "mix.yaml", STAGES).mix.epochs)
    assert {cell(source) for source in sources} == weighted
    assert len(weighted) == 38


def test_the_weights_are_those_of_the_mix() -> None:
    assert load_recipe(CORPUS, STAGES).mix.epochs == load_recipe(FOLDER / "mix.yaml", STAGES).mix.epochs


def test_every_sub_corpus_is_there(sources: tuple[Source, ...]) -> None:
    names = [source.name for source in sources]
    for prefix in SUB_CORPORA.values():
        assert any(name.startswith(prefix) for name in names), prefix
    assert [name for name in names if not name.startswith(tuple(SUB_CORPORA.values()))] == []
    snapshots = [name for name in names if name.startswith("redpajama-")]
    assert len([name for name in snapshots if "-fr-" in name]) == 84
    assert len(snapshots) == 84 + 3 * 10
    assert len([name for name in names if name.startswith("the-stack-")]) == 30


def test_every_source_says_where_it_comes_from(sources: tuple[Source, ...]) -> None:
    for source in sources:
        assert source.provider and source.title and source.url and source.url.startswith("https://"), source.name
        assert source.license_url or source.license == "LicenseRef-Unknown", source.name
        assert source.optional and all(path.startswith("${LUCIE:-lucie}/") for path in source.path), source.name


def test_epochs_of_another_recipe_are_taken(tmp_path: Path) -> None:
    (tmp_path / "weights.yaml").write_text("mix: {epochs: {fr--web: 2.5}}\n")
    text = 'name: a\nversion: "1"\nsources: [{name: a, path: a, license: MIT}]\nstages: [language]\n'
    text += "mix: {epochs: weights.yaml}\n"
    recipe = load_recipe_text(text, str(tmp_path / "r.yaml"), STAGES, ["mix.epochs.en--web=3"])
    assert recipe.mix.epochs == {"fr--web": 2.5, "en--web": 3}
    # What a release is made of doesn't name the other file.
    assert load_recipe_text(json.dumps(recipe.to_recipe()), "again.yaml", STAGES).mix == recipe.mix


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "5: mix.epochs: weights.yaml: no such recipe"),
        ("mix: {default: 2}\n", "5: mix.epochs: weights.yaml has no epochs to take"),
        ("stages: [\n", "5: mix.epochs: weights.yaml:2: not valid YAML"),
        ("mix: {epochs: {fr: 2}}\n", "5: 'fr' must be `language--category`"),
    ],
)
def test_a_recipe_without_epochs_is_told(
    content: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("weights.yaml").write_text(content)
    text = 'name: a\nversion: "1"\nsources: [{name: a, path: a, license: MIT}]\nstages: [language]\n'
    found = complaints(f"{text}mix: {{epochs: weights.yaml}}\n")
    assert found[0].startswith(told), found


_TEXT = """
le marché du village ouvre tôt chaque matin et les paysans y vendent des légumes de saison aux habitants qui
viennent de loin avec leurs paniers puis la place se vide quand midi sonne au clocher de l'église voisine
"""
WORDS = _TEXT.split()


def prose(number: int, words: int = 80) -> str:
    """French prose of its own for each number."""
    said = [WORDS[(number * 7 + at * (2 + number % 5)) % len(WORDS)] + (str(number) if at % 9 == 0 else "")
            for at in range(words)]  # fmt: skip
    return " ".join(f"{word}." if at % 12 == 11 else word for at, word in enumerate(said)) + "."


def page(words: int) -> str:
    """French in lines, each with a number."""
    return "\n".join(" ".join(WORDS[at % 7 :]) + f" {at}" for at in range(words // len(WORDS)))


def write(path: Path, rows: Iterable[dict[str, Any]] | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(rows, str):
        path.write_text(rows, encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def models(folder: Path) -> None:
    """For every language a model to which French words are likely and all else isn't, and a tokenizer."""
    pytest.importorskip("kenlm")
    sentencepiece = pytest.importorskip("sentencepiece")
    folder.mkdir()
    (folder / "corpus.txt").write_text("\n".join(" ".join(WORDS[at:] + WORDS[:at]) for at in range(len(WORDS))))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "any"),
        vocab_size=120,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "any.model"))
    pieces = [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]
    lines = ["-5\t<unk>", "-99\t<s>\t0", "-1.5\t</s>", *(f"-1.5\t{piece}\t0" for piece in pieces)]
    counts = f"ngram 1={len(lines)}\nngram 2=1\n"
    grams = "\n".join(["\\1-grams:", *lines, "", "\\2-grams:", f"-1.5\t<s> {pieces[0]}"])
    for language in ("fr", "en", "de", "es", "it"):
        (folder / f"{language}.arpa.bin").write_text(f"\\data\\\n{counts}\n{grams}\n\n\\end\\\n")
        (folder / f"{language}.sp.model").write_bytes((folder / "any.model").read_bytes())


def lists(folder: Path) -> None:
    write(folder / "ut1/adult/domains", "bad.example\n")
    write(folder / "ut1/press/domains", "news.example\n")
    for name, words in {"banned_words": "wicked", "soft_banned_words": "nasty", "banned_subwords": "vile"}.items():
        write(folder / f"{name}.txt", words + "\n")
    answers = [
        {"site": "open.example", "status": 200, "robots": "User-agent: *\nDisallow: /private/\n"},
        {"site": "closed.example", "status": 200, "robots": "User-agent: CCBot\nDisallow: /\n"},
        {"site": "fr.wikipedia.org", "status": 200, "robots": "User-agent: *\nAllow: /\n"},
        {"site": "bad.example", "status": 200, "robots": "User-agent: *\nAllow: /\n"},
    ]
    write(folder / "robots.jsonl", [{"date": "2024-07-01T00:00:00Z", **answer} for answer in answers])


def redpajama(name: str, text: str, url: str, **signals: Any) -> dict[str, Any]:
    """A row as the loading script of RedPajama-V2 gives it: its metadata and signals are JSON in strings."""
    good = {
        "ccnet_perplexity": 300, "ccnet_language_score": 0.9, "rps_doc_num_sentences": 5, "rps_doc_word_count": 200,
        "rps_doc_mean_word_length": 5.0, "rps_doc_ut1_blacklist": None,
    }  # fmt: skip
    quality: dict[str, Any] = {key: [[0, len(text), value]] for key, value in (good | signals).items()}
    quality["is_duplicate"] = False
    meta = {"url": url, "date_download": "2023-04-01T00:00:00Z", "language": "fr"}
    return {"doc_id": name, "raw_content": text, "meta": json.dumps(meta), "quality_signals": json.dumps(quality)}


def corpora(folder: Path) -> None:
    """Some of every kind of file, as the real ones are laid out and name their fields."""
    write(
        folder / "redpajama/2023-14/fr_head.jsonl",
        [
            redpajama("good", prose(0), "https://open.example/good"),
            redpajama("twin", prose(0) + " Fin.", "https://open.example/twin"),
            redpajama("mail", f"Écrire à jean.dupont@mairie-exemple.fr. {prose(1)}", "https://open.example/mail"),
            redpajama("wiki", prose(2), "https://fr.wikipedia.org/wiki/Tamis"),
            redpajama("bad", prose(3), "https://bad.example/"),
            redpajama("closed", prose(4), "https://closed.example/"),
            redpajama("unknown", prose(5), "https://other.example/"),
            redpajama("strange", prose(6), "https://open.example/strange", ccnet_perplexity=1001),
        ],
    )
    write(
        folder / "fineweb-edu/data/CC-MAIN-2021-04/a.parquet",
        [
            {"text": f"A lesson on {url}.", "id": name, "url": url, "date": "2021-01-02"}
            for name, url in {"good": "https://open.example/a", "arxiv": "https://arxiv.org/abs/1"}.items()
        ],
    )
    scan = {"title": "Le Tamis", "author": "None", "date": "1890", "ocr": 95}
    noise = "\n".join("ЖЩ ßØÞ ¤¬ ЦЮ ЪЫ" for _ in range(1400))
    write(
        folder / "gallica-press/html/a.parquet",
        [
            {**scan, "file_id": "good", "complete_text": f"L&rsquo;ouverture.\n{page(2500)}"},
            {**scan, "file_id": "noisy", "complete_text": f"{page(2500)}\n{noise}\n{page(2400)}", "ocr": 60},
        ],
    )
    write(folder / "hal/a.parquet", [{"text": page(200)}, {"text": noise[:3000]}])
    write(
        folder / "theses/a.parquet",
        [{"complete_text": f"HAL is a multi-disciplinary open access archive\n\f{page(9000)}"},
         {"complete_text": page(900)}],
    )  # fmt: skip
    parts = [
        "FreeLaw",
        "StackExchange",
        "USPTO Backgrounds",
        "PhilPapers",
        "NIH ExPorter",
        "DM Mathematics",
        "Ubuntu IRC",
    ]
    pile = {part: f"A text of {part}." for part in [*parts, "Books3"]}
    write(folder / "pile/train/00.jsonl", [{"text": t, "meta": {"pile_set_name": n}} for n, t in pile.items()])
    book = {"id": "1", "text": "Un roman.\n*** END OF THE PROJECT GUTENBERG EBOOK\nx", "title": "Roman", "author": "A"}
    rights = [(1900, "open"), (1950, "open"), (None, "open"), (1900, "copyright")]
    write(
        folder / "gutenberg/fr/a.parquet",
        [
            {**book, "id": str(at), "text": f"{at} {book['text']}", "authoryearofdeath": year, "usagerights": right}
            for at, (year, right) in enumerate(rights)
        ],
    )
    write(folder / "dila/LEGI.parquet", [{"text": "Article 1/nLa  loi.", "ID": "L1", "Date": "2020-01-01"}])
    write(folder / "europarl/europarl_fr_v10.txt", "Reprise de la session.\n\nVote.\n")
    write(folder / "europarl-aligned/fr-en.parquet", [{"text_1": "Phrase.", "text_2": "Sentence.", "lan_1": "fr"}])
    pair = "Le marché du village ouvre tôt chaque matin.  The village market opens early every morning."
    write(folder / "croissant-aligned/a.parquet", [{"text": pair}])
    answers = [{"Body": "With a mesh."}, {"Body": "Slowly."}]
    write(
        folder / "mathpile/train/stackexchange/a.jsonl", [{"question": {"Body": "How do I sift?"}, "answers": answers}]
    )
    write(folder / "claire/en/AMI/train.txt", "[speaker001:] Hello.\n\n[speaker002:] Bye.\n")
    code = {"hexsha": "a", "max_stars_repo_path": "a.tex"}
    write(
        folder / "the-stack/data/tex/a.parquet",
        [{**code, "content": "\\section{A}", "ext": "tex"}, {**code, "content": "\\bib", "ext": "bbl", "hexsha": "b"}],
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and ledger of the release."""
    folder = tmp_path_factory.mktemp("lucie")
    models(folder / "models")
    lists(folder / "lists")
    corpora(folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LUCIE", str(folder))
        recipe = load_recipe(CORPUS, STAGES, ["tokenize.tokenizer={train: {vocabulary_size: 512}}"])
        made = run(recipe, FOLDER, RunOptions(folder / "work", folder / "out", 1), Silent(), lambda *_: [])
    rows = pl.read_parquet(made.release / "data" / "**" / "*.parquet", missing_columns="insert")
    return rows, pl.read_parquet(made.release / "ledger" / "*.parquet", missing_columns="insert")


@pytest.mark.slow
def test_a_small_lucie(released: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows, ledger = released
    texts = dict(rows.select("id", "text").iter_rows())
    dropped = dict(ledger.drop_nulls("dropped_by").select("id", "dropped_by").iter_rows())
    web = "redpajama-fr-2023-14"
    twins = {name for name, reason in dropped.items() if reason == "near_duplicates.is_duplicate"}
    assert twins in ({f"{web}:twin"}, {f"{web}:good"})
    assert {name: reason for name, reason in dropped.items() if name not in twins and ":" in name} == {
        f"{web}:wiki": "urls.blocked",
        f"{web}:bad": "blocked.blocked",
        f"{web}:closed": "opt_out.allowed",
        f"{web}:unknown": "opt_out.allowed",
        f"{web}:strange": "source.ccnet_perplexity",
        "fineweb-edu-2021:arxiv": "urls.blocked",
        **{name: "pdf.lower_perplexity" for name in dropped if name.startswith("hal:")},
        **{name: "lines.characters" for name in dropped if name.startswith("theses:")},
    }
    assert "jean.dupont" not in texts[f"{web}:mail"]
    assert texts["gallica-press-html:good"].startswith("L’ouverture.\n")
    assert texts["gallica-press-html:noisy"].count("[...]") == 1
    [thesis] = [text for name, text in texts.items() if name.startswith("theses:")]
    assert "multi-disciplinary" not in thesis and thesis.startswith("le marché")
    [question] = [text for name, text in texts.items() if name.startswith("mathpile-")]
    assert question == "How do I sift?\n\nWith a mesh.\n\nSlowly."
    assert texts["legi:L1"] == "Article 1\nLa loi."
    assert texts["gutenberg-fr:0"] == "0 Un roman." and {"gutenberg-fr:1", "gutenberg-fr:3"}.isdisjoint(texts)
    assert texts["the-stack-tex:a"] == "\\section{A}" and "the-stack-tex:b" not in texts


@pytest.mark.slow
def test_its_cells_have_their_epochs(released: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows, _ = released
    sources = rows.group_by("source").agg(pl.len(), pl.col("copies").min(), most=pl.col("copies").max()).sort("source")
    found = {name: (count, few, most) for name, count, few, most in sources.iter_rows()}
    assert found.pop("fineweb-edu-2021")[1] in (1, 2)
    # Technical texts and forums in English: 2.5 times.
    for part in ("stackexchange", "uspto", "philpapers", "nih-exporter", "ubuntu-irc"):
        assert found.pop(f"pile-{part}")[1] in (2, 3)
    assert found == {
        "redpajama-fr-2023-14": (2, 1, 1),
        "gallica-press-html": (2, 1, 1),
        "hal": (1, 2, 2),
        "theses": (1, 2, 2),
        "pile-freelaw": (1, 1, 1),
        "pile-dm-mathematics": (1, 3, 3),
        "gutenberg-fr": (2, 2, 2),
        "legi": (1, 2, 2),
        "europarl-fr": (2, 2, 2),
        "europarl-aligned-fr-en": (1, 3, 3),
        "claire-en": (2, 2, 2),
        "croissant-aligned": (1, 3, 3),
        "mathpile-stackexchange": (1, 3, 3),
        "the-stack-tex": (1, 2, 2),
    }


def test_better_scans_are_a_variant() -> None:
    by_name = {source.name: source for source in load_recipe(CORPUS, STAGES, variant="better-scans").sources}
    assert by_name["gallica-press-html"].where["ocr"].min == 90 == by_name["gallica-monographies"].where["ocr"].min
    assert "gallica-press-txt" not in by_name
