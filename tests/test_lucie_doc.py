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


CASES: dict[str, Callable[[Place], None]] = {
    "French, German, Spanish and Italian, snapshot by snapshot": redpajama,
    "English by years": fineweb_edu,
    "Whole documents by perplexity": perplexity,
    "Gallica's own word on its scans": gallica_ocr,
    "Gutenberg by the authors' dates": gutenberg,
    "Europarl, a paragraph a document": europarl,
    "EuroparlAligned and CroissantAligned": aligned,
    "Claire by corpora": claire,
    "YouTube by what was checked": youtube,
    "Parts of the Pile": pile,
    "The Stack in thirty languages": the_stack,
    "The same columns everywhere": columns,
}


def test_every_step_of_the_page_has_its_check() -> None:
    assert set(steps()) == set(CASES)


@pytest.mark.parametrize("title", list(CASES))
def test_a_step_does_what_lucie_did(title: str, tmp_path: Path) -> None:
    CASES[title](Place(tmp_path, steps()[title]))
