"""A small corpus with every kind of flaw, recipes for it, and a place to run them in."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.manifest import Manifest
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, RunSummary, run
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

SENTENCES = {
    "fr": [
        "Le marché du village ouvre tôt le matin, et les paysans y vendent des légumes de saison.",
        "Elle a longtemps cherché dans les archives de la ville une lettre que personne n'avait lue.",
        "Nous avons pris le train de nuit pour traverser les montagnes avant la première neige.",
        "Il ne savait pas encore que cette maison serait un jour la sienne, avec son jardin et ses oiseaux.",
        "Dans la cuisine, une odeur de pain chaud montait du four, et les enfants attendaient en silence.",
        "La bibliothèque garde des cartes anciennes que les voyageurs ont dessinées pendant leurs longs trajets.",
        "Au printemps, la rivière déborde et les champs se couvrent d'une eau claire où viennent les cigognes.",
        "Le vieux menuisier répare les fenêtres de l'école avec des outils qu'il a reçus de son père.",
    ],
    "en": [
        "The harbour wakes before dawn, when the boats come in and the gulls begin to quarrel over the nets.",
        "She had kept every ticket from that summer in a box, and now she read them one after another.",
        "It is not easy to explain why the bridge was built so far from the road that it was meant to serve.",
        "We walked along the canal until the rain stopped, and then we sat on a bench and watched the lights.",
        "The committee asked for a report on the state of the roof, which nobody had looked at for years.",
        "There was a small garden behind the station, with a pear tree that the porter's family had planted.",
        "He taught the children to read the clouds, and they were seldom wrong about the afternoon.",
        "In the museum stands a clock that has been five minutes late for as long as anyone can remember.",
    ],
    "de": [
        "Der Bäcker am Marktplatz öffnet schon um fünf Uhr, weil die Arbeiter dann ihr Brot kaufen wollen.",
        "Sie hat die alten Briefe in einer Schachtel gefunden, die seit Jahren auf dem Dachboden stand.",
        "Wir sind mit dem Fahrrad durch das Tal gefahren und haben unter einer Linde zu Mittag gegessen.",
        "Es war nicht leicht, den Kindern zu erklären, warum der Fluss im Winter nicht mehr zufriert.",
        "Im Museum steht eine Uhr, die immer fünf Minuten nachgeht und die niemand mehr stellen will.",
        "Die Lehrerin zeigte uns auf der Karte, wo früher die Grenze zwischen den beiden Dörfern verlief.",
        "Am Abend saßen die Nachbarn vor dem Haus und redeten über die Ernte und das Wetter.",
        "Der Zug hielt an einem kleinen Bahnhof, auf dem außer uns niemand ausgestiegen ist.",
    ],
}  # fmt: skip
PERSONAL = (
    "Contact: {name}{n}@mail-{n}.fr or +33 6 12 34 56 {d:02d}, account FR14 2004 1010 0505 0001 3M02 606, "
    "server 81.2.69.{d}."
)


def text(chance: random.Random, language: str, sentences: int) -> str:
    """Sentences of the language, each made its own by a number, two to four a paragraph."""
    said = [
        f"{sentence[:-1]} {chance.randrange(1 << 20)}." for sentence in chance.sample(SENTENCES[language], sentences)
    ]
    paragraphs, at = [], 0
    while at < len(said):
        step = chance.randint(2, 4)
        paragraphs.append(" ".join(said[at : at + step]))
        at += step
    return "\n\n".join(paragraphs)


def documents(seed: int, count: int) -> list[dict[str, Any]]:
    """Rows of a JSONL source: short and long texts in three languages, copies, near copies, personal data."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        language = chance.choice(("fr", "en", "de"))
        body = text(chance, language, chance.choice((1, 1, 2, 3, 4, 5, 6, 8)))
        kind = number % 12
        if kind == 3 and rows:
            body = chance.choice(rows)["text"]
        elif kind == 5 and rows:
            body = chance.choice(rows)["text"] + " Fin."
        elif kind == 7:
            body += "\n\n" + PERSONAL.format(name="anna", n=number, d=number % 90 + 10)
        elif kind == 9:
            body = "\n".join([body.split(".")[0]] * 5)
        elif kind == 11:
            body = f"# # # {body} # # # " + "# " * len(body.split())
        url = f"https://{'forum' if number % 3 else 'news'}.example.org/{seed}/{number}"
        rows.append({"id": f"{seed}-{number}", "text": body, "url": url, "year": 1990 + number % 30})
    return rows


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as JSON Lines; compressed when the name says so."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_corpus(folder: Path, scale: int = 1) -> None:
    """Three sources: `news` (one JSONL file), `web` (two compressed ones), `notes` (a text file a document)."""
    jsonl(folder / "news/all.jsonl", documents(1, 96 * scale))
    jsonl(folder / "web/a.jsonl.gz", documents(2, 72 * scale))
    # Copies across files and sources, one with a higher priority than the other.
    jsonl(folder / "web/b.jsonl.gz", documents(3, 48 * scale) + documents(1, 24)[12:])
    chance = random.Random(4)
    for number in range(24):
        path = folder / f"notes/{number:02d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(chance, "fr", number % 6 + 1) + "\n", encoding="utf-8")


RECIPE = """
name: small
version: "1"
seed: 7
defaults: {license: CC0-1.0}
sources:
  - {name: news, path: news/*.jsonl, category: news, columns: {text: text, id: id, url: url}}
  - {name: web, path: web/*.jsonl.gz, columns: {text: text, id: id, url: url}, priority: 1}
  - {name: notes, path: notes/*.txt, category: notes, language: fr}
stages:
  - category: {rules: [{category: forum, url: forum}], default: web}
  - language: {keep: {label: [fr, en, de], score: [0.5, null]}}
  - gopher_quality: {keep: {words: [20, 120], symbol_word_ratio: [null, 0.1]}}
  - gopher_repetition
  - exact_duplicates
  - near_duplicates
  - pii
  - tokenize: {tokenizer: TOKENIZER}
mix:
  default: 1
  epochs: {fr--news: 2.5, de--forum: 0.5}
"""
"""All eight stages; TOKENIZER stands for a file or for how to train one."""
TRAINED = "{train: {vocabulary_size: 512, characters: 60000}}"


SCRIPT = """
import json, sys
from pathlib import Path
from tamis.engine.reporting import Silent
from tamis.engine.run import RunOptions, run
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES

if __name__ == "__main__":
    text, corpus, root, workers = sys.argv[1:]
    recipe = load_recipe_text(text, "small.yaml", STAGES)
    options = RunOptions(Path(root) / "work", Path(root) / "out", int(workers))
    try:
        summary = run(recipe, Path(corpus), options, Silent(), lambda manifest, ledger, folder: [])
    except KeyboardInterrupt:
        sys.exit(130)
    print(json.dumps(summary.to_json()))
"""
"""A run in a process of its own."""


@dataclass(frozen=True)
class Outcome:
    """A run, and what it did."""

    summary: RunSummary
    rows: dict[str, int]
    """Documents by what was done with them: `ingest`, a stage that measured them, `release`."""
    files: dict[str, str]
    """SHA-256 of every file of the release, by path."""

    @property
    def release(self) -> Path:
        return self.summary.release

    @property
    def manifest(self) -> Manifest:
        return self.summary.manifest

    @property
    def measured(self) -> dict[str, int]:
        """Documents measured, by stage."""
        return {stage: rows for stage, rows in self.rows.items() if stage not in ("ingest", "release")}

    def ledger(self) -> pl.DataFrame:
        parts = [pl.read_parquet(path) for path in sorted((self.release / "ledger").iterdir())]
        return pl.concat(parts, how="diagonal_relaxed")


class Place:
    """A corpus, a work folder and a folder for releases."""

    def __init__(self, root: Path, recipe: str = RECIPE, tokenizer: str = TRAINED, corpus: Path | None = None) -> None:
        self.root, self.text = root, recipe.replace("TOKENIZER", tokenizer)
        self.corpus = corpus or root / "corpus"
        self.work, self.out = root / "work", root / "out"

    def recipe(self, *changes: str) -> Recipe:
        return load_recipe_text(self.text, "small.yaml", STAGES, changes)

    def run(self, *changes: str, workers: int = 1, max_rejects: float | None = None) -> Outcome:
        """Runs the recipe with changes (as `--set` takes them) in this work folder."""
        options = RunOptions(self.work, self.out, workers, max_rejects)
        summary = run(self.recipe(*changes), self.corpus, options, Silent(), lambda manifest, ledger, folder: [])
        done: dict[str, int] = {}
        if not summary.nothing_to_do:
            last = json.loads((self.work / "runs/small.json").read_bytes())
            done = {stage["stage"]: stage["documents"] for stage in last["stages"]}
        return Outcome(summary, done, hashes(summary.release))

    def command(self, workers: int) -> list[str]:
        """The command that runs the recipe in a process of its own."""
        self.root.mkdir(parents=True, exist_ok=True)
        script = self.root / "release.py"
        script.write_text(SCRIPT)
        return [sys.executable, str(script), self.text, str(self.corpus), str(self.root), str(workers)]

    def fork(self, root: Path) -> Place:
        """Another place that knows all this one has measured."""
        other = Place(root, corpus=self.corpus)
        other.text = self.text
        shutil.copytree(self.work, other.work)
        return other

    def clean(self, *changes: str, workers: int = 1) -> Outcome:
        """Runs the same in folders of its own."""
        number = len(list(self.root.glob("clean-*")))
        other = Place(self.root / f"clean-{number}", corpus=self.corpus)
        other.text = self.text
        return other.run(*changes, workers=workers)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, hidden ones included."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def corpus_files(place: Place) -> dict[str, tuple[str, int]]:
    """Hash and time of change of every corpus shard of a work folder."""
    return {
        path.relative_to(place.work).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in (place.work / "corpus").rglob("*.parquet")
    }
