"""croissant.json by its own library: it validates, it loads, and its numbers are those of the shards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tamis.cards.exports import croissant
from tamis.cards.exports.rai import ASKED
from tamis.cards.view import View
from tamis.corpus.hashing import file_sha256

READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = dataset.metadata.ctx.issues
read = {}
for name in sys.argv[2:]:
    rows = list(dataset.records(name))
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    read[name] = [{key.removeprefix(name + "/"): text(value) for key, value in row.items()} for row in rows]
print(json.dumps({"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "read": read}))
"""
"""In a process of its own: the library warns of much that is not ours."""


def loaded(folder: Path, *record_sets: str) -> dict[str, Any]:
    call = [sys.executable, "-W", "ignore", "-c", READ, str(folder / croissant.NAME), *record_sets]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / croissant.NAME).read_text(encoding="utf-8"))
    return found


def test_it_validates_without_a_warning_and_loads_every_record(declared: Path) -> None:
    found = loaded(declared, "default", "language-fr", "tokens")
    assert found["errors"] == [] and found["warnings"] == []
    shards = duckdb.read_parquet(str(declared / "data/*/*.parquet"))
    assert sorted(row["id"] for row in found["read"]["default"]) == sorted(r[0] for r in shards.select("id").fetchall())
    texts = dict(shards.select("id, text").fetchall())
    assert all(texts[row["id"]] == row["text"] for row in found["read"]["default"])
    assert {row["language"] for row in found["read"]["language-fr"]} == {"fr"}
    assert all(len(row["input_ids"]) == row["n_tokens"] for row in found["read"]["tokens"])


def test_a_bare_release_validates_too(release: Path) -> None:
    found = loaded(release, "default")
    assert found["errors"] == [] and found["read"]["default"]
    # What nobody declared is left out, not made up.
    assert not {"creator", "datePublished", "url", "citeAs", "rai:hasSyntheticData"} & described(release).keys()


def test_statistics_are_those_of_the_shards(declared: Path) -> None:
    counts = duckdb.sql(
        f"select language, count(*), sum(tokens) from read_parquet('{declared}/data/*/*.parquet') group by 1"
    ).fetchall()
    told = {
        one["@id"]: {part["@id"].rpartition("/")[2]: part["value"] for part in one["annotation"]}
        for one in described(declared)["recordSet"]
    }
    for language, documents, tokens in counts:
        assert told[f"language-{language}"]["documents"] == documents
        assert told[f"language-{language}"]["tokens"] == tokens
    assert told["default"]["tokens"] == told["tokens"]["tokens"] == sum(row[2] for row in counts)


def test_every_shard_is_listed_with_its_checksum(declared: Path) -> None:
    listed = {one["contentUrl"]: one for one in described(declared)["distribution"] if one["@type"] == "cr:FileObject"}
    shards = {path.relative_to(declared).as_posix(): path for path in declared.glob("*/*/*.parquet")}
    assert set(listed) == set(shards)
    for name, path in shards.items():
        assert listed[name]["sha256"] == file_sha256(path)
        assert listed[name]["contentSize"] == f"{path.stat().st_size} B"


def test_fields_are_the_columns(view: View, declared: Path) -> None:
    sets = {one["@id"]: [field["name"] for field in one["field"]] for one in described(declared)["recordSet"]}
    assert sets["default"] == view.schemas["data"].names and sets["tokens"] == view.schemas["tokens"].names


def test_what_reviewers_ask_for_is_there(declared: Path) -> None:
    found = described(declared)
    for _, name in ASKED:
        assert found[name]
    assert found["rai:hasSyntheticData"] is True
    sources = {one["@id"]: one for one in found["prov:wasDerivedFrom"]}
    assert sources["source/web"]["version"] == "2026-01" and sources["source/web"]["url"] == "https://example.org/web"
    made = sources["source/code"]["prov:wasGeneratedBy"]["prov:wasAssociatedWith"]
    assert made["prov:label"] == "Writer 7B"
    assert [one["prov:label"] for one in found["prov:wasGeneratedBy"]] == [
        "language", "gopher_quality", "exact_duplicates", "pii", "tokenize"
    ]  # fmt: skip
    assert found["datePublished"] == "2026-04-01" and found["creator"][0]["name"] == "Jeanne Exemple"


def test_many_shards_are_left_to_the_checksums(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(croissant, "LISTED", 3)
    found = json.loads(croissant.render(view))
    assert {one["@type"] for one in found["distribution"]} == {"cr:FileSet"}
