"""Every fragment of docs/lucie.md runs on small data and does what its step must do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

PAGE = Path(__file__).parents[1] / "docs/lucie.md"
_STEP = re.compile(r"^### (.+?)$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_FRAGMENT = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOURCE = {"name": "texts", "path": "texts.jsonl", "columns": {"text": "text", "id": "id"}, "license": "MIT"}
STAGES_OF_NONE = {"stages": [{"gopher_quality": {"keep": {}}}]}
_TEXT = """
le marché du village ouvre tôt chaque matin et les paysans y vendent des légumes de saison aux habitants qui
viennent de loin avec leurs paniers puis la place se vide quand midi sonne au clocher de l'église voisine
"""
WORDS = _TEXT.split()


def steps() -> dict[str, str]:
    """The fragment of each step, by the step's title."""
    found = {}
    for title, body in _STEP.findall(PAGE.read_text(encoding="utf-8")):
        fragments = _FRAGMENT.findall(body)
        assert len(fragments) == 1, f"{title}: a step has one fragment"
        found[title] = fragments[0]
    return found


@dataclass(frozen=True)
class Made:
    """What became of documents, by their ids without the source's name where that tells them apart."""

    texts: dict[str, str]
    dropped: dict[str, str]
    """First rule that dropped it."""
    rows: pl.DataFrame
    """The released rows."""
    rejects: dict[str, int]
    """Rows that were left out as they were read, by source: rejected or filtered."""


class Place:
    """A folder of input files, in which a fragment runs."""

    def __init__(self, folder: Path, fragment: str) -> None:
        self.folder, self.fragment = folder, fragment

    def write(self, name: str, content: str | list[dict[str, Any]]) -> None:
        """A text, or rows of a JSONL or Parquet file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(content), path)
        else:
            path.write_text("\n".join(json.dumps(row) for row in content), encoding="utf-8")

    def run(self, **source: Any) -> Made:
        """The release that the fragment makes; of one source with these fields, if it names none."""
        text = self.fragment
        data = YAML(typ="safe").load("stages:\n" + text if text.lstrip().startswith("- ") else text)
        whole = {"name": "lucie", "version": "1", "sources": [SOURCE | source], **STAGES_OF_NONE, **data}
        recipe = load_recipe_text(json.dumps(whole), "lucie.yaml", STAGES)
        options = RunOptions(self.folder / "work", self.folder / "out", 1)
        made = run(recipe, self.folder, options, Silent(), lambda *_: [])
        ledger = pl.read_parquet(made.release / "ledger" / "*.parquet", missing_columns="insert")
        rows = pl.read_parquet(made.release / "data" / "**" / "*.parquet", missing_columns="insert")
        dropped = ledger.filter(pl.col("dropped_by").is_not_null())
        return Made(
            texts=dict(rows.select("id", "text").iter_rows()),
            dropped=dict(dropped.select("id", "dropped_by").iter_rows()),
            rows=rows,
            rejects={source.name: source.read - source.documents for source in made.manifest.sources},
        )


def prose(number: int, words: int = 80) -> str:
    """French prose of its own for each number: of sentences, without repetition worth a rule."""
    said = [WORDS[(number * 7 + at * (2 + number % 5)) % len(WORDS)] + (str(number) if at % 9 == 0 else "")
            for at in range(words)]  # fmt: skip
    return " ".join(f"{word}." if at % 12 == 11 else word for at, word in enumerate(said)) + "."


def redpajama(place: Place) -> None:
    good = {
        "ccnet_perplexity": 300, "ccnet_language_score": 0.9, "rps_doc_num_sentences": 5, "rps_doc_word_count": 200,
        "rps_doc_mean_word_length": 5.0, "rps_doc_ut1_blacklist": None,
    }  # fmt: skip
    bad = {
        "ccnet_perplexity": 1001, "ccnet_language_score": 0.64, "rps_doc_num_sentences": 2,
        "rps_doc_curly_bracket": 0.01, "rps_doc_lorem_ipsum": 0.1, "rps_doc_ldnoobw_words": 1, "rps_doc_word_count": 49,
        "rps_doc_mean_word_length": 10.1,
        "rps_doc_symbol_to_word_ratio": 0.11, "rps_doc_frac_lines_end_with_ellipsis": 0.31,
        "rps_doc_frac_no_alph_words": 0.31, "rps_doc_frac_chars_top_2gram": 0.21, "rps_doc_frac_chars_top_3gram": 0.19,
        "rps_doc_frac_chars_top_4gram": 0.17, "rps_doc_frac_chars_dupe_5grams": 0.16,
        "rps_doc_frac_chars_dupe_6grams": 0.15, "rps_doc_frac_chars_dupe_7grams": 0.14,
        "rps_doc_frac_chars_dupe_8grams": 0.13, "rps_doc_frac_chars_dupe_9grams": 0.12,
        "rps_doc_frac_chars_dupe_10grams": 0.11, "rps_doc_ut1_blacklist": 4,
    }  # fmt: skip

    def row(
        name: str, text: str, lines: tuple[float, ...] = (1, 0), twin: bool = False, **signals: Any
    ) -> dict[str, Any]:
        quality: dict[str, Any] = {key: [[0, len(text), value]] for key, value in (good | signals).items()}
        quality["rps_lines_start_with_bulletpoint"] = [[0, 1, value] for value in lines]
        meta = json.dumps({"url": f"https://exemple.fr/{name}"})
        written = json.dumps({**quality, "is_duplicate": twin})
        return {"doc_id": name, "raw_content": text, "meta": meta, "quality_signals": written}

    address = "Écrire à jean.dupont@mairie-exemple.fr ou au serveur 81.2.69.142. "
    rows = [row("good", prose(0)), row("mail", address + prose(1)), row("twin", prose(0) + " Fin.")]
    rows += [row(f"bad-{name}", prose(at), **{name: value}) for at, (name, value) in enumerate(bad.items(), 2)]
    rows += [row("bullets", prose(40), lines=(1,) * 11), row("marked", prose(41), twin=True)]
    place.write("redpajama/2023-06/fr_head.jsonl", rows)
    place.write("redpajama/2023-14/fr_middle.jsonl", [row("again", prose(0))])
    made = place.run()
    source = "redpajama-fr-2023-06"
    assert {name for name, reason in made.dropped.items() if reason == "near_duplicates.is_duplicate"} in (
        {f"{source}:twin"},
        {f"{source}:good"},
    )
    expected = {f"{source}:bad-{name}": f"source.{name}" for name in bad}
    expected |= {
        f"{source}:bullets": "source.rps_lines_start_with_bulletpoint",
        f"{source}:marked": "source.is_duplicate",
    }
    assert {name: made.dropped.get(name) for name in expected} == expected
    # The same text in another snapshot stays.
    assert "redpajama-fr-2023-14:again" in made.texts and len(made.texts) == 3
    mail = made.texts[f"{source}:mail"]
    assert "jean.dupont" not in mail and "81.2.69.142" not in mail and "example." in mail
    assert set(made.rows["url"]) >= {"https://exemple.fr/mail", "https://exemple.fr/again"}


def fineweb_edu(place: Place) -> None:
    for dump in ("CC-MAIN-2018-51", "CC-MAIN-2019-04", "CC-MAIN-2024-10"):
        place.write(f"fineweb-edu/{dump}/a.parquet", [{"text": f"Text of {dump}.", "id": dump, "url": "https://a.org"}])
    made = place.run()
    assert set(made.texts) == {"fineweb-edu-2019:CC-MAIN-2019-04", "fineweb-edu-2024:CC-MAIN-2024-10"}


def perplexity(place: Place) -> None:
    # Mean 1000 and median 900; mean 900 and median 1000; neither; none.
    lists = {"median": [800, 900, 1300], "mean": [500, 1000, 1050], "neither": [931, 940], "none": [], "null": None}
    for corpus in ("hal", "american-stories", "eurovoc-de"):
        rows = [{"id": name, "text": f"{corpus} {name}", "ccnet_perplexity": scores} for name, scores in lists.items()]
        rows += [{"id": "noise", "text": f"noise of {corpus}", "ccnet_perplexity": [2000]}]
        rows += [{"id": "waste", "text": f"waste of {corpus}", "ccnet_perplexity": [2400]}]
        place.write(f"ocr/{corpus}/a.jsonl", rows)
    made = place.run()
    assert set(made.texts) == {
        *("hal:median", "hal:mean"),
        *(f"eurovoc-de:{name}" for name in ("median", "mean", "neither")),
        *(f"american-stories:{name}" for name in ("median", "mean", "neither", "noise")),
    }
    assert set(made.dropped.values()) == {"source.perplexity"}


def gallica_ocr(place: Place) -> None:
    scores = {"sharp": 97.5, "bound": 90, "blurred": 89.9, "unknown": None}
    place.write("gallica/a.jsonl", [{"id": n, "complete_text": f"Texte {n}.", "ocr": s} for n, s in scores.items()])
    made = place.run()
    assert set(made.texts) == {"gallica-monographies:sharp", "gallica-monographies:bound"}
    assert made.rejects == {"gallica-monographies": 2}


def gutenberg(place: Place) -> None:
    for lang, last in (("fr", 1944), ("de", 1954)):
        rows = [
            {"id": "old", "death_year": last, "rights": "Public domain in the USA."},
            {"id": "new", "death_year": last + 1, "rights": "Public domain in the USA."},
            {"id": "unknown", "death_year": None, "rights": "Public domain in the USA."},
            {"id": "kept back", "death_year": 1900, "rights": "Copyrighted. Read the notice inside this book."},
        ]
        place.write(f"gutenberg/{lang}.jsonl", [{**row, "text": f"{lang} {row['id']}"} for row in rows])
    made = place.run()
    assert set(made.texts) == {f"gutenberg-{lang}:{name}" for lang in ("fr", "de") for name in ("old", "unknown")}


def europarl(place: Place) -> None:
    place.write("europarl/europarl_fr_v10.txt", "Reprise de la session.\nSuite.\n\nVote.\n\n\nDébat.\n")
    made = place.run()
    assert sorted(made.texts.values()) == ["Débat.", "Reprise de la session.\nSuite.", "Vote."]


def aligned(place: Place) -> None:
    rows = [{"id": str(n), "text_1": f"Phrase {n}.", "text_2": f"Sentence {n}."} for n in range(400)]
    place.write("europarl/fr-en.jsonl", rows)
    made = place.run()
    assert set(made.rows["language"]) == {"fr-en"} and set(made.rows["copies"]) == {3}
    texts = list(made.texts.values())
    assert all("Phrase" in text and "Sentence" in text for text in texts)
    bare = [text for text in texts if re.fullmatch(r"Phrase \d+\.(\s+)Sentence \d+\.", text)]
    assert 160 < len(bare) < 240
    assert {re.findall(r"\.(\s+)", text)[0] for text in bare} == {
        " ", "   ", "    ", "     ", "\t", "\t\t", "\n", "\n\n"
    }  # fmt: skip
    turned = [text for text in texts if text.index("Sentence") < text.index("Phrase")]
    assert 60 < len(turned) < 140
    for mark in ("[", "(", "{", "<", "français", "English", "Anglais", "french", "[fr"):
        assert any(mark in text for text in texts), mark
    # A second run draws the same.
    assert place.run().texts == made.texts


def aligned_in_one_field(place: Place) -> None:
    french = "La séance est ouverte. Nous passons au vote sur le budget de l'année prochaine."
    english = "The sitting is open. We shall now vote on the budget of the coming year."
    rows = [
        {"id": "1", "text": f"{french} {english}"},
        {"id": "2", "text": f"{english}\n{french}"},
        {"id": "3", "text": "Only one of them."},
    ]
    place.write("croissant-aligned/a.jsonl", rows)
    made = place.run()
    assert set(made.rows["language"]) == {"fr-en"}
    for text in made.texts.values():
        assert french in text and english in text and len(text) < len(french) + len(english) + 40
    assert len(made.texts) == 2 and made.rejects == {"croissant-aligned": 1}


def questions(place: Place) -> None:
    rows = [
        {"id": "1", "question": {"Body": "Is 2 prime?"}, "answers": [{"Body": "Yes."}, {"Body": "The only even one."}]},
        {"id": "2", "question": {"Body": "Is 4?"}, "answers": []},
    ]
    place.write("mathpile/stackexchange/a.jsonl", rows)
    made = place.run()
    assert sorted(made.texts.values()) == ["Is 2 prime?\n\nYes.\n\nThe only even one.", "Is 4?"]


def claire(place: Place) -> None:
    named = {"AMI", "ICSI", "Charlotte", "Switchboard", "DialogStudio-a", "DialogStudio-b"}
    for corpus in (*named, "FRAMES", "CaSiNo"):
        place.write(
            f"claire/en/{corpus}/train.txt", f"[speaker001:] Hello from {corpus}.\n\n[speaker002:] Bye, {corpus}.\n"
        )
    made = place.run()
    told = {re.findall(r"[A-Z]\w+(?:-[ab])?(?=\.\Z)", text)[0] for text in made.texts.values()}
    assert told == named and len(made.texts) == 12


def youtube(place: Place) -> None:
    good = {"language": "fr", "punctuated": True, "asr_agrees": True}
    rows = [
        {"id": "good", **good},
        {"id": "english", **good, "language": "en"},
        {"id": "bare", **good, "punctuated": False},
        {"id": "wrong", **good, "asr_agrees": False},
    ]
    place.write("youtube/a.jsonl", [{**row, "text": f"Sous-titres {row['id']}.", "title": "t"} for row in rows])
    made = place.run()
    assert set(made.texts) == {"youtube-fr:good"}
    reasons = {"english": "source.language", "bare": "source.punctuated", "wrong": "source.recognised"}
    assert made.dropped == {f"youtube-fr:{name}": reason for name, reason in reasons.items()}


def pile(place: Place) -> None:
    texts = {"FreeLaw": "The court affirms the judgment of the lower court.", "Books3": "A book that was left out.",
             "DM Mathematics": "What is 3 plus 4?\n7"}  # fmt: skip
    rows = [{"text": text, "meta": {"pile_set_name": part}} for part, text in texts.items()]
    philosophy = {
        "fr": "La philosophie est une manière de vivre, et non seulement une théorie de la connaissance humaine.",
        "ru": "Философия есть образ жизни, а не только теория человеческого познания и его пределов.",
    }
    rows += [{"text": text, "meta": {"pile_set_name": "PhilPapers"}} for text in philosophy.values()]
    place.write("pile/a.jsonl", rows)
    made = place.run()
    assert set(made.texts.values()) == {texts["FreeLaw"], texts["DM Mathematics"], philosophy["fr"]}
    assert set(made.dropped.values()) == {"language.label"}


def the_stack(place: Place) -> None:
    for folder, path, text in (
        ("rust", "src/main.rs", "// SPDX-License-Identifier: MIT\nfn main() {}\n"),
        ("c++", "a/b.h", "namespace a {\n}\n"),
    ):
        place.write(
            f"the-stack/data/{folder}/a.jsonl", [{"hexsha": folder, "content": text, "max_stars_repo_path": path}]
        )
    place.write(
        "the-stack/data/tex/a.jsonl",
        [
            {"hexsha": ext, "content": f"% {ext}", "max_stars_repo_path": f"a.{ext}", "ext": ext}
            for ext in ("tex", "sty")
        ],
    )
    made = place.run()
    assert set(made.texts) == {"the-stack-rust:rust", "the-stack-cpp:c++", "the-stack-tex:tex"}
    assert set(made.rows["language"]) == {"code"}
    ledger = pl.read_parquet(place.folder / "out/lucie-1/ledger/*.parquet", missing_columns="insert")
    told = {row["id"]: (row["code.language"], row["code.license"]) for row in ledger.iter_rows(named=True)}
    assert told == {
        "the-stack-rust:rust": ("rust", "MIT"),
        "the-stack-cpp:c++": ("c++", None),
        "the-stack-tex:tex": ("tex", None),
    }


def columns(place: Place) -> None:
    meta = {"title": "Titre", "author": "Autrice", "date": "2019", "url": "https://a.fr/1", "pages": 12}
    place.write("openedition/a.jsonl", [{"doc_id": "1", "content": "Un texte.", "meta": meta}])
    made = place.run()
    [row] = made.rows.iter_rows(named=True)
    assert {name: row[name] for name in ("id", "source", "language", "title", "author", "date", "url", "text")} == {
        "id": "open-edition:1", "source": "open-edition", "language": "fr", "text": "Un texte.",
        **{name: meta[name] for name in ("title", "author", "date", "url")},
    }  # fmt: skip


def addressed(place: Place, languages: dict[str, str], **files: str) -> Made:
    """Documents at these addresses (id -> address), each in the language that its id ends in."""
    rows = [{"id": name, "text": f"Text {name}.", "url": url, "lang": name[-2:]} for name, url in languages.items()]
    place.write("texts.jsonl", rows)
    for name, content in files.items():
        place.write(f"lists/{name}", content)
    return place.run(columns={"text": "text", "id": "id", "url": "url", "language": "lang"})


def known_addresses(place: Place) -> None:
    made = addressed(
        place,
        {
            "encyclopedia-fr": "https://fr.wikipedia.org/wiki/Tamis",
            "thesis-fr": "https://www.theses.fr/123",
            "english-fr": "https://en.wikipedia.org/wiki/Sieve",
            "paper-en": "https://arxiv.org/abs/1",
            "parliament-de": "https://www.europarl.europa.eu/x",
            "parliament-fr": "https://www.europarl.europa.eu/x",
            "page-it": "https://example.it/",
        },
    )
    assert set(made.texts) == {"texts:english-fr", "texts:parliament-fr", "texts:page-it"}
    assert set(made.dropped.values()) == {"urls.blocked"}


def blocked_addresses(place: Place) -> None:
    place.write("lists/ut1/adult/domains", "bad.example\n")
    place.write("lists/ut1/adult/urls", "half.example/bad\n")
    place.write("lists/ut1/press/domains", "news.example\n")
    addresses = {
        "domain-en": "https://www.bad.example/a",
        "part-en": "https://half.example/bad/1",
        "other-en": "https://half.example/good",
        "press-en": "https://news.example/",
        "word-en": "https://a.example/wicked-page",
        "soft-en": "https://a.example/nasty-page",
        "softs-en": "https://a.example/nasty-rude-page",
        "inside-en": "https://my-vi-le.example/",
    }
    words = {"banned_words.txt": "wicked\n", "soft_banned_words.txt": "nasty\nrude\n", "banned_subwords.txt": "vile\n"}
    made = addressed(place, addresses, **words)
    assert set(made.texts) == {"texts:other-en", "texts:press-en", "texts:soft-en"}


def allowed_list(place: Place) -> None:
    addresses = {
        "listed-en": "https://www.good.example/a",
        "other-en": "https://new.example/",
        "case-en": "HTTPS://WWW.Good.example/",
    }
    made = addressed(place, addresses, **{"valid_domains.json": json.dumps(["www.good.example"])})
    assert set(made.texts) == {"texts:listed-en", "texts:case-en"}


def allowed_by_answer(place: Place) -> None:
    answers: dict[str, dict[str, Any]] = {
        "open.example": {"status": 200, "robots": "User-agent: *\nDisallow: /private/\n"},
        "closed.example": {"status": 200, "robots": "User-agent: CCBot\nDisallow: /\n"},
        "bare.example": {"status": 404},
        "odd.example": {"status": 200, "robots": "<!DOCTYPE html><html><body>Hello</body></html>"},
    }
    snapshot = "\n".join(
        json.dumps({"site": site, "date": "2024-07-01T00:00:00Z", **row}) for site, row in answers.items()
    )
    addresses = {f"{site}-en": f"https://{site}/page" for site in (*answers, "unknown.example")}
    addresses["private-en"] = "https://open.example/private/1"
    made = addressed(place, addresses, **{"robots-2024-07.jsonl": snapshot})
    assert set(made.texts) == {"texts:open.example-en"}
    assert set(made.dropped.values()) == {"opt_out.allowed"}


def language_model(place: Place) -> None:
    """A model to which French words are likely and all else isn't: perplexities around 30, and far above 2,000."""
    pytest.importorskip("kenlm")
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = place.folder / "models"
    folder.mkdir()
    (folder / "corpus.txt").write_text("\n".join(" ".join(WORDS[at:] + WORDS[:at]) for at in range(len(WORDS))))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "fr"),
        vocab_size=120,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "fr.model").rename(folder / "fr.sp.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "fr.sp.model"))
    pieces = [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]
    lines = ["-5\t<unk>", "-99\t<s>\t0", "-1.5\t</s>", *(f"-1.5\t{piece}\t0" for piece in pieces)]
    counts = f"ngram 1={len(lines)}\nngram 2=1\n"
    grams = "\n".join(["\\1-grams:", *lines, "", "\\2-grams:", f"-1.5\t<s> {pieces[0]}"])
    # KenLM tells the format by the content, not by the name.
    (folder / "fr.arpa.bin").write_text(f"\\data\\\n{counts}\n{grams}\n\n\\end\\\n")


def page(words: int = 2500) -> str:
    """More than a chunk of French, in lines."""
    return "\n".join(" ".join(WORDS[at % 7 :]) for at in range(words // len(WORDS)))


def gallica(place: Place) -> None:
    language_model(place)
    noise = "\n".join("ЖЩ ßØÞ ¤¬ ЦЮ ЪЫ" for _ in range(1400))
    german = "\n".join("Der Markt im Dorf öffnet früh und die Bauern verkaufen dort ihr Gemüse." for _ in range(300))
    texts = {"good": f"L&rsquo;ouverture.\n{page()}", "noisy": f"{page()}\n{noise}\n{page()}", "german": german}
    place.write("press/a.jsonl", [{"id": name, "complete_text": text} for name, text in texts.items()])
    made = place.run()
    assert (
        made.texts["gallica-press:good"].startswith("L’ouverture.\n")
        and "[...]" not in made.texts["gallica-press:good"]
    )
    noisy = made.texts["gallica-press:noisy"]
    assert "\n\n[...]\n\n" in noisy and noisy.count("[...]") == 1 and noisy.count("Ж") < 0.6 * noise.count("Ж")
    # Whole lines stay.
    assert set(noisy.split("\n")) <= {"", "[...]", *texts["noisy"].split("\n")}
    assert made.texts.get("gallica-press:german", "[...]").strip() in ("", "[...]")


def theses(place: Place) -> None:
    language_model(place)
    lines = [f"{line} {number}" for number, line in enumerate(page(9000).split("\n"))]
    cover = "HAL Id: tel-1\nHAL is a multi-disciplinary open access archive\nfor documents\f"
    pages = ["\n".join([*lines[at : at + 20], "Université de la Ville"]) for at in range(0, len(lines), 20)]
    table = "\n".join(f"{number} {number}" for number in range(250))
    texts = {
        "whole": cover + "\n\f".join([*pages[:5], table, *pages[5:]]),
        "short": page(900),
        "few": "mot " * 900 + "x" * 9000,
    }
    place.write("theses/a.jsonl", [{"id": name, "text": text} for name, text in texts.items()])
    made = place.run()
    assert set(made.texts) == {"theses:whole"}
    text = made.texts["theses:whole"]
    assert "HAL Id" not in text and "multi-disciplinary" not in text and "Université de la Ville" not in text
    assert "249 249" not in text and all(line in text for line in lines)
    assert made.dropped == {"theses:short": "lines.characters", "theses:few": "gopher_quality.words"}


def eurovoc(place: Place) -> None:
    place.write(
        "eurovoc/en/a.jsonl", [{"id": "1", "text": "The Commission(cid:146)s (cid:147)report(cid:148) (cid:999)"}]
    )
    assert place.run().texts == {"eurovoc-en:1": "The Commission’s “report” (cid:999)"}


def wikipedia(place: Place) -> None:
    markup = "'''Le tamis''' est un [[outil]].<ref>x</ref>\n\n== Histoire ==\n* Rome\n** Gaule\n\nx<sup>2</sup>"
    place.write(
        "wikipedia/fr/a.jsonl",
        [{"id": "1", "wikitext": markup, "title": "Tamis", "url": "https://fr.wikipedia.org/wiki/Tamis"}],
    )
    [text] = place.run().texts.values()
    assert text == "**Le tamis** est un outil.\n\n## Histoire\n\n- Rome\n  - Gaule\n\nx$^{2}$"


def wikisource(place: Place) -> None:
    rows = [{"id": "1", "text": "Page.", "title": "La Peste", "url": "//fr.wikisource.org/wiki/La Peste"}]
    place.write("wikisource/fr/a.jsonl", rows)
    made = place.run()
    assert made.rows.select("url", "title").rows() == [("https://fr.wikisource.org/wiki/La_Peste", "La Peste")]


def gutenberg_tail(place: Place) -> None:
    tail = "*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\nUpdated editions will replace the previous one.\n"
    place.write("gutenberg/en/1.txt", f"Emma Woodhouse, handsome, clever, and rich.\n\n{tail}")
    assert list(place.run().texts.values()) == ["Emma Woodhouse, handsome, clever, and rich."]


def speeches(place: Place) -> None:
    text = "Nombre de vues : 1 204\nMesdames et messieurs,\nmerci.\nSource https://www.elysee.fr/1\n"
    place.write("discours/a.jsonl", [{"id": "1", "text": text}])
    assert [text.strip() for text in place.run().texts.values()] == ["Mesdames et messieurs,\nmerci."]


def laws(place: Place) -> None:
    place.write("legi/a.jsonl", [{"id": "1", "text": "Article 1/nLa  loi   est\tla loi./nArticle 2"}])
    assert list(place.run().texts.values()) == ["Article 1\nLa loi est\tla loi.\nArticle 2"]


def irc(place: Place) -> None:
    channels = ("#ubuntu", "#ubuntu-devel", "#ubuntu-fr", "#ubuntu-it", "#kubuntu-de")
    place.write(
        "irc/a.jsonl", [{"id": name, "channel": name, "text": f"It works in the cafÃ©, {name}"} for name in channels]
    )
    made = place.run()
    assert made.texts == {f"ubuntu-irc:{name}": f"It works in the café, {name}" for name in channels[:2]}


CASES: dict[str, Callable[[Place], None]] = {
    "French, German, Spanish and Italian, snapshot by snapshot": redpajama,
    "English by years": fineweb_edu,
    "Whole documents by perplexity": perplexity,
    "Gallica's own word on its scans": gallica_ocr,
    "Gutenberg by the authors' dates": gutenberg,
    "Europarl, a paragraph a document": europarl,
    "EuroparlAligned": aligned,
    "CroissantAligned, two languages in one field": aligned_in_one_field,
    "MathPile's questions and answers": questions,
    "Claire by corpora": claire,
    "YouTube by what was checked": youtube,
    "Parts of the Pile": pile,
    "The Stack in thirty languages": the_stack,
    "The same columns everywhere": columns,
    "Addresses that the corpus has already": known_addresses,
    "Blocked addresses": blocked_addresses,
    "Domains that allow a crawler, as a list": allowed_list,
    "Domains that allow a crawler, by what they answered": allowed_by_answer,
    "Gallica, chunk by chunk": gallica,
    "Theses": theses,
    "Eurovoc's glyph codes": eurovoc,
    "Wikipedia from its markup": wikipedia,
    "Wikisource and Wiktionary, repaired addresses": wikisource,
    "Gutenberg without its licence": gutenberg_tail,
    "Public speeches without counts and addresses": speeches,
    "Laws and parliament, line ends and spaces": laws,
    "Ubuntu IRC, English channels": irc,
}


def test_every_step_of_the_page_has_its_check() -> None:
    assert set(steps()) == set(CASES)


@pytest.mark.parametrize("title", list(CASES))
def test_a_step_does_what_lucie_did(title: str, tmp_path: Path) -> None:
    CASES[title](Place(tmp_path, steps()[title]))
