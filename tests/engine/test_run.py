"""A whole run on a small corpus: what the release holds, against counts and texts taken elsewhere."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from small_corpus import Outcome, Place, hashes, write_corpus
from tokenizers import Tokenizer

from tamis.engine.session import Session
from tamis.errors import OptionError, RecipeError, UserError
from tamis.mix.epochs import weight

DATA = re.compile(r"Contact: \S+@\S+ or \+33[ \d]+, account FR[ \dM]+, server [\d.]+\d\.")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("run"))
    write_corpus(place.corpus)
    return place


@pytest.fixture(scope="module")
def outcome(place: Place) -> Outcome:
    return place.run()


@pytest.fixture(scope="module")
def texts(place: Place) -> dict[str, str]:
    """Document id -> text, read from the input files without Tamis. Several may share an id: then the first."""
    found: dict[str, str] = {}
    for source, path in (
        ("news", "news/all.jsonl"),
        ("web", "web/a.jsonl.gz"),
        ("web", "web/b.jsonl.gz"),
    ):
        data = (place.corpus / path).read_bytes()
        for line in (gzip.decompress(data) if path.endswith(".gz") else data).splitlines():
            row = json.loads(line)
            found.setdefault(f"{source}:{row['id']}", unicodedata.normalize("NFC", row["text"]))
    for file in (place.corpus / "notes").iterdir():
        found[f"notes:{file.name}"] = file.read_text()
    return found


def test_layout_and_manifest_list_each_other(outcome: Outcome) -> None:
    manifest = json.loads((outcome.release / "manifest.json").read_bytes())
    listed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    assert listed == {path: sha for path, sha in outcome.files.items() if path != "manifest.json"}
    kinds = Counter(path.split("/")[0] for path in listed)
    assert kinds.keys() == {"data", "tokens", "ledger", "tokenizer", "domains_top.csv", "samples"}
    assert kinds["data"] == kinds["tokens"] >= 5
    assert "data/fr/notes-00000-of-00001.parquet" in listed
    for entry in manifest["files"]:
        path = outcome.release / entry["path"]
        assert entry["bytes"] == path.stat().st_size
        if path.suffix == ".parquet":
            assert entry["rows"] == pq.read_metadata(path).num_rows
    assert [path.name for path in outcome.release.parent.iterdir()] == ["small-1"], "nothing is left beside it"


def test_text_and_token_shards_are_row_aligned_and_hold_the_same_text(outcome: Outcome) -> None:
    tokenizer = Tokenizer.from_file(str(outcome.release / "tokenizer/tokenizer.json"))
    assert outcome.manifest.tokenizer is not None
    end = outcome.manifest.tokenizer["end_of_document_id"]
    tagged = 0
    for path in sorted((outcome.release / "data").rglob("*.parquet")):
        data = pl.read_parquet(path)
        tokens = pl.read_parquet(outcome.release / "tokens" / path.relative_to(outcome.release / "data"))
        assert tokens["input_ids"].dtype == pl.List(pl.UInt16)
        for column in ("id", "source", "language", "category", "license", "copies"):
            assert data[column].to_list() == tokens[column].to_list()
        assert data["tokens"].to_list() == tokens["n_tokens"].to_list() == tokens["input_ids"].list.len().to_list()
        for text, ids in zip(data["text"], tokens["input_ids"].to_list(), strict=True):
            assert ids[-1] == end and end not in ids[:-1]
            assert tokenizer.decode(ids[:-1], skip_special_tokens=False) == text
            tagged += "<EMAIL>" in text
    assert tagged, "the corpus has personal data"


def test_released_texts_are_the_inputs_but_for_personal_data(outcome: Outcome, texts: dict[str, str]) -> None:
    edited = 0
    for path in (outcome.release / "data").rglob("*.parquet"):
        for row in pl.read_parquet(path).iter_rows(named=True):
            if "~" in row["id"]:
                continue
            tagged = "Contact: <EMAIL> or <PHONE_NUMBER>, account <IBAN>, server <IP_ADDRESS>."
            expected, count = DATA.subn(tagged, texts[row["id"]])
            assert row["text"].strip() == expected.strip()
            edited += count
    assert edited


def test_ledger_has_one_row_a_document_and_accounting_closes(outcome: Outcome, texts: dict[str, str]) -> None:
    ledger = outcome.ledger()
    assert ledger.height == 96 + 72 + 48 + 12 + 24
    assert ledger["id"].n_unique() == ledger.height
    # Every id of the inputs is there; the second documents of an id got one of their own.
    assert set(texts) <= set(ledger["id"])
    released = pl.concat([pl.read_parquet(path) for path in (outcome.release / "data").rglob("*.parquet")])
    assert sorted(released["id"]) == sorted(ledger.filter(pl.col("copies") > 0)["id"])
    assert (ledger["dropped_by"].is_null() == (ledger["copies"] > 0)).all()
    for source in outcome.manifest.sources:
        assert source.read == source.documents + source.filtered + sum(source.rejects.values())
    for name in ("news", "web", "notes"):
        rows = [row for row in outcome.manifest.funnel if row.source == name]
        mine = ledger.filter(pl.col("source") == name)
        assert rows[0].documents_in == mine.height
        for row, following in pairwise(rows):
            assert row.documents_in == row.documents_out + sum(row.reasons.values())
            assert row.documents_out == following.documents_in and row.chars_out == following.chars_in
        reasons: Counter[str] = sum((Counter(row.reasons) for row in rows), Counter())
        assert reasons == Counter(mine["dropped_by"].drop_nulls().to_list())
        assert rows[-1].documents_out == mine.filter(pl.col("copies") > 0).height
        assert rows[-1].chars_out == mine.filter(pl.col("copies") > 0)["chars"].sum()
    dropping = {reason.split(".")[0] for row in outcome.manifest.funnel for reason in row.reasons}
    assert dropping >= {"gopher_quality", "gopher_repetition", "exact_duplicates", "near_duplicates", "mix"}


def test_manifest_counts_are_those_of_the_shards(outcome: Outcome) -> None:
    """DuckDB counts what is in the files."""
    totals = outcome.manifest.totals
    data = f"read_parquet('{outcome.release}/data/*/*.parquet')"
    tokens = f"read_parquet('{outcome.release}/tokens/*/*.parquet')"
    with duckdb.connect() as connection:
        counted = connection.sql(
            f"SELECT count(*), sum(copies), sum(tokens), sum(tokens * copies) FROM {data}"
        ).fetchall()[0]
        assert counted == tuple(totals[name] for name in ("documents", "copies", "tokens", "mixed_tokens"))
        by_ids = connection.sql(f"SELECT sum(len(input_ids)), sum(n_tokens) FROM {tokens}").fetchall()[0]
        assert by_ids == (totals["tokens"], totals["tokens"])
        cells = connection.sql(
            "SELECT source, language, category, license, count(*), sum(tokens), sum(tokens * copies) "
            f"FROM {data} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert cells == [
        (row.source, row.language, row.category, row.license, row.documents, row.tokens, row.mixed_tokens)
        for row in outcome.manifest.composition
        if row.documents
    ]
    ledger = outcome.ledger()
    assert totals["ingested"] == ledger.height
    assert totals["not_drawn"] == (ledger["dropped_by"] == "mix.epochs").sum() > 0


def test_epochs_are_realised_as_whole_copies(tmp_path: Path, place: Place, outcome: Outcome) -> None:
    recipe = place.recipe()
    passed = outcome.ledger().filter(pl.col("passed"))
    for row in passed.iter_rows(named=True):
        expected = weight(recipe.mix, row["source"], row["language"], row["category"])
        assert row["epochs"] == expected
        assert int(expected) <= row["copies"] <= int(expected) + (expected % 1 > 0)
    assert set(passed.filter(pl.col("epochs") == 2.5)["copies"]) == {2, 3}
    assert set(passed.filter(pl.col("epochs") == 0.5)["copies"]) == {0, 1}
    more = Place(tmp_path, corpus=place.corpus)
    more.work = place.work
    heavier = more.run("mix.epochs={fr--news: 2.7, de--forum: 0.6}").ledger().filter(pl.col("passed"))
    assert (heavier["copies"] >= passed["copies"]).all()
    assert heavier["id"].to_list() == passed["id"].to_list()


def test_a_second_run_reads_nothing(place: Place, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hashes(place.out)
    times = {path: path.stat().st_mtime_ns for path in place.out.rglob("*")}

    def no_work(*_: object) -> None:
        raise AssertionError("nothing is to do")

    for step in ("ingest", "fit", "measure"):
        monkeypatch.setattr(Session, step, no_work)
    shutil.rmtree(place.work / "signals")
    again = place.run()
    assert again.summary.nothing_to_do and again.summary.measured == 0
    assert again.summary.manifest == outcome.manifest
    assert hashes(place.out) == before
    assert {path: path.stat().st_mtime_ns for path in place.out.rglob("*")} == times


def test_nothing_released_is_told(tmp_path: Path, place: Place) -> None:
    empty = Place(tmp_path, corpus=place.corpus)
    with pytest.raises(UserError, match=r"no document of 252 .*gopher_quality\.words \(252\).*what-if"):
        empty.run("gopher_quality.keep.words=100000,")
    assert list(empty.out.iterdir()) == [], "a failed release leaves nothing behind"


def test_a_folder_that_is_no_release_is_never_replaced(tmp_path: Path, place: Place) -> None:
    other = Place(tmp_path, corpus=place.corpus)
    mine = other.out / "small-1/thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(OptionError, match="is no release"):
        other.run()
    assert mine.read_text() == "mine"


def test_tokens_must_be_those_of_the_released_text(tmp_path: Path, place: Place) -> None:
    other = Place(tmp_path, corpus=place.corpus)
    other.text = other.text.replace("  - pii\n", "").replace("\nmix:", "\n  - pii\nmix:")
    with pytest.raises(RecipeError, match="Put pii before tokenize"):
        other.run()
    assert other.run("release.tokens=false").summary.release.exists()
    other.text = place.text
    with pytest.raises(RecipeError, match="tokenize has a `when`"):
        other.run("tokenize.when={category: [news]}")
