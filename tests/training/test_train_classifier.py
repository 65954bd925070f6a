"""`tamis train-classifier` from end to end: trained on rows or sources, judged, used by a recipe, shown in its card."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest
from click.testing import CliRunner, Result

from tamis.cli.main import cli
from tamis.corpus.hashing import file_sha256
from tamis.recipe.load import load_recipe_text
from tamis.stages import STAGES
from tamis.training.classifier_report import fragment
from tamis.training.classifier_scores import Answers, by_class, confusion, summary, thresholds

WORDS = {
    "recipe": "flour butter oven spoon sugar bake knead dough salt whisk",
    "news": "minister council vote budget police court mayor strike report election",
    "poem": "moon silence shore longing petal dusk whisper breath tide star",
}
TINY = ("--dim", "16", "--buckets", "2000", "--epochs", "8", "--rows-kept", "1000", "--min-count", "1", "--quiet")
Tamis = Callable[..., Result]


def write_rows(path: Path, each: int, seed: int = 1) -> Path:
    chance = random.Random(seed)
    common = ["the", "of", "a", "and", "to", "in", "it", "was", "with", "for"]
    with path.open("w", encoding="utf-8") as file:
        for number in range(each):
            for label, words in WORDS.items():
                said = [chance.choice(words.split() if chance.random() < 0.5 else common) for _ in range(30)]
                row = {"id": f"{label}{number}", "body": " ".join(said), "meta": {"genre": label}, "lang": "en"}
                file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with rows, a model of them, and its report."""
    folder = tmp_path_factory.mktemp("classifier")
    write_rows(folder / "rows.jsonl", 120)
    result = run(folder, "rows.jsonl", "--text", "body", "--label", "meta.genre", "--out", "models/genre", "--json")
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def run(folder: Path, *arguments: str) -> Result:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(cli, ["train-classifier", *arguments, *TINY, "--workers", "1"])
    finally:
        os.chdir(before)


def test_it_learns_and_says_how_well(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, report = trained
    assert sorted(report["labels"]) == ["news", "poem", "recipe"]
    assert report["model"]["accuracy"] > 0.9 and report["quantized"]["accuracy"] > 0.9
    assert report["held_out"] + sum(one["learned"] for one in report["labels"].values()) == 360
    assert [one["language"] for one in report["model"]["languages"]] == ["en"]
    assert report == json.loads((folder / "models/genre/report.json").read_text())
    text = (folder / "models/genre/report.md").read_text()
    for wanted in ("| `poem` |", "## By language", "## Confusions", "## By score", report["quantized"]["sha256"]):
        assert wanted in text


def test_the_figures_are_the_librarys(trained: tuple[Path, dict[str, Any]]) -> None:
    """Counted once more, from the rows that weren't learned: those of which the report holds the number alone."""
    folder, report = trained
    for file in ("model.bin", "model.ftz"):
        kind = "model" if file == "model.bin" else "quantized"
        assert report[kind]["sha256"] == file_sha256(folder / "models/genre" / file)
        library = fasttext.load_model(str(folder / "models/genre" / file))
        rows = [json.loads(line) for line in (folder / "rows.jsonl").open()]
        right = sum(library.predict(row["body"])[0][0] == f"__label__{row['meta']['genre']}" for row in rows)
        # All that the model gets wrong among the held-out texts it gets wrong here, too.
        wrong = report["held_out"] - sum(row["right"] for row in report[kind]["classes"])
        assert wrong <= len(rows) - right


def test_the_same_bytes_twice_wherever_the_rows_stand(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, report = trained
    lines = (folder / "rows.jsonl").read_text().splitlines()
    random.Random(3).shuffle(lines)
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:200]) + "\n")
    (tmp_path / "b.jsonl").write_text("\n".join(lines[200:]) + "\n")
    options = ("--text", "body", "--label", "meta.genre", "--out", "models/genre", "--json")
    again = json.loads(run(tmp_path, "a.jsonl", "b.jsonl", *options).stdout)
    for file in ("model", "quantized"):
        assert again[file] == report[file]
    assert again["examples_hash"] == report["examples_hash"]


def test_the_fragment_runs_and_the_card_shows_it(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, report = trained
    write_rows(tmp_path / "new.jsonl", 20, seed=9)
    name = report["fragment"].split("as: ")[1].split()[0]
    assert name == "meta_genre"
    stages = "".join(f"  {line}\n" for line in report["fragment"].splitlines())
    stages = stages.replace("models/genre", str(folder / "models/genre"))
    stages += "      scores: {odds: __label__poem}\n"
    stages += "      keep: {label: {not_in: [poem]}}\n"
    stages += "      keep_by: {language: {en: {odds: [null, 0.99]}}}\n"
    stages += f"  - category: {{model: {folder}/models/genre/model.bin, min_score: 0.2}}\n"
    (tmp_path / "r.yaml").write_text(
        'name: r\nversion: "1"\nsources:\n  - {name: new, path: new.jsonl, columns: {text: body, id: id}, '
        f"language: en, license: CC0-1.0}}\nstages:\n{stages}"
    )
    arguments = ["--work", str(tmp_path / "w"), "--workers", "1", "--quiet"]
    result = CliRunner().invoke(cli, ["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "out"), *arguments])
    assert result.exit_code == 0, result.output
    assert "60 documents in " in result.stdout and "tokens" not in result.stdout  # nothing counts any
    card = (tmp_path / "out/r-1/README.md").read_text()
    assert report["quantized"]["sha256"][:12] in card and "meta_genre.label" in card
    assert f"digest of the examples that were drawn: `{report['examples_hash']}`." in card
    checked = CliRunner().invoke(cli, ["verify", str(tmp_path / "out/r-1")])
    assert checked.exit_code == 0, checked.stdout
    assert "Version 1 of the stage `classifier`." in card and '`scores`: `{"odds": "__label__poem"}`' in card
    assert "odds (a rule for some documents, " in card and "kept ," not in card
    told = CliRunner().invoke(cli, ["plan", str(tmp_path / "r.yaml"), "--work", str(tmp_path / "w")]).stdout
    assert "meta_genre (classifier)" in told and "category (category)" not in told
    manifest = json.loads((tmp_path / "out/r-1/manifest.json").read_text())
    assert {row["category"] for row in manifest["composition"]} == {"news", "recipe"}
    assert manifest["totals"]["documents"] == pytest.approx(40, abs=4)
    assert CliRunner().invoke(cli, ["verify", str(tmp_path / "out/r-1")]).exit_code == 0


def test_a_recipes_sources_are_labels(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 40)
    for label in WORDS:
        lines = [line for line in (tmp_path / "rows.jsonl").open() if f'"genre": "{label}"' in line]
        (tmp_path / f"{label}.jsonl").write_text("".join(lines))
    (tmp_path / "r.yaml").write_text(
        'name: r\nversion: "1"\ndefaults: {license: CC0-1.0, columns: {text: body}}\nsources:\n'
        + "".join(f"  - {{name: s-{label}, path: {label}.jsonl, category: {label}}}\n" for label in WORDS)
        + "stages: [language]\n"
    )
    report = json.loads(run(tmp_path, "r.yaml", "--json").stdout)
    assert sorted(report["labels"]) == sorted(WORDS)
    assert report["fragment"].startswith("- category:\n    model: classifier/model.ftz@sha256:")
    assert "min_score" in report["fragment"]
    report = json.loads(run(tmp_path, "r.yaml", "--label", "source", "--json").stdout)
    assert sorted(report["labels"]) == ["s-news", "s-poem", "s-recipe"]
    assert report["fragment"].startswith("- classifier:\n    as: by_source\n")
    result = run(tmp_path, "r.yaml", "--label", "language")
    assert result.exit_code == 2 and "the sources of r declare none" in result.stderr


def test_grades_become_a_scale_and_words_are_printed(tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "score"])
        for number in range(60):
            for grade in range(3):
                table.writerow(
                    [f"{'good fine' if grade else 'bad'} {'best' if grade == 2 else ''} text {number}", grade]
                )
    result = run(tmp_path, "rows.csv", "--label", "score")
    assert result.exit_code == 0, result.output
    assert 'scale: {"0": 0, "1": 1, "2": 2}' in result.stdout and "as: score" in result.stdout
    assert "precision" in result.stdout and "Quantized" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["rows.jsonl"], "rows.jsonl: no row has a text in the field 'text'"),
        (["rows.jsonl", "--text", "body", "--label", "genre"], "none of 30 rows has a label"),
        (["none.jsonl"], "none.jsonl"),
        (["r.yaml", "rows.jsonl"], "give one recipe, or files"),
        (["sample", "--label", "genre"], "sources declare category, source, language"),
        (["sample", "--text", "body"], "--text names a field of labelled rows"),
        (["sample", "--language", "lang"], "--language names a field of labelled rows"),
        (["rows.jsonl", "--text", "body", "--label", "lang"], "only en has 20 texts or more"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    write_rows(tmp_path / "rows.jsonl", 10)  # 30 rows
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2 and complaint in result.stderr, result.stderr


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("quality.score", "quality_score"),
        ("title", "by_title"),  # a field of the recipe
        ("license", "by_license"),  # a column that rules may name
        ("code", "by_code"),  # a stage
        ("2nd", "by_2nd"),
        ("é", "by_label"),
        ("an_annotation.of.the.educational_quality.of_texts", "by_an_annotation_of_the_educational_qual"),
    ],
)
def test_the_fragments_name_is_one_that_a_recipe_takes(label: str, name: str, tmp_path: Path) -> None:
    report = {"quantized": None, "model": {"file": "model.bin", "sha256": "0" * 64}, "labels": {"a": {}, "b": {}}}
    said = fragment(label, False, None, Path("models/my model"), report)
    assert f"as: {name}\n" in said
    head = 'name: t\nversion: "1"\nsources: [{name: a, path: a.jsonl, license: MIT}]\nstages:\n'
    [use] = load_recipe_text(head + said, "r.yaml", STAGES).stages
    assert use.name == name
    assert use.to_recipe()["classifier"]["model"] == f"models/my model/model.bin@sha256:{'0' * 64}"


def test_labels_of_any_signs_keep_the_tables(tmp_path: Path) -> None:
    with (tmp_path / "rows.jsonl").open("w") as file:
        for number in range(60):
            for label in ("a|b", "`c`"):
                file.write(json.dumps({"text": f"{label} {number} word", "label": label}) + "\n")
    assert run(tmp_path, "rows.jsonl").exit_code == 0
    lines = (tmp_path / "classifier/report.md").read_text().splitlines()
    assert any("`a\\|b`" in line for line in lines) and any("`` `c` ``" in line for line in lines)
    for first, second in itertools.pairwise(lines):
        if first.startswith("|") and second.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", first)) == len(re.findall(r"(?<!\\)\|", second)), first


def test_figures_by_hand() -> None:
    truth, answers = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, -1, 0])
    counts = confusion(truth, answers, 4)
    assert counts.tolist() == [[2, 1, 0, 0, 0], [0, 1, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    rows = {row["label"]: row for row in by_class(counts, ["a", "b", "c", "d"])}
    assert "d" not in rows
    assert (rows["a"]["precision"], rows["a"]["recall"]) == (round(2 / 3, 6), round(2 / 3, 6))
    assert (rows["b"]["precision"], rows["b"]["recall"], rows["b"]["f1"]) == (0.5, 0.5, 0.5)
    assert (rows["c"]["precision"], rows["c"]["recall"], rows["c"]["f1"]) == (None, 0.0, 0.0)
    assert summary(counts, ["a", "b", "c", "d"]) == {
        "texts": 6,
        "accuracy": 0.5,
        "macro_f1": round((2 / 3 + 0.5) / 3, 6),
    }


def test_what_a_higher_score_buys() -> None:
    truth, answers = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, -1, 0])
    scores = np.array([0.95, 0.8, 0.6, 0.75, 0, 0.9], np.float32)
    rows = {row["score"]: row for row in thresholds(truth, Answers(answers, scores))}
    assert rows[0.0] == {"score": 0.0, "texts": 5, "share": round(5 / 6, 6), "right": 0.6}
    assert rows[0.7] == {"score": 0.7, "texts": 4, "share": round(4 / 6, 6), "right": 0.75}
    assert rows[0.95]["texts"] == 0 or rows[0.95]["right"] == 1
