"""The card of a release: what the Hub reads of it, what readers do, and that it is the same every time."""

from __future__ import annotations

import csv
import re
import shutil
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard, metadata_load

from many_sources import many
from tamis.cards.data_card import render
from tamis.cards.drawing import Figure
from tamis.cards.front_matter import size_category
from tamis.cards.recipe_text import recipe_yaml
from tamis.cards.rewrite import read_ledger, rewrite_card
from tamis.cards.verify import verify
from tamis.corpus.manifest import CompositionRow, Manifest, read_manifest
from tamis.engine.domains import DOMAINS
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES


@pytest.fixture
def manifest(release: Path) -> Manifest:
    return read_manifest(release)


@pytest.fixture
def readme(release: Path) -> str:
    return (release / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def matter(release: Path) -> dict[str, Any]:
    return metadata_load(release / "README.md")


def test_the_hub_reads_the_front_matter(release: Path, matter: dict[str, Any]) -> None:
    card = DatasetCard.load(release / "README.md", ignore_metadata_errors=False)
    assert card.data.to_dict() == matter
    assert matter["pretty_name"] == "A toy corpus"
    assert set(matter["language"]) == {"fr", "en", "de", "code"}
    assert matter["multilinguality"] == ["multilingual"]
    assert matter["size_categories"] == ["n<1K"]
    assert (
        matter["license"] == "other" and matter["license_name"] == "mixed" and matter["license_link"] == "LICENSES.md"
    )
    assert (release / matter["license_link"]).exists()
    assert matter["task_categories"] == ["text-generation"] and matter["annotations_creators"] == ["no-annotation"]


def globs_of(config: dict[str, Any]) -> list[str]:
    path = config["data_files"][0]["path"]
    return [path] if isinstance(path, str) else path


def test_every_glob_matches_its_files_and_no_other(release: Path, matter: dict[str, Any]) -> None:
    names = [config["config_name"] for config in matter["configs"]]
    assert len(set(names)) == len(names)
    assert [config["config_name"] for config in matter["configs"] if config.get("default")] == ["default"]
    matched = {
        config["config_name"]: {
            path.relative_to(release).as_posix() for glob in globs_of(config) for path in release.glob(glob)
        }
        for config in matter["configs"]
    }
    assert all(matched.values())
    assert matched["default"] == {path.relative_to(release).as_posix() for path in release.glob("data/**/*.parquet")}
    assert matched["tokens"] == {path.relative_to(release).as_posix() for path in release.glob("tokens/**/*.parquet")}
    # Source `web` begins as `web-fr` does, and `code` is a language, too.
    assert {PurePosixPath(path).name for path in matched["web"]} == {"web-00000-of-00001.parquet"}
    assert {PurePosixPath(path).name for path in matched["web-fr"]} == {"web-fr-00000-of-00001.parquet"}
    assert {PurePosixPath(path).parent.name for path in matched["code"]} == {"code"}
    assert matched["source-code"] == {"data/code/code-00000-of-00001.parquet"}


def test_dataset_info_is_that_of_the_shards(release: Path, matter: dict[str, Any]) -> None:
    info = matter["dataset_info"]
    paths = list(release.glob("data/*/*.parquet"))
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    assert info["splits"][0]["num_examples"] == rows
    assert info["download_size"] == sum(path.stat().st_size for path in paths)
    assert [feature["name"] for feature in info["features"]] == pq.read_schema(paths[0]).names
    assert {feature["name"]: feature["dtype"] for feature in info["features"]}["text"] == "large_string"


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (1000, "1K<n<10K"), (2_200_000_000, "1B<n<10B"), (10**12, "n>1T")]
)
def test_sizes_count_rows(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_one_licence_is_named_by_its_hub_identifier(release: Path, manifest: Manifest) -> None:
    rows = tuple(row for row in manifest.composition if row.license == "CC-BY-4.0")
    card = DatasetCard(readme_of(release, manifest.model_copy(update={"composition": rows})))
    assert card.data.license == "cc-by-4.0"
    assert "license_name" not in card.data.to_dict()


def readme_of(release: Path, manifest: Manifest) -> str:
    return render(manifest, read_ledger(manifest, release), release)["README.md"].decode()


def test_the_same_facts_give_the_same_bytes(release: Path, manifest: Manifest) -> None:
    ledger = read_ledger(manifest, release)
    # As a run has it: other key order, no card in the list of files yet, rows in another order.
    sources = tuple(s.model_copy(update={"declared": dict(reversed(s.declared.items()))}) for s in manifest.sources)
    shards = tuple(
        file
        for file in reversed(manifest.files)
        if file.path == DOMAINS or ("/" in file.path and not file.path.startswith(("stats", "figures")))
    )
    fresh = manifest.model_copy(update={"sources": sources, "files": shards})
    again = render(fresh, ledger.sample(fraction=1, shuffle=True, seed=1), release)
    assert again == {path: (release / path).read_bytes() for path in again}


def test_every_figure_is_svg_with_a_title_and_alt_text(release: Path, readme: str) -> None:
    paths = sorted((release / "figures").iterdir())
    stages = ("exact_duplicates", "gopher_quality", "language", "pii", "tokenize")
    drawn = {"composition.svg", "dates.svg", "domains.svg", "funnel.svg", "phases.svg", "sources.svg"}
    assert {path.name for path in paths} - {"fairness.svg"} == drawn | {f"quality-{stage}.svg" for stage in stages}
    for path in paths:
        root = ElementTree.parse(path).getroot()
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None and root.find(".//{http://www.w3.org/2000/svg}text") is not None
        assert re.search(rf"!\[[^\]]{{40,}}\]\(figures/{path.name}\)", readme)
        assert b"dc:date" not in path.read_bytes()


def test_figures_show_the_shares_and_names_that_the_manifest_has(release: Path, manifest: Manifest) -> None:
    """Bars of a row end where its shares add up to one, and words are escaped."""
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.parse(release / "figures/sources.svg").getroot()
    words = [text.text or "" for text in root.iter(f"{svg}text")]
    assert {source.name for source in manifest.sources} <= set(words) and "released" in words
    patterns = {pattern.get("id") for pattern in root.iter(f"{svg}pattern")}
    filled = [box.get("fill", "") for box in root.iter(f"{svg}rect")]
    assert {look[5:-1] for look in filled if look.startswith("url(#")} == patterns
    bars = [box for box in root.iter(f"{svg}rect") if box.get("x") and float(box.get("width", 0)) != 17.0]
    ends: dict[str, float] = {}
    for box in bars:
        end = float(box.attrib["x"]) + float(box.attrib["width"])
        ends[box.attrib["y"]] = max(ends.get(box.attrib["y"], 0.0), end)
    assert len(ends) == sum(source.documents > 0 for source in manifest.sources)
    assert all(abs(end - (9 - 1.9) * 72) < 0.05 for end in ends.values())


def test_words_of_a_figure_are_escaped() -> None:
    figure = Figure(1.0)
    figure.text(0, 0, "a <b> & c")
    root = ElementTree.fromstring(figure.svg("x < y & z"))
    assert [part.text for part in root if part.tag.endswith(("title", "text"))] == ["x < y & z", "a <b> & c"]


def test_tables_say_what_the_ledger_says(release: Path, readme: str) -> None:
    ledger = pl.read_parquet(release / "ledger/*.parquet")
    drawn = ledger.filter(pl.col("copies") > 0)
    assert f"| Documents | {drawn.height} of {ledger.height} ingested" in readme
    for rule, documents in ledger["dropped_by"].drop_nulls().value_counts().iter_rows():
        failed = ledger.filter(pl.col("failed").list.contains(rule)).height or documents
        assert re.search(rf"\| `{rule}` \| {documents} \| [^|]* \| {failed} \|", readme)
    web = drawn.filter(pl.col("source") == "web")
    tokens = f"{web['tokenize.tokens'].sum():,}".replace(",", "\u202f")
    assert re.search(rf"\| web \| [a-z ]+ \| {web.height} \| [^|]+ \| {tokens} \|", readme)


def test_csv_twins_hold_the_manifest(release: Path, manifest: Manifest) -> None:
    with (release / "stats/composition.csv").open(encoding="utf-8") as handle:
        rows = [CompositionRow.model_validate(row) for row in csv.DictReader(handle)]
    assert rows == list(manifest.composition)
    with (release / "stats/reasons.csv").open(encoding="utf-8") as handle:
        dropped = sum(int(row["documents"]) for row in csv.DictReader(handle))
    assert dropped == manifest.totals["ingested"] - manifest.totals["documents"]


def test_the_recipe_in_the_card_makes_the_same_recipe(recipe: Recipe, readme: str, manifest: Manifest) -> None:
    written = re.search(r"```yaml\n(.*?)```", readme, re.S)
    assert written is not None
    assert load_recipe_text(written[1], "card.yaml", STAGES).to_recipe() == recipe.to_recipe()
    assert recipe_yaml(manifest.recipe) == written[1]


def test_what_nobody_declared_is_said(readme: str) -> None:
    missing = readme[readme.index("## What is missing") :]
    assert "`card.contact` is empty" in missing and "`card.summary`" not in missing
    assert "No version is declared for `web-fr`, `code`, `closed`." in missing
    assert "No stage looked for near duplicates." in missing and "personal data" not in missing
    assert re.search(r"The category of \d+ documents .* is not known", missing)
    assert "More Information Needed" not in readme
    assert "| Version | *not declared* |" in readme


def test_texts_that_may_not_be_handed_on_are_named(release: Path, readme: str) -> None:
    assert re.search(
        r"\*\*\d+ documents in this release may not be handed on\*\* \(`closed: LicenseRef-Proprietary`\)",
        readme,
    )
    licenses = (release / "LICENSES.md").read_text(encoding="utf-8")
    assert re.search(r"`LicenseRef-Proprietary` \| closed \| .* \| \*\*no\*\* \|", licenses)
    assert re.search(r"`MIT` \| code \| .* each document's own metadata \| yes", licenses)


def test_no_text_and_no_value_is_in_the_card(release: Path, readme: str) -> None:
    texts = pl.concat([pl.read_parquet(path).select("text") for path in release.glob("data/*/*.parquet")])["text"]
    written = readme + "".join(path.read_text(encoding="utf-8") for path in (release / "stats").iterdir())
    for text in texts:
        assert text[:30] not in written or len(text) < 30
    assert "secret" not in written


def test_a_card_of_many_sources_and_languages_stays_small_and_quick(release: Path, manifest: Manifest) -> None:
    """Two hundred sources in thirty languages: long tables show their top."""
    ledger = read_ledger(manifest, release)
    start = time.process_time()
    made = render(many(manifest, 200, 30), ledger, release)
    assert time.process_time() - start < 10
    big = made["README.md"].decode()
    assert len(made["README.md"]) < 400_000 and len(made["card.html"]) < 1_000_000
    assert "160 more rows are in [`stats/composition.csv`]" in big
    assert "The other 100 sources are told as fully" in big and big.count("<summary>collection-") == 100
    assert max(len(line) for line in big.split("\n")) < 4000
    # Too long to stand in the card, the recipe lies beside it.
    assert "[`recipe.yaml`](recipe.yaml)" in big
    written = load_recipe_text(made["recipe.yaml"].decode(), "recipe.yaml", STAGES)
    assert len(written.sources) == 200


def test_categories_have_a_configuration_where_globs_can_tell_them(release: Path, manifest: Manifest) -> None:
    configs = {c["config_name"]: c for c in metadata_load(release / "README.md")["configs"]}
    book = configs["book"]["data_files"][0]["path"]
    found = {path for glob in ([book] if isinstance(book, str) else book) for path in release.glob(glob)}
    rows = pl.concat([pl.read_parquet(path).select("category", "source") for path in sorted(found)])
    assert set(rows["category"]) == {"book"}
    assert rows.height == sum(row.documents for row in manifest.composition if row.category == "book")
    # Where a source mixes categories, no glob can tell them apart, and the card says so.
    mixed = tuple(
        row.model_copy(update={"category": f"{row.category}-{place % 2}"}) if row.source == "web" else row
        for place, row in enumerate(manifest.composition)
    )
    card = DatasetCard(readme_of(release, manifest.model_copy(update={"composition": mixed})))
    names = {config["config_name"] for config in card.data.to_dict()["configs"]}
    assert "book" in names and not {"web-0", "web-1"} & names
    assert re.search(r"Of `web-[01]`, `web-[01]`, documents lie in files beside others", card.text)


def test_the_front_matter_leaves_no_file_out_and_names_nothing_twice(release: Path, matter: dict[str, Any]) -> None:
    named: set[Path] = set()
    for config in matter["configs"]:
        assert re.fullmatch(r"[\w.-]+", config["config_name"])
        for entry in config["data_files"]:
            assert re.fullmatch(r"\w+(\.\w+)*", entry["split"])
            for glob in [entry["path"]] if isinstance(entry["path"], str) else entry["path"]:
                paths = set(release.glob(glob))
                assert paths, glob
                named |= paths
    assert named == {*release.glob("data/**/*.parquet"), *release.glob("tokens/**/*.parquet")}
    schemas = {pq.read_schema(path) for path in release.glob("data/**/*.parquet")}
    assert len(schemas) == 1


def test_a_release_without_tokens_counts_characters(release: Path, manifest: Manifest) -> None:
    rows = tuple(
        row.model_copy(update={"tokens": 0, "passed_tokens": 0, "mixed_tokens": 0}) for row in manifest.composition
    )
    totals = manifest.totals | {"tokens": 0, "passed_tokens": 0, "mixed_tokens": 0}
    files = tuple(file for file in manifest.files if not file.path.startswith(("tokens/", "tokenizer/")))
    bare = manifest.model_copy(
        update={"composition": rows, "totals": totals, "tokenizer": None, "files": files, "pii": ()}
    )
    card = readme_of(release, bare)
    assert "The release holds no token ids." in card
    assert "tokens" not in [config["config_name"] for config in DatasetCard(card).data.to_dict()["configs"]]
    assert "characters · 3 languages and source code" in card


def test_a_card_is_written_again_in_place(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    (copy / "README.md").write_text("spoilt")
    paths = rewrite_card(copy)
    assert copy / "README.md" in paths
    assert verify(copy).problems == []
    rewrite_card(copy, tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere/README.md").read_bytes() == (release / "README.md").read_bytes()
