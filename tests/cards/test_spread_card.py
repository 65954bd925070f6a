"""Quality, domains, dates, fairness, clusters: what the card says of them, and that every digit is recounted."""

from __future__ import annotations

import csv
import re
import shutil
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from test_verify import accept, changed, leaves, places

from tamis.cards import fairness, quality
from tamis.cards.check_spread import check_spread
from tamis.cards.checks import Checks
from tamis.cards.data_card import render
from tamis.cards.fairness import Comparison, wilson
from tamis.cards.rewrite import read_ledger
from tamis.cards.scales import scale_of
from tamis.cards.tally_spread import SpreadTally, specs_of
from tamis.cards.view import View, view_of
from tamis.corpus.commit import read_json, write_json
from tamis.corpus.conditions import Condition
from tamis.corpus.manifest import NAME, GroupRow, HistogramRow, Manifest, read_manifest

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def manifest(release: Path) -> Manifest:
    return read_manifest(release)


@pytest.fixture(scope="module")
def ledger(release: Path) -> pl.DataFrame:
    return pl.read_parquet(release / "ledger/*.parquet")


@pytest.fixture(scope="module")
def readme(release: Path) -> str:
    return (release / "README.md").read_text(encoding="utf-8")


def part(readme: str, title: str) -> str:
    return re.split(r"\n## ", readme.partition(f"\n## {title}\n")[2])[0]


def test_histograms_hold_every_document_that_was_measured(manifest: Manifest, ledger: pl.DataFrame) -> None:
    assert len(manifest.histograms) > 15
    for row in manifest.histograms:
        name = f"{row.stage}.{row.signal}"
        seen = ledger.filter(pl.col(f"{row.stage}.measured"))
        counts = {"released": row.released, "failed": row.failed, "other": row.other}
        sums = {what: sum(bins) + row.nulls[what] for what, bins in counts.items()}
        failed = pl.col("failed").list.contains(name)
        assert sums["released"] == seen.filter(pl.col("copies") > 0).height
        assert sums["failed"] == seen.filter(failed).height
        assert sum(sums.values()) == seen.height


def test_bars_end_where_a_group_by_of_another_tool_says(release: Path, manifest: Manifest) -> None:
    duckdb = pytest.importorskip("duckdb")
    row = next(row for row in manifest.histograms if row.signal == "words")
    for number, (low, high) in enumerate(zip(row.edges, row.edges[1:], strict=False)):
        query = f"""select count(*) from '{release}/ledger/*.parquet' where "gopher_quality.measured" and copies > 0
                and "gopher_quality.words" >= {low} and "gopher_quality.words" < {high}"""
        assert duckdb.sql(query).fetchall() == [(row.released[number],)]


def test_the_twin_has_every_bin(release: Path, manifest: Manifest) -> None:
    with (release / "stats/histograms.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == sum(len(row.released) + 1 for row in manifest.histograms)
    words = [row for row in rows if row["signal"] == "words" and row["value"] != "unknown"]
    stated = next(row for row in manifest.histograms if row.signal == "words")
    assert [float(row["from"]) for row in words] == list(stated.edges[:-1])
    assert [int(row["released"]) for row in words] == list(stated.released)


def test_every_panel_has_its_bars_and_thresholds(release: Path, manifest: Manifest) -> None:
    root = ElementTree.parse(release / "figures/quality-gopher_quality.svg").getroot()
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "words" in words and "kept: 20 to 90" in words and "mean_word_length" in words
    blue = [box for box in root.iter(f"{SVG}rect") if box.get("fill") == "#0072B2"]
    bins = sum(n > 0 for row in manifest.histograms if row.stage == "gopher_quality" for n in row.released)
    assert len(blue) == bins + 1
    dashed = [line for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_thresholds_stand_where_the_rule_draws_its_line() -> None:
    nulls = {"released": 0, "failed": 0, "other": 0}
    row = HistogramRow(stage="s", signal="x", scale="equal", edges=(0, 0.1, 0.2, None), released=(5, 3, 0),
                       failed=(0, 0, 2), other=(1, 0, 0), nulls=nulls)  # fmt: skip
    scale = scale_of(row, Condition(max=0.2), (Condition(max=0.3),))
    (line, dash), (other, dashed) = scale.lines
    assert not dash and dashed and line == pytest.approx(scale.bars[1][1]) and other > line
    assert scale.dropping == [(line, 1.0)]
    # A whole number that is allowed lies before the line.
    whole = HistogramRow(stage="s", signal="x", scale="whole", edges=(0, 1, 2, 3), released=(5, 0, 0),
                         failed=(0, 1, 2), other=(0, 0, 0), nulls=nulls)  # fmt: skip
    scale = scale_of(whole, Condition(max=0), ())
    assert scale.lines[0][0] == pytest.approx(scale.bars[1][0])
    assert [word for _, word in scale.ticks] == ["0", "1"]


def test_domains_are_listed_without_users_or_numbers(release: Path, readme: str) -> None:
    lines = (release / "domains_top.csv").read_text(encoding="utf-8").splitlines()
    assert {line.split(",")[1] for line in lines[1:]} == {"example.org", "example.co.uk", "github.io"}
    section = part(readme, "Domains")
    assert "**3 domains**" in section and "`example.co.uk`" in section
    everything = "".join(p.read_text(encoding="utf-8") for p in (release / "stats").iterdir()) + readme
    assert "secret@" not in everything and "10.0.0.1" not in everything and "someone.github" not in everything


def test_dates_and_nulls_are_told(readme: str, ledger: pl.DataFrame) -> None:
    drawn = ledger.filter(pl.col("copies") > 0)
    unread = drawn.filter(pl.col("date") == "last week").height
    section = part(readme, "Dates")
    assert "from 2019 to 2021" in section and f"shows no year: {unread}." in section
    fields = part(readme, "Fields")
    none = f"{100 * drawn['url'].null_count() / drawn.height:.1f}".removesuffix(".0")
    assert re.search(rf"`url` \| `string` \| {re.escape(none)}\u202f% \|", fields)
    assert "| `text` | `string` | never |" in fields and "| `author` | `string` | 100\u202f% |" in fields


def test_clusters_are_told_by_size(readme: str, manifest: Manifest) -> None:
    section = part(readme, "Duplicates")
    facts = manifest.duplicates["exact_duplicates"]
    assert sum(row.clusters for row in manifest.clusters) == facts["clusters"]
    assert all(sum(one.sources.values()) == one.documents for one in manifest.large_clusters)
    assert f"`{manifest.large_clusters[0].kept}`" in section


def view_with(release: Path, manifest: Manifest, **update: Any) -> View:
    changed_ = manifest.model_copy(update=update)
    return view_of(changed_, read_ledger(manifest, release), release)


def test_a_rule_that_hits_one_language_is_named(release: Path, manifest: Manifest) -> None:
    rows = [("fr", 1000, 20), ("en", 900, 18), ("it", 200, 40), ("br", 12, 12), ("pt", 40, 2)]
    groups = tuple(
        GroupRow(column="language", value=value, documents=n, measured={"gopher_quality": n},
                 removed={"gopher_quality": lost}, failed={"gopher_quality.words": lost})
        for value, n, lost in rows
    )  # fmt: skip
    view = view_with(release, manifest, groups=groups)
    found = {one.value: one for one in fairness.comparisons(view)}
    # Of 12 documents nothing is said, and 2 of 40 may be chance.
    assert set(found) == {"fr", "en", "it", "pt"}
    assert [value for value, one in found.items() if one.uneven] == ["it"]
    it = found["it"]
    assert it.ratio == pytest.approx((40 / 200) / (52 / 1952)) and it.excess == round(40 - 200 * 52 / 1952)
    figures = {figure.path: figure for figure in fairness.figures(view)}
    text = fairness.fairness(view, {"fairness": "FIGURE"})
    assert "**1 of 4 comparisons is uneven.**" in text and "`gopher_quality.words` removes 7.51× as large" in text
    assert "it · gopher_quality.words" in figures["figures/fairness.svg"].content.decode()
    even = tuple(row for row in groups if row.value in ("fr", "en"))
    assert "removes one language or category more" in fairness.fairness(view_with(release, manifest, groups=even), {})


def test_wilson_bounds_are_those_of_the_literature() -> None:
    # Newcombe 1998 (Stat. Med. 17), table I, method 3.
    for part_, whole, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(part_, whole, 1.959964) == pytest.approx((low, high), abs=5e-5)
    assert not Comparison("language", "x", "s", "", 100, 0, 100, 0, 3.0).uneven
    assert Comparison("language", "x", "s", "", 100, 90, 10_000, 0, 3.0).uneven


@pytest.mark.slow
def test_every_count_is_recounted(release: Path, manifest: Manifest) -> None:
    """Whichever number is changed, the ledger alone names it."""
    tally = SpreadTally(specs_of(manifest))
    for path in sorted((release / "ledger").iterdir()):
        tally.add(pq.read_table(path))
    data = manifest.model_dump(mode="json")
    seen = 0
    for path, container, key, value in list(leaves(data))[::5]:
        if not path.startswith(("histograms", "groups", "domains", "dates", "clusters", "large_clusters")):
            continue
        if isinstance(value, str) and not path.endswith(("kept", "domain")):
            continue
        container[key] = changed(value)
        checks = Checks()
        check_spread(Manifest.model_validate(data), release, tally, checks)
        container[key] = value
        assert [problem.place for problem in checks.problems] == [f"{NAME}: {path}"]
        seen += 1
    assert seen > 200


@pytest.mark.parametrize("path", ["histograms[0].released[0]", "domains.top[0].bytes", "groups[0].documents"])
def test_verify_names_a_changed_digit(release: Path, tmp_path: Path, path: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    data = read_json(copy / NAME)
    _, container, key, value = next(leaf for leaf in leaves(data) if leaf[0] == path)
    container[key] = value + 1
    write_json(copy / NAME, data)
    assert places(copy) == [f"{NAME}: {path}"]


def test_verify_names_a_changed_line_of_the_list_of_domains(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    lines = (copy / "domains_top.csv").read_text(encoding="utf-8").splitlines()
    (copy / "domains_top.csv").write_text("\n".join([*lines[:2], f"{lines[2]}1", *lines[3:], ""]), encoding="utf-8")
    accept(copy, "domains_top.csv")
    assert places(copy) == ["domains_top.csv:3"]


@pytest.mark.slow
def test_a_large_release_stays_readable(release: Path, manifest: Manifest) -> None:
    """Two hundred sources, thirty languages, every category and rule uneven."""
    languages = [f"{a}{b}" for a in "abcdef" for b in "qrstu"]
    names = [f"source-{n:03d}" for n in range(200)]
    measured = {stage.name: 1000 for stage in manifest.stages}
    rules = [f"{row.stage}.{row.signal}" for row in manifest.histograms]
    groups = tuple(
        GroupRow(column=column, value=value, documents=1000, measured=measured,
                 removed={name: 1 + 30 * n for name in measured}, failed={rule: 1 + 30 * n for rule in rules})
        for column, values in (("language", languages), ("category", [f"category {n}" for n in range(25)]))
        for n, value in enumerate(values)
    )  # fmt: skip
    assert manifest.domains is not None
    domains = manifest.domains.model_copy(update={
        "by_language": tuple(manifest.domains.top[0].model_copy(update={"language": language, "domain": f"site{n}.org"})
                             for language in languages for n in range(10))
    })  # fmt: skip
    update = {
        "sources": tuple(manifest.sources[0].model_copy(update={"name": name}) for name in names),
        "composition": tuple(manifest.composition[0].model_copy(update={"source": name, "language": language})
                             for name in names for language in languages),
        "funnel": tuple(row.model_copy(update={"source": name}) for name in names for row in manifest.funnel
                        if row.source == manifest.sources[0].name),
        "recipe": {**manifest.recipe, "sources": [{**manifest.recipe["sources"][0], "name": name} for name in names]},
        "groups": groups, "domains": domains,
        "dates": {f"category {n}": {str(year): 3 for year in range(1500, 2026)} for n in range(25)},
    }  # fmt: skip
    begin = time.process_time()
    files = render(manifest.model_copy(update=update), read_ledger(manifest, release), release)
    assert time.process_time() - begin < 10
    readme = files["README.md"].decode()
    assert len(readme.encode()) < 400_000 and max(map(len, readme.split("\n"))) < 4000
    assert "more rows are in [`stats/fairness.csv`]" in part(readme, "Fairness")
    figure = ElementTree.fromstring(files["figures/dates.svg"])
    assert len(list(figure.iter(f"{SVG}rect"))) < 400
    assert quality.TWIN in files
